"""One run of one assay: the one value that it gives, and whether it can be interpreted."""

from __future__ import annotations

from fractions import Fraction

import polars as pl

from equipoise.biomarker.controls import SCALE, failed_controls
from equipoise.biomarker.events import ASSAY_PLACES
from equipoise.biomarker.plan import Assay, BiomarkerPlan
from equipoise.errors import BadInput
from equipoise.record.event import decimal_text
from equipoise.record.rule import KEY, SOURCES, Columns, Tables
from equipoise.record.scaled import scaled_text
from equipoise.record.sources import group_sources

WEIGHTS = {"negative": 0, "weak": 1, "moderate": 2, "strong": 3}
"""H-score = 1 x % weak + 2 x % moderate + 3 x % strong, from 0 to 300; with the share of negative
cells the percentages make WHOLE (McCarty et al., Arch Pathol Lab Med 1985;109:716-721)."""
WHOLE = 100

TENTHS = 10
"""Tumour cells stand in tables as tenths of a per cent."""

RESULT_KEY = ("replicate", "event")
_OF_SAMPLE = ("replicate", "sample", "adequate", "judgement", "tumour_cells", "content")

ASSAY_VALUE: Columns = {
    **KEY,
    "result": pl.String,
    "sample": pl.String,
    "assay": pl.String,
    "purpose": pl.String,
    "determination": pl.String,
    "occurred": pl.Date,
    "total": pl.Int64,
    "count": pl.Int64,
    "interpretable": pl.Boolean,
    "finding": pl.String,
    "invalidated": pl.Boolean,
    "event": pl.Int64,
    "invalidation": pl.Int64,
    **SOURCES,
}


def assay_value(tables: Tables, plan: BiomarkerPlan) -> pl.DataFrame:
    """The one value of each assay result, whether it can be interpreted, and why not.

    One row per result, sorted by replicate, subject and result. The value is total / count /
    10 ** ASSAY_PLACES in the assay's unit; both are null where none can be formed. Measurements
    without a value, or of a quality that the assay does not accept, do not count. A result cannot
    be interpreted when

    1. its assay is not declared by this version of the study,
    2. the laboratory found its sample, or one that it was made from, inadequate,
    3. the assay asks for a least content of tumour cells, and the sample has less or nobody says,
    4. the run failed technically,
    5. a control of the run (0, 50, 100 %, without template) reads something else than it has to,
       or is not given though obligatory,
    6. fewer measurements count than the assay needs (an H-score needs all four percentages),
    7. the percentages of an H-score do not sum to exactly 100,
    8. the assay needs an internal control and it is not positive. A positive internal control
       (stroma, endothelium) is needed before loss of staining counts; as no stratum may rest on
       the value that a run happens to have, it is asked of every value.

    `finding` names the first of these that applies. `invalidated` marks results that were
    withdrawn later, `invalidation` the event that did it; `event` is the result's permanent number.
    `determination` names the run's determination, of which the run may be one replicate of several.
    """
    results = tables["assay_result_recorded"]
    if results.is_empty():
        return pl.DataFrame(schema=ASSAY_VALUE)
    invalidated = (
        tables["assay_result_invalidated"]
        .group_by("replicate", "subject", "result")
        .agg(pl.col("event").min().alias("invalidation"), pl.col("seq").alias("invalidation_seq"))
    )
    found = (
        results.join(_counted(tables["assay_measurement"], results, plan), RESULT_KEY, "left")
        .join(tables["sample_state"].select(_OF_SAMPLE), ["replicate", "sample"], "left")
        .join(failed_controls(tables["assay_control"], results, plan), RESULT_KEY, "left")
        .join(invalidated, ["replicate", "subject", "result"], "left")
        .join(_assays(plan), "assay", "left")
        .with_columns(pl.col("counted").fill_null(0))
        .with_columns(
            finding=_finding(),
            content=pl.when(pl.col("least_cells").is_not_null()).then("content"),
            h_score=pl.col("summary") == "h_score",
            determination=pl.coalesce("determination", "result"),
        )
    )
    whole = (pl.col("counted") > 0) & (~pl.col("h_score") | (pl.col("counted") >= pl.col("needed")))
    mean = pl.when(pl.col("summary") == "mean").then("counted").otherwise(1)
    return (
        found.join(_sources(found), RESULT_KEY, "left")
        .with_columns(
            total=pl.when(whole).then("total"),
            count=pl.when(whole).then(mean),
            interpretable=pl.col("finding").is_null(),
            invalidated=pl.col("invalidation").is_not_null(),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in ASSAY_VALUE.items())
        .sort("replicate", "subject", "result")
    )


def _sources(found: pl.DataFrame) -> pl.DataFrame:
    parts = [
        found.select(*RESULT_KEY, pl.col(name).alias("seq"))
        for name in ("seq", "measurement_seq", "judgement", "content", "control_seq")
    ]
    for name in ("measurement_seqs", "invalidation_seq"):
        some = found.filter(pl.col(name).list.len() > 0)
        parts.append(some.select(*RESULT_KEY, pl.col(name).alias("seq")).explode("seq"))
    return group_sources(pl.concat(parts), RESULT_KEY)


