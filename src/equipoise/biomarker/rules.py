"""From assay values to a marker status, by every version of the rule, without rounding errors.

A value is kept as two integers, `total` and `count`: value = total / count / 10 ** ASSAY_PLACES in
the assay's unit. A limit is compared by cross-multiplication: a mean of 9 % is `total >= 9 * 10**4
* count`, and 8.9999 % is below it.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import polars as pl

from equipoise.biomarker.assay import ASSAY_VALUE, SCALE, assay_value
from equipoise.biomarker.events import (
    ASSAY_PLACES,
    AssayMeasurement,
    AssayResultInvalidated,
    AssayResultRecorded,
    SampleCollected,
    SampleReceived,
)
from equipoise.biomarker.plan import Assay, BiomarkerPlan, StatusInterval, StatusRule
from equipoise.record.declaration import schema
from equipoise.record.rule import KEY, SOURCES, Columns, TableRule, Tables
from equipoise.record.sources import group_sources

SUBJECT = tuple(KEY)
BASES = ("randomisation", "redetermination")

MARKER_STATUS: Columns = {
    **KEY,
    "basis": pl.String,
    "rule": pl.String,
    "status": pl.String,
    "assay": pl.String,
    "total": pl.Int64,
    "count": pl.Int64,
    **SOURCES,
}


def marker_status(tables: Tables, plan: BiomarkerPlan) -> pl.DataFrame:
    """The status of every subject with a sample or a result, on both bases, by every rule.

    The steps of a rule are tried in order; the first whose assay has an interpretable result
    decides. Of several results of one assay the latest counts (day of the result, then order of
    entry). If the assay is `rounded_to` some places its value is rounded half up before it is
    compared; `total` and `count` show it unrounded.

    - basis `randomisation`: results for randomisation that stood in the record when the subject
      was randomised, or that stand now while it is not. What was recorded or invalidated later
      does not change a status as randomised.
    - basis `redetermination`: for each step results of the redetermination where one can be
      interpreted, else those for randomisation; invalidated results never count.

    `status` is null when no step can be decided; `sources` then holds the results that were
    considered, or the samples where there is no result.
    """
    rules = plan.marker.rules
    allocated = tables["randomised"].select(*SUBJECT, pl.col("event").alias("allocation_event"))
    results = tables["assay_value"].join(allocated, SUBJECT, "left")
    subjects = _subjects(tables)
    parts = []
    for basis, counting in zip(BASES, (_as_randomised(), ~pl.col("invalidated")), strict=True):
        considered = results.filter(counting)
        values = _latest(considered)
        wide = subjects
        for assay in sorted({step.assay for rule in rules for step in rule.steps}):
            wide = wide.join(_of_assay(values, assay), SUBJECT, "left", maintain_order="left")
        undecided = wide.filter(pl.any_horizontal(_undecided(rule) for rule in rules))
        why_not = _considered(tables, considered, undecided.select(SUBJECT))
        wide = wide.join(why_not, SUBJECT, "left", maintain_order="left")
        parts += [wide.select(_decided(plan, rule, basis)) for rule in rules]
    return pl.concat(parts).sort("replicate", "subject", "basis", "rule")


def _as_randomised() -> pl.Expr:
    """Results for randomisation, as the record stood at the subject's allocation."""
    allocated = pl.col("allocation_event")
    known = (pl.col("event") < allocated) | allocated.is_null()
    withdrawn = pl.col("invalidated") & ((pl.col("invalidation") < allocated) | allocated.is_null())
    return (pl.col("purpose") == BASES[0]) & known & ~withdrawn


def _subjects(tables: Tables) -> pl.DataFrame:
    found = [tables[name].select(SUBJECT) for name in ("sample_collected", "assay_value")]
    return pl.concat(found).unique().sort(SUBJECT)


def _latest(results: pl.DataFrame) -> pl.DataFrame:
    """Per subject and assay the result that counts: redetermined before others, then the latest."""
    later = pl.col("purpose") == BASES[1]
    return (
        results.filter("interpretable")
        .sort(later, "occurred", "event")
        .unique([*SUBJECT, "assay"], keep="last", maintain_order=True)
    )


