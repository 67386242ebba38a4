"""The order that a record would give to simulated entries, found by one sort of whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from equipoise.simulation.nature import Ints

Places = NDArray[np.int32] | NDArray[np.int64]
"""Whole numbers; where there are many, in 32 bits: of some hundred trials every number fits, and
half the memory is read twice as fast."""

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

    The other arrays are by place. `ids` are the numbers of entries. `seq` counts from 1 in each
    replicate.
    """

    place: Places
    ids: Places
    replicate: Places
    subject: Places
    day: Places
    occurred: Places
    seq: Ints

    def ordered(self, ids: Ints, position: Ints | None = None) -> Ints:
        """Where among `ids` each row of the table stands: by entry, then by `position`.

        Entries that are gone have no row.
        """
        place = self.place[ids]
        there = np.flatnonzero(place >= 0)
        place = place[there].astype(np.int64)
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

    By replicate, day, rank, subject, order, and then as they were added: `heads` of one rank stand
    in ascending order of their numbers. Of `limits`, the first says by replicate how
    many subjects count, the second which day is the last.
    """
    nothing = Heads(*(np.empty(0, dtype=np.int64) for _ in Heads._fields))
    numbers, replicate, subject, day, rank, among, occurred = (
        np.concatenate(column, dtype=np.int32, casting="same_kind")
        for column in zip(nothing, *heads, strict=True)
    )
    if limits is None:
        inside = np.arange(len(numbers))
    else:
        kept, cut = (each.astype(np.int32) for each in limits)
        inside = np.flatnonzero((subject < kept[replicate]) & (day <= cut[replicate]))
    keys = [column[inside] for column in (replicate, day, rank, subject, among)]
    order = inside[_sorted(keys)]
    ids, replicate = numbers[order], replicate[order]
    place = np.full(number, -1, dtype=np.int32)
    place[ids] = np.arange(len(order), dtype=np.int32)
    first = np.searchsorted(replicate, np.arange(replicate.max(initial=0) + 1))
    return RecordOrder(
        place,
        ids,
        replicate,
        subject[order],
        day[order],
        occurred[order],
        np.arange(1, len(order) + 1) - first[replicate],
    )


def _sorted(columns: Sequence[Places]) -> Ints:
    """The order that sorts by the first of `columns`, then the second, and so on.

    Rows that are the same in every column stay as they stand. The columns and the place of a row
    are packed into one number. Where that has too many bits, each half of the values of the first
    column is sorted by itself.

    >>> _sorted([np.array([1, 0, 1]), np.array([5, 9, 4])]).tolist()
    [1, 2, 0]
    >>> wide = np.array([0, 2**30]), np.array([2**30, 0]), np.array([0, 2**30])
    >>> _sorted([np.array([9, 8]), *wide]).tolist()
    [1, 0]
    """
    if not len(columns[0]):
        return np.empty(0, dtype=np.int64)
    lows = [int(column.min()) for column in columns]
    widths = [int(column.max()) - low for column, low in zip(columns, lows, strict=True)]
    bits = [width.bit_length() for width in widths]
    places = len(columns[0]).bit_length()
    if sum(bits) + places > _WIDEST:
        if not bits[0]:
            return np.lexsort(list(reversed(columns)))
        below = columns[0] <= lows[0] + widths[0] // 2
        halves = (np.flatnonzero(half) for half in (below, ~below))
        return np.concatenate(
            [half[_sorted([column[half] for column in columns])] for half in halves]
        )
    key = np.zeros(len(columns[0]), dtype=np.int64)
    for column, low, width in zip(columns, lows, bits, strict=True):
        key <<= width
        key += column
        key -= low
    key <<= places
    key += np.arange(len(key))
    key.sort()
    key &= (1 << places) - 1
    return key


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
