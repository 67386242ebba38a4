"""Days of dispensings, results and reports that are put right: what cannot have been is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from equipoise.errors import BadInput, Refused
from equipoise.record.event import Event
from tests.harness.corrected import ago, corrected, of_type, randomised, told, treated
from tests.harness.dosed import opened, signed
from tests.harness.trial import Trial


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    """A trial that began ninety days ago, so that days can pass."""
    yield from opened(tmp_path, signed())


def dispensed(trial: Trial, subject: str, expiry: str) -> Event:
    """A dispensing of today."""
    body = {
        "dispensing": "D1", "cycle": 1, "drug": "fictabine", "lot": "F-77", "expiry": expiry,
        "unit": "250", "units": 100,
    }  # fmt: skip
    return trial.act("DrugDispensed", body, "pharmacist", subject=subject)[0]


def put_right(
    trial: Trial, subject: str, target: Event, new: str | None, role: str, item: str = "occurred"
) -> list[Event]:
    """A correction by who entered it."""
    change = {"target": target.seq, "item": item, "new": None if new is None else json.dumps(new)}
    return trial.act("Correct", change, role, subject=subject, reason="misread")


@pytest.mark.requirement("PH1")
def test_the_day_of_a_dispensing_is_put_right_within_what_can_have_been(trial: Trial) -> None:
    subject = treated(trial)
    trial.wait(3)
    given = dispensed(trial, subject, "2199-12-31")
    back = {"dispensing": "D1", "units": 60, "fate": "destroyed"}
    for day, said in (
        (ago(trial, 6), r"cannot have been given fictabine by the pharmacy on .*: was randomised"),
        (None, "the day of dispensing: without it the event is not recorded"),
    ):
        with pytest.raises((BadInput, Refused), match=said):
            put_right(trial, subject, given, day, "pharmacist")
    assert len(put_right(trial, subject, given, ago(trial, 1), "pharmacist")) == 1
    late = r"cannot have returned units of D1 on .*: it was dispensed on"
    with pytest.raises(Refused, match=late):
        trial.act("DrugReturned", back, "pharmacist", subject=subject, occurred=ago(trial, 2))
    (returned,) = trial.act(
        "DrugReturned", back, "pharmacist", subject=subject, occurred=ago(trial, 1)
    )
    for event, day in ((given, ago(trial, 0)), (returned, ago(trial, 2))):
        with pytest.raises(Refused, match=late):
            put_right(trial, subject, event, day, "pharmacist")


@pytest.mark.requirement("PH1")
def test_a_dispensing_that_turns_out_to_be_of_an_expired_lot_is_a_deviation(trial: Trial) -> None:
    """It may have happened, so that the day or the expiry is not refused."""
    subject = treated(trial)
    given = dispensed(trial, subject, ago(trial, -1))
    trial.wait(3)
    shown = told(trial, put_right(trial, subject, given, ago(trial, 1), "pharmacist"))
    assert shown["dose"].startswith("dispensed lot F-77 of fictabine, which expired on")
    assert len(put_right(trial, subject, given, ago(trial, 2), "pharmacist")) == 1
    shown = told(trial, put_right(trial, subject, given, ago(trial, 5), "pharmacist", "expiry"))
    assert f"expired on {ago(trial, 5)}" in shown["dose"]


@pytest.mark.requirement("BM1")
def test_no_result_is_corrected_to_precede_its_sample(trial: Trial) -> None:
    subject, _ = randomised(trial)
    trial.wait(4)
    again = {
        "result": "R2", "sample": f"S-{subject}", "assay": "panel", "technically_valid": True,
        "purpose": "redetermination",
        "measurements": [{"measurement": "burden", "value": "20", "quality": "passed"}],
    }  # fmt: skip
    (result,) = trial.act("AssayResultRecorded", again, "laboratory", subject=subject)
    before = rf"a day not before S-{subject} was received \({ago(trial, 4)}\)"
    with pytest.raises(BadInput, match=before):
        put_right(trial, subject, result, ago(trial, 5), "laboratory")
    with pytest.raises(BadInput, match="the day of the result: without it"):
        put_right(trial, subject, result, None, "laboratory")
    assert len(put_right(trial, subject, result, ago(trial, 4), "laboratory")) == 1
    received = of_type(trial, subject, "SampleReceived")
    with pytest.raises(BadInput, match=rf"AssayResultRecorded R.* was received \({ago(trial, 3)}"):
        put_right(trial, subject, received, ago(trial, 3), "laboratory")
    taken = of_type(trial, subject, "SampleCollected")
    with pytest.raises(BadInput, match=rf"AssayResultRecorded R.* was taken \({ago(trial, 3)}"):
        corrected(trial, subject, taken, "occurred", ago(trial, 3))


@pytest.mark.requirement("SA1")
def test_the_sponsor_does_not_know_before_the_site(trial: Trial) -> None:
    subject = treated(trial)
    trial.wait(3)
    event = {"adverse_event": "AE1", "term": "Nausea", "grade": 3, "outcome": "not_recovered"}
    trial.act("AdverseEventReported", event, subject=subject)
    serious = {
        "adverse_event": "AE1", "report": 1, "aware": ago(trial, 1),
        "criteria": ["hospitalisation"], "narrative": "Admitted.",
    }  # fmt: skip
    (report,) = trial.act("SeriousAdverseEventReported", serious, subject=subject)
    with pytest.raises(BadInput, match="a day not after the sponsor knew"):
        corrected(trial, subject, report, "occurred", ago(trial, 2))
    assert len(corrected(trial, subject, report, "occurred", ago(trial, 1))) == 1
    with pytest.raises(BadInput, match="a day not after the sponsor knew"):
        corrected(trial, subject, report, "aware", ago(trial, 0))
    corrected(trial, subject, report, "received_time", "10:00")
    with pytest.raises(BadInput, match=r"a time not after that .* \(10:00\)"):
        corrected(trial, subject, report, "aware_time", "10:01")
    assert len(corrected(trial, subject, report, "aware_time", "10:00")) == 1
