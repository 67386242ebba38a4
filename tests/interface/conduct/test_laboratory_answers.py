"""What only a laboratory reported decides through conduct: entry, doses, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from equipoise.errors import BadInput, Conflict, Refused
from equipoise.record.event import Event
from equipoise.record.keys import KeyStore
from equipoise.record.log import Log
from equipoise.record.plan import Label
from equipoise.study.definition import Study
from equipoise.study.load import load_study
from equipoise.treatment.plan import ItemRange, ModificationRule
from equipoise.visits.plan import Item
from tests.harness.dosed import opened, signed
from tests.harness.trial import Trial

CYCLE = {"cycle": 1, "regimen": "DOUBLET", "height": "170", "weight": "70"}
LOW = "Neutrophils below 1.5: wait."


def counting(study: Study) -> Study:
    """The study with neutrophils, without which no fictabine is given, and haemoglobin."""
    neutrophils = Item(
        code="neutrophils", label=Label(en="Neutrophils"), type="decimal", places=1,
        unit="10^9/L", minimum=0, maximum=200, required=False, analyte="neutrophils",
    )  # fmt: skip
    haemoglobin = neutrophils.model_copy(
        update={"code": "haemoglobin", "analyte": "haemoglobin", "unit": "g/dL"}
    )
    calcium = neutrophils.model_copy(
        update={"code": "calcium", "analyte": "calcium_corrected", "unit": "mg/dL"}
    )
    forms = tuple(
        form.model_copy(update={"items": (*form.items, neutrophils, haemoglobin, calcium)})
        if form.code == "status"
        else form
        for form in study.visits.forms
    )
    counts = ModificationRule(
        code="counts", wording=Label(en=LOW), decision="delay",
        values=(ItemRange(item="neutrophils", below=Decimal("1.5"), valid_days=3),),
    )  # fmt: skip
    plan = study.treatment.modifications
    sets = tuple(
        each.model_copy(update={"rules": (*each.rules, counts)})
        if each.code == "FICTABINE"
        else each
        for each in plan.rule_sets
    )
    treatment = study.treatment.model_copy(
        update={"modifications": plan.model_copy(update={"rule_sets": sets})}
    )
    visits = study.visits.model_copy(update={"forms": forms})
    return study.model_copy(update={"treatment": treatment, "visits": visits})


@pytest.fixture
def counted(tmp_path: Path) -> Iterator[Trial]:
    yield from opened(tmp_path, counting(signed()))


def report(trial: Trial, subject: str, name: str, /, **how: Any) -> list[Event]:
    """A report of the laboratory: values with their units, of blood drawn today."""
    drawn = {key: how.pop(key) for key in ("occurred", "seen") if key in how}
    results = []
    for analyte, said in how.items():
        value, unit = said.split()
        told = {"value_missing": "sample_failed"} if value == "none" else {"value": value}
        results.append({"analyte": analyte, "unit": unit, **told})
    body = {"report": name, "results": results}
    return trial.act("LaboratoryReported", body, "nurse", subject=subject, **drawn)


def waiting(trial: Trial, subject: str) -> None:
    """A subject of whom all is known but what is found in the blood."""
    trial.screened(subject, without="status")
    items = [{"item": "ecog_status", "value": "1"}]
    trial.act(
        "FormSaved", {"form": "status", "instance": "1", "items": items}, subject=subject
    )  # fmt: skip


def allocated(trial: Trial, **blood: str) -> str:
    """The first subject of the doublet, let in by a report alone."""
    for number in range(1, 40):
        subject = f"A-{number:03}"
        waiting(trial, subject)
        report(trial, subject, "L1", **{"creatinine": "0.9 mg/dL", **blood})
        trial.act("ConfirmEligibility", {}, subject=subject)
        (event,) = trial.act("Randomise", {}, subject=subject)
        if json.loads(event.body)["arm"] == "CHEMO":
            trial.act("RegimenChosen", {"regimen": "DOUBLET"}, subject=subject)
            return subject
    raise AssertionError


@pytest.mark.requirement("LB1", "RN3", "PH1")
def test_randomised_and_dosed_by_reports_alone(store: tuple[Log, KeyStore]) -> None:
    trial = Trial.opened(*store, study=counting(signed()))
    trial.activate()
    waiting(trial, "B-001")
    with pytest.raises(Refused, match=r"EX2 \(missing: serum_creatinine, treatment_start_date\)"):
        trial.act("ConfirmEligibility", {}, subject="B-001")
    report(trial, "B-001", "L1", creatinine="1.7 mg/dL")
    with pytest.raises(Refused, match="criteria not met: EX2"):
        trial.act("ConfirmEligibility", {}, subject="B-001")
    subject = allocated(trial)
    with pytest.raises(Refused, match="neutrophils is not known, on which the dose of fictabine"):
        trial.act("CycleStarted", CYCLE, subject=subject)
    report(trial, subject, "L2", neutrophils="1499 /µL", creatinine="0.9 mg/dL")
    with pytest.raises(Refused, match=LOW):
        trial.act("CycleStarted", CYCLE, subject=subject)
    report(trial, subject, "L3", neutrophils="1500 /µL", creatinine="1.4 mg/dL")
    (event,) = trial.act("CycleStarted", CYCLE, subject=subject)
    assert event.type == "CycleStarted"
    dose = {"cycle": 1, "day": 1, "drug": "exemplatin", "amount": "81.44"}
    (event,) = trial.act("DoseGiven", dose, subject=subject)
    assert event.type == "DoseGiven", "creatinine of 123.76 µmol/L: 45 mg/m2"


@pytest.mark.requirement("LB1", "PH1")
def test_a_low_count_that_only_a_report_holds_makes_a_cycle_a_deviation(counted: Trial) -> None:
    subject = allocated(counted, neutrophils="1.4 10^9/L")
    with pytest.raises(Refused, match=LOW):
        counted.act("CycleStarted", CYCLE, subject=subject)
    cycle, departed = counted.act("CycleStarted", CYCLE, subject=subject, reason="urgent")
    assert (cycle.type, departed.type) == ("CycleStarted", "DeviationRecorded")


@pytest.mark.requirement("LB1", "AT2")
def test_who_has_not_seen_a_report_cannot_begin_a_cycle(counted: Trial) -> None:
    subject = allocated(counted, neutrophils="3.1 10^9/L")
    seen = counted.log.read(subject=subject)[-1].seq
    report(counted, subject, "L2", neutrophils="2.8 10^9/L", seen=0)
    with pytest.raises(Conflict):
        counted.act("CycleStarted", CYCLE, subject=subject, seen=seen)


@pytest.mark.requirement("LB1", "PH1")
def test_a_count_that_is_put_right_or_comes_late_shows_a_deviation(counted: Trial) -> None:
    subject = allocated(counted, neutrophils="3.1 10^9/L")
    counted.act("CycleStarted", CYCLE, subject=subject)
    first = counted.log.read(subject=subject, types={"LaboratoryReported"})[0]
    change = {"target": first.seq, "item": "results/neutrophils/value", "new": '"1.4"'}
    told = counted.act("Correct", change, subject=subject, reason="misread")
    assert [event.type for event in told] == ["Corrected", "DeviationRecorded"]
    back = {**change, "new": '"3.1"'}
    assert len(counted.act("Correct", back, subject=subject, reason="it was right")) == 1
    told = report(counted, subject, "L2", neutrophils="1.2 10^9/L")
    assert [event.type for event in told] == ["LaboratoryReported", "DeviationRecorded"]


@pytest.mark.requirement("LB1")
@pytest.mark.parametrize(
    ("blood", "told"),
    [
        ({"calcium_corrected": "2.4 mmol/L"}, "one of mg/dL: it answers the item calcium in mg/dL"),
        (
            {"haemoglobin": "8.051 mmol/L"},
            "at most 2 decimal places in mmol/L: it answers the item",
        ),
        ({"creatinine": "0.01 mg/dL"}, "at least 1 µmol/L, as the item serum_creatinine"),
        ({"creatinine": "3000.1 µmol/L"}, "at most 3000 µmol/L, as the item serum_creatinine"),
        ({"neutrophils": "3100 10^9/L"}, "at most 200 10^9/L, as the item neutrophils"),
        ({"neutrophils": "3.1 G/L"}, "a unit of neutrophils"),
    ],
)
def test_a_result_that_would_be_no_answer_is_not_recorded(
    counted: Trial, blood: dict[str, str], told: str
) -> None:
    waiting(counted, "A-001")
    before = counted.log.head().seq
    with pytest.raises(BadInput) as refusal:
        report(counted, "A-001", "L1", **blood)
    assert told in str(refusal.value)
    assert counted.log.head().seq == before


@pytest.mark.requirement("LB1")
def test_results_at_the_limits_are_recorded(counted: Trial) -> None:
    waiting(counted, "A-001")
    report(counted, "A-001", "L1", creatinine="3000 µmol/L", neutrophils="200000 /µL")
    report(counted, "A-001", "L2", haemoglobin="8.05 mmol/L", calcium_corrected="9.1234 mg/dL")
    report(counted, "A-001", "L3", haemoglobin="8.0500 mmol/L", neutrophils="none /µL")
    first = counted.log.read(subject="A-001", types={"LaboratoryReported"})[0]
    change = {"target": first.seq, "item": "results/creatinine/unit", "new": '"mg/dL"'}
    with pytest.raises(BadInput, match="at most 3000 µmol/L"):
        counted.act("Correct", change, subject="A-001", reason="misread")


def test_the_plan_of_this_test_is_one_that_a_study_file_may_have() -> None:
    study = counting(load_study("lung-tmb"))
    assert [each.item for each in study.answered] == [
        "serum_creatinine", "neutrophils", "haemoglobin", "calcium",
    ]  # fmt: skip
