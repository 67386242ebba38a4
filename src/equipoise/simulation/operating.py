"""Operating characteristics of an end-point simulation, from sums that chunks add up to.

A chunk's sums depend on its trials alone, and chunks are added in their order: so the bits are the
same whoever computed which chunk.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from equipoise.simulation.endpoint_column import Column
from equipoise.simulation.endpoints import EndpointSimulation
from equipoise.statistics.binomial_interval import clopper_pearson
from equipoise.statistics.column_sums import column_sums
from equipoise.statistics.proportion import normal_quantile

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


SHARES = ("stop_efficacy", "stop_futility", "stopped_early", "look_held")
"""Measures that are 1 or 0 in a trial: what is told of them is the share of trials."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What is kept of trials: their number, and of each column how often it was defined, its sum
    and the sum of its squares; of each test how often it rejected."""

    trials: IntArray
    defined: IntArray
    total: FloatArray
    squares: FloatArray
    rejected: IntArray


@dataclass(frozen=True, slots=True)
class OperatingRow:
    """One characteristic with its Monte-Carlo error.

    `measure` and `subject` say of what (an analysis, STRATUM or STRATUM/ARM, or nothing: the whole
    trial). `lower` and `upper` are 95 % limits of the simulation: exact for probabilities. `trials`
    is how many counted, `truth` the true value of what is estimated, where the scenario has one.
    """

    measure: str
    subject: str
    label: str
    estimate: float | None
    standard_error: float | None
    lower: float | None
    upper: float | None
    trials: int
    truth: float | None = None


def rejections(simulation: EndpointSimulation, trials: FloatArray) -> BoolArray:
    """Whether each test rejects in each trial, shape (trials, tested). P at the level rejects; a
    test without an answer does not. A trial that stops by its looks says itself whether it does."""
    found = trials[:, list(simulation.p_columns)]
    said = [simulation.described[place].measure == "rejected" for place in simulation.p_columns]
    return np.asarray(np.where(said, found > 0, found <= np.array(simulation.limits)), np.bool_)


def sums(
    simulation: EndpointSimulation, trials: FloatArray, rejected: BoolArray | None = None
) -> Sums:
    """The sums of one chunk of trials; `rejected` is what `rejections` says of them, where that is
    known already."""
    rejected = rejections(simulation, trials) if rejected is None else rejected
    defined, total, squares = column_sums(trials)
    return Sums(
        trials=np.array([len(trials)], dtype=np.int64),
        defined=defined,
        total=total,
        squares=squares,
        rejected=rejected.sum(axis=0).astype(np.int64),
    )


def merged(first: Sums, second: Sums) -> Sums:
    """The sums of two chunks together, added in this order."""
    return Sums(*(getattr(first, f.name) + getattr(second, f.name) for f in fields(Sums)))


def operating_characteristics(simulation: EndpointSimulation, found: Sums) -> list[OperatingRow]:
    """Every characteristic: of the trial, its sizes, each test and each estimate, in plan order."""
    trials = int(found.trials[0])
    rejected = dict(zip(simulation.p_columns, found.rejected.tolist(), strict=True))
    rows: list[OperatingRow] = []
    for place, column in enumerate(simulation.described):
        known = int(found.defined[place])
        if column.measure == "p":
            measure = "type_1_error" if column.null else "power"
            rows.append(_share(measure, column, rejected[place], trials, None))
            rows.append(_share("undefined", column, trials - known, trials, None))
        elif column.measure == "rejected":
            measure = "type_1_error" if column.null else "power"
            rows.append(_share(measure, column, rejected[place], trials, None))
        elif column.measure in SHARES:
            count = round(float(found.total[place]))
            rows.append(_share(column.measure, column, count, trials, None))
        elif column.measure == "covered":
            covered = round(float(found.total[place]))
            rows.append(_share("coverage", column, covered, known, column.truth))
        else:
            rows += _means(column, known, float(found.total[place]), float(found.squares[place]))
    return rows


def _share(
    measure: str, column: Column, count: int, trials: int, truth: float | None
) -> OperatingRow:
    if trials == 0:
        return OperatingRow(measure, column.subject, column.label, None, None, None, None, 0, truth)
    rate = count / trials
    limits = clopper_pearson(count, trials)
    return OperatingRow(
        measure, column.subject, column.label, rate, math.sqrt(rate * (1 - rate) / trials),
        limits.lower, limits.upper, trials, truth,
    )  # fmt: skip


def _means(column: Column, known: int, total: float, squares: float) -> Iterator[OperatingRow]:
    """The mean of a column, and its bias where the truth is known."""
    measure = {"estimate": "mean_estimate", "width": "mean_width"}.get(
        column.measure, column.measure
    )
    subject, label, truth = column.subject, column.label, column.truth
    if known == 0:
        yield OperatingRow(measure, subject, label, None, None, None, None, 0, truth)
        return
    mean = total / known
    spread = max(0.0, squares / known - mean * mean) * known / max(known - 1, 1)
    error = math.sqrt(spread / known)
    half = normal_quantile(0.95) * error
    yield OperatingRow(measure, subject, label, mean, error, mean - half, mean + half, known, truth)
    if truth is not None:
        bias = mean - truth
        yield OperatingRow(
            "bias", subject, label, bias, error, bias - half, bias + half, known, truth
        )
