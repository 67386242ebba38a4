"""Where a form does not say what is recorded elsewhere: for somebody to look at."""

from __future__ import annotations

import polars as pl

from equipoise.record.rule import KEY, SOURCES, Columns, Tables, no_rows
from equipoise.record.scaled import ANSWER_PLACES, scaled_text
from equipoise.record.sources import row_sources
from equipoise.visits.latest import MEASURED, item
from equipoise.visits.plan import VisitsPlan
from equipoise.visits.recorded import ENTRY_TABLES, answered_items, answering_entries
from equipoise.visits.subject_item import items_of

ANSWER_DISCREPANCY: Columns = {
    **KEY,
    "item": pl.String,
    "occurred": pl.Date,
    "on_form": pl.String,
    "reported": pl.String,
    **SOURCES,
}
ANSWERS: Columns = {**MEASURED, "reported": pl.Boolean, "convertible": pl.Boolean}
"""What the rule reads of `laboratory_answer`."""

NOT_CONVERTIBLE = "not convertible"
"""Stands for a reported value that cannot be said exactly in the unit of the item."""

NOT_RECORDED = "not recorded"
"""Stands where a form says yes and no entry that would answer so is recorded."""

_ORDER = (*KEY, "item", "occurred")
_PLACES = pl.col("places")


def answer_discrepancy(tables: Tables, plan: VisitsPlan) -> pl.DataFrame:
    """A row for each item and day of which a form and a report say different things, for each
    reported value that is no answer, and for each form that does not agree with the therapies,
    procedures, medicines or conditions recorded; sorted by replicate, subject, item, day.

    The last answer on a form is held against the last result of a report of the same day. They
    differ when the form's value is not the reported one, exact or rounded to the places of the
    item (half a unit either way), or when only one of them has a value. `on_form` and `reported`
    are the values in the unit of the item, or why there is none; a value that cannot be converted
    exactly is `NOT_CONVERTIBLE`, with nothing on the form. Which of the two counts is not judged
    here: it is the one that was recorded last. `sources`: the two answers.

    Of an item that entries answer the latest form is held against all that do: it says no (`false`)
    and one is recorded, of which `reported` is the code, or it says yes (`true`) and none is
    (`NOT_RECORDED`). The entry counts in the one case, the form in the other. `occurred`: the day
    of the form. `sources`: the answer, and the entry recorded first.
    """
    found = pl.concat([_of_laboratories(tables, plan), _of_entries(tables, plan)])
    return found.sort(*_ORDER, maintain_order=True)


def _of_laboratories(tables: Tables, plan: VisitsPlan) -> pl.DataFrame:
    answers = tables["laboratory_answer"]
    if answers.is_empty():
        return no_rows(ANSWER_DISCREPANCY)
    wrong = answers.filter(~pl.col("convertible")).with_columns(
        pl.lit(None, dtype=pl.String).alias("on_form"),
        pl.lit(NOT_CONVERTIBLE).alias("said"),
        pl.col("sources").alias("both"),
    )
    columns = [
        *_ORDER,
        "on_form",
        pl.col("said").alias("reported"),
        pl.col("both").alias("sources"),
    ]
    return pl.concat([each.select(columns) for each in (wrong, _different(answers, plan))])


def _of_entries(tables: Tables, plan: VisitsPlan) -> pl.DataFrame:
    """Where the latest form says no to an entry that is recorded, or yes to none."""
    asked = [each for _, each in answered_items(plan)]
    answers = tables["form_item"].filter(pl.col("item").is_in([each.code for each in asked]))
    if answers.is_empty():
        return no_rows(ANSWER_DISCREPANCY)
    forms = [form.code for form in plan.forms if any(each in asked for each in form.items)]
    said = item(
        {
            "form_saved": tables["form_saved"].filter(pl.col("form").is_in(forms)),
            "form_item": answers,
            "laboratory_answer": tables["laboratory_answer"].clear(),
            **{name: tables[name].clear() for name in ENTRY_TABLES},
        },
        plan,
    )
    first = (
        answering_entries(tables, plan)
        .sort("event")
        .unique([*KEY, "item"], keep="first", maintain_order=True)
    )
    both = said.join(first.select(*KEY, "item", "code", "seq"), [*KEY, "item"], "left")
    recorded = pl.col("code").is_not_null()
    both = both.filter(
        pl.col("value") == pl.when(recorded).then(pl.lit("false")).otherwise(pl.lit("true"))
    )
    return both.select(
        *_ORDER,
        pl.col("value").alias("on_form"),
        pl.col("code").fill_null(NOT_RECORDED).alias("reported"),
        row_sources(both["sources"].list.first(), both["seq"]),
    )


def _different(answers: pl.DataFrame, plan: VisitsPlan) -> pl.DataFrame:
    """Where the last answers of a day on forms and in reports differ."""
    on_forms = answers.filter(~pl.col("reported"))
    asked = on_forms["item"].unique().to_list()
    in_reports = answers.filter(pl.col("reported") & pl.col("item").is_in(asked))
    both = _last(on_forms).join(
        _last(in_reports).filter("convertible"), on=list(_ORDER), suffix="_reported"
    )
    places = {each.code: each.places for each in items_of(plan)}
    both = both.with_columns(
        pl.col("item").replace_strict(places, default=0, return_dtype=pl.Int64).alias("places")
    )
    one, other = pl.col("value"), pl.col("value_reported")
    apart = ((one - other).abs() * 2 > 10 ** (ANSWER_PLACES - _PLACES)).fill_null(
        one.is_null() != other.is_null()
    )
    both = both.filter(apart)
    seqs = (both[name].list.first() for name in ("sources", "sources_reported"))
    return both.with_columns(
        pl.coalesce(scaled_text(one, ANSWER_PLACES), "value_missing").alias("on_form"),
        pl.coalesce(scaled_text(other, ANSWER_PLACES), "value_missing_reported").alias("said"),
        row_sources(*seqs).alias("both"),
    )


def _last(answers: pl.DataFrame) -> pl.DataFrame:
    """Of each item and day the answer that was recorded last."""
    dated = answers.filter(pl.col("occurred").is_not_null()).sort("event", maintain_order=True)
    return dated.unique(_ORDER, keep="last", maintain_order=True)
