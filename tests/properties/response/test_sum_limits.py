"""The sums at which a response turns are those at which the rule turns."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.response.change import sum_change, sum_limits
from equipoise.response.rules import RULES
from tests.harness.tumour import Course, Scan, course_tables
from tests.properties.response.courses import PLAN

SIZES = st.integers(1000, 12000)


def _mm(scaled: int) -> str:
    return f"{scaled // 100}.{scaled % 100:02}"


@settings(max_examples=40)
@given(SIZES, SIZES, st.integers(-120, 120), st.booleans())
def test_a_response_turns_at_its_limit(first: int, second: int, off: int, low: bool) -> None:
    """One target, its size at the third scan within 1.2 mm of a limit."""
    baseline, nadir = first, min(first, second)
    near = baseline * 7 // 10 if low else nadir + max(-(-nadir // 5), 500)
    third = near + off
    scans = (Scan(-7, {"T1": _mm(first)}, baseline=True), Scan(56, {"T1": _mm(second)}),
             Scan(112, {"T1": _mm(third)}))  # fmt: skip
    found = dict(course_tables(Course({"T1": "target"}, scans)))
    for rule in RULES:
        found[rule.produces] = rule.rule(found, PLAN)
        if "time_point_response" in found:
            break
    responses = {row["order"]: row for row in found["time_point_response"].rows(named=True)}
    limits = sum_limits(sum_change(found["target_sum"]), PLAN)
    start, *later = limits.rows(named=True)
    assert start["partial_at"] is None and start["progression_at"] is None
    for row in later:
        total = row["diameter_sum"]
        expected = "SD"
        if total >= row["progression_at"]:
            expected = "PD"
        elif total <= row["partial_at"]:
            expected = "PR"
        assert responses[row["order"]]["target_response"] == expected, row
