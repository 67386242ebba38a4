"""Chance of the trial kernel: uniform, independent of neighbours, and what is made of it right."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from equipoise.statistics.compiled import compiled
from equipoise.statistics.trial_draws import (
    fill_uniforms,
    minus_log,
    mixed,
    normal_quantile_core,
    normal_share,
    seed_key,
    stream_key,
    trial_key,
    trial_word,
    uniform,
)
from equipoise.statistics.trial_patients import tie

STREAMS = ("arrival", "true status", "response", "progression")
TRIALS, PATIENTS = 2000, 40


def _drawn(seed: int) -> np.ndarray:
    """Streams x trials x patients."""
    found = np.empty((len(STREAMS), TRIALS, PATIENTS))
    core = compiled(fill_uniforms, mixed)
    with np.errstate(over="ignore"):
        for stream, name in enumerate(STREAMS):
            for trial in range(TRIALS):
                word = trial_word(np.uint64(seed_key(seed)), trial)
                core(trial_key(np.uint64(stream_key(name)), word), 0, found[stream, trial])
    return found


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    return _drawn(1)


def test_uniform_in_every_stream_trial_and_place(drawn: np.ndarray) -> None:
    """Chi-square over 64 cells, of streams, of patients' numbers and of whole trials."""
    for sample in (*drawn, *(drawn[:, :, place] for place in range(PATIENTS)), drawn[:, :40]):
        counts = np.bincount((sample.ravel() * 64).astype(int), minlength=64)
        expected = sample.size / 64
        statistic = ((counts - expected) ** 2 / expected).sum()
        assert abs(statistic - 63) < 5.5 * math.sqrt(2 * 63)


def test_neighbours_are_independent(drawn: np.ndarray) -> None:
    """Correlations between streams, next trials, next patients, and next seeds."""
    z = drawn - 0.5
    pairs = [(z[a], z[b]) for a in range(len(STREAMS)) for b in range(a)]
    pairs += [(z[:, 1:], z[:, :-1]), (z[:, :, 1:], z[:, :, :-1]), (z, _drawn(2) - 0.5)]
    for one, other in pairs:
        correlation = (one * other).mean() * 12
        assert abs(correlation) < 5 / math.sqrt(one.size)


def test_one_word_is_the_published_splitmix() -> None:
    """The first outputs of SplitMix64 with seed 1234567 (Vigna's splitmix64.c)."""
    golden, state, found = 0x9E3779B97F4A7C15, 1234567, []
    for _ in range(3):
        state = (state + golden) % 2**64
        with np.errstate(over="ignore"):
            found.append(int(mixed(np.uint64(state))))
    assert found == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_logarithms_are_right_to_the_last_place() -> None:
    numbers = np.concatenate(
        [np.random.default_rng(1).random(20_000), 2.0 ** -np.arange(0, 53), [1 - 2.0**-53, 0.5]]
    )
    found = np.empty_like(numbers)
    minus_log(numbers, np.empty_like(numbers), found)
    exact = -np.log(numbers)
    assert (np.abs(found - exact) <= 1.5 * np.spacing(np.maximum(exact, 2.0**-60))).all()


def test_normal_quantiles_are_those_of_the_library() -> None:
    normal = NormalDist()
    for p in [*np.linspace(0.0001, 0.9999, 999), *10.0 ** -np.arange(1, 16)]:
        assert normal_quantile_core(float(p)) == pytest.approx(normal.inv_cdf(float(p)), abs=1e-13)
        assert normal_share(normal_quantile_core(float(p))) == pytest.approx(p, rel=1e-9)


@pytest.mark.parametrize("loading", [0.6, -0.8])
def test_tied_numbers_stay_uniform_and_are_correlated(loading: float) -> None:
    """A Gaussian copula: normal scores of two draws with loadings a and b are correlated by a b."""
    size = 40_000
    rng = np.random.default_rng(5)
    one, two = rng.random(size), rng.random(size)
    core = compiled(tie, mixed, trial_key, uniform, normal_quantile_core, normal_share)
    core(np.uint64(3), np.uint64(4), loading, 0, one)
    core(np.uint64(3), np.uint64(4), 0.5, 0, two)
    for sample in (one, two):
        counts = np.bincount((sample * 20).astype(int), minlength=20)
        assert ((counts - size / 20) ** 2 / (size / 20)).sum() < 19 + 5.5 * math.sqrt(38)
    normal = NormalDist()
    scores = [np.array([normal.inv_cdf(each) for each in sample]) for sample in (one, two)]
    found = np.corrcoef(*scores)[0, 1]
    expected = loading * 0.5
    assert abs(found - expected) < 5 * (1 - expected**2) / math.sqrt(size)
