"""Kaplan-Meier curves, their quantiles and means, and log-rank tests against R (SOURCES.md)."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from equipoise.statistics.kaplan_meier import (
    KaplanMeier,
    Transform,
    kaplan_meier,
    survival_at,
    survival_quantile,
)
from equipoise.statistics.log_rank import log_rank
from equipoise.statistics.restricted_mean import Contrast, restricted_mean, restricted_mean_contrast
from equipoise.statistics.weighted_log_rank import weighted_log_rank

HERE = Path(__file__).parent
GOLDEN = json.loads((HERE / "survival.json").read_text(encoding="utf-8"))["survival"]
TOLERANCE = 1e-6
TRANSFORMS: dict[str, Transform] = {
    "plain": "plain",
    "log": "log",
    "log-log": "log_log",
    "logit": "logit",
    "arcsin": "arcsin",
}
RISES_AGAIN = ("synth marker 1", "logit", 1, 0.5, "upper")
"""Here the upper limit of survival falls to 0.474 and rises to 0.481 where few are at risk. R's
print.survfit takes the first time at or below 0.5 (31.3), as we do; its quantile takes 37.8."""
Row = dict[str, str]


def read(name: str) -> list[Row]:
    with (HERE / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


LUNG, SYNTH = read("lung"), read("synth")
EVENT = {"lung": "2", "synth": "1"}
SETS: dict[str, tuple[str, list[Row], dict[str, Any], str | None]] = {
    "lung": ("lung", LUNG, GOLDEN["lung"]["km_all"], None),
    "lung by sex": ("lung", LUNG, GOLDEN["lung"]["km_sex"], "sex"),
    "synth by arm": ("synth", SYNTH, GOLDEN["synth"]["all"]["km"], "arm"),
    "synth marker 0": (
        "synth",
        [row for row in SYNTH if row["marker"] == "0"],
        GOLDEN["synth"]["marker0"]["km"],
        "arm",
    ),
    "synth marker 1": (
        "synth",
        [row for row in SYNTH if row["marker"] == "1"],
        GOLDEN["synth"]["marker1"]["km"],
        "arm",
    ),
}


def times(rows: list[Row]) -> list[float]:
    return [float(row["time"]) for row in rows]


def events(rows: list[Row], source: str) -> list[bool]:
    return [row["status"] == EVENT[source] for row in rows]


def curves(name: str) -> list[KaplanMeier]:
    source, rows, _, split = SETS[name]
    groups = sorted({row[split] for row in rows}) if split else [""]
    return [
        kaplan_meier(times(chosen), events(chosen, source))
        for group in groups
        for chosen in [[row for row in rows if not split or row[split] == group]]
    ]


def of_group(values: Any, group: int) -> Any:
    return values[group] if isinstance(values, list) else values


def same(found: float | None, expected: float | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return found == pytest.approx(expected, abs=TOLERANCE)


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", SETS)
def test_quartiles_and_their_limits(name: str, transform: str) -> None:
    expected = SETS[name][2][transform]
    for group, curve in enumerate(curves(name)):
        table, quantiles = expected["table"], expected["quantiles"]
        assert curve.events.sum() == of_group(table["events"], group)
        for place, probability in enumerate((0.25, 0.50, 0.75)):
            found = survival_quantile(curve, probability, transform=TRANSFORMS[transform])
            for ours, key in (
                (found.estimate, "quantile"),
                (found.lower, "lower"),
                (found.upper, "upper"),
            ):
                cells = quantiles[key]
                theirs = cells[place][0] if SETS[name][3] is None else cells[group][place]
                if (name, transform, group, probability, key) == RISES_AGAIN:
                    theirs = table["0.95UCL"][group]
                assert same(ours, theirs), (group, probability, key, ours, theirs)
        median = survival_quantile(curve, transform=TRANSFORMS[transform])
        assert same(median.lower, of_group(table["0.95LCL"], group))
        assert same(median.upper, of_group(table["0.95UCL"], group))


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", SETS)
def test_counts_and_medians_of_the_table(name: str, transform: str) -> None:
    table, at = (SETS[name][2][transform][part] for part in ("table", "at"))
    labels = sorted(set(at["strata"]))
    for group, curve in enumerate(curves(name)):
        for key in ("records", "n.max", "n.start"):
            assert curve.at_risk[0] == of_group(table[key], group)
        assert same(survival_quantile(curve).estimate, of_group(table["median"], group))
        rows = [i for i in range(len(at["time"])) if not labels or at["strata"][i] == labels[group]]
        upto = [0, *(int(curve.events[curve.time <= at["time"][i]].sum()) for i in rows)]
        assert np.diff(upto).tolist() == [at["n.event_cum"][i] for i in rows]


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("name", SETS)
def test_survival_at_times(name: str, transform: str) -> None:
    at = SETS[name][2][transform]["at"]
    labels = sorted(set(at["strata"]))
    for group, curve in enumerate(curves(name)):
        rows = [i for i in range(len(at["time"])) if not labels or at["strata"][i] == labels[group]]
        assert rows
        points = survival_at(curve, [at["time"][i] for i in rows], transform=TRANSFORMS[transform])
        for i, point in zip(rows, points, strict=True):
            assert point.at_risk == at["n.risk"][i]
            assert same(point.survival, at["surv"][i])
            assert same(point.standard_error, at["std.err"][i])
            assert same(point.lower, at["lower"][i])
            assert same(point.upper, at["upper"][i])


@pytest.mark.parametrize("name", SETS)
def test_restricted_mean_up_to_the_last_follow_up_of_any_group(name: str) -> None:
    table = SETS[name][2]["plain"]["table"]
    groups = curves(name)
    latest = max(float(curve.time[-1]) for curve in groups)
    for group, curve in enumerate(groups):
        found = restricted_mean(curve, latest, extend=True)
        assert same(found.estimate, of_group(table["rmean"], group))
        assert same(found.standard_error, of_group(table["se(rmean)"], group))


@pytest.mark.parametrize("part", ["all", "marker0", "marker1"])
def test_restricted_means_compared(part: str) -> None:
    golden = GOLDEN["synth"][part]["rmst24"]
    rows = [row for row in SYNTH if part in ("all", f"marker{row['marker']}")]
    second, first = (
        kaplan_meier(times(chosen), events(chosen, "synth"))
        for arm in "01"
        for chosen in [[row for row in rows if row["arm"] == arm]]
    )
    found = restricted_mean_contrast(first, second, golden["tau"])
    for mean, expected in ((found.first, golden["arm1"]), (found.second, golden["arm0"])):
        ours = (mean.estimate, mean.standard_error, mean.lower, mean.upper)
        assert ours == pytest.approx(tuple(expected), abs=TOLERANCE)
    contrasts: tuple[Contrast, ...] = (found.difference, found.ratio, found.ratio_of_time_lost)
    for contrast, expected in zip(contrasts, golden["contrast"], strict=True):
        ours = (contrast.estimate, contrast.lower, contrast.upper, contrast.p)
        assert ours == pytest.approx(tuple(expected), abs=TOLERANCE)


def test_peto_peto_by_survdiff() -> None:
    golden = GOLDEN["lung"]["peto_sex"]
    test = weighted_log_rank(times(LUNG), events(LUNG, "lung"), [r["sex"] for r in LUNG], rho=1)
    assert test.statistic == pytest.approx(golden["chisq"], abs=TOLERANCE)
    assert (test.p, test.degrees_of_freedom) == (pytest.approx(golden["p"]), golden["df"])
    assert test.observed == pytest.approx(golden["obs"], abs=TOLERANCE)
    assert test.expected == pytest.approx(golden["exp"], abs=TOLERANCE)
    assert test.variance == pytest.approx(np.array(golden["var"]), abs=TOLERANCE)


@pytest.mark.parametrize("golden", GOLDEN["synth"]["weighted_logrank_FH"])
def test_fleming_harrington(golden: dict[str, float]) -> None:
    """simtrial's difference is that of the experimental arm, so its sign is the other one."""
    arms = [row["arm"] for row in SYNTH]
    powers = {"rho": golden["rho"], "gamma": golden["gamma"]}
    test = weighted_log_rank(times(SYNTH), events(SYNTH, "synth"), arms, **powers)
    assert test.z == pytest.approx(golden["z"], abs=TOLERANCE)
    assert test.observed[1] - test.expected[1] == pytest.approx(golden["est"], abs=TOLERANCE)
    assert math.sqrt(test.variance[1, 1]) == pytest.approx(golden["se"], abs=TOLERANCE)


