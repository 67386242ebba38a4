"""What a log is: the only way into the record and out of it, and the chain that binds it.

A log belongs to one trial. It is written in transactions; each takes the trial's lock before it
looks at anything, so that what it reads stays true until it commits, and writes everything or
nothing. Nothing is ever changed or deleted. The hash of an event covers its header (every field
of `Event` but body and hash; `prev`, the hash of the event before, included) and its body:

    sha256(canonical(header) + "\\n" + body)

so that the hash of the last event stands for the whole record.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from json.encoder import encode_basestring as _quoted
from typing import Any, Final, NamedTuple, Protocol

from equipoise.errors import RecordError
from equipoise.record.canonical import canonical
from equipoise.record.event import Draft, Event

GENESIS: Final = "0" * 64
"""The `prev` of the first event."""

LONGEST_NAME: Final = 500
"""Characters that an indexed text may have; four bytes each still fit an index of PostgreSQL."""


class Head(NamedTuple):
    """Where a record ends: seq, hash and time of its last event."""

    seq: int
    hash: str
    recorded: str


EMPTY: Final = Head(0, GENESIS, "")
"""The head of a record without events."""


class Transaction(Protocol):
    """One writer's turn. It holds the trial's lock: nobody else writes before it is over."""

    def head(self) -> Head:
        """Where the record ends now."""

    def last_seq(self, *, subject: str | None = None, types: Collection[str] | None = None) -> int:
        """The seq of the last event of `subject`, of any of `types`, or of both; 0 if none."""

    def by_key(self, idempotency_key: str) -> list[Event]:
        """The events of the action that was recorded under this key; none if it is new."""

    def read(
        self,
        *,
        after: int = 0,
        subject: str | None = None,
        types: Collection[str] | None = None,
    ) -> list[Event]:
        """Events in order of seq, those written in this transaction included."""

    def append(
        self, drafts: Sequence[Draft], *, recorded: datetime.datetime | None = None
    ) -> list[Event]:
        """Write `drafts` at the end of the record; they are durable once the transaction is over.

        The drafts of one action carry its idempotency key; the first is stored under the key
        itself, the others under key#1, key#2 and so on. `recorded` is the clock of a rehearsal; a
        live record takes the server's. Raises RecordError, and spoils the transaction, when a
        guard or a key was used before or a draft cannot be stored.
        """


class Log(Protocol):
    """The record of one trial in one store."""

    @property
    def trial(self) -> str:
        """The identifier of the trial."""

    @property
    def release(self) -> str:
        """The release of Equipoise that stamps the events it writes."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """A turn to write. It commits at the end of the block, and not at all on an exception."""

    def append_many(
        self, drafts: Sequence[Draft], *, recorded: datetime.datetime | None = None
    ) -> list[Event]:
        """Write `drafts` in a transaction of their own: all of them, or none."""

    def read(
        self,
        *,
        after: int = 0,
        upto: int | None = None,
        subject: str | None = None,
        types: Collection[str] | None = None,
        site: str | None = None,
    ) -> list[Event]:
        """Committed events with after < seq <= upto that pass every filter, in order of seq."""

    def head(self) -> Head:
        """Where the record ends."""

    def close(self) -> None:
        """Let go of the store; a second time does nothing."""


def event_hash(event: Sequence[Any]) -> str:
    """The hash that an event should have, from its fields in the order of `Event`.

    The header is written out here rather than by `canonical`, which gives the same text at three
    times the cost. Raises TypeError or ValueError for values that no event can have: this function
    also reads tampered rows.
    """
    (
        seq, trial, type_, type_version, subject, site, occurred, recorded, offset, actor, role,
        organisation, reason, cause, study_version, release, key, body, prev, _,
    ) = event  # fmt: skip
    if not (seq.__class__ is type_version.__class__ is offset.__class__ is int):
        raise TypeError("seq, type_version and offset of an event are integers")
    if body.__class__ is not str:
        raise TypeError("the body of an event is text")
    text = (
        f'{{"actor":{_quoted(actor)},"cause":{_or_null(cause)},'
        f'"idempotency_key":{_or_null(key)},"occurred":{_or_null(occurred)},'
        f'"offset":{offset},"organisation":{_quoted(organisation)},"prev":{_quoted(prev)},'
        f'"reason":{_or_null(reason)},"recorded":{_quoted(recorded)},'
        f'"release":{_quoted(release)},"role":{_quoted(role)},"seq":{seq},'
        f'"site":{_or_null(site)},"study_version":{_quoted(study_version)},'
        f'"subject":{_or_null(subject)},"trial":{_quoted(trial)},"type":{_quoted(type_)},'
        f'"type_version":{type_version}}}\n{body}'
    )
    return hashlib.sha256(text.encode()).hexdigest()


def _or_null(value: str | None) -> str:
    return "null" if value is None else _quoted(value)


def utc_text(moment: datetime.datetime) -> str:
    """`moment` as the record writes it: UTC, to the microsecond.

    >>> paris = datetime.timezone(datetime.timedelta(hours=1))
    >>> utc_text(datetime.datetime(2026, 11, 23, 4, 22, 55, tzinfo=paris))
    '2026-11-23T03:22:55.000000Z'
    """
    utc = moment.astimezone(datetime.UTC)
    return utc.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def chained(
    head: Head,
    drafts: Sequence[Draft],
    *,
    trial: str,
    release: str,
    recorded: datetime.datetime,
) -> list[Event]:
    """The events that `drafts` become behind `head`: with seq, time, key, prev and hash.

    The time is `recorded`, or that of the head where a clock was set back. Raises RecordError for a
    draft that a store cannot keep, and for a time without a zone.
    """
    zone = recorded.utcoffset()
    if zone is None:
        raise RecordError(f"the time {recorded.isoformat()} has no zone")
    for draft in drafts:
        _check(draft)
    time, offset = max(utc_text(recorded), head.recorded), int(zone.total_seconds() // 60)
    seq, prev = head.seq, head.hash
    events = []
    for draft, key in zip(drafts, _numbered([d.idempotency_key for d in drafts]), strict=True):
        seq += 1
        event = Event(
            seq=seq,
            trial=trial,
            type=draft.type,
            type_version=draft.type_version,
            subject=draft.subject,
            site=draft.site,
            occurred=draft.occurred,
            recorded=time,
            offset=offset,
            actor=draft.actor,
            role=draft.role,
            organisation=draft.organisation,
            reason=draft.reason,
            cause=draft.cause,
            study_version=draft.study_version,
            release=release,
            idempotency_key=key,
            body=canonical(draft.body),
            prev=prev,
            hash="",
        )
        prev = event_hash(event)
        events.append(event._replace(hash=prev))
    _once("idempotency key", (event.idempotency_key for event in events))
    _once("guard", (guard for draft in drafts for guard in draft.guards))
    return events


def _numbered(keys: Iterable[str | None]) -> list[str | None]:
    """Keys as stored: K, K#1, K#2 for the events of action K, numbered by the caller or not."""
    action, count = None, 0
    result: list[str | None] = []
    for key in keys:
        if key is not None and action is not None and key in (action, f"{action}#{count + 1}"):
            count += 1
            result.append(f"{action}#{count}")
            continue
        if key is not None:
            if "#" in key:
                raise RecordError(f"the idempotency key {key!r} contains the sign #")
            action, count = key, 0
        result.append(key)
    return result


