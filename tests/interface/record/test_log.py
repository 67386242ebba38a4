"""What both stores promise: the contract of `Log` and `Transaction`, to the letter."""

from __future__ import annotations

import datetime
import time
from typing import Any

import pytest

from equipoise.errors import RecordError
from equipoise.record import postgres_session, sqlite
from equipoise.record.canonical import canonical, sha256_hex
from equipoise.record.event import Event
from equipoise.record.log import EMPTY, GENESIS, Log
from equipoise.record.verify import verify
from tests.harness.stores import RELEASE, TRIAL, Store, draft

UTC = datetime.UTC


def test_an_empty_record_holds_nothing(log: Log) -> None:
    assert log.trial == TRIAL
    assert log.release == RELEASE
    assert log.head() == EMPTY == (0, GENESIS, "")
    assert log.read() == []
    assert log.append_many([]) == []
    with log.transaction() as transaction:
        assert transaction.head() == EMPTY
        assert transaction.last_seq() == 0
        assert transaction.last_seq(types=["LesionMeasured"], subject="01-001") == 0
        assert transaction.by_key("K") == []
        assert transaction.read() == []


@pytest.mark.requirement("AT1", "AT4")
def test_what_was_appended_is_read_back_whole(log: Log, store: Store) -> None:
    before = datetime.datetime.now(UTC)
    written = log.append_many(
        [draft(1, reason="typing error", cause="import 7", idempotency_key="K"), draft(2)]
    )
    after = datetime.datetime.now(UTC)
    reopened = store.open()
    assert reopened.read() == written == log.read()
    reopened.close()
    first, second = written
    assert first == Event(
        seq=1,
        trial=TRIAL,
        type="LesionMeasured",
        type_version=1,
        subject="01-001",
        site="01",
        occurred="2026-11-23",
        recorded=first.recorded,
        offset=first.offset,
        actor="m.dupont",
        role="investigator",
        organisation="Hôpital Édouard-Herriot",
        reason="typing error",
        cause="import 7",
        study_version="1",
        release=RELEASE,
        idempotency_key="K",
        body='{"diameter":"15.3","lesion":"T1"}',
        prev=GENESIS,
        hash=first.hash,
    )
    assert second.prev == first.hash
    assert log.head() == (2, second.hash, second.recorded)
    moment = datetime.datetime.fromisoformat(first.recorded)
    assert before <= moment <= after
    assert moment.utcoffset() == datetime.timedelta(0)
    assert verify(log.read(), trial=TRIAL) == []


def test_the_hash_covers_the_header_and_the_body(log: Log) -> None:
    (event,) = log.append_many([draft(reason='« é » \U0001f52c \u2028 \\ " /')])
    header = {
        name: value for name, value in event._asdict().items() if name not in ("body", "hash")
    }
    assert event.hash == sha256_hex(canonical(header) + "\n" + event.body)


TEXTS = (
    "Ångström é e\u0301 ﬁ",
    "\U0001f9ec\U00010348",
    "\u2028\u2029\u0085",
    "\ufeff\ufffe",
    "'\"\\%s;--",
    "tab\tline\nreturn\r\x7f\x1b",
    "  spaces  ",
)


def test_every_character_stays(log: Log) -> None:
    written = [
        event
        for text in TEXTS
        for event in log.append_many([draft(body={"text": text, text: None}, reason=f"r{text}")])
    ]
    assert log.read() == written
    assert [event.reason for event in written] == [f"r{text}" for text in TEXTS]
    assert [event.body for event in written] == [canonical({"text": t, t: None}) for t in TEXTS]


def test_a_nul_in_a_body_stays(log: Log) -> None:
    written = log.append_many([draft(body={"text": "a\0b"})])
    assert log.read() == written
    assert "\\u0000" in written[0].body


@pytest.mark.requirement("RN4")
def test_an_action_that_fails_leaves_nothing(log: Log) -> None:
    log.append_many([draft()])
    with pytest.raises(ZeroDivisionError), log.transaction() as transaction:
        transaction.append([draft(2, guards=("g",)), draft(3)])
        assert [event.seq for event in transaction.read()] == [1, 2, 3]
        assert transaction.head().seq == 3
        raise ZeroDivisionError
    assert [event.seq for event in log.read()] == [1]
    assert [event.seq for event in log.append_many([draft(2, guards=("g",))])] == [2]


def test_a_transaction_may_append_more_than_once(log: Log) -> None:
    with log.transaction() as transaction:
        first = transaction.append([draft(1, idempotency_key="A")])
        assert transaction.append([]) == []
        second = transaction.append([draft(2, idempotency_key="B"), draft(3)])
        assert transaction.read(after=1) == second
    assert log.read() == first + second
    assert verify(log.read()) == []


