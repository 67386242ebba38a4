"""The chain as it is found: which events are proven by their hashes, and what happened to others.

`Chain.take` reads rows in stored order, once. The hash of an event covers its seq, so that it
proves the position at which the event was written, wherever the row stands now. What is kept is
not the rows but *runs*: rows in a row that prove consecutive positions and are linked by `prev`.
An untouched record is one run; every break starts another. Rows whose content does not fit their
hash are *loose*. `Chain.findings` reads runs and loose rows as a story: missing, inserted,
reordered, altered.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Final, Literal, NamedTuple

from equipoise.record.event import Event
from equipoise.record.log import GENESIS, event_hash

Kind = Literal[
    "altered",
    "missing",
    "reordered",
    "inserted",
    "cut_tail",
    "rewritten",
    "anchor_signature",
    "time",
    "guard",
    "store",
]

_NEAR: Final = 64
"""How far from its number a loose row is looked for when nothing says where it belongs."""
_FAR: Final = 5000
"""How many missing or inserted events a renumbering may hide and still be recognised."""
_SEARCHES: Final = 4
"""How many renumberings are looked for: each search may cost 2 x _FAR hashes."""
_PLACES: Final = 200
"""Positions that a loose row is tried at, beside those near it."""
_TRIALS: Final = 20_000
"""Hashes spent on finding out where loose rows belong; what remains unknown counts as altered."""
_RUNS: Final = 2_000
"""Runs that are compared pair by pair for their order."""


class Finding(NamedTuple):
    """One thing that is wrong with a record: the event's seq (where there is one), kind, words."""

    seq: int | None
    kind: Kind
    message: str


@dataclass(slots=True)
class Run:
    """Rows that prove positions `first` to `last`, the first of them stored under `stored`.

    `hash` is None once the run was cut short: the hash of its last event was not kept.
    """

    first: int
    last: int
    stored: int
    place: int
    prev: str
    hash: str | None

    @property
    def shift(self) -> int:
        """By how much the stored numbers exceed the proven positions."""
        return self.stored - self.first

    @property
    def length(self) -> int:
        """How many events it has."""
        return self.last - self.first + 1


class Loose(NamedTuple):
    """A row whose content does not fit its hash, its place in the store, and the shift there."""

    event: Event
    place: int
    shift: int


def fits(event: Event) -> bool:
    """Whether `event` has the hash that it says."""
    try:
        return event_hash(event) == event.hash
    except (TypeError, ValueError):
        return False


def _shifted(event: Event, shift: int) -> Event:
    return event._replace(seq=event.seq - shift)


