"""Doses that pharmacists verify, what may be dispensed of them, and what is destroyed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.errors import BadInput, EquipoiseError, Refused
from equipoise.record.tables import tables
from equipoise.study.catalogue import CATALOGUE
from equipoise.treatment.lots import dispensing_account, lot_account, lots_received
from tests.harness.dosed import opened, signed
from tests.harness.trial import Trial
from tests.interface.conduct.test_dosing import DISPENSED, begun

GIVEN = {"cycle": 1, "drug": "fictabine", "verdict": "released", "amount": "1650"}
HELD = {"cycle": 1, "drug": "fictabine", "verdict": "held", "remark": "creatinine?"}


@pytest.fixture
def trial(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Trial]:
    """A trial in which as many pharmacists verify as the test says (none where it says nothing)."""
    study = signed()
    needed = getattr(request, "param", 0)
    plan = study.treatment.model_copy(update={"verified_by": needed})
    yield from opened(tmp_path, study.model_copy(update={"treatment": plan}))


def second(trial: Trial) -> str:
    """Another pharmacist of the hospital."""
    body = {"person": "pharm-2", "granted_role": "pharmacist", "granted_site": trial.site}
    trial.act("GrantGiven", body, "administrator")
    return "pharm-2"


def accounts(trial: Trial) -> pl.DataFrame:
    """`lot_account` of the record."""
    found = tables(trial.log.read(), CATALOGUE)
    return lot_account(dispensing_account(found), lots_received(found))


@pytest.mark.requirement("PH1")
def test_what_a_pharmacist_holds_is_not_dispensed_until_it_is_released(trial: Trial) -> None:
    subject = begun(trial)
    trial.act("DoseVerified", HELD, "pharmacist", subject=subject)
    with pytest.raises(Refused, match="a pharmacist holds the dose"):
        trial.act("DrugDispensed", DISPENSED, "pharmacist", subject=subject)
    trial.act("DoseVerified", GIVEN, "pharmacist", subject=subject)
    trial.act("DrugDispensed", DISPENSED, "pharmacist", subject=subject)


@pytest.mark.requirement("PH1")
@pytest.mark.parametrize("trial", [2], indirect=True)
def test_two_pharmacists_verify_where_the_study_wants_it(trial: Trial) -> None:
    subject = begun(trial)
    for number in (0, 1):
        with pytest.raises(Refused, match=f"{number} of 2 pharmacists released the dose"):
            trial.act("DrugDispensed", DISPENSED, "pharmacist", subject=subject)
        if not number:
            trial.act("DoseVerified", GIVEN, "pharmacist", subject=subject)
    with pytest.raises(Refused, match="have another pharmacist check it"):
        trial.act("DoseVerified", GIVEN, "pharmacist", subject=subject)
    trial.act("DoseVerified", GIVEN, "pharmacist", subject=subject, actor=second(trial))
    trial.act("DrugDispensed", DISPENSED, "pharmacist", subject=subject)


@pytest.mark.requirement("PH1")
@pytest.mark.parametrize("trial", [1], indirect=True)
def test_a_dose_that_changed_is_verified_anew(trial: Trial) -> None:
    """The height was misread: 150 cm instead of 170 gives another body surface, another dose."""
    subject = begun(trial)
    trial.act("DoseVerified", GIVEN, "pharmacist", subject=subject)
    (cycle,) = trial.log.read(types={"CycleStarted"})
    right = {"target": cycle.seq, "item": "height", "new": '"150"'}
    trial.act("Correct", right, subject=subject, reason="misread")
    with pytest.raises(Refused, match="0 of 1 pharmacists released the dose as the rules decide"):
        trial.act("DrugDispensed", DISPENSED, "pharmacist", subject=subject)


@pytest.mark.requirement("PH1")
@pytest.mark.parametrize("trial", [1], indirect=True)
def test_a_word_beside_the_dose_of_the_rules_does_not_keep_it_when_they_decide_otherwise(
    trial: Trial,
) -> None:
    """An entry of a day without the system has a reason too, and so may any other."""
    subject = begun(trial)
    claimed = {**GIVEN, "against_rule": True}
    trial.act("DoseVerified", claimed, "pharmacist", subject=subject, reason="from the paper")
    (cycle,) = trial.log.read(types={"CycleStarted"})
    right = {"target": cycle.seq, "item": "height", "new": '"150"'}
    trial.act("Correct", right, subject=subject, reason="misread")
    with pytest.raises(Refused, match="0 of 1 pharmacists released the dose as the rules decide"):
        trial.act("DrugDispensed", DISPENSED, "pharmacist", subject=subject)


@pytest.mark.requirement("PH1")
@pytest.mark.parametrize("trial", [1], indirect=True)
def test_another_dose_than_the_rules_decide_is_released_for_a_reason_alone(trial: Trial) -> None:
    subject = begun(trial)
    other = {**GIVEN, "amount": "1000"}
    with pytest.raises(Refused, match="1000 mg of fictabine in cycle 1 released, where the rule"):
        trial.act("DoseVerified", other, "pharmacist", subject=subject)
    trial.act("DoseVerified", other, "pharmacist", subject=subject, reason="tablets of 250 lack")
    trial.act("DrugDispensed", DISPENSED, "pharmacist", subject=subject)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"cycle": 2}, "has not begun cycle 2"),
        ({"drug": "inventumab"}, "one of exemplatin, fictabine"),
        ({"amount": None}, "the amount that is released"),
        ({**HELD, "remark": None}, "why it is held"),
        ({**HELD, "amount": "1650"}, "no amount: it is held"),
    ],
)
def test_a_verification_that_says_nothing_is_not_taken_in(
    trial: Trial, change: dict[str, object], told: str
) -> None:
    subject = begun(trial)
    with pytest.raises((BadInput, Refused), match=told):
        trial.act("DoseVerified", {**GIVEN, **change}, "pharmacist", subject=subject)


def test_a_verification_is_never_edited(trial: Trial) -> None:
    subject = begun(trial)
    (event,) = trial.act("DoseVerified", GIVEN, "pharmacist", subject=subject)
    change = {"target": event.seq, "item": "remark", "new": '"fine"'}
    with pytest.raises(Refused, match="is what a pharmacist found, and is never edited"):
        trial.act("Correct", change, "pharmacist", subject=subject, reason="for the look of it")


@pytest.mark.requirement("PH1")
def test_what_came_back_into_quarantine_is_destroyed_once(trial: Trial) -> None:
    """100 out; 30 back and destroyed at once, 20 into quarantine, of which 15 destroyed later."""
    subject = begun(trial)
    trial.act("DrugDispensed", DISPENSED, "pharmacist", subject=subject)
    for units, fate in ((30, "destroyed"), (20, "quarantined")):
        back = {"dispensing": "D1", "units": units, "fate": fate}
        trial.act("DrugReturned", back, "pharmacist", subject=subject)
    gone = {"dispensing": "D1", "units": 15, "document": "certificate 7"}
    with pytest.raises(BadInput, match="at most the 20 units of D1"):
        trial.act("DrugDestroyed", {**gone, "units": 21}, "pharmacist", subject=subject)
    trial.act("DrugDestroyed", gone, "pharmacist", subject=subject)
    with pytest.raises(BadInput, match="at most the 20 units of D1"):
        trial.act("DrugDestroyed", {**gone, "units": 6}, "pharmacist", subject=subject)
    account = dispensing_account(tables(trial.log.read(), CATALOGUE))
    told = ("units", "returned", "destroyed", "quarantined", "out")
    assert account.select(told).rows() == [(100, 50, 45, 5, 50)]


@pytest.mark.requirement("PH1")
def test_lots_are_counted_over_subjects(trial: Trial) -> None:
    """Two dispensings of one lot (100 and 40 units), one of another: 60 of the first came back."""
    subject = begun(trial)
    more = [("D1", "F-77", 100), ("D2", "F-77", 40), ("D3", "F-78", 10)]
    for name, lot, units in more:
        body = {**DISPENSED, "dispensing": name, "lot": lot, "units": units}
        trial.act("DrugDispensed", body, "pharmacist", subject=subject)
    back = {"dispensing": "D2", "units": 40, "fate": "quarantined"}
    trial.act("DrugReturned", back, "pharmacist", subject=subject)
    trial.act("DrugReturned", {**back, "dispensing": "D1", "units": 20}, "pharmacist",
              subject=subject)  # fmt: skip
    rows = accounts(trial)
    assert rows.select("lot", "units", "returned", "quarantined", "out").rows() == [
        ("F-77", 140, 60, 60, 80), ("F-78", 10, 0, 0, 10),
    ]  # fmt: skip


@pytest.mark.requirement("PH1")
def test_a_corrected_number_of_units_has_to_add_up_too(trial: Trial) -> None:
    """Of 100 units 60 came back, 40 of them into quarantine, of which 30 were destroyed."""
    subject = begun(trial)
    trial.act("DrugDispensed", DISPENSED, "pharmacist", subject=subject)
    back = {"dispensing": "D1", "units": 20, "fate": "destroyed"}
    trial.act("DrugReturned", back, "pharmacist", subject=subject)
    kept = {**back, "units": 40, "fate": "quarantined"}
    trial.act("DrugReturned", kept, "pharmacist", subject=subject)
    trial.act("DrugDestroyed", {"dispensing": "D1", "units": 30}, "pharmacist", subject=subject)
    seqs = [each.seq for each in trial.log.read(subject=subject)][-4:]

    def correct(place: int, item: str, new: str) -> None:
        body = {"target": seqs[place], "item": item, "new": new}
        trial.act("Correct", body, "pharmacist", subject=subject, reason="miscounted",
                  occurred=None)  # fmt: skip

    for place, item, new, told in (
        (0, "units", "59", "60 units of D1 back, and 59 out"),
        (1, "units", "61", "101 units of D1 back, and 100 out"),
        (1, "dispensing", '"D2"', "20 units of D2 back, and 0 out"),
        (2, "units", "29", "30 units of D1 destroyed, and 29 in quarantine"),
        (2, "fate", '"destroyed"', "30 units of D1 destroyed, and 0 in quarantine"),
        (3, "units", "41", "41 units of D1 destroyed, and 40 in quarantine"),
    ):
        with pytest.raises(Refused, match=told):
            correct(place, item, new)
    for place, new in ((0, "60"), (2, "30")):
        correct(place, "units", new)
    more = {**back, "units": 11}
    with pytest.raises(BadInput, match="at most the 60 units of D1"):
        trial.act("DrugReturned", more, "pharmacist", subject=subject)
    trial.act("DrugReturned", {**more, "units": 10}, "pharmacist", subject=subject)


RECEIVED = {"receipt": "N1", "drug": "fictabine", "lot": "F-77", "expiry": "2199-12-31",
            "unit": "250", "units": 120}  # fmt: skip


def receive(trial: Trial, **changes: Any) -> None:
    body = {**RECEIVED, **changes}
    trial.act("LotReceived", body, "pharmacist", site=trial.site)


@pytest.mark.requirement("PH1")
def test_of_each_lot_stands_what_came_what_left_and_what_is_there(trial: Trial) -> None:
    """120 units came, of a second delivery 30 intact and 8 damaged; 100 left, 20 came back. A lot
    that was never entered as received has no stock; one of which more left than came shows it."""
    subject = begun(trial)
    receive(trial)
    receive(trial, receipt="N2", units=30)
    receive(trial, receipt="N3", units=8, condition="damaged")
    receive(trial, lot="F-78", units=50)
    receive(trial, lot="F-78", units=5)
    receive(trial, lot="F-80", units=7)
    receive(trial, lot="F-80", units=0)
    for name, lot, units in (("D1", "F-77", 100), ("D2", "F-78", 10), ("D3", "F-79", 1)):
        body = {**DISPENSED, "dispensing": name, "lot": lot, "units": units, "unit": "250"}
        trial.act("DrugDispensed", body, "pharmacist", subject=subject)
    back = {"dispensing": "D1", "units": 20, "fate": "quarantined"}
    trial.act("DrugReturned", back, "pharmacist", subject=subject)
    told = ("lot", "received", "apart", "units", "stock", "out")
    assert accounts(trial).select(told).rows() == [
        ("F-77", 150, 8, 100, 50, 80), ("F-78", 5, 0, 10, -5, 10), ("F-79", None, None, 1, None, 1),
    ]  # fmt: skip


@pytest.mark.requirement("PH1")
def test_a_lot_has_one_expiry_and_strength_at_a_hospital(trial: Trial) -> None:
    subject = begun(trial)
    receive(trial)
    for item, wrong in (("expiry", "2198-12-31"), ("unit", "100")):
        with pytest.raises(BadInput, match="as lot F-77 was received") as error:
            receive(trial, receipt="N2", **{item: wrong})
        assert error.value.field == item
        body = {**DISPENSED, "unit": "250", item: wrong}
        with pytest.raises(BadInput, match="as lot F-77 was received"):
            trial.act("DrugDispensed", body, "pharmacist", subject=subject)
    body = {**DISPENSED, "unit": "250"}
    (event,) = trial.act("DrugDispensed", body, "pharmacist", subject=subject)
    wrong = {"target": event.seq, "item": "expiry", "new": '"2198-12-31"'}
    with pytest.raises(BadInput, match="as lot F-77 was received"):
        trial.act("Correct", wrong, "pharmacist", subject=subject, reason="x", occurred=None)
    receive(trial, expiry="2198-12-31")
    trial.act("Correct", wrong, "pharmacist", subject=subject, reason="x", occurred=None)


@pytest.mark.requirement("PH1")
def test_what_came_damaged_is_not_dispensed(trial: Trial) -> None:
    subject = begun(trial)
    receive(trial, condition="excursion")
    body = {**DISPENSED, "unit": "250"}
    with pytest.raises(Refused, match="kept apart, since it came excursion") as error:
        trial.act("DrugDispensed", body, "pharmacist", subject=subject)
    assert "enter its receipt anew" in str(error.value)
    receive(trial)
    trial.act("DrugDispensed", body, "pharmacist", subject=subject)


@pytest.mark.parametrize(
    ("changes", "how", "told"),
    [
        ({"drug": "aspirin"}, {}, "one of exemplatin, fictabine, inventumab"),
        ({}, {"site": "X09"}, "X09"),
        ({}, {"occurred": None}, "the day on which the lot came"),
        ({"condition": "wet"}, {}, "condition"),
    ],
)
def test_what_no_receipt_can_say(
    trial: Trial, changes: dict[str, str], how: dict[str, Any], told: str
) -> None:
    with pytest.raises(EquipoiseError, match=told):
        trial.act(
            "LotReceived", {**RECEIVED, **changes}, "pharmacist", **{"site": trial.site, **how}
        )
