"""Scenarios side by side: what better assays would buy, and the points of a grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from equipoise.report.layout import Heading, Table, words
from equipoise.report.layout import Row as TableRow
from equipoise.report.simulation_figures import (
    Interval,
    Series,
    grid_figure,
    interval_figure,
)
from equipoise.report.simulation_rows import (
    DIFFERENCE,
    REJECTION,
    Row,
    deciding_subject,
    field_columns,
    of_measures,
    said,
    with_error,
)
from equipoise.report.simulation_tables import by_role
from equipoise.report.wording import NOT_GIVEN
from equipoise.study.definition import Study

MOST_LINES = 6
"""Lines that a figure of a grid can hold and be read."""


def difference(rows: Sequence[Row], code: str | None) -> Row | None:
    """The paired difference of an analysis in one scenario, None for the first scenario."""
    return next((row for row in of_measures(rows, [DIFFERENCE]) if row["subject"] == code), None)


def assay_section(
    study: Study, assays: Sequence[Sequence[Row]], code: str | None
) -> dict[str, Any] | None:
    """What better assays would buy: the leading analysis as a figure, all of them as a table."""
    if len(assays) < 2 or code is None:
        return None
    leading = next(row for row in of_measures(assays[0], REJECTION) if row["subject"] == code)
    lines = [
        Interval(
            rows[0]["scenario_label"], row["estimate"], row["lower"], row["upper"],
            f"{said(row).value} ({said(row).limits})",
        )
        for rows in assays[1:]
        if (row := difference(rows, code)) is not None
    ]  # fmt: skip
    kind = REJECTION[leading["measure"]]
    figure = interval_figure(
        "assay-figure", f"What better assays would change: {leading['label']}", lines,
        across=f"Change of {_lower(kind)}, percentage points",
        heading="Points and 95% limits", lines=(0.0,), unit="",
    )  # fmt: skip
    return {
        "label": leading["label"],
        "figure": Markup(figure),
        "table": _assays(study, assays),
        "trial": _trial(assays),
    }


def _assays(study: Study, assays: Sequence[Sequence[Row]]) -> Table:
    found = []
    for title, tested in by_role(study, of_measures(assays[0], REJECTION)):
        found.append(TableRow(title, kind="group"))
        for each in tested:
            cells = [said(each).value]
            for rows in assays[1:]:
                row = difference(rows, each["subject"])
                cells.append(NOT_GIVEN if row is None else with_error(row))
            mark = "" if each["measure"] == "power" else " (type I error)"
            found.append(TableRow(each["label"] + mark, words(*cells), kind="level"))
    return Table(
        "Rejected with the assay as the scenario says, and the change with better ones in "
        "percentage points, ± paired Monte-Carlo standard error",
        "Analysis", [_heads(assays)], found,
    )  # fmt: skip


def _trial(assays: Sequence[Sequence[Row]]) -> Table:
    """What is measured of the trial as a whole, with each assay."""
    whole = [{row["measure"]: row for row in rows if row["subject"] == ""} for rows in assays]
    found = [
        TableRow(row["label"], words(*(with_error(by[measure]) for by in whole)))
        for measure, row in whole[0].items()
    ]
    caption = "The trial with each assay, ± Monte-Carlo standard error"
    return Table(caption, "Of each trial", [_heads(assays)], found)


def _heads(assays: Sequence[Sequence[Row]]) -> list[Heading]:
    heads = ["as stated", *(rows[0]["scenario_label"] for rows in assays[1:])]
    return [Heading(head[:1].upper() + head[1:]) for head in heads]


def _lower(title: str) -> str:
    """A title inside a sentence."""
    return title[:1].lower() + title[1:]


def grid_section(
    grid: Sequence[Sequence[Row]], names: Mapping[str, str], code: str | None
) -> dict[str, Any] | None:
    """The points of a grid: a figure where a field is a number, and a table."""
    points = [
        (rows[0]["fields"], row, difference(rows, row["subject"]))
        for rows in grid
        for row in of_measures(rows, REJECTION)
        if row["subject"] == deciding_subject(rows, code)
    ]
    if not points:
        return None
    fields, label = field_columns(grid), points[0][1]["label"]
    found = []
    for number, (values, row, paired) in enumerate(points, start=1):
        cells = [_shown(values.get(path)) for path in fields]
        cells += [REJECTION[row["measure"]], said(row).value, said(row).limits]
        cells.append(NOT_GIVEN if paired is None else with_error(paired))
        found.append(TableRow(str(number), words(*cells)))
    heads = [*(names[path] for path in fields), "Kind", "Rejected", "95% limits", "v as stated"]
    return {
        "label": label,
        "figure": _lines(fields, names, points, label),
        "paths": [(names[path], path) for path in fields],
        "table": Table(
            f"{label}: how often its null hypothesis is rejected, point by point",
            "Point", [[Heading(head) for head in heads]], found,
        ),
    }  # fmt: skip


def _lines(
    fields: Sequence[str],
    names: Mapping[str, str],
    points: Sequence[tuple[Mapping[str, Any], Row, Row | None]],
    label: str,
) -> Markup:
    """Lines over the field with the most numbers, one for each combination of the others."""
    numeric = {
        path: numbers
        for path in fields
        if (numbers := _numbers([values.get(path) for values, _, _ in points])) is not None
    }
    if not numeric:
        return Markup()
    along = max(numeric, key=lambda path: len(set(numeric[path])))
    lines: dict[str, list[tuple[float, float, float, float]]] = {}
    for place, (values, row, _) in enumerate(points):
        others = ", ".join(
            f"{names[path]} {_shown(values.get(path))}" for path in fields if path != along
        )
        point = (numeric[along][place], row["estimate"], row["lower"], row["upper"])
        lines.setdefault(others or label, []).append(point)
    if len(lines) > MOST_LINES or max(len(each) for each in lines.values()) < 2:
        return Markup()
    series = [Series(name, sorted(each)) for name, each in lines.items()]
    title = f"{label}: rejection over {names[along]}"
    upward = "Trials in which the null hypothesis is rejected"
    return Markup(grid_figure("grid-figure", title, series, along=names[along], upward=upward))


def _numbers(values: Sequence[object]) -> list[float] | None:
    try:
        return [float(str(value)) for value in values]
    except ValueError:
        return None


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_shown(item) for item in value)
    return NOT_GIVEN if value is None else str(value)
