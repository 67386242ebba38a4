"""A recorded medicine or condition answers the question of a form: entry, and after it."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from equipoise.eligibility.plan import Criterion
from equipoise.errors import BadInput, Refused
from equipoise.record.event import Event
from equipoise.record.keys import KeyStore
from equipoise.record.log import Log
from equipoise.record.plan import Label
from equipoise.study.definition import Study
from equipoise.study.load import load_study
from equipoise.visits.plan import CodedValue
from tests.harness.dosed import opened
from tests.harness.trial import ANSWERS, Trial

WHO = "A-001"
STEROID = {"entry": "CM1", "drug": "prednisone", "drug_class": "corticosteroid", "ongoing": True}
ASTHMA = {"entry": "MH1", "term": "Asthma", "condition": "asthma", "ongoing": True}
CHANGED = {"medication_classes": ("corticosteroid",), "medication_days": 7,
           "conditions": ("asthma",), "therapies": ()}  # fmt: skip


def excluding() -> Study:
    """The study with the exclusion of who takes corticosteroids, now or in the week before, or has
    asthma."""
    study = load_study("lung-tmb")
    criterion = Criterion(
        id="EX3", kind="exclusion", wording=Label(en="Corticosteroids or asthma."),
        expression="prior_systemic",
    )  # fmt: skip
    forms = tuple(
        form.model_copy(
            update={
                "items": tuple(
                    item.model_copy(update=CHANGED) if item.code == "prior_systemic" else item
                    for item in form.items
                )
            }
        )
        for form in study.visits.forms
    )
    asthma = CodedValue(code="asthma", label=Label(en="Asthma"))
    criteria = (*study.eligibility.criteria, criterion)
    return study.model_copy(
        update={
            "eligibility": study.eligibility.model_copy(update={"criteria": criteria}),
            "visits": study.visits.model_copy(update={"forms": forms, "conditions": (asthma,)}),
        }
    )


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    yield from opened(tmp_path, excluding())


def asked(trial: Trial) -> None:
    """A subject of whom all is known; the form says no."""
    trial.screened(WHO, without="cancer")
    trial.form(WHO, "cancer", {**ANSWERS["cancer"], "prior_systemic": "false"})


def corrected(trial: Trial, event: Event, item: str, now: object) -> list[Event]:
    body = {"target": event.seq, "item": item, "new": json.dumps(now)}
    return trial.act("Correct", body, subject=WHO, reason="asked again")


def ago(trial: Trial, days: int) -> str:
    return (trial.today - datetime.timedelta(days=days)).isoformat()


@pytest.mark.requirement("LB1", "RN3")
def test_a_medicine_excludes_until_its_days_have_passed(store: tuple[Log, KeyStore]) -> None:
    trial = Trial.opened(*store, study=excluding(), behind=90)
    trial.activate()
    asked(trial)
    trial.act("ConfirmEligibility", {}, subject=WHO)
    (taken,) = trial.act("ConcomitantMedicationRecorded", STEROID, subject=WHO)
    excluded = "is not eligible; criteria not met: EX3"
    with pytest.raises(Refused, match=excluded):
        trial.act("Randomise", {}, subject=WHO)
    corrected(trial, taken, "ongoing", False)
    corrected(trial, taken, "end", ago(trial, 6))
    with pytest.raises(Refused, match=excluded):
        trial.act("ConfirmEligibility", {}, subject=WHO)
    trial.wait(1)
    with pytest.raises(Refused, match=excluded):
        trial.act("ConfirmEligibility", {}, subject=WHO)
    trial.wait(1)
    trial.act("ConfirmEligibility", {}, subject=WHO)
    (allocated,) = trial.act("Randomise", {}, subject=WHO)
    assert allocated.type == "Randomised"


@pytest.mark.requirement("LB1", "RN3")
def test_a_coded_condition_excludes_and_another_code_is_not_recorded(trial: Trial) -> None:
    asked(trial)
    with pytest.raises(BadInput, match="a code that the study file lists: asthma") as bad:
        trial.act("MedicalHistoryRecorded", {**ASTHMA, "condition": "astma"}, subject=WHO)
    assert "condition" in str(bad.value)
    plain = {**ASTHMA, "entry": "MH0", "condition": None}
    trial.act("MedicalHistoryRecorded", plain, subject=WHO)
    trial.act("ConfirmEligibility", {}, subject=WHO)
    (entry,) = trial.act("MedicalHistoryRecorded", ASTHMA, subject=WHO)
    with pytest.raises(Refused, match="criteria not met: EX3"):
        trial.act("Randomise", {}, subject=WHO)
    change = {"target": entry.seq, "item": "term", "new_missing": "not_applicable"}
    trial.act("Correct", change, subject=WHO, reason="of another patient")
    trial.act("Randomise", {}, subject=WHO)


@pytest.mark.requirement("LB1", "RN5")
def test_a_medicine_that_comes_to_light_after_randomisation_is_a_deviation(trial: Trial) -> None:
    asked(trial)
    trial.act("ConfirmEligibility", {}, subject=WHO)
    trial.act("Randomise", {}, subject=WHO)
    trial.wait(3)
    begun = {**STEROID, "entry": "CM0", "start": ago(trial, 2)}
    (later,) = trial.act("ConcomitantMedicationRecorded", begun, subject=WHO)
    assert later.type == "ConcomitantMedicationRecorded", "it was begun since"
    old = {**STEROID, "entry": "CM2", "start": ago(trial, 60), "end": ago(trial, 11),
           "ongoing": False}  # fmt: skip
    assert len(trial.act("ConcomitantMedicationRecorded", old, subject=WHO)) == 1, "8 days before"
    recent = {**old, "entry": "CM3", "end": ago(trial, 10)}
    _, departed = trial.act("ConcomitantMedicationRecorded", recent, subject=WHO)
    body = json.loads(departed.body)
    assert body["category"] == "not_eligible"
    said = trial.keys.unseal(body["description"], f"T1/{WHO}/description")
    assert said.startswith(
        "randomised although criterion EX3 is not met: Corticosteroids or asthma"
    )
