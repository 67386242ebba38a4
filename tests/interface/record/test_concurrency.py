"""Many processes on one record: everybody's actions are in it, once, one after the other."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from contextlib import closing

import pytest

from equipoise.errors import RecordError
from equipoise.record.verify import verify
from tests.harness.killing import light_processes
from tests.harness.stores import TRIAL, Store, draft

PROCESSES, ACTIONS = 8, 40


def _append(store: Store, process: int) -> list[tuple[str | None, int]]:
    """Forty actions, each of which takes the next free place; their keys and numbers."""
    written = []
    with closing(store.open()) as log:
        for number in range(ACTIONS):
            with log.transaction() as transaction:
                place = transaction.last_seq(types=["Placed"]) + 1
                (event,) = transaction.append(
                    [
                        draft(
                            number,
                            type="Placed",
                            body={"place": place},
                            guards=(f"place/{place}",),
                            idempotency_key=f"{process}/{number}",
                        )
                    ]
                )
            written.append((event.idempotency_key, event.seq))
    return written


def _append_the_same(store: Store, key: str) -> list[int]:
    """One action, repeated by everybody at once: the seq of what it wrote, the first time."""
    with closing(store.open()) as log, log.transaction() as transaction:
        earlier = transaction.by_key(key)
        drafts = [draft(number, idempotency_key=key) for number in range(3)]
        return [event.seq for event in earlier or transaction.append(drafts)]


def _processes() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(PROCESSES, mp_context=light_processes())


@pytest.mark.requirement("RN4")
def test_eight_processes_of_forty_actions(store: Store) -> None:
    store.create().close()
    with _processes() as processes:
        said = list(processes.map(_append, [store] * PROCESSES, range(PROCESSES)))
        same = list(processes.map(_append_the_same, [store] * 40, ["K"] * 40))
    count = PROCESSES * ACTIONS
    with closing(store.open()) as log:
        events = log.read()
        assert [event.seq for event in events] == list(range(1, count + 4))
        assert len({event.idempotency_key for event in events}) == count + 3
        assert sorted(pair for pairs in said for pair in pairs) == sorted(
            (event.idempotency_key, event.seq) for event in events[:count]
        )
        assert [event.body for event in events[:count]] == [
            f'{{"place":{place}}}' for place in range(1, count + 1)
        ]
        assert same == [[count + 1, count + 2, count + 3]] * 40
        with pytest.raises(RecordError, match="key 'K' was used by event 321"):
            log.append_many([draft(idempotency_key="K")])
        assert verify(events, trial=TRIAL) == []
    assert store.examine().findings == []
