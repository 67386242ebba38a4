"""List what was entered after an outage of what happened during it, each with its reason.

An outage is declared by the data manager once it is over (OutageDeclared). From then on whatever
is entered of its days needs a reason, and stands in this list.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `equipoise outage`."""
    parser.add_argument("record", help="the record: a .sqlite3 file, or a PostgreSQL address")
    parser.add_argument("--schema", default="equipoise", help="schema of a PostgreSQL record")
    parser.add_argument("--json", action="store_true", help="the list as JSON")


def run(arguments: argparse.Namespace) -> int:
    """0."""
    from equipoise.record.stores import opened
    from equipoise.workflow.back_entry import back_entries

    log = opened(arguments.record, schema=arguments.schema)
    found = back_entries(log)
    log.close()
    if arguments.json:
        print(json.dumps([asdict(each) for each in found], indent=2, ensure_ascii=False))
        return 0
    for each in found:
        print(
            f"event {each.seq}: {each.type} of {each.occurred}, subject {each.subject}, recorded "
            f"{each.recorded} by {each.actor}; outage of event {each.outage}; reason: {each.reason}"
        )
    print(f"{len(found)} back-entries")
    return 0
