"""Items that only make sense together are corrected by one action, and judged once all changed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from equipoise.conduct.context import event_as_it_stands
from equipoise.errors import BadInput, Conflict
from equipoise.record.event import Event
from tests.harness.trial import Trial

WHO = "A-001"
STATE = {"item": "targets/T1/state", "new": '"absent"'}
SIZE = {"item": "targets/T1/diameter", "new": None}


@pytest.fixture
def read(embedded: Trial) -> Event:
    """A reading of one target of 20 mm."""
    embedded.act("SubjectScreened", {}, subject=WHO)
    embedded.act("ConsentSigned", {"consent": "participation", "version": "1"}, subject=WHO)
    lesion = {"lesion": "T1", "evaluator": "committee", "role": "target", "organ": "liver"}
    embedded.act("LesionIdentified", {**lesion, "node": False}, "reader", subject=WHO)
    body = {
        "assessment": "A0", "evaluator": "committee", "visit": "scan", "baseline": True,
        "modality": "ct", "targets": [{"lesion": "T1", "state": "measured", "diameter": "20"}],
    }  # fmt: skip
    (event,) = embedded.act("TumourAssessed", body, "reader", subject=WHO)
    return event


def corrected(trial: Trial, event: Event, *changes: dict[str, Any], **how: Any) -> list[Event]:
    first, *others = changes
    body = {"target": event.seq, **first, "also": others}
    return trial.act("Correct", body, "reader", subject=WHO, reason="wrong series", **how)


@pytest.mark.parametrize("one", [STATE, SIZE])
def test_one_of_two_items_that_go_together_is_refused(
    embedded: Trial, read: Event, one: dict[str, Any]
) -> None:
    with pytest.raises(BadInput, match="a diameter if the lesion was measured"):
        corrected(embedded, read, one)


@pytest.mark.requirement("AT3")
def test_two_items_change_together_and_each_is_a_correction(embedded: Trial, read: Event) -> None:
    events = corrected(embedded, read, STATE, SIZE)
    bodies = [json.loads(event.body) for event in events]
    assert [event.type for event in events] == ["Corrected", "Corrected"]
    assert [(e["item"], e["old"], e["new"]) for e in bodies] == [
        ("targets/T1/state", '"measured"', '"absent"'),
        ("targets/T1/diameter", '"20"', None),
    ]
    assert {event.reason for event in events} == {"wrong series"}
    facts = list(embedded.log.read(subject=WHO))
    assert event_as_it_stands(facts, read).body["targets"][0]["state"] == "absent"


def test_the_same_action_again_writes_nothing(embedded: Trial, read: Event) -> None:
    seen = read.seq
    first = corrected(embedded, read, STATE, SIZE, key="once", seen=seen)
    assert corrected(embedded, read, STATE, SIZE, key="once", seen=seen) == first


def test_an_item_is_named_once_and_what_another_changed_meanwhile_is_told(
    embedded: Trial, read: Event
) -> None:
    with pytest.raises(BadInput, match="each item once"):
        corrected(embedded, read, STATE, STATE)
    corrected(embedded, read, {"item": "targets/T1/diameter", "new": '"21"'})
    with pytest.raises(Conflict):
        corrected(embedded, read, STATE, SIZE, seen=read.seq)
