"""Who gets which arm: the plan mapped to the arithmetic of `equipoise.statistics`.

The step rule `allocated` decides one allocation from the scheme, the subject's status and factors,
and the stratum's earlier allocations in record order. It is the same for a live trial and for every
simulated one (`allocated_batch`); only the words differ, and they come from a seed that is an
argument.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial

import numpy as np
import polars as pl

from equipoise.errors import RecordError
from equipoise.randomisation.plan import RandomisationPlan, Scheme
from equipoise.randomisation.strata import STRATUM_RULE
from equipoise.record.rule import KEY, SOURCES, TableRule, Tables
from equipoise.statistics.allocation import (
    Allocation,
    CompleteRandomisation,
    IntArray,
    Method,
    PermutedBlocks,
    allocate,
    allocate_batch,
    blocks_needed,
    words_needed,
)
from equipoise.statistics.minimisation import Minimisation, Minimised, minimise, minimise_batch
from equipoise.statistics.random import UInt64Array, Words, allocation_words

Evidence = Allocation | Minimised

BatchWords = Callable[[Sequence[str], int, int], UInt64Array]
"""A source of bits for many replicates: (strata, blocks, count) to words of that shape, a row for
each replicate."""


@dataclass(frozen=True, slots=True)
class Allocated:
    """An allocation that stands in the record: the arm, and the factors it was made with."""

    arm: str
    factors: Mapping[str, str]


def stratum_of(scheme: Scheme, status: str, factors: Mapping[str, str]) -> str:
    """The name of a stratum: the marker's status, then each factor's level in the plan's order.

    Minimisation balances its factors within the status: there the status is the stratum.

    >>> scheme = Scheme(code="main", version="1", method="simple", ratios=(), factors=("sex",))
    >>> stratum_of(scheme, "DEFICIENT", {"sex": "F"})
    'DEFICIENT/sex=F'
    >>> stratum_of(scheme.model_copy(update={"method": "minimisation"}), "DEFICIENT", {"sex": "F"})
    'DEFICIENT'
    """
    if scheme.method == "minimisation":
        return status
    return "/".join([status, *(f"{factor}={factors[factor]}" for factor in scheme.factors)])


def stream_of(scheme: Scheme) -> str:
    """The name under which the generator draws for this version of the scheme."""
    return f"{scheme.code}/{scheme.version}"


def weights_of(scheme: Scheme, status: str, arms: Sequence[str]) -> tuple[int, ...]:
    """The weights of a status' ratio in the order of `arms`."""
    ratio = next(each for each in scheme.ratios if each.status == status)
    return tuple(ratio.ratio.get(arm, 0) for arm in arms)


def method_of(scheme: Scheme, status: str, arms: Sequence[str]) -> Method:
    """How blocks or single draws allocate a status: the ratio's weights in the order of `arms`."""
    weights = weights_of(scheme, status, arms)
    if scheme.method == "simple":
        return CompleteRandomisation(weights)
    ratio = next(each for each in scheme.ratios if each.status == status)
    return PermutedBlocks(weights, ratio.block_sizes)


def minimisation_of(scheme: Scheme, status: str, arms: Sequence[str]) -> Minimisation:
    """How minimisation allocates a status: factors in the plan's order, the coin as a fraction."""
    rule = scheme.minimisation
    assert rule is not None, "a study file that names minimisation has its rule"
    return Minimisation(
        weights_of(scheme, status, arms),
        tuple(rule.weights[factor] for factor in scheme.factors),
        Fraction(rule.probability),
        rule.measure,
    )


def allocated(
    plan: RandomisationPlan,
    status: str,
    factors: Mapping[str, str],
    earlier: Sequence[Allocated],
    words: Words,
) -> tuple[str, Evidence]:
    """The arm of the next subject with this status and these factors, and its evidence.

    `earlier` are the allocations of the subject's stratum in this version of the scheme, in record
    order. Minimisation finds each of them again, because their notional arms are not recorded:
    RecordError when one is not what seed and record give. Sources: permuted blocks of random size,
    Rosenberger and Lachin, Randomization in Clinical Trials, 2nd ed. 2016, chapter 3;
    minimisation, see `equipoise.statistics.minimisation`.
    """
    arms = [arm.code for arm in plan.arms]
    stratum = stratum_of(plan.scheme, status, factors)
    if plan.scheme.method != "minimisation":
        found = allocate(method_of(plan.scheme, status, arms), stratum, len(earlier), words)
        return arms[found.arm], found
    decided = minimised(plan, status, [*(each.factors for each in earlier), factors], words)
    for number, (standing, each) in enumerate(zip(earlier, decided, strict=False)):
        if standing.arm != arms[each.arm]:
            raise RecordError(
                f"allocation {number + 1} of stratum {stratum} is not what seed and record give; "
                "nothing was allocated, and the record and its keys must be examined"
            )
    return arms[decided[-1].arm], decided[-1]


def minimised(
    plan: RandomisationPlan, status: str, people: Sequence[Mapping[str, str]], words: Words
) -> list[Minimised]:
    """The allocations of a status' arrivals with these factors, in order, by minimisation."""
    scheme = plan.scheme
    levels = numbered([[person[name] for name in scheme.factors] for person in people])
    method = minimisation_of(scheme, status, [arm.code for arm in plan.arms])
    return minimise(method, stratum_of(scheme, status, people[0]), levels, words)


def numbered(levels: Sequence[Sequence[str]]) -> IntArray:
    """Levels as numbers, column by column; which number a level gets means nothing.

    >>> numbered([["F", "YES"], ["M", "YES"], ["F", "NO"]]).tolist()
    [[0, 1], [1, 1], [0, 0]]
    """
    texts = np.array(levels, dtype=object)
    columns = [np.unique(column.astype(str), return_inverse=True)[1] for column in texts.T]
    return np.stack(columns, axis=1).astype(np.int64)


def allocated_batch(
    plan: RandomisationPlan,
    strata: Sequence[tuple[str, str]],
    arrived: IntArray,
    levels: IntArray,
    words: BatchWords,
) -> IntArray:
    """Arms, as indices in the plan's order, of many replicates' arrivals in order.

    `strata` are pairs of status and stratum name. `arrived`, shape (replicates, arrivals), has the
    index of each arrival's stratum, negative for one who is not randomised, who gets a negative
    arm; `levels`, shape (replicates, arrivals, factors), is read by minimisation only. Equal to
    `allocated` for every arrival in turn, from the same words.
    """
    arms, scheme = [arm.code for arm in plan.arms], plan.scheme
    names = [name for _, name in strata]
    if scheme.method == "minimisation":
        rules = [minimisation_of(scheme, status, arms) for status, _ in strata]
        most = max(int((arrived == index).sum(axis=1).max()) for index in range(len(names)))
        count = max(rule.words_per_block for rule in rules)
        return minimise_batch(rules, arrived, levels, words(names, most, count))
    methods = [method_of(scheme, status, arms) for status, _ in strata]
    drawn = words(names, blocks_needed(methods, arrived), words_needed(methods))
    return allocate_batch(methods, arrived, drawn)


def sealed_words(scheme: Scheme, seeds: Sequence[bytes]) -> BatchWords:
    """The words that the documented generator gives to each of these seeds under this scheme."""
    return partial(allocation_words, seeds, stream_of(scheme))


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
    STRATUM_RULE,
)  # fmt: skip
