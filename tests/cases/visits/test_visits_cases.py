"""Latest answers, their types, and where each subject stands: tables for a data manager."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.errors import RecordError
from equipoise.safety.laboratory_answer import laboratory_answer
from equipoise.visits.plan import VisitsPlan
from equipoise.visits.rules import DISPOSITION, RULES, disposition, item
from equipoise.visits.subject_item import subject_item
from tests.harness.history import read_cases, tables_of, together

HERE = Path(__file__).parent
PLAN = VisitsPlan.model_validate(read_cases(HERE / "visits_plan.yaml"))
SCREENED = {"event": "SubjectScreened", "on": datetime.date(2024, 1, 5)}
DISPOSITIONS = read_cases(HERE / "dispositions.yaml")


def latest(tables: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The latest answers, of a plan without anything that a laboratory measures."""
    measured = {"laboratory_answer": laboratory_answer(tables, ())}
    return {**measured, "item": item({**tables, **measured}, PLAN)}


@pytest.mark.requirement("CN1", "DT1")
@pytest.mark.parametrize("case", DISPOSITIONS, ids=lambda case: case["case"])
def test_disposition(case: dict[str, Any]) -> None:
    row = disposition(tables_of([SCREENED, *case["history"]]), PLAN).row(0, named=True)
    found = {name: row[name] for name in DISPOSITION if name not in ("replicate", "subject")}
    sources = found.pop("sources")
    nothing = dict.fromkeys(found)
    always = {"site": "01", "screened": SCREENED["on"], "last_known_alive": SCREENED["on"]}
    assert found == {**nothing, **always, **case["expect"]}
    assert sources == sorted(set(sources)) and 1 in sources


def test_a_person_screened_again_keeps_the_link_to_the_former_number() -> None:
    again = {**SCREENED, "rescreening_of": "01-000"}
    assert disposition(tables_of([again]), PLAN)["rescreening_of"].to_list() == ["01-000"]


def test_sources_of_a_disposition_are_the_events_that_gave_its_days() -> None:
    cases = {case["case"]: case["history"] for case in DISPOSITIONS}
    for case, expected in {
        "screened only": [1],
        "both consents that randomisation requires": [1, 3],
        "doses that were given, and doses that were not": [1, 3, 4],
        "signs of life": [1, 5],
        "a corrected day of death": [1, 3],
        "a scan read after death is no sign of life": [1, 2, 4],
    }.items():
        found = disposition(tables_of([SCREENED, *cases[case]]), PLAN)
        assert found["sources"].to_list() == [expected], case


def forms(case: dict[str, Any]) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = [SCREENED]
    for number, form in enumerate(case["forms"]):
        answers = []
        for code in ("weight", "systolic", "diastolic"):
            given = form.get(code)
            if isinstance(given, dict):
                answers.append({"item": code, "value_missing": given["missing"]})
            else:
                answers.append({"item": code, "value": given})
        entries.append(
            {"event": "FormSaved", "on": form["on"], "form": "vital_signs",
             "instance": str(number), "items": answers}
        )  # fmt: skip
    if "correct" in case:
        entries.append({"event": "Corrected", "target_version": 1, **case["correct"]})
    return entries


@pytest.mark.parametrize(
    "case", read_cases(HERE / "latest_answers.yaml"), ids=lambda case: case["case"]
)
def test_latest_answer(case: dict[str, Any]) -> None:
    tables = tables_of(forms(case))
    tables |= latest(tables)
    expect = case["expect"]
    found = {row["item"]: row for row in tables["item"].iter_rows(named=True)}
    assert {code: found[code]["value"] for code in ("weight", "systolic")} == {
        code: expect[code] for code in ("weight", "systolic")
    }
    assert found["weight"]["value_missing"] == expect.get("reason")
    assert found["weight"]["sources"] == [expect["seq"]]
    wide = subject_item(tables, PLAN).row(0, named=True)
    weight = expect["weight"]
    assert wide["weight"] == (None if weight is None else Decimal(weight))
    assert wide["item_sources"]["weight"] == (None if weight is None else expect["seq"])


def saved(form: str, **answers: str) -> dict[str, Any]:
    return {
        "event": "FormSaved", "on": "2024-01-06", "form": form, "instance": "1",
        "items": [{"item": code, "value": value} for code, value in answers.items()],
    }  # fmt: skip


def test_every_item_has_the_type_that_the_form_declares() -> None:
    tables = tables_of(
        [
            SCREENED,
            saved("demography", age="63", diagnosis="2020-02", remark="none"),
            saved("vital_signs", weight="70.5", systolic="120"),
            saved("imaging", scan_date="2024-01-02", contrast="true", modality="MRI"),
        ]
    )
    tables |= latest(tables)
    wide = subject_item(tables, PLAN)
    assert wide.schema["weight"] == pl.Decimal(18, 1)
    row = wide.row(0, named=True)
    seqs = row.pop("item_sources")
    assert row == {
        "replicate": 0, "subject": "01-001", "age": 63, "diagnosis": "2020-02", "remark": "none",
        "weight": Decimal("70.5"), "systolic": 120, "diastolic": None,
        "scan_date": datetime.date(2024, 1, 2), "contrast": True, "modality": "MRI",
        "screening_date": datetime.date(2024, 1, 5), "treatment_start_date": None,
        "consent_main": None, "consent_main_date": None, "consent_genes": None,
        "consent_genes_date": None, "consent_tissue": None, "consent_tissue_date": None,
        "sources": [1, 2, 3, 4],
    }  # fmt: skip
    assert {code: seqs[code] for code in ("age", "weight", "contrast", "screening_date")} == {
        "age": 2, "weight": 3, "contrast": 4, "screening_date": 1,
    }  # fmt: skip
    assert seqs["diastolic"] is None and seqs["consent_main"] is None


