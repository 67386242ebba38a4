"""What must hold for any laboratory values: nobody's grades depend on anybody else's."""

from __future__ import annotations

import datetime
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from equipoise.record.rule import KEY
from equipoise.record.tables import Tables, empty_tables
from equipoise.safety.laboratory import analytes, units
from equipoise.safety.laboratory_value import laboratory_value
from equipoise.safety.plan import LaboratoryPlan, ReportingClocks, SafetyPlan
from equipoise.study.catalogue import CATALOGUE

PLAN = SafetyPlan(
    grading="ctcae_5",
    days_after_last_dose=30,
    clocks=ReportingClocks(
        site_to_sponsor_hours=24, fatal_days=7, fatal_follow_up_days=8, other_days=15
    ),
    laboratory=LaboratoryPlan(sex_item="sex", age_item="age"),
)
FIRST = datetime.date(2024, 3, 1)
SUBJECTS = ("a", "b")
CODES = sorted(analytes())
days = st.integers(-40, 120).map(lambda shift: FIRST + datetime.timedelta(days=shift))
amounts = st.integers(0, 60_000_000)


@st.composite
def measured(draw: st.DrawFn) -> dict[str, Any]:
    analyte = draw(st.sampled_from(["alt", "creatinine", "glucose", "potassium", *CODES]))
    unit = draw(st.sampled_from(sorted(unit for of, unit in units() if of == analyte)))
    site = draw(st.sampled_from(["01", "02"]))
    common = {"replicate": draw(st.integers(0, 1)), "site": site, "occurred": draw(days)}
    return {**common, "analyte": analyte, "unit": unit}


@st.composite
def values(draw: st.DrawFn) -> dict[str, Any]:
    subject = draw(st.sampled_from(SUBJECTS))
    return {**draw(measured()), "subject": subject, "value": draw(amounts | st.none())}


@st.composite
def ranges(draw: st.DrawFn) -> dict[str, Any]:
    low, high = sorted(draw(st.lists(amounts, min_size=2, max_size=2, unique=True)))
    people = draw(st.sampled_from([{}, {"sex": "F"}, {"sex": "M"}, {"age_from": 50}]))
    return {**draw(measured()), "low": draw(st.sampled_from([low, None])), "high": high, **people}


def tables_of(results: list[dict[str, Any]], declared: list[dict[str, Any]]) -> Tables:
    """The event tables; a result keeps its `seq`, a range has one below all of them."""
    tables = empty_tables(CATALOGUE)
    for name, rows in (("laboratory_result", results), ("reference_range", declared)):
        schema = tables[name].schema
        whole = [{column: row.get(column) for column in schema} for row in rows]
        tables[name] = pl.DataFrame(whole, schema=schema)
    people = [
        {"replicate": replicate, "subject": subject, "sex": sex, "age": age}
        for replicate in (0, 1)
        for subject, sex, age in zip(SUBJECTS, ("F", None), (61, 40), strict=True)
    ]
    types = {**KEY, "sex": pl.String, "age": pl.Int64}
    tables["subject_item"] = pl.DataFrame(people, schema=types)
    dosed = [{**each, "first_dose": FIRST, "last_dose": FIRST} for each in people[:3]]
    types = {**KEY, "first_dose": pl.Date, "last_dose": pl.Date}
    tables["exposure"] = pl.DataFrame(
        [{name: each[name] for name in types} for each in dosed], schema=types
    )
    return tables


def numbered(rows: list[dict[str, Any]], first: int) -> list[dict[str, Any]]:
    return [{**row, "seq": first + n, "event": first + n} for n, row in enumerate(rows)]


@settings(max_examples=60, deadline=None)
@given(st.lists(values(), max_size=14), st.lists(ranges(), max_size=8))
def test_each_subject_alone_gives_the_same(
    results: list[dict[str, Any]], declared: list[dict[str, Any]]
) -> None:
    results, declared = numbered(results, 101), numbered(declared, 1)
    whole = laboratory_value(tables_of(results, declared), PLAN)
    parts = [
        laboratory_value(
            tables_of(
                [r for r in results if (r["replicate"], r["subject"]) == (replicate, subject)],
                [r for r in declared if r["replicate"] == replicate],
            ),
            PLAN,
        )
        for replicate in (0, 1)
        for subject in SUBJECTS
    ]
    assert_frame_equal(whole, pl.concat(parts))


@settings(max_examples=60, deadline=None)
@given(st.lists(values(), max_size=10), st.lists(ranges(), max_size=6), st.randoms())
def test_the_order_of_the_ranges_does_not_matter(
    results: list[dict[str, Any]], declared: list[dict[str, Any]], chance: Any
) -> None:
    results, declared = numbered(results, 101), numbered(declared, 1)
    found = laboratory_value(tables_of(results, declared), PLAN)
    chance.shuffle(declared)
    assert_frame_equal(found, laboratory_value(tables_of(results, declared), PLAN))


@settings(max_examples=100, deadline=None)
@given(st.lists(values(), max_size=10), st.lists(ranges(), max_size=6))
def test_grades_are_sets(results: list[dict[str, Any]], declared: list[dict[str, Any]]) -> None:
    """The least is not above the most; where nothing is missing and nobody decides, they meet."""
    found = laboratory_value(tables_of(numbered(results, 101), numbered(declared, 1)), PLAN)
    for way in ("low", "high"):
        least, most = found[f"{way}_least"], found[f"{way}_most"]
        assert (least.is_null() == most.is_null()).all()
        assert (least <= most).fill_null(True).all()
        assert most.is_between(0, 4).fill_null(True).all()
    values_there = [row for row in results if row["value"] is not None]
    assert len(found) == len(values_there)
    assert found["missing"].is_in(["unit", "range", "baseline", None], nulls_equal=True).all()
