"""What holds for every power of an interaction, by the normal approximation and exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from equipoise.errors import BadInput
from equipoise.statistics.interaction import interaction_power, interaction_size
from equipoise.statistics.interaction_exact import interaction_exact_power
from equipoise.statistics.logistic import logistic_p_batch

RATE = st.floats(0.05, 0.95)
SUBJECTS = st.integers(5, 90)
CELLS = st.lists(st.lists(RATE, min_size=2, max_size=2), min_size=2, max_size=2)


@given(CELLS, st.lists(st.lists(SUBJECTS, min_size=2, max_size=2), min_size=2, max_size=2))
@settings(max_examples=60, deadline=None)
def test_relabelling_strata_or_arms_keeps_the_interaction(p: Any, n: Any) -> None:
    for scale in ("log_odds", "difference"):
        here = interaction_power(n, p, scale=scale)  # type: ignore[arg-type]
        for turn in (
            lambda cells: cells[::-1],
            lambda cells: [row[::-1] for row in cells],
            lambda cells: [list(column) for column in zip(*cells, strict=True)],
        ):
            there = interaction_power(turn(n), turn(p), scale=scale)  # type: ignore[arg-type]
            assert there.power == pytest.approx(here.power, abs=1e-9)
            assert abs(there.contrasts[0]) == pytest.approx(abs(here.contrasts[0]))


@given(st.integers(0, 2**30), st.integers(2, 4), st.integers(2, 4))
@settings(max_examples=30, deadline=None)
def test_interaction_of_any_table_does_not_depend_on_the_reference(
    seed: int, strata: int, arms: int
) -> None:
    draws = np.random.default_rng(seed)
    p, n = draws.uniform(0.1, 0.9, (strata, arms)), draws.integers(5, 90, (strata, arms))
    here = interaction_power(n.tolist(), p.tolist())
    order = draws.permutation(strata)
    there = interaction_power(n[order][:, ::-1].tolist(), p[order][:, ::-1].tolist())
    assert here.degrees_of_freedom == (strata - 1) * (arms - 1) == len(here.contrasts)
    assert there.noncentrality == pytest.approx(here.noncentrality)
    expected = stats.ncx2.sf(
        stats.chi2.isf(0.05, here.degrees_of_freedom), here.degrees_of_freedom, here.noncentrality
    )
    assert here.power == pytest.approx(expected, abs=1e-9)


@given(st.integers(0, 2**30))
@settings(max_examples=12, deadline=None)
def test_exact_power_of_interaction_counts_what_the_analysis_rejects(seed: int) -> None:
    """All tables of four small cells, each tested by the logistic regression of the analysis."""
    draws = np.random.default_rng(seed)
    n = draws.integers(1, 6, 4)
    p, alpha = draws.uniform(0.05, 0.95, 4), float(draws.choice([0.05, 0.2, 0.4]))
    counts = np.stack(np.meshgrid(*(np.arange(each + 1) for each in n), indexing="ij"), axis=-1)
    events = counts.reshape(-1, 4)
    chance = np.prod(stats.binom.pmf(events, n, p), axis=1)
    design = [[1, 0, 0, 0], [1, 0, 1, 0], [1, 1, 0, 0], [1, 1, 1, 1]]
    for test in ("wald", "likelihood_ratio"):
        subjects = np.broadcast_to(n, events.shape)
        found = logistic_p_batch(design, events, subjects, [3], test=test)  # type: ignore[arg-type]
        expected = chance[found <= alpha].sum()
        power = interaction_exact_power(
            n.reshape(2, 2).tolist(),
            p.reshape(2, 2).tolist(),
            alpha=alpha,
            test=test,  # type: ignore[arg-type]
        )
        assert power == pytest.approx(expected, abs=1e-9)


def test_exact_power_of_the_difference_of_differences() -> None:
    n, p = np.array([5, 4, 3, 6]), np.array([0.8, 0.3, 0.2, 0.6])
    counts = np.stack(np.meshgrid(*(np.arange(each + 1) for each in n), indexing="ij"), axis=-1)
    share = counts / n
    apart = share[..., 0] - share[..., 1] - share[..., 2] + share[..., 3]
    error = np.sqrt((share * (1 - share) / n).sum(axis=-1))
    z = np.divide(np.abs(apart), error, out=np.where(apart == 0, 0, np.inf), where=error > 0)
    chance = np.prod(stats.binom.pmf(counts, n, p), axis=-1)
    found = interaction_exact_power([[5, 4], [3, 6]], [[0.8, 0.3], [0.2, 0.6]], test="difference")
    assert found == pytest.approx(chance[z >= stats.norm.isf(0.025)].sum(), abs=1e-12)


def test_exact_power_of_interaction_at_the_planned_size() -> None:
    """Wald's exact power in the cells of MGMT-NET's plan is below the normal one (0.42)."""
    p = [[0.50, 0.25], [0.15, 0.25]]
    planned = [[40, 20], [22, 22]]
    assert round(interaction_power(planned, p).power, 2) == 0.42
    assert round(interaction_exact_power(planned, p), 2) == 0.40
    turned = interaction_exact_power([[22, 22], [20, 40]], [[0.25, 0.15], [0.25, 0.50]])
    assert turned == pytest.approx(interaction_exact_power(planned, p), abs=1e-12)


@pytest.mark.parametrize("p", [[[0.5, 0.25], [0.15, 0.25]], [[0.5, 0.2], [0.4, 0.3], [0.3, 0.4]]])
def test_interaction_size_has_the_power(p: list[list[float]]) -> None:
    shares = [[2.0, 1.0]] * (len(p) - 1) + [[1.0, 1.0]]
    for scale in ("log_odds", "difference"):
        size = interaction_size(p, shares, power=0.9, scale=scale)  # type: ignore[arg-type]
        assert sum(map(sum, size.cells)) == pytest.approx(size.subjects)
        assert size.cells[0][0] == pytest.approx(2 * size.cells[0][1])
        found = interaction_power(size.cells, p, scale=scale)  # type: ignore[arg-type]
        assert found.power == pytest.approx(0.9, abs=1e-9)


MISTAKES: list[tuple[Any, dict[str, Any], str]] = [
    (interaction_exact_power, {"n": [[1, 2], [3, 0]], "p": [[0.1, 0.2], [0.3, 0.4]]}, "n"),
    (interaction_exact_power, {"n": [[1, 2], [3, 1.5]], "p": [[0.1, 0.2], [0.3, 0.4]]}, "n"),
    (interaction_exact_power, {"n": [[99, 99], [99, 99]], "p": [[0.1, 0.2], [0.3, 0.4]]}, "n"),
    (interaction_exact_power, {"n": [[1, 2], [3, 1]], "p": [[0.1, 0.2], [0.3, 1.4]]}, "p"),
    (interaction_exact_power, {"n": [[1, 2], [3, 1]], "p": [[0.1, 0.2]]}, "p"),
    (
        interaction_exact_power,
        {"n": [[1, 2], [3, 1]], "p": [[0.1, 0.2], [0.3, 0.4]], "test": "breslow_day"},
        "test",
    ),
    (interaction_power, {"n": [[1, 2]], "p": [[0.1, 0.2], [0.3, 0.4]]}, "n"),
    (interaction_power, {"n": [[1, 2], [3]], "p": [[0.1, 0.2], [0.3, 0.4]]}, "n"),
    (interaction_power, {"n": [[1, 2], [3, 0]], "p": [[0.1, 0.2], [0.3, 0.4]]}, "n"),
    (interaction_power, {"n": [[1, 2], [3, 1]], "p": [[0.1, 0.2], [0.3, 1]]}, "p"),
    (
        interaction_size,
        {"p": [[0.1, 0.1], [0.3, 0.3]], "shares": [[1, 1], [1, 1]], "power": 0.8},
        "p",
    ),
]


@pytest.mark.parametrize(("function", "arguments", "field"), MISTAKES)
def test_an_impossible_interaction_is_refused_by_field(
    function: Any, arguments: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadInput, match=f"^{field}"):
        function(**arguments)