_NEEDED: Final = ("type", "actor", "role", "organisation", "study_version")
_OPTIONAL: Final = ("subject", "site", "occurred", "reason", "cause", "idempotency_key")
_INDEXED: Final = ("type", "subject", "idempotency_key")
_OCCURRED = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")


def _check(draft: Draft) -> None:
    """RecordError for a draft that the stores cannot keep alike, to the letter."""
    for name in (*_NEEDED, *_OPTIONAL):
        value = getattr(draft, name)
        if value is None and name in _OPTIONAL:
            continue
        if not isinstance(value, str) or not value.strip():
            raise RecordError(f"{name} of a {draft.type} must be a text, not {value!r}")
        _storable(value, name, limited=name in _INDEXED)
    for guard in draft.guards:
        _storable(guard, "guard", limited=True)
    if type(draft.type_version) is not int or draft.type_version < 1:
        raise RecordError(f"type_version of a {draft.type} must be 1 or more")
    if draft.occurred is not None and not _OCCURRED.fullmatch(draft.occurred):
        raise RecordError(f"occurred must be YYYY, YYYY-MM or YYYY-MM-DD, not {draft.occurred!r}")
    if not hasattr(draft.body, "keys"):
        raise RecordError(f"the body of a {draft.type} must have named items")


def _storable(value: str, name: str, *, limited: bool) -> None:
    if "\0" in value:
        raise RecordError(f"{name} contains a NUL character: {value!r}")
    if limited and len(value) > LONGEST_NAME:
        raise RecordError(f"{name} has {len(value)} characters; at most {LONGEST_NAME} fit")
    if not value.isascii():
        canonical(value)


def _once(what: str, names: Iterable[str | None]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise RecordError(f"the {what} {name!r} occurs twice in one action")
        if name is not None:
            seen.add(name)
