"""A trial that may go on with one class alone: what holds for any, and one that is enumerated."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import binom

from equipoise.errors import BadInput
from equipoise.statistics.adaptive_enrichment import Enrichment, enrichment_characteristics
from equipoise.statistics.marker_designs import Population

TRIALS = 100_000
PATIENTS = Population((0.6, 0.4), 0.9, ((0.5, 0.25), (0.15, 0.25)))
DESIGN = Enrichment(60, 70, 0, (0, 1), (2 / 3, 1 / 2), alpha=0.025)


def margin(probability: float) -> float:
    """How far a share may lie from its probability, once in 10 000 seeds."""
    return float(-ndtri(5e-5)) * math.sqrt(probability * (1 - probability) / TRIALS) + 1 / TRIALS


def test_a_class_that_is_everybody_has_the_enumerated_power() -> None:
    """Both hypotheses are then one, with 20 patients in each stage; all outcomes are counted."""
    patients = Population((1.0, 0.0), 1.0, ((0.7, 0.2), (0.7, 0.2)))
    design = Enrichment(20, 20, 0, (0, 1), (0.5, 0.5), alpha=0.025, threshold=-100.0)
    found = enrichment_characteristics(design, patients, trials=TRIALS)
    x = np.arange(11)
    chance = np.outer(binom.pmf(x, 10, 0.7), binom.pmf(x, 10, 0.2)).ravel()
    one, two = (each.ravel() / 10 for each in np.meshgrid(x, x, indexing="ij"))
    common = (one + two) / 2
    error = np.sqrt(common * (1 - common) / 5)
    z = np.divide(one - two, error, out=np.zeros(len(one)), where=error > 0)
    rejected = (z[:, None] + z[None, :]) / math.sqrt(2) >= -ndtri(0.025)
    power = float(chance @ rejected @ chance)
    for share in (found.in_class, found.in_all, found.either):
        assert abs(share - power) < margin(power)
    assert (found.enriched, found.stopped, found.subjects, found.screened) == (0, 0, 40, 40)


def test_the_look_decides_who_goes_on() -> None:
    always = enrichment_characteristics(replace(DESIGN, threshold=-100.0), PATIENTS, trials=5000)
    assert (always.enriched, always.stopped, always.subjects) == (0, 0, 130)
    assert always.screened == pytest.approx(130 / 0.9)
    never = enrichment_characteristics(replace(DESIGN, threshold=100.0), PATIENTS, trials=5000)
    assert (never.stopped, never.subjects, never.either) == (1, 60, 0)
    found = enrichment_characteristics(DESIGN, PATIENTS, trials=5000)
    assert found.enriched > 0.5 and found.in_class > always.in_class
    assert found.screened == pytest.approx(
        (60 + 70 * (found.enriched / 0.6 + 1 - found.enriched - found.stopped)) / 0.9
    )
    assert found == enrichment_characteristics(DESIGN, PATIENTS, trials=5000)


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.6])
def test_the_familywise_error_is_at_most_alpha(rate: float) -> None:
    """Of a test of large samples, hence in large samples."""
    design = replace(DESIGN, first=300, second=300)
    patients = Population((0.3, 0.5, 0.2), 1.0, ((rate, rate),) * 3)
    shares = (0.5, 0.4, 0.6)
    found = enrichment_characteristics(replace(design, shares=shares), patients, trials=TRIALS)
    assert 0.01 < found.error < 0.025 + margin(0.025)
    assert abs(found.error - found.either) < 2 * margin(0.025)


def test_relabelling_classes_changes_nothing() -> None:
    turned = Population((0.4, 0.6), 0.9, ((0.15, 0.25), (0.5, 0.25)))
    design = replace(DESIGN, of=1, shares=(1 / 2, 2 / 3))
    here = enrichment_characteristics(DESIGN, PATIENTS, trials=TRIALS)
    there = enrichment_characteristics(design, turned, trials=TRIALS)
    for name in ("in_class", "in_all", "enriched", "stopped", "error"):
        share = getattr(here, name)
        assert abs(share - getattr(there, name)) < 2 * margin(share), name


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"first": 0}, "first"),
        ({"second": -1}, "second"),
        ({"shares": (0.5, 1.0)}, "shares"),
        ({"shares": (0.5,)}, "shares"),
        ({"of": 2}, "of"),
        ({"arms": (0, 2)}, "arms"),
        ({"alpha": 0.0}, "alpha"),
        ({"threshold": math.nan}, "threshold"),
    ],
)
def test_an_impossible_design_is_refused(change: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput, match=f"^{field}"):
        enrichment_characteristics(replace(DESIGN, **change), PATIENTS, trials=10)
