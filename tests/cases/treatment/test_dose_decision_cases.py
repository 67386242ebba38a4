"""What the rules decide when a cycle is due: histories that an oncology pharmacist can read."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from equipoise.study.definition import Study
from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from equipoise.treatment.amount import dispensed
from tests.harness.history import read_cases, tables_of, together

HERE = Path(__file__).parent
CASES = read_cases(HERE / "dose_decisions.yaml")


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study("mgmt-net")


def form(name: str, on: Any, **answers: Any) -> dict[str, Any]:
    items = [
        {"item": item, "value": None if value == "none" else str(value)}
        | ({"value_missing": "not_done"} if value == "none" else {})
        for item, value in answers.items()
    ]
    return {
        "event": "FormSaved",
        "on": on,
        "form": name,
        "instance": f"{name}-{on}",
        "items": items,
    }


def _result(analyte: str, said: str) -> dict[str, Any]:
    value, _, unit = said.partition(" ")
    missing = {"value_missing": "sample_failed"}
    return {"analyte": analyte, "unit": unit, **(missing if value == "none" else {"value": value})}


def happened(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The entries of a case, in the order of their days."""
    first = case["cycles"][0]
    before = first - datetime.timedelta(days=7)
    yield form("demography", before, age=65, sex="MALE")
    yield form("dpd", before, uracilaemia=case.get("uracilaemia", 10))
    counts = dict.fromkeys(case["cycles"], ("3.0", "200")) | case.get("counts", {})
    creatinine = case.get("creatinine", 80)
    for day, found in counts.items():
        yield form("vital_signs", day, weight=70)
        yield form("performance", day, ecog=case.get("ecog", 1))
        if found == "none":
            yield form("laboratory", day, creatinine=creatinine)
        elif found == "reported":
            continue
        else:
            neutrophils, platelets = found
            yield form(
                "laboratory", day, neutrophils=neutrophils, platelets=platelets,
                creatinine=creatinine,
            )  # fmt: skip
    for day, results in case.get("reports", {}).items():
        yield {
            "event": "LaboratoryReported", "on": day, "report": f"L-{day}",
            "results": [_result(analyte, said) for analyte, said in results.items()],
        }  # fmt: skip
    for number, taken in enumerate(case.get("medicines", ()), start=1):
        yield {
            "event": "ConcomitantMedicationRecorded", "on": taken.get("told", first),
            "entry": f"CM{number}", "drug": "a medicine", "drug_class": taken["class"],
            "start": taken.get("from"), "end": taken.get("until"),
            "ongoing": not ("until" in taken or taken.get("over")),
        }  # fmt: skip
    harms = list(enumerate(case.get("harms", ()), start=1))
    yield from harmed(harms, late=False)
    for cycle, day in enumerate(case["cycles"], start=1):
        yield {
            "event": "CycleStarted", "on": day, "cycle": cycle, "regimen": case["regimen"],
            "height": "170", "weight": "70",
        }  # fmt: skip
    yield from harmed(harms, late=True)


def harmed(harms: list[tuple[int, dict[str, Any]]], *, late: bool) -> Iterator[dict[str, Any]]:
    """The adverse events that are recorded before (or late: after) every cycle."""
    for number, harm in harms:
        if harm.get("late", False) is not late:
            continue
        head = {"adverse_event": f"AE{number}"}
        yield {
            "event": "AdverseEventReported", "on": harm["from"], "term": harm["term"],
            "grade": harm["grade"], "outcome": "not_recovered", **head,
        }  # fmt: skip
        later = {"event": "AdverseEventFollowedUp", **head}
        for day, grade in harm.get("then", {}).items():
            yield {**later, "on": day, "grade": grade, "outcome": "recovering"}
        if "until" in harm:
            yield {**later, "on": harm["until"], "grade": harm["grade"], "outcome": "recovered"}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_dose_decision(case: dict[str, Any], study: Study) -> None:
    tables = tables_of(happened(case))
    found = derive(tables, study, upto="dose_decision")["dose_decision"]
    planned = {each.code: each for each in study.treatment.regimens}[case["regimen"]]
    drugs = sorted(dose.drug for dose in planned.doses)
    assert found["drug"].to_list() == drugs * len(case["cycles"])
    for row in found.iter_rows(named=True):
        expected = case["expect"].get(row["cycle"], {}).get(row["drug"])
        if expected is None:
            continue
        decision, amount, *rule = expected
        least, most = amount if isinstance(amount, list) else (amount, amount)
        told = [row["decision"], Decimal(row["least"]) / 100, Decimal(row["most"]) / 100]
        assert told == [decision, Decimal(least), Decimal(most)], row
        if rule:
            assert [row["rule"]] == rule
        assert row["dispensed"] == (row["most"] if decision == "judge" else row["least"])
        if decision == "undecided":
            assert (row["missing"], row["rule"]) == (case["missing"], None)
        else:
            assert row["missing"] is None
        assert (row["amount"] == 0) is (decision in ("omit", "stop"))
        starts = tables["cycle_started"].filter(pl.col("cycle") == row["cycle"])["seq"].item()
        assert starts in row["sources"]
    last = found.filter(pl.col("cycle") == len(case["cycles"]))
    for flag in {"doubtful", "off_label"} & case.keys():
        assert last.filter(flag)["drug"].to_list() == case[flag]


