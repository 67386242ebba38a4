"""What a record is made of in PostgreSQL, and whether a schema still is that.

Every statement names its schema, and the search path holds `pg_catalog` alone: nobody can slip an
object of the same name in between.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from equipoise.errors import RecordError
from equipoise.record.log import GENESIS

FORMAT: Final = 1
"""Version of the tables; a schema of another version is not opened."""

Fetch = Callable[[str, Sequence[object]], list[tuple[Any, ...]]]
"""Asks the database: a query with %s for values, and the values; the rows."""

_COLUMNS: Final = {
    "meta": {"key": "text NOT NULL", "value": "text NOT NULL"},
    "event": {
        "seq": "bigint NOT NULL",
        "trial": "text NOT NULL",
        "type": "text NOT NULL",
        "type_version": "integer NOT NULL",
        "subject": "text",
        "site": "text",
        "occurred": "text",
        "recorded": "text NOT NULL",
        "offset": "integer NOT NULL",
        "actor": "text NOT NULL",
        "role": "text NOT NULL",
        "organisation": "text NOT NULL",
        "reason": "text",
        "cause": "text",
        "study_version": "text NOT NULL",
        "release": "text NOT NULL",
        "idempotency_key": "text",
        "body": "text NOT NULL",
        "prev": "text NOT NULL",
        "hash": "text NOT NULL",
    },
    "guard": {"name": "text NOT NULL", "seq": "bigint NOT NULL"},
}

_CHECKS: Final = {
    "meta": "PRIMARY KEY (key)",
    "event": r"""PRIMARY KEY (seq), UNIQUE (idempotency_key),
  CHECK (seq >= 1 AND type_version >= 1 AND abs("offset") < 24 * 60),
  CHECK (type <> '' AND actor <> '' AND role <> '' AND organisation <> ''),
  CHECK (length(occurred) IN (4, 7, 10)),
  CHECK (recorded ~ '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$'),
  CHECK (left(body, 1) = '{' AND length(prev) = 64 AND length(hash) = 64)""",
    "guard": "PRIMARY KEY (name), CHECK (name <> '')",
}

_INDEXES: Final = {
    "meta_pkey": True,
    "event_pkey": True,
    "event_idempotency_key_key": True,
    "event_of_subject": False,
    "event_of_type": False,
    "guard_pkey": True,
}
"""Every index, and whether it admits a value once."""

_FUNCTIONS: Final = {
    "refuse_change": """
BEGIN
  RAISE EXCEPTION 'the record is append-only: % of % is refused', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END """,
    "continue_chain": f"""
DECLARE
  last record;
BEGIN
  SELECT seq, hash, recorded INTO last FROM SCHEMA.event ORDER BY seq DESC LIMIT 1;
  IF NEW.seq IS DISTINCT FROM coalesce(last.seq, 0) + 1
    OR NEW.prev IS DISTINCT FROM coalesce(last.hash, '{GENESIS}')
    OR NEW.recorded COLLATE "C" < coalesce(last.recorded, '') COLLATE "C"
    OR NEW.trial IS DISTINCT FROM (SELECT value FROM SCHEMA.meta WHERE key = 'trial')
  THEN
    RAISE EXCEPTION 'the event does not continue the record'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END """,
    "follow_event": """
