"""What holds for every design of two proportions."""

from __future__ import annotations

import itertools
import math
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.errors import BadInput
from equipoise.statistics.power import exact_power, exact_size, two_proportions_size
from equipoise.statistics.rejection import rejection_region

PROPORTION = st.floats(0.02, 0.98)


@given(st.integers(1, 25), st.integers(1, 25), PROPORTION, st.sampled_from([0.01, 0.05, 0.2]))
@settings(max_examples=30, deadline=None)
def test_fisher_never_exceeds_its_level(n1: int, n2: int, p: float, alpha: float) -> None:
    for side in ("two_sided", "greater", "less"):
        assert exact_power(n1, n2, p, p, alpha=alpha, side=side) <= alpha + 1e-9


@given(st.integers(0, 20), st.integers(0, 20), PROPORTION, PROPORTION)
@settings(max_examples=30, deadline=None)
def test_relabelling_groups_changes_nothing(n1: int, n2: int, p1: float, p2: float) -> None:
    for test in ("fisher", "chi_square", "chi_square_corrected"):
        there = exact_power(n1, n2, p1, p2, alpha=0.1, test=test)
        assert exact_power(n2, n1, p2, p1, alpha=0.1, test=test) == pytest.approx(there, abs=1e-12)
        assert exact_power(n1, n2, 1 - p1, 1 - p2, alpha=0.1, test=test) == pytest.approx(
            there, abs=1e-9
        )


@given(st.integers(1, 12), st.integers(1, 12), st.sampled_from([0.03, 0.05, 0.13]))
@settings(max_examples=20, deadline=None)
def test_models_of_two_groups_reject_where_their_closed_forms_do(
    n1: int, n2: int, alpha: float
) -> None:
    """Wald: Woolf's z; likelihood ratio: 2 sum of observed log observed / expected; score:
    Pearson's chi-square. Firth's penalty leaves tables without any difference alone."""
    limit = NormalDist().inv_cdf(1 - alpha / 2)
    found = {
        test: rejection_region(n1, n2, alpha=alpha, test=test)
        for test in ("logistic_wald", "logistic_likelihood_ratio", "logistic_score", "firth_wald")
    }
    chi_square = rejection_region(n1, n2, alpha=alpha, test="chi_square")
    for x1, x2 in itertools.product(range(n1 + 1), range(n2 + 1)):
        counts = x1, n1 - x1, x2, n2 - x2
        expected = [
            (n1 if place < 2 else n2) * (counts[place % 2] + counts[place % 2 + 2]) / (n1 + n2)
            for place in range(4)
        ]
        g = 2 * sum(x * math.log(x / e) for x, e in zip(counts, expected, strict=True) if x)
        if abs(math.sqrt(max(g, 0)) - limit) > 1e-6:
            assert found["logistic_likelihood_ratio"][x1, x2] == (math.sqrt(max(g, 0)) > limit)
        if min(counts) == 0:
            assert not found["logistic_wald"][x1, x2]
        else:
            z = math.log(x1 * counts[3] / (x2 * counts[1])) / math.sqrt(sum(1 / x for x in counts))
            assert found["logistic_wald"][x1, x2] == (abs(z) > limit)
        assert found["logistic_score"][x1, x2] == chi_square[x1, x2]
    assert not found["firth_wald"][0, 0] and not found["firth_wald"][n1, n2]


def test_sizes_are_not_their_level() -> None:
    """34 v 26 at 5 %: Fisher's test keeps far below it, Wald's goes beyond it or, on the scale of
    the odds ratio, never reaches it."""
    sizes = {
        test: exact_size(34, 26, alpha=0.05, test=test).size
        for test in ("fisher", "fisher_mid_p", "boschloo", "z_unpooled", "logistic_wald",
                     "logistic_likelihood_ratio")
    }  # fmt: skip
    assert sizes["fisher"] < 0.04 < sizes["boschloo"] <= 0.05 < sizes["z_unpooled"]
    assert sizes["logistic_wald"] < 0.05 < sizes["logistic_likelihood_ratio"]
    with pytest.raises(BadInput, match="two_sided"):
        exact_size(5, 5, alpha=0.05, test="firth_wald", side="greater")


def test_certain_outcomes() -> None:
    assert exact_power(5, 5, 0.0, 1.0, alpha=0.05) == 1.0
    assert exact_power(5, 5, 0.0, 0.0, alpha=0.05) == 0.0
    assert exact_power(5, 5, 0.3, 0.6, alpha=1.0) == pytest.approx(1.0, abs=1e-12)


@given(PROPORTION, PROPORTION, st.floats(0.3, 3))
@settings(max_examples=60)
def test_size_is_symmetric_and_the_correction_adds(p1: float, p2: float, ratio: float) -> None:
    if abs(p1 - p2) < 0.02:
        return
    plain = two_proportions_size(p1, p2, alpha=0.05, power=0.8, ratio=ratio)
    turned = two_proportions_size(p2, p1, alpha=0.05, power=0.8, ratio=1 / ratio)
    assert plain.n1 == pytest.approx(turned.n2, rel=1e-9)
    corrected = two_proportions_size(
        p1, p2, alpha=0.05, power=0.8, ratio=ratio, continuity_correction=True
    )
    assert corrected.n1 > plain.n1
    assert plain.whole == (math.ceil(plain.n1), math.ceil(plain.n2))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"p1": 1.2}, "p1: found '1.2'; a probability of 0 to 1"),
        ({"p2": 0.15}, "two different proportions"),
        ({"ratio": 0.0}, "ratio: found '0.0'; a finite number above 0"),
        ({"alpha": 0.0}, "alpha"),
        ({"power": 1.0}, "power"),
    ],
)
def test_an_impossible_design_is_refused(change: dict[str, float], message: str) -> None:
    design = {"p1": 0.15, "p2": 0.5, "alpha": 0.05, "power": 0.8, **change}
    with pytest.raises(BadInput, match=message):
        two_proportions_size(**design)  # type: ignore[arg-type]  # sides keeps its default


def test_an_impossible_test_is_refused() -> None:
    with pytest.raises(BadInput, match="group sizes of 0 or more"):
        exact_power(-1, 5, 0.1, 0.5, alpha=0.05)
    with pytest.raises(BadInput, match="side: found 'chi_square greater'; two_sided"):
        exact_power(5, 5, 0.1, 0.5, alpha=0.05, test="chi_square", side="greater")
    with pytest.raises(BadInput, match="p2"):
        exact_power(5, 5, 0.1, -0.5, alpha=0.05)
