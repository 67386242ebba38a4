"""A prior therapy that is recorded, and what a form says of it: entry, and corrections after it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from equipoise.eligibility.plan import Criterion
from equipoise.errors import BadInput, Refused
from equipoise.record.event import Event
from equipoise.record.keys import KeyStore
from equipoise.record.log import Log
from equipoise.record.plan import Label
from equipoise.study.definition import Study
from equipoise.study.load import load_study
from tests.harness.dosed import opened
from tests.harness.trial import ANSWERS, Trial

WHO = "A-001"
SYSTEMIC = {"entry": "PT1", "therapy": "systemic", "start": "2019", "end": "2020-03"}


def excluding() -> Study:
    """The study with the exclusion of patients who had a systemic treatment before."""
    study = load_study("lung-tmb")
    prior = Criterion(
        id="EX3", kind="exclusion", wording=Label(en="Previous systemic treatment."),
        expression="prior_systemic",
    )  # fmt: skip
    criteria = (*study.eligibility.criteria, prior)
    eligibility = study.eligibility.model_copy(update={"criteria": criteria})
    return study.model_copy(update={"eligibility": eligibility})


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    yield from opened(tmp_path, excluding())


def asked(trial: Trial, said: str | None = "false") -> None:
    """A subject of whom all is known; the form says so much of an earlier systemic treatment."""
    trial.screened(WHO, without="cancer")
    given = {} if said is None else {"prior_systemic": said}
    trial.form(WHO, "cancer", {**ANSWERS["cancer"], **given})


def randomised(trial: Trial) -> None:
    trial.act("ConfirmEligibility", {}, subject=WHO)
    trial.act("Randomise", {}, subject=WHO)


def treated(trial: Trial, **how: str | None) -> list[Event]:
    return trial.act("PriorTherapyRecorded", {**SYSTEMIC, **how}, subject=WHO)


def told(trial: Trial, event: Event) -> str:
    body = json.loads(event.body)
    assert (event.type, body["category"]) == ("DeviationRecorded", "not_eligible")
    return str(trial.keys.unseal(body["description"], f"T1/{WHO}/description"))


@pytest.mark.requirement("LB1", "RN3")
def test_a_recorded_therapy_excludes_whatever_the_form_says(store: tuple[Log, KeyStore]) -> None:
    trial = Trial.opened(*store, study=excluding())
    trial.activate()
    asked(trial)
    trial.act("ConfirmEligibility", {}, subject=WHO)
    treated(trial, entry="PT0", therapy="surgery")
    trial.act("ConfirmEligibility", {}, subject=WHO)
    treated(trial)
    with pytest.raises(Refused, match="is not eligible; criteria not met: EX3"):
        trial.act("Randomise", {}, subject=WHO)
    entry = trial.log.read(subject=WHO, types={"PriorTherapyRecorded"})[-1]
    change = {"target": entry.seq, "item": "therapy", "new": '"surgery"'}
    (corrected,) = trial.act("Correct", change, subject=WHO, reason="it was an operation")
    assert corrected.type == "Corrected", "nobody was randomised: nothing departed"
    (allocated,) = trial.act("Randomise", {}, subject=WHO)
    assert allocated.type == "Randomised"


@pytest.mark.requirement("LB1", "RN3")
def test_that_nothing_is_recorded_is_no_answer(trial: Trial) -> None:
    asked(trial, None)
    with pytest.raises(Refused, match=r"EX3 \(missing: prior_systemic"):
        trial.act("ConfirmEligibility", {}, subject=WHO)
    treated(trial)
    with pytest.raises(Refused, match="criteria not met: EX3"):
        trial.act("ConfirmEligibility", {}, subject=WHO)


@pytest.mark.requirement("LB1", "RN5")
def test_a_therapy_that_comes_to_light_after_randomisation_is_a_deviation(trial: Trial) -> None:
    asked(trial)
    randomised(trial)
    (other,) = treated(trial, entry="PT0", therapy="surgery")
    later = {"entry": "ST1", "therapy": "systemic"}
    assert len(trial.act("SubsequentTherapyRecorded", later, subject=WHO)) == 1, "not prior"
    entry, departed = treated(trial)
    assert entry.type == "PriorTherapyRecorded"
    said = "randomised although criterion EX3 is not met: Previous systemic treatment"
    assert told(trial, departed).startswith(f"{said} (entered later)")
    assert len(treated(trial, entry="PT2")) == 1, "told before"
    assert other.type == "PriorTherapyRecorded"


@pytest.mark.requirement("LB1", "RN5")
@pytest.mark.parametrize("what", ["entry", "form"])
def test_a_correction_after_randomisation_is_judged_again(trial: Trial, what: str) -> None:
    asked(trial)
    (entry,) = treated(trial, therapy="surgery")
    randomised(trial)
    form = next(
        each
        for each in trial.log.read(subject=WHO, types={"FormSaved"})
        if json.loads(each.body)["form"] == "cancer"
    )
    changes = {
        "entry": {"target": entry.seq, "item": "therapy", "new": '"systemic"'},
        "form": {"target": form.seq, "item": "items/prior_systemic/value", "new": '"true"'},
    }
    corrected, departed = trial.act("Correct", changes[what], subject=WHO, reason="misread")
    assert corrected.type == "Corrected"
    assert "randomised although criterion EX3 is not met" in told(trial, departed)
    back = {"entry": '"surgery"', "form": '"false"'}[what]
    again = trial.act("Correct", {**changes[what], "new": back}, subject=WHO, reason="it was right")
    assert [event.type for event in again] == ["Corrected"], "eligible again, and nothing is undone"


@pytest.mark.requirement("LB1", "AT1")
def test_an_entry_made_by_mistake_is_taken_back(trial: Trial) -> None:
    asked(trial)
    for nothing in ({"therapy": None}, {"therapy": None, "therapy_missing": "not_applicable"}):
        with pytest.raises(BadInput, match=r"therapy.*a code that the study file lists"):
            treated(trial, **nothing)
    (entry,) = treated(trial)
    change = {"target": entry.seq, "item": "therapy"}
    for missing in (None, "unknown"):
        with pytest.raises(BadInput, match=r"therapy.*a code that the study file lists"):
            trial.act("Correct", {**change, "new_missing": missing}, subject=WHO, reason="mistake")
    with pytest.raises(Refused, match="criteria not met: EX3"):
        trial.act("ConfirmEligibility", {}, subject=WHO)
    taken_back = {**change, "new_missing": "not_applicable"}
    trial.act("Correct", taken_back, subject=WHO, reason="of another patient")
    randomised(trial)
    (again, departed) = trial.act(
        "Correct", {**change, "new": '"systemic"'}, subject=WHO, reason="it was this patient"
    )
    assert again.type == "Corrected"
    assert "criterion EX3 is not met" in told(trial, departed)


@pytest.mark.requirement("LB1", "RN5")
def test_a_procedure_answers_when_it_was_done_before_entry(tmp_path: Path) -> None:
    """Whenever it is entered; one that was done after randomisation is none of entry's."""
    study = excluding()
    forms = tuple(
        form.model_copy(
            update={
                "items": tuple(
                    item.model_copy(update={"procedures": ("resection",)})
                    if item.code == "prior_systemic"
                    else item
                    for item in form.items
                )
            }
        )
        for form in study.visits.forms
    )
    visits = study.visits.model_copy(update={"forms": forms})
    for trial in opened(tmp_path, study.model_copy(update={"visits": visits})):
        asked(trial)
        before = trial.today.isoformat()
        resected = {"entry": "P1", "procedure": "resection"}
        (wrong,) = trial.act("ProcedureRecorded", resected, subject=WHO)
        with pytest.raises(Refused, match="criteria not met: EX3"):
            trial.act("ConfirmEligibility", {}, subject=WHO)
        change = {"target": wrong.seq, "item": "procedure", "new_missing": "not_applicable"}
        trial.act("Correct", change, subject=WHO, reason="of another patient")
        randomised(trial)
        trial.wait(5)
        later = {**resected, "entry": "P2"}
        _, beside = trial.act("ProcedureRecorded", later, subject=WHO)
        assert json.loads(beside.body)["category"] == "prohibited_therapy", "none of entry's"
        late = {**resected, "entry": "P3"}
        _, departed = trial.act("ProcedureRecorded", late, subject=WHO, occurred=before)
        assert "criterion EX3 is not met" in told(trial, departed)
