"""Times to an event: one engine turns what was observed into times, events and reasons.

An end point is a value of the study file: start, ordered event sources, censoring rules, cut. What
an intercurrent event does to it, the estimand's strategy says. A protocol that changes a rule
changes the study file, and nothing here.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files

import numpy as np
import polars as pl
from ruamel.yaml import YAML

from equipoise.analysis.observed import NEVER, Observed
from equipoise.record.subject_rows import NONE, Flags, Found, Numbers, dates, days, grouped_sources
from equipoise.study.analysis_plan import CensoringRule, TimeToEventEndPoint
from equipoise.study.censoring import Handling, rules_of


def convention(name: str) -> Decimal:
    """A number of conventions.yaml, such as the days of a month.

    >>> convention("days_per_month")
    Decimal('30.4375')
    """
    return Decimal(_conventions()[name]["value"])


def conventions() -> list[str]:
    """The wording of every convention, for reports."""
    return [each["wording"] for each in _conventions().values()]


@cache
def _conventions() -> dict[str, dict[str, str]]:
    text = files("equipoise.analysis").joinpath("conventions.yaml").read_text("utf-8")
    return {name: dict(each) for name, each in YAML(typ="safe").load(text).items()}


@dataclass(frozen=True, slots=True)
class Start:
    """The day on which the time of each subject starts, NONE for who has none; with sources."""

    day: Numbers
    sources: tuple[pl.Series, ...]


def start_of(
    observed: Observed, end_point: TimeToEventEndPoint, responses: pl.DataFrame | None = None
) -> Start:
    """Randomisation, first dose, or the first response that counts (a row of `responses`)."""
    if end_point.start == "first_dose":
        return Start(observed.anchor("first_dose"), (observed.start_sources,))
    if end_point.start == "randomisation" or responses is None:
        return Start(observed.randomised, (observed.start_sources,))
    found = observed.aligned(responses)
    return Start(days(found["occurred"]), (observed.start_sources, found["sources"]))


def time_to_event(
    observed: Observed,
    end_point: TimeToEventEndPoint,
    handling: Handling,
    start: Start,
    *,
    cut: datetime.date | None = None,
    with_sources: bool = True,
) -> pl.DataFrame:
    """The time of every randomised subject who started, to the first event or to censoring.

    1. The event is the first of the end point's events; on one day, the one listed first. What is
       later than `cut` has not happened.
    2. Of the intercurrent events with the strategy `hypothetical`, the first on or after the start
       and before the event censors: at the last adequate assessment up to its day, or, where the
       end point is censored when last known alive, on its day.
    3. Else, with `hypothetical` for missed assessments, an event right after too many of them
       (`CensoringRule`) is censored at the last adequate assessment before it.
    4. Without an event: censored at the last adequate assessment, or when last known alive.
    5. Who has none since the start is censored on day 1 (the day of the start), while alive: an
       early death is an event.

    Columns replicate, subject; time_days (the day of the start is day 1), event; `reason`: the
    event (`death_imputed` where its day was), or `before_...` an intercurrent event,
    `after_missed_assessments`, `last_adequate_assessment`, `last_known_alive`, `not_assessed`,
    `no_baseline`; `rule`: what decided, the name of the rule set (else of the end point) and of its
    part; `occurred` (day of the event or of censoring); `left_days` and `right_days`: the time is
    known to lie above the left and up to the right (null: open) limit, which for progression are
    the last adequate assessment (0: none) and the day it was seen; sources. A simulation of many
    trials does without sources.

    Source: FDA, Clinical trial endpoints for the approval of cancer drugs (2007, 2018), table A;
    EMA, Appendix 1 to the guideline on anticancer medicinal products (2012); ICH E9(R1).
    """
    return _Timed(observed, end_point, handling, start, cut).table(with_sources)


class _Timed:
    """One end point's events, censorings and reasons, one place for each subject."""

    def __init__(
        self,
        observed: Observed,
        end_point: TimeToEventEndPoint,
        handling: Handling,
        start: Start,
        cut: datetime.date | None,
    ) -> None:
        self.observed, self.end_point, self.begun = observed, end_point, start
        self.start = start.day
        self.limit = NEVER if cut is None else (cut - datetime.date(1970, 1, 1)).days
        self.assessed = end_point.censor_at == "last_adequate_assessment"
        self.names: tuple[str, ...] = end_point.events
        self.events, self.event_seqs = self._first(self.names)
        self.event_day, self.event_place = _earliest(self.events)
        self.ices: list[str] = [e for e in handling.events("hypothetical") if e != "missing_scan"]
        before, self.ice_seqs = self._first(self.ices)
        before = np.where(before < self.event_day, before, NEVER)
        self.ice_day, self.ice_place = _earliest(before)
        self.stopped = self.ice_day < NEVER
        self.until = np.minimum(np.minimum(self.ice_day, self.event_day), self.limit)
        self.seen_place = observed.last_adequate(self.until)
        seen = np.full(len(observed), NONE, dtype=np.int64)
        there = self.seen_place >= 0
        seen[there] = observed.adequate.days[self.seen_place[there]]
        self.seen = there & (seen >= self.start)
        self.seen_day = np.where(self.seen, seen, self.start)
        self.gap = np.zeros(len(observed), dtype=np.bool_)
        if handling.strategy("missing_scan") == "hypothetical":
            rule = rules_of(end_point)["missing_scan"]
            self.gap = ~self.stopped & (self.event_day < NEVER) & self._missed(rule)
        self.event = (self.event_day < NEVER) & ~self.stopped & ~self.gap

    def _first(self, names: Sequence[str]) -> tuple[Numbers, Numbers]:
        """The first day of each event by the cut, NEVER where there is none, and its seq."""
        found = [self._happened(name) for name in names]
        shape = (len(found), len(self.start))
        day = np.array([each.day for each in found], dtype=np.int64).reshape(shape)
        seq = np.array([each.seq for each in found], dtype=np.int64).reshape(shape)
        return np.where((day == NONE) | (day > self.limit), NEVER, day), seq

    def _happened(self, name: str) -> Found:
        """The first day of an event. A death of which the day is imputed was by the cut."""
        found = self.observed.happened(name, self.end_point, self.start)
        if name != "death":
            return found
        _, imputed = self.observed.death(self.end_point.partial_dates.death)
        return Found(np.where(imputed, np.minimum(found.day, self.limit), found.day), found.seq)

    def _missed(self, rule: CensoringRule) -> Flags:
        """Whether too much was missed between the last adequate assessment and the event."""
        if rule.longest_gap_days is not None:
            gap: Flags = self.event_day - self.seen_day > rule.longest_gap_days
            return gap
        missed = self.observed.missed(self.seen_day, self.event_day)
        return np.asarray(missed >= (rule.missed_assessments or 1), dtype=np.bool_)

    def table(self, with_sources: bool) -> pl.DataFrame:
        alive = np.minimum(np.where(self.stopped, self.ice_day, self.observed.alive), self.limit)
        last = self.seen_day if self.assessed else np.maximum(alive, self.start)
        end = np.where(self.event, self.event_day, last)
        time = np.maximum(end, self.start) - self.start + int(convention("first_day"))
        reason, rule = self._why(end)
        left, right = self._interval(time)
        columns = {
            "time_days": pl.Series(time, dtype=pl.Int64),
            "event": pl.Series(self.event),
            "reason": reason,
            "rule": rule,
            "occurred": dates(end),
            "left_days": pl.Series(left, dtype=pl.Int64),
            "right_days": right,
        }
        frame = self.observed.subjects.key.with_columns(**columns)
        if with_sources:
            frame = frame.with_columns(self._sources().alias("sources"))
        return frame.filter((self.start != NONE) & (self.start <= self.limit))

    def _why(self, end: Numbers) -> tuple[pl.Series, pl.Series]:
        """The reason and the deciding rule of each time, as columns."""
        size = len(self.start)
        reasons: list[str] = []
        rules: list[str] = []
        code = np.zeros(size, dtype=np.int64)

        def where(there: Flags, reason: str, part: str) -> None:
            code[there] = len(reasons)
            reasons.append(reason)
            rules.append(self._named(part))

        at = self.end_point.censor_at
        where(np.ones(size, dtype=np.bool_), at, at)
        unseen = ~self.seen if self.assessed else ~(self.observed.alive >= self.start)
        where(unseen, "not_assessed", "not_assessed")
        if self.assessed and unseen.any():
            where(unseen & (self.observed.baseline() == 0), "no_baseline", "no_baseline")
        where(self.gap, "after_missed_assessments", "missing_scan")
        for place, name in enumerate(self.ices):
            where(self.stopped & (self.ice_place == place), f"before_{name}", name)
        for place, name in enumerate(self.names):
            here = self.event & (self.event_place == place)
            where(here, name, name)
            if name == "death":
                _, imputed = self.observed.death(self.end_point.partial_dates.death)
                where(here & imputed, "death_imputed", name)
        return pl.Series(reasons).gather(code), pl.Series(rules).gather(code)

    def _named(self, part: str) -> str:
        """The rule set or the end point that has this part, and the part."""
        end_point = self.end_point
        own = {rule.event for rule in end_point.rules}
        of_the_set = part in rules_of(end_point) and part not in own
        return f"{end_point.rule_set if of_the_set else end_point.code}/{part}"

    def _interval(self, time: Numbers) -> tuple[Numbers, pl.Series]:
        """The limits between which each time is known to lie."""
        first = int(convention("first_day"))
        known = np.where(self.seen, self.seen_day - self.start + first, 0)
        progressed = np.zeros(len(self.start), dtype=np.bool_)
        if "progression" in self.names:
            progressed = self.event & (self.event_place == self.names.index("progression"))
        unseen = ~self.event & ~self.seen & self.assessed
        left = np.where(progressed | unseen, known, time)
        right = pl.Series(np.where(self.event, time, -1))
        return left, right.set(pl.Series(~self.event), None)

    def _sources(self) -> pl.Series:
        """The events behind the start, and behind what ended the time or kept it from ending."""
        observed, everybody = self.observed, np.ones(len(self.start), dtype=np.bool_)
        parts = [_listed(everybody, each) for each in self.begun.sources]
        decided = self.event | self.gap
        for place, name in enumerate(self.names):
            here = decided & (self.event_place == place)
            parts += self._behind(name, here, self.event_seqs[place])
        for place, name in enumerate(self.ices):
            here = self.stopped & (self.ice_place == place)
            parts += self._behind(name, here, self.ice_seqs[place])
        if self.assessed:
            last = ~self.event & self.seen
            places = self.seen_place[last]
            parts.append(_listed(last, observed.adequate.sources, places))
            parts.append(_listed(~self.event & ~self.seen, observed.readings["sources"]))
        else:
            parts.append(_listed(~decided & ~self.stopped, observed.alive_sources))
        rows = np.concatenate([rows for rows, _ in parts])
        seqs = np.concatenate([seqs for _, seqs in parts])
        return grouped_sources(rows, seqs, len(self.start))

    def _behind(self, name: str, here: Flags, seqs: Numbers) -> list[tuple[Numbers, Numbers]]:
        """Pairs of rows and seqs: the events behind an event of the subjects `here`."""
        if name == "progression":
            return [_listed(here, self.observed.readings["sources"])]
        if name == "death":
            deaths = self.observed.tables["death_recorded"]
            rows = self.observed.subjects.rows(deaths)
            inside = (rows >= 0) & (here[rows] if len(here) else False)
            return [(rows[inside], deaths["seq"].to_numpy()[inside])]
        return [(np.flatnonzero(here), seqs[here])]


def _earliest(day: Numbers) -> tuple[Numbers, Numbers]:
    """The first of several days of each subject, and which of them it is; NEVER for none."""
    if not len(day):
        never = np.full(day.shape[1], NEVER, dtype=np.int64)
        return never, np.full(day.shape[1], -1, dtype=np.int64)
    return day.min(axis=0), day.argmin(axis=0)


def _listed(
    here: Flags, lists: pl.Series, places: Numbers | None = None
) -> tuple[Numbers, Numbers]:
    """Rows and seqs of the lists of the subjects `here`, at `places` or at their own."""
    rows = np.flatnonzero(here)
    chosen = lists.gather(rows if places is None else places)
    lengths = chosen.list.len().fill_null(0).to_numpy()
    seqs = chosen.explode().drop_nulls().to_numpy()
    return np.repeat(rows, lengths), seqs.astype(np.int64)
