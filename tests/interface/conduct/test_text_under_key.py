"""What somebody wrote about a person stands under a key, also when it is corrected."""

from __future__ import annotations

import json
from typing import Any

import pytest

from equipoise.errors import BadInput
from equipoise.record.correction import history
from equipoise.record.event import Event
from equipoise.record.sealing import ERASED
from equipoise.study.catalogue import CATALOGUE
from tests.harness.trial import Trial

FIRST, SECOND = "Jean Dupont vomited", "Jean Dupont was sick"


@pytest.fixture
def reported(embedded: Trial) -> Event:
    """An adverse event with a clinical text."""
    embedded.screened("A-001")
    body = {
        "adverse_event": "AE1", "term": "Vomiting", "specified": FIRST, "grade": 2,
        "outcome": "recovered",
    }  # fmt: skip
    (found,) = embedded.act("AdverseEventReported", body, subject="A-001")
    return found


def correct(trial: Trial, target: Event, item: str, new: Any) -> Event:
    body = {"target": target.seq, "item": item, "new": None if new is None else json.dumps(new)}
    (found,) = trial.act("Correct", body, subject="A-001", reason="typing error")
    return found


def values(trial: Trial, target: Event) -> list[object]:
    """What can be read of every value that the text had."""
    found = history(trial.log.read(), target.seq, "specified", CATALOGUE)
    texts = [json.loads(each.value) for each in found if each.value is not None]
    return [trial.keys.unseal(text, "T1/A-001/specified") for text in texts]


@pytest.mark.requirement("AT3", "AT7", "GD1")
def test_a_corrected_text_stands_under_a_key_of_its_own(embedded: Trial, reported: Event) -> None:
    correct(embedded, reported, "specified", SECOND)
    assert "Dupont" not in "".join(event.body for event in embedded.log.read())
    assert values(embedded, reported) == [FIRST, SECOND]
    redact = {"target": reported.seq, "item": "specified"}
    embedded.act("Redact", redact, subject="A-001", reason="names the patient")
    assert values(embedded, reported) == [ERASED, ERASED]


def test_other_items_beside_a_long_text_can_be_corrected(embedded: Trial, reported: Event) -> None:
    correct(embedded, reported, "specified", "é" * 4000)
    correct(embedded, reported, "grade", 3)
    correct(embedded, reported, "specified", None)
    with pytest.raises(BadInput, match="at most 4000 characters"):
        correct(embedded, reported, "specified", "é" * 4001)


def test_a_text_cannot_pretend_to_be_sealed(embedded: Trial, reported: Event) -> None:
    sealed = json.loads(reported.body)["specified"]
    for pretended in (sealed[:-4] + "AAAA", "sealed:1:seed/main:AAAA"):
        with pytest.raises(BadInput, match="plain text"):
            correct(embedded, reported, "specified", pretended)


@pytest.mark.parametrize("new", ["[" * 100_000, "{", "nope", '"\\ud800"'])
def test_a_correction_that_is_no_json_is_told(embedded: Trial, reported: Event, new: str) -> None:
    body = {"target": reported.seq, "item": "grade", "new": new}
    with pytest.raises(BadInput):
        embedded.act("Correct", body, subject="A-001", reason="typing error")


def test_the_day_of_a_form_can_be_corrected(embedded: Trial, reported: Event) -> None:
    form = embedded.log.read(subject="A-001", types={"FormSaved"})[0]
    day = "2026-01-02"
    assert json.loads(correct(embedded, form, "occurred", day).body)["new"] == f'"{day}"'
