"""The public tumour tables: against the responses given with them, and a second reading of them."""

from __future__ import annotations

import csv
import datetime
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from equipoise.cli.main import main
from tests.harness.tumour import Course, Scan, course_tables
from tests.second_programming.recist_sums_again import TABLES, Conventions, read_scans
from tests.second_programming.rows_by_subject import rows_by_subject

HERE = Path(__file__).parent
TU, TR, RS = (HERE / f"{domain}.csv" for domain in ("tu", "tr", "rs"))
FILES = ["--tu", str(TU), "--tr", str(TR)]


def told(capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    assert main(["response", *FILES, *options, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_all_but_one_given_response_agree(capsys: pytest.CaptureFixture[str]) -> None:
    """The one: 4.95 mm are seen again after a complete response, which the standard calls PD."""
    comparison = told(capsys, "--rs", str(RS))["comparison"]
    assert (comparison["agree"], comparison["differ"], comparison["not_compared"]) == (65, 1, 0)
    [other] = [row for row in comparison["rows"] if not row["agrees"]]
    assert (other["subject"], other["evaluator"], other["visit"]) == (
        "01-701-1133", "RADIOLOGIST 2", "WEEK 9",
    )  # fmt: skip
    assert (other["given"], other["derived"]) == ("PR", "PD")
    assert "sum 4.95 mm" in other["why"]
    assert "seen again after a complete response" in other["why"]


def test_by_the_sum_alone_all_agree(capsys: pytest.CaptureFixture[str]) -> None:
    comparison = told(capsys, "--rs", str(RS), "--reappearance", "by-sum")["comparison"]
    assert (comparison["agree"], comparison["differ"], comparison["not_compared"]) == (66, 0, 0)


def test_without_progression_by_the_known_sum_two_readers_differ(
    capsys: pytest.CaptureFixture[str],
) -> None:
    comparison = told(capsys, "--rs", str(RS), "--known-sum", "ignored")["comparison"]
    differing = {
        (row["subject"], row["evaluator"]) for row in comparison["rows"] if not row["agrees"]
    }
    assert differing == {
        ("01-701-1028", "INVESTIGATOR"),
        ("01-701-1028", "RADIOLOGIST 2"),
        ("01-701-1133", "RADIOLOGIST 2"),
    }


def test_exactly_thirty_per_cent_of_real_data_is_partial_response(
    capsys: pytest.CaptureFixture[str],
) -> None:
    [row] = [
        row
        for row in told(capsys)["assessments"]
        if (row["subject"], row["evaluator"], row["visit"])
        == ("01-701-1133", "INVESTIGATOR", "WEEK 3")
    ]
    assert row["diameter_sum_mm"] == "42.00"
    assert row["baseline_sum_mm"] == "60.00"
    assert row["overall_response"] == "PR"


def test_a_partial_date_keeps_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        (row["visit"], row["date"])
        for row in told(capsys)["assessments"]
        if (row["subject"], row["evaluator"]) == ("01-701-1015", "INVESTIGATOR")
    ]
    assert rows == [
        ("SCREENING", "2014-01-02"),
        ("WEEK 3", "2014-01-23"),
        ("WEEK 6", "2014-02"),
        ("WEEK 9", "2014-03-06"),
    ]


def test_every_row_is_used_or_told(capsys: pytest.CaptureFixture[str]) -> None:
    for file, path in zip(told(capsys)["reconciliation"], (TU, TR), strict=True):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert file["file"] == path.name
        assert file["rows"] == len(lines) - 1
        assert file["used"] + len(file["not_used"]) == file["rows"]
        assert all(each["reason"] for each in file["not_used"])


def test_sources_are_the_rows_that_decided(capsys: pytest.CaptureFixture[str]) -> None:
    """A sum's sources are results of its own and its baseline's visit, and identifications."""
    [row] = [
        row
        for row in told(capsys)["assessments"]
        if (row["subject"], row["evaluator"], row["visit"])
        == ("01-701-1118", "INVESTIGATOR", "WEEK 3")
    ]
    lines = {path.name: path.read_text(encoding="utf-8").splitlines() for path in (TU, TR)}
    texts = [
        lines[place.split(" line ")[0]][int(place.split(" line ")[1]) - 1]
        for place in row["sources"]
    ]
    assert len(texts) == 6
    assert all("01-701-1118" in text and ",INVESTIGATOR,," in text for text in texts)
    assert [text.split(",")[0] for text in texts] == ["TU", "TU", "TR", "TR", "TR", "TR"]
    assert all("LDIAM" in text for text in texts[2:])


def _records(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _second_reading() -> dict[tuple[str, str], tuple[Course, list[str]]]:
    """Every reader's course, read from the files in plain loops, and its visits after baseline."""
    lesions: dict[tuple[str, str], dict[str, str]] = {}
    nodes: dict[tuple[str, str], set[str]] = {}
    for row in _records(TU):
        key = (row["USUBJID"], row["TUEVALID"] or row["TUEVAL"])
        node = row["TULOC"] == "LYMPH NODE"
        role = row["TUSTRESC"].lower() + (" node" if node else "")
        lesions.setdefault(key, {})[row["TULNKID"]] = role
        if node:
            nodes.setdefault(key, set()).add(row["TULNKID"])
    visits: dict[tuple[str, str], dict[str, dict[str, str]]] = {}
    names: dict[str, str] = {}
    for row in _records(TR):
        key = (row["USUBJID"], row["TREVALID"] or row["TREVAL"])
        names[row["VISITNUM"]] = row["VISIT"]
        seen = visits.setdefault(key, {}).setdefault(row["VISITNUM"], {})
        axis = "LPERP" if row["TRLNKID"] in nodes.get(key, set()) else "LDIAM"
        if row["TRTESTCD"] in (axis, "TUMSTATE"):
            seen[row["TRLNKID"]] = row["TRSTRESC"].lower()
    found = {}
    for key, by_visit in visits.items():
        numbers = sorted(by_visit, key=Decimal)
        scans = [
            Scan(day, by_visit[number], baseline=day == 0) for day, number in enumerate(numbers)
        ]
        course = Course(lesions[key], tuple(scans))
        found[key] = course, [names[number] for number in numbers[1:]]
    return found


def test_a_second_reading_in_plain_loops_agrees(capsys: pytest.CaptureFixture[str]) -> None:
    by_rule = {
        (row["subject"], row["evaluator"], row["visit"]): (
            row["diameter_sum_mm"] and Decimal(row["diameter_sum_mm"]),
            row["target_response"],
            row["non_target_response"],
            row["overall_response"],
        )
        for row in told(capsys)["assessments"]
        if not row["baseline"]
    }
    by_hand = {}
    for key, (course, visits) in _second_reading().items():
        [rows] = rows_by_subject(course_tables(course), TABLES).values()
        _, *later = read_scans(rows, "central", Conventions())
        for visit, each in zip(visits, later, strict=True):
            total = each.total
            by_hand[*key, visit] = (
                None if total is None else Decimal(total.numerator) / total.denominator,
                each.target_response,
                each.other_response,
                each.overall,
            )
    assert len(by_rule) == 66
    assert by_rule == by_hand


def test_growth_is_that_of_a_sphere_a_month(capsys: pytest.CaptureFixture[str]) -> None:
    """Worked out again from the sums and days that are printed: percent of volume a month of
    365.25 / 12 days, from the baseline."""
    rows = told(capsys)["assessments"]
    begun: dict[tuple[str, str], datetime.date] = {}
    compared = 0
    for row in rows:
        reader = row["subject"], row["evaluator"]
        day = datetime.date.fromisoformat(row["date"]) if len(row["date"] or "") == 10 else None
        if row["baseline"]:
            begun = {**begun, reader: day} if day else begun
        given, now, base = (
            row[name] for name in ("growth_percent_a_month", "diameter_sum_mm", "baseline_sum_mm")
        )
        if row["baseline"] or None in (now, base, day) or reader not in begun:
            assert given is None
            continue
        months = (day - begun[reader]).days / (365.25 / 12)
        ratio = float(now) / float(base)
        expected = 100 * (ratio ** (3 / months) - 1)
        assert float(given) == pytest.approx(expected, abs=0.0051)
        compared += 1
    assert compared == 48


def test_the_print_names_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["response", *FILES, "--rs", str(RS)]) == 0
    printed = capsys.readouterr().out
    assert "01-701-1028, RADIOLOGIST 1" in printed
    assert "WEEK 6     2013-08-30  4/5      (107.90)" in printed
    assert "best response: CR, first at WEEK 9 (2014-03-06), not confirmed" in printed
    assert "progression: WEEK 6 (2013-08-30)" in printed
    assert "tr.csv: 546 rows, 273 used, 273 not used" in printed
    assert "Given responses: 65 agree, 1 differ, 0 not compared" in printed


def test_no_lesion_of_real_data_is_too_small_or_one_too_many(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert told(capsys)["findings"] == []


def test_where_evaluators_differ_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Against the responses that the files give: every visit that both date on the same day."""
    found = told(capsys, "--primary", "RADIOLOGIST 1", "--reappearance", "by-sum")
    listed = {
        (row["subject"], row["evaluator"], row["date"], row["primary_value"], row["other_value"])
        for row in found["discordance"]
        if row["about"] == "time_point"
    }
    day = {
        (each["subject"], each["evaluator"], each["visit"]): each["date"]
        for each in found["assessments"]
    }
    with RS.open(encoding="utf-8") as file:
        given = {
            (row["USUBJID"], row["RSEVALID"] or row["RSEVAL"], row["VISIT"]): row["RSSTRESC"]
            for row in csv.DictReader(file)
            if row["RSTESTCD"] == "OVRLRESP"
        }
    expected = {
        (subject, evaluator, day[subject, evaluator, visit], first, response)
        for (subject, evaluator, visit), response in given.items()
        if (first := given.get((subject, "RADIOLOGIST 1", visit), response)) != response
        and day[subject, evaluator, visit] == day[subject, "RADIOLOGIST 1", visit]
    }
    assert listed == expected
    assert len(listed) > 2
    about = {row["about"] for row in found["discordance"]}
    assert about == {"time_point", "best_overall_response", "progression"}


def test_a_primary_evaluator_who_read_nothing_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["response", *FILES, "--primary", "NOBODY"]) != 0
    assert "RADIOLOGIST 1" in capsys.readouterr().err
