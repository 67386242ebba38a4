"""How well a continuous marker tells who has a property: the ROC curve, its area, a cut-point.

`marker` is read so that higher values speak for the property; for the other direction give its
negative. Areas compare every subject who has it with every one who has not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import BadInput
from equipoise.statistics.checked import one_of
from equipoise.statistics.proportion import normal_quantile
from equipoise.statistics.random import stream

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
Criterion = Literal["youden", "closest_to_corner"]


@dataclass(frozen=True, slots=True, eq=False)
class RocCurve:
    """Sensitivity and specificity of "at least the threshold", thresholds falling from infinity."""

    threshold: FloatArray
    sensitivity: FloatArray
    specificity: FloatArray


@dataclass(frozen=True, slots=True)
class Area:
    """The area under a ROC curve, its standard error and limits, and P of an area of 1/2.

    None is what the data do not determine: the error, with limits 0 and 1, where only one subject
    has, or has not, the property; z and P where there is no error, or none is seen.
    """

    estimate: float
    standard_error: float | None
    lower: float
    upper: float
    z: float | None
    p: float | None


@dataclass(frozen=True, slots=True)
class AreaDifference:
    """The difference of two areas of the same subjects, first less second, with limits and P.

    None as in `Area`; the limits are then -1 and 1.
    """

    first: float
    second: float
    estimate: float
    standard_error: float | None
    lower: float
    upper: float
    p: float | None


@dataclass(frozen=True, slots=True)
class CutPoint:
    """A cut-point chosen on the data, what its index promises, and what bootstrap takes off that.

    `optimism` is the mean over samples of the index of the sample's own cut-point in the sample
    less in the data; `corrected` is `apparent` less it. `lower` and `upper` are the 2.5 % and
    97.5 % quantiles of the samples' cut-points. Samples in which all or none have the property
    choose nothing and are not counted.
    """

    cut_point: float
    sensitivity: float
    specificity: float
    apparent: float
    optimism: float
    corrected: float
    lower: float
    upper: float
    samples: int


def roc_curve(marker: ArrayLike, has: ArrayLike) -> RocCurve:
    """The ROC curve: one point for each value of the marker, ties taken together.

    >>> curve = roc_curve([1, 2, 3, 4], [False, True, False, True])
    >>> curve.sensitivity.tolist()
    [0.0, 0.5, 0.5, 1.0, 1.0]
    """
    values, with_it = _checked(marker, has)
    threshold, true, false = _counts(values, with_it)
    return RocCurve(
        np.concatenate([[math.inf], threshold]),
        np.concatenate([[0.0], true / with_it.sum()]),
        np.concatenate([[1.0], 1 - false / (~with_it).sum()]),
    )


def roc_area(marker: ArrayLike, has: ArrayLike, *, level: float = 0.95) -> Area:
    """The area under the ROC curve, with the variance of DeLong and others.

    DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837-845. The area is the probability that
    a subject with the property has the higher value, ties counted half. Limits are cut at 0 and 1;
    where all pairs are ordered alike the standard error is 0.

    >>> roc_area([1, 2, 3, 4], [False, True, False, True]).estimate
    0.75
    """
    values, with_it = _checked(marker, has)
    z_level = normal_quantile(level)
    areas, covariance = _areas(values[None, :], with_it)
    area, error = float(areas[0]), _error(float(covariance[0, 0]), with_it)
    if error is None:
        return Area(area, None, 0.0, 1.0, None, None)
    z = (area - 0.5) / error if error > 0 else None
    lower, upper = max(0.0, area - z_level * error), min(1.0, area + z_level * error)
    return Area(area, error, lower, upper, z, _normal_p(z))


def roc_area_difference(
    first: ArrayLike, second: ArrayLike, has: ArrayLike, *, level: float = 0.95
) -> AreaDifference:
    """The areas of two markers of the same subjects compared (DeLong et al. 1988).

    >>> roc_area_difference([1, 2, 3, 4], [4, 3, 2, 1], [False, True, False, True]).estimate
    0.5
    """
    values, with_it = _checked(first, has)
    others, _ = _checked(second, has)
    z_level = normal_quantile(level)
    areas, covariance = _areas(np.stack([values, others]), with_it)
    difference = float(areas[0] - areas[1])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    error = _error(variance, with_it)
    both = float(areas[0]), float(areas[1])
    if error is None:
        return AreaDifference(*both, difference, None, -1.0, 1.0, None)
    lower, upper = difference - z_level * error, difference + z_level * error
    z = difference / error if error > 0 else None
    return AreaDifference(*both, difference, error, lower, upper, _normal_p(z))


def optimal_cut_point(
    marker: ArrayLike,
    has: ArrayLike,
    *,
    criterion: Criterion = "youden",
    samples: int = 500,
    seed: int = 1,
) -> CutPoint:
    """The cut-point with the best sensitivity and specificity, and how much of that is chance.

    `youden` takes the greatest sensitivity + specificity - 1 (Youden 1950, Cancer 3:32-35),
    `closest_to_corner` the point nearest to full sensitivity and specificity (its index is 1 less
    the distance); of equals the highest cut-point. The optimism is that of Harrell, Lee and Mark
    1996 (Stat Med 15:361-387): subjects are drawn with replacement from nature's stream
    `cut_point`, sample by sample.

    >>> optimal_cut_point([1, 2, 3, 4, 5, 6], [0, 0, 1, 0, 1, 1], samples=50).cut_point
    5.0
    """
    values, with_it = _checked(marker, has)
    one_of(criterion, ("youden", "closest_to_corner"), "criterion")
    if not 1 <= samples <= 100_000:
        raise BadInput("1 to 100 000", field="samples", found=samples)
    cut, apparent = _best(values, with_it, criterion)
    cuts, optimism = [], 0.0
    for sample in range(samples):
        drawn = stream(seed, "cut_point", sample).integers(0, len(values), len(values))
        if 0 < with_it[drawn].sum() < len(values):
            own, index = _best(values[drawn], with_it[drawn], criterion)
            cuts.append(own)
            true, false = _accuracy(values, with_it, own)
            optimism += index - float(_index(np.array(true), np.array(false), criterion))
    if not cuts:
        raise BadInput("subjects of which samples have some with and some without", field="has")
    optimism /= len(cuts)
    sensitivity, specificity = _accuracy(values, with_it, cut)
    low, high = np.quantile(cuts, [0.025, 0.975])
    return CutPoint(
        cut,
        sensitivity,
        specificity,
        apparent,
        optimism,
        apparent - optimism,
        float(low),
        float(high),
        len(cuts),
    )


def _checked(marker: ArrayLike, has: ArrayLike) -> tuple[FloatArray, BoolArray]:
    values, with_it = np.asarray(marker, dtype=np.float64), np.asarray(has)
    if values.ndim != 1 or values.shape != with_it.shape:
        raise BadInput("a value and whether it has the property for each subject", field="marker")
    if not np.isfinite(values).all():
        raise BadInput("finite values", field="marker")
    if not np.isin(with_it, (0, 1)).all():
        raise BadInput("true or false for each subject", field="has")
    found = with_it.astype(np.bool_)
    if not 0 < found.sum() < len(found):
        raise BadInput("some subjects with and some without the property", field="has")
    return values, found


def _counts(values: FloatArray, with_it: BoolArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Thresholds, falling; of each how many with and without the property are at least there."""
    order = np.argsort(-values, kind="stable")
    falling, found = values[order], with_it[order]
    last = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
    true, false = np.cumsum(found)[last], np.cumsum(~found)[last]
    return falling[last], true.astype(np.float64), false.astype(np.float64)


