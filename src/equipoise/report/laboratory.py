"""How laboratory grades moved: from baseline to the worst under treatment, in each arm."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from equipoise.record.rule import Tables
from equipoise.report.layout import Cell, Heading, Row, Table, arm_codes, counted_in
from equipoise.safety.laboratory import Direction, analytes, graded_term
from equipoise.study.definition import Study

KEY = ("replicate", "subject")
GRADES = (0, 1, 2, 3, 4)
WAYS: tuple[Direction, ...] = ("low", "high")


def laboratory_shift_table(tables: Tables, study: Study) -> Table:
    """Treated subjects by grade at baseline and worst grade under treatment, for each term.

    A grade is the least that the value can have (`low_least`, `high_least`): what symptoms,
    interventions or an unknown baseline could add is left to the adverse events. Subjects without
    a graded value under treatment are left out, and those without one at baseline have a line.
    """
    arms = arm_codes(study)
    values = tables["laboratory_value"].join(
        tables["allocation"].select(*KEY, "arm"), on=KEY, how="inner"
    )
    present = set(values["analyte"].unique())
    rows = [
        row
        for analyte in analytes()
        if analyte in present
        for way in WAYS
        if (term := graded_term(analyte, way)[0]) is not None
        for row in _term(f"{term} ({analytes()[analyte].name})", way, arms, values, analyte)
    ]
    return Table(
        "Laboratory grades: from baseline to the worst under treatment, subjects in each arm",
        "Grade at baseline",
        [
            [Heading(arm, len(GRADES), Cell("worst grade under treatment")) for arm in arms],
            [Heading(str(grade)) for _ in arms for grade in GRADES],
        ],
        rows,
        (
            f"Grades by {study.safety.grading.upper().replace('_', ' version ')}, from the value "
            "alone: where symptoms or an intervention decide, the lowest possible grade. Baseline: "
            "the last value up to the day of the first dose; where the wording counts in multiples "
            "of an abnormal baseline, its own grade is 0. Under treatment: to "
            f"{study.safety.days_after_last_dose} days after the last dose.",
        ),
        block=len(GRADES),
        title="Laboratory grades",
    )


def _term(
    heading: str, way: Direction, arms: list[str], values: pl.DataFrame, analyte: str
) -> Iterator[Row]:
    """The lines of one term: one for each grade at baseline that somebody had."""
    grade = pl.col(f"{way}_least")
    mine = values.filter((pl.col("analyte") == analyte) & grade.is_not_null())
    worst = (
        mine.filter("on_treatment")
        .filter(grade == grade.max().over(*KEY))
        .group_by(*KEY, "arm")
        .agg(
            grade.first().alias("worst"),
            pl.col("sources").list.explode(keep_nulls=False, empty_as_null=False),
        )
    )
    before = mine.filter("baseline").select(
        *KEY, grade.alias("before"), pl.col("sources").alias("sources_before")
    )
    moved = worst.join(before, on=KEY, how="left").with_columns(
        pl.col("before").cast(pl.Int64), pl.col("worst").cast(pl.Int64)
    )
    if moved.is_empty():
        return
    found = moved.partition_by("before", "arm", "worst", as_dict=True)
    yield Row(heading, kind="group")
    for level in (*GRADES, None):
        parts = [found.get((level, arm, grade)) for arm in arms for grade in GRADES]
        if any(part is not None for part in parts):
            name = "No graded value" if level is None else f"Grade {level}"
            cells = [
                Cell("0") if part is None else counted_in(part, "sources", "sources_before")
                for part in parts
            ]
            yield Row(name, cells, "level")
