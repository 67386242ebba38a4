"""How the hospital and central review graded the same tumours."""

from __future__ import annotations

import polars as pl

from equipoise.record.rule import KEY, Tables
from equipoise.report.assays import frozen_note
from equipoise.report.layout import Cell, Heading, Row, Table, counted_in, seqs_of
from equipoise.study.definition import Study


def grade_table(tables: Tables, study: Study) -> Table | None:
    """Randomised subjects by local (rows) and central grade (columns), by the version in force.

    None where the study reads no grade or no tumour was reviewed. Notes say how many are
    discordant, which reading analyses use, and whether central grades are frozen.
    """
    plan = study.biomarker.pathology
    graded = tables["tumour_grade"].join(tables["allocation"].select(*KEY), on=[*KEY], how="semi")
    if plan is None or graded["central"].null_count() == len(graded):
        return None
    graded = graded.filter(classification=plan.in_force)
    version = next(each for each in plan.classifications if each.version == plan.in_force)
    grades = [each.code for each in version.grades]
    rows = []
    for local in (*grades, None):
        row = graded.filter(pl.col("local").eq_missing(local))
        cells = [
            counted_in(row.filter(pl.col("central").eq_missing(central)))
            for central in (*grades, None)
        ]
        rows.append(Row(local or "No local grade", [*cells, counted_in(row)]))
    heads = [Heading(grade) for grade in grades] + [Heading("Not read"), Heading("All")]
    read = graded.filter(pl.col("discordant").is_not_null())
    both, differ = len(read), len(read.filter("discordant"))
    used = plan.analysed.replace("_", " ")
    return Table(
        f"Grade by the hospital and by central review, {version.label.en}",
        "Local",
        [[Heading("Central", len(heads))], heads],
        rows,
        notes=[
            Cell(f"Discordant: {differ} of {both} that both read.", seqs_of(read["sources"])),
            f"Analyses use: {used}.",
            f"Central grades: {frozen_note(tables)}",
        ],
        title="Grade by hospital and central review",
    )
