"""What was decided on a value that is put right since: what cannot have been is refused, what would
not be done now is a deviation, and nothing is undone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from equipoise.errors import BadInput, Refused
from tests.harness.corrected import (
    CYCLE,
    ago,
    corrected,
    form_of,
    of_type,
    randomised,
    told,
    treated,
)
from tests.harness.dosed import opened, signed
from tests.harness.trial import Trial


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    """A trial that began ninety days ago, so that days can pass."""
    yield from opened(tmp_path, signed())


@pytest.mark.requirement("PH1")
def test_a_weight_put_right_shows_the_doses_that_were_calculated_on_it(trial: Trial) -> None:
    subject = treated(trial)
    cycle = of_type(trial, subject, "CycleStarted")
    written = corrected(trial, subject, cycle, "weight", "75")
    assert [each.type for each in written] == ["Corrected", "DeviationRecorded"]
    (text,) = told(trial, written).values()
    assert text.startswith("given 108.58 mg of exemplatin in cycle 1, where the rule gives 111.82")
    assert text.endswith("(as corrected); reason: misread")
    assert json.loads(written[1].body)["category"] == "dose"
    assert len(corrected(trial, subject, cycle, "weight", "70")) == 1, "by the rule again"


@pytest.mark.requirement("PH1")
def test_an_answer_put_right_shows_the_dose_and_the_cycle_that_rested_on_it(trial: Trial) -> None:
    subject = treated(trial)
    status = form_of(trial, subject, "status")
    reduced = told(
        trial, corrected(trial, subject, status, "items/serum_creatinine/value", "120.1")
    )
    assert "where the rule gives 81.44 mg (exemplatin: Creatinine above 120" in reduced["dose"]
    put_off = told(trial, corrected(trial, subject, status, "items/ecog_status/value", "4"))
    assert "cycle 1 of DOUBLET began although fictabine: ECOG 4" in put_off["dose"]
    assert "81.44" not in put_off["dose"], "told before"


@pytest.mark.requirement("PH1")
def test_an_answer_of_an_earlier_day_that_comes_late_shows_it_too(trial: Trial) -> None:
    subject = treated(trial)
    trial.wait(1)
    late = {"ecog_status": "1", "serum_creatinine": "130"}
    written = trial.form(subject, "status", late, "late", occurred=ago(trial, 1))
    assert "where the rule gives 81.44 mg" in told(trial, written)["dose"]
    assert "(entered later)" in told(trial, written)["dose"]
    after = {"ecog_status": "1", "serum_creatinine": "300"}
    assert len(trial.form(subject, "status", after, "after")) == 1, "of a later day"


@pytest.mark.requirement("PH1")
def test_the_day_of_a_cycle_is_put_right_within_what_can_have_been(trial: Trial) -> None:
    subject = treated(trial)
    first = of_type(trial, subject, "CycleStarted")
    trial.wait(21)
    second = trial.form(subject, "status", {"ecog_status": "1", "serum_creatinine": "80"}, "second")
    assert len(second) == 1
    (later,) = trial.act("CycleStarted", {**CYCLE, "cycle": 2}, subject=subject)
    for event, day, said in (
        (first, ago(trial, 24), "cannot have begun cycle 1 on .*: was randomised on"),
        (first, ago(trial, -1), "a day not after today"),
        (first, ago(trial, 20), r"cannot have been given exemplatin of cycle 1 on .* began on"),
        (later, ago(trial, 22), "cannot have begun cycle 2 on .*: cycle 1 began on"),
        (later, None, "the day on which the cycle began: without it the event is not recorded"),
    ):
        with pytest.raises((BadInput, Refused), match=said):
            corrected(trial, subject, event, "occurred", day)
    assert len(corrected(trial, subject, first, "occurred", ago(trial, 22))) == 1
    early = told(trial, corrected(trial, subject, later, "occurred", ago(trial, 10)))
    assert "cycle 2 of DOUBLET began although it is due on" in early["dose"]


@pytest.mark.requirement("PH1")
def test_a_dose_is_not_given_before_its_cycle(trial: Trial) -> None:
    subject = treated(trial)
    dose = of_type(trial, subject, "DoseGiven")
    told_ = r"cannot have been given exemplatin of cycle 1 on .*: the cycle began on"
    with pytest.raises(Refused, match=told_):
        corrected(trial, subject, dose, "occurred", ago(trial, 1))
    fictabine = {"cycle": 1, "day": 1, "drug": "fictabine", "amount": "1650"}
    with pytest.raises(Refused, match="cannot have been given fictabine of cycle 1"):
        trial.act("DoseGiven", fictabine, subject=subject, occurred=ago(trial, 1))


def test_a_cycle_is_of_a_regimen_that_was_chosen_with_what_was_given(trial: Trial) -> None:
    subject = treated(trial)
    cycle = of_type(trial, subject, "CycleStarted")
    with pytest.raises(Refused, match="had no cycle 1 of MONO: exemplatin was given in it"):
        corrected(trial, subject, cycle, "regimen", "MONO")


@pytest.mark.requirement("CN1")
def test_a_consent_put_right_shows_what_was_done_before_it(trial: Trial) -> None:
    subject = treated(trial)
    consent = of_type(trial, subject, "ConsentSigned")
    trial.act("VisitRecorded", {"visit": "day_1"}, subject=subject)
    shown = told(trial, corrected(trial, subject, consent, "occurred", ago(trial, 3)))
    assert "criterion IN5 is not met: Written informed consent" in shown.pop("not_eligible")
    assert not shown, "signed after screening, and before randomisation"
    shown = told(trial, corrected(trial, subject, consent, "occurred", ago(trial, 1)))
    assert f"randomised on {ago(trial, 2)}, before consent participation" in shown["consent"]
    assert "CycleStarted" not in shown["consent"]
    shown = told(trial, corrected(trial, subject, consent, "occurred", ago(trial, 0)))
    assert not shown, "nothing more was done before it"
    visit = of_type(trial, subject, "VisitRecorded")
    with pytest.raises(Refused, match="has not signed consent participation by"):
        corrected(trial, subject, visit, "occurred", ago(trial, 1))
    with pytest.raises(BadInput, match="a day not after today"):
        corrected(trial, subject, consent, "occurred", ago(trial, -1))
    with pytest.raises(Refused, match="cannot have signed consent participation in version 9"):
        corrected(trial, subject, consent, "version", "9")


@pytest.mark.requirement("CN1")
def test_what_was_done_after_a_withdrawal_of_an_earlier_day(trial: Trial) -> None:
    subject = treated(trial)
    trial.wait(5)
    trial.act("VisitRecorded", {"visit": "cycle"}, subject=subject)
    gone = {"consent": "participation", "vital_status_allowed": True}
    (withdrawn,) = trial.act("ConsentWithdrawn", gone, subject=subject)
    trial.wait(1)
    shown = told(trial, corrected(trial, subject, withdrawn, "occurred", ago(trial, 2)))
    assert "withdrew the consent to participation on" in shown["consent"]
    assert "VisitRecorded of" in shown["consent"] and "DoseGiven" not in shown["consent"]
    visit = of_type(trial, subject, "VisitRecorded")
    assert len(corrected(trial, subject, visit, "unscheduled", True)) == 1, "it departed before"


def test_nobody_died_before_the_site_saw_them(trial: Trial) -> None:
    subject = treated(trial)
    with pytest.raises(BadInput, match="a day not before CycleStarted of"):
        trial.act("DeathRecorded", {"cause": "other"}, subject=subject, occurred=ago(trial, 1))
    trial.wait(3)
    missed = {"visit": "cycle", "not_done": "unknown"}
    trial.act("VisitRecorded", missed, subject=subject)
    (death,) = trial.act(
        "DeathRecorded", {"cause": "other"}, subject=subject, occurred=ago(trial, 1)
    )
    with pytest.raises(BadInput, match="a day not before CycleStarted of"):
        corrected(trial, subject, death, "occurred", ago(trial, 4))
    assert len(corrected(trial, subject, death, "occurred", ago(trial, 3))) == 1


def test_nobody_was_screened_after_the_randomisation(trial: Trial) -> None:
    subject = treated(trial)
    screened = of_type(trial, subject, "SubjectScreened")
    with pytest.raises(Refused, match=r"cannot have been screened on .*: Randomised is of"):
        corrected(trial, subject, screened, "occurred", ago(trial, 1))
    assert len(corrected(trial, subject, screened, "occurred", ago(trial, 2))) == 1


def test_a_sample_is_not_corrected_to_arrive_before_it_left(trial: Trial) -> None:
    subject = treated(trial)
    sent = {"sample": f"S-{subject}", "shipment": "H1", "destination": "Lab"}
    (shipped,) = trial.act("SampleShipped", sent, subject=subject, occurred=ago(trial, 4))
    with pytest.raises(Refused, match=r"shipped on .* and received on"):
        corrected(trial, subject, shipped, "occurred", ago(trial, 1))
    assert len(corrected(trial, subject, shipped, "occurred", ago(trial, 3))) == 1


@pytest.mark.requirement("RN3")
def test_a_provisional_criterion_is_asked_again_at_the_first_cycle(trial: Trial) -> None:
    subject, event = randomised(trial)
    assert json.loads(event.body)["pending_criteria"] == ["IN4"]
    trial.wait(27)
    trial.form(subject, "status", {"ecog_status": "1", "serum_creatinine": "80"}, "2")
    trial.wait(2)
    with pytest.raises(Refused, match="criterion IN4 is not met: ") as error:
        trial.act("CycleStarted", CYCLE, subject=subject)
    assert "(RN3, criteria judged provisionally: IN4)" in str(error.value)
    begun = trial.act("CycleStarted", CYCLE, subject=subject, reason="no scanner")
    assert set(told(trial, begun)) == {"not_eligible"}
    cycle = begun[0]
    assert len(corrected(trial, subject, cycle, "occurred", ago(trial, 2))) == 1
    scan = form_of(trial, subject, "scan")
    shown = told(trial, corrected(trial, subject, scan, "items/scan_date/value", ago(trial, 40)))
    assert "treatment began although criterion IN4 is not met" in shown["not_eligible"]
    change = {"target": scan.seq, "item": "items/scan_date/value", "new_missing": "unknown"}
    shown = told(trial, trial.act("Correct", change, subject=subject, reason="not found"))
    assert "criterion IN4 is not known" in shown["not_eligible"]


@pytest.mark.requirement("RN5")
def test_an_answer_that_turns_out_not_to_be_known_is_a_deviation(trial: Trial) -> None:
    """Nobody can show any more that the patient could enter."""
    subject, _ = randomised(trial)
    person = form_of(trial, subject, "person")
    change = {"target": person.seq, "item": "items/age_years/value", "new_missing": "unknown"}
    written = trial.act("Correct", change, subject=subject, reason="of another patient")
    shown = told(trial, written)
    assert set(shown) == {"not_eligible"}
    assert shown["not_eligible"].startswith("randomised although criterion IN1 is not known (as")
    known = told(trial, corrected(trial, subject, person, "items/age_years/value", "17"))
    assert "criterion IN1 is not met" in known["not_eligible"]


@pytest.mark.requirement("RN5")
def test_a_late_form_before_the_first_cycle_is_judged_again(trial: Trial) -> None:
    """Of the day of randomisation or before it; a later day says nothing of entry."""
    subject, _ = randomised(trial)
    trial.wait(1)
    excluding = {"ecog_status": "3", "serum_creatinine": "81.5"}
    assert len(trial.form(subject, "status", excluding, "2")) == 1, "of a later day"
    shown = told(trial, trial.form(subject, "status", excluding, "3", occurred=ago(trial, 1)))
    assert set(shown) == {"not_eligible"}
    assert "randomised although criterion EX1 is not met" in shown["not_eligible"]
    assert shown["not_eligible"].endswith("(entered later)")


@pytest.mark.requirement("RN5")
def test_a_late_laboratory_report_before_the_first_cycle_is_judged_again(trial: Trial) -> None:
    subject, _ = randomised(trial)
    trial.wait(1)
    found = {"analyte": "creatinine", "value": "151", "unit": "µmol/L"}
    report = {"report": "L1", "results": [found]}
    later = {**report, "report": "L2"}
    assert len(trial.act("LaboratoryReported", later, subject=subject)) == 1, "of a later day"
    written = trial.act("LaboratoryReported", report, subject=subject, occurred=ago(trial, 1))
    assert "criterion EX2 is not met" in told(trial, written)["not_eligible"]


@pytest.mark.requirement("RN3")
def test_the_first_cycle_and_the_record_now_judge_by_one_rule(tmp_path: Path) -> None:
    """What a repeating form says after randomisation is none of entry's, at the first cycle too.

    `study check` refuses a criterion that would read it; a study that was not checked has one.
    """
    study = signed()
    criteria = tuple(
        each.model_copy(update={"provisional": each.id == "EX2"})
        for each in study.eligibility.criteria
        if each.id != "IN4"
    )
    eligibility = study.eligibility.model_copy(update={"criteria": criteria})
    unchecked = study.model_copy(update={"eligibility": eligibility})
    for trial in opened(tmp_path, unchecked):
        subject, _ = randomised(trial)
        trial.wait(1)
        trial.form(subject, "status", {"ecog_status": "1", "serum_creatinine": "151"}, "2")
        assert len(trial.act("CycleStarted", CYCLE, subject=subject)) == 1
        again = {"ecog_status": "1", "serum_creatinine": "152"}
        (form,) = trial.form(subject, "status", again, "3")
        value = "items/serum_creatinine/value"
        assert set(told(trial, corrected(trial, subject, form, value, "153"))) <= {"dose"}
