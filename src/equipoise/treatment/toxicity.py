"""How many adverse events count for each rule on toxicity, as they stood on a day."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import polars as pl

from equipoise.record.partial_date import latest_day
from equipoise.record.rule import KEY, Columns, Tables
from equipoise.record.subject_rows import NONE, Flags, Numbers, SubjectRows, coded, days, pack
from equipoise.treatment.decision import Pair
from equipoise.treatment.plan import Toxicity

REPORTED: Columns = {
    **KEY,
    "occurred": pl.Date,
    "seq": pl.Int64,
    "event": pl.Int64,
    "adverse_event": pl.String,
    "term": pl.String,
    "grade": pl.Int64,
    "end": pl.String,
    "outcome": pl.String,
}
FOLLOWED_UP: Columns = {
    **KEY,
    "occurred": pl.Date,
    "seq": pl.Int64,
    "event": pl.Int64,
    "adverse_event": pl.String,
    "grade": pl.Int64,
    "outcome": pl.String,
}
"""What the rule reads of adverse events: columns of two event tables."""

ENDED = ("recovered", "sequelae", "fatal")
"""Outcomes after which an adverse event is over."""

_DAY_BITS = 24
_FIRST_DAY = 2**22
_GRADES = 8


class Standing(NamedTuple):
    """Adverse events as they stood for some rows: one entry for each row and event known then.

    `row`: for which row. `term`: the place of its term among `terms`. `worst`: its worst grade so
    far, `present`: its latest, `ongoing`: whether it was not over. `seqs`: the entries that say so.
    """

    terms: Sequence[str]
    row: Numbers
    term: Numbers
    worst: Numbers
    present: Numbers
    ongoing: Flags
    seqs: Sequence[Numbers]


def toxicities(
    rules: Sequence[Pair], standing: Standing, size: int
) -> dict[tuple[str, str], Numbers]:
    """For each rule on toxicity, by codes of set and rule, how many events count, for each row.

    >>> one = np.array([0])
    >>> nausea = Standing(["Nausea"], one, one, np.array([3]), np.array([2]), one > -1, [one])
    >>> counted(Toxicity(grades=(2,), ongoing=True), nausea).tolist()
    [True]
    >>> counted(Toxicity(grades=(2,), occurrence=1), nausea).tolist()
    [False]
    """
    wanted = [
        ((rule_set.code, rule.code), rule.toxicity)
        for rule_set, rule in rules
        if rule.toxicity is not None
    ]
    if not len(standing.row):
        return {name: np.zeros(size, dtype=np.int64) for name, _ in wanted}
    return {
        name: np.bincount(standing.row[counted(toxicity, standing)], minlength=size)
        for name, toxicity in wanted
    }


def counted(toxicity: Toxicity, standing: Standing) -> Flags:
    """Which events count: the terms and the grade, the present one of those that are not over."""
    grades = np.zeros(_GRADES, dtype=np.bool_)
    grades[list(toxicity.grades)] = True
    found: Flags = grades[standing.present] & standing.ongoing
    if not toxicity.ongoing:
        found = grades[standing.worst]
    if toxicity.terms or toxicity.except_terms:
        named = [
            (not toxicity.terms or term in toxicity.terms) and term not in toxicity.except_terms
            for term in standing.terms
        ]
        found = found & np.array([*named, False], dtype=np.bool_)[standing.term]
    return found


class Moments(NamedTuple):
    """Of which subject (by row), on which day, and with which event of the record as the last."""

    rows: Numbers
    on: Numbers
    event: Numbers


def adverse_events_standing(
    tables: Tables, subjects: SubjectRows, moments: Moments, since: Numbers
) -> Standing:
    """The adverse events of subjects as they stood at some moments.

    An event counts from its first day on, if that is not before the day `since`; one of which the
    first day is not complete counts from the beginning. A follow-up counts from its day on, the one
    recorded last on a day stands. Of the day itself counts what was recorded by then: nausea on the
    evening of the first day of a cycle says nothing about this cycle.
    """
    rows, on, _ = moments
    reports = tables["adverse_event_reported"]
    if reports.is_empty():
        nothing = np.zeros(0, dtype=np.int64)
        return Standing((), nothing, nothing, nothing, nothing, nothing > 0, ())
    terms, term = coded(reports["term"])
    owner = subjects.rows(reports)
    order = np.argsort(owner, kind="stable")
    first = np.searchsorted(owner[order], rows, side="left")
    number = np.searchsorted(owner[order], rows, side="right") - first
    row = np.repeat(np.arange(len(rows)), number)
    within = np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number)
    event = order[np.repeat(first, number) + within]
    state = _States(tables, subjects, reports, owner)
    at, known = state.at(event, on[row], moments.event[row])
    onset = days(reports["occurred"])[event]
    known &= (onset == NONE) | (onset >= since[row])
    end = _ends(reports["end"])[event]
    over = state.over[at] | ((end != NONE) & (end <= on[row]))
    return Standing(
        terms=terms.to_list(),
        row=row[known],
        term=term[event][known],
        worst=state.worst[at][known],
        present=state.grade[at][known],
        ongoing=~over[known],
        seqs=[
            reports["seq"].to_numpy()[event][known],
            state.seq[state.worst_at[at]][known],
            state.seq[at][known],
        ],
    )


def _ends(texts: pl.Series) -> Numbers:
    """The day on which each event ended, at the latest that it can have been (DT1)."""
    distinct, places = coded(texts)
    return _last_days((*distinct.to_list(),))[places]


@lru_cache(maxsize=1024)
def _last_days(texts: tuple[str, ...]) -> Numbers:
    """The last day that each date can mean; NONE for one that is null, at the end."""
    text = pl.col("text")
    day = latest_day(text.str.to_date("%Y-%m-%d", strict=False), text)
    frame = pl.DataFrame({"text": [*texts, None]}, schema={"text": pl.String})
    return days(frame.select(day).to_series())


class _States:
    """Reports and follow-ups in order of event, day and entry."""

    def __init__(
        self, tables: Tables, subjects: SubjectRows, reports: pl.DataFrame, owner: Numbers
    ) -> None:
        later = tables["adverse_event_followed_up"]
        of_later = _of_report(subjects, reports, later, owner)
        there = of_later >= 0
        event = np.concatenate([np.arange(len(reports)), of_later[there]])
        day = np.concatenate([days(frame["occurred"]) for frame in (reports, later)])
        day = np.concatenate([day[: len(reports)], day[len(reports) :][there]])
        columns = [
            np.concatenate([reports[name].to_numpy(), later[name].to_numpy()[there]])
            for name in ("seq", "grade", "event")
        ]
        outcomes, outcome = coded(pl.concat([reports["outcome"], later["outcome"]]))
        over = np.array([name in ENDED for name in outcomes] + [False])[outcome]
        over = np.concatenate([over[: len(reports)], over[len(reports) :][there]])
        key = (event << _DAY_BITS) + np.where(day == NONE, 0, day + _FIRST_DAY)
        order = np.lexsort((columns[0], key))
        self.key, self.seq, self.grade, self.event = (each[order] for each in (key, *columns))
        self.over: Flags = over[order]
        packed = np.maximum.accumulate(pack(self.key >> _DAY_BITS, self.grade))
        self.worst: Numbers = packed - pack(self.key >> _DAY_BITS, np.int64(0))
        worse = np.concatenate(([True], packed[1:] > packed[:-1]))[: len(packed)]
        self.worst_at: Numbers = np.maximum.accumulate(np.where(worse, np.arange(len(packed)), 0))

    def at(self, event: Numbers, on: Numbers, last: Numbers) -> tuple[Numbers, Flags]:
        """The place of the last state of each event at a moment, and whether there is one."""
        wanted = (event << _DAY_BITS) + _FIRST_DAY + on
        place = np.searchsorted(self.key, wanted, side="right") - 1
        if not len(self.key):
            return place, place >= 0
        while True:
            later = (self.key[place] == wanted) & (self.event[place] > last) & (place >= 0)
            if not later.any():
                break
            place = place - later
        return np.maximum(place, 0), (place >= 0) & (self.key[place] >> _DAY_BITS == event)


def _of_report(
    subjects: SubjectRows, reports: pl.DataFrame, later: pl.DataFrame, owner: Numbers
) -> Numbers:
    """For each follow-up the row of the report that it belongs to, -1 if there is none."""
    if not len(reports) or not len(later):
        return np.full(len(later), -1, dtype=np.int64)
    names, name = coded(pl.concat([reports["adverse_event"], later["adverse_event"]]))
    keys = owner * len(names) + name[: len(reports)]
    wanted = subjects.rows(later) * len(names) + name[len(reports) :]
    order = np.argsort(keys, kind="stable")
    place = np.minimum(np.searchsorted(keys[order], wanted), len(keys) - 1)
    found: Numbers = np.where(keys[order[place]] == wanted, order[place], -1)
    return found
