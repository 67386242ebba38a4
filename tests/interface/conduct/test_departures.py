"""What goes wrong with an allocation: wrong stratum, not eligible, a code that must be broken."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from equipoise.errors import BadInput, Refused
from equipoise.record.event import Event
from equipoise.record.tables import tables
from equipoise.study.access import ROLES, may_see
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.derivation import derive
from equipoise.workflow.allocation_list import exported
from tests.harness.trial import Trial

WRONG = {
    "deviation": "D1", "category": "wrong_stratum", "important": True,
    "description": "smoking was asked again",
}  # fmt: skip


def randomised(trial: Trial, subject: str) -> Event:
    trial.screened(subject)
    return trial.act("Randomise", {}, subject=subject)[0]


def corrected(trial: Trial, subject: str, form: str, item: str, new: str) -> None:
    """Put right an answer of the subject's first form of this kind."""
    saved = trial.log.read(subject=subject, types={"FormSaved"})
    event = next(each for each in saved if json.loads(each.body)["form"] == form)
    body = {"target": event.seq, "item": f"items/{item}/value", "new": json.dumps(new)}
    trial.act("Correct", body, subject=subject, reason="asked again")


def row(trial: Trial, table: str, subject: str) -> dict[str, Any]:
    frame = derive(tables(trial.log.read(), CATALOGUE), trial.study, upto=table)[table]
    return frame.filter(subject=subject).row(0, named=True)


@pytest.mark.requirement("RN5")
def test_a_wrong_stratum_is_a_deviation_and_changes_no_allocation(trial: Trial) -> None:
    event = randomised(trial, "A-001")
    assert row(trial, "stratum", "A-001")["differs"] is False
    corrected(trial, "A-001", "person", "smoking", "NEVER")
    trial.act("DeviationRecorded", {**WRONG, "target": event.seq}, subject="A-001")
    found = row(trial, "stratum", "A-001")
    assert (found["stratum"], found["stratum_corrected"], found["differs"]) == (
        "HIGH/smoking=EVER", "HIGH/smoking=NEVER", True,
    )  # fmt: skip
    assert found["deviation_recorded"]
    assert row(trial, "allocation", "A-001")["stratum"] == "HIGH/smoking=EVER"
    with pytest.raises(Refused, match="is randomised already"):
        trial.act("Randomise", {}, subject="A-001")
    assert trial.log.read(subject="A-001", types={"Randomised"}) == [event]


@pytest.mark.requirement("RN5")
def test_a_misplaced_subject_keeps_its_place_in_the_list(embedded: Trial) -> None:
    """The next of the stratum as randomised is the second there, of the corrected one the first."""
    randomised(embedded, "A-001")
    corrected(embedded, "A-001", "person", "smoking", "NEVER")
    second = json.loads(randomised(embedded, "A-002").body)
    assert (second["stratum"], second["stratum_allocation"]) == ("HIGH/smoking=EVER", 2)
    embedded.screened("A-003")
    corrected(embedded, "A-003", "person", "smoking", "NEVER")
    third = json.loads(embedded.act("Randomise", {}, subject="A-003")[0].body)
    assert (third["stratum"], third["stratum_allocation"]) == ("HIGH/smoking=NEVER", 1)


@pytest.mark.requirement("RN5")
def test_somebody_ineligible_is_a_deviation_and_stays_allocated(embedded: Trial) -> None:
    event = randomised(embedded, "A-001")
    corrected(embedded, "A-001", "person", "age_years", "17")
    assert row(embedded, "eligibility", "A-001")["eligible"] is False
    body = {**WRONG, "category": "not_eligible", "important": False}
    embedded.act("DeviationRecorded", body, subject="A-001")
    assert row(embedded, "allocation", "A-001")["arm"] == json.loads(event.body)["arm"]
    with pytest.raises(Refused, match="is randomised already"):
        embedded.act("Randomise", {}, subject="A-001")


def listed(trial: Trial, role: str = "data_manager") -> dict[str, dict[str, str]]:
    """The exported list, by subject."""
    text = exported(trial.log, trial.keys, trial.action("Exported", {}, role))
    return {row["subject"]: row for row in csv.DictReader(io.StringIO(text))}