class Chain:
    """Rows in, findings out. Memory grows with what is wrong, not with the record.

    After `findings`, `top` is the last event there is, `recovered` are events whose position was
    found out later than `take`, each as it was written, and `loose` the rows that prove nothing.
    """

    def __init__(self) -> None:
        self.top = 0
        self.recovered: list[Event] = []
        self.runs: list[Run] = []
        self.loose: list[Loose] = []
        self._altered: set[int] = set()
        self._missing: list[tuple[int, int]] = []
        self._nameless: list[Finding] = []
        self._place = 0
        self._shift = 0
        self._linked = False
        self._searches = 0

    def take(self, event: Event) -> int | None:
        """The position that the hash of the next row proves; None when it proves none."""
        self._place += 1
        if type(event.seq) is not int or event.seq < 1:
            self._nameless.append(
                Finding(None, "inserted", f"a row is stored under the number {event.seq!r}")
            )
            return None
        position = self._position(event)
        if position is None:
            self.loose.append(Loose(event, self._place, self._shift))
            self._linked = False
            return None
        run = self.runs[-1] if self._linked else None
        links = run and position == run.last + 1 and event.prev == run.hash
        if run and links and event.seq - position == run.shift:
            run.last, run.hash = position, event.hash
        else:
            self._begin(event, position, self._place)
        return position

    def findings(self) -> list[Finding]:
        """What happened to the chain; to be asked once, after the last row."""
        self._place_loose()
        kept, inserted = _without_copies(self.runs)
        found = [*self._nameless]
        gaps = list(_gaps(kept))
        for seq, altered in self._explain_loose(gaps, kept):
            if altered:
                self._altered.add(seq)
                found.append(Finding(seq, "altered", f"event {seq} does not fit its hash"))
            else:
                inserted.append(seq)
        self.top = max([0, *self._altered, *(run.last for run in kept)])
        found += [
            Finding(seq, "inserted", f"the event stored as {seq} was not written to this record")
            for seq in inserted
        ]
        missing = self._missing = list(_remaining(gaps, self._altered))
        found += [Finding(first, "missing", _lost(first, last)) for first, last in missing]
        for seq in _broken(kept):
            self._altered.add(seq)
            found.append(
                Finding(
                    seq,
                    "altered",
                    f"event {seq}, and perhaps events before it, were altered and hashed anew: the "
                    "chain does not hold",
                )
            )
        return found + list(_disordered(kept, inserted, missing))

    def explains(self, seq: int) -> bool:
        """Whether `findings` has said that this event is altered or missing."""
        return seq in self._altered or any(first <= seq <= last for first, last in self._missing)

    def _begin(self, event: Event, position: int, place: int) -> None:
        self.runs.append(Run(position, position, event.seq, place, event.prev, event.hash))
        self._linked = True

    def _position(self, event: Event) -> int | None:
        """The position that `event` proves: its seq, or one at the shift of a renumbering."""
        if self._shift and fits(_shifted(event, self._shift)):
            return event.seq - self._shift
        if fits(event):
            return event.seq
        before = self.loose[-1] if self.loose and self.loose[-1].place == self._place - 1 else None
        if before is None or self._searches >= _SEARCHES:
            return None
        # Two loose rows in a row: perhaps all that follows was renumbered.
        self._searches += 1
        for shift in _nearest(_FAR):
            if fits(_shifted(event, shift)):
                self._shift, self._searches = shift, self._searches - 1
                written = _shifted(before.event, shift)
                if fits(written):
                    self._recover(written, self.loose.pop())
                    self._linked = True
                return event.seq - shift
        return None

    def _place_loose(self) -> None:
        """Make runs of loose rows whose own or whose place's hash says where they belong."""
        gaps = _gaps(sorted(self.runs, key=lambda run: run.first))
        unproven = [seq for first, last in gaps for seq in range(first, min(last + 1, first + 99))]
        places = {each.event.seq: each.event for each in self.loose[:_PLACES]}
        trials, unsettled = _TRIALS, []
        for each in self.loose:
            event, written = each.event, None
            near = (event.seq - shift for shift in _nearest(_NEAR))
            for seq in chain(unproven[:_PLACES], places, near):
                there = places.get(seq, event)
                trials -= 1
                own = event._replace(seq=seq)
                theirs = own._replace(prev=there.prev, hash=there.hash)
                written = own if fits(own) else theirs if fits(theirs) else None
                if written:
                    self._recover(written, each)
                if written or trials <= 0:
                    break
            if not written:
                unsettled.append(each)
        self.loose = unsettled

    def _recover(self, written: Event, loose: Loose) -> None:
        run = Run(
            written.seq, written.seq, loose.event.seq, loose.place, written.prev, written.hash
        )
        self.runs.append(run)
        self.recovered.append(written)

    def _explain_loose(
        self, gaps: list[tuple[int, int]], kept: list[Run]
    ) -> Iterator[tuple[int, bool]]:
        """Each loose row: (position, True) for an altered event, (stored seq, False) for a strange.

        An altered event stands where no other row proves the position; a row beyond the last
        proven event is taken for an altered one when it stands next in line.
        """
        top = max((run.last for run in kept), default=0)
        starts = [first for first, _ in gaps]
        for each in self.loose:
            seq = each.event.seq - each.shift
            if seq > top:
                yield (seq, True) if seq == top + 1 else (each.event.seq, False)
                top += seq == top + 1
                continue
            at = bisect_left(starts, seq + 1) - 1
            in_gap = at >= 0 and gaps[at][0] <= seq <= gaps[at][1]
            yield (seq, True) if in_gap else (each.event.seq, False)