def test_what_comes_later_changes_no_earlier_decision(study: Study) -> None:
    case = next(each for each in CASES if len(each["cycles"]) == 5)
    entries = sorted(happened(case), key=lambda entry: (str(entry["on"]), entry["event"]))
    whole = derive(tables_of(entries), study, upto="dose_decision")["dose_decision"]
    until = str(case["cycles"][2])
    early = [entry for entry in entries if str(entry["on"]) <= until]
    part = derive(tables_of(early), study, upto="dose_decision")["dose_decision"]
    assert len(part) == 6
    assert whole.filter(pl.col("cycle") <= 3).equals(part)


def test_many_trials_at_once_are_decided_as_each_alone(study: Study) -> None:
    """Every case is a trial of its own; some subjects have the same name."""
    parts = [
        tables_of(happened(case), subject=f"01-{number % 7:03}", replicate=number)
        for number, case in enumerate(CASES)
    ]
    alone = [derive(part, study, upto="dose_decision")["dose_decision"] for part in parts]
    whole = derive(together(parts), study, upto="dose_decision")["dose_decision"]
    assert whole.equals(pl.concat(alone))


def test_an_adverse_event_of_a_patient_who_began_no_cycle_changes_nothing(study: Study) -> None:
    case = next(each for each in CASES if each["case"].startswith("grade 3 takes a quarter"))
    other = {
        "event": "AdverseEventReported", "on": "2024-01-20", "subject": "01-002",
        "term": "Diarrhea", "grade": 4, "outcome": "not_recovered", "adverse_event": "AE1",
    }  # fmt: skip
    alone, both = (
        derive(tables_of([*happened(case), *more]), study, upto="dose_decision")["dose_decision"]
        for more in ((), (other,))
    )
    assert both.equals(alone)


def test_a_follow_up_of_an_adverse_event_that_nobody_reported_changes_nothing(
    study: Study,
) -> None:
    case = next(each for each in CASES if each["case"].startswith("grade 3 takes a quarter"))
    other = {
        "event": "AdverseEventFollowedUp", "on": "2024-01-25", "adverse_event": "AE9", "grade": 4,
        "outcome": "not_recovered",
    }  # fmt: skip
    for subject in ("01-001", "01-002"):
        alone, both = (
            derive(tables_of([*happened(case), *more]), study, upto="dose_decision")
            for more in ((), ({**other, "subject": subject},))
        )
        assert both["dose_decision"].equals(alone["dose_decision"])


def test_of_two_findings_of_one_day_the_last_recorded_stands(study: Study) -> None:
    case = {
        "regimen": "CAPTEM",
        "cycles": [datetime.date(2024, 1, 1), datetime.date(2024, 1, 29)],
        "harms": [{"term": "Diarrhea", "grade": 2, "from": datetime.date(2024, 1, 20)}],
    }
    later = {
        "event": "AdverseEventFollowedUp", "on": "2024-01-25", "adverse_event": "AE1",
        "outcome": "recovering",
    }  # fmt: skip
    for grades, told in (((1, 2), "delay"), ((2, 1), "full")):
        more = [{**later, "grade": grade} for grade in grades]
        tables = tables_of([*happened(case), *more])
        found = derive(tables, study, upto="dose_decision")["dose_decision"]
        row = found.row(
            by_predicate=(pl.col("cycle") == 2) & (pl.col("drug") == "capecitabine"), named=True
        )
        assert row["decision"] == told