@pytest.mark.requirement("RN4")
def test_a_key_finds_the_events_of_its_action(log: Log) -> None:
    numbered = log.append_many([draft(1, idempotency_key="K") for _ in range(12)])
    by_hand = log.append_many([draft(idempotency_key=key) for key in ("K2", "K2#1", "K2#2")])
    others = [draft(idempotency_key=key) for key in ("K$", "k", "K\U0001f52c", "K 1", "J")]
    log.append_many([draft(), *others])
    assert [event.idempotency_key for event in numbered] == ["K", *(f"K#{n}" for n in range(1, 12))]
    with log.transaction() as transaction:
        assert transaction.by_key("K") == numbered
        assert transaction.by_key("K2") == by_hand
        assert [event.idempotency_key for event in transaction.by_key("k")] == ["k"]
        assert transaction.by_key("unused") == []


@pytest.mark.requirement("RN4")
def test_a_key_is_used_once(log: Log) -> None:
    log.append_many([draft(), draft(idempotency_key="K"), draft(idempotency_key="K")])
    with pytest.raises(RecordError, match=r"key 'K' was used by event 2.*Nothing was written"):
        log.append_many([draft(7), draft(idempotency_key="K")])
    assert log.head().seq == 3


@pytest.mark.requirement("RN4")
def test_a_guard_is_held_once(log: Log) -> None:
    log.append_many([draft(), draft(guards=("randomised/01-001", "slot/2"))])
    with pytest.raises(
        RecordError, match=r"guard 'slot/2' is held by event 2.*Nothing was written"
    ):
        log.append_many([draft(), draft(guards=("slot/3", "slot/2"), idempotency_key="K")])
    assert log.head().seq == 2
    assert log.append_many([draft(guards=("slot/3",), idempotency_key="K")])[0].seq == 3


UNFIT: list[tuple[list[Any], str]] = [
    ([draft(guards=("g",)), draft(guards=("g",))], "guard 'g' occurs twice"),
    ([draft(idempotency_key=key) for key in ("A", "B", "A")], "key 'A' occurs twice"),
    ([draft(idempotency_key="A#1")], "contains the sign #"),
    ([draft(body={"diameter": 15.3})], "diameter: a float"),
    ([draft(body={"day": datetime.date(2026, 1, 1)})], "day: a date"),
    ([draft(body=["not", "named"])], "must have named items"),
    ([draft(reason="a\0b")], "NUL"),
    ([draft(reason="half \ud83d a pair")], "surrogate"),
    ([draft(body={"text": "\ud83d"})], "surrogate"),
    ([draft(actor=" ")], "actor .* must be a text"),
    ([draft(role=None)], "role .* must be a text"),
    ([draft(subject="")], "subject .* must be a text"),
    ([draft(subject=7)], "subject .* must be a text"),
    ([draft(subject="s" * 501)], "501 characters"),
    ([draft(idempotency_key="k" * 501)], "501 characters"),
    ([draft(guards=("g" * 501,))], "501 characters"),
    ([draft(occurred="23/11/2026")], "occurred must be"),
    ([draft(type_version=0)], "type_version"),
    ([draft(type_version=True)], "type_version"),
]


def test_what_cannot_be_stored_is_refused_and_nothing_written(log: Log) -> None:
    for drafts, said in UNFIT:
        with pytest.raises(RecordError, match=said):
            log.append_many([draft(guards=("first",)), *drafts])
        assert log.head() == EMPTY
    assert log.append_many([draft(guards=("first",))])[0].seq == 1


def test_the_longest_names_fit_both_stores(log: Log) -> None:
    longest = "\U0001f52c" * 500
    log.append_many([draft(type=longest, subject=longest, idempotency_key=longest)])
    log.append_many([draft(guards=(longest,))])
    with log.transaction() as transaction:
        assert len(transaction.by_key(longest)) == 1
        assert transaction.last_seq(subject=longest, types=[longest]) == 1


def test_a_failed_append_cannot_be_overlooked(log: Log) -> None:
    log.append_many([draft(guards=("g",))])
    overlooked = pytest.raises(RecordError, match="an append failed in it: nothing was written")
    with overlooked, log.transaction() as transaction:
        transaction.append([draft(2)])
        with pytest.raises(RecordError, match="held by event 1"):
            transaction.append([draft(3, guards=("g",))])
        with pytest.raises(RecordError, match="is over"):
            transaction.append([draft(4)])
        with pytest.raises(RecordError, match="is over"):
            transaction.read()
    assert log.head().seq == 1
    assert log.append_many([draft(2)])[0].seq == 2


def test_a_transaction_ends_with_its_block(log: Log) -> None:
    with log.transaction() as transaction:
        pass
    for use in (transaction.head, transaction.read, transaction.last_seq):
        with pytest.raises(RecordError, match="is over"):
            use()
    with pytest.raises(RecordError, match="is over"):
        transaction.append([draft()])
    assert log.head() == EMPTY


def test_transactions_do_not_nest(log: Log) -> None:
    with log.transaction() as transaction:
        with pytest.raises(RecordError, match="still open"), log.transaction():
            pass
        transaction.append([draft()])
    assert log.head().seq == 1