BEGIN
  IF NOT EXISTS (SELECT 1 FROM SCHEMA.event WHERE seq = NEW.seq) THEN
    RAISE EXCEPTION 'the event of the guard does not exist'
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END """,
}

# As PostgreSQL itself writes them out, so that they can be compared.
_TRIGGERS: Final = {
    **{
        f"{table}_is_append_only": (
            f"{event} OR TRUNCATE ON SCHEMA.{table} FOR EACH STATEMENT",
            "refuse_change",
        )
        for table, event in (
            ("meta", "INSERT OR DELETE OR UPDATE"),
            ("event", "DELETE OR UPDATE"),
            ("guard", "DELETE OR UPDATE"),
        )
    },
    "event_continues_the_chain": ("INSERT ON SCHEMA.event FOR EACH ROW", "continue_chain"),
    "guard_follows_its_event": ("INSERT ON SCHEMA.guard FOR EACH ROW", "follow_event"),
}


def check_name(schema: str) -> None:
    """RecordError unless `schema` is a plain name, which needs no quotes anywhere."""
    if not re.fullmatch(r"(?!pg_)[a-z_][a-z0-9_]{0,62}", schema):
        raise RecordError(
            f"{schema!r} cannot name a schema: small letters, digits and _ , not beginning with pg_"
        )


def creation(schema: str) -> Iterator[str]:
    """The statements that make an empty record, to be followed by what `meta` says; see `closing`.

    `meta` takes its rows before `closing` makes it refuse them.
    """
    yield f"CREATE SCHEMA {schema}"
    for table, columns in _COLUMNS.items():
        declared = ", ".join(
            f'"{name}" ' + kind.replace("text", 'text COLLATE "C"')
            for name, kind in columns.items()
        )
        yield f"CREATE TABLE {schema}.{table} ({declared}, {_CHECKS[table]})"
    yield f"CREATE INDEX event_of_subject ON {schema}.event (subject, seq)"
    yield f"CREATE INDEX event_of_type ON {schema}.event (type, seq)"
    for name, text in _FUNCTIONS.items():
        yield (
            f"CREATE FUNCTION {schema}.{name}() RETURNS trigger LANGUAGE plpgsql "
            f"SET search_path = pg_catalog AS $body${_in(schema, text)}$body$"
        )


def closing(schema: str) -> Iterator[str]:
    """The statements that make the record append-only, for its owner too."""
    for name, definition in _definitions(schema).items():
        yield definition
        table = name.partition("_")[0]
        yield f"ALTER TABLE {schema}.{table} ENABLE ALWAYS TRIGGER {name}"


def grants(schema: str, role: str) -> Iterator[str]:
    """The statements that let `role`, an identifier in quotes, read and append, and no more."""
    yield f"GRANT USAGE ON SCHEMA {schema} TO {role}"
    yield f"GRANT SELECT, INSERT ON {schema}.event, {schema}.guard TO {role}"
    yield f"GRANT SELECT ON {schema}.meta TO {role}"


def _in(schema: str, text: str) -> str:
    return text.replace("SCHEMA.", f"{schema}.")


def _definitions(schema: str) -> dict[str, str]:
    return {
        name: f"CREATE TRIGGER {name} BEFORE {_in(schema, when)} "
        f"EXECUTE FUNCTION {schema}.{function}()"
        for name, (when, function) in _TRIGGERS.items()
    }


def differences(fetch: Fetch, schema: str) -> list[str]:
    """How tables, indexes, triggers and functions differ from those the record was made with.

    `fetch` must look at `pg_catalog` alone (search_path).
    """
    tables = {
        name: (oid, ok)
        for oid, name, ok in fetch(
            "SELECT oid, relname, relkind = 'r' AND relpersistence = 'p' AND NOT relhasrules "
            "AND NOT relrowsecurity AND NOT relhassubclass FROM pg_class "
            "WHERE relnamespace = to_regnamespace(%s) AND relkind IN ('r', 'p', 'v', 'm', 'f')",
            [schema],
        )
    }
    absent = [f"its table {name} is missing" for name in _COLUMNS if name not in tables]
    if absent:
        return absent
    found = [
        f"its table {name} is not a plain, logged table any more"
        for name in _COLUMNS
        if not tables[name][1]
    ]
    oids = [tables[name][0] for name in _COLUMNS]
    found += _compared("column", _present_columns(fetch, oids), _expected_columns())
    found += _compared("index", _present_indexes(fetch, oids), dict(_INDEXES))
    expected = {name: (text, "A") for name, text in _definitions(schema).items()}
    found += _compared("trigger", _present_triggers(fetch, oids), expected)
    sources = {name: _in(schema, text) for name, text in _FUNCTIONS.items()}
    found += _compared("function", _present_functions(fetch, schema), sources)
    return found


def rights_beyond(fetch: Fetch, schema: str) -> list[str]:
    """Who was given more on the record's tables than to read and to append."""
    given = fetch(
        "SELECT coalesce(rolname, 'everybody'), privilege_type, relname FROM pg_class AS c, "
        "aclexplode(c.relacl) AS a LEFT JOIN pg_roles AS r ON r.oid = a.grantee "
        "WHERE relnamespace = to_regnamespace(%s) AND a.grantee <> c.relowner "
        "AND privilege_type NOT IN ('SELECT', 'INSERT')",
        [schema],
    )
    return [f"{role} was given {right} on its table {table}" for role, right, table in given]


