"""Doses through conduct, of a patient who takes other medicines."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from equipoise.errors import Refused
from equipoise.record.event import Event
from tests.harness.dosed import allocated, opened, signed
from tests.harness.trial import Trial

CYCLE = {"cycle": 1, "regimen": "DOUBLET", "height": "170", "weight": "70"}


@pytest.fixture
def beside_others(tmp_path: Path) -> Iterator[Trial]:
    """A trial in which fictabine waits for 8 days after a corticosteroid."""
    study = signed()
    plan = study.treatment.modifications
    (other,) = (each for each in plan.rule_sets if each.code == "INVENTUMAB")
    rules = tuple(rule.model_copy(update={"decision": "delay"}) for rule in other.rules)
    waits = other.model_copy(update={"drugs": ("fictabine",), "rules": rules})
    sets = tuple(waits if each is other else each for each in plan.rule_sets)
    changed = {"modifications": plan.model_copy(update={"rule_sets": sets})}
    treatment = study.treatment.model_copy(update=changed)
    yield from opened(tmp_path, study.model_copy(update={"treatment": treatment}))


@pytest.mark.requirement("LB1")
def test_another_medicine_puts_a_cycle_off(beside_others: Trial) -> None:
    """Rules read what is recorded of other medicines, as it is corrected, and after their end."""
    trial, subject = beside_others, allocated(beside_others)
    trial.act("RegimenChosen", {"regimen": "DOUBLET"}, subject=subject)
    taken = {"entry": "CM1", "drug": "prednisone", "drug_class": "corticosteroid", "ongoing": True}
    (event,) = trial.act("ConcomitantMedicationRecorded", taken, subject=subject)
    told = "fictabine: Corticosteroid now or in the last 7 days.*INVENTUMAB/corticosteroid"
    with pytest.raises(Refused, match=told):
        trial.act("CycleStarted", CYCLE, subject=subject)
    corrected(trial, subject, event, "ongoing", now=False)
    seven, eight = ((trial.today - datetime.timedelta(days=days)).isoformat() for days in (7, 8))
    corrected(trial, subject, event, "end", now=seven)
    with pytest.raises(Refused, match=told):
        trial.act("CycleStarted", CYCLE, subject=subject)
    corrected(trial, subject, event, "end", now=eight)
    trial.act("CycleStarted", CYCLE, subject=subject)


@pytest.mark.requirement("LB1")
def test_a_medicine_that_is_told_of_too_late_is_seen(beside_others: Trial) -> None:
    """It was taken when the cycle began; one that was begun since says nothing of that day."""
    trial, subject = beside_others, allocated(beside_others)
    trial.act("RegimenChosen", {"regimen": "DOUBLET"}, subject=subject)
    began = trial.today
    trial.act("CycleStarted", CYCLE, subject=subject)
    trial.wait(3)
    taken = {"drug": "prednisone", "drug_class": "corticosteroid", "ongoing": True}
    since = (began + datetime.timedelta(days=1)).isoformat()
    later = {**taken, "entry": "CM1", "start": since}
    assert len(trial.act("ConcomitantMedicationRecorded", later, subject=subject)) == 1
    before = {**taken, "entry": "CM2", "start": began.isoformat()}
    written = trial.act("ConcomitantMedicationRecorded", before, subject=subject)
    assert [each.type for each in written] == [
        "ConcomitantMedicationRecorded", "DeviationRecorded"
    ]  # fmt: skip
    assert json.loads(written[1].body)["category"] == "dose"


def corrected(trial: Trial, subject: str, event: Event, item: str, now: object) -> None:
    body = {"target": event.seq, "item": item, "new": json.dumps(now)}
    trial.act("Correct", body, subject=subject, reason="asked again")
