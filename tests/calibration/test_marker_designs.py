"""Powers that are computed are those of trials that are simulated, patient by patient."""

from __future__ import annotations

import math

import numpy as np
import pytest

from equipoise.statistics.interaction import interaction_power
from equipoise.statistics.marker_comparison import planned_power
from equipoise.statistics.marker_designs import (
    Design,
    Population,
    all_comers,
    class_in_arm,
    enrichment,
    marker_strategy,
)
from equipoise.statistics.proportion import fisher_exact_p_batch

TRIALS = 20_000
PATIENTS = Population((0.57, 0.25, 0.18), 0.94, ((0.50, 0.25), (0.15, 0.30), (0.35, 0.30)))


def _within(found: float, expected: float) -> None:
    """Five Monte-Carlo standard errors: one failure in about two million such comparisons."""
    tolerance = 5 * math.sqrt(max(expected * (1 - expected), 1 / TRIALS) / TRIALS)
    assert abs(found - expected) < tolerance


def _drawn_classes(subjects: int) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    classes = np.random.default_rng(20261126).choice(3, (TRIALS, subjects), p=PATIENTS.prevalence)
    return np.asarray(classes, dtype=np.int64)


def _rejected(
    treated: np.ndarray[tuple[int, int], np.dtype[np.int64]],
    classes: np.ndarray[tuple[int, int], np.dtype[np.int64]],
    groups: tuple[np.ndarray[tuple[int, int], np.dtype[np.bool_]], ...],
) -> float:
    """How often Fisher's test rejects when everybody responds by class and treatment."""
    rates = np.array(PATIENTS.rates)[classes, treated]
    responded = np.random.default_rng(7).random(classes.shape) < rates
    (x1, n1), (x2, n2) = (((responded & g).sum(axis=1), g.sum(axis=1)) for g in groups)
    return float((fisher_exact_p_batch(x1, n1, x2, n2) <= 0.05).mean())


def _expected(design: Design, subjects: int) -> float:
    return planned_power(design.compared, subjects, alpha=0.05).power


def test_two_classes_within_an_arm() -> None:
    """Two thirds of class 0 and a half of class 1 get treatment 0, as blocks would have it."""
    classes = _drawn_classes(104)
    treated = np.ones_like(classes)
    for of, share in ((0, 2 / 3), (1, 0.5)):
        place = np.cumsum(classes == of, axis=1)
        many = np.floor((classes == of).sum(axis=1) * share + 0.5)
        treated[(classes == of) & (place <= many[:, None])] = 0
    first, second = ((classes == of) & (treated == 0) for of in (0, 1))
    design = class_in_arm(PATIENTS, (0, 1), 0, (2 / 3, 0.5))
    _within(_rejected(treated, classes, (first, second)), _expected(design, 104))


def test_all_comers() -> None:
    classes = _drawn_classes(104)
    treated = np.broadcast_to(np.arange(104) % 2, classes.shape)
    found = _rejected(treated, classes, (treated == 0, treated == 1))
    _within(found, _expected(all_comers(PATIENTS, (0, 1), (0.5, 0.5)), 104))


def test_marker_strategy() -> None:
    classes = _drawn_classes(104)
    by_marker = np.broadcast_to(np.arange(104) % 2 == 0, classes.shape)
    treated = np.where(by_marker & (classes != 1), 0, 1)
    found = _rejected(treated, classes, (by_marker, ~by_marker))
    _within(found, _expected(marker_strategy(PATIENTS, [0, 1, 0], 1), 104))


def test_enrichment() -> None:
    classes = np.zeros((TRIALS, 90), dtype=np.int64)
    treated = np.broadcast_to(np.arange(90) % 3 // 2, classes.shape)
    found = _rejected(treated, classes, (treated == 0, treated == 1))
    _within(found, _expected(enrichment(PATIENTS, 0, (0, 1), (2 / 3, 1 / 3)), 90))


@pytest.mark.parametrize("scale", ["log_odds", "difference"])
def test_interaction_of_many_patients(scale: str) -> None:
    """With cells of 150 the normal approximation holds: within one point of the simulated power."""
    n = np.array([[150, 150], [150, 150]])
    p = np.array([[0.50, 0.35], [0.30, 0.35]])
    x = np.random.default_rng(11).binomial(n, p, (TRIALS, 2, 2))
    share = x / n
    if scale == "log_odds":
        value, variance = np.log(share / (1 - share)), 1 / (n * share * (1 - share))
    else:
        value, variance = share, share * (1 - share) / n
    contrast = value[:, 0, 0] - value[:, 0, 1] - value[:, 1, 0] + value[:, 1, 1]
    rejected = float((np.abs(contrast) > 1.959964 * np.sqrt(variance.sum(axis=(1, 2)))).mean())
    expected = interaction_power(n.tolist(), p.tolist(), scale=scale).power  # type: ignore[arg-type]
    assert abs(rejected - expected) < 0.01 + 5 * math.sqrt(0.25 / TRIALS)
