"""What graded laboratory values say of adverse events: the grades of a term, what is unreported."""

from __future__ import annotations

import polars as pl

from equipoise.record.rule import KEY, Columns
from equipoise.safety.laboratory import Direction, graded_term, limits

SEVERE = 3
"""The grade of CTCAE 5 from which on a finding is severe or medically significant (its page on
grades): from here on a value is looked for among the adverse events."""

TERM_GRADE: Columns = {
    **KEY,
    "term": pl.String,
    "analyte": pl.String,
    "day": pl.Date,
    "value": pl.Int64,
    "unit": pl.String,
    "least": pl.Int8,
    "most": pl.Int8,
    "missing": pl.String,
    "baseline": pl.Boolean,
    "on_treatment": pl.Boolean,
}


def analytes_of(term: str) -> tuple[tuple[str, Direction], ...]:
    """The analytes whose values grade a term of CTCAE 5, each with the way in which it counts.

    >>> analytes_of("Anemia"), analytes_of("Nausea")
    ((('haemoglobin', 'low'),), ())
    """
    named = dict.fromkeys(each.analyte for each in limits() if each.term == term and each.analyte)
    ways: tuple[Direction, ...] = ("low", "high")
    return tuple(
        (analyte, way) for analyte in named for way in ways if graded_term(analyte, way)[0] == term
    )


def term_grades(values: pl.DataFrame) -> pl.DataFrame:
    """The rows of `laboratory_value` with each term that grades them, in the order of the values;
    of each the least and the highest grade that the value can have. A value that has no grade yet
    keeps its row, with what is `missing`.
    """
    parts = []
    keyed = values.with_row_index("row")
    for way in ("low", "high"):
        terms = {name: graded_term(name, way)[0] for name in values["analyte"].unique()}
        known = {name: term for name, term in terms.items() if term is not None}
        if not known:
            continue
        mine = keyed.filter(pl.col("analyte").is_in(list(known)))
        parts.append(
            mine.with_columns(
                pl.col("analyte").replace_strict(known, return_dtype=pl.String).alias("term"),
                pl.col(f"{way}_least").alias("least"),
                pl.col(f"{way}_most").alias("most"),
            ).select("row", *TERM_GRADE)
        )
    if not parts:
        return pl.DataFrame(schema=dict(TERM_GRADE))
    return pl.concat(parts).sort("row", maintain_order=True).select(*TERM_GRADE)


def unreported_grades(
    values: pl.DataFrame, events: pl.DataFrame, standing: pl.DataFrame
) -> pl.DataFrame:
    """Laboratory values under treatment that are certainly severe, and stand in no adverse event.

    `values`: `laboratory_value`; `events`: `adverse_event`; `standing`: `adverse_event_standing`.
    A value is looked after if its least grade is `SEVERE` or more and no adverse event of its term,
    with at least that grade as its worst, had begun by its day and was not over before it. An onset
    that is not known counts as begun. Of a term the latest of such values of each subject.

    Columns as of `term_grades`. Whether the value is clinically significant is for the
    investigator; the list says only that nobody has answered yet.
    """
    severe = term_grades(values).filter(
        pl.col("on_treatment"), pl.col("least") >= SEVERE, ~pl.col("baseline")
    )
    if severe.is_empty():
        return severe
    known = events.join(standing, [*KEY, "adverse_event"], "left").select(
        *KEY, "term", pl.col("grade").alias("worst"), "onset", "ended"
    )
    numbered = severe.with_row_index("row")
    covered = numbered.join(known, [*KEY, "term"]).filter(
        pl.col("worst") >= pl.col("least"),
        (pl.col("onset") <= pl.col("day")).fill_null(True),
        (pl.col("ended") >= pl.col("day")).fill_null(True),
    )
    return (
        numbered.join(covered.select("row"), "row", "anti")
        .sort("day", "row")
        .unique([*KEY, "term"], keep="last", maintain_order=True)
        .select(*TERM_GRADE)
        .sort(*KEY, "day", "term")
    )
