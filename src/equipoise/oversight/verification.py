"""Source verification: which items a monitor compared with their source, and what has moved since.

An item is verified by an act about the item or about its whole entry. Any later correction or
redaction of the item breaks it; one of another item of the entry does not. What a monitor has
compared is bound by hash to what stood then, so that nobody verifies what they did not see
(ICH E6(R3) 3.11.4, monitoring; the arithmetic of shares is this project's).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from equipoise.oversight.events import SourceVerified
from equipoise.record.canonical import canonical
from equipoise.record.correction import (
    OCCURRED,
    Corrected,
    Redacted,
    Standing,
    corrections,
    history,
    standing,
)
from equipoise.record.declaration import Catalogue, columns
from equipoise.record.event import Body, Event, content

State = Literal["verified", "broken", "unverified"]
MISSING = "_missing"
ADDRESS = frozenset({"form", "instance"})
"""What names an entry, and stands in no source."""


@dataclass(frozen=True, slots=True)
class ItemVerification:
    """One item of an entry: its state, the act that verified it, the change that came after."""

    item: str
    state: State
    by: int | None = None
    changed: int | None = None


@dataclass(frozen=True, slots=True)
class EntryVerification:
    """An entry that has a source, with the state of each of its items."""

    seq: int
    event_type: str
    items: tuple[ItemVerification, ...]

    @property
    def state(self) -> State | Literal["partly"]:
        """Of the whole entry: broken as soon as one item is, verified once every item is."""
        found = {each.state for each in self.items}
        if "broken" in found:
            return "broken"
        if found == {"verified"}:
            return "verified"
        return "partly" if "verified" in found else "unverified"


@dataclass(frozen=True, slots=True)
class Share:
    """Items verified, verified and changed since, and all that have a source."""

    verified: int = 0
    broken: int = 0
    items: int = 0

    @property
    def percent(self) -> int | None:
        """Verified items of all, in whole per cent, never rounded up; None where there are none.

        >>> Share(verified=199, broken=1, items=200).percent
        99
        """
        return 100 * self.verified // self.items if self.items else None

    def __add__(self, other: Share) -> Share:
        return Share(
            self.verified + other.verified, self.broken + other.broken, self.items + other.items
        )


def source_verification(
    events: Iterable[Event], catalogue: Catalogue, has_source: Callable[[Event], bool]
) -> tuple[EntryVerification, ...]:
    """The entries of one subject that have a source, oldest first, each item with its state.

    `events` are all of the subject's, in order of seq.
    """
    events = tuple(events)
    acts = [(e.seq, content(e)) for e in events if e.type == SourceVerified.TYPE]
    changes = [
        (e.seq, body["target"], body["item"])
        for e in events
        if e.type in (Corrected.TYPE, Redacted.TYPE)
        for body in (content(e),)
    ]
    by_target = corrections(events, catalogue)
    return tuple(
        EntryVerification(
            event.seq,
            event.type,
            tuple(
                _item(event.seq, item, acts, changes)
                for item in _items_and_changed(
                    event, standing(event, by_target.get(event.seq, ()), catalogue), changes,
                    catalogue,
                )
            ),
        )
        for event in events
        if has_source(event)
    )  # fmt: skip


def _items_and_changed(
    event: Event, stands: Standing, changes: Sequence[tuple[int, int, str]], catalogue: Catalogue
) -> list[str]:
    """The items that say something, and those that a change has emptied."""
    said = list(items(event, stands, catalogue))
    changed = dict.fromkeys(what for _, of, what in changes if of == event.seq)
    return said + [what for what in changed if what not in said]


def _item(
    target: int,
    item: str,
    acts: Sequence[tuple[int, dict[str, Any]]],
    changes: Sequence[tuple[int, int, str]],
) -> ItemVerification:
    by = [s for s, act in acts if act["target"] == target and act["item"] in (None, item)]
    if not by:
        return ItemVerification(item, "unverified")
    moved = [s for s, of, what in changes if (of, what) == (target, item) and s > by[-1]]
    if moved:
        return ItemVerification(item, "broken", by[-1], moved[-1])
    return ItemVerification(item, "verified", by[-1])


def items(event: Event, stands: Standing, catalogue: Catalogue) -> Iterator[str]:
    """The paths of the items of an entry that have a value, or a reason for having none."""
    if stands.occurred is not None:
        yield OCCURRED
    cls = catalogue.of(event.type)
    for column in columns(cls):
        if column.child is None:
            if column.name not in ADDRESS and _said(stands.body, column.name):
                yield column.name
            continue
        identity = getattr(column.child, "ID", None)
        for position, row in enumerate(stands.body[column.name]):
            yield from (
                f"{column.name}/{row[identity] if identity else position}/{name}"
                for name in _cells(column.child, identity)
                if _said(row, name)
            )


def _cells(child: type[Body], identity: str | None) -> Iterator[str]:
    return (each.name for each in columns(child) if each.name != identity)


def _said(row: dict[str, Any], name: str) -> bool:
    """Whether an item says something; reasons are said with the item that lacks."""
    if name.endswith(MISSING) and name.removesuffix(MISSING) in row:
        return False
    return row[name] is not None or row.get(name + MISSING) is not None


def verified_content(
    events: Sequence[Event], target: int, item: str | None, catalogue: Catalogue
) -> str:
    """SHA-256, hexadecimal, of what an entry or (with `item`) one item of it says now.

    It covers the hash of the entry in the chain, so that nobody who does not have the entry can
    try values until one fits. KeyError for an unknown entry, BadInput for an unknown item.
    """
    event = {each.seq: each for each in events}[target]
    said: dict[str, Any] = {"event": event.seq, "hash": event.hash, "item": item}
    if item is None:
        found = standing(event, corrections(events, catalogue).get(target, ()), catalogue)
        said |= {"body": found.body, "occurred": found.occurred}
    else:
        last = history(events, target, item, catalogue)[-1]
        said["value"] = None if last.value is None else json.loads(last.value)
        said["missing"] = last.missing
    return hashlib.sha256(canonical(said).encode()).hexdigest()


def share(entries: Iterable[EntryVerification]) -> Share:
    """How much of these entries is verified, counted in items."""
    states = [each.state for entry in entries for each in entry.items]
    return Share(states.count("verified"), states.count("broken"), len(states))
