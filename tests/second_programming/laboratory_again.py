"""Laboratory values programmed again: reference range, baseline, and the grades that can be.

Written from docs/decisions/0014, the wording of CTCAE 5 in `ctcae_5_laboratory.csv` (the data is
the specification), the units' file and the public docstrings, by somebody who has not read the
rules. One subject at a time, in exact fractions. What is not known is tried: with every reference
limit and every baseline that could make a difference.
"""

from __future__ import annotations

import csv
import datetime
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from importlib import resources
from typing import Any

from tests.second_programming.rows_by_subject import Row

Day = datetime.date
Grades = tuple[int, int]
"""The least and the highest grade."""

PLACES = 10_000
STANDARD = 10_000 * 10_000


@cache
def _file(name: str) -> list[dict[str, str]]:
    with (resources.files("equipoise.safety") / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def _number(text: str) -> Fraction:
    return Fraction(text)


@dataclass(frozen=True)
class Unit:
    """What a value in this unit is multiplied with, for the standard unit and for limits."""

    to_standard: Fraction
    graded_in: str
    to_graded: Fraction


@cache
def unit_of(analyte: str, unit: str) -> Unit | None:
    for row in _file("laboratory_units.csv"):
        if (row["analyte"], row["unit"]) == (analyte, unit):
            return Unit(Fraction(row["to_standard"]), row["graded_in"], Fraction(row["to_graded"]))
    return None


@cache
def clauses(analyte: str, direction: str) -> list[dict[str, str]]:
    """The clauses about values of an analyte in the term for values that are too low or too high.

    A term is about high values where some grade has no upper limit.
    """
    about = [row for row in _file("ctcae_5_laboratory.csv") if row["analyte"] == analyte]
    towards = {
        row["term"]: "high" if row["above"] else "low"
        for row in about
        if not (row["above"] and row["below"])
    }
    return [row for row in about if towards[row["term"]] == direction]


@dataclass(frozen=True)
class World:
    """Everything that a clause asks for beside the value, in the standard unit."""

    lower: Fraction
    upper: Fraction
    baseline: Fraction
    abnormal: bool


@dataclass(frozen=True)
class Value:
    """One value: as reported, in the standard unit, in the unit of absolute limits."""

    row: Row
    day: Day
    unit: Unit | None
    reported: Fraction

    @cached_property
    def standard(self) -> Fraction | None:
        return None if self.unit is None else self.reported * self.unit.to_standard

    @cached_property
    def graded(self) -> Fraction:
        assert self.unit is not None
        return self.reported * self.unit.to_graded


def _holds(value: Value, clause: dict[str, str], world: World) -> bool:
    assert value.unit is not None and value.standard is not None
    if clause["unit"] and clause["unit"] != value.unit.graded_in:
        return False
    if clause["baseline"] and (clause["baseline"] == "abnormal") != world.abnormal:
        return False
    for side in ("above", "below"):
        if not clause[side]:
            continue
        limit, scale = _number(clause[side]), clause[f"{side}_of"]
        measured = value.standard
        ends = None
        if scale == "lln":
            ends = [limit * world.lower]
        elif scale == "baseline":
            ends = [limit * world.baseline]
        elif scale == "uln":
            ends = [limit * world.upper]
        elif scale == "uln_and_baseline":
            ends = [limit * world.upper, limit * world.baseline]
        if ends is None:
            measured, ends = value.graded, [limit]
        for end in ends:
            beyond = measured > end if side == "above" else measured < end
            if not (beyond or (clause[f"{side}_closed"] == "yes" and measured == end)):
                return False
    return True


def _held(value: Value, direction: str, world: World) -> list[dict[str, str]]:
    about = clauses(value.row["analyte"], direction)
    return [clause for clause in about if _holds(value, clause, world)]


def _span(held: Sequence[dict[str, str]]) -> Grades:
    """The highest grade for which the value suffices, and the highest that can be."""
    sure = [int(clause["grade"]) for clause in held if not clause["decides"]]
    return max(sure, default=0), max((int(clause["grade"]) for clause in held), default=0)


def _around(points: Sequence[Fraction]) -> Iterator[Fraction]:
    """Every point, one between any two, one below and one above all."""
    found = sorted({point for point in points if point > 0})
    if not found:
        yield Fraction(1)
        return
    yield found[0] / 2
    for first, second in itertools.pairwise(found):
        yield first
        yield (first + second) / 2
    yield found[-1]
    yield found[-1] * 2


def _turning(value: Value, direction: str, *scales: str) -> list[Fraction]:
    """Where the value would meet a multiple of one of these."""
    assert value.standard is not None
    found = []
    for clause in clauses(value.row["analyte"], direction):
        for side in ("above", "below"):
            if clause[side] and clause[f"{side}_of"] in scales:
                found.append(value.standard / _number(clause[side]))
    return found


@dataclass(frozen=True)
class Normal:
    """A reference range in the standard unit; nothing where a limit is not known."""

    lower: Fraction | None = None
    upper: Fraction | None = None


def grades(
    value: Value, direction: str, normal: Normal, baseline: tuple[Fraction, Normal] | None
) -> tuple[Grades | None, set[str]]:
    """The grades that can be, and what is missing to say more."""
    if not clauses(value.row["analyte"], direction):
        return None, set()
    if value.unit is None:
        return None, {"unit"}
    lowers: list[Fraction] = [normal.lower] if normal.lower is not None else list(
        _around(_turning(value, direction, "lln"))
    )  # fmt: skip
    uppers: list[Fraction] = [normal.upper] if normal.upper is not None else list(
        _around(_turning(value, direction, "uln", "uln_and_baseline"))
    )  # fmt: skip
    by_range, wanting = set(), False
    for lower, upper in itertools.product(lowers, uppers):
        if baseline is None:
            turning = _turning(value, direction, "baseline", "uln_and_baseline")
            worlds = [
                World(lower, upper, first, first > upper) for first in _around([*turning, upper])
            ]
            found = {_span(_held(value, direction, each)) for each in worlds}
            wanting = wanting or len(found) > 1
            by_range.add((min(least for least, _ in found), max(most for _, most in found)))
        else:
            own = baseline[1].upper
            ways = (True, False) if own is None else (baseline[0] > own,)
            held = [
                _held(value, direction, World(lower, upper, baseline[0], abnormal))
                for abnormal in ways
            ]
            # a baseline of which nobody can tell whether it was normal decides no clause
            both = [clause for clause in held[0] if clause in held[-1]]
            by_range.update(map(_span, [*held, both]))
    if len(by_range) > 1:
        return None, {"range"}
    return by_range.pop(), {"baseline"} if wanting else set()


def range_of(
    value: Row, ranges: Sequence[Row], sex: str | None, age: int | None
) -> tuple[Normal, Row | None]:
    """The range of the site that is valid on the day for this subject."""
    fitting = []
    for row in ranges:
        unit = unit_of(row["analyte"], row["unit"])
        if row["analyte"] != value["analyte"] or row["site"] != value["site"] or unit is None:
            continue
        if row["occurred"] is None or row["occurred"] > value["occurred"]:
            continue
        if row["sex"] is not None and row["sex"] != sex:
            continue
        if row["age_from"] is not None and (age is None or age < row["age_from"]):
            continue
        if row["age_below"] is not None and (age is None or age >= row["age_below"]):
            continue
        fitting.append((row["occurred"], row["event"], row["position"], row, unit))
    if not fitting:
        return Normal(), None
    *_, row, unit = max(fitting, key=lambda each: each[:3])
    lower, upper = (
        None if row[side] is None else Fraction(row[side], PLACES) * unit.to_standard
        for side in ("low", "high")
    )
    return Normal(lower, upper), row


def _scaled(number: Fraction | None) -> int | None:
    if number is None:
        return None
    assert (number * STANDARD).denominator == 1
    return int(number * STANDARD)


def values_of(
    results: Sequence[Row],
    ranges: Sequence[Row],
    doses: Sequence[Row],
    sex: str | None,
    age: int | None,
    days_after_last_dose: int,
) -> Iterator[dict[str, Any]]:
    """The rows of one subject, in the order of analyte, day and record."""
    first = min((row["first_dose"] for row in doses if row["first_dose"]), default=None)
    last = max((row["last_dose"] for row in doses if row["last_dose"]), default=None)
    by_analyte: dict[str, list[Value]] = {}
    for row in sorted(results, key=lambda each: (each["event"], each["position"])):
        if row["value"] is not None and row["occurred"] is not None:
            unit = unit_of(row["analyte"], row["unit"])
            value = Value(row, row["occurred"], unit, Fraction(row["value"], PLACES))
            by_analyte.setdefault(row["analyte"], []).append(value)
    for analyte in sorted(by_analyte):
        values = sorted(by_analyte[analyte], key=lambda each: each.day)
        before = [
            each
            for each in values
            if each.unit is not None and (first is None or each.day <= first)
        ]
        chosen = before[-1] if before else None
        baseline = None
        if chosen is not None and chosen.standard is not None:
            baseline = chosen.standard, range_of(chosen.row, ranges, sex, age)[0]
        for value in values:
            normal, _ = range_of(value.row, ranges, sex, age)
            low, wanting = grades(value, "low", normal, baseline)
            high, more = grades(value, "high", normal, baseline)
            lacking = wanting | more | ({"unit"} if value.unit is None else set())
            named = [each for each in ("unit", "range", "baseline") if each in lacking]
            yield {
                "analyte": analyte, "day": value.day, "value": value.row["value"],
                "unit": value.row["unit"], "standard_value": _scaled(value.standard),
                "lower_limit": _scaled(normal.lower), "upper_limit": _scaled(normal.upper),
                "baseline": value is chosen,
                "on_treatment": first is not None and last is not None and value.day > first
                and (value.day - last).days <= days_after_last_dose,
                "low_least": low and low[0], "low_most": low and low[1],
                "high_least": high and high[0], "high_most": high and high[1],
                "missing": named[0] if named else None,
            }  # fmt: skip
