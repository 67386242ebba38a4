"""Run the analysis plan on a record, and report.

Two times are named: --as-of is a position in the record (what was known), --cut a date (what had
happened). Prints a summary, or with --json the results; with --out also writes results.json and
report.html. Whether estimate, interval and P of every result agree is checked each time.

--look prints a look at the analysis that has interim looks instead: what is known at the cut, the
limits of the plan, and whether the trial stops.

--compare names another cut and position (DATE, @SEQ or DATE@SEQ; what it leaves open is as in this
analysis), and prints what changed since then in every result, and by which events.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from equipoise.report.provenance import AnchoredHead


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `equipoise analyse`."""
    parser.add_argument("record", help="the record: a .sqlite3 file, or a PostgreSQL address")
    parser.add_argument("--schema", default="equipoise", help="schema of a PostgreSQL record")
    parser.add_argument("--cut", metavar="DATE", help="data cut: leave out what occurred later")
    parser.add_argument("--as-of", metavar="SEQ", type=int, help="read no event after this one")
    parser.add_argument(
        "--compare", metavar="DATE@SEQ", help="print what changed since this cut or position"
    )
    parser.add_argument("--look", metavar="N", type=int, help="the interim look N, at --cut")
    parser.add_argument("--anchors", help="file of signed heads to verify the record against")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--out", metavar="DIR", help="folder for results.json and report.html")


def run(arguments: argparse.Namespace) -> int:
    """0 when done, 1 when the record does not verify or a result contradicts itself."""
    from equipoise.cli.compared import position
    from equipoise.cli.reading import day

    cut, as_of = day(arguments.cut, "--cut"), arguments.as_of
    asked = arguments.compare
    if arguments.look is not None:
        from equipoise.cli.look import write_look

        return told(
            *write_look(
                arguments.record, arguments.look, cut=cut, as_of=as_of, schema=arguments.schema,
                anchors=arguments.anchors, as_json=arguments.json,
                others=(asked, arguments.out),
            )
        )  # fmt: skip
    text, findings = write_analysis(
        arguments.record,
        out=None if arguments.out is None else Path(arguments.out),
        as_json=arguments.json,
        cut=cut,
        as_of=as_of,
        against=None if asked is None else position(asked, cut, as_of),
        schema=arguments.schema,
        anchors=arguments.anchors,
    )
    return told(text, findings)


def told(text: str, findings: Sequence[str]) -> int:
    """Print an analysis, and what was found wrong on standard error; the exit code."""
    print(text, end="")
    for finding in findings:
        print(finding, file=sys.stderr)
    return 1 if findings else 0


def write_analysis(
    record: str,
    *,
    out: Path | None = None,
    as_json: bool = False,
    cut: datetime.date | None = None,
    as_of: int | None = None,
    against: tuple[datetime.date | None, int | None] | None = None,
    schema: str = "equipoise",
    anchors: str | None = None,
) -> tuple[str, tuple[str, ...]]:
    """Verify and analyse a record; the text to print (a summary, or the results as JSON), and what
    verification and the check of the results found.

    With `against`, a cut and a position, the text is what changed since that analysis. Writes
    results.json and report.html into `out` where it is given. Raises BadInput for a position that
    the record does not have, RecordError for a record without a study.
    """
    from equipoise.analysis.result import results_json, synthetic
    from equipoise.analysis.result_claim import contradictions
    from equipoise.cli.compared import comparison
    from equipoise.cli.reading import BANNER, events_of
    from equipoise.cli.records import verified
    from equipoise.cli.summary import summary
    from equipoise.workflow.analysing import analysed, facts_of

    events = events_of(record, schema, as_of)
    _, wrong = verified(record, schema=schema, anchors=anchors)
    findings = tuple(f"event {each.seq}: {each.kind}: {each.message}" for each in wrong)
    now = analysed(events, cut)
    study, derived, results = now.study, now.tables, now.results
    facts = facts_of(events, cut, findings, _heads(anchors))
    contradicted = contradictions(results)
    findings += tuple(f"CONTRADICTION in the results: {each}" for each in contradicted)
    rehearsal = facts.mode == "rehearsal"
    written = results_json(synthetic(results) if rehearsal else results)
    if out is not None:
        from equipoise.report.provenance import events_summary
        from equipoise.report.report import report

        page = report(study, derived, results, events_summary(events), facts, contradicted)
        out.mkdir(parents=True, exist_ok=True)
        (out / "results.json").write_text(written, encoding="utf-8")
        (out / "report.html").write_text(page, encoding="utf-8")
    if as_json and rehearsal:
        print(BANNER, file=sys.stderr)
    if against is not None:
        earlier = events_of(record, schema, against[1], option="--compare")
        text = comparison(analysed(earlier, against[0]), now, as_json=as_json)
        return (f"{BANNER}\n\n" if rehearsal and not as_json else "") + text, findings
    if as_json:
        return written, findings
    people = derived["disposition"]
    counts = f"{len(people)} screened, {len(derived['allocation'])} randomised, "
    counts += f"{people['first_dose'].count()} treated"
    return summary(study, results, facts, counts, contradicted), findings


def _heads(anchors: str | None) -> tuple[AnchoredHead, ...]:
    """The heads in a file of anchors, as the report names them."""
    from equipoise.record.anchors import read_anchors
    from equipoise.report.provenance import AnchoredHead

    text = "" if anchors is None else Path(anchors).read_text("utf-8")
    return tuple(
        AnchoredHead(each.seq, each.hash, each.recorded, each.purpose)
        for each in read_anchors(text, where=anchors or "anchors")
    )