def test_filters_of_reading(log: Log) -> None:
    for number in range(12):
        log.append_many(
            [
                draft(
                    number,
                    subject=None if number == 5 else f"01-00{number % 3}",
                    site=f"0{number % 2}",
                    type=("A", "B", "C")[number // 4],
                )
            ]
        )

    def seqs(**filters: Any) -> list[int]:
        return [event.seq for event in log.read(**filters)]

    assert seqs() == list(range(1, 13))
    assert seqs(after=10) == [11, 12]
    assert seqs(upto=2) == [1, 2]
    assert seqs(upto=0) == []
    assert seqs(after=3, upto=5) == [4, 5]
    assert seqs(subject="01-002") == [3, 9, 12]
    assert seqs(subject="01-002", after=3, types=["C", "B"]) == [9, 12]
    assert seqs(types=["A"]) == [1, 2, 3, 4]
    assert seqs(types={"C", "A", "never"}) == [1, 2, 3, 4, 9, 10, 11, 12]
    assert seqs(types=[]) == []
    assert seqs(site="01", upto=6) == [2, 4, 6]
    assert seqs(site="01", types=["C"], subject="01-002") == [12]
    assert seqs(subject="nobody") == []
    with log.transaction() as transaction:
        assert transaction.last_seq() == 12
        assert transaction.last_seq(subject="01-001") == 11
        assert transaction.last_seq(types=["A", "B"]) == 8
        assert transaction.last_seq(subject="01-000", types=["A", "B"]) == 7
        assert transaction.last_seq(types=[]) == 0
        assert transaction.last_seq(types=["never"]) == 0
        assert transaction.last_seq(subject="nobody") == 0
        found = transaction.read(after=2, subject="01-000", types=["A", "B"])
        assert [event.seq for event in found] == [4, 7]


@pytest.mark.requirement("AT4")
def test_time_never_goes_back(log: Log) -> None:
    paris = datetime.timezone(datetime.timedelta(hours=2))
    noon = datetime.datetime(2051, 6, 1, 12, 0, 0, 250_000, tzinfo=paris)
    earlier = datetime.datetime(2051, 6, 1, 9, 59, tzinfo=UTC)
    (first,) = log.append_many([draft()], recorded=noon)
    (second,) = log.append_many([draft()], recorded=earlier)
    (by_the_server,) = log.append_many([draft()])
    assert first.recorded == "2051-06-01T10:00:00.250000Z"
    assert first.offset == 120
    assert (second.recorded, second.offset) == (first.recorded, 0)
    assert by_the_server.recorded == first.recorded
    assert verify(log.read()) == []


def test_a_time_needs_a_zone(log: Log) -> None:
    with pytest.raises(RecordError, match="no zone"):
        log.append_many([draft()], recorded=datetime.datetime(2026, 1, 1))  # noqa: DTZ001
    assert log.head() == EMPTY


def test_many_events_in_one_action(log: Log) -> None:
    drafts = [draft(n, idempotency_key="K", guards=(f"a{n}", f"b{n}")) for n in range(2500)]
    written = log.append_many(drafts)
    assert [event.seq for event in log.read()] == list(range(1, 2501))
    with log.transaction() as transaction:
        assert transaction.by_key("K") == written


def test_readers_see_what_is_committed_and_wait_for_nobody(log: Log, store: Store) -> None:
    reader = store.open()
    log.append_many([draft()])
    with log.transaction() as transaction:
        transaction.append([draft(2)])
        assert [event.seq for event in reader.read()] == [1]
        assert reader.head().seq == 1
    assert [event.seq for event in reader.read()] == [1, 2]
    reader.close()


def test_a_second_writer_waits_and_then_says_so(
    log: Log, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "PATIENCE", 0.2)
    monkeypatch.setattr(postgres_session, "PATIENCE", "200ms")
    impatient = store.open()
    with log.transaction() as transaction:
        transaction.append([draft()])
        start = time.monotonic()
        with pytest.raises(RecordError, match="another process has been writing"):
            impatient.append_many([draft(2)])
        assert time.monotonic() - start > 0.15
    assert [event.seq for event in impatient.append_many([draft(2)])] == [2]
    impatient.close()


def test_a_closed_log_says_so(log: Log) -> None:
    log.append_many([draft()])
    log.close()
    log.close()
    with pytest.raises(RecordError, match="closed"):
        log.read()
    with pytest.raises(RecordError, match="closed"):
        log.append_many([draft()])


def test_a_record_is_not_made_twice(log: Log, store: Store) -> None:
    log.append_many([draft()])
    with pytest.raises(RecordError, match="exists and was left as it is"):
        store.create()
    assert log.head().seq == 1


def test_a_record_must_be_there_to_be_opened(store: Store) -> None:
    with pytest.raises(RecordError, match="there is no "):
        store.open()
    with pytest.raises(RecordError, match="there is no "):
        store.examine()