@pytest.mark.requirement("CN1")
def test_a_consent_counts_in_the_version_in_force_and_is_dated_by_its_first_signature() -> None:
    def consents(*signed: tuple[str, str, str]) -> tuple[Any, ...]:
        entries = [
            {"event": "ConsentSigned", "on": on, "consent": code, "version": version}
            for on, code, version in signed
        ]
        tables = tables_of([SCREENED, *entries])
        tables |= latest(tables)
        wide = subject_item(tables, PLAN)
        return wide.select("consent_main", "consent_main_date", "consent_genes").row(0)

    first, again = datetime.date(2024, 1, 4), datetime.date(2024, 3, 4)
    assert consents() == (None, None, None)
    assert consents((str(first), "main", "1")) == (None, first, None)
    assert consents((str(first), "main", "1"), (str(again), "main", "2")) == (True, first, None)
    assert consents((str(again), "main", "2"), (str(again), "genes", "9")) == (True, again, None)


def test_treatment_starts_with_the_first_cycle_or_dose() -> None:
    cycle = {"event": "CycleStarted", "cycle": 1, "regimen": "R", "height": "170", "weight": "70"}
    dose = {"event": "DoseGiven", "cycle": 1, "day": 1, "drug": "d"}
    for entries, start in (
        ([], None),
        ([{**cycle, "on": "2024-02-02"}], datetime.date(2024, 2, 2)),
        ([{**dose, "on": "2024-02-01", "amount_missing": "not_done"}], None),
        ([{**cycle, "on": "2024-02-02"}, {**dose, "on": "2024-02-01", "amount": "1"}],
         datetime.date(2024, 2, 1)),
    ):  # fmt: skip
        tables = tables_of([SCREENED, *entries])
        tables |= latest(tables)
        assert subject_item(tables, PLAN)["treatment_start_date"].to_list() == [start]


@pytest.mark.parametrize(
    ("form", "answers"),
    [
        ("vital_signs", {"weight": "70.55"}),
        ("vital_signs", {"weight": "heavy"}),
        ("vital_signs", {"systolic": "120.5"}),
        ("imaging", {"contrast": "yes"}),
        ("imaging", {"scan_date": "2024-01"}),
    ],
)
def test_an_answer_of_another_type_is_never_altered(form: str, answers: dict[str, str]) -> None:
    tables = tables_of([SCREENED, saved(form, **answers)])
    tables |= latest(tables)
    with pytest.raises(RecordError, match="a recorded answer"):
        subject_item(tables, PLAN)


def test_an_item_cannot_take_the_name_of_another_column() -> None:
    form = PLAN.forms[0]
    taken = form.items[0].model_copy(update={"code": "screening_date"})
    forms = (form.model_copy(update={"items": (taken,)}),)
    tables = tables_of([SCREENED])
    tables |= latest(tables)
    with pytest.raises(RecordError, match="screening_date has the name of another column"):
        subject_item(tables, PLAN.model_copy(update={"forms": forms}))


def test_answers_to_items_of_another_version_are_kept_but_not_typed() -> None:
    tables = tables_of([SCREENED, saved("demography", former="1", age="50")])
    tables |= latest(tables)
    assert tables["item"]["item"].to_list() == ["age", "former"]
    assert "former" not in subject_item(tables, PLAN).columns


def test_each_subject_of_each_replicate_keeps_its_own_in_any_order_of_rows() -> None:
    histories = [[SCREENED, *case["history"]] for case in DISPOSITIONS]
    histories += [forms(case) for case in read_cases(HERE / "latest_answers.yaml")]
    places = [(number % 3, f"{number // 3:02}-001") for number in range(len(histories))]
    parts = [
        tables_of(history, replicate=replicate, subject=subject)
        for history, (replicate, subject) in zip(histories, places, strict=True)
    ]
    # Events of one replicate are numbered through.
    for part, (_, subject) in zip(parts, places, strict=True):
        for name, frame in part.items():
            seq = pl.col("seq", "event") * 100 + int(subject[:2])
            part[name] = frame.with_columns(seq)
    both = together(parts)
    shuffled = {
        name: frame.sample(fraction=1, shuffle=True, seed=7) for name, frame in both.items()
    }
    for tables in (*parts, both, shuffled):
        tables["laboratory_answer"] = laboratory_answer(tables, ())
    for rule in RULES:
        alone = []
        for part in parts:
            part[rule.produces] = rule.rule(part, PLAN)
            alone.append(part[rule.produces])
        key = [
            "replicate",
            "subject",
            *(name for name in ("form", "item") if rule.produces == "item"),
        ]
        for tables in (both, shuffled):
            tables[rule.produces] = rule.rule(tables, PLAN)
            assert tables[rule.produces].equals(pl.concat(alone).sort(key)), rule.produces


def test_nothing_in_nothing_out() -> None:
    tables = tables_of([])
    tables["laboratory_answer"] = laboratory_answer(tables, ())
    for rule in RULES:
        tables[rule.produces] = found = rule.rule(tables, PLAN)
        assert found.is_empty()
        assert {name: found.schema[name] for name in rule.columns} == dict(rule.columns)
