"""The marker determined again, through conduct: blinded to arm and outcome, frozen for analysis."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from equipoise.analysis.populations import status
from equipoise.biomarker.events import RedeterminationFrozen
from equipoise.biomarker.freeze import freeze_sha256
from equipoise.errors import BadInput, RecordError, Refused
from equipoise.record.plan import Label
from equipoise.record.tables import tables
from equipoise.study.access import ACTION_ROLES, BLINDED_ROLES, VISIBLE
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.derivation import derive
from equipoise.study.load import study_text
from tests.harness.trial import Trial

SUBJECT = "A-001"


@pytest.fixture
def randomised(embedded: Trial) -> Trial:
    """A trial with one subject who is HIGH and randomised."""
    embedded.screened(SUBJECT, burden="20")
    embedded.act("Randomise", {}, subject=SUBJECT)
    return embedded


def again(trial: Trial, burden: str, result: str, **how: Any) -> None:
    body = {
        "result": result, "sample": f"S-{SUBJECT}", "assay": "panel",
        "purpose": "redetermination", "technically_valid": True,
        "measurements": [{"measurement": "burden", "value": burden, "quality": "passed"}],
    }  # fmt: skip
    trial.act("AssayResultRecorded", body, "laboratory", subject=SUBJECT, **how)


def invalidated(trial: Trial, result: str, **how: Any) -> None:
    body = {"result": result, "finding": "bubble"}
    trial.act("AssayResultInvalidated", body, "laboratory", subject=SUBJECT, **how)


def corrected(trial: Trial, event_type: str, item: str, new: str, role: str, **how: Any) -> None:
    target = trial.log.read(types={event_type})[-1].seq
    body = {"target": target, "item": item, "new": json.dumps(new)}
    trial.act("Correct", body, role, subject=SUBJECT, reason="typing error", **how)


def frozen(trial: Trial, as_of: int | None = None, *, signed: bool = True, **how: Any) -> None:
    body = RedeterminationFrozen(as_of=as_of or trial.log.head().seq)
    if signed:
        content = {
            "meaning": "approval", "scope": "re-determined status", "reauthenticated": True,
            "content_sha256": freeze_sha256(trial.study.biomarker, body),
        }  # fmt: skip
        trial.act("Signed", content, "statistician")
    trial.act("RedeterminationFrozen", {"as_of": body.as_of}, "statistician", **how)


def statuses(trial: Trial) -> tuple[str, str]:
    """As randomised and as re-determined, as an analysis of the record has them."""
    found = derive(tables(trial.log.read(), CATALOGUE), trial.study)
    rule = trial.study.biomarker.marker.rule_in_force
    return (
        status(found, rule, "as_randomised")["status"].item(),
        status(found, rule, "as_redetermined")["status"].item(),
    )


def unblind(trial: Trial, person: str) -> None:
    trial.act("PersonUnblinded", {"person": person, "by": "a slide"}, "data_manager")


def also(trial: Trial, person: str, role: str) -> None:
    body = {"person": person, "granted_role": role, "granted_site": None}
    trial.act("GrantGiven", body, "administrator")


@contextmanager
def refusal(trial: Trial, *parts: str) -> Iterator[None]:
    """What is done inside is refused, with these words, and no status has moved."""
    before = statuses(trial)
    with pytest.raises(Refused) as error:
        yield
    for part in parts:
        assert part in str(error.value)
    assert statuses(trial) == before


@pytest.mark.requirement("BM1")
def test_the_status_as_randomised_stays(randomised: Trial) -> None:
    """No later run, correction or invalidation changes what randomisation used."""
    again(randomised, "8", "R2")
    assert statuses(randomised) == ("HIGH", "MID")
    corrected(randomised, "AssayResultRecorded", "measurements/burden/value", "3", "laboratory")
    assert statuses(randomised) == ("HIGH", "LOW")
    invalidated(randomised, f"R-{SUBJECT}-1")
    assert statuses(randomised) == ("HIGH", "LOW")


@pytest.mark.requirement("BM1")
def test_no_role_that_records_a_result_sees_arm_or_outcome() -> None:
    roles = ACTION_ROLES["AssayResultRecorded"] | ACTION_ROLES["AssayResultInvalidated"]
    assert roles == {"laboratory"} <= BLINDED_ROLES
    assert not VISIBLE["laboratory"] & {"allocation", "outcome"}


@pytest.mark.requirement("BM1")
def test_a_reader_who_is_in_the_laboratory_too_knows_the_outcome(randomised: Trial) -> None:
    also(randomised, "lab", "reader")
    with refusal(randomised, SUBJECT, "lab was reader", "BM1", "no role that sees them"):
        again(randomised, "8", "R2")
    with refusal(randomised, "lab was reader"):
        invalidated(randomised, f"R-{SUBJECT}-1")
    with refusal(randomised, "lab was reader"):
        corrected(randomised, "AssayResultRecorded", "measurements/burden/value", "3", "laboratory")
    also(randomised, "lab-2", "laboratory")
    again(randomised, "8", "R2", actor="lab-2")


@pytest.mark.requirement("BM1")
def test_who_was_unblinded_determines_nothing_again(randomised: Trial) -> None:
    unblind(randomised, "lab")
    with refusal(randomised, "lab was unblinded"):
        again(randomised, "8", "R2")


@pytest.mark.requirement("BM1")
def test_before_randomisation_there_is_nothing_to_know(embedded: Trial) -> None:
    also(embedded, "lab", "reader")
    embedded.screened(SUBJECT, burden="20")
    with refusal(embedded, "lab was reader"):
        again(embedded, "8", "R2")


@pytest.mark.requirement("BM1")
@pytest.mark.parametrize("role", ["investigator", "nurse"])
def test_the_site_does_not_correct_what_the_laboratory_read(randomised: Trial, role: str) -> None:
    item = "measurements/burden/value"
    with refusal(randomised, "entered by a blinded role, the laboratory", "raise a query"):
        corrected(randomised, "AssayResultRecorded", item, "3", role)


@pytest.mark.requirement("BM1")
def test_after_the_freeze_determinations_are_recorded_and_do_not_count(randomised: Trial) -> None:
    again(randomised, "8", "R2")
    frozen(randomised)
    again(randomised, "3", "R3")
    assert randomised.log.read(types={"AssayResultRecorded"})[-1].subject == SUBJECT
    invalidated(randomised, "R2")
    invalidated(randomised, "R3")
    assert statuses(randomised) == ("HIGH", "MID")


@pytest.mark.requirement("BM1")
def test_the_position_counts_and_not_the_moment_of_the_freeze(randomised: Trial) -> None:
    before = randomised.log.head().seq
    again(randomised, "8", "R2")
    assert statuses(randomised)[1] == "MID"
    frozen(randomised, before)
    assert statuses(randomised) == ("HIGH", "HIGH")


@pytest.mark.requirement("BM1")
def test_no_correction_moves_what_is_frozen(randomised: Trial) -> None:
    """Of a frozen run or of its sample; what changes no status may still be corrected."""
    again(randomised, "8", "R2")
    frozen(randomised)
    told = ("frozen as of event", "another re-determined status of TMB")
    with refusal(randomised, *told):
        corrected(randomised, "AssayResultRecorded", "measurements/burden/value", "3", "laboratory")
    with refusal(randomised, *told):
        corrected(randomised, "SampleReceived", "tumour_cells", "5", "laboratory")
    corrected(randomised, "SampleReceived", "tumour_cells", "70", "laboratory")
    again(randomised, "3", "R3")
    corrected(randomised, "AssayResultRecorded", "measurements/burden/value", "4", "laboratory")
    assert statuses(randomised) == ("HIGH", "MID")


@pytest.mark.requirement("BM1")
def test_no_late_judgement_of_a_sample_moves_what_is_frozen(embedded: Trial) -> None:
    """A section that was read, and is found inadequate only after the freeze."""
    embedded.screened(SUBJECT, burden="20")
    embedded.act("Randomise", {}, subject=SUBJECT)
    body = {"sample": "X1", "parent": f"S-{SUBJECT}", "kind": "section"}
    embedded.act("SampleDerived", body, "laboratory", subject=SUBJECT)
    body = {
        "result": "R2", "sample": "X1", "assay": "panel", "purpose": "redetermination",
        "technically_valid": True,
        "measurements": [{"measurement": "burden", "value": "8", "quality": "passed"}],
    }  # fmt: skip
    embedded.act("AssayResultRecorded", body, "laboratory", subject=SUBJECT)
    frozen(embedded)
    for adequate in (False, True):
        body = {"sample": "X1", "adequate": adequate}
        if adequate:
            embedded.act("SampleReceived", body, "laboratory", subject=SUBJECT)
        else:
            with refusal(embedded, "another re-determined status"):
                embedded.act("SampleReceived", body, "laboratory", subject=SUBJECT)
    assert statuses(embedded) == ("HIGH", "MID")


@pytest.mark.requirement("BM1")
def test_the_freeze_is_signed_as_it_is(randomised: Trial) -> None:
    with refusal(randomised, "is not signed", "BM1", "sign the approval"):
        frozen(randomised, signed=False)
    frozen(randomised)
    with refusal(randomised, "was frozen by event"):
        frozen(randomised)


@pytest.mark.requirement("BM1")
def test_the_freeze_is_of_what_was_there(randomised: Trial) -> None:
    with pytest.raises(BadInput, match="a position in the record before the signature"):
        frozen(randomised, randomised.log.head().seq + 5)


@pytest.mark.requirement("BM1")
def test_the_freeze_comes_before_unblinding(randomised: Trial) -> None:
    unblind(randomised, "stat")
    with refusal(randomised, "stat was unblinded", "who is blinded"):
        frozen(randomised)


@pytest.mark.requirement("BM1")
@pytest.mark.parametrize("role", ["data_manager", "laboratory", "investigator"])
def test_the_statistician_freezes(randomised: Trial, role: str) -> None:
    with pytest.raises((Refused, RecordError), match="may not do RedeterminationFrozen"):
        randomised.act("RedeterminationFrozen", {"as_of": 1}, role)


@pytest.mark.requirement("BM1")
def test_who_signs_the_freeze_is_blinded(randomised: Trial) -> None:
    also(randomised, "other", "statistician")
    body = RedeterminationFrozen(as_of=randomised.log.head().seq)
    content = {
        "meaning": "approval", "scope": "re-determined status", "reauthenticated": True,
        "content_sha256": freeze_sha256(randomised.study.biomarker, body),
    }  # fmt: skip
    randomised.act("Signed", content, "statistician", actor="other")
    unblind(randomised, "other")
    with refusal(randomised, "is not signed by anybody who is blinded, but by other"):
        frozen(randomised, body.as_of, signed=False)
    frozen(randomised, body.as_of)


@pytest.mark.requirement("BM1")
def test_who_was_a_data_manager_does_not_freeze(randomised: Trial) -> None:
    also(randomised, "stat", "data_manager")
    with refusal(randomised, "stat was data_manager", "who is blinded"):
        frozen(randomised)


@pytest.mark.requirement("BM1")
def test_what_changed_after_the_position_is_signed_again(randomised: Trial) -> None:
    """A correction between the position and the freeze would count though nobody signed it."""
    again(randomised, "8", "R9")
    as_of = randomised.log.head().seq
    corrected(randomised, "AssayResultRecorded", "measurements/burden/value", "3", "laboratory")
    with refusal(randomised, f"was signed as of event {as_of}", "sign the freeze as of event"):
        frozen(randomised, as_of)
    frozen(randomised)


@pytest.mark.requirement("BM1")
def test_no_study_version_changes_what_was_frozen(randomised: Trial) -> None:
    frozen(randomised)
    marker = randomised.study.biomarker.marker
    other = marker.model_copy(update={"label": Label(en="Another")})
    changed = randomised.study.model_copy(
        update={
            "version": "2.0",
            "biomarker": randomised.study.biomarker.model_copy(update={"marker": other}),
        }
    )
    with refusal(randomised, "version 2.0 changes what the study says of the biomarker"):
        randomised.act("AdoptStudyVersion", {"study": study_text(changed)}, "data_manager")
    same = randomised.study.model_copy(update={"version": "2.1"})
    randomised.act("AdoptStudyVersion", {"study": study_text(same)}, "data_manager")


@pytest.mark.requirement("BM1")
def test_the_content_of_tumour_cells_is_judged_by_the_blinded(randomised: Trial) -> None:
    made = {"sample": "D1", "parent": f"S-{SUBJECT}", "kind": "dna", "tumour_cells": "60"}
    with refusal(randomised, "and may know arm or outcome"):
        randomised.act("SampleDerived", made, "nurse", subject=SUBJECT)
    randomised.act("SampleDerived", made, "laboratory", subject=SUBJECT)
    with refusal(randomised, "and may know arm or outcome"):
        also(randomised, "lab", "reader")
        corrected(randomised, "SampleDerived", "tumour_cells", "5", "laboratory")
    randomised.act("SampleDerived", {**made, "sample": "D2", "tumour_cells": None}, "nurse",
                   subject=SUBJECT)  # fmt: skip
