"""The binomial distribution as a whole vector, for designs that are enumerated."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def binomial_probabilities(n: int, p: float) -> FloatArray:
    """The probabilities of 0 to n successes.

    >>> binomial_probabilities(2, 0.5).tolist()
    [0.25, 0.5, 0.25]
    """
    if p in (0, 1):
        certain = np.zeros(n + 1)
        certain[n * int(p)] = 1.0
        return certain
    return np.asarray(binomial_table(n, np.array([p]))[:, 0], dtype=np.float64)


def binomial_table(n: int, p: FloatArray) -> FloatArray:
    """The probabilities of 0 to n successes (rows) for each p inside 0 to 1 (columns).

    Neighbouring probabilities differ by a ratio of small integers times the odds; they are scaled
    by the greatest one, so that nothing underflows where it matters, and divided by their sum.
    """
    k = np.arange(1, n + 1)
    log_steps = np.log((n - k + 1) / k)[:, None] + (np.log(p) - np.log1p(-p))[None, :]
    logs = np.concatenate([np.zeros((1, len(p))), np.cumsum(log_steps, axis=0)])
    weights = np.exp(logs - logs.max(axis=0))
    return np.asarray(weights / weights.sum(axis=0), dtype=np.float64)
