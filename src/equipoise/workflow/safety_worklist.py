"""What of harm waits for somebody on a day: reports, opinions, codes."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from equipoise.record.event import Event
from equipoise.record.rule import KEY
from equipoise.record.tables import tables
from equipoise.safety.serious import reports_due
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.definition import Study
from equipoise.study.derivation import derive

EVENT = ("subject", "adverse_event")


class SafetyWorklist(NamedTuple):
    """Rows that wait on the day `on`, each with subject, adverse event and term.

    `reports`: what is due or was late, with `report`, `start`, `due`, `due_at`, `done`, `done_at`,
    `state` (`reports_due`), and `certain`: false while the investigator's opinion could still make
    it fall away; the next to be due first. `opinions`: serious events without the investigator's
    opinion on the cause, with `aware`. `uncoded`: adverse events without a code of the dictionary
    of the study, in its version, with `dictionary` as coded; empty where the study names none.
    """

    on: datetime.date
    reports: pl.DataFrame
    opinions: pl.DataFrame
    uncoded: pl.DataFrame


def safety_worklist(events: Sequence[Event], study: Study, on: datetime.date) -> SafetyWorklist:
    """The worklist of a record on a day; a clock that starts later is not shown yet."""
    found = derive(tables(events, CATALOGUE), study, upto="expedited_report")
    found = derive(found, study, upto="adverse_event")
    terms = found["adverse_event"].select(*KEY, "adverse_event", "term")
    reports = (
        reports_due(found["expedited_report"], on)
        .filter(pl.col("state") != "done", pl.col("start") <= on)
        .join(terms, [*KEY, "adverse_event"], "left")
        .select(
            *EVENT,
            "term",
            "report",
            "start",
            "due",
            "due_at",
            "done",
            "done_at",
            "certain",
            "state",
        )
        .sort("due", *EVENT, "report")
    )
    opinions = (
        found["serious_adverse_event"]
        .filter(pl.col("related_investigator").is_null(), pl.col("aware") <= on)
        .select(*EVENT, "term", "aware")
        .sort("aware", *EVENT)
    )
    dictionary = study.safety.dictionary
    label = None if dictionary is None else f"{dictionary.name} {dictionary.version}"
    uncoded = (
        found["adverse_event"]
        .filter(pl.col("dictionary").ne_missing(pl.lit(label)) & pl.lit(label is not None))
        .select(*EVENT, "term", "dictionary")
        .sort(EVENT)
    )
    return SafetyWorklist(on, reports, opinions, uncoded)
