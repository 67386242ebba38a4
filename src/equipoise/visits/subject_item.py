"""One row per subject with every answer in its declared type: what criteria and checks read."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import polars as pl

from equipoise.errors import RecordError
from equipoise.record.columns import (
    among,
    firsts,
    gathered_frame,
    kept,
    matching,
    optional_frame,
    present,
)
from equipoise.record.rule import KEY, SOURCES, Columns, Tables
from equipoise.record.scaled import ANSWER_PLACES
from equipoise.record.short_column import short_column
from equipoise.record.sources import FEW, array_sources
from equipoise.record.subject_rows import (
    NONE,
    Dated,
    Flags,
    Found,
    Numbers,
    SubjectRows,
    coded,
    dates,
    days,
    gathered,
    in_order,
    whole,
)
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

    What a laboratory may answer has as many places as an answer can have: a converted value is not
    rounded.

    >>> from equipoise.record.plan import Label
    >>> item_type(Item(code="weight", label=Label(en="Weight"), type="decimal", places=1))
    Decimal(precision=18, scale=1)
    """
    return pl.Decimal(18, _places_of(item)) if item.type == "decimal" else _TYPES[item.type]()


def _places_of(item: Item) -> int:
    return item.places if item.analyte is None else ANSWER_PLACES


def typed(items: Sequence[Item], texts: pl.DataFrame) -> pl.DataFrame:
    """The canonical texts of answers, a column per item, in the types of the items.

    Raises RecordError for a text that is not of that type in this version of the study; a decimal
    with more places than declared is not rounded.
    """
    columns = [*zip(items, texts.get_columns(), strict=True)]
    try:
        values = [_typed(item, text) for item, text in columns]
    except pl.exceptions.PolarsError as error:
        raise RecordError(f"a recorded answer is not of the type of its item: {error}") from error
    for item, text in columns:
        if item.type in _CHECKED and (altered := _altered(item, text)).any():
            kind = (
                f"{item.type} of {_places_of(item)} places" if item.type == "decimal" else item.type
            )
            found = text[int(np.argmax(altered))]
            raise RecordError(f"a recorded answer to {item.code} is no {kind}: {found}")
    return pl.DataFrame(values)


_CHECKED = ("boolean", "decimal")
_TRUTHS = (None, "true", "false")


def _typed(item: Item, text: pl.Series) -> pl.Series:
    if item.type in _PLAIN:
        return text
    if text.null_count() == len(text):
        return text.cast(item_type(item))
    if item.type == "boolean":
        if len(text) > FEW:
            return text == "true"
        truths = [each if each is None else each == "true" for each in text.to_list()]
        return short_column(text.name, truths, pl.Boolean())
    if item.type != "date":
        return text.cast(item_type(item))
    if len(text) > FEW:
        return text.str.to_date("%Y-%m-%d")
    found = [None if each is None else _day(each) for each in text.to_list()]
    return short_column(text.name, found, pl.Date())


@lru_cache(maxsize=4096)
def _day(text: str) -> datetime.date:
    """Parsing takes a while to start: the few dates of one subject are read once."""
    found: datetime.date = pl.Series([text]).str.to_date("%Y-%m-%d").item()
    return found


def _altered(item: Item, text: pl.Series) -> Flags:
    """Whether a text is neither true nor false, or has more places than declared."""
    if item.type == "boolean":
        if len(text) > FEW:
            return present(text) & ~among(text, ("true", "false"))
        return np.array([each not in _TRUTHS for each in text.to_list()], dtype=np.bool_)
    return matching(text, rf"\.[0-9]{{{_places_of(item) + 1},}}")


def doses_given(doses: pl.DataFrame) -> pl.DataFrame:
    """The rows of `dose_given` that say that something was given."""
    return kept(doses, (whole(doses["amount"]) > 0) & (whole(doses["administrations"]) > 0))