@pytest.mark.requirement("RN5", "AT5")
def test_both_strata_and_the_deviations_are_exported(embedded: Trial) -> None:
    first = json.loads(randomised(embedded, "A-001").body)
    randomised(embedded, "A-002")
    randomised(embedded, "A-003")
    corrected(embedded, "A-001", "person", "smoking", "NEVER")
    corrected(embedded, "A-001", "person", "age_years", "17")
    body = {**WRONG, "deviation": "D1", "category": "wrong_stratum"}
    embedded.act("DeviationRecorded", body, subject="A-001")
    embedded.form("A-002", "status", {"ecog_status": "4", "serum_creatinine": "81.5"}, instance="2")
    rows = listed(embedded)
    assert list(rows) == ["A-001", "A-002", "A-003"]
    wrong, later, right = rows.values()
    assert (wrong["stratum"], wrong["stratum_corrected"]) == (
        "HIGH/smoking=EVER", "HIGH/smoking=NEVER",
    )  # fmt: skip
    assert (wrong["factors"], wrong["factors_corrected"]) == ("smoking=EVER", "smoking=NEVER")
    assert (wrong["differs"], wrong["eligible_corrected"]) == ("true", "false")
    assert wrong["deviations"] == "not_eligible;wrong_stratum", "the first beside the correction"
    assert (wrong["arm"], wrong["marker_status"]) == (first["arm"], "HIGH")
    assert (right["differs"], right["eligible_corrected"], right["deviations"]) == (
        "false", "true", "",
    )  # fmt: skip
    assert row(embedded, "eligibility", "A-002")["eligible"] is False, "worse today"
    assert later["eligible_corrected"] == "true", "what changed later makes nobody ineligible"
    (event,) = embedded.log.read(types={"Exported"})
    told = json.loads(event.body)
    assert (told["rows"], event.role) == (3, "data_manager")
    assert told["as_of"] == event.seq - 1


@pytest.mark.requirement("RN2", "RN5", "AT6")
def test_an_export_shows_nothing_that_its_reader_may_not_know(embedded: Trial) -> None:
    randomised(embedded, "A-001")
    blinded = listed(embedded, "statistician")["A-001"]
    assert "arm" not in blinded
    assert blinded["stratum"] == "HIGH/smoking=EVER"
    unblind = {"person": "stat", "by": "data monitoring committee"}
    embedded.act("PersonUnblinded", unblind, "data_manager")
    assert listed(embedded, "statistician")["A-001"]["arm"] in {"CHEMO", "COMBI", "ANTIBODY"}
    for role in ("investigator", "nurse", "reader", "laboratory", "monitor", "administrator"):
        before = len(embedded.log.read(types={"Exported"}))
        with pytest.raises(Refused, match="may not do Exported"):
            listed(embedded, role)
        assert len(embedded.log.read(types={"Exported"})) == before


def test_before_anybody_is_randomised_the_list_is_empty(embedded: Trial) -> None:
    embedded.screened("A-001")
    assert listed(embedded) == {}


@pytest.mark.requirement("RN2")
def test_no_refusal_at_randomisation_tells_of_arms(embedded: Trial) -> None:
    """Neither a second request nor an incomplete one says what anybody has or will get."""
    randomised(embedded, "A-001")
    embedded.screened("A-002", without="assay")
    for subject in ("A-001", "A-002"):
        with pytest.raises(Refused) as refusal:
            embedded.act("Randomise", {}, subject=subject)
        assert not any(arm.code in str(refusal.value) for arm in embedded.study.randomisation.arms)
    for event in embedded.log.read(types={"ActionRefused"}):
        assert not any(arm.code in event.body for arm in embedded.study.randomisation.arms)


@pytest.mark.requirement("RN5")
@pytest.mark.parametrize("category", ["wrong_stratum", "not_eligible"])
def test_before_randomisation_what_is_wrong_is_corrected(embedded: Trial, category: str) -> None:
    embedded.screened("A-001")
    with pytest.raises(Refused, match=f"is not randomised.*{category}.*RN5"):
        embedded.act("DeviationRecorded", {**WRONG, "category": category}, subject="A-001")
    body = {**WRONG, "category": "visit_window"}
    assert embedded.act("DeviationRecorded", body, subject="A-001")


def test_a_deviation_is_as_important_as_the_protocol_says(embedded: Trial) -> None:
    randomised(embedded, "A-001")
    with pytest.raises(BadInput, match=r"important.*the protocol calls"):
        embedded.act("DeviationRecorded", {**WRONG, "important": False}, subject="A-001")
    with pytest.raises(BadInput, match="target: found '999'"):
        embedded.act("DeviationRecorded", {**WRONG, "target": 999}, subject="A-001")
    assert not embedded.log.read(types={"DeviationRecorded"})


@pytest.mark.requirement("RN5")
@pytest.mark.parametrize(
    ("event_type", "item", "new"),
    [
        ("Randomised", "arm", "CHEMO"),
        ("Randomised", "stratum", "LOW/smoking=EVER"),
        ("Randomised", "factors/smoking/level", "NEVER"),
        ("EligibilityConfirmed", "study_version_judged", "2.0"),
    ],
)
def test_what_a_rule_decided_is_never_edited(
    embedded: Trial, event_type: str, item: str, new: str
) -> None:
    randomised(embedded, "A-001")
    (event,) = embedded.log.read(subject="A-001", types={event_type})
    body = {"target": event.seq, "item": item, "new": json.dumps(new)}
    with pytest.raises(Refused, match=r"was decided by a rule, and is never edited \(RN5\)"):
        embedded.act("Correct", body, subject="A-001", reason="a wish")
    assert not embedded.log.read(types={"Corrected"})


