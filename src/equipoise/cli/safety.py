"""What is due about harm, and the coding of adverse events.

`due` lists, on a day, the reports about serious adverse events that are due, overdue or were late,
the opinions on cause that are missing, and the adverse events without a code of the study's
dictionary. `code` looks adverse events up in a dictionary that the user gives (MedDRA is licensed,
and no part of this software) and records the codes that it finds.
"""

from __future__ import annotations

import argparse
import datetime
import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from equipoise.record.event import Event
    from equipoise.workflow.safety_worklist import SafetyWorklist


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `equipoise safety`."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    due = verbs.add_parser("due", help="reports, opinions and codes that somebody waits for")
    due.add_argument("record", help="the record: a .sqlite3 file, or a PostgreSQL address")
    due.add_argument("--schema", default="equipoise", help="schema of a PostgreSQL record")
    due.add_argument(
        "--on", metavar="DATE", help="the day; without it the last that has begun at a site"
    )
    due.add_argument("--as-of", metavar="SEQ", type=int, help="read no event after this one")
    due.add_argument("--json", action="store_true", help="print JSON")
    code = verbs.add_parser("code", help="record the codes that a dictionary proposes")
    code.add_argument("record", help="the record: a .sqlite3 file, its keys beside it")
    code.add_argument("--dictionary", required=True, metavar="FILE", help="terms and codes, as CSV")
    code.add_argument("--name", required=True, help="of the dictionary, as the study names it")
    code.add_argument("--version", required=True, help="of the dictionary, as the study names it")
    code.add_argument("--actor", required=True, help="who codes: the name of their account")
    code.add_argument("--role", required=True, help="theirs; it decides whether they may")
    code.add_argument("--organisation", required=True, help="theirs")


def run(arguments: argparse.Namespace) -> int:
    """0 when nothing is overdue, 1 when something is, or when the record does not verify."""
    return _due(arguments) if arguments.verb == "due" else _code(arguments)


def _due(arguments: argparse.Namespace) -> int:
    import sys

    from equipoise.cli.reading import BANNER, day, events_of
    from equipoise.cli.records import verified
    from equipoise.workflow.analysing import study_of
    from equipoise.workflow.safety_worklist import safety_worklist

    asked = day(arguments.on, "--on")
    events = events_of(arguments.record, arguments.schema, arguments.as_of)
    on = asked or day_of_trial(events, datetime.datetime.now(datetime.UTC))
    found = safety_worklist(events, study_of(events), on)
    _, wrong = verified(arguments.record, schema=arguments.schema)
    for each in wrong:
        print(f"event {each.seq}: {each.kind}: {each.message}", file=sys.stderr)
    rehearsal = json.loads(events[0].body)["mode"] == "rehearsal"
    if arguments.json:
        told = {
            "on": on.isoformat(),
            "as_of": events[-1].seq,
            "mode": "rehearsal" if rehearsal else "live",
            **{
                name: json.loads(getattr(found, name).write_json())
                for name in ("reports", "opinions", "uncoded")
            },
        }
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        if rehearsal:
            print(f"{BANNER}\n")
        print("\n".join(_lines(found, events[-1].seq)))
    return int(bool(wrong) or "overdue" in found.reports["state"])


def day_of_trial(events: Sequence[Event], now: datetime.datetime) -> datetime.date:
    """The last day that has begun at one of the sites or in UTC: nothing is shown as due too late
    (decision 0017)."""
    from equipoise.conduct.state import TrialState
    from equipoise.study.load import parse_study

    state = TrialState(parse_study)
    state.fold(events)
    return state.today(None, now)


def _lines(found: SafetyWorklist, seq: int) -> Iterator[str]:
    yield f"On {found.on}, as of event {seq}"
    yield f"\nReports: {len(found.reports)}"
    for row in found.reports.iter_rows(named=True):
        hour = f" {row['due_at']:%H:%M}" if row["due_at"] else ""
        told = f"  {row['state']:<8} {row['due']}{hour}  {row['report'].replace('_', ' '):<27}"
        told += f"{row['subject']} {row['adverse_event']} ({row['term']})"
        if row["done"] is not None and row["state"] == "late":
            told += f", done on {row['done']}"
        yield told + ("" if row["certain"] else ", if the investigator sees a relation")
    yield f"\nOpinions of the investigator that are missing: {len(found.opinions)}"
    for row in found.opinions.iter_rows(named=True):
        told = f"{row['subject']} {row['adverse_event']} ({row['term']})"
        yield f"  {told}, serious, known to the site since {row['aware']}"
    yield f"\nAdverse events without a code of the study's dictionary: {len(found.uncoded)}"
    for row in found.uncoded.iter_rows(named=True):
        other = f", coded in {row['dictionary']}" if row["dictionary"] else ""
        yield f"  {row['subject']} {row['adverse_event']} ({row['term']}){other}"


def _code(arguments: argparse.Namespace) -> int:
    from contextlib import closing

    from equipoise.conduct.conductor import Conductor
    from equipoise.exchange.dictionary import read_dictionary
    from equipoise.record.stores import keys_of, opened
    from equipoise.workflow.coding import coded

    given = read_dictionary(Path(arguments.dictionary), arguments.name, arguments.version)
    with closing(opened(arguments.record)) as log, closing(keys_of(arguments.record)) as keys:
        written = coded(
            Conductor(log, keys),
            given,
            actor=arguments.actor,
            role=arguments.role,
            organisation=arguments.organisation,
        )
    print(f"{len(written)} adverse events coded in {given.name} {given.version}")
    return 0
