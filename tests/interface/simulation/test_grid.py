"""A grid of scenarios: what its points are, and what is refused with line, field and reason."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from equipoise.errors import BadInput
from equipoise.simulation.grid import GridPoint, read_grid
from equipoise.simulation.scenario import load_scenario
from equipoise.study.load import load_study, study_path


def _points(tmp_path: Path, text: str, study: str = "mgmt-net") -> list[GridPoint]:
    path = tmp_path / "grid.yaml"
    path.write_text(text, encoding="utf-8")
    scenario = load_scenario(study_path(study).parent, "planning")
    return read_grid(path, load_study(study), scenario)


def test_a_product_has_every_combination_and_changes_nothing_else(tmp_path: Path) -> None:
    points = _points(
        tmp_path,
        "product:\n"
        "  scenario.tumour.shrinkage.DEFICIENT.ALKY: [0.40, 0.50]\n"
        "  scenario.enrolment.randomise: [80, 104, 130]\n",
    )
    assert [point.scenario.enrolment.randomise for point in points] == [80, 104, 130] * 2
    assert [point.scenario.tumour.shrinkage["DEFICIENT"]["ALKY"] for point in points] == [
        Decimal("0.4")
    ] * 3 + [Decimal("0.5")] * 3
    assert points[4].label == "DEFICIENT.ALKY = 0.50, enrolment.randomise = 104"
    scenario = load_scenario(study_path("mgmt-net").parent, "planning")
    assert points[4].scenario == scenario, "the scenario itself is one of its points"
    assert points[4].study is load_study("mgmt-net")


def test_a_list_has_its_points_and_goes_together_with_a_product(tmp_path: Path) -> None:
    points = _points(
        tmp_path,
        "list:\n"
        "  - {scenario.marker.prevalence.THORAX: {DEFICIENT: 0.2, PROFICIENT: 0.8}}\n"
        "  - scenario.marker.prevalence.THORAX: {DEFICIENT: 0.5, PROFICIENT: 0.5}\n"
        "    study.analysis.analyses.primary.level: 0.90\n"
        "product:\n"
        "  scenario.harms.0.chance.ALKY: [0.1, 0.2]\n",
    )
    assert len(points) == 4
    assert [str(point.study.analysis.analyses[0].level) for point in points] == [
        "0.95", "0.95", "0.90", "0.90",
    ]  # fmt: skip
    assert points[0].scenario.marker.prevalence["THORAX"]["DEFICIENT"] == Decimal("0.2")
    assert points[3].scenario.harms[0].chance["ALKY"] == Decimal("0.2")
    assert "prevalence.THORAX = DEFICIENT 0.5, PROFICIENT 0.5" in points[3].label


def test_other_studies_have_grids_too(tmp_path: Path) -> None:
    points = _points(tmp_path, "product: {scenario.enrolment.per_month: [2, 4]}\n", "lung-tmb")
    assert [point.scenario.enrolment.per_month for point in points] == [2, 4]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ["empty"]),
        ("points: []\n", ["line 1", "points", "product or list"]),
        ("list: {}\n", ["list of points"]),
        ("list:\n  - 3\n", ["line 2", "mapping of fields"]),
        ("product: {scenario.enrolment.randomise: 80}\n", ["line 1", "list of values", "80"]),
        ("product: {enrolment.randomise: [80]}\n", ["enrolment.randomise", "scenario. or study."]),
        (
            "product:\n  scenario.enrolment.randomize: [80]\n",
            ["grid.yaml line 2", "scenario.enrolment.randomize", "perhaps randomise"],
        ),
        (
            "product: {scenario.tumour.shrinkage.DEFICIENT.ALKI: [0.4]}\n",
            ["ALKI", "perhaps ALKY", "ALKY, OX"],
        ),
        (
            "product: {study.analysis.analyses.prim.level: [0.9]}\n",
            ["study.analysis.analyses.prim", "perhaps primary"],
        ),
        (
            "product:\n  scenario.tumour.shrinkage.DEFICIENT.ALKY: [0.4, 1.4]\n",
            ["grid.yaml line 2", "ALKY = 1.4", "found '1.4'", "less than or equal to 1"],
        ),
        (
            "product: {study.randomisation.scheme.ratios.DEFICIENT.block_sizes: [[4]]}\n",
            ["block_sizes = 4", "found", "4"],
        ),
        (
            "list: [{scenario.enrolment.randomise: 80}]\n"
            "product: {scenario.enrolment.randomise: [90]}\n",
            ["line 2", "not in both"],
        ),
        (
            "product:\n  scenario.enrolment.randomise: "
            f"[{', '.join(str(n) for n in range(1, 80))}]\n"
            f"  scenario.enrolment.per_month: [{', '.join(str(n) for n in range(1, 80))}]\n",
            ["6241 points", "5000"],
        ),
    ],
)  # fmt: skip
def test_what_is_no_grid_is_refused(text: str, told: list[str], tmp_path: Path) -> None:
    with pytest.raises(BadInput) as refused:
        _points(tmp_path, text)
    for each in told:
        assert each in str(refused.value)
