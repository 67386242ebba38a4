"""What `examine` says of a store that was edited behind our back, its protections switched off."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from equipoise.record.anchors import Anchor, is_signed, public_key, sign
from equipoise.record.event import Event
from equipoise.record.log import GENESIS, Log, event_hash
from equipoise.record.sealing import Key
from equipoise.record.verify import Finding
from tests.harness.stores import TRIAL, Store, draft

EVENTS = 30
KEY = Key("anchor", bytes(range(32)))
OTHER_KEY = Key("anchor", bytes(32))
OUTSIDE = {"is_signed": is_signed, "public_keys": [public_key(KEY)]}


def guards_of(event: Event) -> Iterable[str]:
    body = json.loads(event.body)
    return [f"lesion/{body['lesion']}"] if event.seq % 3 == 0 else []


@pytest.fixture
def written(log: Log) -> list[Event]:
    for seq in range(1, EVENTS + 1):
        guards = (f"lesion/T{seq}",) if seq % 3 == 0 else ()
        log.append_many([draft(seq, guards=guards, idempotency_key=f"K{seq}", reason="é")])
    return log.read()


def _found(store: Store, **outside: Any) -> list[Finding]:
    """The findings but those that say that the protections are gone."""
    findings = store.examine(guards_of=guards_of, **outside).findings
    return [finding for finding in findings if finding.kind != "store"]


def _kinds(findings: Iterable[Finding]) -> list[tuple[int | None, str]]:
    return [(finding.seq, finding.kind) for finding in findings]


def _anchor(event: Event, key: Key = KEY, **changes: Any) -> Anchor:
    head = {"trial": TRIAL, "seq": event.seq, "hash": event.hash, "recorded": event.recorded}
    return sign(key, purpose="test", **{**head, **changes})


def _execute(connection: Any, store: Store, sql: str, values: Iterable[object] = ()) -> None:
    event, guard, meta = store.tables()
    named = sql.format(event=event, guard=guard, meta=meta).replace("?", store.mark)
    connection.execute(named, tuple(values))


def _rewrite(connection: Any, store: Store, events: list[Event]) -> None:
    """Replace everything from the first of `events` on, chained and hashed anew."""
    _execute(connection, store, "DELETE FROM {event} WHERE seq >= ?", [events[0].seq])
    prev = events[0].prev
    for event in events:
        row = event._replace(prev=prev)
        row = row._replace(hash=event_hash(row))
        prev = row.hash
        marks = ", ".join("?" * len(row))
        _execute(connection, store, f"INSERT INTO {{event}} VALUES ({marks})", row)


def test_nothing_is_wrong_with_what_was_left_alone(
    log: Log, written: list[Event], store: Store
) -> None:
    anchors = [_anchor(event) for event in written[::5]]
    head, findings = store.examine(anchors=anchors, guards_of=guards_of, **OUTSIDE)
    assert findings == []
    assert head == log.head()


@pytest.mark.requirement("VA3")
def test_one_flipped_byte(log: Log, written: list[Event], store: Store) -> None:
    texts = [
        name
        for name, value in written[16]._asdict().items()
        if isinstance(value, str) and name != "idempotency_key"
    ]
    assert len(texts) > 12
    for name in texts:
        stored = getattr(written[16], name)
        at = len(stored) * 5 // 6
        flipped = stored[:at] + chr(ord(stored[at]) ^ 1) + stored[at + 1 :]
        with store.unprotected() as connection:
            _execute(
                connection, store, f'UPDATE {{event}} SET "{name}" = ? WHERE seq = 17', [flipped]
            )
        assert _kinds(_found(store)) == [(17, "altered")], name
        with store.unprotected() as connection:
            _execute(
                connection, store, f'UPDATE {{event}} SET "{name}" = ? WHERE seq = 17', [stored]
            )
    assert _found(store) == []


@pytest.mark.requirement("VA3")
@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ('UPDATE {event} SET "offset" = "offset" + 1 WHERE seq = 1', [(1, "altered")]),
        ("UPDATE {event} SET type_version = 2 WHERE seq = 30", [(30, "altered")]),
        ("UPDATE {event} SET subject = NULL WHERE seq = 9", [(9, "altered")]),
        ("UPDATE {event} SET cause = '' WHERE seq = 9", [(9, "altered")]),
        ("UPDATE {event} SET reason = 'x' WHERE seq IN (4, 5, 20)",
         [(4, "altered"), (5, "altered"), (20, "altered")]),
        ("DELETE FROM {event} WHERE seq = 17", [(17, "missing")]),
        ("DELETE FROM {event} WHERE seq = 1", [(1, "missing")]),
        ("DELETE FROM {event} WHERE seq BETWEEN 11 AND 14", [(11, "missing")]),
        ("UPDATE {event} SET seq = 1000 WHERE seq = 7", [(7, "reordered")]),
        ("UPDATE {guard} SET seq = 6 WHERE name = 'lesion/T3'", [(6, "guard")]),
        ("DELETE FROM {guard} WHERE name = 'lesion/T3'", [(3, "guard")]),
        ("INSERT INTO {guard} (name, seq) VALUES ('lesion/T4', 4)", [(4, "guard")]),
        ("UPDATE {guard} SET name = 'lesion/T1' WHERE seq = 3", [(3, "guard"), (3, "guard")]),
    ],
)  # fmt: skip
def test_one_statement(
    log: Log, written: list[Event], store: Store, statement: str, found: list[tuple[int, str]]
) -> None:
    with store.unprotected() as connection:
        _execute(connection, store, statement)
    assert _kinds(_found(store)) == found


@pytest.mark.requirement("VA3")
@pytest.mark.parametrize(
    ("statements", "found"),
    [
        (  # two events change places
            [
                "UPDATE {event} SET seq = 1000 WHERE seq = 5",
                "UPDATE {event} SET seq = 5 WHERE seq = 22",
                "UPDATE {event} SET seq = 22 WHERE seq = 1000",
            ],
            [(5, "reordered"), (22, "reordered")],
        ),
        (  # neighbours change places
            [
                "UPDATE {event} SET seq = 1000 WHERE seq = 5",
                "UPDATE {event} SET seq = 5 WHERE seq = 6",
                "UPDATE {event} SET seq = 6 WHERE seq = 1000",
            ],
            [(5, "reordered"), (6, "reordered")],
        ),
        (  # one is taken out and those behind it close ranks
            [
                "DELETE FROM {event} WHERE seq = 12",
                "DELETE FROM {guard} WHERE seq = 12",
                "UPDATE {event} SET seq = seq + 1000 WHERE seq > 12",
                "UPDATE {event} SET seq = seq - 1001 WHERE seq > 1000",
            ],
            [(12, "missing")],
        ),
    ],
)
def test_several_statements(
    log: Log,
    written: list[Event],
    store: Store,
    statements: list[str],
    found: list[tuple[int, str]],
) -> None:
    with store.unprotected() as connection:
        for statement in statements:
            _execute(connection, store, statement)
    assert _kinds(_found(store)) == found


@pytest.mark.requirement("VA3")
def test_an_inserted_event(log: Log, written: list[Event], store: Store) -> None:
    forged = written[9]._replace(
        seq=11, prev=written[9].hash, body='{"lesion":"T99"}', idempotency_key=None
    )
    forged = forged._replace(hash=event_hash(forged))
    with store.unprotected() as connection:
        _execute(connection, store, "UPDATE {event} SET seq = seq + 1000 WHERE seq >= 11")
        _execute(connection, store, "UPDATE {event} SET seq = seq - 999 WHERE seq >= 1000")
        marks = ", ".join("?" * len(forged))
        _execute(connection, store, f"INSERT INTO {{event}} VALUES ({marks})", forged)
    assert _kinds(_found(store)) == [(11, "inserted")]


@pytest.mark.requirement("VA3")
def test_an_event_altered_and_hashed_anew(log: Log, written: list[Event], store: Store) -> None:
    forged = written[16]._replace(body='{"diameter":"1","lesion":"T17"}')
    with store.unprotected() as connection:
        _execute(
            connection,
            store,
            "UPDATE {event} SET body = ?, hash = ? WHERE seq = 17",
            [forged.body, event_hash(forged)],
        )
    assert _kinds(_found(store)) == [(17, "altered")]
    anchors = [_anchor(event) for event in (written[10], written[16], written[20])]
    assert _kinds(_found(store, anchors=anchors, **OUTSIDE)) == [(17, "altered")]


@pytest.mark.requirement("VA3")
def test_a_cut_tail(log: Log, written: list[Event], store: Store) -> None:
    with store.unprotected() as connection:
        _execute(connection, store, "DELETE FROM {event} WHERE seq > 25")
        _execute(connection, store, "DELETE FROM {guard} WHERE seq > 25")
    assert _found(store) == []
    anchors = [_anchor(event) for event in (written[9], written[28], written[27])]
    (finding,) = _found(store, anchors=anchors, **OUTSIDE)
    assert (finding.seq, finding.kind) == (29, "cut_tail")
    assert "ends at event 25, but event 29 was signed" in finding.message


@pytest.mark.requirement("VA3")
def test_a_guard_without_its_event_shows_a_cut_tail(
    log: Log, written: list[Event], store: Store
) -> None:
    with store.unprotected() as connection:
        _execute(connection, store, "DELETE FROM {event} WHERE seq > 25")
    assert _kinds(_found(store)) == [(30, "cut_tail")]


@pytest.mark.requirement("VA3")
def test_everything_cut(log: Log, written: list[Event], store: Store) -> None:
    with store.unprotected() as connection:
        _execute(connection, store, "DELETE FROM {event}")
        _execute(connection, store, "DELETE FROM {guard}")
    assert _found(store) == []
    found = _found(store, anchors=[_anchor(written[0])], **OUTSIDE)
    assert _kinds(found) == [(1, "cut_tail")]


@pytest.mark.requirement("VA3")
def test_a_chain_rewritten_whole(log: Log, written: list[Event], store: Store) -> None:
    forged = written[16]._replace(body='{"diameter":"1","lesion":"T17"}')
    with store.unprotected() as connection:
        _rewrite(connection, store, [forged, *written[17:]])
    assert _found(store) == []
    anchors = [_anchor(event) for event in (written[9], written[12], written[19], written[28])]
    (finding,) = _found(store, anchors=anchors, **OUTSIDE)
    assert (finding.seq, finding.kind) == (20, "rewritten")
    assert "anew from an event between 14 and 20 on" in finding.message


@pytest.mark.requirement("VA3")
def test_a_record_of_another_trial_in_its_place(
    log: Log, written: list[Event], store: Store
) -> None:
    with store.unprotected() as connection:
        _rewrite(connection, store, [event._replace(trial="other") for event in written])
    assert _kinds(_found(store)) == [(1, "rewritten")]


@pytest.mark.requirement("VA3")
def test_anchors_that_prove_nothing(log: Log, written: list[Event], store: Store) -> None:
    good = _anchor(written[9])
    anchors = [
        good,
        _anchor(written[4], OTHER_KEY),
        _anchor(written[5], trial="other"),
        good.model_copy(update={"seq": 7}),
        good.model_copy(update={"seq": 99}),
    ]
    found = _found(store, anchors=anchors, **OUTSIDE)
    assert _kinds(found) == [(seq, "anchor_signature") for seq in (5, 6, 7, 99)]
    assert "not among those given" in found[0].message
    assert "of trial 'other'" in found[1].message
    assert "does not fit its signature" in found[2].message
    # Whoever brings the anchors vouches for their keys when no key is given.
    assert _found(store, anchors=anchors[:2], is_signed=is_signed) == []


@pytest.mark.requirement("VA3", "AT4")
def test_time_that_goes_back(log: Log, written: list[Event], store: Store) -> None:
    back = written[16]._replace(recorded="2020-01-01T00:00:00.000000Z")
    with store.unprotected() as connection:
        _rewrite(connection, store, [back, *written[17:]])
    (finding,) = _found(store)
    assert (finding.seq, finding.kind) == (17, "time")


def test_guards_that_cannot_be_derived(log: Log, written: list[Event], store: Store) -> None:
    forged = written[17]._replace(body='{"no":"lesion"}')
    with store.unprotected() as connection:
        _rewrite(connection, store, [forged, *written[18:]])
    found = _kinds(_found(store))
    assert found == [(18, "guard"), (18, "guard")]


@pytest.mark.requirement("VA3")
def test_the_first_event_belongs_to_the_chain(log: Log, written: list[Event], store: Store) -> None:
    assert written[0].prev == GENESIS
    forged = written[0]._replace(prev="f" * 64)
    with store.unprotected() as connection:
        _execute(
            connection,
            store,
            "UPDATE {event} SET prev = ?, hash = ? WHERE seq = 1",
            [forged.prev, event_hash(forged)],
        )
    assert _kinds(_found(store)) == [(1, "altered")]
