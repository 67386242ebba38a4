"""Whether an effect differs between strata, and whether it changes its direction.

One effect with its standard error is given for each stratum: a log odds ratio, a difference of
proportions, a log hazard ratio.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from equipoise.errors import BadInput
from equipoise.statistics.proportion import check_table, checked_level, normal_quantile


@dataclass(frozen=True, slots=True)
class Homogeneity:
    """What the effects are compared with, and the test that all strata share it.

    `estimate` is their mean weighted by precision, or the value that was given; it has no
    `standard_error` then.
    """

    estimate: float
    standard_error: float | None
    statistic: float
    degrees_of_freedom: int
    p: float


@dataclass(frozen=True, slots=True)
class QualitativeInteraction:
    """The test of Gail and Simon: what speaks for positive, and for negative effects; P.

    `positive` and `negative` are the sums of (effect / standard error)^2 over the strata in which
    the effect has that sign; the smaller one is the statistic.
    """

    positive: float
    negative: float
    p: float


@dataclass(frozen=True, slots=True)
class DifferenceInteraction:
    """A difference of two risk differences, first stratum less second, with Wald's limits and P.

    z and P are None where every group has the extreme proportion 0 or 1: no variance is seen.
    """

    first: float
    second: float
    estimate: float
    standard_error: float
    lower: float
    upper: float
    z: float | None
    p: float | None


def homogeneity(
    effects: Sequence[float], standard_errors: Sequence[float], *, about: float | None = None
) -> Homogeneity:
    """Cochran's test that all strata have one effect, with the effect by inverse variance.

    Cochran 1954, Biometrics 10:101-129; of log odds ratios it is Woolf's test (1955, Ann Hum Genet
    19:251-253). Two strata at least. `about`: the common effect where it is estimated in another
    way, such as the log odds ratio of Mantel and Haenszel (Q of R metafor rma.mh).

    >>> round(homogeneity([1.4087, -1.5849], [0.58, 0.78]).statistic, 3)
    9.485
    """
    _check(effects, standard_errors, 2)
    from scipy.special import chdtrc

    weights = [1 / error**2 for error in standard_errors]
    mean = sum(w * e for w, e in zip(weights, effects, strict=True)) / sum(weights)
    error: float | None = 1 / math.sqrt(sum(weights))
    if about is not None:
        if not math.isfinite(about):
            raise BadInput("a finite number", field="about", found=about)
        mean, error = about, None
    statistic = sum(w * (e - mean) ** 2 for w, e in zip(weights, effects, strict=True))
    freedom = len(effects) - 1
    p = float(chdtrc(freedom, statistic))
    return Homogeneity(mean, error, statistic, freedom, p)


def gail_simon(
    effects: Sequence[float], standard_errors: Sequence[float]
) -> QualitativeInteraction:
    """The likelihood ratio test that the effect has one direction in all strata.

    Gail and Simon 1985, Biometrics 41:361-372: P is the probability that a mixture of chi-square
    statistics, with binomial weights over the number of strata less one, is at least the statistic.
    It is 1 where all effects have one sign.

    >>> round(gail_simon([2.0, -1.8], [1.0, 1.0]).p, 4)
    0.0359
    """
    _check(effects, standard_errors, 2)
    from scipy.special import chdtrc

    parts = [(e / s) ** 2 for e, s in zip(effects, standard_errors, strict=True)]
    positive = sum(part for e, part in zip(effects, parts, strict=True) if e > 0)
    negative = sum(part for e, part in zip(effects, parts, strict=True) if e < 0)
    statistic, others = min(positive, negative), len(effects) - 1
    if statistic == 0:
        return QualitativeInteraction(positive, negative, 1.0)
    shares = [math.comb(others, k) / 2**others for k in range(1, others + 1)]
    p = sum(w * float(chdtrc(k, statistic)) for k, w in enumerate(shares, start=1))
    return QualitativeInteraction(positive, negative, p)


def risk_difference_interaction(
    x1: Sequence[int], n1: Sequence[int], x2: Sequence[int], n2: Sequence[int], level: float = 0.95
) -> DifferenceInteraction:
    """Wald's test that the difference of two proportions is the same in two strata.

    In stratum s `x1[s]` of `n1[s]` subjects in group 1 have the property, `x2[s]` of `n2[s]` in
    group 2. Variances are those of the observed proportions; without any there is no P.

    >>> round(risk_difference_interaction([18, 3], [34, 26], [6, 7], [24, 18]).p, 6)
    0.002084
    """
    if {len(each) for each in (x1, n1, x2, n2)} != {2}:
        raise BadInput("four counts for each of two strata", found=(x1, n1, x2, n2))
    checked_level(level)
    differences, variance = [], 0.0
    for a, m, b, n in zip(x1, n1, x2, n2, strict=True):
        check_table(a, m, b, n)
        if m == 0 or n == 0:
            raise BadInput("somebody in each group", found=(a, m, b, n))
        differences.append(a / m - b / n)
        variance += a * (m - a) / m**3 + b * (n - b) / n**3
    estimate, error = differences[0] - differences[1], math.sqrt(variance)
    z = estimate / error if error > 0 else None
    half = normal_quantile(level) * error
    return DifferenceInteraction(
        differences[0],
        differences[1],
        estimate,
        error,
        estimate - half,
        estimate + half,
        z,
        None if z is None else math.erfc(abs(z) / math.sqrt(2)),
    )


def _check(effects: Sequence[float], errors: Sequence[float], least: int) -> None:
    if len(effects) != len(errors) or len(effects) < least:
        raise BadInput(
            f"an effect and a standard error for each of {least} strata or more",
            found=(len(effects), len(errors)),
        )
    if not all(math.isfinite(each) for each in effects):
        raise BadInput("finite numbers", field="effects", found=list(effects))
    if not all(0 < each < math.inf for each in errors):
        raise BadInput("finite numbers above 0", field="standard_errors", found=list(errors))
