"""One record in two stores at once: every question that a writer asks is put to both.

What `conduct` decides does not depend on the store. A large trial is therefore decided once and
written to both, and each answer of one store must be that of the other: the same head before and
after each action, the same events of a subject, the same hashes.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from equipoise.record.event import Draft, Event
from equipoise.record.log import Head, Log, Transaction

Asked = TypeVar("Asked", Log, Transaction)
Answer = TypeVar("Answer")


class _Both(Generic[Asked]):
    """Two stores, or a transaction of each, that must answer alike."""

    def __init__(self, one: Asked, other: Asked) -> None:
        self._one, self._other = one, other

    def _alike(self, ask: Callable[[Asked], Answer]) -> Answer:
        found, beside = ask(self._one), ask(self._other)
        assert found == beside
        return found

    def head(self) -> Head:
        return self._alike(lambda each: each.head())

    def last_seq(self, **asked: Any) -> int:
        return self._alike(lambda each: each.last_seq(**asked))

    def read(self, **asked: Any) -> list[Event]:
        return self._alike(lambda each: each.read(**asked))


class BothTransactions(_Both[Transaction]):
    """A turn to write in both stores."""

    def by_key(self, idempotency_key: str) -> list[Event]:
        return self._alike(lambda each: each.by_key(idempotency_key))

    def append(
        self, drafts: Sequence[Draft], *, recorded: datetime.datetime | None = None
    ) -> list[Event]:
        """Write to both, at the moment `recorded`: two clocks would not agree."""
        assert recorded is not None
        return self._alike(lambda each: each.append(drafts, recorded=recorded))


class BothStores(_Both[Log]):
    """The log of one trial, kept in two stores."""

    @property
    def trial(self) -> str:
        return self._alike(lambda each: each.trial)

    @property
    def release(self) -> str:
        return self._alike(lambda each: each.release)

    @contextmanager
    def transaction(self) -> Iterator[BothTransactions]:
        with self._one.transaction() as one, self._other.transaction() as other:
            yield BothTransactions(one, other)

    def append_many(
        self, drafts: Sequence[Draft], *, recorded: datetime.datetime | None = None
    ) -> list[Event]:
        with self.transaction() as transaction:
            return transaction.append(drafts, recorded=recorded)
