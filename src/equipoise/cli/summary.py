"""The results of a trial on the terminal: what a statistician reads first."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from equipoise.analysis.result import Result
    from equipoise.report.findings import ResultView
    from equipoise.report.provenance import RecordFacts
    from equipoise.study.definition import Study

WIDTH = 96


def summary(
    study: Study,
    results: list[Result],
    facts: RecordFacts,
    counts: str,
    contradicted: Sequence[str],
) -> str:
    """Who was analysed, then the analyses by their role; sensitivity analyses in a line each."""
    from equipoise.cli.reading import BANNER
    from equipoise.report.findings import result_views, shorter
    from equipoise.report.sections import analysis_sections

    lines = [BANNER, ""] if facts.mode == "rehearsal" else []
    lines += _loud(contradicted) if contradicted else []
    when = f"cut {facts.cut.isoformat()}" if facts.cut else "no data cut"
    lines.append(f"{shorter(study)}, version {study.version}: as of event {facts.as_of}, {when}")
    lines.append(counts)
    views = result_views(study, results, [""] * len(results))
    for section in analysis_sections(study.analysis, views):
        if section.about:
            lines += ["", section.heading]
        for block in section.blocks:
            lines += _compact(block) if section.about else _whole(section.heading, block)
    if not contradicted:
        checked = f"{len(results)} results"
        lines += ["", f"No contradiction of estimate, interval, P and counts: {checked}"]
    return "\n".join(lines) + "\n"


def _whole(heading: str, block: list[ResultView]) -> list[str]:
    """An analysis with its method, a line for each group, and what compares them."""
    first = block[0]
    lines = ["", f"{heading}: {first.label}", *_flags(first), *_wrapped(first.result.method)]
    width = max(len(group.label) for row in block for group in row.groups)
    for row in block:
        single = f"   {row.in_words}" if len(row.groups) == 1 else ""
        lines += [
            f"  {group.label:{width}}  {group.count:>7}  {group.share:>6}{single}"
            for group in row.groups
        ]
        if len(row.groups) > 1:
            lines += _wrapped("; ".join(_contrast(row)))
    return lines + (_wrapped(first.claim) if first.claim else [])


def _compact(block: list[ResultView]) -> list[str]:
    """An analysis by its title and one line: counts of each group, estimate, P, flags."""
    from equipoise.report.claims import predictive

    first = block[0]
    if all(len(row.groups) == 1 for row in block):
        parts = [f"{_groups(row, '')}, {row.in_words}" for row in block]
    else:
        parts = [_groups(first, " v " if len(first.groups) == 2 else ", "), *_contrast(first)]
    marked = f" [{'; '.join(first.flags)}]" if first.flags else ""
    lines = [*_wrapped(first.label, 2), *_wrapped("; ".join(parts) + marked, 4)]
    return lines + (_wrapped(first.claim, 4) if predictive(first.analysis) else [])


def _groups(row: ResultView, between: str) -> str:
    return between.join(f"{group.label} {group.count}" for group in row.groups)


def _contrast(row: ResultView) -> list[str]:
    """Estimate with its interval, P, and what could not be given."""
    given = row.kind_in_words and (row.result.estimate is not None or not row.why)
    shown = [f"{row.kind_in_words} {row.in_words}"] if given else []
    if row.result.estimate is None and row.interval:
        shown = [f"{row.kind_in_words}: no finite estimate ({row.interval})"]
    if row.result.p is not None:
        p = row.p.text
        shown.append(f"P {p}" if p.startswith("<") else f"P = {p}")
    return shown + ([row.why] if row.why else [])


def _flags(row: ResultView) -> Iterator[str]:
    yield from (f"  [{flag}]" for flag in row.flags)


def _loud(contradicted: Sequence[str]) -> list[str]:
    """What stands above everything else when results contradict themselves."""
    head = f"CONTRADICTION: {len(contradicted)} in the results; do not use them"
    return [head, *(line for each in contradicted for line in _wrapped(each)), ""]


def _wrapped(text: str, indent: int = 2) -> list[str]:
    """Lines of the width of a terminal, none broken at a hyphen."""
    begin = " " * indent
    return textwrap.wrap(
        text, WIDTH, initial_indent=begin, subsequent_indent=begin, break_on_hyphens=False
    )
