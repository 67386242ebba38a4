"""The visits of each subject in time: when each was due, when it took place, which was missed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from equipoise.record.partial_date import earliest_day
from equipoise.record.rule import KEY, SOURCES, Columns, Tables, no_rows
from equipoise.record.sources import array_sources
from equipoise.record.subject_rows import (
    NONE,
    Flags,
    Numbers,
    SubjectRows,
    dates,
    days,
    gathered,
    pack,
)
from equipoise.visits.contact import Signs, contacts_end, keeping, signs_of_life
from equipoise.visits.plan import Visit, VisitsPlan

VISIT_TIMELINE: Columns = {
    **KEY,
    "visit": pl.String,
    "instance": pl.Int64,
    "target": pl.Date,
    "earliest": pl.Date,
    "latest": pl.Date,
    "actual": pl.Date,
    "state": pl.String,
    "reason": pl.String,
    **SOURCES,
}
STATES: Final = (
    "done", "early", "late", "missed", "not_yet_due", "not_applicable", "unscheduled", "not_placed",
)  # fmt: skip
_DONE, _EARLY, _LATE, _MISSED, _NOT_YET_DUE, _NOT_APPLICABLE, _UNSCHEDULED, _NOT_PLACED = range(8)
_NEVER: Final = np.iinfo(np.int64).max
_INSTANCE_BITS, _VISIT_BITS, _PACKED_BITS = 14, 8, 62


class _Planned(NamedTuple):
    """Visits that are due: the row of the subject, the place of the visit in the plan, its number
    among its repetitions, the day it is due, and the seq of the cycle that it is counted from."""

    rows: Numbers
    visits: Numbers
    instances: Numbers
    targets: Numbers
    cycles: Numbers


class _Leaving(NamedTuple):
    """Of each subject the day after which no visit is due, and that of progression, NEVER if there
    is none; the last day on which the subject was known to be alive; and the day after which no
    contact is due."""

    day: Numbers
    progression: Numbers
    alive: Numbers
    contact: Numbers


def visit_timeline(tables: Tables, plan: VisitsPlan) -> pl.DataFrame:
    """Planned and unscheduled visits of each subject, by replicate, subject and day due or done.

    A planned visit is due `day` days after its anchor (`target`), from `window_before` days earlier
    (`earliest`) to `window_after` days later (`latest`), both included. A visit anchored at cycles
    is due at each cycle from `first_cycle` on, its `instance` the number of the cycle; one that
    repeats is due every `repeat_every` days, as often as the subject was known to be alive and had
    not left on the day it is due, and once more. A visit after the last dose is due once treatment
    has stopped for good. `actual` is the day on which the visit took place (of several records of
    one, the first), `state` how that compares:

    - `done` within the window, `early` before it, `late` after it;
    - `missed`: recorded as not done (`reason` says why; also of a visit that is not due), or the
      whole window passed while the subject took part: the subject left on its last day or later, or
      was known to be alive after it;
    - `not_applicable`: recorded as such, or the subject left, died or (where the visit is due
      `until` progression, by any evaluator) progressed before the last day of the window.
      Withdrawal of visits or of a consent that randomisation requires, loss to follow-up and a
      failure of screening are leaving; of several losses the last one counts, and none where a
      visit took place later. A partial day of death is taken as the first that it can be, not
      before the subject was last known to be alive;
    - `not_yet_due`: nothing was recorded of the subject after its last day;
    - `unscheduled`: a visit outside the schedule, without window;
    - `not_placed`: took place, and is no visit that is due: its anchor is not known, there is no
      such repetition, or it took place before.

    A contact is kept by the first sign of life since `earliest` and before that of the next one
    (`contact.signs_of_life`): `done`, or `late`. It is due until death, a withdrawal of consent
    without vital status, or a loss, and after a withdrawal of visits too.

    `sources`: the record of the visit, else the cycle that it is counted from, else what the row of
    `disposition` rests on.
    """
    disposition = tables["disposition"].sort(*KEY)
    if disposition.is_empty():
        return no_rows(VISIT_TIMELINE)
    subjects, fates = SubjectRows(disposition), _fates(disposition)
    recorded = _recorded(subjects, tables["visit_recorded"], plan)
    signs = signs_of_life(subjects, tables)
    closed = np.where(fates["died"] == NONE, fates["screening_failed"], fates["died"])
    contact = contacts_end(subjects, tables, plan, signs, closed)
    leaving = _leaving(subjects, tables, fates, recorded, contact)
    planned = _planned(subjects, tables["cycle_started"], plan, fates, leaving)
    recorded = _with_contacts(recorded, planned, signs, plan)
    reasons = tables["visit_recorded"]["not_done"]
    return _table(disposition, reasons, plan, planned, leaving, recorded)


class _Recorded(NamedTuple):
    """Recorded visits: subject, place in the plan, number, day, seq, whether it took place, was not
    applicable, was planned, and its row in the table; by key, those that took place first."""

    keys: Numbers
    rows: Numbers
    visits: Numbers
    instances: Numbers
    days: Numbers
    seqs: Numbers
    done: Flags
    waived: Flags
    planned: Flags
    events: Numbers


def _key(rows: Numbers, visits: Numbers, instances: Numbers) -> Numbers:
    """One number for a repetition of a visit of a subject."""
    number = np.minimum(instances, 2**_INSTANCE_BITS - 1)
    found: Numbers = (((rows << _VISIT_BITS) + visits) << _INSTANCE_BITS) + number
    return found


def _recorded(subjects: SubjectRows, frame: pl.DataFrame, plan: VisitsPlan) -> _Recorded:
    codes = {visit.code: place for place, visit in enumerate(plan.visits)}
    visits = frame["visit"].replace_strict(codes, default=-1, return_dtype=pl.Int64).to_numpy()
    rows, instances = subjects.rows(frame), frame["instance"].to_numpy()
    keys, on, seqs = _key(rows, visits, instances), days(frame["occurred"]), frame["seq"].to_numpy()
    done = frame["not_done"].is_null().to_numpy()
    later = np.where(done, 0, 2**_PACKED_BITS) + pack(np.where(on == NONE, 0, on), seqs)
    order = np.lexsort((later, keys))
    order = order[(rows[order] >= 0) & (visits[order] >= 0)]
    return _Recorded(
        keys=keys[order],
        rows=rows[order],
        visits=visits[order],
        instances=instances[order],
        days=on[order],
        seqs=seqs[order],
        done=done[order],
        waived=(frame["not_done"] == "not_applicable").fill_null(value=False).to_numpy()[order],
        planned=~frame["unscheduled"].to_numpy()[order],
        events=order,
    )


def _with_contacts(
    recorded: _Recorded, planned: _Planned, signs: Signs, plan: VisitsPlan
) -> _Recorded:
    """The records, and beside them what keeps a contact of which no visit is recorded."""
    places = [place for place, visit in enumerate(plan.visits) if visit.contact]
    asked = np.flatnonzero(np.isin(planned.visits, places))
    if not len(asked):
        return recorded
    rows, visits, instances = (
        each[asked] for each in (planned.rows, planned.visits, planned.instances)
    )
    earliest, _ = _windows(plan, visits, planned.targets[asked])
    every = np.array([visit.repeat_every or 0 for visit in plan.visits])[visits]
    there, at = keeping(signs, rows, earliest, np.where(every == 0, _NEVER, earliest + every))
    keys = _key(rows, visits, instances)
    there &= ~np.isin(keys, recorded.keys[recorded.done & recorded.planned])
    at, number = at[there], int(there.sum())
    yes, no = np.ones(number, dtype=np.bool_), np.zeros(number, dtype=np.bool_)
    made = _Recorded(
        keys[there], rows[there], visits[there], instances[there], signs.days[at], signs.seqs[at],
        yes, no, yes, np.full(number, -1),
    )  # fmt: skip
    both = [np.concatenate(each) for each in zip(recorded, made, strict=True)]
    done, keys = both[_Recorded._fields.index("done")], both[0]
    order = np.lexsort((~done, keys))
    return _Recorded(*(each[order] for each in both))


def _leaving(
    subjects: SubjectRows,
    tables: Tables,
    fates: Mapping[str, Numbers],
    recorded: _Recorded,
    contact: Numbers,
) -> _Leaving:
    seen = np.full(len(subjects), NONE)
    np.maximum.at(seen, recorded.rows[recorded.done], recorded.days[recorded.done])
    lost = subjects.last(subjects.dated(tables["lost_to_follow_up"])).day
    ends = [
        fates["died"],
        np.where(seen > lost, NONE, lost),
        fates["visits_discontinued"],
        fates["consent_withdrawn"],
        fates["screening_failed"],
    ]
    day = np.min([np.where(end == NONE, _NEVER, end) for end in ends], axis=0)
    progressed = tables["progression"].filter(pl.col("progression").is_not_null())
    progression = np.full(len(subjects), _NEVER)
    np.minimum.at(progression, subjects.rows(progressed), days(progressed["progression"]))
    return _Leaving(day, progression, fates["last_known_alive"], contact)


def _fates(disposition: pl.DataFrame) -> Mapping[str, Numbers]:
    """The days of `disposition`, and `died`: the day of death, else the first that it can be."""
    first = earliest_day(pl.col("death"), pl.col("death_text"))
    dead = pl.col("death_text").is_not_null()
    alive = pl.col("last_known_alive")
    died = pl.when(dead).then(pl.coalesce("death", pl.max_horizontal(first, alive)))
    frame = disposition.with_columns(died.alias("died"))
    return {name: days(frame[name]) for name, kind in frame.schema.items() if kind == pl.Date}


def _planned(
    subjects: SubjectRows,
    cycles: pl.DataFrame,
    plan: VisitsPlan,
    fates: Mapping[str, Numbers],
    leaving: _Leaving,
) -> _Planned:
    stopped = fates["treatment_discontinued"] != NONE
    anchors = {
        "screening": fates["screened"],
        "randomisation": fates["randomised"],
        "first_dose": fates["first_dose"],
        "last_dose": np.where(stopped, fates["last_dose"], NONE),
    }
    parts = []
    for place, visit in enumerate(plan.visits):
        if visit.anchor == "cycle":
            begun = cycles.filter(pl.col("cycle") >= visit.first_cycle)
            rows, on, seqs = subjects.dated(begun)
            there = (rows >= 0) & (on != NONE)
            rows, on, seqs = rows[there], on[there], seqs[there]
            number = begun["cycle"].to_numpy()[there]
        else:
            count = _repetitions(visit, anchors[visit.anchor], leaving)
            rows = np.repeat(np.arange(len(subjects)), count)
            number = np.arange(len(rows)) - (np.cumsum(count) - count)[rows] + 1
            on = anchors[visit.anchor][rows] + (number - 1) * (visit.repeat_every or 0)
            seqs = np.full(len(rows), -1)
        parts.append(_Planned(rows, np.full(len(rows), place), number, on + visit.day, seqs))
    return _Planned(*(np.concatenate(each) for each in zip(*parts, strict=True)))


def _ends(visit: Visit, leaving: _Leaving) -> Numbers:
    """The day after which the visit is no more due."""
    if visit.contact:
        return leaving.contact
    both: Numbers = np.minimum(leaving.day, leaving.progression)
    return both if visit.until else leaving.day


def _repetitions(visit: Visit, anchor: Numbers, leaving: _Leaving) -> Numbers:
    """How often the visit is due for each subject: up to the last sign of life, and once more."""
    once: Numbers = (anchor != NONE).astype(np.int64)
    if visit.repeat_every is None:
        return once
    since = np.minimum(leaving.alive, _ends(visit, leaving)) - anchor - visit.day
    passed = np.maximum(since // visit.repeat_every + 1, 0)
    return np.where((once == 1) & (leaving.alive != NONE), passed + 1, once)


def _matched(planned: _Planned, recorded: _Recorded) -> tuple[Numbers, Numbers]:
    """The record of each planned visit (-1 if there is none), and the records beside the plan.

    Of several records of one visit the first that took place counts; a further record that it was
    not done says nothing.
    """
    beside = np.ones(len(recorded.keys), dtype=np.bool_)
    candidates = np.flatnonzero(recorded.planned)
    if not len(candidates):
        return np.full(len(planned.rows), -1), np.flatnonzero(beside)
    keys = recorded.keys[candidates]
    head = np.concatenate(([True], keys[1:] != keys[:-1]))
    wanted = _key(planned.rows, planned.visits, planned.instances)
    found = np.searchsorted(keys[head], wanted)
    found[found == head.sum()] = 0
    there = keys[head][found] == wanted
    known = np.zeros(head.sum(), dtype=np.bool_)
    known[found[there]] = True
    known = known[np.cumsum(head) - 1]
    beside[candidates] = ~known | (recorded.done[candidates] & ~head)
    return np.where(there, candidates[head][found], -1), np.flatnonzero(beside)


def _table(
    disposition: pl.DataFrame,
    reasons: pl.Series,
    plan: VisitsPlan,
    planned: _Planned,
    leaving: _Leaving,
    recorded: _Recorded,
) -> pl.DataFrame:
    """Planned visits with what was recorded of them, and what was recorded beside the plan."""
    place, beside = _matched(planned, recorded)
    rows = np.concatenate([planned.rows, recorded.rows[beside]])
    visits = np.concatenate([planned.visits, recorded.visits[beside]])
    instances = np.concatenate([planned.instances, recorded.instances[beside]])
    targets = np.concatenate([planned.targets, np.full(len(beside), NONE)])
    cycles = np.concatenate([planned.cycles, np.full(len(beside), -1)])
    record = np.concatenate([place, beside])
    on = _at(recorded.days, record, NONE)
    order = _in_time(rows, np.where(targets != NONE, targets, on), visits, instances, record)
    rows, visits, targets, record = rows[order], visits[order], targets[order], record[order]
    actual = np.where(_at(recorded.done, record, none=False), on[order], NONE)
    earliest, latest = _windows(plan, visits, targets)
    state = _states(plan, rows, visits, (earliest, latest), actual, record, leaving, recorded)
    seqs = _at(recorded.seqs, record, -1)
    seqs = np.where(seqs >= 0, seqs, cycles[order])
    sources = pl.concat([disposition["sources"], array_sources([seqs])])
    own = len(disposition) + np.arange(len(rows))
    codes = pl.Series([visit.code for visit in plan.visits], dtype=pl.String)
    return disposition.select(*KEY)[rows].with_columns(
        codes.gather(visits).alias("visit"),
        pl.Series("instance", instances[order]),
        dates(targets).alias("target"),
        dates(earliest).alias("earliest"),
        dates(latest).alias("latest"),
        dates(actual).alias("actual"),
        pl.Series(STATES).gather(state).alias("state"),
        gathered(reasons, _at(recorded.events, record, -1)).alias("reason"),
        sources.gather(np.where(seqs >= 0, own, rows)).alias("sources"),
    )


def _at(values: NDArray[Any], record: Numbers, none: int) -> NDArray[Any]:
    """`values` of each record; `none` where there is no record."""
    return np.append(values, np.asarray(none, dtype=values.dtype))[record]


def _in_time(
    rows: Numbers, on: Numbers, visits: Numbers, instances: Numbers, record: Numbers
) -> Numbers:
    """The order by subject, day, visit of the plan, repetition, and record."""
    among = pack(_key(np.zeros_like(visits), visits, instances), record + 1)
    return np.lexsort((among, pack(rows, np.where(on == NONE, 0, on))))


def _windows(plan: VisitsPlan, visits: Numbers, targets: Numbers) -> tuple[Numbers, Numbers]:
    """The first and the last day of each window, NONE without a target."""
    before, after = np.array([(each.window_before, each.window_after) for each in plan.visits]).T
    return (
        np.where(targets == NONE, NONE, targets - before[visits]),
        np.where(targets == NONE, NONE, targets + after[visits]),
    )


def _states(
    plan: VisitsPlan,
    rows: Numbers,
    visits: Numbers,
    window: tuple[Numbers, Numbers],
    actual: Numbers,
    record: Numbers,
    leaving: _Leaving,
    recorded: _Recorded,
) -> Numbers:
    """The place in STATES of each row."""
    ends = np.array([_ends(visit, leaving) for visit in plan.visits])[visits, rows]
    earliest, latest = window
    there, done = record >= 0, _at(recorded.done, record, none=False)
    passed = (leaving.alive[rows] > latest) | (ends != _NEVER)
    states = {
        _UNSCHEDULED: ~_at(recorded.planned, record, none=True),
        _NOT_APPLICABLE: _at(recorded.waived, record, none=False) | (~there & (latest > ends)),
        _MISSED: there & ~done,
        _NOT_PLACED: done & (latest == NONE),
        _EARLY: done & (actual < earliest),
        _LATE: done & (actual > latest),
        _DONE: done,
    }
    return np.select(list(states.values()), list(states), np.where(passed, _MISSED, _NOT_YET_DUE))