BREAK = {"person": "emergency-doctor", "circumstance": "seizure, treatment depends on the arm"}


@pytest.mark.requirement("RN6")
def test_a_code_break_reveals_one_arm_and_says_who_is_told(trial: Trial) -> None:
    allocated = json.loads(randomised(trial, "A-001").body)
    randomised(trial, "A-002")
    (event,) = trial.act("BreakCode", BREAK, subject="A-001", reason="emergency")
    body = json.loads(event.body)
    assert (event.type, event.subject, event.reason) == ("CodeBroken", "A-001", "emergency")
    assert (body["arm"], body["person"]) == (allocated["arm"], "emergency-doctor")
    assert [(each["person"], each["held_role"]) for each in body["notified"]] == [
        ("safety", "safety_officer"), ("dm", "data_manager"), ("inv", "investigator"),
    ]  # fmt: skip
    assert len(trial.log.read(types={"CodeBroken"})) == 1


@pytest.mark.requirement("RN6")
def test_who_is_told_holds_the_role_today_at_that_hospital(embedded: Trial) -> None:
    randomised(embedded, "A-001")
    other = embedded.study.sites[1].code
    for person, site in (("inv-2", other), ("inv-3", embedded.site)):
        body = {"person": person, "granted_role": "investigator", "granted_site": site}
        embedded.act("GrantGiven", body, "administrator")
    officer = next(
        each.seq
        for each in embedded.conductor.state.grants.values()
        if each.role == "safety_officer"
    )
    revoke = {"grant": officer, "cause": "left"}
    embedded.act("GrantRevoked", revoke, "administrator", reason="left the sponsor")
    (event,) = embedded.act("BreakCode", BREAK, subject="A-001", reason="emergency")
    told = {each["person"] for each in json.loads(event.body)["notified"]}
    assert told == {"dm", "inv", "inv-3"}


@pytest.mark.requirement("RN6")
def test_a_code_break_needs_a_reason_and_one_randomised_subject(embedded: Trial) -> None:
    randomised(embedded, "A-001")
    embedded.screened("A-002")
    for reason in (None, " "):
        with pytest.raises(BadInput, match="a reason is obligatory"):
            embedded.act("BreakCode", BREAK, subject="A-001", reason=reason)
    with pytest.raises(Refused, match=r"A-002 is not randomised.*RN6"):
        embedded.act("BreakCode", BREAK, subject="A-002", reason="emergency")
    with pytest.raises(BadInput, match="the subject that it is about"):
        embedded.act("BreakCode", BREAK, site=embedded.site, reason="emergency")
    with pytest.raises(BadInput, match="circumstance"):
        embedded.act("BreakCode", {"person": "x"}, subject="A-001", reason="emergency")
    assert not embedded.log.read(types={"CodeBroken"})


@pytest.mark.requirement("RN6")
def test_a_code_is_broken_at_any_hour(embedded: Trial) -> None:
    """Neither a lock of the whole trial nor what somebody else just entered stands in the way."""
    randomised(embedded, "A-001")
    embedded.act("Locked", {"scope": "trial"}, "data_manager")
    (event,) = embedded.act("BreakCode", BREAK, subject="A-001", reason="emergency", seen=1)
    assert event.type == "CodeBroken"


@pytest.mark.requirement("RN6", "UA1")
@pytest.mark.parametrize("role", sorted(ROLES - {"investigator", "safety_officer"}))
def test_others_break_no_code(embedded: Trial, role: str) -> None:
    randomised(embedded, "A-001")
    with pytest.raises(Refused, match="may not do BreakCode"):
        embedded.act("BreakCode", BREAK, role, subject="A-001", reason="curious")


@pytest.mark.requirement("RN6", "UA4")
def test_who_learned_an_arm_never_holds_a_blinded_role_again(embedded: Trial) -> None:
    randomised(embedded, "A-001")
    embedded.act("BreakCode", {**BREAK, "person": "doctor-x"}, subject="A-001", reason="emergency")
    body = {"person": "doctor-x", "granted_role": "reader"}
    with pytest.raises(Refused, match="has seen unblinded data"):
        embedded.act("GrantGiven", body, "administrator")


@pytest.mark.requirement("RN2", "RN6", "AT6")
def test_nobody_blinded_sees_what_a_code_break_revealed() -> None:
    for item in ("arm", "circumstance"):
        assert not any(
            may_see(role, "CodeBroken", item) for role in ("reader", "laboratory", "administrator")
        )
