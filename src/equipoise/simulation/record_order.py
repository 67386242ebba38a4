"""The order that a record would give to simulated entries, found by one sort of whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from equipoise.simulation.nature import Bools, Ints

_WIDEST = 63
"""Bits of a number that sorts as it should."""


class Heads(NamedTuple):
    """Of each entry its number, who, when, and what orders it among the entries of one day."""

    ids: Ints
    replicate: Ints
    subject: Ints
    day: Ints
    rank: Ints
    order: Ints
    occurred: Ints


class RecordOrder(NamedTuple):
    """Entries in the order of a record. `place` is where an entry stands, by its number; -1: gone.

    The other arrays are by place. `seq` counts from 1 in each replicate.
    """

    place: Ints
    replicate: Ints
    subject: Ints
    day: Ints
    occurred: Ints
    seq: Ints

    def ordered(self, ids: Ints, position: Ints | None = None) -> Ints:
        """Where among `ids` each row of the table stands: by entry, then by `position`.

        Entries that are gone have no row.
        """
        place = self.place[ids]
        there = np.flatnonzero(place >= 0)
        place = place[there]
        among = 0 if position is None else position[there]
        if len(place) * _SPARSE > len(self.seq):
            counted = _counted(place, among, len(self.seq))
            if counted is not None:
                return there[counted]
        width = int(np.max(among, initial=0)) + 1
        return there[_ascending(place * width + among)]


_SPARSE = 8
"""Where more than one in so many entries has a row, counting the rows is faster than sorting."""


def record_order(
    heads: Sequence[Heads], number: int, limits: tuple[Ints, Ints] | None
) -> RecordOrder:
    """The entries `heads`, whose numbers are below `number`, in the order of a record.

    By replicate, day, rank, subject, order, number. Of `limits`, the first says by replicate how
    many subjects count, the second which day is the last.
    """
    nothing = Heads(*(np.empty(0, dtype=np.int64) for _ in Heads._fields))
    every = Heads(*(np.concatenate(column) for column in zip(nothing, *heads, strict=True)))
    if limits is not None:
        kept, cut = limits
        inside = (every.subject < kept[every.replicate]) & (every.day <= cut[every.replicate])
        every = _some(every, inside)
    order = _sorted([every.replicate, every.day, every.rank, every.subject, every.order, every.ids])
    every = Heads(*(column[order] for column in every))
    place = np.full(number, -1, dtype=np.int64)
    place[every.ids] = np.arange(len(order))
    first = np.searchsorted(every.replicate, np.arange(every.replicate.max(initial=0) + 1))
    return RecordOrder(
        place,
        every.replicate,
        every.subject,
        every.day,
        every.occurred,
        np.arange(1, len(order) + 1) - first[every.replicate],
    )


def _some(heads: Heads, which: Bools) -> Heads:
    return Heads(*(column[which] for column in heads))


def _sorted(columns: Sequence[Ints]) -> Ints:
    """The order that sorts by the first of `columns`, then the second, and so on.

    The last column names a row: no number stands in it twice.

    >>> _sorted([np.array([1, 0, 1]), np.array([5, 9, 4])]).tolist()
    [1, 2, 0]
    """
    key, bits, width, low = np.zeros(len(columns[0]), dtype=np.int64), 0, 0, 0
    for column in columns:
        low = int(column.min(initial=0))
        width = int(column.max(initial=0) - low).bit_length()
        bits += width
        key = (key << width) + (column - low)
    if bits > _WIDEST:
        return np.lexsort(list(reversed(columns)))
    rows = np.zeros(1 << width, dtype=np.int64)
    rows[columns[-1] - low] = np.arange(len(key))
    found: Ints = rows[np.sort(key) & ((1 << width) - 1)]
    return found


def _ascending(keys: Ints) -> Ints:
    """The order that sorts `keys`, which are not negative; where they are equal, as they stand.

    Sorting numbers is several times faster than sorting their places, so each carries its own.

    >>> _ascending(np.array([7, 3, 7])).tolist()
    [1, 0, 2]
    """
    width = len(keys).bit_length()
    if int(keys.max(initial=0)).bit_length() + width > _WIDEST:
        return np.argsort(keys, kind="stable")
    found: Ints = np.sort((keys << width) + np.arange(len(keys))) & ((1 << width) - 1)
    return found


def _counted(places: Ints, among: Ints | int, number: int) -> Ints | None:
    """The order that sorts by `places`, which are below `number`, and at one place by `among`.

    The rows at a place are `among` 0, 1, 2 and so on, so that counting them says where each goes,
    a dozen times faster than a sort. None where a number is left out.

    >>> _counted(np.array([2, 0, 2]), np.array([1, 0, 0]), 3).tolist()
    [1, 2, 0]
    >>> _counted(np.array([2, 0, 2]), np.array([2, 0, 0]), 3)
    """
    counts = np.bincount(places, minlength=number)
    if (among >= counts[places]).any():
        return None
    found = np.full(len(places), -1, dtype=np.int64)
    found[(np.cumsum(counts) - counts)[places] + among] = np.arange(len(places))
    return found if (found >= 0).all() else None
