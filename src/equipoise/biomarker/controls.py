"""The controls of a run: what they have to read before anything that the run says counts."""

from __future__ import annotations

from fractions import Fraction

import polars as pl

from equipoise.biomarker.events import ASSAY_PLACES
from equipoise.biomarker.plan import BiomarkerPlan, Limits
from equipoise.record.scaled import scaled_text
from equipoise.record.sources import FEW

SCALE = 10**ASSAY_PLACES

_KEY = ("replicate", "event")
_FAILED = {"replicate": pl.Int32, "event": pl.Int64, "control_finding": pl.String,
           "control_seq": pl.Int64}  # fmt: skip


def failed_controls(
    controls: pl.DataFrame, results: pl.DataFrame, plan: BiomarkerPlan
) -> pl.DataFrame:
    """Results whose run fails by a control: replicate, event, control_finding, control_seq.

    A control without a value gave no signal and reads 0. Of several that fail, the one that the
    study declares first is told. `control_seq` is null where an obligatory control is not given.
    """
    run = set(results["assay"].to_list()) if len(results) <= FEW else None
    failed = [
        frame
        for assay in plan.marker.assays
        if run is None or assay.code in run
        for control in assay.controls
        if (frame := _failed(controls, results, assay.code, control.code, control.obligatory,
                             within(control, pl.col("value").fill_null(0), pl.lit(1)))) is not None
    ]  # fmt: skip
    if not failed:
        return pl.DataFrame(schema=_FAILED)
    return pl.concat(failed).unique(_KEY, keep="first", maintain_order=True)


def _failed(
    controls: pl.DataFrame,
    results: pl.DataFrame,
    assay: str,
    code: str,
    obligatory: bool,
    right: pl.Expr,
) -> pl.DataFrame | None:
    """The runs of `assay` that fail by the control `code`; None where there can be none."""
    if controls.is_empty() and not obligatory:
        return None
    of_assay = results.filter((pl.col("assay") == assay) & pl.col("technically_valid"))
    given = controls.filter(control=code).select(*_KEY, "value", "seq")
    found = of_assay.select(_KEY).join(given, _KEY, "left")
    read = scaled_text(pl.col("value").fill_null(0), ASSAY_PLACES)
    absent = pl.col("seq").is_null()
    told = pl.when(absent).then(pl.lit(f"the control {code} of the run is not given"))
    return found.filter((absent & pl.lit(obligatory)) | (~absent & ~right)).select(
        *_KEY,
        told.otherwise(
            pl.format("the control {} of the run reads {}, outside its limits", pl.lit(code), read)
        ).alias("control_finding"),
        pl.col("seq").alias("control_seq"),
    )


def within(limits: Limits, total: pl.Expr, count: pl.Expr) -> pl.Expr:
    """Whether total / count / SCALE lies within `limits`, by cross-multiplication."""
    inside = pl.lit(True)
    for limit, sign, closed in (
        (limits.at_least, 1, True),
        (limits.above, 1, False),
        (limits.below, -1, False),
        (limits.at_most, -1, True),
    ):
        if limit is not None:
            ratio = Fraction(limit) * SCALE
            beyond = sign * (total * ratio.denominator - count * ratio.numerator)
            inside = inside & (beyond >= 0 if closed else beyond > 0)
    return inside