def subject_item(tables: Tables, plan: VisitsPlan, *, any_version: bool = False) -> pl.DataFrame:
    """One row per screened subject and one column per item, typed, sorted by replicate, subject.

    - every item of every form of the plan under its own code: its latest answer, null where it is
      not yet known or missing;
    - `screening_date`; `treatment_start_date`: the first day on which a cycle was begun or a dose
      given;
    - for every consent of the plan `consent_<code>`: true if the version in force was signed, else
      null; and `consent_<code>_date`: when it was first signed in any version. A withdrawal of
      consent takes no signature back: it stands in `disposition`. With `any_version` a signature of
      any version counts: `conduct` takes none but that of the version in force on the day;
    - `item_windows`, if some item has an `entry_window`: for each of these items the day on which
      the answer was `measured` (that of its form) and the day `until` which it counts for entry
      (null where the day of the form is not known; whatever the day, the last of the calendar for
      an answer that does not go out of date);
    - `item_sources`: for each of these columns the `seq` that gave it, null where it is null;
    - `sources`: all of them together.

    Raises RecordError for an answer that is not of the type that this plan declares, or for an item
    that takes the name of another column.
    """
    screened = tables["subject_screened"]
    subjects = SubjectRows(screened)
    screened = in_order(screened, subjects.rows(screened))
    places = _places(subjects, tables["item"], plan)
    answers, answer_seqs = _answers(places, tables["item"], plan)
    dated = {
        "screening_date": subjects.first(subjects.dated(screened)),
        "treatment_start_date": _treatment_start(subjects, tables),
        **dict(_consents(subjects, tables["consent_signed"], plan, any_version=any_version)),
    }
    signed = [f"consent_{consent.code}" for consent in plan.consents]
    built_in = [
        _true_where(found.seq >= 0).alias(name) if name in signed else found.date.alias(name)
        for name, found in dated.items()
    ]
    windows = _windows(places, tables["item"], plan)
    names = [*KEY, *answers.columns, *dated, *windows.columns, "item_sources", "sources"]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RecordError(f"the item {twice[0]} has the name of another column of subject_item")
    seqs = [*answer_seqs, *(found.seq for found in dated.values())]
    columns = [*answers.columns, *dated]
    return subjects.key.hstack(
        [
            *answers.get_columns(),
            *built_in,
            *windows.get_columns(),
            optional_frame(columns, seqs).to_struct("item_sources"),
            array_sources([screened["seq"].to_numpy(), *seqs]),
        ]
    )


def _true_where(flags: Flags) -> pl.Series:
    """True where a flag is set, else null."""
    return gathered(pl.Series([True]), flags.astype(np.int64) - 1)


def _places(subjects: SubjectRows, answers: pl.DataFrame, plan: VisitsPlan) -> Numbers:
    """The row of `answers` with each subject's value of each item of the plan, -1 if there is none:
    a row per item, a column per subject."""
    codes = {item.code: number for number, item in enumerate(items_of(plan))}
    rows = subjects.rows(answers)
    names, named = coded(answers["item"])
    columns = np.array([codes.get(name, -1) for name in names] + [-1])[named]
    placed = (rows >= 0) & (columns >= 0) & present(answers["value"])
    places = np.full((len(codes), len(subjects)), -1, dtype=np.int64)
    places[columns[placed], rows[placed]] = np.flatnonzero(placed)
    return places


def _answers(
    places: Numbers, answers: pl.DataFrame, plan: VisitsPlan
) -> tuple[pl.DataFrame, list[Numbers]]:
    """The typed value of every item of the plan, and its seq; both a row per subject."""
    items = items_of(plan)
    names = [item.code for item in items]
    texts = gathered_frame(names, answers["value"], places)
    seqs = np.append(firsts(answers["sources"]), -1)
    return typed(items, texts), [*seqs[places]]


def _windows(places: Numbers, answers: pl.DataFrame, plan: VisitsPlan) -> pl.DataFrame:
    """The column `item_windows`; none if no item has a window. An answer counts `until` a day that
    is null for one of which the day is not known."""
    found = []
    for number, item in enumerate(items_of(plan)):
        if item.entry_window is None:
            continue
        measured = gathered(answers["occurred"], places[number]).alias("measured")
        day = days(measured)
        until = np.where(day == NONE, NONE, day + item.entry_window)
        if item.entry_window_of:
            values = gathered(answers["value"], places[number])
            until[~among(values, item.entry_window_of)] = _FOR_EVER
        found.append(pl.DataFrame([measured, dates(until).alias("until")]).to_struct(item.code))
    return pl.DataFrame([pl.DataFrame(found).to_struct("item_windows")] if found else [])


_FOR_EVER = (datetime.date(9999, 12, 31) - datetime.date(1970, 1, 1)).days


def _treatment_start(subjects: SubjectRows, tables: Tables) -> Found:
    begun = subjects.dated(tables["cycle_started"])
    given = subjects.dated(doses_given(tables["dose_given"]))
    together = zip(begun, given, strict=True)
    return subjects.first(Dated(*(np.concatenate(parts) for parts in together)))


def _consents(
    subjects: SubjectRows, signed: pl.DataFrame, plan: VisitsPlan, *, any_version: bool
) -> Iterator[tuple[str, Found]]:
    events = subjects.dated(signed)
    for consent in plan.consents:
        of_kind = among(signed["consent"], [consent.code])
        valid = of_kind & (any_version | among(signed["version"], [consent.version]))
        yield f"consent_{consent.code}", subjects.first(events, valid)
        yield f"consent_{consent.code}_date", subjects.first(events, of_kind)
