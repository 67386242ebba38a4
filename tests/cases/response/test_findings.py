"""What a finding says beside its name: point, section, sizes or numbers, the events behind it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl

from equipoise.record.tables import Tables
from equipoise.response.rules import RULES
from tests.harness.history import tables_of
from tests.harness.tumour import Course, Scan, course_tables, entries
from tests.properties.response.courses import PLAN


def findings(course: Course) -> dict[str, tuple[Any, ...]]:
    """Of each finding: lesion, assessment, point, section, found, limit, sources."""
    return found_in(course_tables(course))


def found_in(tables: Tables) -> dict[str, tuple[Any, ...]]:
    for rule in RULES:
        tables[rule.produces] = rule.rule(tables, PLAN)
    said = ("lesion", "assessment", "point", "section", "found", "limit", "sources")
    rows = tables["reading_finding"].select("finding", *said).rows()
    assert len({row[0] for row in rows}) == len(rows), "one finding of each kind in a test"
    return {row[0]: row[1:] for row in rows}


def baseline(lesions: dict[str, str], seen: dict[str, str], **items: str) -> Course:
    return Course(lesions, (Scan(-7, seen, baseline=True, items=items),), randomised=None)


def test_sizes_are_told_in_hundredths_of_a_millimetre() -> None:
    lesions = {"T1": "target", "T2": "target node", "NT1": "non-target node"}
    found = findings(baseline(lesions, {"T1": "13.5", "T2": "20", "NT1": "9.9"}, slices="7"))
    assert found == {
        "below_measurable": ("T1", "A0", 1, "3.1", 1350, 1400, [1, 4]),
        "node_normal_at_baseline": ("NT1", "A0", 2, "3.1", 990, 1000, [3, 4]),
    }
    found = findings(baseline({"T1": "target node"}, {"T1": "14.9"}))
    assert found == {"below_measurable": ("T1", "A0", 1, "3.1", 1490, 1500, [1, 2])}


def test_faults_of_choice_tell_the_number_of_targets() -> None:
    organs = ("liver", "liver", "liver", "lung", "pancreas", "kidney")
    lesions = {f"T{place}": f"target, {organ}" for place, organ in enumerate(organs)}
    found = findings(baseline(lesions, dict.fromkeys(lesions, "20")))
    assert found == {
        "too_many_in_organ": ("T2", None, 1, "4.2", 3, 2, [3]),
        "too_many_targets": ("T5", None, 1, "4.2", 6, 5, [6]),
    }


def test_what_a_lesion_is_has_no_number() -> None:
    lesions = {
        "T1": "target, bone", "T2": "target, lung, treated before", "NT1": "non-target",
        "NT2": "non-target, kidney, simple cyst", "T3": "target, pancreas, cystic",
    }  # fmt: skip
    seen = {"T1": "20", "T2": "20 by ultrasound", "T3": "20", "NT1": "present", "NT2": "present"}
    assert findings(baseline(lesions, seen)) == {
        "kind_not_measurable": ("T1", None, 3, "3.1", None, None, [1]),
        "treated_not_progressed": ("T2", None, 3, "3.1", None, None, [2]),
        "not_malignant": ("NT2", None, 3, "3.1", None, None, [4]),
        "cystic_target": ("T3", "A0", 3, "3.1", None, None, [5, 6]),
        "method_does_not_measure": ("T2", "A0", 1, "3.1", 2000, None, [2, 6]),
    }


def test_a_target_without_a_size_and_another_method_later() -> None:
    scans = (
        Scan(-7, {"T1": "20", "T2": "absent"}, baseline=True),
        Scan(42, {"T1": "20 by mri", "T2": "absent"}),
    )
    found = findings(Course({"T1": "target", "T2": "target"}, scans, randomised=None))
    assert found == {
        "not_measured_at_baseline": ("T2", "A0", 1, "3.1", None, 1000, [2, 3]),
        "method_changed": ("T1", "A1", 13, "3.2", None, None, [1, 3, 4]),
    }


def test_the_last_baseline_before_the_first_cycle_is_the_one_that_counts() -> None:
    scans = [Scan(day, {"T1": "20"}, baseline=True) for day in (-60, -40, 10)]
    course = Course({"T1": "target"}, tuple(scans), randomised=None, first_cycle=0)
    found = findings(course)
    assert found == {"baseline_too_early": (None, "A1", 13, "3.2", 40, 35, [3])}
    same_day = [Scan(day, {"T1": "20"}, baseline=True) for day in (-40, 0)]
    assert findings(replace(course, scans=tuple(same_day))) == {}


def test_later_cycles_make_no_baseline_too_early() -> None:
    course = Course({"T1": "target"}, (Scan(-7, {"T1": "20"}, baseline=True),), first_cycle=0)
    *made, cycle = entries(course)
    later = {**cycle, "cycle": 2, "on": "2024-03-01"}
    assert found_in(tables_of([*made, cycle, later])) == {}


def test_a_whole_scan_by_another_method_is_another_method() -> None:
    scans = (Scan(-7, {"T1": "20"}, baseline=True), Scan(42, {"T1": "20"}, items={"method": "mri"}))
    found = findings(Course({"T1": "target"}, scans, randomised=None))
    assert found == {"method_changed": ("T1", "A1", 13, "3.2", None, None, [1, 2, 3])}


def test_each_evaluator_has_targets_of_its_own() -> None:
    """And a treatment of one evaluator's lesion says nothing of another's of the same name."""
    treated = {"day": 10, "procedure": "ablation", "lesion": "T1"}
    scans = (Scan(-7, {"T1": "20"}, baseline=True), Scan(42, {"T1": "20"}))
    course = Course({"T1": "target"}, scans, randomised=None, procedures=(treated,))
    made = [*entries(course), *entries(replace(course, procedures=()), "local")]
    tables = tables_of(made)
    for rule in RULES[:3]:
        tables[rule.produces] = rule.rule(tables, PLAN)
    assert tables["lesion_choice"]["target_number"].to_list() == [1, 1]
    sums = tables["target_sum"].filter(~pl.col("baseline"))
    assert sums.select("evaluator", "diameter_sum").rows() == [("central", None), ("local", 2000)]


def test_choice_counts_the_targets_of_each_evaluator_in_order() -> None:
    lesions = {"T1": "target", "NT1": "non-target", "T2": "target, lung", "T3": "target"}
    tables = course_tables(baseline(lesions, {}))
    choice = RULES[0].rule(tables, PLAN)
    numbers = pl.col("target_number", "organ_number")
    assert choice.select(numbers).rows() == [(1, 1), (0, 0), (2, 1), (3, 2)]
    assert choice["sources"].to_list() == [[1], [2], [3], [4]]
