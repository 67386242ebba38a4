"""Every case that a clinician wrote down: sums, time points, best response, progression, window."""

from __future__ import annotations

import datetime
import functools
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from ruamel.yaml import YAML

from equipoise.record.tables import Tables
from equipoise.response.plan import ResponseConventions, ResponsePlan
from equipoise.response.rules import RULES
from tests.harness.history import tables_of
from tests.harness.tumour import DAY_0, Course, assessment_name, entries
from tests.properties.response.courses import PLAN

HERE = Path(__file__).parent
CASES: list[dict[str, Any]] = [
    case for file in sorted(HERE.glob("*.yaml")) for case in YAML(typ="safe").load(file)
]
IN_MM = {"sum": "diameter_sum", "known": "known_sum", "nadir": "nadir"}
GROWTH = {"growth": "rate", "growth since last": "interval_rate"}
COUNTED = {"missing": "not_evaluated", "gone": "all_gone"}
DECIMAL = {*IN_MM, *GROWTH}
READ = {
    "target": "target_response",
    "non_target": "non_target_response",
    "new": "new_lesion",
    "reappeared": "reappeared",
    "overall": "overall_response",
}


def plan_of(case: dict[str, Any]) -> ResponsePlan:
    """The plan that the case asks for: the common one with what the case says otherwise."""
    window = PLAN.windows[0]
    if "without_scan" in case:
        change = {"progression_or_death_until_last_day": case["without_scan"]}
        window = window.model_copy(update=change)
    conventions = ResponseConventions(**case["conventions"]) if "conventions" in case else None
    return PLAN.model_copy(
        update={
            "confirmation_days": case.get("confirmation"),
            "conventions": conventions,
            "windows": (window,),
        }
    )


def noted(case: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of the case, of the second evaluator too."""
    made = list(entries(Course.read(case)))
    if "second" in case:
        other = Course.read({**case, **case["second"], "randomised": None, "death": None})
        made += entries(other, "local")
    return made


def derived(made: list[dict[str, Any]], plan: ResponsePlan) -> Tables:
    """The tables of these events, derived ones included."""
    tables = tables_of(made)
    for rule in RULES:
        tables[rule.produces] = rule.rule(tables, plan)
    return tables


@functools.cache
def in_one_trial() -> dict[str, Tables]:
    """The tables of every case by its name: the cases of one plan are subjects of one trial."""
    trials: dict[str, list[dict[str, Any]]] = {}
    for case in CASES:
        trials.setdefault(plan_of(case).model_dump_json(), []).append(case)
    found = {}
    for cases in trials.values():
        made = [{**each, "subject": case["name"]} for case in cases for each in noted(case)]
        tables = derived(made, plan_of(cases[0]))
        for case in cases:
            own = pl.col("subject") == case["name"]
            found[case["name"]] = {
                rule.produces: tables[rule.produces].filter(own) for rule in RULES
            }
    return found


def one(frame: pl.DataFrame) -> dict[str, Any]:
    assert len(frame) == 1
    return frame.row(0, named=True)


def day(date: datetime.date | None) -> int | None:
    return None if date is None else (date - DAY_0).days


def found_at(tables: Tables, number: int) -> dict[str, Any]:
    """What the rules say of one scan, by the names of the case files."""
    name = {"assessment": assessment_name(number), "evaluator": "central"}
    sums = one(tables["target_sum"].filter(**name))
    responses = one(tables["time_point_response"].filter(**name))
    growth = tables["tumour_growth"].filter(**name)
    rates = growth.row(0, named=True) if len(growth) else dict.fromkeys(GROWTH.values())
    return {
        **{
            key: None if sums[column] is None else Decimal(sums[column]) / 100
            for key, column in IN_MM.items()
        },
        **{
            key: None if rates[column] is None else Decimal(rates[column]) / 100
            for key, column in GROWTH.items()
        },
        **{key: sums[column] for key, column in COUNTED.items()},
        **{key: responses[column] for key, column in READ.items()},
    }


def found_of_course(tables: Tables, asked: str) -> dict[str, Any]:
    if asked == "best":
        row = one(tables["best_overall_response"].filter(evaluator="central"))
        return {"day": day(row["occurred"]), **row}
    if asked == "progression":
        row = one(tables["progression"].filter(evaluator="central"))
        return {
            "day": day(row["progression"]),
            "last_adequate": day(row["last_adequate_assessment"]),
        }
    return one(tables["window_response"].filter(evaluator="central"))


def discordance(row: dict[str, Any]) -> str:
    at = "" if row["occurred"] is None else f" on day {day(row['occurred'])}"
    values = " v ".join(row[name] for name in ("primary_value", "other_value"))
    return f"{row['about']}{at}: {values}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_case_holds(case: dict[str, Any]) -> None:
    tables = in_one_trial()[case["name"]]
    checked = 0
    for number, scan in enumerate(case.get("scans", ()), start=1):
        found = found_at(tables, number)
        for name, value in scan.get("expect", {}).items():
            expected = Decimal(str(value)) if name in DECIMAL and value is not None else value
            assert found[name] == expected, f"day {scan['day']}: {name}"
            checked += 1
    if "findings" in case:
        rows = tables["reading_finding"].iter_rows(named=True)
        assert [
            f"{row['lesion'] or row['assessment']} {row['finding'].replace('_', ' ')}"
            for row in rows
        ] == case["findings"]
        checked += 1
    if "discordance" in case:
        found_rows = tables["reader_discordance"].iter_rows(named=True)
        assert [discordance(row) for row in found_rows] == case["discordance"]
        checked += 1
    for asked in ("best", "progression", "window"):
        if asked in case:
            found = found_of_course(tables, asked)
            assert {name: found[name] for name in case[asked]} == case[asked]
            checked += 1
    assert checked, "a case expects something"


@pytest.mark.parametrize("case", CASES[::9], ids=lambda case: case["name"])
def test_a_case_alone_is_read_as_among_others(case: dict[str, Any]) -> None:
    alone, others = derived(noted(case), plan_of(case)), in_one_trial()[case["name"]]
    of_the_record = ["subject", "event", "sources"]
    for name, frame in others.items():
        found = alone[name].drop(of_the_record, strict=False)
        assert found.equals(frame.drop(of_the_record, strict=False)), name


def test_cases_have_names_of_their_own() -> None:
    names = [case["name"] for case in CASES]
    assert len(set(names)) == len(names) > 80


def test_every_point_has_cases_for_and_against_it() -> None:
    """Points of the checklist that this stage covers; one that only ever holds shows nothing."""
    shown: dict[str, set[str]] = {}
    for case in CASES:
        shown.setdefault(str(case["point"]).split()[0], set()).add(case["shows"])
    assert set(shown) == {str(point) for point in range(1, 16)} | {"growth"}
    assert all(kinds == {"positive", "negative"} for kinds in shown.values())
