"""Prove that a record was not changed: hash chain, order, times, guards, and signed heads.

Names the event and what happened to it: altered, missing, reordered, inserted. With --anchors also
a tail that was cut off and a chain that was rewritten whole, by comparing with heads that left the
record signed. With --logins also the chain of logins, by itself and against the heads of it that
the record holds.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from equipoise.record.verify import Examined


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `equipoise verify`."""
    parser.add_argument("record", help="the record: a .sqlite3 file, or a PostgreSQL address")
    parser.add_argument("--schema", default="equipoise", help="schema of a PostgreSQL record")
    parser.add_argument("--anchors", help="file of signed heads that left the record earlier")
    parser.add_argument("--logins", help="the chain of logins: a file, or a PostgreSQL address")
    parser.add_argument("--json", action="store_true", help="findings as JSON")


def run(arguments: argparse.Namespace) -> int:
    """0 when nothing was found, 1 otherwise."""
    from equipoise.cli.records import verified, verified_logins

    record, schema = arguments.record, arguments.schema
    examined = {"events": verified(record, schema=schema, anchors=arguments.anchors)}
    if arguments.logins:
        examined["logins"] = verified_logins(record, arguments.logins, schema=schema)
    if arguments.json:
        print(json.dumps(_told(examined), indent=2))
    else:
        for name, (head, findings) in examined.items():
            for each in findings:
                print(f"{name.removesuffix('s')} {each.seq}: {each.kind}: {each.message}")
            verdict = "intact" if not findings else f"{len(findings)} findings"
            print(f"{head.seq} {name}, head {head.hash}: {verdict}")
    return 1 if any(findings for _, findings in examined.values()) else 0


def _told(examined: Mapping[str, Examined]) -> dict[str, object]:
    """The record's verdict, and beside it that of the logins where they were asked for."""
    told = [
        {
            "seq": head.seq,
            "hash": head.hash,
            "findings": [
                {"seq": each.seq, "kind": each.kind, "message": each.message} for each in findings
            ],
        }
        for head, findings in examined.values()
    ]
    return {**told[0], **({"logins": told[1]} if len(told) > 1 else {})}
