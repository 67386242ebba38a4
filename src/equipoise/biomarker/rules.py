"""From assay values to a marker status, by every version of the rule, without rounding errors.

A value is kept as two integers, `total` and `count`: value = total / count / 10 ** ASSAY_PLACES in
the assay's unit. A limit is compared by cross-multiplication: a mean of 9 % is `total >= 9 * 10**4
* count`, and 8.9999 % is below it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
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
from equipoise.record.subject_rows import (
    NONE,
    Flags,
    Numbers,
    SubjectRows,
    days,
    gathered,
    grouped_sources,
    pack,
)

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
    values = tables["assay_value"]
    samples = tables["sample_collected"]
    rules = sorted(plan.marker.rules, key=lambda rule: rule.version)
    subjects = SubjectRows(samples, values)
    rows = subjects.rows(values)
    statuses = values.select(_statuses(plan, rules))
    usable = _usable(subjects, tables, values)
    chosen = np.full((len(subjects), len(BASES), len(rules)), -1, dtype=np.int64)
    for place, counts in enumerate(usable):
        latest = _latest(plan, values, rows, counts, len(subjects))
        for number, rule in enumerate(rules):
            for step in reversed(rule.steps):
                chosen[:, place, number] = np.where(
                    latest[step.assay] >= 0, latest[step.assay], chosen[:, place, number]
                )
    subject, basis, rule_number = (each.ravel() for each in np.indices(chosen.shape))
    result = chosen.ravel()
    by_rule = pl.concat([statuses[rule.version].alias("status") for rule in rules])
    found: pl.DataFrame = subjects.key[subject].with_columns(
        pl.Series(BASES).gather(basis).alias("basis"),
        pl.Series([rule.version for rule in rules]).gather(rule_number).alias("rule"),
        gathered(by_rule, np.where(result < 0, -1, rule_number * len(values) + result)),
        *(gathered(values[name], result).alias(name) for name in ("assay", "total", "count")),
    )
    why_not = _considered(subjects, samples, values, rows, usable)
    considered = len(values) + subject * len(BASES) + basis
    sources = pl.concat([values["sources"], why_not]).gather(
        np.where(result < 0, considered, result)
    )
    return found.with_columns(sources.alias("sources"))


def _usable(subjects: SubjectRows, tables: Tables, values: pl.DataFrame) -> tuple[Flags, Flags]:
    """Which results count at all on each basis, whether they can be interpreted or not.

    As randomised: results for randomisation that the record held at the subject's allocation.
    """
    randomised = tables["randomised"]
    allocated = np.full(len(subjects) + 1, np.iinfo(np.int64).max, dtype=np.int64)
    allocated[subjects.rows(randomised)] = randomised["event"].to_numpy()
    allocated[-1] = np.iinfo(np.int64).max
    limit = allocated[subjects.rows(values)]
    withdrawn = values["invalidation"].fill_null(np.iinfo(np.int64).max).to_numpy() < limit
    known = (values["event"].to_numpy() < limit) & ~withdrawn
    as_randomised = known & (values["purpose"] == BASES[0]).to_numpy()
    return as_randomised, ~values["invalidated"].to_numpy()


def _latest(
    plan: BiomarkerPlan, values: pl.DataFrame, rows: Numbers, counts: Flags, number: int
) -> dict[str, Numbers]:
    """By assay, for each subject the place of the result that counts; -1 if there is none.

    Results of the redetermination go before those for randomisation, then the latest counts.
    """
    day = days(values["occurred"])
    again = (values["purpose"] == BASES[1]).to_numpy().astype(np.int64)
    order = pack(
        again * _AGAIN + np.where(day == NONE, -_AGAIN // 4, day), values["event"].to_numpy()
    )
    readable = counts & values["interpretable"].to_numpy()
    found = {}
    for assay in plan.marker.assays:
        of_assay = np.flatnonzero(readable & (values["assay"] == assay.code).to_numpy())
        latest = np.full(number, np.iinfo(np.int64).min, dtype=np.int64)
        np.maximum.at(latest, rows[of_assay], order[of_assay])
        winners = of_assay[order[of_assay] == latest[rows[of_assay]]]
        found[assay.code] = np.full(number, -1, dtype=np.int64)
        found[assay.code][rows[winners]] = winners
    return found


_AGAIN = 2**21
"""More days than the calendar of dates has, twice."""


def _considered(
    subjects: SubjectRows,
    samples: pl.DataFrame,
    values: pl.DataFrame,
    rows: Numbers,
    usable: tuple[Flags, Flags],
) -> pl.Series:
    """For each subject and basis the sources of the results that count, or of its samples."""
    lists = values.select(pl.Series("result", np.arange(len(values))), "sources").explode("sources")
    places = lists["result"].to_numpy()
    seqs = lists["sources"].to_numpy()
    groups = [
        np.where(counts[places], rows[places] * len(BASES) + place, -1)
        for place, counts in enumerate(usable)
    ]
    number = len(subjects) * len(BASES)
    without = np.ones(number, dtype=np.bool_)
    for group in groups:
        without[group[group >= 0]] = False
    sample_rows, sample_seqs = subjects.rows(samples), samples["seq"].to_numpy()
    for place in range(len(BASES)):
        group = sample_rows * len(BASES) + place
        groups.append(np.where(without[group], group, -1))
    every = np.concatenate([seqs, seqs, sample_seqs, sample_seqs])
    return grouped_sources(np.concatenate(groups), every, number)


def _statuses(plan: BiomarkerPlan, rules: Sequence[StatusRule]) -> Iterator[pl.Expr]:
    """For each rule the status that it gives to a result by itself, in a column of its version."""
    assays = {assay.code: assay for assay in plan.marker.assays}
    for rule in rules:
        chosen = pl.lit(None, dtype=pl.String)
        for step in rule.steps:
            total, count = _value(assays[step.assay])
            of_assay = pl.col("assay") == step.assay
            for interval in step.intervals:
                inside = of_assay & _inside(interval, total, count)
                chosen = pl.when(inside).then(pl.lit(interval.status)).otherwise(chosen)
        yield chosen.alias(rule.version)


def _value(assay: Assay) -> tuple[pl.Expr, pl.Expr]:
    """Total and count of a result, rounded half up if the assay is."""
    total, count = pl.col("total"), pl.col("count")
    if assay.rounded_to is None:
        return total, count
    step = 10 ** (ASSAY_PLACES - assay.rounded_to)
    return (2 * total + count * step) // (2 * count * step) * step, pl.lit(1)


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