def _nearest(distance: int) -> Iterator[int]:
    """1, -1, 2, -2 and so on, to `distance`."""
    for step in range(1, distance + 1):
        yield step
        yield -step


def _without_copies(runs: Iterable[Run]) -> tuple[list[Run], list[int]]:
    """Runs by position, none proven twice; the stored numbers of the rows that had to go.

    Of two rows at one position, that one belongs which the record goes on from.
    """
    kept: list[Run] = []
    strange: list[int] = []
    for run in sorted(runs, key=lambda run: (run.first, run.last)):
        if kept and run.first <= kept[-1].last:
            before = kept[-1]
            if run.last <= before.last:
                strange += range(run.stored, run.stored + run.length)
                continue
            strange += range(run.first + before.shift, before.last + before.shift + 1)
            before.last, before.hash = run.first - 1, None
            if before.length == 0:
                kept.pop()
        kept.append(run)
    return kept, strange


def _gaps(runs: Iterable[Run]) -> Iterator[tuple[int, int]]:
    """The positions, first and last of each stretch, that no run proves; `runs` by position."""
    expected = 1
    for run in runs:
        if run.first > expected:
            yield expected, run.first - 1
        expected = max(expected, run.last + 1)


def _remaining(gaps: Iterable[tuple[int, int]], present: set[int]) -> Iterator[tuple[int, int]]:
    """The parts of `gaps` without the positions in `present`."""
    inside = sorted(present)
    for first, last in gaps:
        for seq in inside[bisect_left(inside, first) : bisect_left(inside, last + 1)]:
            if seq > first:
                yield first, seq - 1
            first = seq + 1
        if first <= last:
            yield first, last


def _lost(first: int, last: int) -> str:
    return f"event {first} is missing" if first == last else f"events {first} to {last} are missing"


def _broken(kept: list[Run]) -> Iterator[int]:
    """The events to blame where sound events, one after the other, do not link.

    The event before the break was hashed anew, for the one after it is held by those that follow;
    unless these do not link to it either.
    """
    whole = [
        after.first != before.last + 1 or before.hash in (None, after.prev)
        for before, after in pairwise(kept)
    ]
    blamed = 0
    if kept and kept[0].first == 1 and kept[0].prev != GENESIS:
        blamed = 1
        yield blamed
    for place, links in enumerate(whole):
        before, after = kept[place], kept[place + 1]
        if links or before.last == blamed:
            continue
        alone = after.length == 1 and place + 1 < len(whole) and not whole[place + 1]
        blamed = after.first if alone else before.last
        yield blamed


def _disordered(
    kept: list[Run], inserted: list[int], missing: list[tuple[int, int]]
) -> Iterator[Finding]:
    """Events that stand before others that were written earlier, or under a number of no cause."""
    moved = _moved(kept)
    if moved is None:
        yield Finding(kept[0].first, "reordered", "the events stand in disorder")
        return
    inserted = sorted(inserted)
    for run in kept:
        if run.shift == 0:
            continue
        if run not in moved:
            lost = sum(last - first + 1 for first, last in missing if last < run.first)
            passed = sum(
                ((other.place < run.place) - (other.first < run.first)) * other.length
                for other in moved
            )
            if run.shift == bisect_left(inserted, run.stored) - lost + passed:
                continue
        for seq in range(run.first, run.last + 1):
            message = f"the event written as {seq} is stored as {seq + run.shift}"
            yield Finding(seq, "reordered", message)


def _moved(kept: list[Run]) -> list[Run] | None:
    """The shorter runs of pairs that stand in the wrong order; None when there are too many."""
    places = [run.place for run in kept]
    if places == sorted(places):
        return []
    if len(kept) > _RUNS:
        return None
    return [
        run
        for run in kept
        if any(
            (run.place - other.place) * (run.first - other.first) < 0 and run.length <= other.length
            for other in kept
        )
    ]