def test_fictabine_waits_for_the_state_of_health() -> None:
    """The second study: ECOG 4 within 14 days puts off, an older one is not known."""
    lung = load_study("lung-tmb")
    cycle = {
        "event": "CycleStarted", "on": "2024-02-01", "cycle": 1, "regimen": "DOUBLET",
        "height": "170", "weight": "70",
    }  # fmt: skip
    for day, ecog, told in (
        ("2024-01-18", 4, "delay"), ("2024-01-18", 3, "full"), ("2024-01-17", 3, "undecided"),
    ):  # fmt: skip
        tables = tables_of([form("status", day, ecog_status=ecog, serum_creatinine=80), cycle])
        found = derive(tables, lung, upto="dose_decision")["dose_decision"]
        assert dict(found.select("drug", "decision").iter_rows())["fictabine"] == told


def test_where_everything_was_asked_too_late_a_decision_rests_on_its_cycle_alone() -> None:
    cycle = {
        "event": "CycleStarted", "on": "2024-02-01", "cycle": 1, "regimen": "DOUBLET",
        "height": "170", "weight": "70",
    }  # fmt: skip
    late = form("status", "2024-02-02", ecog_status=1, serum_creatinine=80)
    found = derive(tables_of([cycle, late]), load_study("lung-tmb"), upto="dose_decision")
    told = found["dose_decision"].select("drug", "decision", "missing", "sources").rows()
    assert told == [
        ("exemplatin", "undecided", "serum_creatinine", [1]),
        ("fictabine", "undecided", "ecog_status", [1]),
    ]


def test_a_decision_rests_on_answers_nadirs_and_adverse_events(study: Study) -> None:
    """The entries of a case in order: 1 age and sex, 2 uracilaemia; weight, ECOG and laboratory of
    1 January (3 to 5), 29 January (6 to 8) and 22 January (9 to 11), the last with the nadir; the
    diarrhoea (12) and its follow-up (13); the two cycles (14, 15)."""
    case = {
        "regimen": "CAPTEM",
        "cycles": [datetime.date(2024, 1, 1), datetime.date(2024, 1, 29)],
        "counts": {datetime.date(2024, 1, 22): ("0.99", "150")},
        "harms": [
            {
                "term": "Diarrhea", "grade": 2, "from": datetime.date(2024, 1, 20),
                "then": {datetime.date(2024, 1, 25): 1},
            }
        ],
    }  # fmt: skip
    found = derive(tables_of(happened(case)), study, upto="dose_decision")["dose_decision"]
    assert found.select("cycle", "drug", "sources").rows() == [
        (1, "capecitabine", [1, 2, 3, 4, 5, 14]), (1, "temozolomide", [1, 2, 3, 4, 5, 14]),
        (2, "capecitabine", [1, 2, 6, 7, 8, 11, 12, 13, 15]),
        (2, "temozolomide", [1, 2, 6, 7, 8, 11, 12, 13, 15]),
    ]  # fmt: skip


@pytest.mark.requirement("PH1")
def test_a_dose_reduced_for_the_worst_grade_names_the_report_that_had_it(study: Study) -> None:
    """Diarrhoea reported in grade 1 (a), in grade 3 (b), in grade 3 again (c), in grade 2 (d), in
    grade 1 (e): the dose is reduced for b, the first in grade 3; a said that it is diarrhoea, e how
    it stands. Another subject of the batch had one of grade 4 before."""
    later = {
        datetime.date(2024, 1, 20 + number): grade for number, grade in enumerate((3, 3, 2, 1))
    }
    cycles = [datetime.date(2024, 1, 1), datetime.date(2024, 1, 29)]
    diarrhoea = {"term": "Diarrhea", "grade": 1, "from": datetime.date(2024, 1, 19), "then": later}
    entries = list(happened({"regimen": "CAPTEM", "cycles": cycles, "harms": [diarrhoea]}))
    told = [each["event"] for each in entries]
    report = 1 + told.index("AdverseEventReported")
    other = [{**diarrhoea, "grade": 4, "then": {}}]
    before = happened({"regimen": "CAPTEM", "cycles": cycles, "harms": other})
    tables = together([tables_of(before), tables_of(entries, replicate=1)])
    found = derive(tables, study, upto="dose_decision")["dose_decision"]
    mine = found.filter(pl.col("replicate") == 1, cycle=2, drug="capecitabine").row(0, named=True)
    assert mine["rule"] == "CAPECITABINE_TOXICITY/grade_3_first"
    harms = {report + number for number in range(5)}
    assert harms & set(mine["sources"]) == {report, report + 1, report + 4}


