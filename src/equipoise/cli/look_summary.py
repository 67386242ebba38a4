"""Looks at simulated trials on the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from equipoise.report.simulation_rows import Row
    from equipoise.study.definition import Study

LABEL = 50
WIDTH = 96


def look_summary(study: Study, rows: Sequence[Row]) -> Iterator[str]:
    """Each look with its limits and how often it stops, then what the looks change."""
    from equipoise.report.simulation_looks import (
        look_changes,
        look_lines,
        looked_at,
        planned_otherwise,
    )
    from equipoise.report.simulation_rows import said

    analysis = looked_at(study, rows)
    if analysis is None:
        return
    yield ""
    yield f"Interim looks at {analysis.id} (the rows above go on to the end)"
    heads = ("look", "comes at", "Z", "futile Z", "month", "known", "efficacy", "futility")
    yield _columns(heads)
    for each in look_lines(analysis, rows):
        month, _, known, efficacy, futility = each.found
        cells = (each.name, each.comes, each.critical, each.futility, month, known)
        yield _columns((*cells, efficacy, futility))
    yield from textwrap.wrap(
        planned_otherwise(analysis, rows), WIDTH, initial_indent="  ", subsequent_indent="  "
    )
    yield f"  {'':{LABEL - 2}}  {'looks':>8}  {'s.e.':>6}  {'no looks':>8}"
    for one in look_changes(analysis, rows):
        numbers = said(one.with_looks)
        without = "" if one.without is None else said(one.without).value
        yield f"  {one.label:{LABEL - 2}}  {numbers.value:>8}  {numbers.error:>6}  {without:>8}"


def _columns(cells: Sequence[str]) -> str:
    name, comes, *numbers = cells
    widths = (6, 8, 12, 14, 11, 11)
    told = "  ".join(f"{each:>{width}}" for each, width in zip(numbers, widths, strict=True))
    return f"  {name:6}  {comes:12}  {told}"
