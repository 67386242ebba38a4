"""How well the assays of a laboratory run: controls by run over time, and how many runs fail.

Sources: Levey S, Jennings ER, Am J Clin Pathol 1950;20:1059-1066 (a control chart of a laboratory:
values in the order of the runs, mean and multiples of the standard deviation); general knowledge,
not re-read. What a control has to read is the study's, and it alone decides (`controls.py`).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from equipoise.biomarker.controls import SCALE, within
from equipoise.biomarker.plan import BiomarkerPlan
from equipoise.record.rule import KEY, Columns, Tables
from equipoise.record.subject_rows import parent_rows, whole

RUN_CONTROL: Columns = {
    **KEY,
    "result": pl.String,
    "assay": pl.String,
    "control": pl.String,
    "occurred": pl.Date,
    "event": pl.Int64,
    "value": pl.Float64,
    "signal": pl.Boolean,
    "within": pl.Boolean,
}

RUN_QUALITY: Columns = {
    **KEY,
    "result": pl.String,
    "assay": pl.String,
    "occurred": pl.Date,
    "event": pl.Int64,
    "outcome": pl.String,
}

OUTCOMES = ("interpretable", "technical", "control", "sample", "other")
"""What came of a run: it can be interpreted, or why not, as OUTCOME_OF says."""


def run_controls(tables: Tables, plan: BiomarkerPlan) -> pl.DataFrame:
    """One row per control of a run that was recorded, in the order of the runs (day, then entry).

    `value` in the control's unit; a control without a value gave no signal (`signal` is false) and
    reads 0. `within`: it reads what the study demands; null for a control that is not declared.
    """
    results, controls = tables["assay_result_recorded"], tables["assay_control"]
    if controls.is_empty():
        return pl.DataFrame(schema=dict(RUN_CONTROL))
    parent = parent_rows(results, controls)
    value = whole(controls["value"], 0)
    assay = results["assay"][parent.tolist()]
    fits = np.full(len(controls), -1, dtype=np.int64)
    for each in plan.marker.assays:
        for limits in each.controls:
            mine = np.flatnonzero(
                ((assay == each.code) & (controls["control"] == limits.code)).to_numpy()
            )
            fits[mine] = within(limits, value[mine], np.ones_like(mine))
    found = controls.select(
        *KEY, results["result"][parent.tolist()].alias("result"), assay.alias("assay"), "control",
        "occurred", "event", value=pl.col("value").fill_null(0) / SCALE,
        signal=pl.col("value").is_not_null(),
        within=pl.when(pl.Series(fits >= 0)).then(pl.Series(fits == 1)),
    )  # fmt: skip
    return found.sort("occurred", "event", maintain_order=True).select(*RUN_CONTROL)


def run_quality(tables: Tables) -> pl.DataFrame:
    """One row per run: what came of it (`outcome`, one of OUTCOMES).

    `technical`: the laboratory called it technically invalid; `control`: a control of the run does
    not read what it has to; `sample`: the sample is inadequate or has too few tumour cells;
    `other`: measurements lack or do not fit together. Invalidated runs are as they were read.
    """
    said = tables["assay_result_recorded"].select(*KEY, "result", "technically_valid")
    found = tables["assay_value"].join(said, on=[*KEY, "result"], how="left")
    finding = pl.col("finding").fill_null("")
    outcome = (
        pl.when("interpretable").then(pl.lit("interpretable"))
        .when(~pl.col("technically_valid")).then(pl.lit("technical"))
        .when(finding.str.contains("control")).then(pl.lit("control"))
        .when(finding.str.contains("inadequate|tumour cells")).then(pl.lit("sample"))
        .otherwise(pl.lit("other"))
    )  # fmt: skip
    return found.with_columns(outcome=outcome).select(*RUN_QUALITY)


def failures(runs: pl.DataFrame) -> pl.DataFrame:
    """Runs by assay and quarter of the year, counted by outcome, and the share that failed.

    `runs` has rows of RUN_QUALITY. Columns assay, quarter (such as 2026-Q1, and `all`), runs, one
    per outcome, `failed` (runs that cannot be interpreted / runs, 0 to 1).

    >>> failures(pl.DataFrame(schema=dict(RUN_QUALITY))).is_empty()
    True
    """
    day = pl.col("occurred")
    quarter = pl.format("{}-Q{}", day.dt.year(), day.dt.quarter())
    dated = runs.with_columns(quarter=quarter)
    both = pl.concat([dated, dated.with_columns(quarter=pl.lit("all"))])
    counts = [(pl.col("outcome") == each).sum().cast(pl.Int64).alias(each) for each in OUTCOMES]
    found = both.group_by("assay", "quarter").agg(pl.len().cast(pl.Int64).alias("runs"), *counts)
    failed = 1 - pl.col("interpretable") / pl.col("runs")
    return found.with_columns(failed=failed).sort("assay", "quarter")


def spread(values: pl.Series) -> tuple[float, float] | None:
    """Mean and standard deviation (n - 1) of the values of a control; None under two of them.

    >>> spread(pl.Series([1.0, 3.0, 2.0]))
    (2.0, 1.0)
    """
    mean, deviation = values.mean(), values.std()
    if not isinstance(mean, float) or not isinstance(deviation, float):
        return None
    return mean, deviation
