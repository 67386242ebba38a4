"""Whether hazards are proportional: Schoenfeld's residuals, and tests that effects do not change.

Follow-up, covariates and strata are as in `cox.py`, ties by Efron's approximation or Breslow's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import BadInput
from equipoise.statistics.checked import one_of
from equipoise.statistics.chi_square import ChiSquareTest, chi_square_tail, quadratic_form
from equipoise.statistics.cox import Ties, cox_fit
from equipoise.statistics.cox_core import cox_tied
from equipoise.statistics.follow_up import by_stratum, checked_follow_up
from equipoise.statistics.kaplan_meier import kaplan_meier

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
TimeScale = Literal["km", "rank", "identity", "log"]
TIME_SCALES: tuple[TimeScale, ...] = get_args(TimeScale)


@dataclass(frozen=True, slots=True, eq=False)
class SchoenfeldResiduals:
    """Residuals of every event, by stratum and time; `subject` is the place in what was given.

    `residual` (events x covariates) is the covariate less its mean among those at risk; `scaled`
    estimates the coefficient at the time of the event.
    """

    subject: IntArray
    time: FloatArray
    residual: FloatArray
    scaled: FloatArray


@dataclass(frozen=True, slots=True)
class ProportionalHazards:
    """The test of each covariate by itself, and that of all together."""

    covariates: tuple[ChiSquareTest, ...]
    overall: ChiSquareTest


def schoenfeld_residuals(
    time: ArrayLike,
    event: ArrayLike,
    covariates: ArrayLike,
    *,
    strata: ArrayLike | None = None,
    ties: Ties = "efron",
) -> SchoenfeldResiduals:
    """Schoenfeld's residuals (1982, Biometrika 69:239-241) and their scaled form.

    Those of one time share the mean of its risk sets, of which by Efron's approximation each death
    has its own. Scaled they are coefficient + events x covariance x residual (Grambsch and Therneau
    1994, Biometrika 81:515-526), as R's residuals of type scaledsch. BadInput where a coefficient
    has no finite estimate.

    >>> found = schoenfeld_residuals([1, 2, 3, 4], [1, 1, 1, 1], [[0], [1], [0], [1]])
    >>> found.residual[:, 0].round(3).tolist()
    [-0.281, 0.562, -0.281, 0.0]
    """
    fitted = _Fitted.of(time, event, covariates, strata, ties)
    if fitted.diverging.any():
        raise BadInput(
            "covariates whose coefficients have finite estimates; leave out those that have none",
            field="covariates",
            found=np.flatnonzero(fitted.diverging).tolist(),
        )
    row = np.repeat(np.arange(len(fitted.deaths)), fitted.deaths)
    residual = fitted.values[fitted.dead] - (fitted.means / fitted.deaths[:, None])[row]
    scaled = fitted.beta + len(row) * residual @ fitted.covariance
    return SchoenfeldResiduals(fitted.dead, fitted.time[row], residual, scaled)


def proportional_hazards(
    time: ArrayLike,
    event: ArrayLike,
    covariates: ArrayLike,
    *,
    scale: TimeScale = "km",
    strata: ArrayLike | None = None,
    ties: Ties = "efron",
) -> ProportionalHazards:
    """The score test that no effect changes with time: that of adding covariate x g(time).

    g is 1 less the Kaplan-Meier estimate of all subjects just before the time (`km`), the `rank` of
    the time among the events, the time (`identity`) or its logarithm (`log`). With the variance of
    every risk set, as R's cox.zph from survival 3.0 on; the test of Grambsch and Therneau (1994)
    has their average. P is None for a covariate that the events do not determine, and for all where
    a coefficient has no finite estimate.

    >>> found = proportional_hazards([1, 2, 3, 4, 5], [1] * 5, [[0], [1], [0], [1], [0]])
    >>> round(found.overall.statistic, 3), round(found.overall.p, 3)
    (0.708, 0.4)
    """
    one_of(scale, TIME_SCALES, "scale")
    fitted = _Fitted.of(time, event, covariates, strata, ties)
    width = len(fitted.beta)
    if fitted.diverging.any() or not len(fitted.deaths):
        none = ChiSquareTest(0.0, 0, None)
        return ProportionalHazards((none,) * width, none)
    place = _scaled_times(fitted, np.asarray(time), np.asarray(event), scale)
    place = place - np.average(place, weights=fitted.deaths)
    place /= max(float(np.abs(place).max()), np.finfo(float).tiny)
    # Every covariate in units of its own information, so that none is lost beside a larger one.
    known = np.einsum("tij->ij", fitted.spreads)
    size = np.sqrt(np.maximum(np.diag(known), np.finfo(float).tiny))
    units = size[:, None] * size[None, :]
    score = np.einsum("t,ti->i", place, fitted.dead_sums - fitted.means) / size
    both = np.einsum("t,tij->ij", place, fitted.spreads) / units
    added = np.einsum("t,tij->ij", place**2, fitted.spreads) / units
    added -= both @ np.linalg.pinv(known / units, rcond=1e-10, hermitian=True) @ both
    tests = [_test(score[[i]], added[i : i + 1, i : i + 1]) for i in range(width)]
    return ProportionalHazards(tuple(tests), _test(score, added))


def _test(score: FloatArray, variance: FloatArray) -> ChiSquareTest:
    statistic, freedom = quadratic_form(score, variance, unit=1e-3)
    return ChiSquareTest(
        statistic, freedom, chi_square_tail(statistic, freedom) if freedom else None
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """A model, and of every time with deaths (by stratum): the deaths, the sums of their covariates
    and of the means of their risk sets, and the sum of the variances of these."""

    values: FloatArray
    beta: FloatArray
    covariance: FloatArray
    diverging: BoolArray
    dead: IntArray
    time: FloatArray
    deaths: IntArray
    dead_sums: FloatArray
    means: FloatArray
    spreads: FloatArray

    @classmethod
    def of(
        cls,
        time: ArrayLike,
        event: ArrayLike,
        covariates: ArrayLike,
        strata: ArrayLike | None,
        ties: Ties,
    ) -> _Fitted:
        one_of(ties, ("efron", "breslow"), "ties")
        times, events = checked_follow_up(time, event)
        fit = cox_fit(times, events, covariates, strata=strata, ties=ties)
        values = np.asarray(covariates, dtype=np.float64)
        values = values - values.mean(axis=0) if len(values) else values
        layers = np.zeros(len(times)) if strata is None else np.asarray(strata)
        parts = [
            _of_stratum(each, times[each], events[each], values[each], fit.coefficients[0], ties)
            for each in by_stratum(times, layers)
        ]
        if not parts:
            parts = [_of_stratum(np.zeros(0, dtype=np.int64), times, events, values,
                                 fit.coefficients[0], ties)]  # fmt: skip
        rows = (np.concatenate(each) for each in zip(*parts, strict=True))
        return cls(values, fit.coefficients[0], fit.covariance[0], fit.diverging[0], *rows)


def _of_stratum(
    places: IntArray,
    times: FloatArray,
    events: BoolArray,
    values: FloatArray,
    beta: FloatArray,
    ties: Ties,
) -> tuple[IntArray, FloatArray, IntArray, FloatArray, FloatArray, FloatArray]:
    """The dead, and the rows of one stratum that is sorted by time."""
    risk = np.exp(values @ beta)
    weighted = risk[:, None] * values
    squares = weighted[:, :, None] * values[:, None, :]
    distinct, first = np.unique(times[events], return_index=True)
    starts = np.searchsorted(times, distinct)
    deaths = np.diff(np.append(first, int(events.sum())))
    number, width = len(distinct), len(beta)
    at_risk = [each[::-1].cumsum(axis=0)[::-1][starts] for each in (risk, weighted, squares)]
    dead = [
        np.add.reduceat(each[events], first, axis=0) if number else each[:0]
        for each in (values, risk, weighted, squares)
    ]
    means, spreads = np.zeros((number, width)), np.zeros((number, width, width))
    room = np.zeros(width)
    for row in range(number):
        s0, s1, s2 = (each[row] for each in at_risk)
        d0, d1, d2 = (each[row] for each in dead[1:])
        cox_tied(
            int(deaths[row]), ties == "efron", s0, s1, s2, d0, d1, d2, room, means[row],
            spreads[row],
        )  # fmt: skip
    return places[events], distinct, deaths.astype(np.int64), dead[0], -means, spreads


def _scaled_times(
    fitted: _Fitted, time: NDArray[np.generic], event: NDArray[np.generic], scale: TimeScale
) -> FloatArray:
    """g of the time of each row."""
    when = fitted.time
    if scale == "identity":
        return when
    if scale == "log":
        if (when <= 0).any():
            raise BadInput("events after time 0 for the scale log", field="time", found=0)
        return np.asarray(np.log(when))
    if scale == "rank":
        from scipy.stats import rankdata

        ranks = rankdata(np.repeat(when, fitted.deaths))
        return np.asarray(ranks[np.cumsum(fitted.deaths) - 1], dtype=np.float64)
    curve = kaplan_meier(time, event)
    before = np.concatenate(([1.0], curve.survival))
    return np.asarray(1 - before[np.searchsorted(curve.time, when)])
