"""Adverse events, laboratory values and reference ranges through conduct: what is refused."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from equipoise.conduct.admission import validated
from equipoise.errors import BadInput, EquipoiseError, Refused
from equipoise.record.tables import tables
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.derivation import derive
from tests.harness.trial import Trial


@pytest.fixture
def screened(embedded: Trial) -> Trial:
    """A live trial with one subject."""
    embedded.act("SubjectScreened", {}, subject="A-001")
    return embedded


def _result(**changes: Any) -> dict[str, Any]:
    found = {"analyte": "platelets", "unit": "10^9/L", "value": "140", **changes}
    return {name: value for name, value in found.items() if value is not None}


def _report(*results: dict[str, Any], name: str = "L1") -> dict[str, Any]:
    return {"report": name, "results": list(results)}


def _range(**changes: Any) -> dict[str, Any]:
    found = {"analyte": "platelets", "unit": "10^9/L", "low": "150", "high": "400", **changes}
    return {"ranges": [{name: value for name, value in found.items() if value is not None}]}


@pytest.mark.requirement("LB1")
@pytest.mark.parametrize(
    ("name", "body", "how", "told"),
    [
        ("LaboratoryReported", _report(), {}, "at least one result"),
        ("LaboratoryReported", _report(_result()), {"occurred": None}, "the day of the blood draw"),
        ("LaboratoryReported", _report(_result(analyte="thrombocytes")), {}, "'thrombocytes'"),
        ("LaboratoryReported", _report(_result(unit="G/l")), {}, "a unit of platelets: 10^9/L"),
        ("LaboratoryReported", _report(_result(value=None)), {}, "the reason why none"),
        ("LaboratoryReported", _report(_result(value="-1")), {}, "must lie between 0"),
        ("LaboratoryReported", _report(_result(value="1.23456")), {}, "at most 4 decimal places"),
        ("LaboratoryReported", _report(_result(), _result(value="9")), {}, "each analyte once"),
        (
            "LaboratoryReported",
            _report(_result(analyte="creatinine", unit="mg/dL", value="113123")),
            {}, "less than 10000000 µmol/L",
        ),
        ("ReferenceRangesDeclared", {"ranges": []}, {"site": "S01"}, "at least one range"),
        ("ReferenceRangesDeclared", _range(unit="g"), {"site": "S01"}, "a unit of platelets"),
        ("ReferenceRangesDeclared", _range(low="400"), {"site": "S01"}, "below the upper limit"),
        ("ReferenceRangesDeclared", _range(low=None, high=None), {"site": "S01"}, "or both"),
        ("ReferenceRangesDeclared", _range(sex="MALE"), {"site": "S01"}, "one of F, M"),
        (
            "ReferenceRangesDeclared", _range(age_from=60, age_below=60), {"site": "S01"},
            "below 60 years",
        ),
        (
            "ReferenceRangesDeclared", {"ranges": _range()["ranges"] * 2}, {"site": "S01"},
            "one range for the same people",
        ),
        (
            "ReferenceRangesDeclared", _range(), {"site": "S01", "occurred": None},
            "the day from which they are valid",
        ),
        ("ReferenceRangesDeclared", _range(), {"subject": "A-001"}, "an open site, and no subject"),
    ],
)  # fmt: skip
def test_what_a_laboratory_cannot_have_said(
    screened: Trial, name: str, body: dict[str, Any], how: dict[str, Any], told: str
) -> None:
    how = {**how, "site": screened.site} if "site" in how else {"subject": "A-001", **how}
    before = screened.log.head().seq
    with pytest.raises(BadInput) as refusal:
        screened.act(name, body, **how)
    assert told in str(refusal.value)
    assert screened.log.head().seq == before


def test_a_corrected_value_passes_the_checks_again(screened: Trial) -> None:
    (event,) = screened.act("LaboratoryReported", _report(_result()), subject="A-001")
    body = {"target": event.seq, "item": "results/platelets/unit", "new": '"g/L"'}
    with pytest.raises(BadInput, match="a unit of platelets"):
        screened.act("Correct", body, subject="A-001", reason="read again")
    body = {"target": event.seq, "item": "results/platelets/value", "new": '"40"'}
    screened.act("Correct", body, subject="A-001", reason="read again")
    found = derive(tables(screened.log.read(), CATALOGUE), screened.study, upto="laboratory_value")
    row = found["laboratory_value"].row(0, named=True)
    assert (row["value"], row["low_least"], row["low_most"]) == (400_000, 3, 3)


@pytest.mark.requirement("CN1")
def test_no_blood_is_drawn_after_death_or_withdrawal(screened: Trial) -> None:
    """What was drawn before may be entered after; adverse events are followed beyond."""
    body = {"consent": "participation", "version": "1"}
    screened.act("ConsentSigned", body, subject="A-001")
    body = {"consent": "participation", "vital_status_allowed": True}
    screened.act("ConsentWithdrawn", body, subject="A-001", occurred="2025-01-01")
    screened.act("LaboratoryReported", _report(_result()), subject="A-001", occurred="2025-01-01")
    late = _report(_result(), name="L2")
    with pytest.raises(Refused, match="withdrew the consent to participation on 2025-01-01"):
        screened.act("LaboratoryReported", late, subject="A-001", occurred="2025-01-02")
    screened.act("SubjectScreened", {}, subject="A-002", occurred="2025-01-01")
    dead = {"cause": "disease"}
    screened.act("DeathRecorded", dead, subject="A-002", occurred="2025-01-02")
    with pytest.raises(BadInput, match="a day not after the death"):
        screened.act("LaboratoryReported", late, subject="A-002", occurred="2025-01-03")


def test_a_report_has_one_name(screened: Trial) -> None:
    screened.act("LaboratoryReported", _report(_result()), subject="A-001")
    with pytest.raises(EquipoiseError, match="laboratory_report/A-001/L1"):
        screened.act("LaboratoryReported", _report(_result()), subject="A-001")


def test_the_range_of_the_hospital_counts_in_conduct(screened: Trial) -> None:
    """A derived table of one subject rests on what was declared for their hospital."""
    context = screened.conductor._context
    screened.act("ReferenceRangesDeclared", _range(), "laboratory", site=screened.site)
    screened.act("LaboratoryReported", _report(_result()), subject="A-001")
    action = screened.action("LaboratoryReported", _report(_result()), subject="A-001")
    found = (
        context(action, validated(action), screened.log)
        .derived("laboratory_value")
        .row(0, named=True)
    )
    whole = derive(tables(screened.log.read(), CATALOGUE), screened.study, upto="laboratory_value")
    assert (found["low_least"], found["missing"]) == (1, None)
    assert found == whole["laboratory_value"].row(0, named=True)


EVENT = {"adverse_event": "AE1", "term": "Pneumonitis", "grade": 3, "outcome": "unknown"}


def _sae(**changes: Any) -> dict[str, Any]:
    found = {
        "adverse_event": "AE1", "report": 1, "criteria": ["hospitalisation"],
        "aware": "2025-01-01", "narrative": "Admitted with dyspnoea.", **changes,
    }  # fmt: skip
    return {name: value for name, value in found.items() if value is not None}


def _opinion(**changes: Any) -> dict[str, Any]:
    found = {"adverse_event": "AE1", "opinion_of": "investigator", "drug": "inventumab"}
    return {**found, "related": "related", **changes}


@pytest.fixture
def harmed(screened: Trial) -> Trial:
    """A subject with pneumonitis."""
    screened.act("AdverseEventReported", EVENT, subject="A-001")
    return screened


@pytest.mark.parametrize(
    ("name", "body", "role", "how", "told"),
    [
        ("SeriousAdverseEventReported", _sae(adverse_event="AE2"), "investigator", {}, "'AE2'"),
        ("SeriousAdverseEventReported", _sae(), "investigator", {"occurred": None}, "reached"),
        (
            "SeriousAdverseEventReported", _sae(aware="2025-01-02"), "investigator",
            {"occurred": "2025-01-01"}, "a day not after the sponsor knew",
        ),
        (
            "SeriousAdverseEventReported",
            _sae(aware_time="10:01", received_time="10:00"), "investigator",
            {"occurred": "2025-01-01"}, "a time not after that at which the sponsor knew (10:00)",
        ),
        (
            "SeriousAdverseEventReported", _sae(aware_time="24:00"), "investigator", {},
            "aware_time",
        ),
        ("SeriousAdverseEventReported", _sae(report=2), "investigator", {}, "report: found '2'; 1"),
        ("SeriousAdverseEventReported", _sae(narrative=None), "investigator", {}, "a narrative"),
        ("SeriousAdverseEventReported", _sae(criteria=["bad"]), "investigator", {}, "'bad'"),
        ("SeriousAdverseEventReported", _sae(criteria=[]), "investigator", {}, "one criterion"),
        ("SeriousAdverseEventReported", _sae(criteria=["death"]), "investigator", {}, "grade 5"),
        ("CausalityAssessed", _opinion(drug="aspirin"), "investigator", {}, "'aspirin'"),
        ("CausalityAssessed", _opinion(), "investigator", {"occurred": None}, "of the opinion"),
        (
            "SusarSubmitted",
            {"adverse_event": "AE1", "kind": "initial", "number": "1"}, "safety_officer", {},
            "none recorded yet",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_said_of_a_serious_event(
    harmed: Trial, name: str, body: dict[str, Any], role: str, how: dict[str, Any], told: str
) -> None:
    with pytest.raises(BadInput) as refusal:
        harmed.act(name, body, role, subject="A-001", **how)
    assert told in str(refusal.value)


@pytest.mark.requirement("SA1")
def test_an_hour_that_has_not_come_yet_at_the_hospital_is_refused(harmed: Trial) -> None:
    """On the Sunday on which clocks go back, too: ten past ten in Paris is ten past nine in UTC."""
    at = datetime.datetime.fromisoformat("2099-10-25T09:10:00+00:00")
    harmed.conductor.clock = lambda: at
    today = {"occurred": "2099-10-25"}
    for name, body in (
        ("received_time", _sae(received_time="10:11")),
        ("aware_time", _sae(aware="2099-10-25", aware_time="10:11")),
    ):
        with pytest.raises(BadInput) as refusal:
            harmed.act("SeriousAdverseEventReported", body, subject="A-001", **today)
        assert "a time not after now (10:10 at the hospital)" in str(refusal.value)
        assert refusal.value.field == name
    body = _sae(aware="2099-10-25", aware_time="10:05", received_time="10:10")
    (event,) = harmed.act("SeriousAdverseEventReported", body, subject="A-001", **today)
    wrong = {"target": event.seq, "item": "received_time", "new": '"10:11"'}
    with pytest.raises(BadInput, match="a time not after now"):
        harmed.act("Correct", wrong, subject="A-001", reason="misread", occurred=None)


@pytest.mark.requirement("SA1")
@pytest.mark.parametrize(
    ("role", "party"), [("investigator", "sponsor"), ("safety_officer", "investigator")]
)
def test_nobody_speaks_for_the_other(harmed: Trial, role: str, party: str) -> None:
    with pytest.raises(Refused) as refusal:
        harmed.act("CausalityAssessed", _opinion(opinion_of=party), role, subject="A-001")
    for part in ("A-001", "SA1", "ICH E2A", f"opinion of the {party}", "the other stays"):
        assert part in str(refusal.value)


@pytest.mark.requirement("SA1")
def test_the_sponsor_adds_an_opinion_and_takes_none_back(harmed: Trial) -> None:
    """Two opinions, a SUSAR for both, and a report that left: all in the record's tables."""
    harmed.act("SeriousAdverseEventReported", _sae(), subject="A-001")
    harmed.act("CausalityAssessed", _opinion(drug="exemplatin"), subject="A-001")
    other = _opinion(drug="exemplatin", opinion_of="sponsor", related="not_related")
    harmed.act("CausalityAssessed", other, "safety_officer", subject="A-001")
    body = {"adverse_event": "AE1", "kind": "follow_up", "number": "EV-1"}
    with pytest.raises(BadInput, match="initial, before any follow_up"):
        harmed.act("SusarSubmitted", body, "safety_officer", subject="A-001")
    sent = {**body, "kind": "initial"}
    harmed.act("SusarSubmitted", sent, "safety_officer", subject="A-001")
    with pytest.raises(BadInput, match="follow_up"):
        harmed.act("SusarSubmitted", sent, "safety_officer", subject="A-001")
    derived = derive(tables(harmed.log.read(), CATALOGUE), harmed.study, upto="expedited_report")
    row = derived["serious_adverse_event"].row(0, named=True)
    assert (row["related_investigator"], row["related_sponsor"]) == (True, False)
    assert (row["related"], row["expected"], row["susar"]) == (True, False, True)
    assert derived["expedited_report"]["report"].to_list() == ["site_to_sponsor", "other"]
    assert derived["expedited_report"]["done"].to_list() == [harmed.today, harmed.today]


