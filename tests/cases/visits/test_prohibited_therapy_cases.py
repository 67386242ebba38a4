"""What the protocol prohibits beside the treatment of the trial: cases for a clinician."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.record.plan import Label
from equipoise.record.rule import Tables
from equipoise.record.tables import empty_tables
from equipoise.study.catalogue import CATALOGUE
from equipoise.visits.plan import ProhibitedTherapy
from equipoise.visits.prohibited import PROHIBITED_THERAPY, ProhibitionPlan, prohibited_therapy
from tests.harness.hand_made import DERIVED
from tests.harness.history import read_cases

CASES = read_cases(Path(__file__).with_name("prohibited_therapies.yaml"))
SAID = Label(en="No such treatment.")
PLAN = ProhibitionPlan(
    evaluator="central",
    prohibited=(
        ProhibitedTherapy(
            code="antiviral", wording=SAID, medication_classes=("antiviral",), regimens=("R",),
            since="randomisation", until="end_of_treatment",
        ),
        ProhibitedTherapy(
            code="steroid", wording=SAID, medication_classes=("steroid",), arms=("A",),
            since="first_dose", until="end_of_treatment", days_after=30,
        ),
        ProhibitedTherapy(
            code="other", wording=SAID, therapies=("systemic",), procedures=("ablation",),
            since="randomisation", until="progression",
        ),
    ),
)  # fmt: skip


def day(text: str | None) -> datetime.date | None:
    return None if text is None else datetime.date.fromisoformat(f"2024-{text}")


def tables(case: dict[str, Any]) -> Tables:
    made: dict[str, pl.DataFrame] = {**empty_tables(CATALOGUE)}
    made |= {name: pl.DataFrame(schema=schema) for name, schema in DERIVED.items()}
    rows: dict[str, list[dict[str, Any]]] = {}
    treated = not case.get("untreated")
    rows["disposition"] = [
        {
            "first_dose": day("03-06") if treated else None,
            "last_dose": day("04-03") if treated else None,
            "treatment_discontinued": day(case.get("stopped")),
        }
    ]
    if case.get("randomised", True):
        rows["randomised"] = [{"occurred": day("03-04"), "arm": case.get("arm", "A"), "seq": 1}]
    if "cycle" in case:
        rows["cycle_started"] = [
            {"occurred": day("03-04"), "regimen": "S", "seq": 2},
            {"occurred": day(case["cycle"]), "regimen": "R", "seq": 3},
            {"occurred": datetime.date(2024, 6, 1), "regimen": "R", "seq": 4},
        ]
    for reader, key in (("central", "progressed"), ("local", "local")):
        on = case.get(key)
        rows.setdefault("progression", []).append(
            {
                "evaluator": reader,
                "progressed": on is not None,
                "progression": None if on == "unknown" else day(on),
                "last_adequate_assessment": day(case.get("adequate")),
            }
        )
    for seq, each in enumerate(case["given"], start=10):
        entry = {"entry": f"E{seq}", "seq": seq}
        if "medicine" in each:
            ends = {"end": each.get("to"), "ongoing": "to" not in each and "ended" not in each}
            taken = {"drug_class": each["medicine"], "start": each.get("from"), **ends}
            rows.setdefault("concomitant_medication_recorded", []).append(
                {**entry, **taken, "occurred": day("05-01")}
            )
        else:
            kind = "therapy" if "therapy" in each else "procedure"
            table = "subsequent_therapy_recorded" if kind == "therapy" else "procedure_recorded"
            rows.setdefault(table, []).append(
                {**entry, kind: each[kind], "occurred": day(each["on"])}
            )
    for name, listed in rows.items():
        schema = made[name].schema
        key = {"replicate": 0, "subject": "a"}
        whole = [{column: {**key, **row}.get(column) for column in schema} for row in listed]
        made[name] = pl.DataFrame(whole, schema=schema)
    return made


@pytest.mark.requirement("LB1", "RN5")
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(case: dict[str, Any]) -> None:
    found = prohibited_therapy(tables(case), PLAN)
    assert found.schema == pl.Schema(PROHIBITED_THERAPY)
    rows = found.select("prohibition", "day", "since", "until").rows()
    assert rows == [(name, *map(day, days)) for name, *days in case["expect"]]
    assert all(len(sources) == 2 and 1 in sources for sources in found["sources"].to_list())


def test_subjects_and_trials_keep_apart() -> None:
    """All cases as subjects of two trials at once give what each gives alone."""
    alone, parts = [], []
    for number, case in enumerate(CASES):
        key = {"replicate": pl.lit(number % 2, pl.Int32), "subject": pl.lit(f"a{number:02}")}
        mine = tables(case)
        parts.append(
            {
                name: frame.with_columns(**key) if "subject" in frame.columns else frame
                for name, frame in mine.items()
            }
        )
        alone.append(prohibited_therapy(parts[-1], PLAN))
    together = {name: pl.concat([part[name] for part in parts]).reverse() for name in parts[0]}
    expected = pl.concat(alone).sort("replicate", "subject", maintain_order=True)
    assert prohibited_therapy(together, PLAN).equals(expected)
