"""One row per subject with every answer in its declared type: what criteria and checks read."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from equipoise.errors import RecordError
from equipoise.record.rule import KEY, SOURCES, Columns, Tables
from equipoise.record.sources import row_sources
from equipoise.visits.days import first_day, given_dose
from equipoise.visits.plan import Item, VisitsPlan

SUBJECT_ITEM: Columns = {
    **KEY,
    "screening_date": pl.Date,
    "treatment_start_date": pl.Date,
    "item_sources": pl.Struct,
    **SOURCES,
}
"""What every study has; the items of the forms and the consents stand between."""

_WIDEST = pl.Decimal(38, 12)
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


def typed(item: Item, text: pl.Series) -> pl.Series:
    """The canonical texts of answers as a column of the item's type.

    Raises RecordError for a text that is not of that type in this version of the study; a decimal
    with more places than declared is not rounded.
    """
    try:
        if item.type == "boolean":
            known = text.is_in(["true", "false"]) | text.is_null()
            if not known.all():
                raise pl.exceptions.InvalidOperationError("neither true nor false")
            return text == "true"
        if item.type == "date":
            return text.str.to_date("%Y-%m-%d")
        values = text.cast(item_type(item))
        if item.type == "decimal" and not (values == text.cast(_WIDEST)).all(ignore_nulls=True):
            raise pl.exceptions.InvalidOperationError(f"more than {item.places} decimal places")
    except pl.exceptions.PolarsError as error:
        raise RecordError(f"an answer to {item.code} is no {item.type}: {error}") from error
    return values


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
    screened = tables["subject_screened"].select(*KEY, "occurred", "seq").sort(*KEY)
    subjects = screened.select(*KEY)
    values: list[pl.Series] = []
    seqs: list[pl.Series] = []
    for name, value, seq in (
        *_answers(subjects, tables["item"], plan),
        ("screening_date", screened["occurred"], screened["seq"]),
        *_treatment_start(subjects, tables),
        *_consents(subjects, tables["consent_signed"], plan),
    ):
        values.append(value.alias(name))
        seqs.append(pl.select(pl.when(value.is_not_null()).then(seq)).to_series().alias(name))
    names = [*KEY, *(value.name for value in values), "item_sources", "sources"]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RecordError(f"the item {twice[0]} has the name of another column of subject_item")
    sources = row_sources(screened["seq"], *seqs)
    return subjects.with_columns(
        *values, pl.DataFrame(seqs).to_struct("item_sources"), sources.alias("sources")
    )


def _answers(
    subjects: pl.DataFrame, answers: pl.DataFrame, plan: VisitsPlan
) -> Iterator[tuple[str, pl.Series, pl.Series]]:
    """Triples of name, typed value and seq, a row per subject, for every item of the plan."""
    items = items_of(plan)
    if not items:
        return
    codes = [item.code for item in items]
    index = {code: number for number, code in enumerate(codes)}
    placed = (
        answers.lazy()
        .with_columns(
            column=pl.col("item").replace_strict(index, default=None, return_dtype=pl.Int64)
        )
        .join(subjects.lazy().with_row_index("row"), on=[*KEY], how="left", maintain_order="left")
        .select("column", "row", "value", pl.col("sources").list.first().alias("seq"))
        .filter(pl.col("column").is_not_null() & pl.col("row").is_not_null())
        .collect()
    )
    places = np.full((len(items), len(subjects)), -1, dtype=np.int64)
    places[placed["column"].to_numpy(), placed["row"].to_numpy()] = np.arange(len(placed))
    for item, found in zip(items, places, strict=True):
        where = pl.Series(found).replace(-1, None)
        yield item.code, typed(item, placed["value"].gather(where)), placed["seq"].gather(where)


def _treatment_start(
    subjects: pl.DataFrame, tables: Tables
) -> Iterator[tuple[str, pl.Series, pl.Series]]:
    begun = first_day(tables["cycle_started"])
    given = first_day(tables["dose_given"].filter(given_dose()))
    found = subjects.join(
        first_day(pl.concat([begun, given])), [*KEY], "left", maintain_order="left"
    )
    yield "treatment_start_date", found["occurred"], found["seq"]


def _consents(
    subjects: pl.DataFrame, signed: pl.DataFrame, plan: VisitsPlan
) -> Iterator[tuple[str, pl.Series, pl.Series]]:
    for consent in plan.consents:
        of_kind = signed.filter(pl.col("consent") == consent.code)
        valid = first_day(of_kind.filter(pl.col("version") == consent.version))
        valid = subjects.join(valid, on=[*KEY], how="left", maintain_order="left")
        there = pl.select(pl.when(valid["seq"].is_not_null()).then(True)).to_series()
        yield f"consent_{consent.code}", there, valid["seq"]
        first = first_day(of_kind)
        first = subjects.join(first, on=[*KEY], how="left", maintain_order="left")
        yield f"consent_{consent.code}_date", first["occurred"], first["seq"]
