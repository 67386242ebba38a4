"""Copy an embedded record that is in use into a new folder, with its keys and a signed head.

The record is copied before its keys: a key is there before the event that needs it. The copy is
verified against the signed head, which is printed, to be kept where the copy is not. A record in
PostgreSQL is backed up by pg_dump of its schema, and then its keys by hand.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `equipoise backup`."""
    parser.add_argument("record", help="the record: a .sqlite3 file, its keys beside it")
    parser.add_argument("--out", type=Path, required=True, help="the folder to make")


def run(arguments: argparse.Namespace) -> int:
    """0 when the copy is whole, 1 when verification finds something."""
    from equipoise.cli.records import verified
    from equipoise.errors import BadInput
    from equipoise.record.anchors import anchor_lines
    from equipoise.record.backup import copied
    from equipoise.record.stores import is_address, keys_of, opened
    from equipoise.workflow.anchor import anchored

    record, folder = Path(arguments.record), arguments.out
    if is_address(arguments.record):
        raise BadInput("a .sqlite3 file; use pg_dump for a schema of PostgreSQL", field="record")
    log, keys = opened(str(record)), keys_of(str(record))
    line = anchor_lines([anchored(log, keys, purpose="backup")])
    log.close()
    keys.close()
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise BadInput("a folder that can be made", field="--out", found=folder) from error
    copy = folder / record.name
    copied(record, copy)
    copied(Path(f"{record}.keys"), Path(f"{copy}.keys"))
    (folder / "anchors.jsonl").write_text(line, encoding="utf-8")
    head, findings = verified(str(copy), anchors=str(folder / "anchors.jsonl"))
    for each in findings:
        print(f"event {each.seq}: {each.kind}: {each.message}")
    print(f"{head.seq} events, head {head.hash}: {'intact' if not findings else 'not intact'}")
    print(line, end="")
    return 1 if findings else 0