@pytest.mark.requirement("SA1")
def test_the_sponsor_does_not_correct_the_opinion_of_the_investigator(harmed: Trial) -> None:
    (opinion,) = harmed.act("CausalityAssessed", _opinion(), subject="A-001")
    body = {"target": opinion.seq, "item": "related", "new": '"not_related"'}
    with pytest.raises(Refused, match="may not do Correct"):
        harmed.act("Correct", body, "safety_officer", subject="A-001", reason="reviewed")


def test_corrections_pass_the_checks_again(harmed: Trial) -> None:
    (report,) = harmed.act("SeriousAdverseEventReported", _sae(), subject="A-001")
    (opinion,) = harmed.act("CausalityAssessed", _opinion(), subject="A-001")
    for target, item, new, told in (
        (report, "criteria", '["bad"]', "found 'bad'"),
        (report, "criteria", '["death"]', "if and only if the event has grade 5"),
        (opinion, "drug", '"aspirin"', "found 'aspirin'"),
        (opinion, "opinion_of", '"sponsor"', "gets no opinion of the sponsor"),
    ):
        body = {"target": target.seq, "item": item, "new": new}
        with pytest.raises(EquipoiseError) as refusal:
            harmed.act("Correct", body, subject="A-001", reason="read again")
        assert told in str(refusal.value)


def test_a_serious_event_that_turns_fatal_is_reported_again(harmed: Trial) -> None:
    harmed.act("SeriousAdverseEventReported", _sae(), subject="A-001")
    worse = {"adverse_event": "AE1", "grade": 5, "outcome": "fatal"}
    harmed.act("AdverseEventFollowedUp", worse, subject="A-001")
    again = _sae(report=2, criteria=["hospitalisation", "death"], narrative=None)
    harmed.act("SeriousAdverseEventReported", again, subject="A-001")
    derived = derive(tables(harmed.log.read(), CATALOGUE), harmed.study, upto="expedited_report")
    assert derived["serious_adverse_event"]["severity"].to_list() == ["fatal"]
    assert not derived["expedited_report"]["certain"][1]
