"""The SQL that both stores speak: reading events, and what every transaction does.

`Queries` asks its questions through `_fetch`, which a store supplies; `StoreTransaction` adds the
chain. What is particular to SQLite and PostgreSQL (locks, triggers, errors) is in their modules.
"""

from __future__ import annotations

import datetime
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Final

from equipoise.errors import RecordError
from equipoise.record.event import Draft, Event
from equipoise.record.log import EMPTY, Head, Transaction, chained

COLUMNS: Final = ", ".join(f'"{name}"' for name in Event._fields)
"""The columns of the event table, in the order of `Event`."""

Guards = list[tuple[str, int]]
"""Names that may occur once in a record, each with the seq of the event that took it."""


class Queries(ABC):
    """The questions of `Log` and `Transaction`, in SQL."""

    MARK: ClassVar[str]
    """Where a value goes in the store's SQL."""

    _prefix: str = ""
    """What stands before the name of a table."""

    @abstractmethod
    def _fetch(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """The rows that a SELECT gives; RecordError when the store fails."""

    def head(self) -> Head:
        """Where the record ends."""
        return head_of(self._fetch(self._head_sql()))

    def _head_sql(self) -> str:
        return f"SELECT seq, hash, recorded FROM {self._prefix}event ORDER BY seq DESC LIMIT 1"

    def last_seq(self, *, subject: str | None = None, types: Collection[str] | None = None) -> int:
        """The seq of the last event of `subject`, of any of `types`, or of both; 0 if none."""
        table, mark = f"{self._prefix}event", self.MARK
        if types is None:
            where, values = _where(mark, subject=subject)
            found = self._fetch(f"SELECT max(seq) FROM {table}{where}", values)
        else:
            # One look into an index per type: a scan of all events of a type grows with the trial.
            each = [_where(mark, subject=subject, type=name) for name in sorted(types)]
            parts = [f"SELECT max(seq) AS last FROM {table}{where}" for where, _ in each]
            if not parts:
                return 0
            values = [value for _, some in each for value in some]
            union = " UNION ALL ".join(parts)
            found = self._fetch(f"SELECT max(last) FROM ({union}) AS lasts", values)
        return int(found[0][0] or 0)

    def by_key(self, idempotency_key: str) -> list[Event]:
        """The events of the action that was recorded under this key; none if it is new."""
        column, mark = "idempotency_key", self.MARK
        return self._events(
            f" WHERE {column} = {mark} OR ({column} > {mark} AND {column} < {mark})",
            # The sign after # in ASCII is $: between the two lie key#1, key#2, ...
            [idempotency_key, f"{idempotency_key}#", f"{idempotency_key}$"],
        )

    def read(
        self,
        *,
        after: int = 0,
        upto: int | None = None,
        subject: str | None = None,
        types: Collection[str] | None = None,
        site: str | None = None,
    ) -> list[Event]:
        """Events with after < seq <= upto that pass every filter, in order of seq."""
        mark = self.MARK
        where, values = _where(mark, subject=subject, site=site)
        if types is not None:
            if not types:
                return []
            where += _and(where) + f"type IN ({', '.join([mark] * len(types))})"
            values += sorted(types)
        if after:
            where += _and(where) + f"seq > {mark}"
            values.append(after)
        if upto is not None:
            where += _and(where) + f"seq <= {mark}"
            values.append(upto)
        return self._events(where, values)

    def _events(self, where: str, values: Sequence[object]) -> list[Event]:
        sql = f"SELECT {COLUMNS} FROM {self._prefix}event{where} ORDER BY seq"
        return list(map(Event._make, self._fetch(sql, values)))


def head_of(rows: Sequence[tuple[Any, ...]]) -> Head:
    """The head that the last row of a record is; that of an empty record for no row."""
    return Head._make(rows[0]) if rows else EMPTY


def _and(where: str) -> str:
    return " AND " if where else " WHERE "


def _where(mark: str, **filters: object) -> tuple[str, list[object]]:
    given = {name: value for name, value in filters.items() if value is not None}
    tests = " AND ".join(f"{name} = {mark}" for name in given)
    return (f" WHERE {tests}" if tests else ""), list(given.values())


class StoreTransaction(Queries):
    """One turn to write. A store begins and ends it, and writes the rows in `_insert`."""

    def __init__(self, trial: str, release: str, head: Head) -> None:
        self._trial, self._release, self._head = trial, release, head
        self._over: str | None = None
        self.written: list[Event] = []

    @abstractmethod
    def _insert(self, events: Sequence[Event], guards: Guards) -> None:
        """Write the rows; RecordError, and nothing is written, when the store refuses."""

    def head(self) -> Head:
        """Where the record ends now."""
        self.check_usable()
        return self._head

    def append(
        self, drafts: Sequence[Draft], *, recorded: datetime.datetime | None = None
    ) -> list[Event]:
        """Write `drafts` at the end of the record; see `equipoise.record.log.Transaction`."""
        self.check_usable()
        try:
            events = chained(
                self._head,
                drafts,
                trial=self._trial,
                release=self._release,
                recorded=recorded or datetime.datetime.now().astimezone(),
            )
            guards = [
                (name, event.seq)
                for draft, event in zip(drafts, events, strict=True)
                for name in draft.guards
            ]
            if events:
                self._insert(events, guards)
                self._head = Head(events[-1].seq, events[-1].hash, events[-1].recorded)
        except BaseException:
            self.end("an append failed in it: nothing was written")
            raise
        self.written += events
        return events

    def end(self, why: str) -> None:
        """Nothing more can be read or written in this transaction."""
        self._over = self._over or why

    def check_usable(self) -> None:
        """RecordError when the transaction is over."""
        if self._over:
            raise RecordError(f"this transaction is over: {self._over}")


class StoreLog(Queries):
    """What the logs of both stores have in common."""

    trial: str
    release: str

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Transaction]:
        """A turn to write."""

    def append_many(
        self, drafts: Sequence[Draft], *, recorded: datetime.datetime | None = None
    ) -> list[Event]:
        """Write `drafts` in a transaction of their own: all of them, or none."""
        with self.transaction() as transaction:
            return transaction.append(drafts, recorded=recorded)


def taken(queries: Queries, events: Sequence[Event], guards: Guards) -> Iterator[str]:
    """Which guards and keys that these rows need are held already, and by which earlier event."""
    prefix, mark, first = queries._prefix, queries.MARK, events[0].seq
    held = f"SELECT seq FROM {prefix}guard WHERE name = {mark} AND seq < {mark}"
    for name, _ in guards:
        for (seq,) in queries._fetch(held, [name, first]):
            yield f"the guard {name!r} is held by event {seq}"
    used = f"SELECT seq FROM {prefix}event WHERE idempotency_key = {mark} AND seq < {mark}"
    for key in [event.idempotency_key for event in events if event.idempotency_key]:
        for (seq,) in queries._fetch(used, [key, first]):
            yield f"the idempotency key {key!r} was used by event {seq}"
