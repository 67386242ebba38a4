"""MGMT-NET as published: the cohort conducted into a record, judged by figures from outside.

The record is that of `make demo`. No figure below comes from the scenario: all are read from
published_cohort.json, from R (models.json), or computed here by SciPy.
"""

from __future__ import annotations

import contextlib
import json
import math
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import fisher_exact
from scipy.stats.contingency import odds_ratio

from equipoise.cli.main import main
from equipoise.record.event import Event, content
from equipoise.record.sqlite import SqliteLog
from equipoise.record.tables import tables
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from tests.harness.correcting import correct

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
PUBLISHED = json.loads((HERE / "published_cohort.json").read_text(encoding="utf-8"))
ARMS, STATUSES = ("ALKY", "OX"), ("DEFICIENT", "PROFICIENT")
CELLS = [(status, arm) for arm in ARMS for status in STATUSES]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of the rehearsed cohort, and what was said on the way."""
    folder = tmp_path_factory.mktemp("published")
    said = folder / "said.txt"
    arguments = ["rehearse", "mgmt-net", "--scenario", "published", "--seed", "1", "--out"]
    with said.open("w", encoding="utf-8") as stream, contextlib.redirect_stderr(stream):
        assert main([*arguments, str(folder)]) == 0
    return folder, said.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def results(demo: tuple[Path, str]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((demo[0] / "results.json").read_text("utf-8"))
    return found


@pytest.fixture(scope="module")
def events(demo: tuple[Path, str]) -> list[Event]:
    with contextlib.closing(SqliteLog(str(demo[0] / "record.sqlite3"))) as log:
        return log.read()


@pytest.fixture(scope="module")
def derived(events: list[Event]) -> dict[str, Any]:
    return derive(tables(events, CATALOGUE), load_study("mgmt-net"))


def row(results: list[dict[str, Any]], analysis: str) -> dict[str, Any]:
    (found,) = [each for each in results if each["analysis"] == analysis]
    return found


def counts(results: list[dict[str, Any]], analysis: str) -> list[list[int]]:
    """Numerator and denominator of every group, in the order of the plan."""
    return [
        [numerator, denominator]
        for each in results
        if each["analysis"] == analysis
        for numerator, denominator in zip(each["numerators"], each["denominators"], strict=True)
    ]


def test_it_says_how_many_dummy_seeds_it_tried_and_that_nobody_is_real(
    demo: tuple[Path, str],
) -> None:
    folder, said = demo
    assert "dummy seeds tried until the allocation rule gave DEFICIENT 38:19" in said
    assert "Synthetic patients" in (folder / "report.html").read_text("utf-8")


@pytest.mark.requirement("RN3")
def test_the_live_rule_gave_the_allocation(derived: dict[str, Any]) -> None:
    rows = derived["allocation"]
    for status, arms in PUBLISHED["as_randomised"].items():
        if status in STATUSES:
            for arm, number in arms.items():
                assert len(rows.filter(marker_status=status, arm=arm)) == number
    assert len(rows) == PUBLISHED["baseline"]["n"]
    assert len(derived["subject_screened"]) == 116


def test_responses_are_those_published(results: list[dict[str, Any]]) -> None:
    early, best = PUBLISHED["response_3_months_alky"], PUBLISHED["best_response"]
    wanted = [[early[s]["responders"], early[s]["evaluable"]] for s in STATUSES]
    assert counts(results, "response_3m_redetermined") == wanted
    assert counts(results, "response_3m_redetermined_all")[1] == [
        early["PROFICIENT"]["responders"], early["PROFICIENT"]["as_redetermined"],
    ]  # fmt: skip
    assert counts(results, "bor_proportions_redetermined") == [best[s][a] for s, a in CELLS]


def test_times_are_those_published(results: list[dict[str, Any]]) -> None:
    medians = [
        each["estimate"] for each in results if each["analysis"] == "pfs_medians_redetermined"
    ]
    tolerance = PUBLISHED["pfs_median_months"]["tolerance"]
    for place, status in enumerate(STATUSES):
        assert (
            abs(medians[place] - PUBLISHED["pfs_median_months"][f"{status} ALKY"][0]) <= tolerance
        )
    ratios = PUBLISHED["pfs_hazard_ratio_alky_v_ox"]
    for status in STATUSES:
        found = row(results, f"pfs_hazard_ratio_{status.lower()}_redetermined")
        assert abs(found["estimate"] - ratios[status][0]) <= ratios["tolerance"]
        assert abs(sum(found["numerators"]) - ratios["events_about"][status]) <= 2


def test_sites_and_statuses_are_those_published(derived: dict[str, Any]) -> None:
    again = derived["marker_status"].filter(rule="jco-2024", basis="redetermination")
    people = (
        derived["allocation"].select("subject", "arm")
        .join(derived["subject_item"].select("subject", "primary_site"), on="subject")
        .join(again.select("subject", "status"), on="subject", how="left")
    )  # fmt: skip
    for site, cells in PUBLISHED["cells_by_primary_site"].items():
        if site == "status":
            continue
        for status, arms in cells.items():
            for arm, number in arms.items():
                wanted = None if status == "NO_STATUS" else status
                mine = people.filter(people["status"].eq_missing(wanted), arm=arm)
                assert len(mine.filter(primary_site=site.upper())) == number, (site, status, arm)
    sites = people["primary_site"].value_counts()
    assert {name.lower(): number for name, number in sites.iter_rows()} == PUBLISHED["baseline"][
        "primary_sites"
    ]


def test_baseline_is_that_published(derived: dict[str, Any]) -> None:
    wanted = PUBLISHED["baseline"]
    people = derived["allocation"].select("subject").join(derived["subject_item"], on="subject")
    assert people["age"].median() == wanted["age_median"]
    assert [people["age"].min(), people["age"].max()] == wanted["age_range"]
    assert round(100 * (people["sex"] == "MALE").sum() / len(people)) == wanted["male_percent"]
    grades = derived["tumour_grade"].filter(classification="who-2019")
    central = people.select("subject").join(grades, on="subject")["central"].value_counts()
    found = {grade or "unknown": number for grade, number in central.iter_rows()}
    assert found == wanted["grade_counts_assumed"]
    read = derived["assay_determination"].filter(basis="randomisation", interpretable=True)
    read = read.join(people.select("subject"), on="subject", how="semi")
    for assay, name in (
        ("pyrosequencing", "pyrosequencing_interpretable"),
        ("ihc", "ihc_interpretable"),
    ):
        mine = read.filter(assay=assay)["subject"].n_unique()
        assert [mine, len(people)] == PUBLISHED["assays"][name]


def test_the_reconstructed_tests_give_what_was_printed(results: list[dict[str, Any]]) -> None:
    wanted = PUBLISHED["reconstructed_tests"]
    for status in STATUSES:
        found = row(results, f"bor_arms_{status.lower()}_one_sided")
        assert round(found["p"], 4) == wanted["fisher_one_sided_best_response"][status]
    adjusted = row(results, "primary_adjusted_wald")
    figures = [adjusted[name] for name in ("estimate", "lower", "upper", "p")]
    assert figures == pytest.approx(wanted["primary_site_adjusted_wald_odds_ratio"], abs=6e-4)
    assert "quasi-separation" in adjusted["label"]
    likelihood = row(results, "primary_adjusted_likelihood")["p"]
    assert likelihood == pytest.approx(wanted["likelihood_ratio_p"], abs=5e-4)
    exact = row(results, "primary_stratified_exact")["p"]
    assert exact == pytest.approx(wanted["exact_cmh_p"], abs=5e-4)


@pytest.mark.requirement("BM1")
def test_statuses_moved_by_events_of_people_who_know_no_arm(
    events: list[Event], derived: dict[str, Any]
) -> None:
    allocated = {each.subject: each.seq for each in events if each.type == "Randomised"}
    again = [
        each for each in events
        if each.type == "AssayResultRecorded" and content(each)["purpose"] == "redetermination"
    ]  # fmt: skip
    gone = [each for each in events if each.type == "AssayResultInvalidated"]
    assert again and gone
    for each in (*again, *gone):
        assert each.role == "laboratory"
        assert each.subject and each.seq > allocated[each.subject]
    statuses = derived["marker_status"].filter(rule="jco-2024")
    found = {
        basis: statuses.filter(basis=basis).join(
            derived["allocation"].select("subject"), on="subject", how="semi"
        )["status"]
        for basis in ("randomisation", "redetermination")
    }
    assert found["randomisation"].value_counts(sort=True).rows() == [
        ("DEFICIENT", 57), ("PROFICIENT", 48),
    ]  # fmt: skip
    assert sorted(found["redetermination"].drop_nulls().value_counts().rows()) == [
        ("DEFICIENT", 58), ("PROFICIENT", 44),
    ]  # fmt: skip


def outside(responders: int) -> dict[str, float]:
    """Odds ratio, exact limits and P of `responders` of 34 against 2 of 25, by SciPy."""
    table = np.array([[responders, 34 - responders], [2, 23]])
    conditional = odds_ratio(table, kind="conditional")
    limits = conditional.confidence_interval(0.95)
    return {
        "estimate": conditional.statistic,
        "lower": limits.low,
        "upper": limits.high,
        "p": fisher_exact(table).pvalue,
    }


@pytest.fixture
def record(demo: tuple[Path, str], tmp_path: Path) -> str:
    copy = tmp_path / "record.sqlite3"
    shutil.copy(demo[0] / "record.sqlite3", copy)
    return str(copy)


def primary(record: str, folder: Path) -> dict[str, Any]:
    assert main(["analyse", record, "--out", str(folder)]) == 0
    return row(json.loads((folder / "results.json").read_text("utf-8")), "response_3m_redetermined")


def early_responder(events: list[Event], derived: dict[str, Any]) -> tuple[Event, Event]:
    """The baseline and the first assessment of a deficient subject under ALKY who responded at the
    first scan, with the same measured targets at both."""
    again = derived["marker_status"].filter(
        rule="jco-2024", basis="redetermination", status="DEFICIENT"
    )
    mine = set(derived["allocation"].filter(arm="ALKY")["subject"]) & set(again["subject"])
    responses = derived["time_point_response"].filter(evaluator="central")
    for subject in sorted(mine):
        if responses.filter(subject=subject).sort("occurred")["overall_response"][0] != "PR":
            continue
        baseline, scan = [
            each for each in events
            if each.type == "TumourAssessed" and each.subject == subject
            and content(each)["evaluator"] == "central"
        ][:2]  # fmt: skip
        if [*sizes(baseline)] == [*sizes(scan)] and None not in sizes(scan).values():
            return baseline, scan
    raise AssertionError("no subject with the same targets twice")


def sizes(assessment: Event) -> dict[str, str | None]:
    return {each["lesion"]: each["diameter"] for each in content(assessment)["targets"]}


def write(record: str, assessment: Event, total: Decimal, other: Decimal) -> None:
    """Correct the diameters of an assessment to this sum, all but the first to `other`."""
    before = sizes(assessment)
    first, *rest = before
    wanted = {first: total - other * len(rest), **dict.fromkeys(rest, other)}
    for lesion, value in wanted.items():
        if Decimal(before[lesion] or 0) != value:
            correct(record, assessment.seq, str(value), f"targets/{lesion}/diameter")


@pytest.mark.requirement("CO4", "AT3")
def test_one_sum_from_30_0_to_29_9_per_cent_changes_the_result(
    record: str, tmp_path: Path, events: list[Event], derived: dict[str, Any]
) -> None:
    baseline, scan = early_responder(events, derived)
    found = primary(record, tmp_path / "before")
    assert (found["numerators"], found["denominators"]) == ([10, 2], [34, 25])
    for name, value in outside(10).items():
        assert math.isclose(found[name], value, rel_tol=1e-6), name

    write(record, baseline, Decimal(100), Decimal(20))
    write(record, scan, Decimal(70), Decimal(14))
    assert primary(record, tmp_path / "limit")["numerators"] == [10, 2]

    first = next(iter(sizes(scan)))
    value = str(Decimal("70.1") - 14 * (len(sizes(scan)) - 1))
    correct(record, scan.seq, value, f"targets/{first}/diameter")
    found = primary(record, tmp_path / "after")
    assert (found["numerators"], found["denominators"]) == ([9, 2], [34, 25])
    for name, value in outside(9).items():
        assert math.isclose(found[name], value, rel_tol=1e-6), name


def test_the_margins_are_the_sums_of_the_cells_by_primary_site() -> None:
    """One cohort meets every published margin: FACTS 8."""
    sites = [
        cells for name, cells in PUBLISHED["cells_by_primary_site"].items() if name != "status"
    ]
    for status, arms in PUBLISHED["as_redetermined"].items():
        if status != "status":
            for arm, subjects in arms.items():
                assert sum(cells[status][arm] for cells in sites) == subjects
    for status, told in PUBLISHED["response_3_months_alky"].items():
        responders, evaluable = told["in_pancreas"]
        lost = PUBLISHED["as_redetermined"][status]["ALKY"] - told["evaluable"]
        assert responders == told["responders"]
        assert evaluable + lost == PUBLISHED["cells_by_primary_site"]["pancreas"][status]["ALKY"]
