"""The columnar rules and a second programming in plain loops read every course alike."""

from __future__ import annotations

from fractions import Fraction

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.response.target import target_sum
from equipoise.response.time_point import time_point_response
from tests.harness.recist_by_hand import read_course
from tests.harness.tumour import Course, Scan, course_tables
from tests.properties.response.courses import PLAN, courses


def _hundredths(value: Fraction | None) -> int | None:
    return None if value is None else int(value * 100)


@given(st.lists(courses(), min_size=1, max_size=8))
@settings(max_examples=30)
def test_both_programmings_agree(drawn: list[Course]) -> None:
    parts = [course_tables(course, replicate=number) for number, course in enumerate(drawn)]
    tables = {name: pl.concat(part[name] for part in parts) for name in parts[0]}
    tables["target_sum"] = target_sum(tables, PLAN)
    sums = tables["target_sum"].filter(~pl.col("baseline"))
    found = sums.join(
        time_point_response(tables, PLAN), ["replicate", "subject", "evaluator", "order"]
    ).sort("replicate", "order")
    by_rule = found.select(
        "replicate", "diameter_sum", "known_sum", "nadir", "target_response",
        "non_target_response", "new_lesion", "overall_response",
    ).rows()  # fmt: skip
    by_hand = [
        (
            number, _hundredths(each.sum), _hundredths(each.known), _hundredths(each.nadir),
            each.target, each.non_target, each.new_lesion, each.overall,
        )
        for number, course in enumerate(drawn)
        for each in read_course(course)
    ]  # fmt: skip
    assert by_rule == by_hand


def test_the_comparison_can_fail() -> None:
    """A course on the limit: one hundredth of a millimetre makes another response of both."""
    responses = []
    for size in ("70", "70.01"):
        course = Course({"T1": "target"}, (Scan(-7, {"T1": "100"}, baseline=True),
                                           Scan(42, {"T1": size})))  # fmt: skip
        responses += [each.overall for each in read_course(course)]
    assert responses == ["PR", "SD"]
