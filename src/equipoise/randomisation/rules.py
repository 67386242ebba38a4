"""Who gets which arm: the plan mapped to the arithmetic of `equipoise.statistics.allocation`.

The step rule `allocated` decides one allocation from the scheme, the stratum and the number of
the stratum's earlier allocations. It is the same for a live trial and for every simulated one;
only the words differ, and they come in as an argument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from equipoise.randomisation.plan import RandomisationPlan, Scheme
from equipoise.record.rule import KEY, SOURCES, TableRule, Tables
from equipoise.statistics.allocation import (
    Allocation,
    CompleteRandomisation,
    Method,
    PermutedBlocks,
    allocate,
)
from equipoise.statistics.random import Words


def stratum_of(scheme: Scheme, status: str, factors: Mapping[str, str]) -> str:
    """The name of a stratum: the marker's status, then each factor's level in the plan's order.

    >>> scheme = Scheme(code="main", version="1", method="simple", ratios=(), factors=("sex",))
    >>> stratum_of(scheme, "DEFICIENT", {"sex": "F"})
    'DEFICIENT/sex=F'
    """
    return "/".join([status, *(f"{factor}={factors[factor]}" for factor in scheme.factors)])


def stream_of(scheme: Scheme) -> str:
    """The name under which the generator draws for this version of the scheme."""
    return f"{scheme.code}/{scheme.version}"


def method_of(scheme: Scheme, status: str, arms: Sequence[str]) -> Method:
    """The allocation method of a status: the ratio's weights in the order of `arms`."""
    ratio = next(each for each in scheme.ratios if each.status == status)
    weights = tuple(ratio.ratio.get(arm, 0) for arm in arms)
    if scheme.method == "simple":
        return CompleteRandomisation(weights)
    return PermutedBlocks(weights, ratio.block_sizes)


def allocated(
    plan: RandomisationPlan, status: str, stratum: str, earlier: int, words: Words
) -> tuple[str, Allocation]:
    """The arm of the next subject of `stratum`, and the evidence of the draw.

    `earlier` is the number of the stratum's allocations in this version of the scheme. Source:
    permuted blocks of random size as in Rosenberger and Lachin, Randomization in Clinical Trials,
    2nd ed. 2016, chapter 3.
    """
    arms = [arm.code for arm in plan.arms]
    found = allocate(method_of(plan.scheme, status, arms), stratum, earlier, words)
    return arms[found.arm], found


def allocation(tables: Tables, plan: RandomisationPlan) -> pl.DataFrame:
    """One row per allocated subject, as randomised: scheme, number, stratum, marker status, arm."""
    return (
        tables["randomised"]
        .select(
            "replicate", "subject", "site", pl.col("occurred").alias("randomised"),
            "scheme", "scheme_version", "allocation", "stratum", "stratum_allocation",
            "marker_status", "status_rule", "arm", pl.concat_list("seq").alias("sources"),
        )
        .sort("replicate", "subject")
    )  # fmt: skip


_RANDOMISED = {
    "scheme": pl.String, "scheme_version": pl.String, "allocation": pl.Int64,
    "stratum": pl.String, "stratum_allocation": pl.Int64, "marker_status": pl.String,
    "status_rule": pl.String, "arm": pl.String,
}  # fmt: skip

RULES: tuple[TableRule, ...] = (
    TableRule(
        produces="allocation",
        columns={**KEY, "site": pl.String, "randomised": pl.Date, **_RANDOMISED, **SOURCES},
        requires={
            "randomised": {
                **KEY, "site": pl.String, "occurred": pl.Date, "seq": pl.Int64, **_RANDOMISED,
            }
        },
        plan="randomisation",
        rule=allocation,
    ),
)  # fmt: skip
