"""A look at a trial: what is known at the cut counted by hand, and judged by printed formulas."""

from __future__ import annotations

import datetime
import math
from functools import cache
from typing import Any

import polars as pl
import pytest
from scipy.stats import fisher_exact, norm

from equipoise.analysis.cut import data_cut
from equipoise.analysis.looks import look_result
from equipoise.analysis.run import run
from equipoise.errors import BadInput
from equipoise.record.rule import Tables
from equipoise.simulation.run import Version, rehearsed
from equipoise.simulation.scenario import load_scenario
from equipoise.study.definition import Study
from equipoise.study.derivation import derive
from equipoise.study.load import load_study, study_path
from tests.harness.looking import with_looks

RESPONSES: dict[str, Any] = {
    "counted": "evaluable", "at": [18, 36], "side": "greater", "alpha": "0.025",
    "efficacy": {"family": "obrien_fleming_like"}, "exact": "nominal_p",
    "futility": {"rule": "conditional_power", "threshold": "0.1", "under": "trend"},
}  # fmt: skip
TIMES: dict[str, Any] = {
    "counted": "events", "at": [20, 40], "side": "less", "alpha": "0.025",
    "efficacy": {"family": "pocock"},
}  # fmt: skip
CUTS = [datetime.date(2025, 9, 1), datetime.date(2025, 12, 1), datetime.date(2026, 3, 1)]


@cache
def _events(name: str) -> Tables:
    scenario = load_scenario(study_path(name).parent, "planning")
    return rehearsed([Version(0, load_study(name))], scenario, 3, [0]).tables


def _cut(name: str, study: Study, day: datetime.date) -> Tables:
    return derive(data_cut(_events(name), day), study)


@pytest.mark.parametrize("day", CUTS)
def test_responses_count_once_their_window_has_closed(day: datetime.date) -> None:
    """The window of LUNG-TMB closes on day 98; the committee reads."""
    study = with_looks("lung-tmb", "main_test", RESPONSES)
    tables = _cut("lung-tmb", study, day)
    found = look_result(tables, study, 1, cut=day)
    closed = tables["allocation"].filter(
        pl.col("randomised") <= day - datetime.timedelta(days=98), pl.col("arm") == "COMBI"
    )
    read = tables["window_response"].filter(
        pl.col("evaluator") == "committee", pl.col("responder").is_not_null()
    )
    joined = closed.join(read, on="subject")
    cells = [
        (int(of["responder"].sum()), len(of))
        for status in ("HIGH", "LOW")
        for of in [joined.filter(marker_status=status)]
    ]
    assert list(zip(found.numerators, found.denominators, strict=True)) == cells
    assert found.known == sum(n for _, n in cells) and found.randomised == len(tables["allocation"])
    assert found.information == found.known / 36
    (x1, n1), (x2, n2) = cells
    p = float(fisher_exact([[x1, n1 - x1], [x2, n2 - x2]]).pvalue)
    z = math.copysign(float(norm.isf(p / 2)), x1 / n1 - x2 / n2)
    assert found.p == pytest.approx(p, rel=1e-9) and found.z == pytest.approx(z, rel=1e-9)
    assert found.critical == pytest.approx(2.9626, abs=5e-5), "alpha 0.001525 by half time"
    assert found.futility is not None and found.conditional_power is not None
    power = norm.sf((1.9686 - z / math.sqrt(0.5)) / math.sqrt(0.5))
    assert found.conditional_power == pytest.approx(power, abs=2e-4), "at the planned information"
    low = norm.sf((1.9686 - found.futility / math.sqrt(0.5)) / math.sqrt(0.5))
    assert low == pytest.approx(0.1, abs=2e-4)
    stops = "stop for efficacy" if z >= 2.9626 else "go on"
    assert found.decision == ("stop for futility" if z <= found.futility else stops)


def test_the_last_look_is_the_analysis() -> None:
    day = datetime.date(2030, 1, 1)
    study = with_looks("lung-tmb", "main_test", RESPONSES)
    tables = _cut("lung-tmb", study, day)
    found = look_result(tables, study, 2, cut=day)
    (row,) = [each for each in run(tables, study, cut=day) if each.analysis == "main_test"]
    assert (found.numerators, found.denominators) == (row.numerators, row.denominators)
    assert found.p == pytest.approx(row.p, rel=1e-9)
    assert found.futility is None and found.conditional_power is None
    assert found.z is not None and found.critical is not None
    assert found.decision == ("rejected" if found.z >= found.critical else "not rejected")


@pytest.mark.parametrize("analysis", ["pfs_arms_deficient", "pfs_hazard_ratio_deficient"])
def test_times_are_those_of_the_analysis_at_the_cut(analysis: str) -> None:
    """Directed: a hazard ratio below 1 is a Z above 0 where the side is `less`."""
    study = with_looks("mgmt-net", analysis, TIMES)
    day = datetime.date(2022, 1, 1)
    tables = _cut("mgmt-net", study, day)
    found = look_result(tables, study, 1, cut=day)
    rows = {each.analysis: each for each in run(tables, study, cut=day)}
    assert found.p == pytest.approx(rows[analysis].p, rel=1e-9)
    assert found.known == sum(rows[analysis].numerators) > 5
    ratio = rows["pfs_hazard_ratio_deficient"].estimate
    assert ratio is not None and found.z is not None and found.p is not None
    assert found.z == pytest.approx(math.copysign(norm.isf(found.p / 2), 1 - ratio), rel=1e-9)
    assert found.critical == pytest.approx(2.1783, abs=5e-5), "Pocock's constant of two looks"
    assert found.monitored is None, "Pocock's boundary is no spending function"


def test_nobody_looks_where_no_look_is_planned() -> None:
    study = with_looks("lung-tmb", "main_test", RESPONSES)
    tables = _cut("lung-tmb", study, CUTS[0])
    with pytest.raises(BadInput, match="one of the looks 1 to 2"):
        look_result(tables, study, 3, cut=CUTS[0])
    with pytest.raises(BadInput, match="in which an analysis has interims"):
        look_result(tables, load_study("lung-tmb"), 1, cut=CUTS[0])
    early = datetime.date(2020, 1, 1)
    found = look_result(_cut("lung-tmb", study, early), study, 1, cut=early)
    assert (found.known, found.p, found.decision) == (0, None, "go on")
