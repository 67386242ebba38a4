"""How far allocated groups are from their ratio: what a method of allocation buys with what it
gives away (see `equipoise.statistics.predictability`)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equipoise.statistics.allocation import IntArray
from equipoise.statistics.random import FloatArray


@dataclass(frozen=True, slots=True)
class Imbalance:
    """The largest departure in a trial, in subjects: its mean over trials, and the value that 95 %
    of trials do not exceed."""

    mean: float
    in_95_of_100: float


def largest_departure(arms: IntArray, group: IntArray, share: IntArray) -> FloatArray:
    """For each replicate the largest |n(arm) - n r / R| of any arm in any group at the end.

    `arms` and `group` are replicates x arrivals, `share` has for each group the weights r of the
    arms; R is their sum.

    >>> arms, one = np.array([[0, 0, 1], [0, 0, 0]]), np.zeros((2, 3), dtype=np.int64)
    >>> largest_departure(arms, one, np.array([[2, 1]])).tolist()
    [0.0, 1.0]
    """
    groups, number = share.shape
    replicate = np.arange(len(arms))[:, None]
    place = (replicate * groups + group) * number + arms
    counts = np.bincount(place.ravel(), minlength=len(arms) * groups * number)
    counts = counts.reshape(len(arms), groups, number)
    expected = counts.sum(axis=2)[..., None] * share / share.sum(axis=1)[:, None]
    departure: FloatArray = np.abs(counts - expected).max(axis=(1, 2))
    return departure


def imbalance(arms: IntArray, group: IntArray, share: IntArray) -> Imbalance:
    """The mean and the 95th percentile (inverted distribution) of `largest_departure`."""
    found = largest_departure(arms, group, share)
    high = np.quantile(found, 0.95, method="inverted_cdf")
    return Imbalance(float(found.mean()), float(high))
