"""How laboratory grades moved: from baseline to the worst under treatment, in each arm."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from equipoise.record.rule import Tables
from equipoise.report.layout import Heading, Row, Table, arm_codes
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
            [Heading(arm, len(GRADES), "worst grade under treatment") for arm in arms],
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
    )


def _term(
    heading: str, way: Direction, arms: list[str], values: pl.DataFrame, analyte: str
) -> Iterator[Row]:
    """The lines of one term: one for each grade at baseline that somebody had."""
    grade = pl.col(f"{way}_least")
    mine = values.filter((pl.col("analyte") == analyte) & grade.is_not_null())
    worst = mine.filter("on_treatment").group_by(*KEY, "arm").agg(grade.max().alias("worst"))
    before = mine.filter("baseline").select(*KEY, grade.alias("before"))
    moved = worst.join(before, on=KEY, how="left")
    if moved.is_empty():
        return
    counted = {
        (before, arm, worst): number
        for before, arm, worst, number in moved.group_by("before", "arm", "worst").len().rows()
    }
    yield Row(heading, kind="group")
    for level in (*GRADES, None):
        cells = [counted.get((level, arm, grade), 0) for arm in arms for grade in GRADES]
        if any(cells):
            name = "No graded value" if level is None else f"Grade {level}"
            yield Row(name, [str(cell) for cell in cells], "level")
