"""Nature's uniform numbers are uniform, and independent across replicates, streams and places."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import chdtrc, ndtri

from equipoise.statistics.random import nature_words, uniforms

LIMIT = 1e-4
"""A correct generator would fail for one seed in 10 000; the seeds are fixed."""


def test_uniform_in_one_and_two_dimensions() -> None:
    draws = uniforms(20262, "onset", range(400), 250)
    one = np.bincount((draws.ravel() * 1000).astype(int), minlength=1000)
    pair = (draws[:, 0::2] * 20).astype(int) * 20 + (draws[:, 1::2] * 20).astype(int)
    two = np.bincount(pair.ravel(), minlength=400)
    for counts in (one, two):
        expected = counts.sum() / len(counts)
        statistic = ((counts - expected) ** 2 / expected).sum()
        assert chdtrc(len(counts) - 1, statistic) > LIMIT


def test_each_of_the_64_bits_is_fair() -> None:
    words = nature_words(20262, "bits", range(200), 500).ravel()
    limit = -ndtri(LIMIT / 64 / 2) * np.sqrt(len(words)) / 2
    for bit in range(64):
        ones = int(((words >> np.uint64(bit)) & np.uint64(1)).sum())
        assert abs(ones - len(words) / 2) < limit


@pytest.mark.parametrize("shift", [(1, 0), (0, 1), (1, 1), (7, 0)])
def test_neighbours_are_uncorrelated(shift: tuple[int, int]) -> None:
    draws = uniforms(20262, "onset", range(300), 300)
    rows, places = shift
    left, right = draws[: 300 - rows, : 300 - places], draws[rows:, places:]
    correlation = np.corrcoef(left.ravel(), right.ravel())[0, 1]
    assert abs(correlation) < -ndtri(LIMIT / 2) / np.sqrt(left.size)


def test_streams_are_uncorrelated() -> None:
    first = uniforms(20262, "onset", range(300), 300).ravel()
    for seed, name in ((20262, "onset2"), (20263, "onset")):
        other = uniforms(seed, name, range(300), 300).ravel()
        assert abs(np.corrcoef(first, other)[0, 1]) < -ndtri(LIMIT / 2) / np.sqrt(first.size)
