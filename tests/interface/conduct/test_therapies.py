"""What else a patient is given: by the codes that the study lists, each entry once."""

from __future__ import annotations

from typing import Any

import pytest

from equipoise.errors import BadInput, RecordError
from tests.harness.trial import Trial

WHO = "A-001"
PRIOR = {"entry": "PT1", "therapy": "systemic", "drug": "exemplatin", "start": "2023", "end": None}
LATER = {"entry": "ST1", "therapy": "systemic"}
MEDICINE = {"entry": "CM1", "drug": "prednisone", "drug_class": "corticosteroid", "ongoing": True}
HISTORY = {"entry": "MH1", "term": "Asthma", "ongoing": False}
PROCEDURE = {"entry": "PR1", "procedure": "resection"}


@pytest.fixture
def known(embedded: Trial) -> Trial:
    """A trial with one subject."""
    embedded.screened(WHO)
    return embedded


@pytest.mark.parametrize(
    ("action", "body", "field", "code"),
    [
        ("PriorTherapyRecorded", PRIOR, "therapy", "sistemic"),
        ("SubsequentTherapyRecorded", LATER, "therapy", "Systemic"),
        ("ConcomitantMedicationRecorded", MEDICINE, "drug_class", "steroid"),
        ("ProcedureRecorded", PROCEDURE, "procedure", "resektion"),
    ],
)
@pytest.mark.requirement("LB1")
def test_a_code_that_no_rule_would_find_is_not_recorded(
    known: Trial, action: str, body: dict[str, Any], field: str, code: str
) -> None:
    """Misspelt, it would be overlooked by criteria, doses, response and censoring."""
    before = known.log.head()
    with pytest.raises(BadInput, match="that the study file lists: ") as bad:
        known.act(action, {**body, field: code}, subject=WHO)
    for part in (action, body["entry"], field, code, body[field]):
        assert part in str(bad.value), part
    assert known.log.head() == before
    (event,) = known.act(action, body, subject=WHO)
    correction = {"target": event.seq, "item": field, "new": f'"{code}"'}
    with pytest.raises(BadInput, match="that the study file lists: "):
        known.act("Correct", correction, subject=WHO, reason="misread")


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("PriorTherapyRecorded", PRIOR),
        ("SubsequentTherapyRecorded", LATER),
        ("ConcomitantMedicationRecorded", MEDICINE),
        ("MedicalHistoryRecorded", HISTORY),
        ("ProcedureRecorded", PROCEDURE),
    ],
)
def test_an_entry_is_recorded_once(known: Trial, action: str, body: dict[str, Any]) -> None:
    known.act(action, body, subject=WHO)
    with pytest.raises(RecordError, match="Nothing was written"):
        known.act(action, body, subject=WHO)
    known.act(action, {**body, "entry": "X2"}, subject=WHO)


@pytest.mark.parametrize(
    ("start", "end", "right"),
    [
        ("2023-05-02", "2023-05-01", False),
        ("2023-05-02", "2023-05-02", True),
        ("2023-05", "2023-04-30", False),
        ("2023-05-20", "2023-05", True),
        ("2023", "2022-12", False),
        (None, "2020", True),
    ],
)
def test_nothing_ends_before_it_began(
    known: Trial, start: str | None, end: str, right: bool
) -> None:
    """As far as both days are known."""
    for action, body in (
        ("PriorTherapyRecorded", PRIOR),
        ("MedicalHistoryRecorded", HISTORY),
        ("ConcomitantMedicationRecorded", {**MEDICINE, "ongoing": False}),
    ):
        dated = {**body, "start": start, "end": end}
        if right:
            known.act(action, dated, subject=WHO)
        else:
            with pytest.raises(BadInput, match="not before its start"):
                known.act(action, dated, subject=WHO)


@pytest.mark.parametrize("field", ["start", "end"])
def test_nothing_is_told_of_a_day_to_come(known: Trial, field: str) -> None:
    body = {**PRIOR, "start": None, field: str(known.today.year + 1)}
    with pytest.raises(BadInput, match=f"{field}.*not after today"):
        known.act("PriorTherapyRecorded", body, subject=WHO)
    known.act("PriorTherapyRecorded", {**body, field: str(known.today.year)}, subject=WHO)


def test_what_goes_on_has_no_end(known: Trial) -> None:
    with pytest.raises(BadInput, match="no end while it is ongoing"):
        known.act("ConcomitantMedicationRecorded", {**MEDICINE, "end": "2024-01"}, subject=WHO)
