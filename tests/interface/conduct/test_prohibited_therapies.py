"""What is given while the protocol prohibits it becomes a deviation beside its entry."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from equipoise.record.event import Event
from equipoise.record.keys import KeyStore
from equipoise.record.log import Log
from equipoise.record.tables import tables
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.definition import Study
from equipoise.study.derivation import derive
from tests.harness.dosed import allocated, opened, signed
from tests.harness.trial import Trial

CYCLE = {"cycle": 1, "regimen": "DOUBLET", "height": "170", "weight": "70"}
STEROID = {"drug": "prednisone", "drug_class": "corticosteroid", "ongoing": True}


def everywhere() -> Study:
    """The study in which corticosteroids are prohibited in every arm."""
    study = signed()
    prohibited = tuple(each.model_copy(update={"arms": ()}) for each in study.visits.prohibited)
    visits = study.visits.model_copy(update={"prohibited": prohibited})
    return study.model_copy(update={"visits": visits})


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    yield from opened(tmp_path, everywhere())


def told(trial: Trial, subject: str, written: list[Event]) -> list[str]:
    """The deviations of this category among what an action wrote, in words."""
    found = []
    for event in written:
        body = json.loads(event.body) if event.type == "DeviationRecorded" else {}
        if body.get("category") == "prohibited_therapy":
            found.append(
                trial.keys.unseal(body["description"], f"T1/{subject}/description").removesuffix(
                    "; reason: asked again"
                )
            )
    return found


def day(trial: Trial, before: int = 0) -> str:
    return (trial.today - datetime.timedelta(days=before)).isoformat()


def found_by_rules(trial: Trial) -> list[tuple[str, str]]:
    rows = derive(tables(trial.log.read(), CATALOGUE), trial.study, upto="deviation")["deviation"]
    rows = rows.filter(~rows["recorded"] & (rows["category"] == "prohibited_therapy"))
    return [(row["entry"], row["found"]) for row in rows.iter_rows(named=True)]


@pytest.mark.requirement("LB1", "RN5")
def test_a_prohibited_therapy_is_a_deviation_beside_its_entry(store: tuple[Log, KeyStore]) -> None:
    trial = Trial.opened(*store, study=everywhere(), behind=90)
    trial.activate()
    subject = allocated(trial)
    on_the_day = {"entry": "ST0", "therapy": "systemic"}
    assert len(trial.act("SubsequentTherapyRecorded", on_the_day, subject=subject)) == 1
    trial.wait(1)
    (allowed,) = trial.act(
        "ProcedureRecorded", {"entry": "P1", "procedure": "biopsy"}, subject=subject
    )
    assert allowed.type == "ProcedureRecorded"
    therapy = {"entry": "ST1", "therapy": "systemic"}
    written = trial.act("SubsequentTherapyRecorded", therapy, subject=subject)
    assert [each.type for each in written] == ["SubsequentTherapyRecorded", "DeviationRecorded"]
    said = f"Systemic treatment (entry ST1) on {day(trial)}: No other treatment of the tumour"
    assert told(trial, subject, written) == [f"{said} before progression (as entered)"]
    ablated = trial.act(
        "ProcedureRecorded", {"entry": "P2", "procedure": "ablation"}, subject=subject
    )
    (of_procedure,) = told(trial, subject, ablated)
    assert of_procedure.startswith("Ablation (entry P2)"), "what was told before is not told again"
    assert found_by_rules(trial) == [
        ("other_treatment", "ablation"),
        ("other_treatment", "systemic"),
    ]


@pytest.mark.requirement("LB1", "RN5")
def test_before_randomisation_nothing_is_prohibited(trial: Trial) -> None:
    trial.screened("A-900")
    written = trial.act(
        "ConcomitantMedicationRecorded", {**STEROID, "entry": "CM1"}, subject="A-900"
    )
    assert len(written) == 1
    assert found_by_rules(trial) == []


@pytest.mark.requirement("LB1", "RN5")
def test_a_medicine_that_goes_on_is_told_when_treatment_begins(trial: Trial) -> None:
    """It was allowed until the first dose; the entry of the dose says that it no longer is."""
    subject = allocated(trial)
    taken = {**STEROID, "entry": "CM1", "start": day(trial, 40)}
    written = trial.act("ConcomitantMedicationRecorded", taken, subject=subject)
    assert told(trial, subject, written) == []
    trial.act("RegimenChosen", {"regimen": "DOUBLET"}, subject=subject)
    started = trial.act("CycleStarted", CYCLE, subject=subject)
    planned = derive(tables(trial.log.read(), CATALOGUE), trial.study, upto="dose_decision")
    rule = planned["dose_decision"].filter(subject=subject, drug="exemplatin").row(0, named=True)
    amount = f"{rule['least'] / 100:.2f}"
    dose = {"cycle": 1, "day": 1, "drug": "exemplatin", "amount": amount, "administrations": 1}
    given = trial.act("DoseGiven", dose, subject=subject)
    assert told(trial, subject, started) == []
    (said,) = told(trial, subject, given)
    assert said.startswith(f"Corticosteroid (entry CM1) on {day(trial)}: No corticosteroids")
    assert "(invented, 6.4)" in said, "the clause of the protocol"
    (entry,) = (e for e in trial.log.read(subject=subject) if e.type == taken_type())
    change = {"target": entry.seq, "item": "drug_class", "new": '"other"'}
    corrected = trial.act("Correct", change, subject=subject, reason="asked again")
    assert told(trial, subject, corrected) == [] and found_by_rules(trial) == []


@pytest.mark.requirement("LB1", "RN5")
def test_a_correction_that_shows_it_is_told(trial: Trial) -> None:
    subject = allocated(trial)
    trial.wait(1)
    (entry,) = trial.act(
        "ProcedureRecorded", {"entry": "P1", "procedure": "biopsy"}, subject=subject
    )
    change = {"target": entry.seq, "item": "procedure", "new": '"ablation"'}
    corrected = trial.act("Correct", change, subject=subject, reason="asked again")
    (said,) = told(trial, subject, corrected)
    assert said.startswith("Ablation (entry P1)") and said.endswith("(as corrected)")


def taken_type() -> str:
    return "ConcomitantMedicationRecorded"
