"""The data as they stood at a position, cut at a day: one table for each kind of entry.

A table holds what its reader may see and nothing more: a kind of entry that they are not told of is
no table, an item that is hidden from them no column. Texts that people wrote are opened; one whose
key was destroyed says so.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from equipoise.analysis.cut import data_cut
from equipoise.exchange.archive import File
from equipoise.exchange.spreadsheet import comma_separated
from equipoise.record.declaration import Column, columns
from equipoise.record.event import Event
from equipoise.record.keys import KeyStore
from equipoise.record.scaled import scaled_text
from equipoise.record.sealing import Erased, key_of
from equipoise.record.tables import tables
from equipoise.study.access import blinding_class
from equipoise.study.catalogue import CATALOGUE, EVENTS

ERASED = "[erased]"
LEFT_OUT = frozenset(
    {
        "ActionRefused", "Corrected", "Redacted", "IdentityRecorded", "IdentityRevealed",
        "QueryRaised", "QueryAnswered", "QueryClosed", "QueryReopened",
    }
)  # fmt: skip
"""What speaks of other entries, whose values stand in their own tables as they are now, and may
name what is hidden of them; and who a person is."""

BESIDE = ("subject", "site", "occurred", "event", "seq", "study_version")
"""Columns that stand before the items of every table."""

Sees = Callable[[str, str], bool]
"""Whether an item of a kind of entry may be seen; `*` is the entry itself."""


def data_files(
    events: Sequence[Event], cut: datetime.date | None, sees: Sees, keys: KeyStore
) -> dict[str, File]:
    """CSV files by name: every table that has rows, with corrections applied, up to the cut.

    `events` are those up to the position; `sees` says what the reader may see. Columns: subject,
    site, occurred, event and seq, study_version, and the items; numbers are those measured, in the
    unit that the item has. A nested item is a table of its own, with the `event` it is of. What
    concerns no subject is left out. Sorted as the tables are.
    """
    found = tables(events, CATALOGUE)
    kept = data_cut(found, cut) if cut is not None else dict(found)
    trial = events[0].trial if events else ""
    made = {}
    for name, frame, items in _seen(kept, sees):
        rows = frame.filter(pl.col("subject").is_not_null())
        if rows.height:
            made[f"{name}.csv"] = _file(rows, items, keys, trial)
    return made


def _seen(
    kept: Mapping[str, pl.DataFrame], sees: Sees
) -> Iterator[tuple[str, pl.DataFrame, tuple[Column, ...]]]:
    for cls in EVENTS:
        if cls.TYPE in LEFT_OUT or not sees(cls.TYPE, "*"):
            continue
        items = [
            each
            for each in columns(cls)
            if sees(cls.TYPE, each.name)
            and blinding_class(cls.TYPE, each.name) not in ("sealed", "identity")
        ]
        plain = tuple(each for each in items if each.child is None)
        yield cls.TABLE, kept[cls.TABLE], plain
        for each in items:
            if each.child is not None:
                yield each.child.TABLE, kept[each.child.TABLE], columns(each.child)


def _file(frame: pl.DataFrame, items: Sequence[Column], keys: KeyStore, trial: str) -> File:
    names = [*BESIDE, *(["occurred_partial"] if "occurred_partial" in frame.columns else [])]
    measured = {each.name: each.measure.places for each in items if each.measure is not None}
    frame = frame.with_columns(
        scaled_text(pl.col(name), at).alias(name) for name, at in measured.items()
    )
    rows = [
        [*(row[name] for name in names), *(_cell(row, each, keys, trial) for each in items)]
        for row in frame.iter_rows(named=True)
    ]
    plain = [[_day(value) for value in row] for row in rows]
    return File(comma_separated([*names, *(each.name for each in items)], plain), len(rows))


def _day(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime.date) else value


def _cell(row: Mapping[str, Any], column: Column, keys: KeyStore, trial: str) -> object:
    value = row[column.name]
    if not isinstance(value, str) or key_of(value) is None:
        return value
    name = row["item"] if column.name == "value" and "item" in row else column.name
    opened = keys.unseal(value, f"{trial}/{row['subject']}/{name}")
    return ERASED if isinstance(opened, Erased) else opened
