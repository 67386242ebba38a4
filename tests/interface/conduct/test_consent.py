"""First consent, and a withdrawn consent to samples, through conduct."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from equipoise.errors import Refused
from equipoise.record.keys import KeyStore
from equipoise.record.sqlite import SqliteLog
from equipoise.record.tables import tables
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from equipoise.visits.plan import Consent
from tests.harness.trial import ANSWERS, Trial

SIGNED = {"consent": "participation", "version": "1"}
RESEARCH = {"consent": "research", "version": "1"}


@pytest.fixture
def research(tmp_path: Path) -> Iterator[Trial]:
    """A trial in which blood is taken under a consent of its own."""
    study = load_study("lung-tmb")
    own = Consent.model_validate(
        {"code": "research", "label": {"en": "Research on blood"}, "version": "1",
         "required_for_randomisation": False, "samples": ["blood"]}
    )  # fmt: skip
    main = study.visits.consents[0].model_copy(update={"samples": ("ffpe", "frozen")})
    visits = study.visits.model_copy(update={"consents": (main, own)})
    log = SqliteLog.create(tmp_path / "record.sqlite3", trial="T1")
    keys = KeyStore.create(tmp_path / "record.sqlite3.keys")
    yield Trial.opened(log, keys, study=study.model_copy(update={"visits": visits}))
    log.close()
    keys.close()


def ago(trial: Trial, days: int) -> str:
    return (trial.today - datetime.timedelta(days=days)).isoformat()


def refused(trial: Trial, name: str, body: dict[str, Any], on: str, **how: Any) -> Refused:
    with pytest.raises(Refused) as found:
        trial.act(name, body, subject="A-001", occurred=on, **how)
    assert found.value.subject == "A-001" and found.value.rule == "CN1"
    return found.value


@pytest.mark.requirement("CN1")
def test_no_procedure_of_the_trial_before_the_first_consent(embedded: Trial) -> None:
    embedded.act("SubjectScreened", {}, subject="A-001", occurred=ago(embedded, 9))
    # standard of care: it may be older than the consent
    embedded.form("A-001", "cancer", ANSWERS["cancer"], occurred=ago(embedded, 9))
    tissue = {"sample": "S1", "material": "ffpe"}
    embedded.act("SampleCollected", tissue, subject="A-001", occurred="2019")
    blood, visit = {"sample": "S2", "material": "blood"}, {"visit": "day_1"}
    for name, body in (("SampleCollected", blood), ("VisitRecorded", visit)):
        error = refused(embedded, name, body, ago(embedded, 5))
        for part in ("has not signed consent participation", "standard of care", "536/2014"):
            assert part in str(error)
        assert error.value == ago(embedded, 5)
    signed = embedded.act("ConsentSigned", SIGNED, subject="A-001", occurred=ago(embedded, 5))[0]
    embedded.act("SampleCollected", blood, subject="A-001", occurred=ago(embedded, 5))
    refused(embedded, "VisitRecorded", visit, ago(embedded, 6))
    # the day of the signature counts as corrected
    change = {"target": signed.seq, "item": "occurred", "new": f'"{ago(embedded, 3)}"'}
    embedded.act("Correct", change, subject="A-001", reason="read again")
    refused(embedded, "VisitRecorded", visit, ago(embedded, 4))
    embedded.act("VisitRecorded", visit, subject="A-001", occurred=ago(embedded, 3))


@pytest.mark.requirement("CN1")
def test_a_withdrawn_consent_to_samples_closes_work_on_them(research: Trial) -> None:
    def done(name: str, body: dict[str, Any], days: int, role: str = "investigator") -> None:
        research.act(name, body, role, subject="A-001", occurred=ago(research, days))

    done("SubjectScreened", {}, 30)
    done("ConsentSigned", SIGNED, 30)
    blood = {"sample": "B1", "material": "blood"}
    error = refused(research, "SampleCollected", blood, ago(research, 29))
    assert "has not signed consent research" in str(error)
    done("ConsentSigned", RESEARCH, 29)
    done("SampleCollected", blood, 29)
    done("SampleCollected", {"sample": "T1", "material": "ffpe"}, 29)
    done("SampleDerived", {"sample": "B2", "parent": "B1", "kind": "dna"}, 20)
    done("SampleDerived", {"sample": "T2", "parent": "T1", "kind": "section"}, 20)
    done("SampleShipped", {"sample": "B1", "shipment": "H1", "destination": "Lab"}, 12)
    done("ConsentWithdrawn", {"consent": "research", "vital_status_allowed": True}, 10)
    for name, body in (
        ("SampleCollected", {"sample": "B9", "material": "blood"}),
        ("SampleDerived", {"sample": "B3", "parent": "B2", "kind": "bisulfite_dna"}),
        ("SampleLabelled", {"sample": "B2", "label": "L1"}),
        ("SampleShipped", {"sample": "B2", "shipment": "H2", "destination": "Lab"}),
    ):
        error = refused(research, name, body, ago(research, 9))
        for part in (f"withdrew consent research on {ago(research, 10)}", name, "article 28(3)",
                     "on that day or before", "what was obtained stays"):  # fmt: skip
            assert part in str(error)
    result = {
        "result": "R1", "sample": "B2", "assay": "panel", "purpose": "redetermination",
        "technically_valid": True,
        "measurements": [{"measurement": "burden", "value": "9", "quality": "passed"}],
    }  # fmt: skip
    refused(research, "AssayResultRecorded", result, ago(research, 9), role="laboratory")
    # what was on its way arrives, what was done before is entered late, tissue goes on
    done("SampleReceived", {"sample": "B1", "adequate": True}, 9, "laboratory")
    done("SampleLabelled", {"sample": "B2", "label": "L1"}, 11)
    done("SampleLabelled", {"sample": "T2", "label": "L2"}, 9)
    found = derive(tables(research.log.read(), CATALOGUE), research.study, upto="sample_state")
    assert found["sample_state"]["sample"].to_list() == ["B1", "B2", "T1", "T2"]


@pytest.mark.requirement("CN1")
def test_after_the_consent_to_the_trial_no_sample_is_worked_on(embedded: Trial) -> None:
    embedded.screened("A-001")
    body = {"consent": "participation", "vital_status_allowed": True}
    embedded.act("ConsentWithdrawn", body, subject="A-001", occurred=ago(embedded, 2))
    sample = "S-A-001"
    for name, content in (
        ("SampleDerived", {"sample": "S9", "parent": sample, "kind": "section"}),
        ("SampleLabelled", {"sample": sample, "label": "L1"}),
        ("SampleShipped", {"sample": sample, "shipment": "H1", "destination": "Lab"}),
    ):
        error = refused(embedded, name, content, ago(embedded, 1))
        assert "withdrew the consent to participation" in str(error)


@pytest.mark.requirement("CN1")
def test_a_consent_that_was_signed_again_counts(research: Trial) -> None:
    def done(name: str, body: dict[str, Any], days: int) -> None:
        research.act(name, body, subject="A-001", occurred=ago(research, days))

    done("SubjectScreened", {}, 30)
    done("ConsentSigned", SIGNED, 30)
    done("ConsentSigned", RESEARCH, 29)
    done("ConsentWithdrawn", {"consent": "research", "vital_status_allowed": True}, 20)
    done("ConsentSigned", RESEARCH, 10)
    blood = {"sample": "B1", "material": "blood"}
    assert "withdrew consent research" in str(
        refused(research, "SampleCollected", blood, ago(research, 15))
    )
    done("SampleCollected", blood, 5)


@pytest.mark.requirement("CN1")
def test_the_material_counts_as_corrected(research: Trial) -> None:
    """Typed in as tissue, it was blood: what was withdrawn for blood closes work on it."""
    research.act("SubjectScreened", {}, subject="A-001", occurred=ago(research, 30))
    for consent in (SIGNED, RESEARCH):
        research.act("ConsentSigned", consent, subject="A-001", occurred=ago(research, 29))
    taken = {"sample": "B1", "material": "ffpe"}
    (event,) = research.act("SampleCollected", taken, subject="A-001", occurred=ago(research, 20))
    change = {"target": event.seq, "item": "material", "new": '"blood"'}
    research.act("Correct", change, subject="A-001", reason="typing error")
    gone = {"consent": "research", "vital_status_allowed": True}
    research.act("ConsentWithdrawn", gone, subject="A-001", occurred=ago(research, 10))
    made = {"sample": "B2", "parent": "B1", "kind": "dna"}
    assert "withdrew consent research" in str(
        refused(research, "SampleDerived", made, ago(research, 5))
    )


@pytest.mark.requirement("CN1")
def test_no_work_on_a_sample_before_the_first_consent(embedded: Trial) -> None:
    embedded.act("SubjectScreened", {}, subject="A-001")
    tissue = {"sample": "S1", "material": "ffpe"}
    embedded.act("SampleCollected", tissue, subject="A-001", occurred="2019")
    made = {"sample": "S2", "parent": "S1", "kind": "dna"}
    assert "has not signed consent participation" in str(
        refused(embedded, "SampleDerived", made, embedded.today.isoformat())
    )


def test_a_withdrawal_counts_as_corrected_before_randomisation(research: Trial) -> None:
    """Recorded of the wrong consent, and put right: it stands in the way of an allocation."""
    research.screened("A-001")
    research.act("ConsentSigned", RESEARCH, subject="A-001")
    gone = {"consent": "research", "vital_status_allowed": True}
    (event,) = research.act("ConsentWithdrawn", gone, subject="A-001")
    with pytest.raises(Refused, match="the allocation scheme"):
        research.act("Randomise", {}, subject="A-001")
    change = {"target": event.seq, "item": "consent", "new": '"participation"'}
    research.act("Correct", change, subject="A-001", reason="wrong line")
    with pytest.raises(Refused, match=r"participation \S+ is not signed"):
        research.act("Randomise", {}, subject="A-001")