def _compared(what: str, present: dict[str, Any], expected: dict[str, Any]) -> Iterator[str]:
    for name, made in expected.items():
        if name not in present:
            yield f"its {what} {name} is missing"
        elif present[name] != made:
            yield f"its {what} {name} was changed or switched off"
    for name in present:
        if name not in expected:
            yield f"it has a {what} {name} that is not ours"


def _expected_columns() -> dict[str, str]:
    return {
        f"{table}.{name}": kind
        for table, columns in _COLUMNS.items()
        for name, kind in columns.items()
    }


def _present_columns(fetch: Fetch, oids: Sequence[int]) -> dict[str, str]:
    rows = fetch(
        "SELECT relname || '.' || attname, format_type(atttypid, atttypmod) || "
        "CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END FROM pg_attribute "
        "JOIN pg_class ON pg_class.oid = attrelid "
        "WHERE attrelid = ANY(%s) AND attnum > 0 AND NOT attisdropped",
        [oids],
    )
    return dict(rows)


def _present_indexes(fetch: Fetch, oids: Sequence[int]) -> dict[str, bool]:
    rows = fetch(
        "SELECT relname, indisunique AND indisvalid FROM pg_index "
        "JOIN pg_class ON pg_class.oid = indexrelid WHERE indrelid = ANY(%s)",
        [oids],
    )
    return dict(rows)


def _present_triggers(fetch: Fetch, oids: Sequence[int]) -> dict[str, tuple[str, str]]:
    rows = fetch(
        "SELECT tgname, pg_get_triggerdef(oid), tgenabled::text FROM pg_trigger "
        "WHERE tgrelid = ANY(%s) AND NOT tgisinternal",
        [oids],
    )
    return {name: (definition, enabled) for name, definition, enabled in rows}


def _present_functions(fetch: Fetch, schema: str) -> dict[str, str]:
    rows = fetch(
        "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = to_regnamespace(%s)", [schema]
    )
    return dict(rows)


def role_problems(fetch: Fetch, schema: str) -> list[str]:
    """Why the connected role may not serve as the application; empty when it may."""
    ((role, superuser, owner, creator),) = fetch(
        "SELECT current_user::text, rolsuper, (SELECT bool_or(pg_has_role(relowner, 'MEMBER')) "
        "FROM pg_class WHERE relnamespace = to_regnamespace(%s)), "
        "has_schema_privilege(%s, 'CREATE') FROM pg_roles WHERE rolname = current_user",
        [schema, schema],
    )
    found = []
    if superuser:
        found.append(f"the role {role} is a superuser, whom no protection stops")
    if owner:
        found.append(f"the role {role} owns the record, or may act as its owner")
    elif creator:
        found.append(f"the role {role} may create objects beside the record")
    for table in ("event", "guard"):
        ((may, changes),) = fetch(
            "SELECT has_table_privilege(%s, 'SELECT') AND has_table_privilege(%s, 'INSERT'), "
            "has_any_column_privilege(%s, 'UPDATE') OR has_table_privilege(%s, 'DELETE, TRUNCATE')",
            [f"{schema}.{table}"] * 4,
        )
        if not may:
            found.append(f"the role {role} may not read and append to {schema}.{table}")
        if changes and not (superuser or owner):
            found.append(f"the role {role} may change or delete rows of {schema}.{table}")
    return found


def server_problems(fetch: Fetch) -> list[str]:
    """Settings of server or connection under which an appended event could be lost or misplaced."""
    ((isolation, fsync, full_pages, encoding),) = fetch(
        "SELECT current_setting('default_transaction_isolation'), current_setting('fsync'), "
        "current_setting('full_page_writes'), current_setting('server_encoding')",
        [],
    )
    found = []
    if isolation != "read committed":
        found.append(f"transactions are {isolation} by default; READ COMMITTED is needed")
    if (fsync, full_pages) != ("on", "on"):
        found.append("fsync or full_page_writes is off: a power cut would lose what was recorded")
    if encoding != "UTF8":
        found.append(f"the database is encoded as {encoding}; UTF8 is needed")
    return found
