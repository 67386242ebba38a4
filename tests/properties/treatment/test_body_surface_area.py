"""Body surface area of every body that can be recorded: exact, and beside a second programming."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.treatment.area import body_surface_area
from equipoise.treatment.plan import BodySurfaceArea
from tests.second_programming.amounts_again import area

bodies = st.tuples(st.integers(500, 2500), st.integers(200, 3500))


def areas(found: list[tuple[int, int]], plan: BodySurfaceArea) -> list[int]:
    height, weight = np.array(found).T
    return body_surface_area(height, weight, plan).tolist()


@settings(max_examples=150)
@given(
    st.lists(bodies, min_size=1, max_size=40),
    st.sampled_from(["mosteller", "dubois"]),
    st.sampled_from([None, "1.8"]),
)
def test_body_surface_area(found: list[tuple[int, int]], formula: str, cap: str | None) -> None:
    plan = BodySurfaceArea.model_validate({"formula": formula, "cap": cap})
    assert areas(found, plan) == [area(height, weight, plan) for height, weight in found]


def test_every_height_by_mosteller_is_rounded_as_exact_arithmetic_rounds() -> None:
    """Integers only: r is right when (2r - 1)^2 < 4 h w 10^8 / 360000 < (2r + 1)^2."""
    found = [(height, weight) for height in range(500, 2501, 7) for weight in range(200, 3501, 13)]
    plan = BodySurfaceArea(formula="mosteller")
    for (height, weight), each in zip(found, areas(found, plan), strict=True):
        fourfold = 4 * height * weight * 10**8
        assert (2 * each - 1) ** 2 * 360_000 <= fourfold < (2 * each + 1) ** 2 * 360_000


def test_no_body_comes_near_to_a_half() -> None:
    """So that floating-point numbers, good to 1e-11 here, round as exact numbers do."""
    height = np.arange(500, 2501)[:, None] / 10
    weight = np.arange(200, 3501)[None, :] / 10
    mosteller = np.sqrt(height * weight / 3600)
    dubois = 0.007184 * height**0.725 * weight**0.425
    for surface in (mosteller * 10_000, dubois * 10_000):
        assert np.abs(surface - np.floor(surface) - 0.5).min() > 5e-9
