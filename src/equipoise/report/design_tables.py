"""Exhibits of a design as tables of its page: names of columns, and how each value is written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from equipoise.analysis.exhibit import Exhibit, Value
from equipoise.report.layout import Heading, Table, words
from equipoise.report.layout import Row as TableRow
from equipoise.report.wording import NOT_GIVEN, plain

HEADS: Mapping[str, str] = {
    "as_randomised": "As randomised",
    "cost": "Cost, points",
    "early_stop": "Early stop",
    "error": "Error",
    "exact_power": "Exact power",
    "expected": "Expected size",
    "fisher": "Fisher",
    "first": "First group",
    "in_group": "In a group",
    "months": "Months",
    "needed_evaluable": "Evaluable needed",
    "needed_months": "Months needed",
    "needed_randomised": "Randomised needed",
    "needed_screened": "Screened needed",
    "p0": "Control rate",
    "p1": "Rate",
    "second": "Second group",
    "z_pooled": "Z pooled",
    "z_unpooled": "Wald",
}
"""Headings that are not the name of the column in words."""

SHARES = {
    "chi_square", "chi_square_corrected", "control_rate", "early_stop", "error", "exact_power",
    "false_status", "first_rate", "fisher", "greatest_error", "in_everybody", "in_status",
    "interaction", "no_status", "p0", "p1", "power", "power_after_loss", "prevalence",
    "second_rate", "sized_comparison", "status_alone", "stopped", "wanted_power", "z_pooled",
    "z_unpooled",
}  # fmt: skip
"""Columns of probabilities, written in per cent; so are `as_STATUS` and `arms_in_STATUS`."""


def exhibit_table(exhibit: Exhibit, *, without: Sequence[str] = ()) -> Table:
    """The exhibit as a table; its first column heads the rows, an error stands beside its value."""
    corner, *names = [name for name in exhibit.columns if name not in without]
    names = [name for name in names if not name.endswith("_se")]
    found = []
    for row in exhibit.rows:
        cells = [written(name, row[name], row.get(f"{name}_se")) for name in names]
        found.append(TableRow(written(corner, row[corner]), words(*cells)))
    heads = [[Heading(head(name)) for name in names]]
    return Table(exhibit.title, head(corner), heads, found, [_note(each) for each in exhibit.notes])


def pivoted(exhibit: Exhibit, down: str, across: str, value: str, caption: str) -> Table:
    """One value of the exhibit, with the levels of one column down and of another across."""
    tops = list(dict.fromkeys(row[across] for row in exhibit.rows))
    sides = list(dict.fromkeys(row[down] for row in exhibit.rows))
    cells = {(row[down], row[across]): row[value] for row in exhibit.rows}
    found = [
        TableRow(
            written(down, side),
            words(*(written(value, cells.get((side, top))) for top in tops)),
        )
        for side in sides
    ]
    heads = [
        [Heading(head(across), len(tops))],
        [Heading(written(across, top)) for top in tops],
    ]
    return Table(caption, head(down), heads, found)


def head(name: str) -> str:
    """A column in words.

    >>> head("p0"), head("needed_randomised"), head("as_DEFICIENT")
    ('Control rate', 'Randomised needed', 'Read as DEFICIENT')
    """
    if name.startswith("as_") and name not in HEADS:
        return f"Read as {name[3:]}"
    return HEADS.get(name, plain(name)[:1].upper() + plain(name)[1:])


def written(name: str, value: Value, error: Value = None) -> str:
    r"""A value of the column of this name, with its Monte-Carlo standard error where it has one.

    >>> written("power", 0.40594, 0.0022), written("months", 34.7), written("power", None)
    ('40.6%\xa0±\xa00.2', '34.7', '–')
    """
    if value is None:
        return NOT_GIVEN
    if isinstance(value, str):
        return value
    if name in SHARES or name.startswith(("as_", "arms_in_")):
        text = f"{100 * value:.1f}%"
        return text if error is None else f"{text}\u00a0±\u00a0{100 * float(error):.1f}"
    if isinstance(value, float):
        return f"{value:.1f}".replace("-", "−")
    return str(value)


def _note(text: str) -> str:
    """A note with the names of columns in words, and a full stop."""
    told = text.replace("power_se, error_se", "±")
    told = re.sub(r"\b[a-z]+(?:_[a-z]+)+\b", lambda found: plain(found[0]), told)
    return f"{told[:1].upper()}{told[1:]}{'' if told.endswith('.') else '.'}"
