"""Exact unconditional tests against R's Exact; their regions are in test_power."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from equipoise.errors import BadInput
from equipoise.statistics.rejection import barnard_p, boschloo_p, rejection_region

GOLDEN = json.loads((Path(__file__).parent / "design.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", GOLDEN["unconditional_p"])
def test_unconditional_p(row: dict[str, Any]) -> None:
    table = row["x1"], row["n1"], row["x2"], row["n2"]
    found = {
        "boschloo": boschloo_p(*table),
        "barnard_zpooled": barnard_p(*table),
        "barnard_zunpooled": barnard_p(*table, pooled=False),
    }
    for key, p in found.items():
        if row[key] is not None:
            assert p == pytest.approx(row[key], abs=1e-6), key
    turned = row["x2"], row["n2"], row["x1"], row["n1"]
    assert boschloo_p(*turned) == pytest.approx(found["boschloo"], abs=1e-9)
    assert boschloo_p(*turned, side="less") == pytest.approx(
        boschloo_p(*table, side="greater"), abs=1e-9
    )


@pytest.mark.parametrize("test", ["boschloo", "barnard"])
def test_the_region_is_where_p_is_at_most_alpha(test: Any) -> None:
    n1, n2 = 9, 7
    function = boschloo_p if test == "boschloo" else barnard_p
    for side in ("two_sided", "greater"):
        region = rejection_region(n1, n2, alpha=0.07, test=test, side=side)  # type: ignore[arg-type]
        for x1 in range(n1 + 1):
            for x2 in range(n2 + 1):
                assert (function(x1, n1, x2, n2, side=side) <= 0.07) == region[x1, x2]  # type: ignore[arg-type]


def test_impossible_tables_are_refused() -> None:
    with pytest.raises(BadInput, match="3 of 2"):
        boschloo_p(3, 2, 1, 2)
    with pytest.raises(BadInput, match="n1, n2"):
        barnard_p(3, 2000, 1, 2000)
    with pytest.raises(BadInput, match="side"):
        barnard_p(1, 2, 1, 2, side="up")  # type: ignore[arg-type]
