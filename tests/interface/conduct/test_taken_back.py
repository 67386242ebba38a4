"""An entry made by mistake, such as one of another patient: taken back with a reason, still there.

A wrong subsequent therapy censors progression-free survival, a wrong medicine holds a drug back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.analysis.subjects import end_point_tables
from equipoise.errors import BadInput, Refused
from equipoise.record.correction import history
from equipoise.record.event import Event
from equipoise.record.tables import tables
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.derivation import derive
from tests.harness.corrected import ago, randomised
from tests.harness.dosed import opened, signed
from tests.harness.trial import Trial

ENTRIES: dict[str, tuple[str, dict[str, Any]]] = {
    "PriorTherapyRecorded": ("therapy", {"therapy": "systemic", "start": "2023"}),
    "SubsequentTherapyRecorded": ("therapy", {"therapy": "systemic"}),
    "ConcomitantMedicationRecorded": (
        "drug_class", {"drug": "prednisone", "drug_class": "corticosteroid", "ongoing": True},
    ),
    "MedicalHistoryRecorded": ("term", {"term": "Asthma", "ongoing": True}),
    "ProcedureRecorded": ("procedure", {"procedure": "resection"}),
}  # fmt: skip


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    yield from opened(tmp_path, signed())


def taken_back(
    trial: Trial, event: Event, item: str, why: str | None = "not_applicable"
) -> list[Event]:
    change = {"target": event.seq, "item": item, "new_missing": why}
    return trial.act("Correct", change, subject=event.subject, reason="of another patient")


@pytest.mark.requirement("AT1", "LB1")
@pytest.mark.parametrize("action", ENTRIES)
def test_every_entry_is_taken_back_in_the_same_way(embedded: Trial, action: str) -> None:
    embedded.screened("A-001")
    item, body = ENTRIES[action]
    nothing = {"entry": "E0", **body, item: None}
    for missing in (None, "unknown", "not_applicable"):
        with pytest.raises(BadInput, match=item):
            embedded.act(action, {**nothing, f"{item}_missing": missing}, subject="A-001")
    (event,) = embedded.act(action, {"entry": "E1", **body}, subject="A-001")
    for missing in (None, "unknown"):
        with pytest.raises(BadInput, match=item):
            taken_back(embedded, event, item, missing)
    without_reason = {"target": event.seq, "item": item, "new_missing": "not_applicable"}
    with pytest.raises(BadInput, match="a reason is obligatory"):
        embedded.act("Correct", without_reason, subject="A-001")
    taken_back(embedded, event, item)
    events = embedded.log.read(subject="A-001")
    first, now = history(events, event.seq, item, CATALOGUE)
    assert (json.loads(str(first.value)), now.value, now.missing) == (
        body[item], None, "not_applicable",
    )  # fmt: skip
    assert now.event.reason == "of another patient", "the original and the reason stay readable"
    table = tables(events, CATALOGUE)[CATALOGUE.of(action).TABLE]
    assert table.select("entry", item).rows() == [("E1", None)]
    again = {"target": event.seq, "item": item, "new": json.dumps(body[item])}
    embedded.act("Correct", again, subject="A-001", reason="it was this patient")


def scanned(trial: Trial, subject: str, number: int, diameter: str) -> None:
    size = {"lesion": "T1", "state": "measured", "diameter": diameter}
    reading = {
        "assessment": f"A{number}", "evaluator": "committee", "visit": "scan", "modality": "ct",
        "baseline": number == 0, "targets": [size],
    }  # fmt: skip
    trial.act("TumourAssessed", reading, "reader", subject=subject)


def progression_free(trial: Trial, subject: str) -> tuple[Any, ...]:
    derived = derive(tables(trial.log.read(), CATALOGUE), trial.study)
    assert derived["disposition"].filter(subject=subject).height == 1
    found = end_point_tables(derived, trial.study)["pfs_fda"].filter(pl.col("subject") == subject)
    return found.select("time_days", "event", "reason").row(0)


@pytest.mark.requirement("AT1")
@pytest.mark.parametrize("action", ["SubsequentTherapyRecorded", "ProcedureRecorded"])
def test_a_wrong_therapy_taken_back_no_longer_censors(trial: Trial, action: str) -> None:
    """By the rules of the FDA a new therapy, or surgery on the tumour, censors at the scan before
    it; the patient progressed after all."""
    subject, _ = randomised(trial)
    lesion = {"lesion": "T1", "evaluator": "committee", "role": "target", "organ": "liver",
              "node": False}  # fmt: skip
    trial.act("LesionIdentified", lesion, "reader", subject=subject)
    scanned(trial, subject, 0, "30")
    trial.wait(42)
    scanned(trial, subject, 1, "30")
    item, body = ENTRIES[action]
    trial.wait(8)
    wrong, *_ = trial.act(action, {"entry": "E1", **body}, subject=subject)
    trial.wait(34)
    scanned(trial, subject, 2, "60")
    censored = {
        "SubsequentTherapyRecorded": "before_switch_of_therapy",
        "ProcedureRecorded": "before_surgery_on_tumour",
    }[action]
    assert progression_free(trial, subject) == (43, False, censored)
    (told,) = taken_back(trial, wrong, item)
    assert told.type == "Corrected"
    assert progression_free(trial, subject) == (85, True, "progression")


def allocated_to(trial: Trial, arm: str) -> str:
    """The first subject who is allocated to the arm."""
    for number in range(1, 60):
        subject = f"A-{number:03}"
        trial.screened(subject)
        (event,) = trial.act("Randomise", {}, subject=subject)
        if json.loads(event.body)["arm"] == arm:
            return subject
    raise AssertionError


@pytest.mark.requirement("PH1", "AT1")
def test_a_wrong_medicine_taken_back_no_longer_holds_a_drug_back(trial: Trial) -> None:
    subject = allocated_to(trial, "ANTIBODY")
    arms = {arm.code: arm.regimens for arm in trial.study.randomisation.arms}
    regimen = arms["ANTIBODY"][0]
    item, body = ENTRIES["ConcomitantMedicationRecorded"]
    trial.act("RegimenChosen", {"regimen": regimen}, subject=subject)
    (wrong,) = trial.act(
        "ConcomitantMedicationRecorded", {"entry": "E1", **body, "start": ago(trial, 5)},
        subject=subject,
    )  # fmt: skip
    cycle = {"cycle": 1, "regimen": regimen, "height": "170", "weight": "70"}
    with pytest.raises(Refused, match="Corticosteroid now"):
        trial.act("CycleStarted", cycle, subject=subject)
    taken_back(trial, wrong, item)
    assert len(trial.act("CycleStarted", cycle, subject=subject)) == 1
