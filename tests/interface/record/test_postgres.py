"""What is particular to the record in a database server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pytest

from equipoise.errors import RecordError
from equipoise.record.postgres import PostgresLog
from equipoise.record.postgres_session import Connection
from tests.harness.postgresql import Cluster, Database
from tests.harness.stores import PostgresStore, draft


@pytest.fixture
def store(postgres: Database) -> PostgresStore:
    return PostgresStore(postgres)


@contextmanager
def _superuser(cluster: Cluster) -> Iterator[Any]:
    with closing(cluster._superuser("equipoise")) as connection:
        yield connection


@pytest.mark.requirement("AT2")
def test_it_does_not_work_as_the_owner(store: PostgresStore, postgres: Database) -> None:
    store.create().close()
    with pytest.raises(RecordError, match="the role equipoise_owner owns the record"):
        PostgresLog(postgres.owner_dsn, schema=postgres.schema)


@pytest.mark.requirement("AT2")
def test_it_does_not_work_as_a_superuser(store: PostgresStore, postgres_cluster: Cluster) -> None:
    store.create().close()
    dsn = postgres_cluster.dsn("cluster_superuser")
    with pytest.raises(RecordError, match="is a superuser"):
        PostgresLog(dsn, schema=store.database.schema)


@pytest.mark.requirement("AT2")
@pytest.mark.parametrize(
    ("grant", "said"),
    [
        ("UPDATE ON {s}.event", "may change or delete rows of"),
        ("UPDATE (reason) ON {s}.event", "may change or delete rows of"),
        ("DELETE ON {s}.guard", "may change or delete rows of"),
        ("TRUNCATE ON {s}.event", "may change or delete rows of"),
        ("TRIGGER ON {s}.event", "was given TRIGGER"),
        ("CREATE ON SCHEMA {s}", "may create objects beside the record"),
    ],
)
def test_it_does_not_work_with_rights_beyond_appending(
    store: PostgresStore, grant: str, said: str
) -> None:
    store.create().close()
    schema, role = store.database.schema, store.database.application_role
    with psycopg.connect(store.database.owner_dsn) as owner:
        owner.execute(f"GRANT {grant.format(s=schema)} TO {role}".encode())
    with pytest.raises(RecordError, match=said):
        store.open()


def test_it_does_not_work_with_rights_short_of_appending(store: PostgresStore) -> None:
    store.create().close()
    with psycopg.connect(store.database.owner_dsn) as owner:
        owner.execute(
            f"REVOKE INSERT ON {store.database.schema}.guard "
            f"FROM {store.database.application_role}".encode()
        )
    with pytest.raises(RecordError, match="may not read and append to"):
        store.open()


@pytest.mark.requirement("RN4")
@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_it_wants_read_committed(store: PostgresStore, level: str) -> None:
    store.create().close()
    option = level.replace(" ", "%5C%20")
    dsn = f"{store.database.application_dsn}&options=-c%20default_transaction_isolation%3D{option}"
    with pytest.raises(RecordError, match=f"transactions are {level} by default"):
        PostgresLog(dsn, schema=store.database.schema)


def test_it_confirms_only_what_is_on_the_disk(store: PostgresStore) -> None:
    store.create().close()
    dsn = f"{store.database.application_dsn}&options=-c%20synchronous_commit%3Doff"
    with closing(PostgresLog(dsn, schema=store.database.schema)) as log:
        assert log._fetch("SHOW synchronous_commit") == [("on",)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("DROP TRIGGER event_is_append_only ON {s}.event", "trigger event_is_append_only is miss"),
        ("ALTER TABLE {s}.guard DISABLE TRIGGER ALL", "trigger guard_.* was changed or switched"),
        ("ALTER TABLE {s}.event ENABLE TRIGGER event_continues_the_chain", "switched off"),
        (
            "CREATE OR REPLACE FUNCTION {s}.refuse_change() RETURNS trigger LANGUAGE plpgsql "
            "AS 'BEGIN RETURN NULL; END'",
            "function refuse_change was changed",
        ),
        ("CREATE RULE r AS ON INSERT TO {s}.event DO INSTEAD NOTHING", "not a plain, logged table"),
        ("ALTER TABLE {s}.event SET UNLOGGED", "not a plain, logged table"),
        ("ALTER TABLE {s}.event ENABLE ROW LEVEL SECURITY", "not a plain, logged table"),
        ("DROP INDEX {s}.event_of_subject", "index event_of_subject is missing"),
        (
            "ALTER TABLE {s}.event DROP CONSTRAINT event_idempotency_key_key",
            "index event_idempotency_key_key is missing",
        ),
        ("ALTER TABLE {s}.event ALTER body TYPE varchar", "column event.body was changed"),
        ("ALTER TABLE {s}.event ADD COLUMN more text", "column event.more that is not ours"),
        ("DROP TABLE {s}.guard", "table guard is missing"),
    ],
)
@pytest.mark.requirement("VA3", "AT2")
def test_a_record_made_otherwise_is_not_opened(
    store: PostgresStore, change: str, said: str
) -> None:
    with closing(store.create()) as log:
        log.append_many([draft()])
    with psycopg.connect(store.database.owner_dsn, autocommit=True) as owner:
        owner.execute(change.format(s=store.database.schema).encode())
    with pytest.raises(RecordError, match=rf"not as Equipoise made it .*{said}.*equipoise verify"):
        store.open()
    found = store.examine().findings
    assert any(finding.kind == "store" for finding in found)


@pytest.mark.parametrize("schema", ["Trial", "a-b", "a b", "pg_trial", "a" * 64, "", 'a"; DROP'])
def test_a_schema_has_a_plain_name(store: PostgresStore, schema: str) -> None:
    with pytest.raises(RecordError, match="cannot name a schema"):
        PostgresLog(store.database.application_dsn, schema=schema)


def test_the_applications_role_must_exist_and_not_be_the_owners(store: PostgresStore) -> None:
    for role, said in (("nobody", "no role nobody"), ("equipoise_owner", "owns the record")):
        with pytest.raises(RecordError, match=said):
            PostgresLog.create(
                store.database.owner_dsn,
                schema=store.database.schema,
                trial="T1",
                application_role=role,
            )
    store.create().close()


def test_two_trials_do_not_wait_for_each_other(postgres_cluster: Cluster) -> None:
    one, two = (PostgresStore(postgres_cluster.database()) for _ in range(2))
    with closing(one.create()) as first, closing(two.create()) as second:
        with first.transaction() as transaction:
            transaction.append([draft()])
            second.append_many([draft()])
        assert first.head().seq == second.head().seq == 1


def _end_connections(cluster: Cluster, role: str = "equipoise_application") -> None:
    with _superuser(cluster) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [role]
        )


@pytest.mark.requirement("RN4")
def test_a_connection_lost_between_actions_is_opened_again(
    store: PostgresStore, postgres_cluster: Cluster
) -> None:
    with closing(store.create()) as log:
        log.append_many([draft()])
        _end_connections(postgres_cluster)
        assert [event.seq for event in log.append_many([draft(2)])] == [2]
        _end_connections(postgres_cluster)
        assert [event.seq for event in log.read()] == [1, 2]


@pytest.mark.requirement("RN4")
def test_a_connection_lost_within_an_action_writes_nothing(
    store: PostgresStore, postgres_cluster: Cluster
) -> None:
    with closing(store.create()) as log:
        with pytest.raises(RecordError, match="nothing was written"), log.transaction() as lost:
            lost.append([draft(1)])
            _end_connections(postgres_cluster)
            with pytest.raises(RecordError, match="the server cannot be reached, or ended"):
                lost.append([draft(2)])
            with pytest.raises(RecordError, match="is over"):
                lost.append([draft(3)])
        assert log.read() == []
        assert [event.seq for event in log.append_many([draft()])] == [1]


@pytest.mark.requirement("RN4")
def test_a_connection_lost_before_the_commit_writes_nothing(
    store: PostgresStore, postgres_cluster: Cluster
) -> None:
    with closing(store.create()) as log:
        with pytest.raises(RecordError, match="nothing was written"), log.transaction() as lost:
            lost.append([draft(1), draft(2)])
            _end_connections(postgres_cluster)
        assert log.read() == []


class _AnswerLost(PostgresLog):
    """The server commits, and the line breaks before its answer comes."""

    gone = False

    def _commit(self, connection: Connection, written: Any) -> None:
        if not self.gone:
            connection.execute("COMMIT")
            connection.close()
            type(self).gone = True
        super()._commit(connection, written)


@pytest.mark.requirement("RN4")
def test_an_answer_lost_after_the_commit_is_asked_for_again(store: PostgresStore) -> None:
    store.create().close()
    log = _AnswerLost(store.database.application_dsn, schema=store.database.schema)
    with closing(log):
        written = log.append_many([draft(idempotency_key="K"), draft(2)])
        assert log.read() == written
        assert [event.seq for event in log.append_many([draft(3)])] == [3]


@pytest.mark.requirement("RN4")
def test_a_server_that_stops_says_what_is_not_known(postgres_server: Cluster) -> None:
    store = PostgresStore(postgres_server.database())
    with closing(store.create()) as log:
        kept = log.append_many([draft(1), draft(2)])
        unknown = pytest.raises(RecordError, match="repeat it under the same idempotency key")
        with unknown, log.transaction() as transaction:
            transaction.append([draft(3, idempotency_key="K"), draft(4)])
            postgres_server.kill()
        with pytest.raises(RecordError, match="the server cannot be reached"):
            log.read()
        with pytest.raises(RecordError, match="the server cannot be reached"):
            log.append_many([draft(5)])
        postgres_server.start()
        assert log.read() == kept
        with log.transaction() as transaction:
            assert transaction.by_key("K") == []
            transaction.append([draft(3, idempotency_key="K"), draft(4)])
        assert log.head().seq == 4
    assert store.examine().findings == []


def test_a_writer_that_does_nothing_loses_its_turn(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from equipoise.record import postgres_session

    with closing(store.create()) as other:
        monkeypatch.setattr(postgres_session, "LONGEST_TURN", "100ms")
        with closing(store.open()) as idle:
            with pytest.raises(RecordError), idle.transaction() as transaction:
                transaction.append([draft(1)])
                other.append_many([draft(2)])
                transaction.append([draft(3)])
            assert [event.body for event in idle.read()] == [event.body for event in other.read()]
            assert other.head().seq == 1
