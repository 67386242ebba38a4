"""Firth's Cox regression: an estimate where the likelihood is monotone, and less bias elsewhere.

The partial likelihood, ties by Breslow, is penalised by the root of its information's determinant
(Firth 1993, Biometrika 80:27-38; Heinze and Schemper 2001, Biometrics 57:114-119). The package
`firthmodels` fits it.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import BadInput
from equipoise.statistics.checked import inner_probability
from equipoise.statistics.cox import cox_effect

_STEPS = 500
_HALVINGS = 30
_CLOSE = 1e-9
"""The largest slope and the last step at which the fit, and at which each limit, ends."""


@dataclass(frozen=True, slots=True)
class PenalisedHazardEffect:
    """A coefficient, the log of a hazard ratio, with limits and P of the penalised likelihood.

    All are None where the events do not determine the coefficient. A limit is None where the
    profile does not come down far enough to have one, or none was found.
    """

    estimate: float | None
    standard_error: float | None
    lower: float | None
    upper: float | None
    p: float | None


def firth_cox_effect(
    time: ArrayLike,
    event: ArrayLike,
    covariates: ArrayLike,
    tested: int,
    *,
    level: float = 0.95,
) -> PenalisedHazardEffect:
    """Firth's estimate of the coefficient of column `tested`, profile limits, and P by likelihood.

    A row of `covariates` and an entry of `time` and `event` for each subject, as in `cox_effect`.

    >>> found = firth_cox_effect([1, 2, 3, 4], [1, 1, 0, 0], [[1], [1], [0], [0]], 0)
    >>> round(math.exp(found.estimate), 2), round(found.p, 3)
    (7.56, 0.129)
    """
    from firthmodels import FirthCoxPH
    from sklearn.exceptions import ConvergenceWarning  # type: ignore[import-untyped]

    times, events, values = _checked(time, event, covariates, tested)
    inner_probability(level, "level")
    everything = list(range(values.shape[1]))
    known = cox_effect(times, events, values, everything, test="score", ties="breslow")
    if known.degrees_of_freedom < len(everything):
        return PenalisedHazardEffect(None, None, None, None, None)
    model = FirthCoxPH(
        backend="numpy", max_iter=_STEPS, max_halfstep=_HALVINGS, gtol=_CLOSE, xtol=_CLOSE
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(values, (events, times))
        model.lrt(tested)
        limits = model.conf_int(
            1 - level, method="pl", features=tested, max_iter=_STEPS, tol=_CLOSE
        )[tested]
    lower, upper = (float(each) if np.isfinite(each) else None for each in limits)
    p = float(model.lrt_pvalues_[tested])
    return PenalisedHazardEffect(
        float(model.coef_[tested]), float(model.bse_[tested]), lower, upper,
        None if math.isnan(p) else p,
    )  # fmt: skip


def _checked(
    time: ArrayLike, event: ArrayLike, covariates: ArrayLike, tested: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    times, events = np.asarray(time, dtype=np.float64), np.asarray(event, dtype=np.bool_)
    values = np.asarray(covariates, dtype=np.float64)
    fits = times.ndim == 1 and times.shape == events.shape and values.ndim == 2
    if not fits or len(values) != len(times) or not values.shape[1]:
        shapes = (times.shape, events.shape, values.shape)
        raise BadInput("time, event and a row of covariates for each subject", found=shapes)
    if not (np.isfinite(times).all() and (times >= 0).all()):
        raise BadInput("finite times of 0 or more", field="time", found=times.min())
    if not np.isfinite(values).all():
        raise BadInput("finite numbers", field="covariates", found="one that is not")
    if not 0 <= tested < values.shape[1]:
        raise BadInput(f"a column from 0 to {values.shape[1] - 1}", field="tested", found=tested)
    return times, events, values
