"""The best overall response of a subject, with or without confirmation."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from equipoise.record.rule import KEY, SOURCES, Columns, Tables
from equipoise.response.assessments import READER, last_before, union_sources
from equipoise.response.criteria import criteria
from equipoise.response.plan import ResponsePlan

BEST_OVERALL_RESPONSE: Columns = {
    **KEY,
    "evaluator": pl.String,
    "response": pl.String,
    "occurred": pl.Date,
    "assessment": pl.String,
    "confirmed": pl.Boolean,
    **SOURCES,
}

COURSE: Columns = {
    **KEY,
    "evaluator": pl.String,
    "order": pl.Int64,
    "occurred": pl.Date,
    "day": pl.Int64,
    "response": pl.String,
}
"""What `best_of` reads: the responses that count, and the day of each from the reference date."""

_RANKED = ("CR", "PR", "SD", "NON-CR/NON-PD", "PD", "NE")


@dataclass(frozen=True, slots=True)
class Terms:
    """What a best response asks for: days, and what may stand between response and confirmation.

    Without `confirmation_required` the interval only says which responses were confirmed.
    """

    confirmation_required: bool
    confirmation_days: int
    stable_minimum_days: int
    not_evaluable_between: int
    stable_between: int


def terms(plan: ResponsePlan) -> Terms:
    """The terms of `plan`, completed by its standard."""
    found = criteria(plan)
    interval = found.limits.confirmation_interval.value
    return Terms(
        confirmation_required=plan.confirmation_days is not None,
        confirmation_days=plan.confirmation_days or interval,
        stable_minimum_days=plan.stable_disease_minimum_days,
        not_evaluable_between=int(found.conventions.not_evaluable_between.value),
        stable_between=int(found.conventions.stable_between.value),
    )


def best_of(course: pl.DataFrame, asked: Terms) -> pl.DataFrame:
    """The best response of each course: READER, response, order, confirmed, confirmation_order.

    `course` has the columns of COURSE. In order: CR and PR, confirmed where `asked` requires it; SD
    by any CR, PR or SD no earlier than its minimum after the reference date; NON-CR/NON-PD
    likewise; PD; NE by anything else. `order` is the first assessment that shows it. `confirmed`,
    of CR and PR: whether it was seen again no earlier than the interval, with nothing in between
    but the NE and SD that `asked` allows; a PR after a CR confirms nothing.

    Source: RECIST 1.1, sections 4.4.3 and 4.6, table 3. Sorted by READER.
    """
    begins = pl.any_horizontal(pl.col(name) != pl.col(name).shift() for name in READER)
    course = (
        course.sort(*READER, "order")
        .with_row_index("row")
        .with_columns(reader=pl.when(begins.fill_null(True)).then("row").forward_fill())
    )
    confirmed = pl.concat(_confirmed(course, asked, kind) for kind in ("CR", "PR"))
    response, late = pl.col("response"), pl.col("day") >= asked.stable_minimum_days
    held = pl.col("confirmation_order").is_not_null() | (not asked.confirmation_required)
    shown = (
        pl.when(response.is_in(["CR", "PR"]), held)
        .then(response)
        .when(response.is_in(["CR", "PR", "SD"]), late)
        .then(pl.lit("SD"))
        .when(response == "NON-CR/NON-PD", late)
        .then(response)
        .when(response == "PD")
        .then(response)
        .otherwise(pl.lit("NE"))
    )
    ranks = range(len(_RANKED))
    best = (
        course.join(confirmed, "row", "left", maintain_order="left")
        .with_columns(shown=shown)
        .with_columns(rank=pl.col("shown").replace_strict(_RANKED, ranks, return_dtype=pl.Int8))
        .sort("reader", "rank", "order")
        .unique("reader", keep="first", maintain_order=True)
    )
    earliest = (
        course.join(confirmed, "row")
        .sort("row")
        .unique(["reader", "response"], keep="first")
        .select("reader", "confirmation_order", shown="response")
    )
    return (
        best.drop("confirmation_order", "response")
        .join(earliest, ["reader", "shown"], "left", maintain_order="left")
        .select(
            *READER,
            "order",
            "confirmation_order",
            response="shown",
            confirmed=pl.when(pl.col("shown").is_in(["CR", "PR"])).then(
                pl.col("confirmation_order").is_not_null()
            ),
        )
    )


def _confirmed(course: pl.DataFrame, asked: Terms, kind: str) -> pl.DataFrame:
    """The rows of response `kind` that are confirmed: row, confirmation_order.

    The first assessment late enough that could confirm decides: what stands between it and the
    response stands before every later one too.
    """
    response, row = pl.col("response"), pl.col("row")
    again = ["CR"] if kind == "CR" else ["CR", "PR"]
    between = ["NE", "SD"] if kind == "PR" else ["NE"]
    complete_before = last_before(response == "CR", pl.col("reader"))
    counted = course.with_columns(
        ne=(response == "NE").cum_sum().cast(pl.Int64),
        sd=(response == "SD").cum_sum().cast(pl.Int64),
        other=(~response.is_in([*again, *between])).cum_sum().cast(pl.Int64),
        lapsed=pl.when(response == "PR").then(complete_before).cum_max().forward_fill(),
    )
    dated = counted.filter(pl.col("occurred").is_not_null())
    due = pl.col("occurred").dt.offset_by(f"{asked.confirmation_days}d")
    pairs = (
        dated.filter(response == kind)
        .with_columns(due=due)
        .sort("due", "row")
        .join_asof(
            dated.filter(response.is_in(again)).sort("occurred", "row"),
            left_on="due",
            right_on="occurred",
            by="reader",
            strategy="forward",
            suffix="_again",
            check_sortedness=False,
        )
    )
    ne, sd, other = (pl.col(f"{name}_again") - pl.col(name) for name in ("ne", "sd", "other"))
    return pairs.filter(
        ne <= asked.not_evaluable_between,
        sd <= asked.stable_between,
        other == 0,
        (pl.col("lapsed_again") <= row).fill_null(True),
        pl.col("row_again").is_not_null(),
    ).select("row", confirmation_order="order_again")


def best_overall_response(tables: Tables, plan: ResponsePlan) -> pl.DataFrame:
    """The best response of every subject by every evaluator who assessed it.

    Every randomised subject has a row for the primary evaluator, NE if never assessed. Days count
    from randomisation; of a subject not randomised from its first baseline. Assessments before that
    day, after progression, and after the first day of a subsequent therapy do not count; the
    assessment that progression dates back to counts as PD. `occurred` and `assessment` are the
    first that showed the response; `confirmed` is null but for CR and PR, and says whether it was
    seen again after the plan's interval, or the standard's where the plan asks for none.

    Source: RECIST 1.1, sections 4.4.3 and 4.6, table 3 (recist_1_1.yaml). Sorted by replicate,
    subject, evaluator. `sources`: those of the assessment and of its confirmation, of the reference
    date, and of a therapy after which assessments were left out; where nothing counts, of what was
    found.
    """
    readers = _readers(tables, plan)
    counted = _counted(tables, readers)
    best = best_of(counted.select(list(COURSE)), terms(plan))
    shown = counted.select(*READER, "order", "occurred", "assessment", response_sources="sources")
    again = shown.select(*READER, "response_sources", confirmation_order="order")
    found = (
        readers.join(best, READER, "left", maintain_order="left")
        .join(shown, [*READER, "order"], "left", maintain_order="left")
        .join(
            again,
            [*READER, "confirmation_order"],
            "left",
            suffix="_again",
            maintain_order="left",
        )
        .with_columns(pl.col("response").fill_null("NE"))
    )
    nothing = found.select(pl.when(pl.col("order").is_null()).then("reading_sources")).to_series()
    sources = union_sources(
        found["response_sources"],
        found["response_sources_again"],
        found["reference_seq"],
        found["therapy_seq"],
        nothing,
    )
    return found.with_columns(sources).select(list(BEST_OVERALL_RESPONSE))


def _readers(tables: Tables, plan: ResponsePlan) -> pl.DataFrame:
    """Who is to have a best response: from which day on, until which progression or therapy."""
    randomised = tables["randomised"].select(*KEY, randomised="occurred", reference_seq="seq")
    baselines = tables["tumour_assessed"].filter("baseline")
    first_baseline = baselines.group_by(READER).agg(first_baseline=pl.col("occurred").min())
    found = tables["progression"].select(*READER, "progression_order", reading_sources="sources")
    primary = randomised.select(*KEY, evaluator=pl.lit(plan.primary_evaluator))
    return (
        pl.concat([found, primary.join(found, READER, "anti")], how="diagonal")
        .join(randomised, list(KEY), "left")
        .join(first_baseline, READER, "left")
        .join(_treated_otherwise(tables), READER, "left")
        .with_columns(reference=pl.coalesce("randomised", "first_baseline"))
        .sort(READER)
    )


def _treated_otherwise(tables: Tables) -> pl.DataFrame:
    """Per reader the first assessment after a subsequent therapy that was not taken back, and the
    therapy's seq."""
    therapies = (
        tables["subsequent_therapy_recorded"]
        .filter(pl.col("therapy").is_not_null())
        .sort("occurred", "event")
        .unique(list(KEY), keep="first", maintain_order=True)
        .select(*KEY, therapy="occurred", therapy_seq="seq")
    )
    return (
        tables["time_point_response"]
        .join(therapies, list(KEY))
        .filter(pl.col("occurred") > pl.col("therapy"))
        .group_by(READER)
        .agg(pl.col("therapy_seq").first(), therapy_order=pl.col("order").min())
    )


def _counted(tables: Tables, readers: pl.DataFrame) -> pl.DataFrame:
    """The assessments that count, with their day from the reference date."""
    order, progressed = pl.col("order"), pl.col("progression_order")
    day = (pl.col("occurred") - pl.col("reference")).dt.total_days()
    return (
        tables["time_point_response"]
        .join(readers, READER)
        .with_columns(
            day=day,
            response=pl.when(order == progressed).then(pl.lit("PD")).otherwise("overall_response"),
        )
        .filter(
            (order <= progressed).fill_null(True),
            (order < pl.col("therapy_order")).fill_null(True),
            (pl.col("day") >= 0).fill_null(True),
        )
    )
