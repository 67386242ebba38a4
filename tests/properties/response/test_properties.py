"""What must hold of every course: order, time, replicates, and what a progression can do."""

from __future__ import annotations

import dataclasses
import random
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.record.tables import Tables
from equipoise.response import criteria as standards
from equipoise.response.criteria import Limits
from equipoise.response.rules import RULES
from tests.harness.tumour import Course, Scan, course_tables
from tests.properties.response.courses import PLAN, courses

_STANDARD = standards.standard
DERIVED = [rule.produces for rule in RULES]
EXAMPLES = settings(max_examples=15)


def derived(tables: Tables) -> Tables:
    """The derived tables of these event tables."""
    found = dict(tables)
    for rule in RULES:
        found[rule.produces] = rule.rule(found, PLAN)
    return found


def _apart(tables: Tables, subject: int) -> Tables:
    """Numbers of events are unique in a replicate, whose subject this is."""
    numbers = pl.col("seq", "event") + 1000 * subject
    return {name: frame.with_columns(numbers) for name, frame in tables.items()}


def stacked(parts: list[Tables]) -> Tables:
    return {name: pl.concat(part[name] for part in parts) for name in parts[0]}


@EXAMPLES
@given(courses(), st.randoms(use_true_random=False))
def test_row_order_never_matters(course: Course, chance: random.Random) -> None:
    tables = course_tables(course)
    expected = derived(tables)
    for rule in RULES:
        seed = chance.randrange(10**6)
        shuffled = {
            name: frame.sample(fraction=1, shuffle=True, seed=seed)
            for name, frame in expected.items()
        }
        assert rule.rule(shuffled, PLAN).equals(expected[rule.produces]), rule.produces


@EXAMPLES
@given(st.lists(courses(), min_size=2, max_size=4))
def test_replicates_and_subjects_do_not_touch_each_other(drawn: list[Course]) -> None:
    parts = [
        _apart(course_tables(course, subject=f"01-{number % 2}", replicate=number // 2), number % 2)
        for number, course in enumerate(drawn)
    ]
    together = derived(stacked(parts))
    apart = stacked([derived(part) for part in parts])
    for name in DERIVED:
        assert together[name].equals(apart[name]), name


@EXAMPLES
@given(courses(), st.integers(0, 5))
def test_later_events_never_change_an_earlier_time_point(course: Course, kept: int) -> None:
    before = dataclasses.replace(course, scans=course.scans[: 1 + kept], death=None)
    early, late = derived(course_tables(before)), derived(course_tables(course))
    for name in ("target_sum", "time_point_response"):
        then = late[name].filter(pl.col("order") <= kept).drop("sources")
        assert early[name].drop("sources").equals(then), name


@EXAMPLES
@given(courses(scans=4), st.integers(1, 120))
def test_adding_a_progression_never_creates_a_response(course: Course, day: int) -> None:
    """An unequivocal new lesion at one more scan, which shows everything else as the one before."""
    free = day if day not in {scan.day for scan in course.scans} else 250
    before = [scan for scan in course.scans if scan.day < free]
    extra = Scan(free, dict(before[-1].seen), {"X9": "unequivocal"})
    after = course.scans[len(before) :]
    more = dataclasses.replace(course, scans=(*before, extra, *after))
    plain, worse = derived(course_tables(course)), derived(course_tables(more))
    responded = plain["window_response"].item(0, "responder")
    assert responded is True or worse["window_response"].item(0, "responder") is not True
    best = [each["best_overall_response"].item(0, "response") for each in (plain, worse)]
    assert best[0] in ("CR", "PR") or best[1] not in ("CR", "PR")
    dates = [each["progression"].item(0, "progression") for each in (plain, worse)]
    assert dates[1] is not None
    assert dates[0] is None or dates[1] <= dates[0]


@EXAMPLES
@given(courses(), st.sampled_from([2, 3, 8]))
def test_the_unit_of_length_does_not_matter(course: Course, factor: int) -> None:
    """Sizes and the limits in millimetres times the same factor: the same responses."""
    seen = [
        {name: _times(value, factor) for name, value in scan.seen.items()} for scan in course.scans
    ]
    scaled = dataclasses.replace(
        course,
        scans=tuple(
            dataclasses.replace(scan, seen=values)
            for scan, values in zip(course.scans, seen, strict=True)
        ),
    )
    expected = derived(course_tables(course))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(standards, "standard", _in_unit(factor))
        standards._with_conventions.cache_clear()
        found = derived(course_tables(scaled))
    standards._with_conventions.cache_clear()
    for name in (each for each in DERIVED if each != "target_sum"):
        sizes = [each for each in ("found", "limit") if each in expected[name].columns]
        assert found[name].drop(sizes).equals(expected[name].drop(sizes)), name
    sums = pl.col("diameter_sum", "known_sum", "baseline_sum", "nadir")
    assert found["target_sum"].select(sums).equals(expected["target_sum"].select(sums * factor))


def _times(value: str, factor: int) -> str:
    if value.startswith("split "):
        parts = value.removeprefix("split ").split(" + ")
        return "split " + " + ".join(_times(part, factor) for part in parts)
    try:
        return str(Decimal(value) * factor)
    except ArithmeticError:
        return value


def _in_unit(factor: int) -> object:
    """The standard with every length times `factor`."""

    def scaled(code: str) -> standards.Criteria:
        found = _STANDARD(code)
        lengths = {
            name: limit.model_copy(update={"value": limit.value * factor})
            for name in Limits.model_fields
            if (limit := getattr(found.limits, name)).unit == "mm"
        }
        return found.model_copy(update={"limits": found.limits.model_copy(update=lengths)})

    return scaled
