"""Where the numbers come from: the record that was read, and the events behind each result."""

from __future__ import annotations

import datetime
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from equipoise.analysis.result import Result
from equipoise.record.event import Event

HASH_PREFIX = 12
"""Hexadecimal digits of an event's hash that are printed: 48 bits name it without doubt."""

EVENT_COLUMNS = {"seq": pl.Int64, "type": pl.String, "occurred": pl.String, "hash": pl.String}


@dataclass(frozen=True, slots=True)
class AnchoredHead:
    """A head that had left the record and was compared with it: what for, and when it was one."""

    seq: int
    hash: str
    recorded: str
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFacts:
    """The record as it was read: what identifies it, and what its verification found.

    `as_of` is the last `seq` read, `head` its hash, `recorded` its time; `cut` the date of the
    data cut. `mode`, `scenario` and `seed` are what the first event says, `assumed` what its
    scenario assumes: path in the scenario and reason. `findings` are the sentences of `verify`;
    none means that the chain holds. `anchors` are the heads from outside that it was held against.
    """

    trial: str
    release: str
    mode: Literal["live", "rehearsal"]
    scenario: str | None
    seed: int | None
    as_of: int
    head: str
    recorded: str
    events: int
    assumed: tuple[tuple[str, str], ...] = ()
    cut: datetime.date | None = None
    findings: tuple[str, ...] = ()
    anchors: tuple[AnchoredHead, ...] = ()


@dataclass(frozen=True, slots=True)
class SourceList:
    """The events behind one or more results that share them."""

    name: str
    analyses: tuple[str, ...]
    seqs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SourceEvent:
    """One event as the register prints it: no body."""

    seq: int
    type: str
    occurred: str
    hash: str


def events_summary(events: Iterable[Event]) -> pl.DataFrame:
    """seq, type, occurred (text, may be partial) and hash of each event; no bodies."""
    rows = [(event.seq, event.type, event.occurred, event.hash) for event in events]
    return pl.DataFrame(rows, schema=EVENT_COLUMNS, orient="row")


def source_lists(results: Sequence[Result]) -> tuple[list[str], list[SourceList]]:
    """The name of each result's list, and the lists: results with the same events share one."""
    lists: dict[tuple[int, ...], list[str]] = {}
    for result in results:
        lists.setdefault(result.sources, []).append(_title(result))
    names = {seqs: f"sources-{place}" for place, seqs in enumerate(lists, 1)}
    shared = [
        SourceList(names[seqs], tuple(dict.fromkeys(titles)), seqs)
        for seqs, titles in lists.items()
    ]
    return [names[result.sources] for result in results], shared


def register(seqs: Collection[int], events: pl.DataFrame) -> list[SourceEvent]:
    """These events, in order of `seq`."""
    found = events.filter(pl.col("seq").is_in(sorted(seqs))).sort("seq")
    return [
        SourceEvent(seq, kind, occurred or "", digest[:HASH_PREFIX])
        for seq, kind, occurred, digest in found.select(EVENT_COLUMNS.keys()).iter_rows()
    ]


def _title(result: Result) -> str:
    return f"{result.analysis}: {'; '.join(result.groups)}"
