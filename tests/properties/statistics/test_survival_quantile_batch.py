"""Quantiles of many trials at once are those of each curve alone."""

from __future__ import annotations

import math

import numpy as np
import pytest

from equipoise.errors import BadInput
from equipoise.statistics.kaplan_meier import kaplan_meier, survival_quantile
from equipoise.statistics.survival_quantile_batch import survival_quantile_batch


@pytest.mark.parametrize("probability", [0.25, 0.5])
@pytest.mark.parametrize(("trials", "subjects"), [(40, 9), (12, 40), (60, 100)])
def test_each_group_has_the_quantile_of_its_own_curve(
    trials: int, subjects: int, probability: float
) -> None:
    """Months are tied; curves stop at the quantile itself, or never come to it; a group is empty.

    The largest of them is run by machine code, the others are not.
    """
    random = np.random.default_rng(subjects)
    time = np.sort(random.integers(0, 12, (trials, subjects)), axis=1).astype(float)
    event = random.random((trials, subjects)) < random.random((trials, 1))
    group = random.integers(-1, 3, (trials, subjects))
    group[0][group[0] == 1] = 2
    found = survival_quantile_batch(time, event, group, 3, probability, level=0.9)
    assert found.shape == (trials, 3, 3)
    never = 0
    for trial in range(trials):
        for place in range(3):
            mine = group[trial] == place
            if not mine.any():
                assert np.isnan(found[trial, place]).all()
                continue
            curve = kaplan_meier(time[trial][mine], event[trial][mine])
            one = survival_quantile(curve, probability, level=0.9)
            told = [math.nan if each is None else each for each in one_of(one)]
            assert found[trial, place].tolist() == pytest.approx(told, nan_ok=True)
            never += math.isnan(told[0])
    assert never > 0


def one_of(quantile: object) -> tuple[float | None, ...]:
    return tuple(getattr(quantile, name) for name in ("estimate", "lower", "upper"))


def test_the_unit_and_the_labels_do_not_matter() -> None:
    random = np.random.default_rng(3)
    time = np.sort(random.exponential(10, (5, 30)), axis=1)
    event, group = random.random((5, 30)) < 0.8, random.integers(0, 2, (5, 30))
    found = survival_quantile_batch(time, event, group, 2)
    turned = survival_quantile_batch(time * 7, event, 1 - group, 2)
    assert turned == pytest.approx(7 * found[:, ::-1], nan_ok=True)


def test_refusals() -> None:
    with pytest.raises(BadInput, match="one shape"):
        survival_quantile_batch([[1.0, 2.0]], [[True]], [[0, 0]], 1)
    with pytest.raises(BadInput, match="probability"):
        survival_quantile_batch([[1.0]], [[True]], [[0]], 1, 1.0)
    with pytest.raises(BadInput, match="level"):
        survival_quantile_batch([[1.0]], [[True]], [[0]], 1, level=0)
