"""Copy a record that is in use into a new folder, with its keys and a signed head.

The record is copied before its keys: a key is there before the event that needs it. An embedded
record has its keys beside it, and the copy is verified against the signed head. A record in
PostgreSQL is dumped by pg_dump for pg_restore; its file of keys is named by --keys. The chain of
logins is copied too where --logins names it. The signed head is printed, to be kept where the copy
is not.
"""

from __future__ import annotations

import argparse
from contextlib import closing
from pathlib import Path


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `equipoise backup`."""
    parser.add_argument("record", help="the record: a .sqlite3 file, or a PostgreSQL address")
    parser.add_argument("--out", type=Path, required=True, help="the folder to make")
    parser.add_argument("--schema", default="equipoise", help="schema of a PostgreSQL record")
    parser.add_argument("--keys", type=Path, help="the file of keys of a PostgreSQL record")
    parser.add_argument("--logins", type=Path, help="the file of the chain of logins")


def run(arguments: argparse.Namespace) -> int:
    """0 when the copy is whole, 1 when verification finds something."""
    from equipoise.errors import BadInput
    from equipoise.record.anchors import anchor_lines
    from equipoise.record.backup import copied
    from equipoise.record.stores import is_address, keys_at, opened
    from equipoise.workflow.anchor import anchored

    record, folder = arguments.record, arguments.out
    in_postgres = is_address(record)
    if in_postgres and arguments.keys is None:
        raise BadInput("the file of keys of a record in PostgreSQL", field="--keys")
    keys_file = arguments.keys or Path(f"{record}.keys")
    with (
        closing(opened(record, schema=arguments.schema)) as log,
        closing(keys_at(keys_file)) as keys,
    ):
        line = anchor_lines([anchored(log, keys, purpose="backup")])
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise BadInput("a folder that can be made", field="--out", found=folder) from error
    copy = folder / ("record.dump" if in_postgres else Path(record).name)
    (folder / "anchors.jsonl").write_text(line, encoding="utf-8")
    found = _of_the_record(record, arguments.schema, copy)
    copied(keys_file, folder / (keys_file.name if in_postgres else f"{copy.name}.keys"))
    if arguments.logins is not None:
        copied(arguments.logins, folder / arguments.logins.name)
    if not in_postgres:
        found = _verified(copy)
    print(line, end="")
    return found


def _of_the_record(record: str, schema: str, copy: Path) -> int:
    from equipoise.record.backup import copied, dumped
    from equipoise.record.stores import is_address

    if is_address(record):
        dumped(record, schema, copy)
        print(f"{copy}: verified when it is restored (docs/how-to/deploy.md)")
    else:
        copied(Path(record), copy)
    return 0


def _verified(copy: Path) -> int:
    from equipoise.cli.records import verified

    head, findings = verified(str(copy), anchors=str(copy.parent / "anchors.jsonl"))
    for each in findings:
        print(f"event {each.seq}: {each.kind}: {each.message}")
    print(f"{head.seq} events, head {head.hash}: {'intact' if not findings else 'not intact'}")
    return 1 if findings else 0
