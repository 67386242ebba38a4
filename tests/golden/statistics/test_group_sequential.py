"""Group-sequential and two-stage designs, and graphs, against R and against printed tables."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from equipoise.statistics.graphical_test import fallback_graph, graphical_test, holm_graph
from equipoise.statistics.group_sequential import (
    critical_values,
    group_sequential_design,
    stopping_probabilities,
)
from equipoise.statistics.two_stage import simon_designs, two_stage_characteristics

GOLDEN = json.loads((Path(__file__).parent / "design.json").read_text(encoding="utf-8"))
TOLERANCE = 1e-6
EFFICACY = {
    "OF": "obrien_fleming",
    "P": "pocock",
    "WT": "wang_tsiatis",
    "HP": "haybittle_peto",
    "asOF": "obrien_fleming_like",
    "LDOF": "obrien_fleming_like",
    "asP": "pocock_like",
    "asKD": "kim_demets",
}
"""rpact's and gsDesign's names of the limits."""


def chosen(row: dict[str, Any]) -> dict[str, Any]:
    """What a row of R's calls means in ours."""
    kind = row["type"]
    if kind == "asOF+bsOF nonbinding":
        return {"efficacy": "obrien_fleming_like", "futility": "obrien_fleming_like"}
    if kind == "HSD(-4)/HSD(-2) test.type4":
        hwang = "hwang_shih_decani"
        return {"efficacy": hwang, "parameter": -4, "futility": hwang, "futility_parameter": -2}
    parameter = {"WT": row.get("deltaWT"), "asKD": row.get("gammaA")}.get(kind)
    return {"efficacy": EFFICACY[kind], "parameter": parameter}


@pytest.mark.parametrize(
    "row",
    GOLDEN["group_sequential"],
    ids=lambda row: f"{row['pkg']}-{row['type']}-{row.get('kMax', 3)}",
)
def test_group_sequential_design(row: dict[str, Any]) -> None:
    """Every value of R's designs: limits, levels, spending, inflation, expected sizes."""
    looks = row.get("info") or [(k + 1) / row["kMax"] for k in range(row["kMax"])]
    design = group_sequential_design(
        looks, alpha=row["alpha"], power=1 - row["beta"], sides=row["sided"], **chosen(row)
    )
    no, half, full = design.expected_over_fixed
    found: dict[str, Any] = {
        "critical": design.critical,
        "stage_levels": design.stage_levels,
        "alpha_spent": design.alpha_spent,
        "spend": [
            b - a for a, b in zip((0, *design.alpha_spent), design.alpha_spent, strict=False)
        ],
        "beta_spent": design.beta_spent,
        "shift": design.drift**2,
        "inflation": design.inflation,
        "n.I_inflation": [design.inflation * t for t in looks],
        "nFixed": design.drift**2 / design.inflation,
        "ASN01": half,
        "ASN1": full,
        "en": (no, full),
    }
    if "futility" in row:
        assert design.futility is not None
        assert design.futility == pytest.approx(row["futility"][: len(looks) - 1], abs=TOLERANCE)
    compared = [key for key in found if key in row]
    assert len(compared) >= 3
    for key in compared:
        assert found[key] == pytest.approx(row[key], abs=TOLERANCE), key
    assert design.full_effect.rejected == pytest.approx(1 - row["beta"], abs=1e-9)


@pytest.mark.parametrize(
    ("looks", "pocock", "obrien_fleming"),
    [
        (2, 2.178, 1.977),
        (3, 2.289, 2.004),
        (4, 2.361, 2.024),
        (5, 2.413, 2.040),
        (10, 2.555, 2.087),
    ],
)
def test_constants_of_jennison_and_turnbull(
    looks: int, pocock: float, obrien_fleming: float
) -> None:
    """C_P(K, 0.05) and C_B(K, 0.05), two-sided: Group Sequential Methods, tables 2.1 and 2.3."""
    information = [(k + 1) / looks for k in range(looks)]
    for efficacy, constant in (("pocock", pocock), ("obrien_fleming", obrien_fleming)):
        found = critical_values(information, alpha=0.05, sides=2, efficacy=efficacy)  # type: ignore[arg-type]
        assert round(found[-1], 3) == constant
        assert found[0] == pytest.approx(
            found[-1] * (math.sqrt(looks) if efficacy == "obrien_fleming" else 1)
        )


@pytest.mark.parametrize(
    ("efficacy", "power", "looks", "printed"),
    [
        ("pocock", 0.8, 2, 1.110),
        ("pocock", 0.8, 5, 1.229),
        ("pocock", 0.9, 2, 1.100),
        ("pocock", 0.9, 5, 1.207),
        ("obrien_fleming", 0.8, 2, 1.008),
        ("obrien_fleming", 0.8, 5, 1.028),
        ("obrien_fleming", 0.9, 5, 1.026),
        ("obrien_fleming", 0.9, 10, 1.037),
    ],
)
def test_inflation_of_jennison_and_turnbull(
    efficacy: Any, power: float, looks: int, printed: float
) -> None:
    """R_P and R_B, two-sided 5 %: Group Sequential Methods, tables 2.2 and 2.4."""
    information = [(k + 1) / looks for k in range(looks)]
    design = group_sequential_design(
        information, alpha=0.05, sides=2, power=power, efficacy=efficacy
    )
    assert round(design.inflation, 3) == printed


