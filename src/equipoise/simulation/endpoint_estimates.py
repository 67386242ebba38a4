"""Estimates of every trial with the intervals of the plan: columns, and what they hold.

A ratio is told as its logarithm, on which it is nearly normal; an estimate that is not finite is
left out of the mean, and an interval that has no end covers what lies on its side. The numbers are
those of the analysis itself. An interval may take far longer than the trial: equal tables are
looked at once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from equipoise.analysis.estimates import (
    CONTRASTS,
    ESTIMATES,
    RATIOS,
    Numbers,
    contrasted,
    single_proportion,
)
from equipoise.analysis.model_data import Coded
from equipoise.analysis.models import counts_effects, counts_numbers
from equipoise.simulation.endpoint_column import Column
from equipoise.statistics.effects import Effects
from equipoise.statistics.proportion import normal_quantile
from equipoise.study.analysis_plan import Analysis

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Limits = tuple[float, float, float]
"""An estimate with its lower and upper limit; nan for none."""

LOGARITHMIC = ("odds_ratio", "risk_ratio", *RATIOS)
_KEPT = 100_000
"""Tables of one analysis whose numbers are kept for the next chunk of trials."""


def estimate_columns(
    name: str, subject: str, label: str, truth: float | None, *, interval: bool
) -> list[Column]:
    """The columns of one estimate: itself, whether its interval holds the truth, how wide it is."""
    own = name.rpartition("/")[0] if name != subject else name
    found = [Column(name, "estimate", subject, label, truth)]
    if interval and truth is not None:
        found.append(Column(f"{own}/covered", "covered", subject, f"{label}: interval", truth))
    if interval:
        found.append(Column(f"{own}/width", "width", subject, label))
    return found


def comparison_columns(
    analysis: Analysis, truth: float | None, *, interval: bool = True
) -> list[Column]:
    """The columns of the comparison that an analysis estimates."""
    if analysis.estimate in LOGARITHMIC:
        name, words = f"log_{analysis.estimate}", f"log {ESTIMATES[analysis.estimate]}"
    else:
        name, words = "difference", "difference"
    return estimate_columns(
        f"{analysis.id}/{name}",
        analysis.id,
        f"{analysis.label.en}: {words}",
        truth,
        interval=interval and analysis.interval != "none",
    )


def estimate_values(
    limits: FloatArray, truth: float | None, *, interval: bool, logarithmic: bool = False
) -> list[FloatArray]:
    """What `estimate_columns` describes, from estimates and limits of shape (trials, 3).

    Without a lower limit there is no interval; without an upper one it has no end.
    """
    with np.errstate(divide="ignore"):
        estimate, lower, upper = (np.log(limits) if logarithmic else limits).T
    found = [np.where(np.isfinite(estimate), estimate, np.nan)]
    upper = np.where(np.isnan(upper), np.inf, upper)
    if interval and truth is not None:
        covered = ((lower <= truth) & (truth <= upper)).astype(np.float64)
        found.append(np.where(np.isnan(lower), np.nan, covered))
    if interval:
        width = np.subtract(upper, lower, out=np.full(len(upper), np.inf), where=lower > -np.inf)
        found.append(np.where(np.isfinite(width), width, np.nan))
    return found


def wald_limits(effects: Effects, level: float) -> FloatArray:
    """Coefficients with Wald's limits, shape (trials, 3)."""
    half = normal_quantile(level) * effects.standard_error
    beta = effects.estimate
    return np.column_stack([beta, beta - half, beta + half])


def contrast_limits(analysis: Analysis, tables: IntArray) -> FloatArray:
    """The contrast of each table (x1, n1, x2, n2); nan where a group is empty."""
    return _each_once(_contrast(analysis), tables)


def proportion_limits(analysis: Analysis, counts: IntArray) -> FloatArray:
    """The proportion of each pair (x, n)."""
    return _each_once(_proportion(analysis), counts)


def model_limits(analysis: Analysis, events: IntArray, sizes: IntArray, codes: Coded) -> FloatArray:
    """The ratio of each trial's counts, (trials, groups, combinations) each, with its interval."""
    shape = events.shape[1:]
    half = events[0].size

    def one(*counts: int) -> Limits:
        row = np.array(counts, dtype=np.int64)
        own = row[:half].reshape(1, *shape), row[half:].reshape(1, *shape)
        if (own[1].sum(axis=2) == 0).any():
            return np.nan, np.nan, np.nan
        return _limits(counts_numbers(analysis, *own, codes))

    rows = [each.reshape(len(events), -1) for each in (events, sizes)]
    return _each_once(one, np.hstack(rows))


def regression_limits(
    analysis: Analysis, events: IntArray, sizes: IntArray, codes: Coded
) -> tuple[FloatArray, FloatArray]:
    """P, and coefficients with Wald's limits, of a logistic regression in each trial."""
    effects = counts_effects(analysis, events, sizes, codes)
    return effects.p, wald_limits(effects, float(analysis.level))


def _each_once(one: Callable[..., Limits], rows: IntArray) -> FloatArray:
    distinct, place = np.unique(rows, axis=0, return_inverse=True)
    found = [one(*row) for row in distinct.tolist()]
    return np.array(found, dtype=np.float64).reshape(-1, 3)[place.reshape(-1)]


@lru_cache(maxsize=256)
def _contrast(analysis: Analysis) -> Callable[..., Limits]:
    assert analysis.estimate in CONTRASTS

    @lru_cache(maxsize=_KEPT)
    def one(x1: int, n1: int, x2: int, n2: int) -> Limits:
        if n1 == 0 or n2 == 0:
            return np.nan, np.nan, np.nan
        return _limits(contrasted(analysis, x1, n1, x2, n2))

    return one


@lru_cache(maxsize=256)
def _proportion(analysis: Analysis) -> Callable[..., Limits]:
    @lru_cache(maxsize=_KEPT)
    def one(x: int, n: int) -> Limits:
        return _limits(single_proportion(analysis, x, n))

    return one


def _limits(numbers: Numbers) -> Limits:
    estimate, lower, upper = (
        np.nan if each is None else each
        for each in (numbers.estimate, numbers.lower, numbers.upper)
    )
    return estimate, lower, upper