def _of_assay(values: pl.DataFrame, assay: str) -> pl.DataFrame:
    names = ("total", "count", "sources")
    return values.filter(pl.col("assay") == assay).select(
        *SUBJECT, *(pl.col(name).alias(f"{assay}/{name}") for name in names)
    )


def _undecided(rule: StatusRule) -> pl.Expr:
    return pl.all_horizontal(pl.col(f"{step.assay}/total").is_null() for step in rule.steps)


def _considered(tables: Tables, considered: pl.DataFrame, subjects: pl.DataFrame) -> pl.DataFrame:
    """Per subject the sources of all results considered, or of its samples if there are none."""
    results = group_sources(considered.join(subjects, SUBJECT, "semi"), SUBJECT, "sources")
    samples = tables["sample_collected"].join(subjects, SUBJECT, "semi")
    rest = group_sources(samples.join(results, SUBJECT, "anti"), SUBJECT)
    return pl.concat([results, rest]).rename({"sources": "considered"})


def _decided(plan: BiomarkerPlan, rule: StatusRule, basis: str) -> Iterator[pl.Expr]:
    """The columns of the table by one rule."""
    assays = {assay.code: assay for assay in plan.marker.assays}
    steps = [step.assay for step in rule.steps]

    def first(values: list[pl.Expr], otherwise: pl.Expr) -> pl.Expr:
        chosen = otherwise
        for code, value in zip(reversed(steps), reversed(values), strict=True):
            chosen = pl.when(pl.col(f"{code}/total").is_not_null()).then(value).otherwise(chosen)
        return chosen

    text, number = pl.lit(None, dtype=pl.String), pl.lit(None, dtype=pl.Int64)
    nothing = pl.lit([], dtype=pl.List(pl.Int64))
    statuses = [_status(assays[step.assay], step.intervals) for step in rule.steps]
    yield from (pl.col(name) for name in SUBJECT)
    yield pl.lit(basis).alias("basis")
    yield pl.lit(rule.version).alias("rule")
    yield first(statuses, text).alias("status")
    yield first([pl.lit(code) for code in steps], text).alias("assay")
    yield first([pl.col(f"{code}/total") for code in steps], number).alias("total")
    yield first([pl.col(f"{code}/count") for code in steps], number).alias("count")
    sources = [pl.col(f"{code}/sources") for code in steps]
    yield first(sources, pl.col("considered").fill_null(nothing)).alias("sources")


def _status(assay: Assay, intervals: tuple[StatusInterval, ...]) -> pl.Expr:
    """The status of the interval that holds the assay's value."""
    total, count = pl.col(f"{assay.code}/total"), pl.col(f"{assay.code}/count")
    if assay.rounded_to is not None:
        step = 10 ** (ASSAY_PLACES - assay.rounded_to)
        total, count = (2 * total + count * step) // (2 * count * step) * step, pl.lit(1)
    chosen = pl.lit(None, dtype=pl.String)
    for interval in intervals:
        chosen = (
            pl.when(_inside(interval, total, count)).then(pl.lit(interval.status)).otherwise(chosen)
        )
    return chosen


def _inside(interval: StatusInterval, total: pl.Expr, count: pl.Expr) -> pl.Expr:
    inside = pl.lit(True)
    for limit, sign, closed in (
        (interval.at_least, 1, True),
        (interval.above, 1, False),
        (interval.below, -1, False),
        (interval.at_most, -1, True),
    ):
        if limit is not None:
            ratio = Fraction(limit) * SCALE
            beyond = sign * (total * ratio.denominator - count * ratio.numerator)
            inside = inside & (beyond >= 0 if closed else beyond > 0)
    return inside


RULES: tuple[TableRule, ...] = (
    TableRule(
        produces="assay_value",
        columns=ASSAY_VALUE,
        requires={
            cls.TABLE: schema(cls)
            for cls in (
                AssayResultRecorded,
                AssayMeasurement,
                AssayResultInvalidated,
                SampleReceived,
            )
        },
        plan="biomarker",
        rule=assay_value,
    ),
    TableRule(
        produces="marker_status",
        columns=MARKER_STATUS,
        requires={
            "assay_value": ASSAY_VALUE,
            SampleCollected.TABLE: schema(SampleCollected),
            "randomised": {**KEY, "event": pl.Int64},
        },
        plan="biomarker",
        rule=marker_status,
    ),
)
