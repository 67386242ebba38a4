"""A record analysed: read up to a position, cut at a day, by the study version that it holds.

The one way from a record to its results: the command line, the page of a cut-off and a comparison
of two cut-offs take it. Two times are named: the position of the last event says what was known,
the cut what had happened.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from typing import NamedTuple

from equipoise import __version__
from equipoise.analysis.blinded import blinded
from equipoise.analysis.cut import data_cut
from equipoise.analysis.result import Result
from equipoise.analysis.run import run
from equipoise.errors import RecordError
from equipoise.record.event import Event
from equipoise.record.plan import reasons
from equipoise.record.rule import Tables
from equipoise.record.tables import tables
from equipoise.report.provenance import AnchoredHead, RecordFacts
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.definition import Study
from equipoise.study.derivation import derive
from equipoise.study.load import parse_study


class Analysed(NamedTuple):
    """A record up to a position, its tables up to a cut (event and derived), and the results."""

    events: list[Event]
    study: Study
    tables: Tables
    results: list[Result]
    cut: datetime.date | None


def study_of(events: Sequence[Event]) -> Study:
    """The study version that was adopted last among `events`, as the record holds it."""
    adopted = [event for event in events if event.type == "StudyVersionAdopted"]
    if not adopted:
        raise RecordError(
            f"the record holds no study version up to event {events[-1].seq}; there is nothing to "
            "analyse before one was adopted"
        )
    return parse_study(json.loads(adopted[-1].body)["study"])


def analysed(
    events: list[Event], cut: datetime.date | None, *, by_arm: bool = True
) -> Analysed:  # fmt: skip
    """The analysis plan of the study that was adopted last, on the record up to the cut.

    Without `by_arm` what whoever is blinded to the arms may know of it: the plan of
    `equipoise.analysis.blinded`.
    """
    study, derived = derived_up_to(events, cut)
    study = study if by_arm else blinded(study)
    return Analysed(events, study, derived, run(derived, study, cut=cut), cut)


def derived_up_to(events: Sequence[Event], cut: datetime.date | None) -> tuple[Study, Tables]:
    """The study that was adopted last, and the tables of the record up to the cut."""
    study = study_of(events)
    found = tables(events, CATALOGUE)
    return study, derive(data_cut(found, cut) if cut is not None else found, study)


def facts_of(
    events: Sequence[Event],
    cut: datetime.date | None,
    findings: tuple[str, ...] = (),
    anchors: tuple[AnchoredHead, ...] = (),
) -> RecordFacts:
    """What the report says of the record: its first event, its head, its verification."""
    opened, head = json.loads(events[0].body), events[-1]
    return RecordFacts(
        trial=head.trial,
        release=__version__,
        mode=opened["mode"],
        scenario=opened.get("scenario"),
        seed=opened.get("scenario_seed"),
        as_of=head.seq,
        head=head.hash,
        recorded=head.recorded,
        events=len(events),
        assumed=tuple(reasons(json.loads(opened.get("scenario_text") or "null"))),
        cut=cut,
        findings=findings,
        anchors=anchors,
    )
