"""Sizes that textbooks print for two proportions and for survival, and published designs.

What is general knowledge of a printed work, not read again for this test, says so; each of these
was computed by hand from the formula named beside it before it was written down.
"""

from __future__ import annotations

import math

import pytest

from equipoise.statistics.marker_designs import screened
from equipoise.statistics.power import two_proportions_size
from equipoise.statistics.single_arm import single_stage_designs, single_stage_rule
from equipoise.statistics.survival_size import SurvivalMethod, events_needed


@pytest.mark.parametrize(
    ("p1", "p2", "alpha", "power", "plain", "corrected"),
    [
        # Fleiss, Statistical Methods for Rates and Proportions, the example of the chapter on
        # sizes (general knowledge): 0.60 v 0.70 at 1 % with 95 %; 807.1 before the correction.
        (0.60, 0.70, 0.01, 0.95, 807.1, 827),
        # By hand: 1.959964 sqrt(2 x 0.325 x 0.675) + 0.841621 sqrt(0.3775) = 1.815352, squared
        # and divided by 0.35^2; corrected by n / 4 (1 + sqrt(1 + 4 / (0.35 n)))^2.
        (0.15, 0.50, 0.05, 0.80, 26.9, 33),
    ],
)
def test_fleiss(
    p1: float, p2: float, alpha: float, power: float, plain: float, corrected: int
) -> None:
    found = two_proportions_size(p1, p2, alpha=alpha, power=power)
    assert round(found.n1, 1) == plain
    whole = two_proportions_size(p1, p2, alpha=alpha, power=power, continuity_correction=True)
    # Fleiss rounds to the nearest subject: 827.02.
    assert corrected - 0.99 < whole.n1 < corrected + 0.03


@pytest.mark.parametrize(
    ("ratio", "power", "schoenfeld", "freedman"),
    [
        # 4 (1.959964 + 0.841621)^2 / ln(2)^2 and 7.848879 (3 / 1)^2, and so on by hand.
        (2.0, 0.80, 65.35, 70.64),
        (1.5, 0.80, 190.97, 196.22),
        (1.5, 0.90, 255.65, 262.69),
        # Collett, Modelling Survival Data, chronic active hepatitis (general knowledge): 0.41 to
        # 0.60 at five years, 90 %: 136 deaths.
        (math.log(0.60) / math.log(0.41), 0.90, 135.47, 142.54),
    ],
)
def test_schoenfeld_and_freedman(
    ratio: float, power: float, schoenfeld: float, freedman: float
) -> None:
    for method, printed in (("schoenfeld", schoenfeld), ("freedman", freedman)):
        chosen: SurvivalMethod = method  # type: ignore[assignment]
        for each in (ratio, 1 / ratio):
            found = events_needed(each, alpha=0.05, power=power, method=chosen)
            assert found == pytest.approx(printed, abs=0.01)


@pytest.mark.parametrize(
    ("trial", "hazard_ratio", "power", "events", "printed"),
    [
        # Le Tourneau et al. 2015, Lancet Oncol 16:1324-1334 (general knowledge): 142 events for a
        # hazard ratio of 0.625 at two-sided 5 % and 80 %. They rounded to the nearest event.
        ("SHIVA", 0.625, 0.80, 142.13, 142),
        # MARVEL (N0723; general knowledge): 90 % in either stratum, a progression-free survival
        # longer by half with erlotinib if FISH is positive, by 30 % with pemetrexed if negative.
        ("MARVEL, FISH positive", 1 / 1.5, 0.90, 255.65, None),
        ("MARVEL, FISH negative", 1.3, 0.90, 610.58, None),
    ],
)
def test_events_of_published_designs(
    trial: str, hazard_ratio: float, power: float, events: float, printed: int | None
) -> None:
    found = events_needed(hazard_ratio, alpha=0.05, power=power)
    assert found == pytest.approx(events, abs=0.01), trial
    assert printed is None or round(found) == printed, trial


def test_marvel_registers_for_those_who_cannot_be_classified() -> None:
    """957 randomised, 1196 registered (FACTS, section 5): a FISH result in four of five.

    That 0.8 is ours: 957 / 0.8 = 1196.25, which the plan rounds down and `screened` up. Both strata
    together need 867 events, nine in ten of those who are randomised.
    """
    assert screened(957, 0.8) == 1197
    needed = sum(math.ceil(events_needed(each, alpha=0.05, power=0.9)) for each in (1 / 1.5, 1.3))
    assert needed == 867 and 0.9 < needed / 957 < 0.91


def test_temozolomide_in_methylated_colorectal_cancer() -> None:
    """One arm, 15 % v 35 % by Fleming's method, 29 enrolled (FACTS, section 5; no level there).

    At one-sided 5 % and 80 %, by hand from the binomial distribution: 28 subjects and 8 responses,
    P(8 or more) = 0.0486 at 15 % and 0.8179 at 35 %. With 29 the eighth response is no longer at
    5 %: 0.0586.
    """
    (design,) = single_stage_designs(0.15, 0.35, alpha=0.05, power=0.80)
    assert (design.n, design.r + 1) == (28, 8)
    assert design.size == pytest.approx(0.0486, abs=5e-5)
    assert design.power == pytest.approx(0.8179, abs=5e-5)
    assert single_stage_rule(29, 0.15, 0.35, alpha=0.05).r + 1 == 9


def test_an_arm_of_nci_match() -> None:
    """5 % v 25 % (FACTS, section 5). Each arm has 31 evaluable and promises with 5 responses: 92 %
    power, a size of 1.8 % (general knowledge). At 2 % that is the rule.
    """
    design = single_stage_rule(31, 0.05, 0.25, alpha=0.02)
    assert design.r + 1 == 5
    assert design.size == pytest.approx(0.018, abs=5e-4)
    assert design.power == pytest.approx(0.917, abs=5e-4)
