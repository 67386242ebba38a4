"""Doses through conduct: the rule decides; another dose needs a reason, and is a deviation."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.errors import BadInput, Refused
from equipoise.record.event import Event
from equipoise.record.tables import tables
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.derivation import derive
from tests.harness.dosed import allocated, opened, signed
from tests.harness.trial import Trial

CYCLE = {"cycle": 1, "regimen": "DOUBLET", "height": "170", "weight": "70"}
EXEMPLATIN = {"cycle": 1, "day": 1, "drug": "exemplatin"}
FICTABINE = {"cycle": 1, "day": 1, "drug": "fictabine", "administrations": 14}


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    yield from opened(tmp_path, signed())


def status(trial: Trial, subject: str, instance: str, **answers: str) -> None:
    items: list[dict[str, str]] = [
        {"item": item, "value": value} for item, value in answers.items()
    ]
    for item in ("ecog_status", "serum_creatinine"):
        if item not in answers:
            items.append({"item": item, "value_missing": "not_done"})
    body = {"form": "status", "instance": instance, "items": items}
    trial.act("FormSaved", body, subject=subject)


def begun(trial: Trial) -> str:
    """A subject whose first cycle has begun."""
    subject = allocated(trial)
    trial.act("RegimenChosen", {"regimen": "DOUBLET"}, subject=subject)
    trial.act("CycleStarted", CYCLE, subject=subject)
    return subject


def deviation(trial: Trial, event: Event) -> tuple[dict[str, Any], str]:
    """The body of a deviation, and its description in plain text."""
    assert event.type == "DeviationRecorded"
    body = json.loads(event.body)
    plain = trial.keys.unseal(body["description"], f"T1/{event.subject}/description")
    return body, str(plain)


@pytest.mark.requirement("PH1")
def test_the_dose_of_the_rule_is_recorded_and_no_other_without_a_reason(trial: Trial) -> None:
    subject = begun(trial)
    (event,) = trial.act("DoseGiven", {**EXEMPLATIN, "amount": "108.58"}, subject=subject)
    assert event.type == "DoseGiven"
    (event,) = trial.act("DoseGiven", {**FICTABINE, "amount": "1650"}, subject=subject)
    more = {**EXEMPLATIN, "administrations": 0, "amount": "300"}
    trial.act("DoseGiven", more, subject=subject)
    with pytest.raises(Refused, match=r"exemplatin 2 times in cycle 1, where the regimen has 1"):
        trial.act("DoseGiven", {**EXEMPLATIN, "amount": "108.58"}, subject=subject)
    missing = {**EXEMPLATIN, "amount_missing": "not_done"}
    assert len(trial.act("DoseGiven", missing, subject=subject)) == 1


@pytest.mark.requirement("PH1")
@pytest.mark.parametrize("amount", ["108.57", "108.59", "60", "10858"])
def test_another_dose_is_a_deviation(trial: Trial, amount: str) -> None:
    subject = begun(trial)
    body = {**EXEMPLATIN, "amount": amount}
    told = rf"cannot be given {amount} mg of exemplatin in cycle 1, where the rule gives 108.58 mg"
    with pytest.raises(Refused, match=told) as error:
        trial.act("DoseGiven", body, subject=subject)
    assert "say for which reason" in str(error.value)
    with pytest.raises(Refused, match=told):
        trial.act("DoseGiven", body, subject=subject, reason="  ")
    given, departed = trial.act("DoseGiven", body, subject=subject, reason="a broken vial")
    assert given.type == "DoseGiven"
    assert (given.cause, given.reason) == (departed.cause, "a broken vial")
    content, description = deviation(trial, departed)
    assert content["category"] == "dose"
    assert content["important"] is True
    assert f"given {amount} mg of exemplatin" in description
    assert description.endswith("reason: a broken vial")


def test_a_reduced_dose_is_the_dose_of_the_rule(trial: Trial) -> None:
    subject = allocated(trial)
    status(trial, subject, "2", ecog_status="1", serum_creatinine="120.1")
    trial.act("RegimenChosen", {"regimen": "DOUBLET"}, subject=subject)
    trial.act("CycleStarted", CYCLE, subject=subject)
    with pytest.raises(Refused, match=r"gives 81\.44 mg \(exemplatin: Creatinine above 120"):
        trial.act("DoseGiven", {**EXEMPLATIN, "amount": "108.58"}, subject=subject)
    trial.act("DoseGiven", {**EXEMPLATIN, "amount": "81.44"}, subject=subject)
    found = derive(tables(trial.log.read(), CATALOGUE), trial.study, upto="dose_decision")
    row = found["dose_decision"].row(by_predicate=pl.col("drug") == "exemplatin", named=True)
    assert (row["decision"], row["rule"], row["dispensed"]) == ("reduce", "EXEMPLATIN/raised", 8144)


def test_a_regimen_that_a_standing_rule_closes_cannot_be_chosen(trial: Trial) -> None:
    subject = allocated(trial)
    status(trial, subject, "2", ecog_status="1", serum_creatinine="250.1")
    closed = r"cannot receive DOUBLET: exemplatin: Creatinine above 250 µmol/L: contraindicated"
    with pytest.raises(Refused, match=closed) as error:
        trial.act("RegimenChosen", {"regimen": "DOUBLET"}, subject=subject)
    assert "no regimen of the arm is open" in str(error.value)
    status(trial, subject, "3", ecog_status="1")
    with pytest.raises(Refused, match="serum_creatinine is not known, on which the dose of"):
        trial.act("RegimenChosen", {"regimen": "DOUBLET"}, subject=subject)
    status(trial, subject, "4", ecog_status="1", serum_creatinine="250")
    trial.act("RegimenChosen", {"regimen": "DOUBLET"}, subject=subject)


def test_a_cycle_that_the_rule_puts_off_begins_only_as_a_deviation(trial: Trial) -> None:
    subject = allocated(trial)
    trial.act("RegimenChosen", {"regimen": "DOUBLET"}, subject=subject)
    status(trial, subject, "2", ecog_status="4", serum_creatinine="80")
    told = r"cannot begin cycle 1 of DOUBLET on .*: fictabine: ECOG 4 in the last 14 days: wait"
    with pytest.raises(Refused, match=told) as error:
        trial.act("CycleStarted", CYCLE, subject=subject)
    assert "(FICTABINE/ecog_4" in str(error.value)
    status(trial, subject, "3", serum_creatinine="80")
    with pytest.raises(Refused, match="ecog_status is not known") as error:
        trial.act("CycleStarted", CYCLE, subject=subject)
    assert "record ecog_status, or begin another day" in str(error.value)
    cycle, departed = trial.act("CycleStarted", CYCLE, subject=subject, reason="urgent")
    assert cycle.type == "CycleStarted"
    _, description = deviation(trial, departed)
    assert description.startswith("cycle 1 of DOUBLET began although ecog_status is not known")
    with pytest.raises(Refused, match="has 1 cycles; the next is 2"):
        trial.act("CycleStarted", CYCLE, subject=subject, reason="urgent")


def test_a_cycle_begins_when_it_is_due_or_as_a_deviation(trial: Trial) -> None:
    """A cycle of the doublet takes 21 days; its visit may be two days early."""
    subject = allocated(trial)
    trial.act("RegimenChosen", {"regimen": "DOUBLET"}, subject=subject)
    day = trial.today
    trial.wait(21)
    for at in (trial.today, trial.today - datetime.timedelta(days=2), day):
        early = at.isoformat()
        items = [
            {"item": "ecog_status", "value": "1"}, {"item": "serum_creatinine", "value": "80"},
        ]  # fmt: skip
        form = {"form": "status", "instance": f"on-{early}", "items": items}
        trial.act("FormSaved", form, subject=subject, occurred=early)
    trial.act("CycleStarted", CYCLE, subject=subject, occurred=day.isoformat())
    second = {**CYCLE, "cycle": 2}
    for before in (21, 3):
        on = (trial.today - datetime.timedelta(days=before)).isoformat()
        due = trial.today.isoformat()
        told = f"cannot begin cycle 2 .*: it is due on {due} and may begin at most 2 days earlier"
        with pytest.raises(Refused, match=told):
            trial.act("CycleStarted", second, subject=subject, occurred=on)
    on = (trial.today - datetime.timedelta(days=2)).isoformat()
    assert len(trial.act("CycleStarted", second, subject=subject, occurred=on)) == 1
    cycle, departed = trial.act(
        "CycleStarted", {**CYCLE, "cycle": 3}, subject=subject, reason="a holiday"
    )
    assert cycle.type == "CycleStarted"
    assert "began although it is due on" in deviation(trial, departed)[1]


def test_a_correction_of_something_else_does_not_stand_in_the_way(trial: Trial) -> None:
    subject = begun(trial)
    (dose,) = trial.act("DoseGiven", {**EXEMPLATIN, "amount": "108.58"}, subject=subject)
    change = {"target": dose.seq, "item": "lot", "new": '"E-9"'}
    trial.act("Correct", change, subject=subject, reason="typing error")
    second = {**CYCLE, "cycle": 2}
    trial.act("CycleStarted", second, subject=subject, reason="all on one day")


@pytest.mark.requirement("PH1")
def test_a_correction_to_another_dose_is_a_deviation(trial: Trial) -> None:
    subject = begun(trial)
    (dose,) = trial.act("DoseGiven", {**EXEMPLATIN, "amount": "108.58"}, subject=subject)
    change = {"target": dose.seq, "item": "amount", "new": '"118.58"'}
    changed, departed = trial.act("Correct", change, subject=subject, reason="misread")
    assert changed.type == "Corrected"
    content, description = deviation(trial, departed)
    assert (content["category"], content["important"]) == ("dose", True)
    assert "given 118.58 mg of exemplatin in cycle 1" in description
    assert "(as corrected)" in description
    assert description.endswith("reason: misread")
    lot = {**change, "item": "lot", "new": '"E-9"'}
    assert len(trial.act("Correct", lot, subject=subject, reason="misread")) == 1, "told before"
    back = {**change, "new": '"108.58"'}
    assert len(trial.act("Correct", back, subject=subject, reason="it was right")) == 1


def test_a_correction_that_gives_a_drug_too_often_is_a_deviation(trial: Trial) -> None:
    subject = begun(trial)
    (dose,) = trial.act("DoseGiven", {**EXEMPLATIN, "amount": "108.58"}, subject=subject)
    change = {"target": dose.seq, "item": "administrations", "new": "2"}
    _, departed = trial.act("Correct", change, subject=subject, reason="misread")
    told = deviation(trial, departed)[1]
    assert "exemplatin 2 times in cycle 1, where the regimen has 1" in told
    change["new"] = "1"
    assert len(trial.act("Correct", change, subject=subject, reason="it was right")) == 1


@pytest.mark.parametrize(
    ("item", "new", "said"),
    [("cycle", "2", "has not begun cycle 2"), ("drug", '"placebo"', "one of exemplatin")],
)
def test_a_dose_cannot_be_corrected_to_one_that_could_not_be_given(
    trial: Trial, item: str, new: str, said: str
) -> None:
    subject = begun(trial)
    (dose,) = trial.act("DoseGiven", {**EXEMPLATIN, "amount": "108.58"}, subject=subject)
    change = {"target": dose.seq, "item": item, "new": new}
    with pytest.raises((BadInput, Refused), match=said):
        trial.act("Correct", change, subject=subject, reason="misread")


def test_a_refused_cycle_leaves_nothing_behind_for_the_next_one(trial: Trial) -> None:
    """The cycle that was asked for and refused had other measures: its doses are not kept."""
    subject = allocated(trial)
    trial.act("RegimenChosen", {"regimen": "DOUBLET"}, subject=subject)
    status(trial, subject, "2", ecog_status="4", serum_creatinine="80")
    with pytest.raises(Refused, match="ECOG 4"):
        trial.act("CycleStarted", {**CYCLE, "weight": "50"}, subject=subject)
    status(trial, subject, "3", ecog_status="1", serum_creatinine="80")
    trial.act("CycleStarted", CYCLE, subject=subject)
    trial.act("DoseGiven", {**EXEMPLATIN, "amount": "108.58"}, subject=subject)


def test_a_cycle_has_a_day(trial: Trial) -> None:
    subject = allocated(trial)
    trial.act("RegimenChosen", {"regimen": "DOUBLET"}, subject=subject)
    with pytest.raises(BadInput, match="the day on which the cycle began"):
        trial.act("CycleStarted", CYCLE, subject=subject, occurred=None)


def test_an_event_of_harm_reduces_the_next_cycle_through_conduct(trial: Trial) -> None:
    subject = begun(trial)
    for name in ("AE1", "AE2"):
        body = {"adverse_event": name, "term": "Nausea", "grade": 3, "outcome": "not_recovered"}
        trial.act("AdverseEventReported", body, subject=subject)
        cycle = {**CYCLE, "cycle": int(name[2:]) + 1}
        trial.act("CycleStarted", cycle, subject=subject, reason="all on one day")
    dose = {**EXEMPLATIN, "amount": "86.87"}
    trial.act("DoseGiven", {**dose, "cycle": 2}, subject=subject)
    with pytest.raises(Refused, match=r"where the rule gives none \(exemplatin: Grade 3 for the s"):
        trial.act("DoseGiven", {**dose, "cycle": 3}, subject=subject)


DISPENSED = {
    "dispensing": "D1", "cycle": 1, "drug": "fictabine", "lot": "F-77", "expiry": "2199-12-31",
    "unit": "250", "units": 100,
}  # fmt: skip


@pytest.mark.requirement("PH1")
def test_the_pharmacist_dispenses_and_takes_back(trial: Trial) -> None:
    subject = begun(trial)
    with pytest.raises(Refused, match="may not do DrugDispensed"):
        trial.act("DrugDispensed", DISPENSED, subject=subject)
    trial.act("DrugDispensed", DISPENSED, "pharmacist", subject=subject)
    back = {"dispensing": "D1", "units": 60, "fate": "destroyed"}
    trial.act("DrugReturned", back, "pharmacist", subject=subject)
    with pytest.raises(
        BadInput, match=r"at most the 100 units of D1, with earlier returns"
    ) as told:
        trial.act("DrugReturned", {**back, "units": 41}, "pharmacist", subject=subject)
    assert "120" not in str(told.value)
    trial.act("DrugReturned", {**back, "units": 40}, "pharmacist", subject=subject)
    with pytest.raises(BadInput, match="one of the subject's: D1"):
        trial.act("DrugReturned", {**back, "dispensing": "D2"}, "pharmacist", subject=subject)
    found = derive(tables(trial.log.read(), CATALOGUE), trial.study, upto="accountability")
    (row,) = found["accountability"].iter_rows(named=True)
    assert (row["lots"], row["dispensed"], row["returned"]) == (["F-77"], 2_500_000, 2_500_000)


@pytest.mark.requirement("PH1")
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"cycle": 2}, "has not begun cycle 2"),
        ({"drug": "inventumab"}, "one of exemplatin, fictabine"),
        ({"unit": "150"}, "one of 100, 250 mg"),
        ({"expiry": "2025-01-01"}, "lot F-77 of fictabine: it expired on 2025-01-01"),
        ({"units": 0}, "units"),
    ],
)
def test_what_cannot_be_dispensed(trial: Trial, change: dict[str, Any], told: str) -> None:
    subject = begun(trial)
    with pytest.raises((BadInput, Refused), match=told):
        trial.act("DrugDispensed", {**DISPENSED, **change}, "pharmacist", subject=subject)
    assert not trial.log.read(types={"DrugDispensed"})


@pytest.mark.requirement("PH1")
def test_nothing_is_dispensed_without_the_statement_on_the_prescription(trial: Trial) -> None:
    subject = begun(trial)
    body = {**DISPENSED, "drug": "exemplatin", "unit": "50", "units": 3}
    with pytest.raises(Refused, match='does not state "Creatinine taken into account"') as error:
        trial.act("DrugDispensed", body, "pharmacist", subject=subject)
    assert "(EXEMPLATIN)" in str(error.value)
    seen = {**body, "statement_seen": True}
    assert len(trial.act("DrugDispensed", seen, "pharmacist", subject=subject)) == 1


@pytest.mark.requirement("PH1")
def test_a_drug_that_the_rule_stops_is_dispensed_only_as_a_deviation(trial: Trial) -> None:
    subject = allocated(trial)
    trial.act("RegimenChosen", {"regimen": "DOUBLET"}, subject=subject)
    status(trial, subject, "2", ecog_status="1", serum_creatinine="251")
    trial.act("CycleStarted", CYCLE, subject=subject)
    body = {**DISPENSED, "drug": "exemplatin", "unit": "50", "units": 3, "statement_seen": True}
    with pytest.raises(Refused, match="cannot be dispensed exemplatin in cycle 1 although") as told:
        trial.act("DrugDispensed", body, "pharmacist", subject=subject)
    assert "(EXEMPLATIN/high" in str(told.value)
    given = trial.act("DrugDispensed", body, "pharmacist", subject=subject, reason="by telephone")
    assert [each.type for each in given] == ["DrugDispensed", "DeviationRecorded"]


@pytest.mark.requirement("PH1")
def test_a_dose_without_a_signed_source_is_not_dispensed(embedded: Trial) -> None:
    """In a live trial its cycle cannot even begin, so that there is nothing to dispense for."""
    subject = allocated(embedded)
    embedded.act("RegimenChosen", {"regimen": "DOUBLET"}, subject=subject)
    with pytest.raises(Refused, match="has no signed source"):
        embedded.act("CycleStarted", CYCLE, subject=subject)
    with pytest.raises(Refused, match="has not begun cycle 1"):
        embedded.act("DrugDispensed", DISPENSED, "pharmacist", subject=subject)


def test_a_regimen_is_not_corrected_to_one_of_another_arm(trial: Trial) -> None:
    subject = allocated(trial)
    (chosen,) = trial.act("RegimenChosen", {"regimen": "DOUBLET"}, subject=subject)
    change = {"target": chosen.seq, "item": "regimen", "new": '"MONO"'}
    with pytest.raises(Refused, match="cannot receive MONO in arm CHEMO"):
        trial.act("Correct", change, subject=subject, reason="misread")
