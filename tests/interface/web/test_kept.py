"""What is kept of subjects between requests says what the whole record says, and stays bounded."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from equipoise.conduct import conductor
from equipoise.web import kept as keeping
from equipoise.web import overview
from equipoise.web.laboratory_view import bench
from equipoise.web.overview import Row
from equipoise.web.trial import trial
from tests.harness.trial import Trial
from tests.harness.web import Web

NUMBERS = [f"X01-00{number}" for number in range(1, 6)]


def course(acting: Trial) -> Iterator[None]:
    """Five subjects, each a piece further than the last, and what happens to them."""
    for number, without in zip(NUMBERS, ("assay", "confirmation", "", "", ""), strict=True):
        acting.screened(number, without=without)
    yield
    acting.act("Randomise", {}, subject=NUMBERS[2])
    yield
    harm = {"adverse_event": "AE1", "term": "Fatigue", "grade": 3, "serious": True,
            "outcome": "not_recovered"}  # fmt: skip
    acting.act("AdverseEventReported", harm, subject=NUMBERS[2])
    yield
    (form,) = (e for e in acting.log.read(subject=NUMBERS[3]) if '"form":"status"' in e.body)
    change = {"target": form.seq, "item": "items/ecog_status/value", "new": '"0"'}
    acting.act("Correct", change, subject=NUMBERS[3], reason="misread")
    acting.act("DeathRecorded", {"cause": "disease"}, subject=NUMBERS[4])
    yield


def anew() -> list[Row]:
    """Every row derived from the whole record, all subjects together."""
    served = trial()
    events = [e for number in NUMBERS for e in served.log.read(subject=number)]
    rows = overview._rows(events, served.ask.study("X01"), served.ask)
    return [rows[number] for number in NUMBERS]


def test_a_row_that_is_derived_alone_is_the_row_among_all(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step, _ in enumerate(course(site.trial)):
        monkeypatch.setattr(keeping, "SINGLY", 100 * (step % 2))
        kept = overview.overview(trial()).of("X01")
        assert kept == anew(), f"after step {step}"
        assert [overview.overview(trial()).one(number) for number in NUMBERS] == kept
        assert [each.subject for each in bench(trial())] == NUMBERS


def test_subjects_that_are_let_go_are_read_again_whole(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conductor, "EVENTS_KEPT", 40)
    for _ in course(site.trial):
        conducting = trial().conductor
        for number in (*NUMBERS, *reversed(NUMBERS)):
            assert list(trial().ask.events(number)) == trial().log.read(subject=number)
            kept = sum(map(len, conducting._subjects.values()))
            assert kept <= max(40, len(trial().log.read(subject=number)))
