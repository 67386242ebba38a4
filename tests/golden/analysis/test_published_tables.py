"""From subjects to results, against values computed with R (tests/golden/statistics/SOURCES.md).

The counts 10/34 v 2/25, 18/34 v 6/24, 3/26 v 7/18 are those of the paper (J Clin Oncol 2024,
doi 10.1200/JCO.23.02724, abstract).
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from equipoise.analysis.run import run
from tests.harness.hand_made import Subject, trial
from tests.harness.hand_made_study import TWO_BY_TWO, analysis, study

R = Path(__file__).parents[1] / "statistics"
GOLDEN = json.loads((R / "golden.json").read_text(encoding="utf-8"))
SURVIVAL = json.loads((R / "survival.json").read_text(encoding="utf-8"))["survival"]
TABLES = [each for each in GOLDEN["tables"]["two_proportions"] if each["n1"] > 1 and each["n2"] > 1]
BY_ARM = ({"label": "Arm A", "arms": ("A",)}, {"label": "Arm B", "arms": ("B",)})


def subjects(x1: int, n1: int, x2: int, n2: int) -> list[Subject]:
    return [
        Subject(f"{status}{place:03}", status=status, response="PR" if place < x else "SD")
        for status, x, n in (("LOW", x1, n1), ("HIGH", x2, n2))
        for place in range(n)
    ]


def result(table: dict[str, Any], **changes: Any) -> Any:
    tables = trial(*subjects(table["x1"], table["n1"], table["x2"], table["n2"]))
    return run(tables, study(TWO_BY_TWO, (analysis(**changes),)))[0]


def named(table: dict[str, Any]) -> str:
    return f"{table['x1']}/{table['n1']} v {table['x2']}/{table['n2']}"


@pytest.mark.parametrize("table", TABLES, ids=named)
@pytest.mark.parametrize("side", ["two_sided", "greater", "less"])
def test_fisher(table: dict[str, Any], side: str) -> None:
    assert result(table, side=side).p == pytest.approx(table["p"][f"fisher_{side}"], rel=1e-6)


@pytest.mark.parametrize("table", TABLES, ids=named)
def test_risk_difference(table: dict[str, Any]) -> None:
    found = result(table, interval="newcombe")
    assert found.estimate == pytest.approx(table["diff"], abs=1e-9)
    assert (found.lower, found.upper) == pytest.approx(table["diff_ci"]["newcombe"], abs=1e-6)


@pytest.mark.parametrize(
    "table", [each for each in TABLES if each["OR_ci"].get("woolf")], ids=named
)
def test_odds_ratio(table: dict[str, Any]) -> None:
    sample = result(table, estimate="odds_ratio", interval="woolf")
    assert sample.estimate == pytest.approx(table["OR_sample"], rel=1e-6)
    assert (sample.lower, sample.upper) == pytest.approx(table["OR_ci"]["woolf"], rel=1e-6)
    exact = result(table, estimate="odds_ratio", interval="conditional_exact")
    # R's own root finder stops at about 1e-4 of the ratio (fisher.test calls uniroot).
    assert exact.estimate == pytest.approx(table["OR_cMLE_fisher"], rel=1e-3)
    limits = table["OR_ci"]["fisher_exact_central"]
    assert (exact.lower, exact.upper) == pytest.approx(limits, rel=1e-3)


def test_the_published_primary_comparison() -> None:
    table = next(each for each in TABLES if named(each) == "10/34 v 2/25")
    found = result(table, interval="miettinen_nurminen")
    assert (found.numerators, found.denominators) == ((10, 2), (34, 25))
    assert f"{found.p:.4f}" == "0.0547"
    assert f"{found.estimate:.3f} {found.lower:.3f} {found.upper:.3f}" == "0.214 0.005 0.401"


def lung() -> list[Subject]:
    """The data set `lung`: men in arm A, women in arm B; a time of t days ends on day t - 1."""
    with (R / "lung.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [
        Subject(
            f"{place:03}",
            arm="A" if row["sex"] == "1" else "B",
            progression=int(row["time"]) - 1 if row["status"] == "2" else None,
            assessed=int(row["time"]) - 1,
        )
        for place, row in enumerate(rows)
    ]


def test_survival_of_lung_by_sex() -> None:
    curves = analysis(
        id="curves", estimand="progression_free", groups=BY_ARM, method="kaplan_meier",
        side="none", estimate="median", interval="brookmeyer_crowley",
    )  # fmt: skip
    test = analysis(
        id="test", estimand="progression_free", groups=BY_ARM, method="log_rank",
        estimate="none", interval="none",
    )  # fmt: skip
    men, women, compared = run(trial(*lung()), study(TWO_BY_TWO, (curves, test)))
    golden = SURVIVAL["lung"]
    table = golden["km_sex"]["log-log"]["table"]
    month = 30.4375
    for row, place in ((men, 0), (women, 1)):
        assert row.numerators == (table["events"][place],)
        assert row.denominators == (table["records"][place],)
        found = [value * month for value in (row.estimate, row.lower, row.upper)]
        expected = [table[name][place] for name in ("median", "0.95LCL", "0.95UCL")]
        assert found == pytest.approx(expected, rel=1e-9)
    assert compared.p == pytest.approx(golden["logrank_sex"]["p"], rel=1e-6)
    assert compared.numerators == tuple(golden["logrank_sex"]["obs"])
