"""`equipoise analyse --compare`: two analyses of one record, in words and as JSON."""

from __future__ import annotations

import datetime
import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from equipoise.analysis.comparison import Cause, Reading, ResultChange, SubjectChange
    from equipoise.workflow.analysing import Analysed


def position(
    text: str, cut: datetime.date | None, as_of: int | None
) -> tuple[datetime.date | None, int | None]:
    """The cut and the position that `--compare` names: DATE, @SEQ or DATE@SEQ.

    What it leaves open is as in the analysis that is compared. BadInput for anything else.

    >>> position("2021-06-30@400", None, 812)
    (datetime.date(2021, 6, 30), 400)
    >>> position("@400", datetime.date(2022, 1, 1), None)
    (datetime.date(2022, 1, 1), 400)
    """
    from equipoise.cli.reading import day
    from equipoise.errors import BadInput

    date, at, seq = text.partition("@")
    if not (date or seq) or (at and not (seq.isascii() and seq.isdigit() and len(seq) < 16)):
        raise BadInput(
            "a cut and a position as DATE, @SEQ or DATE@SEQ", field="--compare", found=text
        )
    return (day(date, "--compare") if date else cut), (int(seq) if seq else as_of)


def comparison(before: Analysed, after: Analysed, *, as_json: bool) -> str:
    """What changed from one analysis to the other, in words or as JSON."""
    from equipoise.analysis.comparison import Reading

    in_form = comparison_json if as_json else comparison_text
    return in_form(Reading(*before), Reading(*after))


def comparison_text(earlier: Reading, later: Reading) -> str:
    """What changed in every result, and by which events."""
    from equipoise.analysis.comparison import compared, unchanged

    changes = compared(earlier, later)
    same = unchanged(changes, later)
    lines = [f"From: {_reading(earlier)}", f"To:   {_reading(later)}", ""]
    if not changes:
        told = f"Nothing changed: {_counted(same, 'result')} the same, subject by subject."
        return "\n".join([*lines, told]) + "\n"
    for change in changes:
        lines += [*_change(change), ""]
    if events := [*_events(changes)]:
        lines += ["Events behind the changes, by subject", *events, ""]
    changed = _counted(len(changes), "result")
    lines.append(f"{changed} changed; {same} the same, subject by subject.")
    return "\n".join(lines) + "\n"


def comparison_json(earlier: Reading, later: Reading) -> str:
    """The same as JSON: from, to, and under `changes` each result with its subjects and events.

    `patients` says that they are synthetic, null where they are not.
    """
    from equipoise.analysis.comparison import compared, unchanged
    from equipoise.analysis.result import SYNTHETIC
    from equipoise.record.event import content

    changes = compared(earlier, later)
    rows = []
    for change in changes:
        row = asdict(change)
        row["before"], row["after"] = change.before is not None, change.after is not None
        row["figures"] = {
            name: {"before": before, "after": after}
            for name, (before, after) in change.figures.items()
        }
        for subject, found in zip(row["subjects"], change.subjects, strict=True):
            subject["changed"] = found.changed
        rows.append(row)
    mode = content(later.events[min(later.events)])["mode"]
    whole = {
        "patients": SYNTHETIC if mode == "rehearsal" else None,
        "from": _facts(earlier),
        "to": _facts(later),
        "unchanged": unchanged(changes, later),
        "changes": rows,
    }
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"


def _facts(reading: Reading) -> dict[str, Any]:
    return {
        "as_of": max(reading.events),
        "cut": reading.cut.isoformat() if reading.cut else None,
        "study_version": reading.study.version,
    }


def _reading(reading: Reading) -> str:
    facts = _facts(reading)
    cut = f"cut {facts['cut']}" if facts["cut"] else "no data cut"
    return f"as of event {facts['as_of']}, {cut}, study version {facts['study_version']}"


def _change(change: ResultChange) -> Iterator[str]:
    yield f"{change.analysis}: {change.label}"
    if change.before is None or change.after is None:
        only = "the later" if change.before is None else "the earlier"
        yield f"  only {only} analysis has a result for {' v '.join(change.groups)}"
        return
    pairs = zip(change.groups, _counts(change.before), _counts(change.after), strict=True)
    for group, before, after in pairs:
        yield f"  {group}: {_moved(before, after)}"
    for name, (before, after) in change.figures.items():
        if name not in ("numerators", "denominators"):
            yield f"  {'P' if name == 'p' else name}: {_moved(_number(before), _number(after))}"
    if not change.figures:
        yield "  the figures are the same"
    for subject in change.subjects:
        if subject.changed:
            yield from _subject(subject)
    quiet = [each for each in change.subjects if not each.changed]
    if quiet:
        events = len({cause.seq for each in quiet for cause in each.events})
        yield (
            f"  {_counted(len(quiet), 'more subject')} with the same value by other events "
            f"({events}; --json lists them)"
        )


def _subject(change: SubjectChange) -> Iterator[str]:
    text = f"{change.subject} ({change.group}): {_moved(change.before, change.after)}; "
    if change.events:
        seqs = ", ".join(str(cause.seq) for cause in change.events)
        text += f"by event{'' if len(change.events) == 1 else 's'} {seqs}"
    else:
        text += "by no event: by the cut itself, or by the version of the study"
    yield from textwrap.wrap(text, 98, initial_indent="  ", subsequent_indent="    ")


def _events(changes: Sequence[ResultChange]) -> Iterator[str]:
    """Each event that is named above once, under its subject."""
    found: dict[str, dict[int, Cause]] = {}
    for change in changes:
        for subject in change.subjects:
            if subject.changed:
                causes = {cause.seq: cause for cause in subject.events}
                found.setdefault(subject.subject, {}).update(causes)
    for name, causes in sorted(found.items()):
        if causes:
            yield f"  {name}"
            yield from (f"    {_cause(causes[seq])}" for seq in sorted(causes))


def _cause(cause: Cause) -> str:
    when = cause.occurred or f"recorded {cause.recorded[:10]}"
    text = f"event {cause.seq} {cause.type}, {when}: {cause.why}"
    if cause.corrects is not None:
        of = cause.corrects
        dated = f", {of.occurred}" if of.occurred else ""
        text += f"; event {of.event} {of.type}{dated}: {of.item} {_moved(of.old, of.new)}"
    return text


def _counts(result: Any) -> Sequence[str]:
    return [f"{x}/{n}" for x, n in zip(result.numerators, result.denominators, strict=True)]


def _moved(before: str | None, after: str | None) -> str:
    first, last = (each if each is not None else "none" for each in (before, after))
    return first if first == last else f"{first} → {last}"


def _number(value: object) -> str | None:
    return f"{value:.4g}" if isinstance(value, float) else value if isinstance(value, str) else None


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
