"""A record as commands read it: up to a position, up to a date, by the study that it holds."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from equipoise.analysis.result import Result
    from equipoise.record.event import Event
    from equipoise.record.rule import Tables
    from equipoise.study.definition import Study

BANNER = "REHEARSAL: synthetic patients, not a trial"


def last_day_begun() -> datetime.date:
    """The last day that has begun anywhere on earth: nothing was done after it."""
    return (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=14)).date()


def events_of(record: str, schema: str, as_of: int | None, option: str = "--as-of") -> list[Event]:
    """The events of a record up to a position. RecordError for an empty one, BadInput for a
    position that it does not have."""
    from equipoise.errors import BadInput, RecordError
    from equipoise.record.stores import opened

    log = opened(record, schema=schema)
    try:
        last = log.head().seq
        if not last:
            raise RecordError("the record is empty")
        if as_of is not None and not 1 <= as_of <= last:
            raise BadInput(f"an event from 1 to {last}", field=option, found=as_of)
        return log.read(upto=as_of)
    finally:
        log.close()


def study_of(events: list[Event]) -> Study:
    """The study version that was adopted last among `events`, as the record holds it."""
    from equipoise.errors import RecordError
    from equipoise.study.load import parse_study

    adopted = [event for event in events if event.type == "StudyVersionAdopted"]
    if not adopted:
        raise RecordError(
            f"the record holds no study version up to event {events[-1].seq}; there is nothing to "
            "analyse before one was adopted"
        )
    return parse_study(json.loads(adopted[-1].body)["study"])


def day(text: str | None, option: str) -> datetime.date | None:
    """The date that an option was given, None without one; BadInput for what is no date."""
    from equipoise.errors import BadInput

    if text is None:
        return None
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise BadInput("a date as YYYY-MM-DD", field=option, found=text) from error


class Analysed(NamedTuple):
    """A record up to a position, its tables up to a cut (event and derived), and the results."""

    events: list[Event]
    study: Study
    tables: Tables
    results: list[Result]
    cut: datetime.date | None


def analysed(events: list[Event], cut: datetime.date | None) -> Analysed:
    """The analysis plan of the study that was adopted last, on the record up to the cut."""
    from equipoise.analysis.run import run

    study, derived = derived_up_to(events, cut)
    return Analysed(events, study, derived, run(derived, study, cut=cut), cut)


def derived_up_to(events: list[Event], cut: datetime.date | None) -> tuple[Study, Tables]:
    """The study that was adopted last, and the tables of the record up to the cut."""
    from equipoise.analysis.cut import data_cut
    from equipoise.record.tables import tables
    from equipoise.study.catalogue import CATALOGUE
    from equipoise.study.derivation import derive

    study = study_of(events)
    found = tables(events, CATALOGUE)
    return study, derive(data_cut(found, cut) if cut is not None else found, study)