def test_two_sided_and_one_sided_spending_are_the_same_but_for_the_other_side() -> None:
    one = critical_values([0.5, 1], alpha=0.025)
    two = critical_values([0.5, 1], alpha=0.05, sides=2)
    assert one == pytest.approx(two, abs=1e-5) and one != two


@pytest.mark.parametrize("row", GOLDEN["simon"])
def test_simon_designs(row: dict[str, Any]) -> None:
    found = simon_designs(row["p0"], row["p1"], alpha=row["alpha"], power=1 - row["beta"])
    for design, r in ((found.optimal, row["optimal"]), (found.minimax, row["minimax"])):
        assert (design.r1, design.n1, design.r, design.n) == (r["r1"], r["n1"], r["r"], r["n"])
        assert design.expected_size == pytest.approx(r["EN(p0)"], abs=TOLERANCE)
        assert design.early_stop == pytest.approx(r["PET(p0)"], abs=TOLERANCE)
        shape = (design.r1, design.n1, design.r, design.n)
        at_null = two_stage_characteristics(*shape, row["p0"])
        assert at_null.rejected == pytest.approx(design.size, abs=1e-12)
        assert at_null.expected_size == pytest.approx(design.expected_size)
        assert two_stage_characteristics(*shape, row["p1"]).rejected == pytest.approx(design.power)


@pytest.mark.parametrize(
    ("p0", "p1", "optimal", "minimax"),
    [
        (0.05, 0.25, (0, 9, 2, 17, 12.0), (0, 12, 2, 16, 13.8)),
        (0.10, 0.30, (1, 10, 5, 29, 15.0), (1, 15, 5, 25, 19.5)),
        (0.20, 0.40, (3, 13, 12, 43, 20.6), (4, 18, 10, 33, 22.3)),
        (0.30, 0.50, (5, 15, 18, 46, 23.6), (6, 19, 16, 39, 25.7)),
        (0.40, 0.60, (7, 16, 23, 46, 24.5), (17, 34, 20, 39, 34.4)),
        (0.50, 0.70, (8, 15, 26, 43, 23.5), (12, 23, 23, 37, 27.7)),
        (0.60, 0.80, (7, 11, 30, 43, 20.5), (8, 13, 25, 35, 20.8)),
        (0.70, 0.90, (4, 6, 22, 27, 14.8), (19, 23, 21, 26, 23.2)),
    ],
)
def test_table_of_simon(
    p0: float, p1: float, optimal: tuple[float, ...], minimax: tuple[float, ...]
) -> None:
    """Simon 1989, Control Clin Trials 10:1-10: alpha 0.05, beta 0.20; expected sizes at p0."""
    found = simon_designs(p0, p1, alpha=0.05, power=0.80, largest=60)
    for design, printed in ((found.optimal, optimal), (found.minimax, minimax)):
        assert (design.r1, design.n1, design.r, design.n) == printed[:4]
        assert round(design.expected_size, 1) == printed[4]


def test_parallel_gatekeeping_graph() -> None:
    """graphicalMCP 0.2.8, printed report of its parallel gatekeeping graph: all P values 0.01."""
    weights = [0.5, 0.5, 0, 0]
    moves = [[0, 0, 1, 0], [0, 0, 0, 1], [0, 1, 0, 0], [1, 0, 0, 0]]
    test = graphical_test([0.01] * 4, weights, moves, alpha=0.025)
    assert test.rejected == (True,) * 4 and test.adjusted_p == (0.02,) * 4
    assert graphical_test([0.01] * 4, weights, moves, alpha=0.019).rejected == (False,) * 4


def test_holm_of_r() -> None:
    """The example of gMCP's help page; as p.adjust(method = "holm") in R."""
    graph = holm_graph(5)
    test = graphical_test(
        [0.01, 0.02, 0.04, 0.04, 0.7], graph.weights, graph.transitions, alpha=0.05
    )
    assert test.adjusted_p == pytest.approx((0.05, 0.08, 0.12, 0.12, 0.7))
    assert test.rejected == (True, False, False, False, False) and test.order == (1,)
    assert test.remaining == pytest.approx((0, 0.25, 0.25, 0.25, 0.25))


def test_fallback_by_hand() -> None:
    """Weights 0.5, 0.3, 0.2 at 0.05: the second has 0.015 alone, 0.04 once the first has fallen."""
    graph = fallback_graph([0.5, 0.3, 0.2])
    test = graphical_test([0.02, 0.035, 0.04], graph.weights, graph.transitions, alpha=0.05)
    assert test.rejected == (True, True, True) and test.order == (1, 2, 3)
    assert test.adjusted_p == pytest.approx((0.04, 0.035 / 0.8, 0.035 / 0.8))
    later = graphical_test([0.03, 0.035, 0.004], graph.weights, graph.transitions, alpha=0.05)
    assert later.rejected == (False, False, True)


def test_what_a_peeking_trial_really_has() -> None:
    """Five looks at 5 %: the error is 14.2 % (Armitage, McPherson and Rowe 1969, table 2)."""
    looks = [0.2, 0.4, 0.6, 0.8, 1.0]
    found = stopping_probabilities(looks, [1.959964] * 5, drift=0.0, sides=2)
    assert round(found.rejected + sum(found.opposite), 3) == 0.142
