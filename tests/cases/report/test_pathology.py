"""The table of grades: who was randomised, by the version in force, local beside central."""

from __future__ import annotations

import polars as pl

from equipoise.biomarker.grade import TUMOUR_GRADE
from equipoise.record.tables import Tables
from equipoise.report.layout import Cell
from equipoise.report.pathology import grade_table
from equipoise.study.load import load_study

MGMT = load_study("mgmt-net")


def tables(*read: tuple[str | None, str | None], screened: int = 0) -> Tables:
    """Subjects with these local and central grades; the last `screened` were not randomised."""
    rows = [
        {
            "replicate": 0, "subject": f"A-{number}", "classification": version, "local": local,
            "central": central if version == "who-2019" else "G3",
            "discordant": None if local is None or central is None else local != central,
            "sources": [number + 1],
        }
        for number, (local, central) in enumerate(read)
        for version in ("who-2010", "who-2019")
    ]  # fmt: skip
    graded = pl.DataFrame(rows, schema=dict(TUMOUR_GRADE))
    inside = graded.head(len(graded) - 2 * screened)
    return {
        "tumour_grade": graded,
        "allocation": inside.select("replicate", "subject").unique(),
        "redetermination_frozen": pl.DataFrame(schema={"as_of": pl.Int64}),
    }


def test_local_in_rows_and_central_in_columns() -> None:
    read = (("G1", "G1"), ("G1", "G2"), ("G2", "G2"), ("G2", None), (None, "G3"), ("G3", "G1"))
    table = grade_table(tables(*read, screened=1), MGMT)
    assert table is not None
    assert [each.text for each in table.heads[-1]] == ["G1", "G2", "G3", "Not read", "All"]
    assert [(row.heading, row.texts) for row in table.rows] == [
        ("G1", ["1", "1", "0", "0", "2"]),
        ("G2", ["0", "1", "0", "1", "2"]),
        ("G3", ["0", "0", "0", "0", "0"]),
        ("No local grade", ["0", "0", "1", "0", "1"]),
    ]
    assert table.notes == [
        Cell("Discordant: 1 of 3 that both read.", (1, 2, 3)),
        "Analyses use: central else local.",
        "Central grades: Not yet frozen.",
    ]
    assert "WHO classification of 2019" in table.caption


def test_no_table_where_nothing_was_reviewed() -> None:
    assert (
        grade_table({**tables(), "tumour_grade": pl.DataFrame(schema=dict(TUMOUR_GRADE))}, MGMT)
        is None
    )
    lung = load_study("lung-tmb")
    assert grade_table(tables(("G1", "G2")), lung) is None
