"""Who was randomised: characteristics at baseline by marker status as randomised and arm."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from equipoise.record.rule import KEY, Tables
from equipoise.report.layout import (
    Cell,
    Heading,
    Row,
    Table,
    arm_codes,
    counted_in,
    seqs_of,
    status_codes,
    status_label,
)
from equipoise.report.wording import NOT_GIVEN, share, spread
from equipoise.study.definition import Study
from equipoise.visits.plan import Item

NUMBERS = ("decimal", "integer")
GRADED = "graded_by"
_USED = {
    "local": "the hospital’s",
    "central": "central review’s",
    "central_else_local": "central review’s, else the hospital’s",
}


def baseline_table(tables: Tables, study: Study) -> Table:
    """Every coded item, and every number with a unit, of the forms that do not repeat; and the
    grade of the tumour as analyses use it, with who read it.

    Counts with per cent of known values; median and range of numbers. One column per marker
    status as randomised and arm, in the study's order, then all subjects. A cell leads to the
    answers that it counts, and to the allocations that put the subjects in its column.
    """
    subjects = tables["allocation"].select(
        *KEY, "marker_status", "arm", pl.col("sources").alias("allocated")
    )
    subjects = subjects.join(tables["subject_item"].drop("sources"), on=[*KEY], how="left")
    subjects = subjects.join(_grades(tables, study), on=[*KEY], how="left")
    statuses, arms = status_codes(study), arm_codes(study)
    columns = [
        subjects.filter(marker_status=status, arm=arm) for status in statuses for arm in arms
    ]
    columns.append(subjects)
    heads = [
        [Heading(status_label(study, status), len(arms)) for status in statuses] + [Heading("")],
        [
            Heading(name, note=Cell(f"n = {len(column)}", seqs_of(column["allocated"])))
            for name, column in zip([*arms * len(statuses), "All"], columns, strict=True)
        ],
    ]
    rows = [
        row
        for form in study.visits.forms
        if not form.repeating
        for item in form.items
        if item.code in subjects.columns and (item.type == "code" or _is_quantity(item))
        for row in _item_rows(item, columns, study)
    ]
    pathology = study.biomarker.pathology
    if pathology is not None and pathology.local.grade is None:
        rows += _grade_rows(columns, study)
    return Table(
        "Characteristics at baseline of all randomised subjects, by marker status as randomised "
        "and arm",
        "Characteristic",
        heads,
        rows,
        ("Counts with per cent of subjects with a known value; numbers as median (range).",),
        block=len(arms),
        title="Baseline",
    )


def _is_quantity(item: Item) -> bool:
    return item.type in NUMBERS and item.unit is not None


def _grades(tables: Tables, study: Study) -> pl.DataFrame:
    """By the classification in force, the grade by central review and the one analyses use."""
    plan = study.biomarker.pathology
    graded = tables["tumour_grade"]
    graded = graded.filter(classification=plan.in_force) if plan else graded.clear()
    return graded.select(
        *KEY,
        pl.col("central").alias("grade_central"),
        pl.col("grade").alias("grade_analysed"),
        pl.col("sources").alias(GRADED),
    )


def _item_rows(item: Item, columns: list[pl.DataFrame], study: Study) -> Iterator[Row]:
    """The rows of one item, and of the grade after its item; none when nobody has a value."""
    found = [
        column.with_columns(
            pl.col("item_sources").struct.field(item.code).alias("seq"),
            pl.col(item.code).alias("value"),
        )
        for column in columns
    ]
    plan = study.biomarker.pathology
    graded = plan is not None and item.code == plan.local.grade
    if found[-1]["value"].count():
        name = f"{item.label.en}, {item.unit}" if item.unit else item.label.en
        yield from _known_rows(item, f"{name}, by the hospital" if graded else name, found)
    if graded:
        yield from _grade_rows(columns, study)


def _known_rows(item: Item, name: str, columns: list[pl.DataFrame]) -> Iterator[Row]:
    known = [column.filter(pl.col("value").is_not_null()) for column in columns]
    if item.type == "code":
        yield Row(name, kind="group")
        for level in item.codes:
            if (known[-1]["value"] == level.code).any():
                cells = [_share(each, each.filter(value=level.code), "seq") for each in known]
                yield Row(level.label.en, cells, "level")
    else:
        yield Row(name, [_spread(each, item.places) for each in known])
    unknown = [column.filter(pl.col("value").is_null()) for column in columns]
    if len(unknown[-1]):
        heading = "Not known" if item.type == "code" else f"{name}: not known"
        yield Row(heading, [counted_in(each, "allocated") for each in unknown], "level")


def _grade_rows(columns: list[pl.DataFrame], study: Study) -> Iterator[Row]:
    """The grade by central review, and the one that analyses use where that is another reading."""
    plan = study.biomarker.pathology
    if plan is None:
        return
    version = next(each for each in plan.classifications if each.version == plan.in_force)
    levels = [each.code for each in version.grades]
    label = version.label.en
    yield from _levels(
        f"Grade by central review, {label}", columns, "grade_central", levels, "Not read centrally"
    )
    if plan.analysed != "central":
        heading = f"Grade as analyses use it: {_USED[plan.analysed]}, {label}"
        yield from _levels(heading, columns, "grade_analysed", levels, "Not known")


def _levels(
    heading: str, columns: list[pl.DataFrame], name: str, levels: list[str], unknown: str
) -> Iterator[Row]:
    """A line for each grade that somebody has, and one for those without."""
    known = [column.filter(pl.col(name).is_not_null()) for column in columns]
    if not len(known[-1]):
        return
    yield Row(heading, kind="group")
    for level in levels:
        those = [each.filter(pl.col(name) == level) for each in known]
        if len(those[-1]):
            cells = [_share(*each, GRADED) for each in zip(known, those, strict=True)]
            yield Row(level, cells, "level")
    without = [column.filter(pl.col(name).is_null()) for column in columns]
    if len(without[-1]):
        yield Row(unknown, [counted_in(each, "allocated") for each in without], "level")


def _share(known: pl.DataFrame, those: pl.DataFrame, behind: str) -> Cell:
    if not len(those):
        return Cell(share(0, len(known)))
    return Cell(share(len(those), len(known)), seqs_of(those[behind], those["allocated"]))


def _spread(known: pl.DataFrame, places: int) -> Cell:
    values = known["value"].cast(pl.Float64).to_list()
    if not values:
        return Cell(NOT_GIVEN)
    return Cell(spread(values, places), seqs_of(known["seq"], known["allocated"]))
