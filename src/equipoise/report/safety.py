"""What harm was done: adverse events by term and worst grade in each arm."""

from __future__ import annotations

import polars as pl

from equipoise.record.rule import Tables
from equipoise.report.layout import Heading, Row, Table, arm_codes
from equipoise.report.wording import share
from equipoise.study.definition import Study

KEY = ("replicate", "subject")
GRADES: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("1–2", (1, 2)),
    ("3", (3,)),
    ("4", (4,)),
    ("5", (5,)),
)
"""Columns of grades; grades of CTCAE run from 1 to 5 (death)."""


def adverse_event_table(tables: Tables, study: Study) -> Table:
    """Treated subjects with a treatment-emergent adverse event, once per term at its worst grade.

    For each arm all grades with per cent of treated subjects, then the grades apart. Terms stand
    under their system organ class, the most frequent first.
    """
    arms = arm_codes(study)
    treated = _treated(tables)
    sizes = [len(treated.filter(arm=arm)) for arm in arms]
    events = (
        tables["adverse_event"]
        .filter(pl.col("treatment_emergent"))
        .join(treated, on=KEY)
        .with_columns(pl.col("system_organ_class").fill_null("Not classified"))
    )
    rows = [_row("Any adverse event", events, arms, sizes)]
    for organ in _by_frequency(events, "system_organ_class"):
        inside = events.filter(system_organ_class=organ)
        rows.append(Row(organ, kind="group"))
        rows += [
            _row(term, inside.filter(term=term), arms, sizes, "level")
            for term in _by_frequency(inside, "term")
        ]
    heads = [
        [
            Heading(arm, 1 + len(GRADES), f"n = {size} treated")
            for arm, size in zip(arms, sizes, strict=True)
        ],
        [Heading(name) for _ in arms for name in ("Any", *(name for name, _ in GRADES))],
    ]
    return Table(
        "Treatment-emergent adverse events: subjects by term and worst grade, in each arm",
        "Term",
        heads,
        rows,
        (
            f"Grades by {study.safety.grading.upper().replace('_', ' version ')}. A subject counts "
            "once per row, at the worst grade. Emergent: from the first dose to "
            f"{study.safety.days_after_last_dose} days after the last.",
        ),
        block=1 + len(GRADES),
    )


def _treated(tables: Tables) -> pl.DataFrame:
    dosed = tables["disposition"].filter(pl.col("first_dose").is_not_null()).select(KEY)
    return tables["allocation"].select(*KEY, "arm").join(dosed, on=KEY, how="semi")


def _row(
    heading: str, events: pl.DataFrame, arms: list[str], sizes: list[int], kind: str = "plain"
) -> Row:
    worst = events.group_by(*KEY, "arm").agg(pl.col("grade").max())
    cells = []
    for arm, size in zip(arms, sizes, strict=True):
        grades = worst.filter(arm=arm)["grade"]
        cells.append(share(len(grades), size))
        cells += [str(int(grades.is_in(within).sum())) for _, within in GRADES]
    return Row(heading, cells, kind)


def _by_frequency(events: pl.DataFrame, column: str) -> list[str]:
    """Values of `column`, those of most subjects first, then by name."""
    counted = events.unique([*KEY, column]).group_by(column).len()
    return counted.sort(pl.col("len"), column, descending=[True, False])[column].to_list()