def _areas(markers: FloatArray, with_it: BoolArray) -> tuple[FloatArray, FloatArray]:
    """The area of each marker, and the covariance matrix of the areas."""
    from scipy.stats import rankdata

    have, others = int(with_it.sum()), int((~with_it).sum())
    ranks = rankdata(markers, axis=1)
    above = (ranks[:, with_it] - rankdata(markers[:, with_it], axis=1)) / others
    below = 1 - (ranks[:, ~with_it] - rankdata(markers[:, ~with_it], axis=1)) / have
    covariance = np.zeros((len(markers), len(markers)))
    for parts, number in ((above, have), (below, others)):
        centred = parts - parts.mean(axis=1, keepdims=True)
        covariance += centred @ centred.T / max(1, number - 1) / number
    return np.asarray(above.mean(axis=1)), covariance


def _error(variance: float, with_it: BoolArray) -> float | None:
    """The standard error; None where one side has one subject, of whom no variance is known."""
    if min(with_it.sum(), (~with_it).sum()) < 2:
        return None
    return math.sqrt(max(0.0, variance))


def _normal_p(z: float | None) -> float | None:
    return None if z is None else math.erfc(abs(z) / math.sqrt(2))


def _best(values: FloatArray, with_it: BoolArray, criterion: Criterion) -> tuple[float, float]:
    threshold, true, false = _counts(values, with_it)
    index = _index(true / with_it.sum(), 1 - false / (~with_it).sum(), criterion)
    place = int(np.argmax(index > index.max() - 1e-12))
    return float(threshold[place]), float(index[place])


def _accuracy(values: FloatArray, with_it: BoolArray, cut: float) -> tuple[float, float]:
    said = values >= cut
    return float(said[with_it].mean()), float((~said[~with_it]).mean())


def _index(sensitivity: FloatArray, specificity: FloatArray, criterion: Criterion) -> FloatArray:
    if criterion == "youden":
        return np.asarray(sensitivity + specificity - 1)
    return np.asarray(1 - np.hypot(1 - sensitivity, 1 - specificity))
