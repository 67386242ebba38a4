"""Where each sample is, what it was made from, what is said of it, how long each leg took."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from equipoise.biomarker.plan import BiomarkerPlan
from equipoise.record.columns import filled, named, optional, present
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
    split,
)

LONGEST_CHAIN = 12
"""Samples from the one that was collected to the last that was made of it, at most."""

SAMPLE_STATE: Columns = {
    **KEY,
    "sample": pl.String,
    "parent": pl.String,
    "origin": pl.String,
    "kind": pl.String,
    "step": pl.String,
    "place": pl.String,
    "condition": pl.String,
    "adequate": pl.Boolean,
    "tumour_cells": pl.Int64,
    "taken": pl.Date,
    "labelled": pl.Date,
    "shipped": pl.Date,
    "received": pl.Date,
    "first_result": pl.Date,
    "days_to_shipment": pl.Int64,
    "days_in_transit": pl.Int64,
    "days_to_result": pl.Int64,
    "event": pl.Int64,
    "judgement": pl.Int64,
    "content": pl.Int64,
    **SOURCES,
}

_NEVER = np.iinfo(np.int64).max


class _Happened(NamedTuple):
    """For each sample the row of what happened to it (-1: not), its day, event and seq."""

    row: Numbers
    day: Numbers
    event: Numbers
    seq: Numbers


def sample_state(tables: Tables, plan: BiomarkerPlan) -> pl.DataFrame:
    """One row per sample, sorted by replicate and sample: its chain, its place, its legs in days.

    - `parent` is the sample it was made from, `origin` the collected one at the head of the chain,
      `kind` the material of a collected sample, else what was made.
    - `step` is the step of the study's declared path that the sample, or the nearest above it of
      which one was said, was recorded for.
    - `tumour_cells` (tenths of a per cent) are what was said of the sample itself, else of the
      nearest sample above it of which something was said; `content` is the seq of that.
    - `adequate` is false where the sample or one above it was found inadequate when it was
      received (`judgement` is the seq of that), true where one was found adequate, else null. Of a
      sample for a step of the declared path that was itself found adequate, that stands: what was
      said of the block above it does not count.
    - `place` is `site`, `transit` or `laboratory`. A sample that was made is where the other one
      was when it was made, unless it was shipped itself.
    - `days_to_shipment` from taking to shipment; `days_in_transit` to reception; `days_to_result`
      from reception (for what was made in the laboratory, from its making) to the first result on
      the sample or on what was made of it. `taken` is the day of collection or of making; it is
      null while the day is only partly known.
    """
    collected, derived = tables["sample_collected"], tables["sample_derived"]
    if collected.is_empty() and derived.is_empty():
        return no_rows(SAMPLE_STATE)
    made = _made(collected, derived)
    names = SubjectRows(_named(made, "sample"))
    first_row = _first_rows(names.rows(_named(made, "sample")), made["event"].to_numpy())
    made = made if np.array_equal(first_row, np.arange(len(made))) else made[first_row]
    parent = names.rows(_named(made, "parent"))
    labelled, shipped = (_happened(names, tables[f"sample_{what}"]) for what in _MOVED)
    received = _happened(names, tables["sample_received"])
    first = _first_results(names, tables["assay_result_recorded"], parent)
    taken = days(made["occurred"])
    anew = present(made["step"])
    inadequate, adequate = _judged(tables["sample_received"], received, parent, anew)
    from_making = np.where((received.row < 0) & (parent >= 0), taken, received.day)
    tumour_cells, content = _tumour_cells(made, tables["sample_received"], received, parent)
    fit = np.where(inadequate >= 0, 0, adequate)
    seqs = [each.seq for each in (labelled, shipped, received, first)]
    return pl.DataFrame(
        [
            *(made[name] for name in (*KEY, "sample", "parent")),
            gathered(made["sample"], _origin(parent)).alias("origin"),
            made["kind"],
            _step(made["step"], parent),
            _place(made, parent, shipped, received),
            gathered(tables["sample_received"]["condition"], received.row),
            optional("adequate", fit, fit >= 0).cast(pl.Boolean),
            tumour_cells.alias("tumour_cells"),
            dates(taken).alias("taken"),
            dates(labelled.day).alias("labelled"),
            dates(shipped.day).alias("shipped"),
            dates(received.day).alias("received"),
            dates(first.day).alias("first_result"),
            *_legs(taken, shipped.day, received.day, from_making, first.day),
            made["event"],
            optional("judgement", inadequate, inadequate >= 0),
            optional("content", content, content >= 0),
            array_sources([made["seq"].to_numpy(), *seqs, inadequate, content]),
        ]
    )


_MOVED = ("labelled", "shipped")


def _made(collected: pl.DataFrame, derived: pl.DataFrame) -> pl.DataFrame:
    """Samples collected and samples made, in one table."""
    common = (*KEY, "sample", "occurred", "event", "seq", "step")
    size = len(collected)
    first = pl.DataFrame(
        [
            *(collected[name] for name in common),
            pl.Series("parent", [None], dtype=pl.String).new_from_index(0, size),
            collected["material"].alias("kind"),
            pl.Series("tumour_cells", [None], dtype=pl.Int64).new_from_index(0, size),
        ]
    )
    if derived.is_empty():
        return first
    return pl.concat([first, derived.select(*common, "parent", "kind", "tumour_cells")])


def _named(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """Replicate and the name in `column`, as SubjectRows takes them; no name is no sample's."""
    names = frame[column].alias("subject")
    empty = pl.Series("subject", [""]).new_from_index(0, len(names))
    return pl.DataFrame([frame["replicate"], filled(names, empty)])


