"""A repeated action is told from another, and what tells it gives away nothing that is sealed."""

from __future__ import annotations

import dataclasses
import hashlib
import json

import pytest

from equipoise.conduct.repetition import PLAIN, UNDER_KEYS, asked
from equipoise.errors import BadInput, StoreFailed
from equipoise.record.event import Event
from equipoise.study.actions import Action
from tests.harness.trial import Trial

NAMES = ("Jeanne Dupont", "Jean Dupont", "Marie Curie")


def asked_for(trial: Trial, action: Action) -> Event:
    (found,) = trial.conductor.act(action)
    return found


@pytest.mark.requirement("GD1", "AT7")
def test_who_has_the_record_alone_cannot_try_names_until_one_fits(embedded: Trial) -> None:
    embedded.screened("A-001", without="confirmation")
    body = {"item": "name", "value": NAMES[0]}
    action = embedded.action("RecordIdentity", body, subject="A-001", key="k")
    event = asked_for(embedded, action)
    assert event.cause is not None and event.cause.startswith(UNDER_KEYS)
    for name in NAMES:
        guess = dataclasses.replace(action, body={**body, "value": name})
        tried = hashlib.sha256(asked(guess).encode()).hexdigest()
        assert all(tried not in (each.cause or "") for each in embedded.log.read())


def test_an_action_on_sealed_values_is_done_once_and_another_is_told(embedded: Trial) -> None:
    embedded.screened("A-001", without="confirmation")
    body = {"item": "name", "value": NAMES[0]}
    action = embedded.action("RecordIdentity", body, subject="A-001", key="k")
    event = asked_for(embedded, action)
    assert asked_for(embedded, action) == event
    other = dataclasses.replace(action, body={**body, "value": NAMES[1]})
    with pytest.raises(BadInput, match="a new key for every new action"):
        embedded.conductor.act(other)
    assert len(embedded.log.read(types={"IdentityRecorded"})) == 1


def test_without_its_keys_nothing_is_marked(
    embedded: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store of keys that fails between sealing and marking: nothing is written."""
    embedded.screened("A-001", without="confirmation")
    body = {"item": "name", "value": NAMES[0]}
    action = embedded.action("RecordIdentity", body, subject="A-001", key="k")
    before = embedded.log.head()

    def failing(name: str) -> None:
        raise StoreFailed("the store of keys cannot be read")

    seal = embedded.keys.seal

    def sealed_and_gone(*told: str) -> str:
        found = seal(*told)
        monkeypatch.setattr(embedded.keys, "get", failing)
        return found

    monkeypatch.setattr(embedded.keys, "seal", sealed_and_gone)
    with pytest.raises(StoreFailed):
        embedded.conductor.act(action)
    assert embedded.log.head() == before


@pytest.mark.parametrize("corrected", [False, True])
def test_once_a_value_is_erased_nobody_can_tell_what_was_asked(
    embedded: Trial, corrected: bool
) -> None:
    embedded.screened("A-001", without="confirmation")
    body = {
        "deviation": "D1", "category": "other", "important": False, "description": NAMES[0],
    }  # fmt: skip
    action = embedded.action("DeviationRecorded", body, subject="A-001", key="k")
    target = asked_for(embedded, action)
    if corrected:
        change = {"target": target.seq, "item": "description", "new": json.dumps(NAMES[1])}
        action = embedded.action("Correct", change, subject="A-001", key="c", reason="misspelt")
        event = asked_for(embedded, action)
        assert (event.cause or "").startswith(UNDER_KEYS)
        assert asked_for(embedded, action) == event
    redact = {"target": target.seq, "item": "description"}
    embedded.act("Redact", redact, subject="A-001", reason="a name in a free text")
    before = len(embedded.log.read())
    with pytest.raises(BadInput, match="of which a value was erased"):
        embedded.conductor.act(action)
    assert len(embedded.log.read()) == before


def test_what_brings_nothing_sealed_is_marked_as_ever(embedded: Trial) -> None:
    action = embedded.action("SubjectScreened", {}, subject="A-001", key="k")
    event = asked_for(embedded, action)
    assert event.cause == PLAIN + hashlib.sha256(asked(action).encode()).hexdigest()


def test_the_year_of_birth_of_who_answers_is_not_in_the_mark() -> None:
    def answering(year: str, code: str = "AB2C-DE3F-GH4J") -> Action:
        body = {"code": code, "birth_year": year, "items": []}
        return Action(
            name="AnswerQuestionnaire", body=body, actor="p", role="participant",
            organisation="", key="k", subject="A-001",
        )  # fmt: skip

    assert asked(answering("1961")) == asked(answering("1962"))
    assert asked(answering("1961")) != asked(answering("1961", "ZZ2C-DE3F-GH4J"))
