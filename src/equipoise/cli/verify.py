"""Prove that a record was not changed: hash chain, order, times, guards, and signed heads.

Names the event and what happened to it: altered, missing, reordered, inserted. With --anchors also
a tail that was cut off and a chain that was rewritten whole, by comparing with heads that left the
record signed.
"""

from __future__ import annotations

import argparse
import json


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `equipoise verify`."""
    parser.add_argument("record", help="the record: a .sqlite3 file, or a PostgreSQL address")
    parser.add_argument("--schema", default="equipoise", help="schema of a PostgreSQL record")
    parser.add_argument("--anchors", help="file of signed heads that left the record earlier")
    parser.add_argument("--json", action="store_true", help="findings as JSON")


def run(arguments: argparse.Namespace) -> int:
    """0 when nothing was found, 1 otherwise."""
    from equipoise.cli.records import verified

    head, findings = verified(arguments.record, schema=arguments.schema, anchors=arguments.anchors)
    if arguments.json:
        told = [{"seq": each.seq, "kind": each.kind, "message": each.message} for each in findings]
        print(json.dumps({"seq": head.seq, "hash": head.hash, "findings": told}, indent=2))
    else:
        for each in findings:
            print(f"event {each.seq}: {each.kind}: {each.message}")
        verdict = "intact" if not findings else f"{len(findings)} findings"
        print(f"{head.seq} events, head {head.hash}: {verdict}")
    return 1 if findings else 0