def _first_rows(places: Numbers, events: Numbers) -> Numbers:
    """For each sample the row that made it: the one recorded first."""
    order = np.lexsort((events, places))
    heads = np.concatenate(([True], places[order][1:] != places[order][:-1]))
    found: Numbers = order[heads]
    return found


def _happened(names: SubjectRows, frame: pl.DataFrame) -> _Happened:
    """What happened to each sample last: by day, then by order of entry."""
    row, day, event, seq = (np.full(len(names), none, dtype=np.int64) for none in _NOTHING)
    if frame.is_empty():
        return _Happened(row, day, event, seq)
    places, when, events = (
        names.rows(_named(frame, "sample")), days(frame["occurred"]), frame["event"].to_numpy(),
    )  # fmt: skip
    order = np.argsort(pack(np.where(when == NONE, -(2**20), when), events))
    order = order[places[order] >= 0]
    row[places[order]] = order
    there = row >= 0
    day[there], event[there] = when[row[there]], events[row[there]]
    seq[there] = frame["seq"].to_numpy()[row[there]]
    return _Happened(row, day, event, seq)


_NOTHING = (-1, NONE, _NEVER, -1)


def _first_results(names: SubjectRows, results: pl.DataFrame, parent: Numbers) -> _Happened:
    """The first result on each sample or on what was made of it."""
    found = np.full(len(names), _NEVER, dtype=np.int64)
    if not results.is_empty():
        day = days(results["occurred"])
        places = names.rows(_named(results, "sample"))
        packed = pack(day, results["seq"].to_numpy())
        packed, places = packed[day != NONE], places[day != NONE]
        for _ in range(LONGEST_CHAIN):
            there = places >= 0
            if not there.any():
                break
            np.minimum.at(found, places[there], packed[there])
            places = np.where(there, parent[places], -1)
    there = found != _NEVER
    day, seq = split(found)
    seq = np.where(there, seq, -1)
    return _Happened(np.where(there, 0, -1), np.where(there, day, NONE), seq, seq)


def _origin(parent: Numbers) -> Numbers:
    """The head of each sample's chain."""
    origin = np.arange(len(parent))
    for _ in range(LONGEST_CHAIN):
        above = parent[origin]
        if (above < 0).all():
            break
        origin = np.where(above >= 0, above, origin)
    return origin


def _nearest(has: Flags, parent: Numbers) -> Numbers:
    """Of each sample the nearest in its chain, itself first, for which `has` is true; else -1."""
    found = np.where(has, np.arange(len(parent)), -1)
    above = parent
    for _ in range(LONGEST_CHAIN):
        open_ = (found < 0) & (above >= 0)
        if not open_.any():
            break
        found = np.where(open_ & has[above], above, found)
        above = np.where(above >= 0, parent[above], -1)
    return found


def _judged(
    frame: pl.DataFrame, received: _Happened, parent: Numbers, anew: Flags
) -> tuple[Numbers, Numbers]:
    """The seq that found the chain of a sample inadequate (-1: none did), and 1 if one found it
    adequate (-1: nobody judged). A sample `anew` that was found adequate has no chain above it."""
    if frame.is_empty():
        return np.full(len(parent), -1), np.full(len(parent), -1)
    fit = frame["adequate"].to_numpy()[received.row] & (received.row >= 0)
    unfit = ~frame["adequate"].to_numpy()[received.row] & (received.row >= 0)
    parent = np.where(fit & anew, -1, parent)
    bad, good = _nearest(unfit, parent), _nearest(fit, parent)
    return np.where(bad >= 0, received.seq[bad], -1), np.where(good >= 0, 1, -1)


def _tumour_cells(
    made: pl.DataFrame, frame: pl.DataFrame, received: _Happened, parent: Numbers
) -> tuple[pl.Series, Numbers]:
    """The nearest statement about tumour cells, when the sample was received, else when made; and
    its seq, -1 if there is none."""
    own, seq = made["tumour_cells"], made["seq"].to_numpy()
    if not frame.is_empty():
        at_reception = gathered(frame["tumour_cells"], received.row)
        seq = np.where(present(at_reception), received.seq, seq)
        own = filled(at_reception, own)
    nearest = _nearest(present(own), parent)
    return gathered(own, nearest), np.where(nearest >= 0, seq[nearest], -1)


def _step(own: pl.Series, parent: Numbers) -> pl.Series:
    """The nearest step of the declared path that is named in the chain of each sample."""
    if own.null_count() == len(own):
        return own
    return gathered(own, _nearest(present(own), parent))


def _place(
    made: pl.DataFrame, parent: Numbers, shipped: _Happened, received: _Happened
) -> pl.Series:
    event = made["event"].to_numpy()
    inside = received.event.copy()
    for _ in range(LONGEST_CHAIN):
        there = (parent >= 0) & (inside[parent] < event) & (inside == _NEVER)
        if not there.any():
            break
        inside = np.where(there, event, inside)
    transit = (shipped.row >= 0) & (received.row < 0)
    code = np.where(transit, 1, np.where(inside < _NEVER, 2, 0))
    return named("place", ["site", "transit", "laboratory"], code)


def _legs(
    taken: Numbers, shipped: Numbers, received: Numbers, begun: Numbers, result: Numbers
) -> Iterator[pl.Series]:
    """How long each leg took, from taking the sample to the first result."""
    yield _between("days_to_shipment", taken, shipped)
    yield _between("days_in_transit", shipped, received)
    yield _between("days_to_result", begun, result)


def _between(name: str, first: Numbers, last: Numbers) -> pl.Series:
    """Days from `first` to `last`, null where one is not known."""
    known = (first != NONE) & (last != NONE)
    return optional(name, np.where(known, last, 0) - np.where(known, first, 0), known)
