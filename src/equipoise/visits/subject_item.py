"""One row per subject with every answer in its declared type: what criteria and checks read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from equipoise.errors import RecordError
from equipoise.record.rule import KEY, SOURCES, Columns, Tables
from equipoise.record.sources import row_sources
from equipoise.record.subject_rows import Found, SubjectRows, gathered
from equipoise.visits.plan import Item, VisitsPlan

SUBJECT_ITEM: Columns = {
    **KEY,
    "screening_date": pl.Date,
    "treatment_start_date": pl.Date,
    "item_sources": pl.Struct,
    **SOURCES,
}
"""What every study has; the items of the forms and the consents stand between."""

_PLAIN = {"text": pl.String, "code": pl.String, "partial_date": pl.String}
_TYPES = {**_PLAIN, "integer": pl.Int64, "boolean": pl.Boolean, "date": pl.Date}


def items_of(plan: VisitsPlan) -> tuple[Item, ...]:
    """Every item of every form, in the order of the study file."""
    return tuple(item for form in plan.forms for item in form.items)


def item_type(item: Item) -> pl.DataType:
    """The type of the item's column: decimals keep their unit and places, and are never scaled.

    >>> from equipoise.record.plan import Label
    >>> item_type(Item(code="weight", label=Label(en="Weight"), type="decimal", places=1))
    Decimal(precision=18, scale=1)
    """
    return pl.Decimal(18, item.places) if item.type == "decimal" else _TYPES[item.type]()


def typed(items: Sequence[Item], texts: pl.DataFrame) -> pl.DataFrame:
    """The canonical texts of answers, a column per item, in the types of the items.

    Raises RecordError for a text that is not of that type in this version of the study; a decimal
    with more places than declared is not rounded.
    """
    try:
        values = texts.select(_typed(item) for item in items)
    except pl.exceptions.PolarsError as error:
        raise RecordError(f"a recorded answer is not of the type of its item: {error}") from error
    for item in items:
        if item.type in ("decimal", "boolean"):
            _refuse_altered(item, texts[item.code], values[item.code])
    return values


def _typed(item: Item) -> pl.Expr:
    text = pl.col(item.code)
    match item.type:
        case "boolean":
            return text.replace_strict(["true", "false"], [True, False], default=None)
        case "date":
            return text.str.to_date("%Y-%m-%d")
        case _:
            return text.cast(item_type(item))


def _refuse_altered(item: Item, text: pl.Series, value: pl.Series) -> None:
    """RecordError where a text is neither true nor false, or has more places than declared."""
    if item.type == "boolean":
        altered = text.filter(value.is_null() & text.is_not_null())
    else:
        altered = text.filter(text.str.contains(rf"\.\d{{{item.places + 1},}}"))
    if len(altered):
        kind = f"{item.type} of {item.places} places" if item.type == "decimal" else item.type
        raise RecordError(f"a recorded answer to {item.code} is no {kind}: {altered[0]}")


def given_dose() -> pl.Expr:
    """Whether a row of `dose_given` says that something was given."""
    return (pl.col("amount") > 0) & (pl.col("administrations") > 0)


def subject_item(tables: Tables, plan: VisitsPlan) -> pl.DataFrame:
    """One row per screened subject and one column per item, typed, sorted by replicate, subject.

    - every item of every form of the plan under its own code: its latest answer, null where it is
      not yet known or missing;
    - `screening_date`; `treatment_start_date`: the first day on which a cycle was begun or a dose
      given;
    - for every consent of the plan `consent_<code>`: true if the version in force was signed, else
      null; and `consent_<code>_date`: when it was first signed in any version. A withdrawal of
      consent takes no signature back: it stands in `disposition`;
    - `item_sources`: for each of these columns the `seq` that gave it, null where it is null;
    - `sources`: all of them together.

    Raises RecordError for an answer that is not of the type that this plan declares, or for an item
    that takes the name of another column.
    """
    screened = tables["subject_screened"].sort(*KEY)
    subjects = SubjectRows(screened)
    answers, answer_seqs = _answers(subjects, tables["item"], plan)
    dated = {
        "screening_date": subjects.first(screened),
        "treatment_start_date": _treatment_start(subjects, tables),
        **dict(_consents(subjects, tables["consent_signed"], plan)),
    }
    signed = [f"consent_{consent.code}" for consent in plan.consents]
    built_in = [
        pl.select(pl.when(found.seq.is_not_null()).then(True)).to_series().alias(name)
        if name in signed
        else found.day.alias(name)
        for name, found in dated.items()
    ]
    names = [*KEY, *answers.columns, *dated, "item_sources", "sources"]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RecordError(f"the item {twice[0]} has the name of another column of subject_item")
    seqs = answer_seqs.with_columns(found.seq.alias(name) for name, found in dated.items())
    sources = row_sources(screened["seq"], *seqs.get_columns())
    return subjects.key.hstack(answers.get_columns()).with_columns(
        *built_in, seqs.to_struct("item_sources"), sources.alias("sources")
    )


def _answers(
    subjects: SubjectRows, answers: pl.DataFrame, plan: VisitsPlan
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The typed value of every item of the plan, and its seq; both a row per subject."""
    items = items_of(plan)
    codes = {item.code: number for number, item in enumerate(items)}
    rows = subjects.rows(answers)
    columns = answers["item"].replace_strict(codes, default=-1, return_dtype=pl.Int64).to_numpy()
    placed = (rows >= 0) & (columns >= 0) & answers["value"].is_not_null().to_numpy()
    places = np.full((len(items), len(subjects)), -1, dtype=np.int64)
    places[columns[placed], rows[placed]] = np.flatnonzero(placed)
    seqs = answers["sources"].list.first()
    found = pl.DataFrame(
        [gathered(answers["value"], places[column]).alias(code) for code, column in codes.items()]
    )
    return typed(items, found), pl.DataFrame(
        [gathered(seqs, places[column]).alias(code) for code, column in codes.items()]
    )


def _treatment_start(subjects: SubjectRows, tables: Tables) -> Found:
    columns = [*KEY, "occurred", "seq"]
    begun = tables["cycle_started"].select(columns)
    given = tables["dose_given"].filter(given_dose()).select(columns)
    return subjects.first(pl.concat([begun, given]))


def _consents(
    subjects: SubjectRows, signed: pl.DataFrame, plan: VisitsPlan
) -> Iterator[tuple[str, Found]]:
    for consent in plan.consents:
        of_kind = signed.filter(pl.col("consent") == consent.code)
        valid = of_kind.filter(pl.col("version") == consent.version)
        yield f"consent_{consent.code}", subjects.first(valid)
        yield f"consent_{consent.code}_date", subjects.first(of_kind)
