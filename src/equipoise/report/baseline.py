"""Who was randomised: characteristics at baseline by marker status as randomised and arm."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from equipoise.record.rule import Tables
from equipoise.report.layout import Heading, Row, Table, arm_codes, status_codes, status_label
from equipoise.report.wording import NOT_GIVEN, share
from equipoise.study.definition import Study
from equipoise.visits.plan import Item

KEY = ("replicate", "subject")
DASH = "\u2060–\u2060"
NUMBERS = ("decimal", "integer")


def baseline_table(tables: Tables, study: Study) -> Table:
    """Every coded item, and every number with a unit, of the forms that do not repeat.

    Counts with per cent of known values; median and range of numbers. One column per marker
    status as randomised and arm, in the study's order, then all subjects.
    """
    subjects = tables["allocation"].select(*KEY, "marker_status", "arm")
    subjects = subjects.join(tables["subject_item"].drop("sources"), on=KEY, how="left")
    statuses, arms = status_codes(study), arm_codes(study)
    columns = [
        subjects.filter(marker_status=status, arm=arm) for status in statuses for arm in arms
    ]
    columns.append(subjects)
    heads = [
        [Heading(status_label(study, status), len(arms)) for status in statuses] + [Heading("")],
        [
            Heading(name, note=f"n = {len(column)}")
            for name, column in zip([*arms * len(statuses), "All"], columns, strict=True)
        ],
    ]
    rows = [
        row
        for form in study.visits.forms
        if not form.repeating
        for item in form.items
        if item.code in subjects.columns and (item.type == "code" or _is_quantity(item))
        for row in _item_rows(item, columns)
    ]
    return Table(
        "Characteristics at baseline of all randomised subjects, by marker status as randomised "
        "and arm",
        "Characteristic",
        heads,
        rows,
        ("Counts with per cent of subjects with a known value; numbers as median (range).",),
        block=len(arms),
    )


def _is_quantity(item: Item) -> bool:
    return item.type in NUMBERS and item.unit is not None


def _item_rows(item: Item, columns: list[pl.DataFrame]) -> Iterator[Row]:
    """The rows of one item; none at all when nobody has a value."""
    values = [column[item.code] for column in columns]
    if not values[-1].count():
        return
    name = f"{item.label.en}, {item.unit}" if item.unit else item.label.en
    if item.type == "code":
        yield Row(name, kind="group")
        for level in item.codes:
            if (values[-1] == level.code).any():
                cells = [share(_count(each, level.code), each.count()) for each in values]
                yield Row(level.label.en, cells, "level")
    else:
        yield Row(name, [_spread(each, item.places) for each in values])
    if values[-1].null_count():
        cells = [str(each.null_count()) for each in values]
        yield Row("Not known" if item.type == "code" else f"{name}: not known", cells, "level")


def _count(values: pl.Series, code: str) -> int:
    return int((values == code).sum())


def _spread(values: pl.Series, places: int) -> str:
    """Median and range, as `63 (30–84)`; the range does not break over lines."""
    known = values.drop_nulls().cast(pl.Float64).sort().to_list()
    if not known:
        return NOT_GIVEN
    middle = (known[(len(known) - 1) // 2] + known[len(known) // 2]) / 2
    exact = f"{middle:.{places}f}"
    text = exact if float(exact) == round(middle, places + 1) else f"{middle:.{places + 1}f}"
    return f"{text} ({known[0]:.{places}f}{DASH}{known[-1]:.{places}f})"
