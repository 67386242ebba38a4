"""What may still be recorded of a subject who left, through conduct."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from equipoise.errors import BadInput, EquipoiseError, Refused
from equipoise.record.keys import KeyStore
from equipoise.record.sqlite import SqliteLog
from equipoise.study.load import study_text
from tests.harness.bridge import amended
from tests.harness.trial import ANSWERS, Trial

BEFORE, LEFT, AFTER = "2025-03-09", "2025-03-10", "2025-03-11"
CONSENT = {"consent": "participation", "version": "1"}
VISIT = {"visit": "entry"}
VITAL = {"source": "telephone"}
DEATH = {"cause": "disease"}
ADVERSE = {"adverse_event": "1", "term": "Alopecia", "grade": 1, "outcome": "unknown"}
SAMPLE = {"sample": "S-9", "material": "ffpe"}


@pytest.fixture
def consented(embedded: Trial) -> Trial:
    """One subject, screened and consented long ago."""
    embedded.act("SubjectScreened", {}, subject="A-001", occurred="2025-01-01")
    embedded.act("ConsentSigned", CONSENT, subject="A-001", occurred="2025-01-01")
    return embedded


def left(trial: Trial, name: str, body: dict[str, Any], on: str = LEFT) -> int:
    return trial.act(name, body, subject="A-001", occurred=on)[0].seq


@pytest.mark.requirement("CN1")
@pytest.mark.parametrize(
    ("name", "body", "told", "clause"),
    [
        ("VisitsDiscontinued", {"cause": "moved"}, "no further visits on 2025-03-10", "2.8.10"),
        ("LostToFollowUp", {"last_attempt": LEFT}, "was lost to follow-up on 2025-03-10", "2.9"),
        (
            "ConsentWithdrawn",
            {"consent": "participation", "vital_status_allowed": True},
            "withdrew the consent to participation on 2025-03-10",
            "536/2014, article 28",
        ),
    ],
)
def test_who_left_is_seen_no_more_but_what_was_before_is_entered_late(
    consented: Trial, name: str, body: dict[str, Any], told: str, clause: str
) -> None:
    left(consented, name, body)
    for action, content in (("VisitRecorded", VISIT), ("SampleCollected", SAMPLE)):
        with pytest.raises(Refused) as refused:
            consented.act(action, content, subject="A-001", occurred=AFTER)
        error = refused.value
        assert told in str(error) and clause in str(error.clause)
        assert (error.subject, error.rule, error.value) == ("A-001", "CN1", AFTER)
        assert "on that day or before" in error.way_out
        with pytest.raises(Refused):
            consented.act(action, content, subject="A-001", occurred=None)
    with pytest.raises(Refused, match="FormSaved of 2025-03-11"):
        consented.form("A-001", "person", ANSWERS["person"], occurred=AFTER)
    assert consented.log.read()[-1].type == "ActionRefused"
    consented.form("A-001", "person", ANSWERS["person"], occurred=BEFORE)
    consented.act("VisitRecorded", VISIT, subject="A-001", occurred=LEFT)
    consented.act("AdverseEventReported", ADVERSE, subject="A-001", occurred=AFTER)
    consented.act("VitalStatusRecorded", {"source": "register"}, subject="A-001", occurred=AFTER)
    consented.act("DeathRecorded", DEATH, subject="A-001", occurred="2025-04")


@pytest.mark.requirement("CN1")
def test_vital_status_only_where_it_was_allowed_and_corrections_ever(consented: Trial) -> None:
    (saved,) = consented.form("A-001", "person", ANSWERS["person"], occurred=BEFORE)
    body = {"consent": "participation", "vital_status_allowed": False}
    withdrawn = left(consented, "ConsentWithdrawn", body)
    for name, content in (("VitalStatusRecorded", VITAL), ("DeathRecorded", DEATH)):
        with pytest.raises(Refused, match="withdrew the consent to participation"):
            consented.act(name, content, subject="A-001", occurred=AFTER)
    change = {"target": saved.seq, "item": "items/age_years/value", "new": '"62"'}
    consented.act("Correct", change, subject="A-001", reason="typing error")
    consented.act("VitalStatusRecorded", VITAL, subject="A-001", occurred=BEFORE)
    change = {"target": withdrawn, "item": "vital_status_allowed", "new": "true"}
    consented.act("Correct", change, subject="A-001", reason="read again")
    consented.act("VitalStatusRecorded", VITAL, subject="A-001", occurred=AFTER)
    consented.act("DeathRecorded", DEATH, subject="A-001", occurred="2025-05-01")


@pytest.mark.requirement("CN1", "AT1")
def test_the_day_of_a_withdrawal_counts_as_corrected(consented: Trial) -> None:
    seq = left(consented, "VisitsDiscontinued", {"cause": "other"})
    with pytest.raises(Refused):
        consented.act("VisitRecorded", VISIT, subject="A-001", occurred="2025-03-20")
    change = {"target": seq, "item": "occurred", "new": '"2025-03-30"'}
    consented.act("Correct", change, subject="A-001", reason="the day of the letter, not of entry")
    consented.act("VisitRecorded", VISIT, subject="A-001", occurred="2025-03-20")
    with pytest.raises(Refused, match="on 2025-03-30"):
        consented.act("VisitRecorded", VISIT, subject="A-001", occurred="2025-03-31")


@pytest.mark.requirement("CN1")
def test_who_was_lost_comes_back_when_the_site_has_reached_them(consented: Trial) -> None:
    left(consented, "LostToFollowUp", {"last_attempt": LEFT})
    register = {"source": "register"}
    consented.act("VitalStatusRecorded", register, subject="A-001", occurred="2025-04-01")
    with pytest.raises(Refused, match="record the vital status of that day"):
        consented.act("VisitRecorded", VISIT, subject="A-001", occurred="2025-05-02")
    consented.act("VitalStatusRecorded", VITAL, subject="A-001", occurred="2025-05-01")
    consented.act("VisitRecorded", VISIT, subject="A-001", occurred="2025-05-02")
    with pytest.raises(Refused):
        consented.act("VisitRecorded", VISIT, subject="A-001", occurred="2025-04-30")


@pytest.mark.requirement("CN1")
def test_no_cycle_after_treatment_was_stopped_but_an_earlier_one_is_entered_late(
    embedded: Trial,
) -> None:
    """In a live trial the dose of the study has no signed source: that is the next check."""
    embedded.screened("A-001")
    (event,) = embedded.act("Randomise", {}, subject="A-001")
    arm = json.loads(event.body)["arm"]
    arms = {each.code: each.regimens for each in embedded.study.randomisation.arms}
    (regimen, *_) = arms[arm]
    embedded.act("RegimenChosen", {"regimen": regimen}, subject="A-001")
    embedded.wait(2)
    yesterday = (embedded.today - datetime.timedelta(days=1)).isoformat()
    embedded.act("TreatmentDiscontinued", {"cause": "toxicity"}, subject="A-001",
                 occurred=yesterday)  # fmt: skip
    cycle = {"cycle": 1, "regimen": regimen, "height": "170", "weight": "70"}
    dose = {"cycle": 1, "day": 1, "drug": "cisplatin", "amount": "1"}
    for name, body in (
        ("CycleStarted", cycle), ("DoseGiven", dose), ("RegimenChosen", {"regimen": regimen}),
    ):  # fmt: skip
        with pytest.raises(Refused, match=r"stopped study treatment .*\(CN1, ICH E6\(R3\) 2.9"):
            embedded.act(name, body, subject="A-001")
    with pytest.raises(Refused, match="has no signed source"):
        embedded.act("CycleStarted", cycle, subject="A-001", occurred=yesterday)
    embedded.act("VisitRecorded", VISIT, subject="A-001")


@pytest.mark.requirement("CN1")
def test_nothing_is_seen_of_a_subject_after_death(consented: Trial) -> None:
    left(consented, "DeathRecorded", DEATH)
    for name, body in (
        ("VisitRecorded", VISIT), ("SampleCollected", SAMPLE), ("VitalStatusRecorded", VITAL),
    ):  # fmt: skip
        with pytest.raises(BadInput, match="a day not after the death"):
            consented.act(name, body, subject="A-001", occurred=AFTER)
        consented.act(name, body, subject="A-001", occurred=LEFT)
    with pytest.raises(EquipoiseError, match="death/A-001"):
        consented.act("DeathRecorded", DEATH, subject="A-001", occurred=AFTER)


def amend(trial: Trial, consent_version: str, *, since: str) -> None:
    """A second study version with this version of the consents, in force at the site."""
    study = amended(trial.study)
    consents = tuple(
        each.model_copy(update={"version": consent_version}) for each in study.visits.consents
    )
    visits = study.visits.model_copy(update={"consents": consents})
    text = study_text(study.model_copy(update={"visits": visits}))
    trial.act("AdoptStudyVersion", {"study": text}, "data_manager")
    body = {"version": "2.0", "approval": "committee 2"}
    trial.act("StudyVersionActivated", body, "data_manager", site=trial.site, occurred=since)


def days_ago(trial: Trial, number: int) -> str:
    return (trial.today - datetime.timedelta(days=number)).isoformat()


@pytest.fixture
def amendable(tmp_path: Path) -> Iterator[Trial]:
    """A trial whose first version is in force since a month, with one consented subject."""
    log = SqliteLog.create(tmp_path / "record.sqlite3", trial="T1")
    keys = KeyStore.create(tmp_path / "record.sqlite3.keys")
    trial = Trial.opened(log, keys)
    month = days_ago(trial, 30)
    first = {"version": trial.study.version, "approval": "committee 1"}
    trial.act("StudyVersionActivated", first, "data_manager", site=trial.site, occurred=month)
    trial.act("SubjectScreened", {}, subject="A-001", occurred=month)
    trial.act("ConsentSigned", CONSENT, subject="A-001", occurred=month)
    yield trial
    log.close()
    keys.close()


@pytest.mark.requirement("CN1", "VA2")
def test_procedures_wait_for_the_new_consent_and_safety_does_not(amendable: Trial) -> None:
    trial = amendable
    amend(trial, "2", since=days_ago(trial, 0))
    with pytest.raises(Refused) as refused:
        trial.act("VisitRecorded", VISIT, subject="A-001")
    error = refused.value
    assert "has not signed consent participation in version 2" in str(error)
    assert (error.subject, error.rule, error.value) == ("A-001", "CN1", "2")
    assert "2.8.2" in str(error.clause) and "have version 2 signed" in error.way_out
    for name, body in (("SampleCollected", SAMPLE), ("VisitRecorded", VISIT)):
        with pytest.raises(Refused, match="has to wait"):
            trial.act(name, body, subject="A-001")
    with pytest.raises(Refused, match="has to wait"):
        trial.form("A-001", "person", ANSWERS["person"])
    trial.act("VisitRecorded", VISIT, subject="A-001", occurred=days_ago(trial, 1))
    trial.act("AdverseEventReported", ADVERSE, subject="A-001")
    trial.act("VitalStatusRecorded", VITAL, subject="A-001")
    with pytest.raises(Refused, match="was signed in version 1"):
        trial.act("ConsentSigned", CONSENT, subject="A-001")
    trial.act("ConsentSigned", {**CONSENT, "version": "2"}, subject="A-001")
    trial.form("A-001", "person", ANSWERS["person"])
    trial.act("VisitsDiscontinued", {"cause": "moved"}, subject="A-001")


@pytest.mark.requirement("CN1")
def test_who_leaves_instead_of_signing_again_may(amendable: Trial) -> None:
    amend(amendable, "2", since=days_ago(amendable, 0))
    body = {"consent": "participation", "vital_status_allowed": True}
    amendable.act("ConsentWithdrawn", body, subject="A-001")
    amendable.act("DeathRecorded", DEATH, subject="A-001")


@pytest.mark.requirement("CN1")
def test_an_amendment_that_leaves_the_consent_alone_asks_for_none(amendable: Trial) -> None:
    amend(amendable, "1", since=days_ago(amendable, 0))
    amendable.act("VisitRecorded", VISIT, subject="A-001")


@pytest.mark.requirement("CN1")
def test_who_is_screened_under_the_amendment_signs_its_consent_only(amendable: Trial) -> None:
    amend(amendable, "2", since=days_ago(amendable, 0))
    amendable.act("SubjectScreened", {}, subject="A-002")
    amendable.act("ConsentSigned", {**CONSENT, "version": "2"}, subject="A-002")
    amendable.act("VisitRecorded", VISIT, subject="A-002")