def _assays(plan: BiomarkerPlan) -> pl.DataFrame:
    """What the plan asks of each assay."""
    rows = [
        (
            each.code,
            each.summary,
            len(each.measurements),
            _needed(each),
            each.internal_control_needed,
            *_least_cells(each),
        )
        for each in plan.marker.assays
    ]
    names = (
        "assay", "summary", "declared", "needed", "control_needed",
        "least_cells", "least_over", "least_under",
    )  # fmt: skip
    types = (
        pl.String, pl.String, pl.Int64, pl.Int64, pl.Boolean, pl.String, pl.Int64, pl.Int64,
    )  # fmt: skip
    return pl.DataFrame(rows, schema=dict(zip(names, types, strict=True)), orient="row")


def _least_cells(assay: Assay) -> tuple[str | None, int | None, int | None]:
    """The least content of tumour cells as it is written, and as a fraction."""
    if assay.minimum_tumour_cells is None:
        return None, None, None
    least = Fraction(assay.minimum_tumour_cells)
    return decimal_text(assay.minimum_tumour_cells), least.numerator, least.denominator


def _needed(assay: Assay) -> int:
    codes = {each.code for each in assay.measurements}
    if assay.summary != "h_score":
        return assay.minimum_measurements
    if codes != set(WEIGHTS):
        raise BadInput(
            f"an H-score is made of the measurements {', '.join(WEIGHTS)}",
            where=f"assay {assay.code}",
            field="measurements",
            found=", ".join(sorted(codes)),
        )
    return len(codes)


def _counted(
    measurements: pl.DataFrame, results: pl.DataFrame, plan: BiomarkerPlan
) -> pl.DataFrame:
    """Per result: number, weighted total and plain sum of the measurements that count."""
    weights = [
        (
            assay.code,
            each.code,
            WEIGHTS.get(each.code, 0) if assay.summary == "h_score" else 1,
            list(assay.accepted_qualities),
        )
        for assay in plan.marker.assays
        for each in assay.measurements
    ]
    columns: Columns = {
        "assay": pl.String,
        "measurement": pl.String,
        "weight": pl.Int64,
        "accepted": pl.List(pl.String),
    }
    declared = pl.DataFrame(weights, schema=columns, orient="row")
    value = pl.when(pl.col("accepted").list.contains(pl.col("quality"))).then("value")
    seq, same = pl.col("seq"), pl.col("seq").min() == pl.col("seq").max()
    return (
        measurements.join(results.select(*RESULT_KEY, "assay"), RESULT_KEY)
        .join(declared, ["assay", "measurement"])
        .with_columns(value=value)
        .group_by(RESULT_KEY)
        .agg(
            pl.col("value").count().cast(pl.Int64).alias("counted"),
            (pl.col("value") * pl.col("weight")).sum().alias("total"),
            pl.col("value").sum().alias("sum"),
            seq.min().alias("measurement_seq"),
            pl.when(~same).then(seq.implode()).alias("measurement_seqs"),
        )
    )


def _finding() -> pl.Expr:
    """Why the result cannot be interpreted; null when it can."""
    failure = (pl.lit(": ") + pl.col("failure")).fill_null("")
    few = pl.format(
        "{} of {} measurements can be interpreted, {} are needed", "counted", "declared", "needed"
    )
    cells = pl.col("tumour_cells")
    enough = cells * pl.col("least_under") >= pl.col("least_over") * TENTHS
    unsaid = pl.format("nobody says how many tumour cells the sample {} has", "sample")
    poor = pl.format(
        "the sample {} has {} % tumour cells, {} % are needed",
        "sample", scaled_text(pl.when(~enough).then(cells), 1), "least_cells",
    )  # fmt: skip
    partial = (pl.col("summary") == "h_score") & (pl.col("sum") != WHOLE * SCALE)
    whole = pl.format(
        "the percentages sum to {}, not to {}",
        scaled_text(pl.when(partial).then("sum"), ASSAY_PLACES), pl.lit(WHOLE),
    )  # fmt: skip
    control = pl.format("the internal control is {}, not positive", "internal_control")
    return (
        pl.when(pl.col("summary").is_null())
        .then(pl.format("the assay {} is not declared", "assay"))
        .when(~pl.col("adequate"))
        .then(pl.format("the sample {} is inadequate", "sample"))
        .when(pl.col("least_cells").is_not_null() & cells.is_null())
        .then(unsaid)
        .when(~enough)
        .then(poor)
        .when(~pl.col("technically_valid"))
        .then(pl.lit("technical failure") + failure)
        .when(pl.col("control_finding").is_not_null())
        .then("control_finding")
        .when(pl.col("counted") < pl.col("needed"))
        .then(few)
        .when(partial)
        .then(whole)
        .when(pl.col("control_needed") & (pl.col("internal_control") != "positive"))
        .then(control)
    )
