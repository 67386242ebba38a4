"""Laboratory values and their possible grades: tables that a clinician can read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.record.rule import KEY
from equipoise.safety.ctcae import ctcae_term, ctcae_terms
from equipoise.safety.laboratory import (
    analytes,
    beyond_value,
    graded_term,
    limits,
    not_computed,
    units,
)
from equipoise.safety.laboratory_value import LABORATORY_VALUE, laboratory_value
from equipoise.safety.plan import LaboratoryPlan, ReportingClocks, SafetyPlan
from tests.harness.history import read_cases, tables_of

PLAN = SafetyPlan(
    grading="ctcae_5",
    days_after_last_dose=30,
    clocks=ReportingClocks(
        site_to_sponsor_hours=24, fatal_days=7, fatal_follow_up_days=8, other_days=15
    ),
    laboratory=LaboratoryPlan(sex_item="sex", age_item="age"),
)
CASES = read_cases(Path(__file__).parent / "laboratory.yaml")


def reported(day: str, analyte: str, unit: str, *values: str) -> list[dict[str, Any]]:
    return [
        {"event": "LaboratoryReported", "on": day, "report": f"{day}-{number}",
         "results": [{"analyte": analyte, "unit": unit, "value": value}]}
        for number, value in enumerate(values)
    ]  # fmt: skip


def declared(
    analyte: str, unit: str, limits: list[str | None], on: str = "2024-01-01", **how: Any
) -> dict[str, Any]:
    low, high = limits
    people = how.pop("people", {})
    one = {"analyte": analyte, "unit": unit, "low": low, "high": high, **people}
    return {"event": "ReferenceRangesDeclared", "on": on, "ranges": [one], **how}


def derived(entries: list[dict[str, Any]], *, dosed: bool = True) -> pl.DataFrame:
    """The table of a woman of 60, treated from 2024-03-01 to 2024-06-10."""
    tables = tables_of(entries)
    one = pl.DataFrame({"replicate": [0], "subject": ["01-001"]}, schema=dict(KEY))
    days = {
        name: pl.lit(day).str.to_date()
        for name, day in (("first_dose", "2024-03-01"), ("last_dose", "2024-06-10"))
    }
    exposure = one.with_columns(**days)
    tables["exposure"] = exposure if dosed else exposure.clear()
    tables["subject_item"] = one.with_columns(sex=pl.lit("F"), age=pl.lit(60, dtype=pl.Int64))
    return laboratory_value(tables, PLAN)


@pytest.mark.requirement("LB1")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_possible_grades(case: dict[str, Any]) -> None:
    analyte, unit = case["analyte"], case["unit"]
    entries: list[dict[str, Any]] = []
    if case["normal"]:
        people = {"people": case.get("for", {}), "site": case.get("site", "01")}
        since = str(case.get("since", "2024-01-01"))
        within = case.get("normal_unit", unit)
        entries.append(declared(analyte, within, case["normal"], since, **people))
        if "newer" in case:
            people = {"people": case.get("newer_for", {})}
            entries.append(declared(analyte, unit, case["newer"], "2024-03-05", **people))
    if "baseline" in case:
        base = case.get("baseline_unit", unit)
        entries += reported("2024-03-01", analyte, base, case["baseline"])
    entries += reported("2024-03-11", analyte, unit, case["value"])
    row = derived(entries).row(-1, named=True)
    for way in ("low", "high"):
        if (expected := case.get(f"too_{way}")) is None:
            continue
        found = [row[f"{way}_least"], row[f"{way}_most"]]
        if isinstance(expected, str):
            assert found == [None, None]
            assert (graded_term(analyte, "low" if way == "low" else "high")[0] is None) == (
                expected == "none"
            )
        else:
            assert found == (expected if isinstance(expected, list) else [expected] * 2)
    assert row["missing"] == case.get("missing")


def test_the_baseline_is_the_last_value_up_to_the_first_dose() -> None:
    """Two on the day of the first dose: the later one; a value the day after is none."""
    found = derived(
        reported("2024-02-20", "alt", "U/L", "90")
        + reported("2024-03-01", "alt", "U/L", "30", "35")
        + reported("2024-03-02", "alt", "U/L", "31")
        + reported("2024-07-10", "alt", "U/L", "32")
        + reported("2024-07-11", "alt", "U/L", "33")
    )
    assert found["baseline"].to_list() == [False, False, True, False, False, False]
    assert found["on_treatment"].to_list() == [False, False, False, True, True, False]
    assert found["sources"].to_list() == [[1, 3], [2, 3], [3], [3, 4], [3, 5], [3, 6]]


def test_a_baseline_that_no_wording_asks_for_is_no_source() -> None:
    """Platelets are graded without one."""
    found = derived(
        reported("2024-03-01", "platelets", "10^9/L", "200")
        + reported("2024-03-11", "platelets", "10^9/L", "40")
    )
    assert found["baseline"].to_list() == [True, False]
    assert found["sources"].to_list() == [[1], [2]]


def test_without_a_dose_the_last_value_is_the_baseline() -> None:
    found = derived(reported("2024-02-20", "alt", "U/L", "90", "91"), dosed=False)
    assert found["baseline"].to_list() == [False, True]
    assert not found["on_treatment"].any()


def test_values_stand_in_the_standard_unit_exactly() -> None:
    ranges = declared("albumin", "g/L", ["35", "50"])
    table = derived([ranges, *reported("2024-03-11", "albumin", "g/dL", "2.99")])
    found = table.row(0, named=True)
    assert (found["value"], found["unit"]) == (29_900, "g/dL")
    assert found["standard_value"] == 29_9 * 10**7
    assert (found["lower_limit"], found["upper_limit"]) == (35 * 10**8, 50 * 10**8)
    assert (found["low_least"], found["sources"]) == (2, [1, 2])


def test_a_result_that_was_not_done_is_no_value() -> None:
    entry = {"event": "LaboratoryReported", "on": "2024-03-11", "report": "1"}
    result = {"analyte": "alt", "unit": "U/L", "value_missing": "not_done"}
    found = derived([{**entry, "results": [result]}])
    assert found.is_empty()
    assert found.schema == pl.Schema(LABORATORY_VALUE)


def test_a_correction_does_not_declare_a_range_again() -> None:
    """Of two ranges from one day the one declared last holds, though the first was corrected."""
    first, second = (declared("potassium", "mmol/L", [low, "5.0"]) for low in ("3.3", "3.6"))
    correction = {
        "event": "Corrected", "on": "2024-02-01", "target": 1, "item": "ranges/0/high",
        "old": '"5.0"', "new": '"5.1"',
    }  # fmt: skip
    found = derived(
        [first, second, correction, *reported("2024-02-01", "potassium", "mmol/L", "4")]
    )
    assert found.select("lower_limit", "upper_limit").rows() == [(3_6000_0000, 5_0000_0000)]


def test_two_people_of_two_sites_are_kept_apart() -> None:
    """The order of the rows in does not matter to the rows out."""
    entries = [
        declared("platelets", "10^9/L", ["150", "400"]),
        declared("platelets", "10^9/L", ["130", "400"], site="02"),
    ]
    for number, subject in enumerate(("01-002", "02-001", "01-001", "02-002")):
        (one,) = reported("2024-03-11", "platelets", "10^9/L", str(140 + number))
        entries.append({**one, "subject": subject, "site": subject[:2]})
    found = derived(entries)
    assert found["subject"].to_list() == ["01-001", "01-002", "02-001", "02-002"]
    assert found["low_least"].to_list() == [1, 1, 0, 0]
    assert found["sources"].to_list() == [[1, 5], [1, 3], [2, 4], [2, 6]]


@pytest.mark.parametrize("limit", limits(), ids=lambda limit: f"{limit.term} {limit.grade}")
def test_every_clause_is_in_the_standard(limit: Any) -> None:
    """Its wording is there, and so is each number of its limits."""
    term = ctcae_term(limit.term)
    wording = term.wordings[limit.grade]
    plain = wording.replace(" ", "").casefold()
    for part in limit.wording.split("; "):
        words = part.replace(" ", "").casefold()
        assert words in plain or _only_numbers(words) <= _only_numbers(plain)


def _only_numbers(text: str) -> set[str]:
    kept = "".join(letter if letter.isdigit() or letter == "." else " " for letter in text)
    return {number.strip(".") for number in kept.split()}


def test_the_data_are_whole() -> None:
    """At most one term for a way; limits in every unit in which values are graded."""
    for analyte in analytes():
        assert {unit for of, unit in units() if of == analyte}
        for way in ("low", "high"):
            term, clauses = graded_term(analyte, "low" if way == "low" else "high")
            assert {clause.term for clause in clauses} == ({term} if term else set())
            graded_in = {unit.graded_in for (of, _), unit in units().items() if of == analyte}
            printed = {clause.unit for clause in clauses if clause.unit}
            assert not printed or graded_in <= printed
    graded = {limit.term for limit in limits()}
    found = {graded_term(of, way)[0] for of in analytes() for way in ("low", "high")}  # type: ignore[arg-type]
    assert graded == found - {None}
    assert beyond_value("Platelet count decreased") == ()


def test_every_term_about_a_measurement_is_computed_or_says_why_not() -> None:
    measured = re.compile(r"ULN|LLN|/mm3|mmol/L|mg/dL|g/dL|x 10e9|mL/min/1.73|g/24 ?hrs")
    about = {
        name
        for name, term in ctcae_terms().items()
        if any(measured.search(text) for text in term.wordings.values())
    }
    computed = {limit.term for limit in limits() if limit.analyte}
    assert about == (computed | set(not_computed())) & about
    assert not computed & set(not_computed())
    assert set(not_computed()) <= set(ctcae_terms())
    assert all(not_computed().values())
