"""When each visit was due, when it took place, and which was missed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.visits.plan import Visit, VisitsPlan
from equipoise.visits.rules import LAST_RULES, disposition
from equipoise.visits.timeline import STATES, VISIT_TIMELINE, visit_timeline
from tests.harness.history import read_cases, tables_of, together

HERE = Path(__file__).parent
FILE = read_cases(HERE / "timeline.yaml")
CASES = FILE["cases"]
PLAN = VisitsPlan.model_validate(
    {**read_cases(HERE / "visits_plan.yaml"), "forms": (), "visits": FILE["plan"]}
)
SURVIVE = {
    "code": "survive", "label": {"en": "Contact"}, "anchor": "randomisation", "day": 60,
    "window_before": 10, "window_after": 10, "repeat_every": 60, "contact": True,
}  # fmt: skip
CONTACTS = PLAN.model_copy(
    update={
        "visits": (
            PLAN.visits[0].model_copy(update={"anchor": "last_dose"}),
            Visit.model_validate(SURVIVE),
        )
    }
)
"""Contacts, and a visit that is never due."""
ALLOCATED = {
    "scheme": "s", "scheme_version": "1", "allocation": 1, "stratum": "x",
    "stratum_allocation": 1, "factors": [], "marker_status": "LOW", "status_rule": "r", "arm": "A",
}  # fmt: skip


def entries(step: dict[str, Any]) -> list[dict[str, Any]]:
    if "randomised" in step:
        return [{"event": "Randomised", "on": step["randomised"], **ALLOCATED}]
    if "cycle" in step:
        begun = {"regimen": "R", "height": "170", "weight": "70", **step}
        dose = {"cycle": step["cycle"], "day": 1, "drug": "d", "amount": "1", "on": step["on"]}
        return [{"event": "CycleStarted", **begun}, {"event": "DoseGiven", **dose}]
    return [step]


def tables(case: dict[str, Any], subject: str = "01-001", replicate: int = 0) -> dict[str, Any]:
    screened = {"event": "SubjectScreened", "on": "2024-01-05"}
    told = [screened, *(each for step in case["history"] for each in entries(step))]
    found: dict[str, Any] = dict(tables_of(told, subject=subject, replicate=replicate))
    shown = {"replicate": replicate, "subject": subject, "progression": case.get("progression")}
    types = {"replicate": pl.Int32, "subject": pl.String, "progression": pl.Date}
    return {**found, "progression": pl.DataFrame([shown], schema=types)}


def timeline(found: dict[str, Any], plan: VisitsPlan = PLAN) -> pl.DataFrame:
    return visit_timeline({**found, "disposition": disposition(found, plan)}, plan)


@pytest.mark.requirement("CN1")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_case(case: dict[str, Any]) -> None:
    plan = CONTACTS if case.get("contacts") else PLAN
    found = timeline(tables(case), plan)
    rows = found.select("visit", "instance", "target", "actual", "state", "reason").rows()
    assert [list(row) for row in rows] == [
        [*each, None] if len(each) == 5 else each for each in case["expect"]
    ]
    windows = {visit.code: (visit.window_before, visit.window_after) for visit in plan.visits}
    for row in found.filter(pl.col("target").is_not_null()).iter_rows(named=True):
        before, after = windows[row["visit"]]
        assert (row["target"] - row["earliest"]).days == before
        assert (row["latest"] - row["target"]).days == after


def test_every_state_has_a_case() -> None:
    assert {each[4] for case in CASES for each in case["expect"]} == set(STATES)


def test_sources_are_the_record_of_the_visit_else_what_it_is_counted_from() -> None:
    case = next(case for case in CASES if case["case"].startswith("visits of cycles"))
    left_out = {"event": "VisitRecorded", "visit": "cycle", "instance": 3}
    history = [step for step in case["history"] if not left_out.items() <= step.items()]
    shorter = {**case, "history": history}
    found = timeline(tables(shorter))
    told = [e for step in shorter["history"] for e in entries(step)]
    seq = {
        (each["event"], each.get("visit"), each.get("cycle")): number
        for number, each in enumerate(told, start=2)
    }
    sources = {
        (visit, instance): seqs
        for visit, instance, seqs in found.select("visit", "instance", "sources").iter_rows()
    }
    assert sources["cycle", 2] == [seq["VisitRecorded", "cycle", None]]
    assert sources["cycle", 3] == [seq["CycleStarted", None, 3]]
    whole = disposition(tables(shorter), PLAN)["sources"][0].to_list()
    assert sources["end", 1] == whole and seq["DoseGiven", None, 3] in whole


def test_each_subject_of_each_replicate_has_its_own_in_any_order_of_rows() -> None:
    parts, alone = [], []
    for number, case in enumerate(case for case in CASES if "contacts" not in case):
        part = tables(case, f"{number:02}-001", number % 3)
        shift = {name: pl.col(name) + 100 * number for name in ("seq", "event")}
        part = {
            name: frame.with_columns(**shift) if "seq" in frame.columns else frame
            for name, frame in part.items()
        }
        parts.append(part)
        alone.append(timeline(part))
    both: dict[str, Any] = dict(together(parts))
    both["progression"] = pl.concat(part["progression"] for part in parts)
    expected = pl.concat(alone).sort("replicate", "subject", maintain_order=True)
    assert timeline(both).equals(expected)
    shuffled = {
        name: frame.sample(fraction=1, shuffle=True, seed=5) for name, frame in both.items()
    }
    assert timeline(shuffled).equals(expected)


def test_nothing_in_nothing_out() -> None:
    empty = {**tables_of([]), "progression": tables({"history": []})["progression"].clear()}
    empty["disposition"] = disposition(empty, PLAN)
    rule = next(each for each in LAST_RULES if each.produces == "visit_timeline")
    assert dict(rule.rule(empty, PLAN).schema) == dict(pl.Schema(VISIT_TIMELINE))


@pytest.mark.parametrize(
    "wrong", [{"anchor": "cycle"}, {"until": "progression"}, {"forms": ["f"]}, {"imaging": True}]
)
def test_a_contact_only_asks(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="a contact has no forms"):
        Visit.model_validate({**SURVIVE, **wrong})
