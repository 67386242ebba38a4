"""Looks at a simulated trial before its end: what each finds, and where the trial stops.

At each look the tests of the analysis run on what is known on that day. Subjects who were
randomised by then count in full towards the size; outcomes that come in later are not read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from equipoise.analysis.looks import directed_z
from equipoise.analysis.subjects import end_point_of
from equipoise.errors import BadInput
from equipoise.simulation.endpoint_analyses import Compared, Counted
from equipoise.simulation.endpoint_column import Column
from equipoise.simulation.endpoint_columns import compared_columns, counted_columns
from equipoise.simulation.nature import DAYS_PER_MONTH
from equipoise.statistics.interim import stopping_look_batch
from equipoise.statistics.trial_tables import (
    CALENDAR,
    COMPARED,
    EVALUABLE,
    EVENTS,
    LOOK_DAY,
    LOOK_KNOWN,
    LOOK_RANDOMISED,
    LOOKED,
    RANDOMISED,
    RAW,
    SUBJECTS,
    Looks,
    TrialTables,
)
from equipoise.study.analysis_plan import Analysis, BinaryEndPoint
from equipoise.study.definition import Study
from equipoise.study.interim_limits import InterimLimits, interim_limits
from equipoise.study.interim_plan import Interims

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

SKIPPED = "interims"
_WAITS = {"subjects": SUBJECTS, "evaluable": EVALUABLE, "events": EVENTS, "months": CALENDAR}


@dataclass(frozen=True, slots=True)
class Looked:
    """The analysis by which a trial stops, its limits, and where its looks stand in a trial.

    `own` are the places of its P value at the end and, where it has one, of its estimate among its
    own columns; `ends` those of P and estimate among all columns of a trial.
    """

    of: Counted | Compared
    interims: Interims
    limits: InterimLimits
    own: tuple[int, int | None]
    ends: tuple[int, int | None]
    truth: float | None
    null: bool

    @property
    def analysis(self) -> Analysis:
        """The analysis of the plan."""
        return self.of.analysis

    @property
    def events(self) -> bool:
        """Whether what is known at a look are events, rather than final outcomes."""
        return isinstance(self.of, Compared)


def looked(
    study: Study, run: Sequence[Counted | Compared], columns: Sequence[Column]
) -> tuple[Looked | None, str]:
    """The analysis that has looks, if there is one; or None, and why it cannot be simulated."""
    planned = [each for each in study.analysis.analyses if each.interims is not None]
    if not planned:
        return None, ""
    analysis, interims = planned[0], planned[0].interims
    assert interims is not None
    of = next((each for each in run if each.analysis.id == analysis.id), None)
    if of is None and any(each.name == f"{analysis.id}/p" for each in columns):
        return None, f"the analysis {analysis.id} reads patients one by one, which no look does"
    if of is None:
        return None, f"the analysis {analysis.id} is not simulated"
    end_point = end_point_of(study.analysis, analysis)
    if isinstance(end_point, BinaryEndPoint) and end_point.read != "response_window":
        return None, f"a best response, which {analysis.id} counts, is not final before the end"
    mine = [
        (place, each)
        for place, each in enumerate(columns)
        if each.name.startswith(f"{analysis.id}/")
    ]
    p = next(place for place, (_, each) in enumerate(mine) if each.measure == "p")
    estimates = [
        place
        for place, (_, each) in enumerate(mine)
        if each.measure == "estimate" and each.subject == analysis.id
    ]
    estimate = estimates[0] if estimates else None
    return (
        Looked(
            of, interims, interim_limits(interims), (p, estimate),
            (mine[p][0], None if estimate is None else mine[estimate][0]),
            None if estimate is None else mine[estimate][1].truth, mine[p][1].null,
        ),
        "",
    )  # fmt: skip


def look_tables(study: Study, found: Looked, tables: TrialTables) -> TrialTables:
    """The tables of the kernel with the looks of the analysis.

    Raises BadInput for a look that waits for more than are ever randomised.
    """
    interims, of, wanted = found.interims, found.of, tables.accrual.wanted
    if interims.counted != "months" and max(interims.counts) > wanted:
        raise BadInput(
            f"counts before the last of at most {wanted}, whom the scenario randomises",
            field=f"study.analysis.analyses.{of.analysis.id}.interims",
            found=", ".join(map(str, interims.counts)),
        )
    days = DAYS_PER_MONTH if interims.counted == "months" else 1
    awaited = [math.floor(each * days) for each in interims.counts]
    if interims.counted == "events" and interims.greatest is not None:
        awaited.append(interims.greatest)
    counts = np.array(awaited, dtype=np.int64)
    looks = tables.looks._replace(waits=_WAITS[interims.counted], counts=counts, base=tables.width)
    if isinstance(of, Compared):
        first = RAW + tables.tallies.columns + of.column
        return tables._replace(
            looks=looks._replace(comparison=of.comparison, of=first, each=COMPARED)
        )
    begin, end = of.columns
    groups = len(of.analysis.groups)
    subjects = of.sums.reshape(end - begin, 2, groups, -1)[:, 1].sum(axis=(1, 2))
    return tables._replace(
        looks=looks._replace(
            table=tables.tallies.base.tolist().index(begin),
            known_after=_final_after(study, of.analysis),
            member=np.asarray(subjects > 0, dtype=np.bool_),
            of=begin,
            each=end - begin,
        )
    )


def _final_after(study: Study, analysis: Analysis) -> int:
    """Days from randomisation after which no assessment can change the response of the window."""
    end_point = end_point_of(study.analysis, analysis)
    assert isinstance(end_point, BinaryEndPoint)
    return next(each for each in study.response.windows if each.code == end_point.window).last_day


def looks_described(found: Looked) -> list[Column]:
    """The columns that looks add: the trial as it stops, then each look."""
    name, label, truth = found.analysis.id, found.analysis.label.en, found.truth
    own = f"{name}/interims"
    columns = [
        Column(f"{own}/rejected", "rejected", own, f"{label} (stopped by its looks)",
               null=found.null),
    ]  # fmt: skip
    if found.limits.futility is not None:
        columns.append(
            Column(
                f"{own}/rejected_going_on", "rejected", f"{name}/futility ignored",
                f"{label} (looks, going on in spite of futility)", null=found.null,
            )
        )  # fmt: skip
    columns += [
        Column(f"{own}/randomised", "expected_size", own, "Randomised until the trial stops"),
        Column(f"{own}/months", "expected_months", own, "Months until the trial stops"),
        Column(f"{own}/stopped", "stopped_early", own, "Stopped before the end"),
    ]
    if found.own[1] is not None:
        title = f"{label}: estimate where the trial stops"
        columns.append(Column(f"{own}/estimate", "estimate", own, title, truth))
    last = len(found.limits.critical)
    for look in range(1, last + 1):
        whose = f"{name}/look {look}"
        told = []
        if not math.isinf(found.limits.critical[look - 1]):
            title = "stops for efficacy" if look < last else "rejects at the end"
            told.append(("stop_efficacy", title))
        if look < last:
            if found.limits.futility is not None:
                told.append(("stop_futility", "stops for futility"))
            told.append(("look_held", "comes before the end of the trial"))
        told += [
            ("look_month", "month"),
            ("look_randomised", "randomised by then"),
            ("look_known", f"{'events' if found.events else 'outcomes'} known"),
        ]
        for measure, title in told:
            text = f"Look {look}: {title}"
            columns.append(Column(f"{whose}/{measure}", measure, whose, text))
    return columns


@dataclass(frozen=True, slots=True)
class _Seen:
    """What each look finds, trials x looks: was it held, its Z and estimate, its month, how many
    were randomised by then, and how many outcomes or events were known."""

    held: NDArray[np.bool_]
    z: FloatArray
    estimate: FloatArray
    month: FloatArray
    randomised: FloatArray
    known: FloatArray


def look_columns(
    found: Looked, looks: Looks, raw: FloatArray, trials: FloatArray, months: FloatArray
) -> FloatArray:
    """The values of `looks_described`.

    `trials` are the other columns, `months` how long each trial lasts without looks.
    """
    seen, limits = _seen(found, looks, raw, trials, months), found.limits
    stopped, last = _stopped(limits, seen, limits.futility), len(limits.critical)
    end, row = np.where(stopped == 0, last, np.abs(stopped)) - 1, np.arange(len(raw))
    columns: list[NDArray[np.generic]] = [stopped > 0]
    if limits.futility is not None:
        columns.append(_stopped(limits, seen, None) > 0)
    columns += [seen.randomised[row, end], seen.month[row, end], end + 1 < last]
    if found.own[1] is not None:
        columns.append(seen.estimate[row, end])
    for look in range(last):
        here = seen.held[:, look]
        if not math.isinf(limits.critical[look]):
            columns.append(stopped == look + 1)
        if look + 1 < last:
            columns += [stopped == -look - 1] * (limits.futility is not None) + [here]
        columns += [
            np.where(here, values[:, look], np.nan)
            for values in (seen.month, seen.randomised, seen.known)
        ]
    return np.column_stack(columns).astype(np.float64)


def _stopped(limits: InterimLimits, seen: _Seen, futility: Sequence[float] | None) -> IntArray:
    """The look at which each trial stops, as `stopping_look` says it.

    A look that was not held, or whose test has no answer, stops nothing.
    """
    statistics = np.abs(seen.z) if limits.sides == 2 else seen.z
    upper = np.minimum(limits.critical, 1e6)
    lower = np.append(upper[:-1] - 2 if futility is None else futility, upper[-1] - 2)
    statistics = np.where(seen.held & ~np.isnan(statistics), statistics, (upper + lower) / 2)
    return stopping_look_batch(statistics, upper.tolist(), futility=futility)


def _seen(
    found: Looked, looks: Looks, raw: FloatArray, trials: FloatArray, months: FloatArray
) -> _Seen:
    """The looks before the end, and then the end; where events are awaited, their full count."""
    none, side = np.full(len(raw), np.nan), found.interims.side
    p_place, estimate_place = found.own
    rows: list[tuple[NDArray[np.generic], ...]] = []
    for look in range(len(looks.counts)):
        begin = looks.base + look * (LOOKED + looks.each)
        columns = _columns_at(found.of, raw, begin + LOOKED, looks.each)
        sign = _direction(found.of, raw, begin + LOOKED, looks.each)
        day = raw[:, begin + LOOK_DAY]
        rows.append(
            (
                day >= 0,
                directed_z(found.analysis, side, columns[p_place], sign),
                none if estimate_place is None else columns[estimate_place],
                day / DAYS_PER_MONTH,
                raw[:, begin + LOOK_RANDOMISED],
                raw[:, begin + LOOK_KNOWN],
            )
        )
    p_end, estimate_end = found.ends
    sign = _direction(found.of, raw, looks.of, looks.each)
    end: tuple[NDArray[np.generic], ...] = (
        np.ones(len(raw), dtype=np.bool_),
        directed_z(found.analysis, side, trials[:, p_end], sign),
        none if estimate_end is None else trials[:, estimate_end],
        months,
        raw[:, RANDOMISED],
        _known_at_end(found.of, looks, raw),
    )
    if len(rows) == len(found.limits.critical):
        full = rows.pop()
        end = tuple(np.where(full[0], a, b) for a, b in zip(full, end, strict=True))
    return _Seen(*(np.column_stack(each) for each in zip(*rows, end, strict=True)))


def _known_at_end(of: Counted | Compared, looks: Looks, raw: FloatArray) -> FloatArray:
    found = raw[:, looks.of : looks.of + looks.each]
    if isinstance(of, Compared):
        return np.asarray(found[:, 2] + found[:, 3])
    return np.asarray(found @ looks.member.astype(np.float64))


def _columns_at(of: Counted | Compared, raw: FloatArray, begin: int, each: int) -> list[FloatArray]:
    """The analysis of the counts or comparison that begin at this column."""
    if isinstance(of, Counted):
        return counted_columns(replace(of, columns=(begin, begin + each)), raw, {})
    return compared_columns(replace(of, column=begin), raw, 0)


def _direction(of: Counted | Compared, raw: FloatArray, begin: int, each: int) -> FloatArray:
    """The sign of the estimate: of the difference of rates, or of the log hazard ratio."""
    if isinstance(of, Compared):
        return np.asarray(np.sign(raw[:, begin + (6 if of.analysis.method == "cox" else 4)]))
    sums = raw[:, begin : begin + each] @ of.sums
    events, subjects = (
        sums.reshape(len(raw), 2, len(of.analysis.groups), -1).sum(axis=3).swapaxes(0, 1)
    )
    return np.asarray(np.sign(events[:, 0] * subjects[:, 1] - events[:, 1] * subjects[:, 0]))
