"""One run of one assay: whether its body can be recorded, and the one value that it gives."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import polars as pl

from equipoise.biomarker.events import ASSAY_PLACES, AssayResultRecorded
from equipoise.biomarker.plan import Assay, BiomarkerPlan
from equipoise.errors import BadInput
from equipoise.record.event import decimal_text
from equipoise.record.rule import KEY, SOURCES, Columns, Tables
from equipoise.record.sources import group_sources

SCALE = 10**ASSAY_PLACES
WEIGHTS = {"negative": 0, "weak": 1, "moderate": 2, "strong": 3}
"""H-score = 1 x % weak + 2 x % moderate + 3 x % strong, from 0 to 300; with the share of negative
cells the percentages make WHOLE (McCarty et al., Arch Pathol Lab Med 1985;109:716-721)."""
WHOLE = 100

RESULT_KEY = ("replicate", "event")

ASSAY_VALUE: Columns = {
    **KEY,
    "result": pl.String,
    "sample": pl.String,
    "assay": pl.String,
    "purpose": pl.String,
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


def check_result(plan: BiomarkerPlan, body: AssayResultRecorded) -> None:
    """Raise BadInput, with every problem, when the study does not allow `body` to be recorded.

    The assay and its measurements must be declared by the plan, each measurement once and within
    its hard limits; a failed run says why; a run that did not fail has a value wherever it claims
    quality, an internal control where the assay needs one, and percentages that make 100. Values
    that cannot be interpreted are recorded all the same: they are findings, not mistakes.
    """
    assays = {assay.code: assay for assay in plan.marker.assays}
    where = f"assay result {body.result}"
    if body.assay not in assays:
        allowed = f"must be an assay of the study: {', '.join(assays)}"
        raise BadInput(allowed, where=where, field="assay", found=body.assay)
    problems = [
        BadInput(allowed, where=where, field=field, found=found)
        for field, found, allowed in _problems(assays[body.assay], body)
    ]
    if problems:
        raise BadInput.together(problems)


def _problems(assay: Assay, body: AssayResultRecorded) -> Iterator[tuple[str, object, str]]:
    """Triples of (field, what was found, what is allowed)."""
    declared = {each.code: each for each in assay.measurements}
    seen: set[str] = set()
    for each in body.measurements:
        field = f"measurements/{each.measurement}"
        limits = declared.get(each.measurement)
        if each.measurement in seen:
            yield field, each.measurement, "must be given once"
        seen.add(each.measurement)
        if limits is None:
            allowed = f"must be a measurement of {assay.code}: {', '.join(declared)}"
            yield field, each.measurement, allowed
        elif each.value is not None and not limits.minimum <= each.value <= limits.maximum:
            low, high = decimal_text(limits.minimum), decimal_text(limits.maximum)
            yield (
                field,
                decimal_text(each.value),
                f"must lie between {low} and {high} {limits.unit}",
            )
        if each.value is None and each.quality in ("passed", "check"):
            yield field, each.quality, "must be failed or not_given where there is no value"
    if not body.technically_valid:
        if body.failure is None:
            yield "failure", None, "must say why the run failed"
        return
    if body.failure is not None:
        yield "failure", body.failure, "must be left out of a run that is technically valid"
    if assay.internal_control_needed and body.internal_control == "not_applicable":
        yield "internal_control", body.internal_control, "must be positive or negative"
    if assay.summary == "h_score":
        yield from _percentages(body)


def _percentages(body: AssayResultRecorded) -> Iterator[tuple[str, object, str]]:
    values = {each.measurement: each.value for each in body.measurements}
    given = [value for code in WEIGHTS if (value := values.get(code)) is not None]
    if len(given) < len(WEIGHTS):
        found = (
            ", ".join(sorted(code for code in WEIGHTS if values.get(code) is not None)) or "none"
        )
        yield "measurements", found, f"must be all of {', '.join(WEIGHTS)}"
    elif (whole := sum(given, Decimal(0))) != WHOLE:
        yield "measurements", decimal_text(whole), f"must sum to {WHOLE} %"


def assay_value(tables: Tables, plan: BiomarkerPlan) -> pl.DataFrame:
    """The one value of each assay result, whether it can be interpreted, and why not.

    One row per result, sorted by replicate, subject and result. The value is total / count /
    10 ** ASSAY_PLACES in the assay's unit; both are null where none can be formed. Measurements of
    quality "failed" and without a value do not count. A result cannot be interpreted when

    1. its assay is not declared by this version of the study,
    2. the laboratory found its sample inadequate,
    3. the run failed technically,
    4. fewer measurements count than the assay needs (an H-score needs all four percentages),
    5. the percentages of an H-score do not sum to exactly 100,
    6. the assay needs an internal control and it is not positive. A positive internal control
       (stroma, endothelium) is needed before loss of staining counts; as no stratum may rest on
       the value that a run happens to have, it is asked of every value.

    `finding` names the first of these that applies. `invalidated` marks results that were
    withdrawn later, `invalidation` the event that did it; `event` is the result's permanent number.
    """
    results = tables["assay_result_recorded"]
    invalidated = (
        tables["assay_result_invalidated"]
        .group_by("replicate", "subject", "result")
        .agg(pl.col("event").min().alias("invalidation"), pl.col("seq").alias("invalidation_seq"))
    )
    found = (
        results.join(_counted(tables["assay_measurement"], results, plan), RESULT_KEY, "left")
        .join(_inadequate(tables["sample_received"]), ["replicate", "sample"], "left")
        .join(invalidated, ["replicate", "subject", "result"], "left")
        .join(_assays(plan), "assay", "left")
        .with_columns(pl.col("counted").fill_null(0))
        .with_columns(finding=_finding(), h_score=pl.col("summary") == "h_score")
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
        for name in ("seq", "measurement_seq", "inadequate_seq")
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
        )
        for each in plan.marker.assays
    ]
    names = ("assay", "summary", "declared", "needed", "control_needed")
    types = (pl.String, pl.String, pl.Int64, pl.Int64, pl.Boolean)
    return pl.DataFrame(rows, schema=dict(zip(names, types, strict=True)), orient="row")


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
        (assay.code, each.code, WEIGHTS.get(each.code, 0) if assay.summary == "h_score" else 1)
        for assay in plan.marker.assays
        for each in assay.measurements
    ]
    columns = {"assay": pl.String, "measurement": pl.String, "weight": pl.Int64}
    declared = pl.DataFrame(weights, schema=columns, orient="row")
    value = pl.when(pl.col("quality") != "failed").then("value")
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


def _inadequate(received: pl.DataFrame) -> pl.DataFrame:
    """Samples that were found inadequate when they were received last."""
    return (
        received.sort("replicate", "occurred", "event")
        .unique(["replicate", "sample"], keep="last", maintain_order=True)
        .filter(~pl.col("adequate"))
        .select("replicate", "sample", pl.col("seq").alias("inadequate_seq"))
    )


def _finding() -> pl.Expr:
    """Why the result cannot be interpreted; null when it can."""
    failure = (pl.lit(": ") + pl.col("failure")).fill_null("")
    few = pl.format(
        "{} of {} measurements can be interpreted, {} are needed", "counted", "declared", "needed"
    )
    whole = pl.format("the percentages sum to {}, not to {}", pl.col("sum") / SCALE, pl.lit(WHOLE))
    control = pl.format("the internal control is {}, not positive", "internal_control")
    return (
        pl.when(pl.col("summary").is_null())
        .then(pl.format("the assay {} is not declared", "assay"))
        .when(pl.col("inadequate_seq").is_not_null())
        .then(pl.format("the sample {} is inadequate", "sample"))
        .when(~pl.col("technically_valid"))
        .then(pl.lit("technical failure") + failure)
        .when(pl.col("counted") < pl.col("needed"))
        .then(few)
        .when((pl.col("summary") == "h_score") & (pl.col("sum") != WHOLE * SCALE))
        .then(whole)
        .when(pl.col("control_needed") & (pl.col("internal_control") != "positive"))
        .then(control)
    )
