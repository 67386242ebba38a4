"""Lesions, readings and procedures that `conduct` does not take, each with what it asks for."""

from __future__ import annotations

from typing import Any

import pytest

from equipoise.errors import BadInput, Refused
from equipoise.record.event import Event
from tests.harness.trial import Trial

WHO = "A-001"


@pytest.fixture
def reading(embedded: Trial) -> Trial:
    """A subject with two targets in the liver, a third in the lung, and a non-target."""
    embedded.act("SubjectScreened", {}, subject=WHO)
    embedded.act("ConsentSigned", {"consent": "participation", "version": "1"}, subject=WHO)
    for name, organ in (("T1", "liver"), ("T2", "liver"), ("T3", "lung")):
        identified(embedded, name, organ=organ)
    identified(embedded, "NT1", role="non_target")
    return embedded


def identified(trial: Trial, lesion: str, **items: Any) -> list[Event]:
    body = {"role": "target", "organ": "liver", "node": False, **items}
    body |= {"lesion": lesion, "evaluator": items.get("evaluator", "committee")}
    return trial.act("LesionIdentified", body, "reader", subject=WHO)


def assessed(trial: Trial, *targets: dict[str, Any], **items: Any) -> list[Event]:
    body = {
        "assessment": "A0", "evaluator": "committee", "visit": "scan", "baseline": True,
        "modality": "ct", "targets": targets, **items,
    }  # fmt: skip
    return trial.act("TumourAssessed", body, "reader", subject=WHO)


def size(lesion: str, diameter: str = "20") -> dict[str, Any]:
    return {"lesion": lesion, "state": "measured", "diameter": diameter}


def piece(lesion: str, name: str) -> dict[str, Any]:
    return {**size(lesion), "fragment": name}


SPLIT = {"lesion": "T1", "state": "split"}
MERGED = {"lesion": "T1", "state": "merged"}


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ({"organ": "Liver"}, "two target lesions in one organ"),
        ({"organ": "bone", "kind": "bone"}, "kind not measurable"),
        ({"organ": "brain", "treated_before": True}, "treated not progressed"),
        ({"role": "non_target", "organ": "kidney", "kind": "simple_cyst"}, "not malignant"),
    ],
)
def test_a_choice_that_the_standard_does_not_allow_is_refused(
    reading: Trial, items: dict[str, Any], told: str
) -> None:
    with pytest.raises(Refused, match=told) as error:
        identified(reading, "T4", **items)
    for part in (WHO, "T4 of committee", "RECIST", "section ", "Way out: "):
        assert part in str(error.value)


def test_a_sixth_target_is_refused_and_a_non_target_is_not(reading: Trial) -> None:
    identified(reading, "T4", organ="lung")
    identified(reading, "T5", organ="pancreas")
    with pytest.raises(Refused, match="at most five target lesions"):
        identified(reading, "T6", organ="kidney")
    identified(reading, "T6", organ="kidney", role="non_target")


def test_a_lesion_that_became_non_target_by_correction_makes_room(reading: Trial) -> None:
    first = next(each for each in reading.log.read(subject=WHO) if '"T1"' in str(each.body))
    change = {"target": first.seq, "item": "role", "new": '"non_target"'}
    reading.act("Correct", change, "reader", subject=WHO, reason="a cyst after all")
    identified(reading, "T4")


def test_an_evaluator_that_the_study_does_not_have(reading: Trial) -> None:
    with pytest.raises(BadInput, match="committee"):
        identified(reading, "T9", evaluator="neighbour")


@pytest.mark.parametrize(
    ("targets", "items", "told"),
    [
        ([size("T9")], {}, "T1, T2, T3"),
        ([size("NT1")], {}, "T1, T2, T3"),
        ([size("T1"), size("T1")], {}, "T1, T2, T3"),
        ([], {"non_targets": [{"lesion": "T1", "state": "present"}]}, "NT1"),
        ([{"lesion": "T1", "state": "measured"}], {}, "a diameter if the lesion was measured"),
        ([{**size("T1"), "state": "absent"}], {}, "none if it was not"),
        ([SPLIT], {}, "two pieces or more"),
        ([SPLIT], {"fragments": [piece("T1", "a")]}, "two pieces or more"),
        ([size("T1")], {"fragments": [piece("T1", "a"), piece("T1", "b")]}, "of no other lesion"),
        ([SPLIT], {"fragments": [piece("T1", "a"), piece("T1", "a")]}, "a name of its own"),
        ([MERGED, size("T2")], {}, "that has merged"),
        ([{**MERGED, "merged_into": "T1"}], {}, "that has merged"),
        ([{**MERGED, "merged_into": "T3"}, size("T2")], {}, "that has merged"),
        ([MERGED | {"merged_into": "T2"}, {**MERGED, "lesion": "T2", "merged_into": "T1"}], {},
         "that has merged"),
        ([{**size("T1"), "merged_into": "T2"}, size("T2")], {}, "of no other any"),
    ],
)  # fmt: skip
def test_a_reading_that_cannot_be_is_named_and_leaves_nothing(
    reading: Trial, targets: list[dict[str, Any]], items: dict[str, Any], told: str
) -> None:
    before = reading.log.head()
    with pytest.raises(BadInput, match=told):
        assessed(reading, *targets, **items)
    assert reading.log.head() == before


def test_split_merged_and_small_lesions_are_taken(reading: Trial) -> None:
    small = {"lesion": "T3", "state": "too_small", "diameter": "4.5"}
    assessed(reading, {**MERGED, "merged_into": "T2"}, size("T2"), small)
    pieces = [piece("T1", "a"), piece("T1", "b")]
    assessed(reading, SPLIT, size("T2"), assessment="A1", baseline=False, fragments=pieces)


def test_a_procedure_names_a_lesion_by_its_evaluator(reading: Trial) -> None:
    body = {"entry": "P1", "procedure": "ablation"}
    for items in ({"lesion": "T1"}, {"lesion": "T9", "evaluator": "committee"}):
        with pytest.raises(BadInput, match="T1 of committee"):
            reading.act("ProcedureRecorded", {**body, **items}, subject=WHO)
    named = {"lesion": "T1", "evaluator": "committee"}
    reading.act("ProcedureRecorded", {**body, **named}, subject=WHO)
    reading.act("ProcedureRecorded", {**body, "entry": "P2"}, subject=WHO)
