"""Screening that failed, and people who are screened again, through conduct."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from equipoise.errors import BadInput, Refused
from equipoise.record.tables import tables
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.derivation import derive
from tests.harness.trial import ANSWERS, Trial


def failed(trial: Trial, subject: str, **body: Any) -> dict[str, Any]:
    """Record a screening failure; what the record holds of it."""
    event = trial.act("ScreeningFailed", {"cause": "not_eligible", **body}, subject=subject)[0]
    found: dict[str, Any] = json.loads(event.body)
    return found


def minor(trial: Trial, subject: str) -> None:
    """A subject who is too young, and of whom everything else is known."""
    trial.screened(subject, without="person")
    trial.form(subject, "person", {**ANSWERS["person"], "age_years": "17"})


def test_the_criteria_not_met_and_not_known_are_the_rules(embedded: Trial) -> None:
    for number, given in enumerate([(), ("IN1",), ("IN4",)]):
        subject = f"A-10{number}"
        minor(embedded, subject)
        body = failed(embedded, subject, criteria=given)
        assert (body["criteria"], body["pending"]) == (["IN1"], ["IN4"])
    embedded.act("SubjectScreened", {}, subject="A-002")
    body = failed(embedded, "A-002")
    assert body["criteria"] == [] and {"IN1", "IN5", "EX2"} <= set(body["pending"])


def test_not_eligible_is_what_the_criteria_say(embedded: Trial) -> None:
    embedded.screened("A-001")
    with pytest.raises(Refused) as refused:
        failed(embedded, "A-001")
    text = str(refused.value)
    for part in ("A-001", "meets every criterion", "not known: IN4", "name another cause"):
        assert part in text, part
    minor(embedded, "A-002")
    with pytest.raises(Refused, match="does not fail EX1"):
        failed(embedded, "A-002", criteria=("IN1", "EX1"))
    assert failed(embedded, "A-001", cause="declined")["criteria"] == []


def test_screening_fails_once_and_never_after_randomisation(embedded: Trial) -> None:
    embedded.screened("A-001")
    embedded.act("Randomise", {}, subject="A-001")
    with pytest.raises(Refused, match="is randomised: nobody fails screening afterwards"):
        failed(embedded, "A-001", cause="declined")
    minor(embedded, "A-002")
    failed(embedded, "A-002")
    with pytest.raises(Refused, match="is a screening failure already"):
        failed(embedded, "A-002", cause="declined")
    with pytest.raises(Refused, match="cannot be randomised: is a screening failure"):
        embedded.act("Randomise", {}, subject="A-002")


def test_a_new_number_stays_linked_to_the_former_one(trial: Trial) -> None:
    minor(trial, "A-001")
    failed(trial, "A-001")
    again = {"rescreening_of": "A-001"}
    event = trial.act("SubjectScreened", again, subject="A-002")[0]
    assert json.loads(event.body) == again
    found = derive(tables(trial.log.read(), CATALOGUE), trial.study, upto="disposition")
    rows = found["disposition"].select(
        "subject", "rescreening_of", "failure_cause", "failed_criteria"
    )
    assert rows.rows() == [
        ("A-001", None, "not_eligible", ["IN1"]),
        ("A-002", "A-001", None, None),
    ]
    # a chain: the second number may fail and be followed by a third
    failed(trial, "A-002", cause="declined")
    trial.act("SubjectScreened", {"rescreening_of": "A-002"}, subject="A-003")


def test_nobody_is_screened_again_under_a_live_number(embedded: Trial) -> None:
    embedded.screened("A-001")
    embedded.act("SubjectScreened", {}, subject="A-002")
    minor(embedded, "A-003")
    failed(embedded, "A-003")
    embedded.act("SubjectScreened", {"rescreening_of": "A-003"}, subject="A-004")
    for former, told, way_out in (
        ("A-001", "is no screening failure: the person takes part under it", "go on under A-001"),
        ("A-002", "is no screening failure", "record its screening failure first"),
        ("A-003", "was screened again already, as A-004", "link to A-004, the latest number"),
        ("A-009", "is no number of this site", "check the former number"),
    ):
        with pytest.raises(Refused) as refused:
            embedded.act("SubjectScreened", {"rescreening_of": former}, subject="A-005")
        text = str(refused.value)
        for part in ("A-005", former, told, way_out, "one live number a person"):
            assert part in text, part
    embedded.act("Randomise", {}, subject="A-001")
    with pytest.raises(Refused, match="is no screening failure"):
        embedded.act("SubjectScreened", {"rescreening_of": "A-001"}, subject="A-005")


def test_a_former_number_of_another_site_is_not_linked(embedded: Trial) -> None:
    minor(embedded, "A-001")
    failed(embedded, "A-001")
    other = embedded.study.sites[1].code
    body = {"person": "inv2", "granted_role": "investigator", "granted_site": other}
    embedded.act("GrantGiven", body, "administrator")
    embedded.act("SiteOpened", {"name": "Second"}, "data_manager", site=other)
    body = {"version": embedded.study.version, "approval": "committee 2"}
    embedded.act("StudyVersionActivated", body, "data_manager", site=other)
    with pytest.raises(Refused, match="is no number of this site"):
        embedded.act(
            "SubjectScreened", {"rescreening_of": "A-001"}, subject="B-001", site=other,
            actor="inv2",
        )  # fmt: skip


def test_what_another_process_recorded_counts(embedded: Trial) -> None:
    other = Trial(embedded.log, embedded.keys, behind=5)
    minor(other, "A-001")
    with pytest.raises(Refused, match="is no screening failure"):
        embedded.act("SubjectScreened", {"rescreening_of": "A-001"}, subject="A-002")
    failed(other, "A-001")
    embedded.act("SubjectScreened", {"rescreening_of": "A-001"}, subject="A-002")


def measured(trial: Trial, subject: str, days: int) -> None:
    """A subject who is eligible by what was answered so many days ago."""
    on = (trial.today - datetime.timedelta(days=days)).isoformat()
    trial.act("SubjectScreened", {}, subject=subject, occurred=on)
    consent = {"consent": "participation", "version": "1"}
    trial.act("ConsentSigned", consent, subject=subject, occurred=on)
    for form, answers in ANSWERS.items():
        dated = {"scan_date": on} if form == "scan" else {}
        trial.form(subject, form, {**answers, **dated}, occurred=on)
    trial.act("SampleCollected", {"sample": f"S-{subject}", "material": "ffpe"}, subject=subject)
    body = {"sample": f"S-{subject}", "adequate": True, "tumour_cells": "60"}
    trial.act("SampleReceived", body, "laboratory", subject=subject)
    trial.assayed(subject, "20")


@pytest.mark.requirement("RN3")
def test_nobody_is_randomised_on_an_old_measurement(embedded: Trial) -> None:
    measured(embedded, "A-001", 14)
    embedded.act("ConfirmEligibility", {}, subject="A-001")
    assert embedded.act("Randomise", {}, subject="A-001")[0].type == "Randomised"
    measured(embedded, "A-002", 15)
    on, today = embedded.today - datetime.timedelta(days=15), embedded.today
    with pytest.raises(Refused) as refused:
        embedded.act("ConfirmEligibility", {}, subject="A-002")
    text = str(refused.value)
    reason = f"serum_creatinine of {on}, not in the 14 days before {today}"
    for part in ("A-002", "not yet known: IN4, EX2", reason, "measure again what is too old"):
        assert part in text, part
    before = (today - datetime.timedelta(days=2)).isoformat()
    for action in ("ConfirmEligibility", "Randomise"):
        with pytest.raises(BadInput, match="today"):
            embedded.act(action, {}, subject="A-002", occurred=before)
    embedded.form("A-002", "status", ANSWERS["status"], instance="2")
    embedded.act("ConfirmEligibility", {}, subject="A-002")
    found = embedded.act("Randomise", {}, subject="A-002", occurred=None)[0]
    assert json.loads(found.body)["pending_criteria"] == ["IN4"]
    assert found.occurred == today.isoformat(), "what is decided now has a day, said or not"


def test_too_old_is_a_failure_by_what_is_not_known(embedded: Trial) -> None:
    """The way out of an answer that is too old: the failure is judged on its own day."""
    measured(embedded, "A-001", 15)
    with pytest.raises(Refused, match="or record the screening failure"):
        embedded.act("ConfirmEligibility", {}, subject="A-001")
    failure = {"cause": "not_eligible", "criteria": ["EX2"]}
    (event,) = embedded.act("ScreeningFailed", failure, subject="A-001")
    body = json.loads(event.body)
    assert (body["criteria"], "EX2" in body["pending"]) == ([], True)


def test_a_newer_measurement_after_the_confirmation_fails(embedded: Trial) -> None:
    measured(embedded, "A-001", 5)
    embedded.act("ConfirmEligibility", {}, subject="A-001")
    worse = {**ANSWERS["status"], "serum_creatinine": "400"}
    embedded.form("A-001", "status", worse, instance="2")
    failure = {"cause": "not_eligible", "criteria": ["EX2"]}
    (event,) = embedded.act("ScreeningFailed", failure, subject="A-001")
    assert json.loads(event.body)["criteria"] == ["EX2"]


def test_a_form_without_a_day_is_not_recent(embedded: Trial) -> None:
    measured(embedded, "A-001", 5)
    saved = embedded.log.read(types={"FormSaved"})
    target = next(each for each in saved if json.loads(each.body)["form"] == "status")
    undated = {"target": target.seq, "item": "occurred", "new": None}
    embedded.act("Correct", undated, subject="A-001", reason="nobody knows the day")
    with pytest.raises(Refused, match="serum_creatinine of an unknown day"):
        embedded.act("ConfirmEligibility", {}, subject="A-001")


def test_what_the_rule_said_of_a_failure_is_not_corrected(embedded: Trial) -> None:
    minor(embedded, "A-001")
    failed(embedded, "A-001")
    (event,) = embedded.log.read(types={"ScreeningFailed"})
    for item, new in (("criteria", '["EX9"]'), ("cause", '"declined"')):
        change = {"target": event.seq, "item": item, "new": new}
        with pytest.raises(Refused, match="the criteria that the rule named then"):
            embedded.act("Correct", change, subject="A-001", reason="typing error")
    with pytest.raises(Refused, match="is a screening failure"):
        embedded.act("ConfirmEligibility", {}, subject="A-001")


def test_a_form_that_is_filled_once_has_one_instance(embedded: Trial) -> None:
    embedded.screened("A-001")
    other = {"scan_date": embedded.today.isoformat(), "measurable": "false"}
    with pytest.raises(Refused, match="has the form scan, which is filled once"):
        embedded.form("A-001", "scan", other, instance="2")