def test_off_label_is_told_of_the_first_rule_of_the_file_too(study: Study) -> None:
    """The rules on capecitabine and the kidneys alone, that for 30 to 50 mL/min the first."""
    rules = study.treatment.modifications
    renal = next(each for each in rules.rule_sets if each.code == "CAPECITABINE_RENAL")
    moderate = next(each for each in renal.rules if each.code == "moderate")
    alone = renal.model_copy(update={"rules": (moderate,)})
    modifications = rules.model_copy(update={"rule_sets": (alone,), "in_force": (renal.code,)})
    treatment = study.treatment.model_copy(update={"modifications": modifications})
    case = {"regimen": "CAPTEM", "cycles": [datetime.date(2024, 1, 1)], "creatinine": 200}
    tables = tables_of(happened(case))
    found = derive(tables, study.model_copy(update={"treatment": treatment}), upto="dose_decision")
    assert found["dose_decision"].select("drug", "decision", "rule", "off_label").rows() == [
        ("capecitabine", "reduce", "CAPECITABINE_RENAL/moderate", True),
        ("temozolomide", "full", None, False),
    ]


def test_of_a_drug_that_is_omitted_nothing_is_given() -> None:
    """The second study, where exemplatin is prepared to 1/100 mg."""
    cycle = {
        "event": "CycleStarted", "on": "2024-02-01", "cycle": 1, "regimen": "DOUBLET",
        "height": "170", "weight": "70",
    }  # fmt: skip
    tables = tables_of([form("status", "2024-02-01", ecog_status=1, serum_creatinine=251), cycle])
    found = derive(tables, load_study("lung-tmb"), upto="dose_decision")["dose_decision"]
    row = found.row(by_predicate=pl.col("drug") == "exemplatin", named=True)
    told = [row[name] for name in ("decision", "amount", "dispensed", "least", "most")]
    assert told == ["omit", 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("planned", "decision"), [("45.01", "reduce"), ("45", "full"), ("44.99", "full")]
)
def test_a_reduction_to_the_dose_of_the_regimen_or_more_is_none(
    planned: str, decision: str
) -> None:
    """The second study: with a creatinine of 121 µmol/L exemplatin is given at 45 mg/m2."""
    lung = load_study("lung-tmb")
    doublet = lung.treatment.regimens[0]
    doses = tuple(
        dose.model_copy(update={"amount": Decimal(planned)}) if dose.drug == "exemplatin" else dose
        for dose in doublet.doses
    )
    regimens = (doublet.model_copy(update={"doses": doses}), *lung.treatment.regimens[1:])
    treatment = lung.treatment.model_copy(update={"regimens": regimens})
    cycle = {
        "event": "CycleStarted", "on": "2024-02-01", "cycle": 1, "regimen": doublet.code,
        "height": "180", "weight": "80",
    }  # fmt: skip
    tables = tables_of([form("status", "2024-02-01", ecog_status=1, serum_creatinine=121), cycle])
    study = lung.model_copy(update={"treatment": treatment})
    found = derive(tables, study, upto="dose_decision")["dose_decision"]
    assert dict(found.select("drug", "decision").iter_rows())["exemplatin"] == decision


@pytest.mark.parametrize(
    ("calculated", "units", "mg"),
    [
        ("1363.58", ["150", "500"], "1350"),
        ("325", ["150", "500"], "300"),
        ("74.99", ["150", "500"], "0"),
        ("75", ["150", "500"], "0"),
        ("75.01", ["150", "500"], "150"),
        ("1200", ["500", "150"], "1200"),
        ("10024.99", ["150", "500"], "10000"),
        ("10025.01", ["150", "500"], "10050"),
        ("2.5", ["5"], "0"),
        ("363.62", ["5", "20", "250"], "365"),
        ("0.37", ["0.25"], "0.25"),
        ("0.38", ["0.25"], "0.5"),
        ("29", ["6", "10", "15"], "28"),
        ("1363.58", [], "1363.58"),
    ],
)
def test_dispensed(calculated: str, units: list[str], mg: str) -> None:
    """The nearest sum of whole units; of two equally near the lower."""
    amount = np.array([int(Decimal(calculated) * 100)])
    found = dispensed(amount, [Decimal(each) for each in units])
    assert found.tolist() == [int(Decimal(mg) * 100)]
