"""An interim look at a record: what is known at the cut, and whether the trial stops."""

from __future__ import annotations

import datetime
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from equipoise.analysis.looks import LookResult
    from equipoise.study.definition import Study


def write_look(
    record: str,
    look: int,
    *,
    cut: datetime.date | None,
    as_of: int | None,
    schema: str,
    anchors: str | None,
    as_json: bool,
    others: Sequence[str | None] = (),
) -> tuple[str, tuple[str, ...]]:
    """Verify a record and look at it; the text to print, and what verification found.

    Raises BadInput without a cut, together with `others` (--compare, --out), or for a look that
    the study does not have.
    """
    from equipoise.analysis.looks import look_result
    from equipoise.cli.reading import BANNER, events_of
    from equipoise.cli.records import verified
    from equipoise.errors import BadInput
    from equipoise.workflow.analysing import derived_up_to

    if cut is None:
        raise BadInput("needs --cut, the date up to which the look reads", field="--look")
    if any(each is not None for each in others):
        raise BadInput("not together with --compare or --out", field="--look")
    events = events_of(record, schema, as_of)
    _, wrong = verified(record, schema=schema, anchors=anchors)
    findings = tuple(f"event {each.seq}: {each.kind}: {each.message}" for each in wrong)
    study, tables = derived_up_to(events, cut)
    found = look_result(tables, study, look, cut=cut)
    rehearsal = json.loads(events[0].body)["mode"] == "rehearsal"
    if as_json:
        if rehearsal:
            print(BANNER, file=sys.stderr)
        told = {"cut": cut.isoformat(), "as_of": events[-1].seq, **asdict(found)}
        return json.dumps(told, ensure_ascii=False, indent=2, allow_nan=False) + "\n", findings
    lines = [BANNER, ""] if rehearsal else []
    lines += _lines(study, found, cut, events[-1].seq)
    return "\n".join(lines) + "\n", findings


def _lines(study: Study, found: LookResult, cut: datetime.date, as_of: int) -> Iterator[str]:
    """The look in words."""
    from equipoise.analysis.subjects import end_point_of
    from equipoise.study.analysis_plan import BinaryEndPoint

    analysis = next(each for each in study.analysis.analyses if each.id == found.analysis)
    binary = isinstance(end_point_of(study.analysis, analysis), BinaryEndPoint)
    yield f"Look {found.look} of {found.looks} at {found.analysis}: {analysis.label.en}"
    yield f"cut {cut}, record up to event {as_of}"
    what = "outcomes are final" if binary else "events"
    share = "" if found.information is None else f"; information {found.information:.3f}"
    yield f"{found.randomised} randomised, {found.known} {what}{share}, planned {found.planned:.3f}"
    groups = zip(found.groups, found.numerators, found.denominators, strict=True)
    yield " v ".join(f"{label} {events}/{of}" for label, events, of in groups)
    if found.p is None or found.z is None:
        yield "The test has no answer yet."
    else:
        yield f"P {found.p:.6f} ({analysis.side.replace('_', '-')}), Z {found.z:.3f}"
    if found.critical is not None:
        yield f"efficacy: Z {found.critical:.3f}, nominal P {found.nominal_p:.6f}"
    if found.monitored is not None:
        yield f"the spending function at this information: Z {found.monitored:.3f}"
    if found.futility is not None:
        yield f"futility: Z {found.futility:.3f}"
    if found.conditional_power is not None:
        yield f"conditional power under the trend of the data: {100 * found.conditional_power:.1f}%"
    yield f"By the limits of the plan: {found.decision}"
