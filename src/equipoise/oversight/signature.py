"""Electronic signatures: what each of them covers, and whether that still says the same.

A signature holds the hash of what was signed. It is intact while the same hash comes out of the
record as it stands, and broken by the first entry or change after it (21 CFR 11.70: signatures are
linked to their records; EMA guideline on computerised systems 2023, annex 3: a signature is
invalid once the data are changed).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from equipoise.oversight.events import Signed
from equipoise.record.canonical import canonical
from equipoise.record.correction import Corrected, Redacted
from equipoise.record.event import Event, content

CASE_BOOK = "case_book"
"""The scope of a signature on everything that the hospital recorded of a subject."""

ENTRY = "entry/"
"""The scope of a signature on one entry begins so; the seq of the entry follows."""

CaseBook = Callable[[Sequence[Event]], tuple[Event, ...]]


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature on a subject's record.

    `broken_by` is the seq of the first change after it, `later` those of everything that was
    entered or changed since in what it covers; `first`, `last` and `covered`: the seqs between
    which what was signed lies, and the number of its events.
    """

    event: Event
    meaning: str
    scope: str
    content_sha256: str
    broken_by: int | None
    later: tuple[int, ...] = ()
    first: int | None = None
    last: int | None = None
    covered: int = 0

    @property
    def intact(self) -> bool:
        """Whether what was signed stands as it was signed."""
        return self.broken_by is None

    @property
    def entry(self) -> int | None:
        """The seq of the entry that was signed, None for the case book."""
        return entry_of(self.scope)


def entry_of(scope: str) -> int | None:
    """The seq of the entry that a scope names, None for any other scope.

    >>> entry_of("entry/17"), entry_of("case_book")
    (17, None)
    """
    number = scope.removeprefix(ENTRY)
    return int(number) if scope.startswith(ENTRY) and number.isdigit() else None


def signed_events(events: Sequence[Event], scope: str, case_book: CaseBook) -> tuple[Event, ...]:
    """The events that a scope covers, in order of seq; none for an unknown scope."""
    if scope == CASE_BOOK:
        return case_book(events)
    target = entry_of(scope)
    return tuple(
        event
        for event in events
        if event.seq == target
        or (event.type in (Corrected.TYPE, Redacted.TYPE) and content(event)["target"] == target)
    )


def signed_content(events: Iterable[Event]) -> str:
    """SHA-256, hexadecimal, of what the events say: of their numbers and hashes in the chain."""
    said = [[event.seq, event.hash] for event in events]
    return hashlib.sha256(canonical({"signed": said}).encode()).hexdigest()


def signatures(events: Sequence[Event], case_book: CaseBook) -> tuple[Signature, ...]:
    """Every signature on a subject's record, oldest first, intact or broken."""
    found = []
    for event in events:
        if event.type != Signed.TYPE:
            continue
        body = content(event)
        covered = signed_events(events, body["scope"], case_book)
        later = [each.seq for each in covered if each.seq > event.seq]
        fits = signed_content(covered) == body["content_sha256"]
        broken = None if fits else min(later, default=event.seq)
        then = [each.seq for each in covered if each.seq < event.seq]
        found.append(
            Signature(
                event, body["meaning"], body["scope"], body["content_sha256"], broken,
                later=tuple(later), first=min(then, default=None), last=max(then, default=None),
                covered=len(then),
            )
        )  # fmt: skip
    return tuple(found)