WITH_ECOG = [row for row in LUNG if row["ph.ecog"] != "NA"]


@pytest.mark.parametrize(
    ("source", "rows", "group", "stratum", "expected"),
    [
        ("lung", LUNG, "sex", None, GOLDEN["lung"]["logrank_sex"]),
        ("lung", WITH_ECOG, "ph.ecog", None, GOLDEN["lung"]["logrank_ecog"]),
        ("lung", WITH_ECOG, "sex", "ph.ecog", GOLDEN["lung"]["logrank_sex_strat_ecog"]),
        ("synth", SYNTH, "arm", None, GOLDEN["synth"]["all"]["logrank"]),
        ("synth", SYNTH, "arm", "marker", GOLDEN["synth"]["logrank_strat_marker"]),
        *(
            (
                "synth",
                [row for row in SYNTH if row["marker"] == marker],
                "arm",
                None,
                GOLDEN["synth"][f"marker{marker}"]["logrank"],
            )
            for marker in "01"
        ),
    ],
    ids=["sex", "ecog", "sex by ecog", "arm", "arm by marker", "arm, marker 0", "arm, marker 1"],
)
def test_log_rank(
    source: str, rows: list[Row], group: str, stratum: str | None, expected: dict[str, Any]
) -> None:
    test = log_rank(
        times(rows),
        events(rows, source),
        [row[group] for row in rows],
        strata=[row[stratum] for row in rows] if stratum else None,
    )
    assert test.statistic == pytest.approx(expected["chisq"], abs=TOLERANCE)
    assert test.p == pytest.approx(expected["p"], abs=TOLERANCE)
    assert test.degrees_of_freedom == expected["df"]
    assert test.observed.tolist() == expected["obs"]
    assert test.expected == pytest.approx(expected["exp"], abs=TOLERANCE)
    for ours, theirs in zip(test.variance.tolist(), expected["var"], strict=True):
        assert ours == pytest.approx(theirs, abs=TOLERANCE)
