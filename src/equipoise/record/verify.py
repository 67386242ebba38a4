"""Whether a record is what was written: the chain, the times, the guards, the signed heads.

Verification believes nothing that it reads: rows may come from a store that somebody edited with
its protections switched off. It needs the rows in stored order, once, and does not keep them.

What the chain alone cannot show, signed heads that left the building can (`anchors`): that the
last events were cut off, or that the whole chain was computed anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from equipoise.errors import RecordError
from equipoise.record.chain import Chain, Finding, Kind, Loose
from equipoise.record.event import Event
from equipoise.record.log import EMPTY, Head, event_hash

__all__ = ["Examined", "Finding", "GuardsOf", "Kind", "SignatureCheck", "SignedHead", "verify"]

GuardsOf = Callable[[Event], Iterable[str]]
"""Which guards an event takes: what its class says of its body."""

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


class SignedHead(Protocol):
    """A head of the record that was signed and kept elsewhere."""

    @property
    def trial(self) -> str:
        """The trial whose record it is a head of."""

    @property
    def seq(self) -> int:
        """The last event at that time."""

    @property
    def hash(self) -> str:
        """Its hash."""

    @property
    def recorded(self) -> str:
        """When it was recorded."""

    @property
    def public_key(self) -> str:
        """The key that the signature is to be checked with."""


SignatureCheck = Callable[[Any], bool]
"""Whether the signature of a head fits its content and its public key."""


class Examined(NamedTuple):
    """A record as it lies in its store: its last row, sound or not, and what is wrong with it."""

    head: Head
    findings: list[Finding]


class Last:
    """Rows as events, one after the other; the last one that passed is kept."""

    def __init__(self, rows: Iterable[tuple[Any, ...]]) -> None:
        self._rows = rows
        self.head = EMPTY

    def __iter__(self) -> Iterator[Event]:
        event = None
        for event in map(Event._make, self._rows):
            yield event
        if event is not None:
            self.head = Head(event.seq, event.hash, event.recorded)


def verify(
    events: Iterable[Event],
    *,
    trial: str | None = None,
    anchors: Collection[SignedHead] = (),
    public_keys: Collection[str] = (),
    is_signed: SignatureCheck | None = None,
    guards: Iterable[tuple[Any, Any]] | None = None,
    guards_of: GuardsOf | None = None,
) -> list[Finding]:
    """What is wrong with a record whose rows, in stored order, are `events`; empty when nothing.

    `trial` is what the store says it belongs to. `anchors` are compared once `is_signed` accepts
    them; with `public_keys`, only those signed with one of them. `guards` are the (name, seq) that
    the store holds, compared with those that `guards_of` derives from the events.

    >>> verify([])
    []
    """
    found: list[Finding] = []
    heads = []
    for anchor in anchors:
        if problem := _unfit(anchor, trial, public_keys, is_signed):
            found.append(Finding(anchor.seq, "anchor_signature", problem))
        else:
            heads.append(anchor)
    chain = Chain()
    contents = _Contents(trial, guards_of, wanted=frozenset(head.seq for head in heads))
    for event in events:
        position = chain.take(event)
        if position is not None:
            contents.take(event, position)
    found += chain.findings()
    for event in chain.recovered:
        contents.take(event, event.seq)
    contents.take_loose(chain.loose)
    found += contents.found
    found += _against_heads(heads, contents, chain)
    if guards is not None:
        found += _against_guards(guards, contents, chain)
    return sorted(found, key=lambda finding: (finding.seq or 0, finding.kind))


class _Contents:
    """What proven events say: their times, trial and guards, and the hashes to be compared."""

    def __init__(
        self, trial: str | None, guards_of: GuardsOf | None, *, wanted: frozenset[int]
    ) -> None:
        self.found: list[Finding] = []
        self.hashes: dict[int, set[str]] = {}
        self.guards: dict[str, int] | None = None if guards_of is None else {}
        self._trial, self._guards_of, self._wanted = trial, guards_of, wanted
        self._position, self._recorded = 0, ""

    def take(self, event: Event, position: int) -> None:
        """Look at an event that its hash has proven to belong at `position`."""
        recorded = event.recorded
        if position > self._position:
            if type(recorded) is not str or not _MOMENT.fullmatch(recorded):
                self._find(position, "time", f"was recorded at {recorded!r}, which is no time")
            elif recorded < self._recorded:
                self._find(position, "time", f"says {recorded}, before {self._recorded}")
            else:
                self._position, self._recorded = position, recorded
        if event.trial != self._trial and self._trial is not None:
            self._find(position, "rewritten", f"is of trial {event.trial!r}, not {self._trial!r}")
            self._trial = None  # said once
        if position in self._wanted:
            self.hashes.setdefault(position, set()).add(event.hash)
        if self._guards_of is not None and self.guards is not None:
            try:
                names = list(self._guards_of(event._replace(seq=position)))
            except Exception as error:
                self._find(position, "guard", f"has guards that cannot be derived: {error}")
                return
            for name in names:
                if self.guards.setdefault(name, position) != position:
                    first = self.guards[name]
                    self._find(position, "guard", f"takes {name!r}, as event {first} did")

    def take_loose(self, loose: Iterable[Loose]) -> None:
        """Keep both hashes of rows that do not fit their own: one of them may be the signed one."""
        for event, _, shift in loose:
            seq = event.seq - shift
            if seq in self._wanted:
                hashes = self.hashes.setdefault(seq, set())
                hashes.add(event.hash)
                with suppress(TypeError, ValueError):
                    hashes.add(event_hash(event._replace(seq=seq)))

    def _find(self, position: int, kind: Kind, said: str) -> None:
        self.found.append(Finding(position, kind, f"event {position} {said}"))


def _unfit(
    anchor: SignedHead,
    trial: str | None,
    public_keys: Collection[str],
    is_signed: SignatureCheck | None,
) -> str | None:
    """Why the anchor proves nothing about this record; None when it does."""
    if is_signed is None:
        raise RecordError("anchors can only be compared by something that checks signatures")
    made = f"the anchor of event {anchor.seq} ({anchor.recorded})"
    if trial is not None and anchor.trial != trial:
        return f"{made} is of trial {anchor.trial!r}, not {trial!r}"
    if public_keys and anchor.public_key not in public_keys:
        return f"{made} is signed with a key that is not among those given: {anchor.public_key}"
    return None if is_signed(anchor) else f"{made} does not fit its signature"


def _against_heads(
    heads: Iterable[SignedHead], contents: _Contents, chain: Chain
) -> Iterator[Finding]:
    """The first signed head that the record contradicts, and the last that it does not reach."""
    agreed, contradicted, beyond = 0, None, None
    for head in sorted(heads, key=lambda head: head.seq):
        if head.seq > chain.top:
            beyond = head
        elif head.hash in contents.hashes.get(head.seq, ()):
            agreed = head.seq
        elif not chain.explains(head.seq):
            contradicted = contradicted or (head, agreed)
    if contradicted:
        head, agreed = contradicted
        yield Finding(
            head.seq,
            "rewritten",
            f"event {head.seq} is not the one that was signed on {head.recorded}: the chain was "
            f"computed anew from an event between {agreed + 1} and {head.seq} on",
        )
    if beyond:
        yield Finding(
            beyond.seq,
            "cut_tail",
            f"the record ends at event {chain.top}, but event {beyond.seq} was signed, recorded on "
            f"{beyond.recorded}: the last events were cut off",
        )


def _against_guards(
    guards: Iterable[tuple[Any, Any]], contents: _Contents, chain: Chain
) -> Iterator[Finding]:
    """Guards that the store holds without an event, and those that events take without a row."""
    unheld = dict(contents.guards or {})
    beyond: list[tuple[int, str]] = []
    for name, seq in guards:
        if type(seq) is int and seq > chain.top:
            beyond.append((seq, name))
        elif type(seq) is not int or seq < 1:
            yield Finding(None, "guard", f"the guard {name!r} names event {seq!r}")
        elif contents.guards is None or unheld.pop(name, None) == seq or chain.explains(seq):
            continue
        else:
            said = f"the guard {name!r} is stored for event {seq}, which does not take it"
            yield Finding(seq, "guard", said)
    if beyond:
        seq, name = max(beyond)
        yield Finding(
            seq,
            "cut_tail",
            f"the record ends at event {chain.top}, but event {seq} took the guard {name!r}: the "
            "last events were cut off",
        )
    for name, seq in unheld.items():
        if not chain.explains(seq):
            yield Finding(seq, "guard", f"event {seq} takes the guard {name!r}; the store lacks it")
