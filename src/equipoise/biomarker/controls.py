"""The controls of a run: what they have to read before anything that the run says counts."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import polars as pl

from equipoise.biomarker.events import ASSAY_PLACES
from equipoise.biomarker.plan import Assay, BiomarkerPlan, Limits, RunControl
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
    declared = [(assay, each) for assay in plan.marker.assays for each in assay.controls]
    if controls.is_empty():
        declared = [pair for pair in declared if pair[1].obligatory]
    if len(results) <= FEW:
        used = set(results["assay"].to_list())
        declared = [pair for pair in declared if pair[0].code in used]
    if not declared:
        return pl.DataFrame(schema=_FAILED)
    right, value = pl.lit(None, dtype=pl.Boolean), pl.col("value").fill_null(0)
    for place, (_, control) in enumerate(declared):
        here = pl.col("place") == place
        right = pl.when(here).then(within(control, value, pl.lit(1))).otherwise(right)
    absent = pl.col("seq").is_null()
    return (
        results.filter("technically_valid")
        .select(*_KEY, "assay")
        .join(_table(declared), "assay")
        .join(controls.select(*_KEY, "control", "value", "seq"), [*_KEY, "control"], "left")
        .filter(pl.when(absent).then("obligatory").otherwise(~right))
        .sort(*_KEY, "place")
        .unique(_KEY, keep="first", maintain_order=True)
        .select(
            *_KEY,
            pl.when(absent)
            .then(pl.format("the control {} of the run is not given", "control"))
            .otherwise(_reads(value))
            .alias("control_finding"),
            pl.col("seq").alias("control_seq"),
        )
    )


def _reads(value: pl.Expr) -> pl.Expr:
    read = scaled_text(value, ASSAY_PLACES)
    return pl.format("the control {} of the run reads {}, outside its limits", "control", read)


def _table(declared: Sequence[tuple[Assay, RunControl]]) -> pl.DataFrame:
    """The controls of each assay with their place in the study file."""
    rows = [
        (assay.code, control.code, control.obligatory, place)
        for place, (assay, control) in enumerate(declared)
    ]
    types = (pl.String, pl.String, pl.Boolean, pl.Int64)
    names = ("assay", "control", "obligatory", "place")
    return pl.DataFrame(rows, schema=dict(zip(names, types, strict=True)), orient="row")


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
