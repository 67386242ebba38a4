"""The forms that each visit asks for: filled in, filled in part, or still missing."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Final

import polars as pl

from equipoise.record.rule import KEY, Columns, Tables
from equipoise.visits.plan import VisitsPlan

EXPECTED_FORM: Columns = {
    **KEY,
    "visit": pl.String,
    "instance": pl.Int64,
    "actual": pl.Date,
    "form": pl.String,
    "state": pl.String,
    "due": pl.Date,
    "event": pl.Int64,
}
COMPLETE, PARTIAL, MISSING = "complete", "partial", "missing"
FORM_STATES: Final = (COMPLETE, PARTIAL, MISSING)
FORM_WITHIN: Final = 14
"""Days after a visit by which its forms are there: a convention of this project."""

REQUIRES: Mapping[str, Columns] = {
    "visit_timeline": {
        **KEY, "visit": pl.String, "instance": pl.Int64, "earliest": pl.Date, "latest": pl.Date,
        "actual": pl.Date,
    },
    "form_saved": {
        **KEY, "occurred": pl.Date, "event": pl.Int64, "form": pl.String, "visit": pl.String,
    },
    "form_item": {**KEY, "event": pl.Int64, "value": pl.String, "value_missing": pl.String},
    "laboratory_answer": {**KEY, "item": pl.String, "occurred": pl.Date, "reported": pl.Boolean},
}  # fmt: skip

KEPT_FORM: Columns = {
    name: EXPECTED_FORM[name] for name in (*KEY, "visit", "instance", "form", "event")
}

_ASKED = ("visit", "instance", "form")


def expected_form(tables: Tables, plan: VisitsPlan) -> pl.DataFrame:
    """One row per planned visit that took place and form that it asks for (EXPECTED_FORM).

    A form is there if it was saved for this visit, on its day or within its window; a form that
    does not repeat is there once it was saved at all. `complete`: each of its items has a value or
    a coded reason for having none; else `partial`. A form of which a laboratory measures every item
    is there by the reports of draws of that day or window: `complete` if every item was answered.
    `missing`: nothing is there. `due`: FORM_WITHIN days after the visit. `event`: the form as it
    was saved, null where there is none. Sorted by replicate, subject, day, and the order of the
    study file.
    """
    rows = _asked(tables["visit_timeline"], plan).filter(
        pl.col("actual").is_not_null(), pl.col("latest").is_not_null()
    )
    rows = rows.join(_saved(rows, tables), on=[*KEY, *_ASKED], how="left")
    rows = rows.join(_measured(rows, tables), on=[*KEY, *_ASKED], how="left")
    measured = pl.col("measured") & pl.col("event").is_null() & (pl.col("answers") > 0)
    state = (
        pl.when(pl.col("event").is_not_null())
        .then(pl.when("open").then(pl.lit(PARTIAL)).otherwise(pl.lit(COMPLETE)))
        .when(measured & (pl.col("answers") == pl.col("item").list.len())).then(pl.lit(COMPLETE))
        .when(measured).then(pl.lit(PARTIAL))
        .otherwise(pl.lit(MISSING))
    )  # fmt: skip
    return (
        rows.with_columns(state.alias("state"), (pl.col("actual") + _WITHIN).alias("due"))
        .sort("replicate", "subject", "actual", "visit", "instance", "place")
        .select(*EXPECTED_FORM)
    )


def kept_form(tables: Tables, plan: VisitsPlan) -> pl.DataFrame:
    """One row per planned visit, held or not, and form that it asks for (KEPT_FORM): the `event` in
    which the form was saved, as `expected_form` finds it; null where there is none. Sorted by
    replicate, subject, day, and the order of the study file."""
    rows = _asked(tables["visit_timeline"], plan)
    rows = rows.join(_saved(rows, tables), on=[*KEY, *_ASKED], how="left")
    return rows.sort("replicate", "subject", "earliest", "visit", "instance", "place").select(
        *KEPT_FORM
    )


def _asked(timeline: pl.DataFrame, plan: VisitsPlan) -> pl.DataFrame:
    """Of each visit of a timeline the forms that it asks for."""
    forms = {each.code: each for each in plan.forms}
    asked = [
        (visit.code, code, forms[code].repeating, [i.code for i in forms[code].items],
         all(item.analyte for item in forms[code].items), place)
        for visit in plan.visits for place, code in enumerate(visit.forms)
    ]  # fmt: skip
    schema: Columns = {"visit": pl.String, "form": pl.String, "repeating": pl.Boolean,
              "item": pl.List(pl.String), "measured": pl.Boolean, "place": pl.Int64}  # fmt: skip
    return timeline.select(*KEY, "visit", "instance", "earliest", "latest", "actual").join(
        pl.DataFrame(asked, schema=schema, orient="row"), on="visit", how="inner"
    )


_WITHIN: Final = pl.duration(days=FORM_WITHIN)


def _saved(rows: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Of each form of a visit the last that was saved for it, and whether an item of it is open."""
    found = tables["form_saved"].select(*KEY, "form", "occurred", "event", at="visit")
    open_ = pl.col("value").is_null() & pl.col("value_missing").is_null()
    left = tables["form_item"].group_by(*KEY, "event").agg(open_.any().alias("open"))
    on_day = (pl.col("occurred") == pl.col("actual")) | pl.col("occurred").is_between(
        "earliest", "latest"
    )
    return (
        rows.join(found, on=[*KEY, "form"], how="inner")
        .filter(~pl.col("repeating") | ((pl.col("at") == pl.col("visit")) & on_day))
        .join(left, on=[*KEY, "event"], how="left")
        .sort("event")
        .group_by(*KEY, *_ASKED)
        .agg(pl.col("event").last(), pl.col("open").last().fill_null(value=False))
    )


def _measured(rows: pl.DataFrame, tables: Tables) -> pl.DataFrame:
    """Of each form that laboratories answer how many of its items a report answers."""
    reported = tables["laboratory_answer"].filter("reported").select(*KEY, "item", "occurred")
    on_day = (pl.col("occurred") == pl.col("actual")) | pl.col("occurred").is_between(
        "earliest", "latest"
    )
    return (
        rows.filter("measured")
        .explode("item")
        .join(reported, on=[*KEY, "item"], how="inner")
        .filter(on_day)
        .group_by(*KEY, *_ASKED)
        .agg(pl.col("item").n_unique().cast(pl.Int64).alias("answers"))
    )


def late_forms(expected: pl.DataFrame, today: datetime.date) -> pl.DataFrame:
    """Rows of EXPECTED_FORM that are not complete though `due` has passed, with `days` since it."""
    late = expected.filter(pl.col("state") != COMPLETE, pl.col("due") < today)
    return late.with_columns(days=(pl.lit(today) - pl.col("due")).dt.total_days()).sort(
        "days", "subject", descending=[True, False]
    )


def completeness(expected: pl.DataFrame, *by: str) -> pl.DataFrame:
    """Forms expected by the columns `by`: `expected`, one column per state, and `percent` complete,
    rounded down so that 100 says that nothing is missing.

    >>> rows = pl.DataFrame({"form": ["a"] * 3, "state": ["complete", "complete", "missing"]})
    >>> completeness(rows, "form").row(0)
    ('a', 3, 2, 0, 1, 66)
    """
    number = [(pl.col("state") == each).sum().cast(pl.Int64).alias(each) for each in FORM_STATES]
    found = expected.group_by(by).agg(pl.len().cast(pl.Int64).alias("expected"), *number)
    return found.with_columns(percent=pl.col(COMPLETE) * 100 // pl.col("expected")).sort(*by)
