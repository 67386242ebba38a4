"""What is done when nothing can be read, through conduct: steps in order, and nobody too late."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from equipoise.errors import BadInput, Refused
from equipoise.record.keys import KeyStore
from equipoise.record.sqlite import SqliteLog
from equipoise.study.checks import disagreements
from equipoise.study.definition import Study
from equipoise.study.load import load_study
from tests.harness.trial import Trial
from tests.harness.unread import with_stratum

SUBJECT, BLOCK = "A-001", "S-A-001"
FAILED = {"technically_valid": False, "failure": "no signal", "measurements": []}


def with_recut(study: Study) -> Study:
    """LUNG-TMB with a second cut of the block between the first sample and the biopsy."""
    marker = study.biomarker.marker
    assert marker.path is not None
    first, rebiopsy = marker.path.steps
    recut = first.model_copy(update={"code": "recut", "material": "recut", "within_days": 30})
    path = marker.path.model_copy(update={"steps": (first, recut, rebiopsy)})
    marker = marker.model_copy(update={"path": path})
    return study.model_copy(
        update={"biomarker": study.biomarker.model_copy(update={"marker": marker})}
    )


def opened(folder: Path, study: Study, *, days_ago: int = 0) -> Iterator[Trial]:
    """A live trial of `study` with one subject who consented some days ago, without a result."""
    assert not disagreements(study)
    log = SqliteLog.create(folder / "record.sqlite3", trial="T1")
    keys = KeyStore.create(folder / "record.sqlite3.keys")
    trial = Trial.opened(log, keys, study=study)
    trial.activate()
    before = (trial.today - datetime.timedelta(days=days_ago)).isoformat()
    trial.act("SubjectScreened", {}, subject=SUBJECT, occurred=before)
    consent = {"consent": "participation", "version": "1"}
    trial.act("ConsentSigned", consent, subject=SUBJECT, occurred=before)
    trial.examined(SUBJECT, sampled=before)
    trial.act("ConfirmEligibility", {}, subject=SUBJECT)
    yield trial
    log.close()
    keys.close()


@pytest.fixture
def recutting(tmp_path: Path) -> Iterator[Trial]:
    """A trial whose path has a second cut; the block of its subject was received today."""
    yield from opened(tmp_path, with_recut(load_study("lung-tmb")))


@pytest.fixture
def late(tmp_path: Path) -> Iterator[Trial]:
    """A trial whose subject consented 43 days ago: one day more than the path has."""
    yield from opened(tmp_path, load_study("lung-tmb"), days_ago=43)


@pytest.fixture
def stratified(tmp_path: Path) -> Iterator[Trial]:
    """The same, in a study with a stratum for those in whom nothing could be read."""
    yield from opened(tmp_path, with_stratum(load_study("lung-tmb")), days_ago=43)


def cut(trial: Trial, sample: str, **how: Any) -> None:
    body = {"sample": sample, "parent": BLOCK, "kind": "section", "step": "recut", **how}
    trial.act("SampleDerived", body, "laboratory", subject=SUBJECT)


def biopsied(trial: Trial, sample: str, step: str | None = "rebiopsy") -> None:
    body = {"sample": sample, "material": "ffpe", "step": step}
    trial.act("SampleCollected", body, "nurse", subject=SUBJECT)
    body = {"sample": sample, "adequate": True, "tumour_cells": "60"}
    trial.act("SampleReceived", body, "laboratory", subject=SUBJECT)


def read(trial: Trial, result: str, sample: str, **how: Any) -> None:
    body = {
        "result": result, "sample": sample, "assay": "panel", "purpose": "randomisation",
        "technically_valid": True,
        "measurements": [{"measurement": "burden", "value": "8", "quality": "passed"}],
    }  # fmt: skip
    occurred = how.pop("occurred", "today")
    trial.act(
        "AssayResultRecorded", {**body, **how}, "laboratory", subject=SUBJECT, occurred=occurred
    )


def randomise(trial: Trial) -> dict[str, Any]:
    event = trial.act("Randomise", {}, subject=SUBJECT)[0]
    found: dict[str, Any] = json.loads(event.body)
    return found


def told(error: pytest.ExceptionInfo[Any], *parts: str) -> None:
    for part in parts:
        assert part in str(error.value)


@pytest.mark.requirement("BM1")
def test_no_step_before_the_one_before_it_is_spent(recutting: Trial) -> None:
    """A block that was not tried is not cut again, and nobody is biopsied for a cut not tried."""
    for attempt, sample in ((cut, "X1"), (biopsied, "S-2")):
        with pytest.raises(Refused) as error:
            attempt(recutting, sample)
        told(
            error, SUBJECT, "declared path", "first < recut < rebiopsy", "panel", "not every assay"
        )
    read(recutting, "R1", BLOCK, **FAILED)
    with pytest.raises(Refused) as error:
        biopsied(recutting, "S-2")
    told(
        error,
        "S-2",
        "step rebiopsy",
        "nothing that has come so far gives one",
        "cut another sample",
    )
    cut(recutting, "X1")
    read(recutting, "R2", "X1", **FAILED)
    biopsied(recutting, "S-2")
    read(recutting, "R3", "S-2")
    assert randomise(recutting)["marker_status"] == "MID"


@pytest.mark.requirement("BM1")
def test_a_status_is_not_exchanged_on_a_later_step(recutting: Trial) -> None:
    read(recutting, "R1", BLOCK, **FAILED)
    cut(recutting, "X1")
    read(recutting, "R2", BLOCK)
    with pytest.raises(Refused) as error:
        read(recutting, "R3", "X1")
    told(
        error, SUBJECT, "X1 is of the step recut", "determined at the step first", "redetermination"
    )
    with pytest.raises(Refused) as error:
        cut(recutting, "X2")
    told(error, "status of TMB was determined", "X2", "and the sample without a step")
    read(recutting, "R3", "X1", purpose="redetermination")
    cut(recutting, "X2", step=None)
    read(recutting, "R4", "X2")
    assert randomise(recutting)["marker_status"] == "MID"


@pytest.mark.requirement("BM1")
@pytest.mark.parametrize("step", ["rebiopsy", "first", "third"])
def test_a_step_is_done_with_its_own_kind_of_sample(recutting: Trial, step: str) -> None:
    with pytest.raises(BadInput, match="a step of the declared path that is a recut: recut"):
        cut(recutting, "X1", step=step)
    with pytest.raises(BadInput, match="a step of the declared path that is a rebiopsy: rebiopsy"):
        biopsied(recutting, "S-2", "recut")


@pytest.mark.requirement("BM1")
def test_the_step_of_a_sample_is_not_corrected(recutting: Trial) -> None:
    read(recutting, "R1", BLOCK, **FAILED)
    cut(recutting, "X1")
    made = recutting.log.read(types={"SampleDerived"})[0].seq
    body = {"target": made, "item": "step", "new": None, "new_missing": None}
    with pytest.raises(BadInput, match="not a permanent name"):
        recutting.act(
            "Correct", {**body, "new": '"rebiopsy"'}, "laboratory", subject=SUBJECT, reason="x"
        )
    body = {"target": made, "item": "kind", "new": '"block"'}
    recutting.act("Correct", body, "laboratory", subject=SUBJECT, reason="typing error")


@pytest.mark.requirement("RN3")
def test_who_is_not_read_is_told_what_to_do(recutting: Trial) -> None:
    due = recutting.today + datetime.timedelta(days=21)
    with pytest.raises(Refused) as error:
        randomise(recutting)
    told(error, "no valid TMB status", "awaiting_result", f"result of panel, by {due}")
    read(recutting, "R1", BLOCK, **FAILED)
    with pytest.raises(Refused) as error:
        randomise(recutting)
    due = recutting.today + datetime.timedelta(days=30)
    told(error, "nothing that has come so far", "to_be_recut", f"with its step, by {due}")
    assert "no signal" not in str(error.value), "the study does not disclose the marker to sites"


@pytest.mark.requirement("BM1")
def test_nobody_is_randomised_by_a_status_that_came_too_late(late: Trial) -> None:
    with pytest.raises(Refused) as error:
        randomise(late)
    told(error, "no status by the deadline", "past_deadline", "record the screening failure")
    with pytest.raises(Refused, match="no status by the deadline"):
        biopsied(late, "S-2")
    read(late, "R1", BLOCK)
    with pytest.raises(Refused, match="no status by the deadline"):
        randomise(late)
    late.act("ScreeningFailed", {"cause": "no_marker_status", "criteria": []}, subject=SUBJECT)


@pytest.mark.requirement("BM1")
def test_a_status_in_time_counts_whenever_it_is_used(late: Trial) -> None:
    last = (late.today - datetime.timedelta(days=1)).isoformat()
    read(late, "R1", BLOCK, occurred=last)
    assert randomise(late)["marker_status"] == "MID"


@pytest.mark.requirement("BM1")
def test_a_stratum_of_its_own(stratified: Trial) -> None:
    """Past the deadline, nothing read in time: allocated in the declared stratum."""
    found = randomise(stratified)
    assert (found["marker_status"], found["stratum"]) == ("UNREAD", "UNREAD/smoking=EVER")


def measured(value: str) -> dict[str, Any]:
    code = load_study("lung-tmb").biomarker.marker.assays[0].measurements[0].code
    return {"measurements": [{"measurement": code, "value": value, "quality": "passed"}]}


@pytest.mark.requirement("BM1")
def test_a_known_status_is_exchanged_neither_by_a_run_nor_by_a_correction(
    recutting: Trial,
) -> None:
    """The first block reads MID; the cut, another block and their corrections would read HIGH."""
    read(recutting, "R0", BLOCK, **FAILED)
    cut(recutting, "X1")
    read(recutting, "R1", BLOCK, **measured("8"))
    recutting.act("SampleCollected", {"sample": "S-9", "material": "ffpe"}, subject=SUBJECT)
    high = measured("30")
    for name, sample in (("R2", "X1"), ("R3", "S-9")):
        with pytest.raises(Refused, match="the status of TMB was determined at the step first"):
            read(recutting, name, sample, **high)
    again = {**high, "purpose": "redetermination"}
    read(recutting, "R4", "X1", **again)
    said = recutting.log.read(types={"AssayResultRecorded"})[-1].seq
    purpose = {"target": said, "item": "purpose", "new": '"randomisation"'}
    with pytest.raises(Refused, match="the status of TMB was determined at the step first"):
        recutting.act("Correct", purpose, "laboratory", subject=SUBJECT, reason="typing error")
    assert randomise(recutting)["marker_status"] == "MID"


@pytest.mark.requirement("BM1")
def test_a_repeat_after_the_deadline_takes_no_status_away(late: Trial) -> None:
    last = (late.today - datetime.timedelta(days=1)).isoformat()
    read(late, "R1", BLOCK, occurred=last, **measured("8"))
    read(late, "R2", BLOCK, **measured("30"))
    assert randomise(late)["marker_status"] == "MID"


@pytest.mark.requirement("BM1")
def test_a_result_has_a_day_and_not_one_before_its_sample(late: Trial) -> None:
    with pytest.raises(BadInput, match="the day of the result"):
        read(late, "R1", BLOCK, occurred=None)
    before = (late.today - datetime.timedelta(days=900)).isoformat()
    with pytest.raises(BadInput, match=f"a day not before {BLOCK} was "):
        read(late, "R1", BLOCK, occurred=before)


def test_a_path_tries_every_assay_that_the_rule_in_force_reads() -> None:
    study = load_study("mgmt-net")
    marker = study.biomarker.marker
    assert marker.path is not None
    steps = tuple(each.model_copy(update={"assays": ("ihc",)}) for each in marker.path.steps)
    path = marker.path.model_copy(update={"steps": steps})
    biomarker = study.biomarker.model_copy(
        update={"marker": marker.model_copy(update={"path": path})}
    )
    (wrong,) = disagreements(study.model_copy(update={"biomarker": biomarker}))
    assert "must try pyrosequencing, which the rule in force reads" in wrong.allowed
