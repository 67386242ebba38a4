"""What the record may hold besides the plain course: corrections, unknown dates, a new baseline."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl

from equipoise.record.tables import Tables
from equipoise.response.rules import RULES
from equipoise.response.target import target_sum
from tests.harness.history import tables_of, together
from tests.harness.tumour import Course, Scan, course_tables, entries
from tests.properties.response.courses import PLAN

COURSE = Course(
    {"T1": "target", "NT1": "non-target"},
    (
        Scan(-7, {"T1": "100", "NT1": "present"}, baseline=True),
        Scan(42, {"T1": "60", "NT1": "present"}),
        Scan(84, {"T1": "75", "NT1": "present"}),
    ),
)
"""Events 1, 2 lesions; 3 baseline; 4 randomised; 5, 6 scans."""


def derived(tables: Tables) -> Tables:
    for rule in RULES:
        tables[rule.produces] = rule.rule(tables, PLAN)
    return tables


def column(tables: Tables, table: str, name: str) -> list[Any]:
    return tables[table][name].to_list()


def test_sources_are_the_events_that_decided() -> None:
    found = derived(course_tables(COURSE))
    assert column(found, "target_sum", "sources") == [[1, 3], [1, 3, 5], [1, 3, 6]]
    # The second scan is compared with the nadir, which is the first.
    assert column(found, "time_point_response", "sources") == [[1, 2, 3, 5], [1, 2, 3, 5, 6]]
    assert column(found, "progression", "sources") == [[1, 2, 3, 5, 6]]
    assert column(found, "best_overall_response", "sources") == [[1, 2, 3, 4, 5]]
    assert column(found, "window_response", "sources") == [[1, 2, 3, 4, 5, 6]]


def test_without_a_scan_the_sources_are_randomisation_and_what_was_seen() -> None:
    course = Course({"T1": "target"}, (Scan(-7, {"T1": "100"}, baseline=True),), death=60)
    found = derived(course_tables(course))
    assert column(found, "best_overall_response", "sources") == [[2, 3]]
    assert column(found, "window_response", "response") == ["DEATH"]
    assert column(found, "window_response", "sources") == [[3, 4]]


def test_a_correction_changes_the_sum_and_is_a_source_of_it() -> None:
    change = {"target": 5, "item": "targets/T1/diameter", "old": '"60"', "new": '"90"'}
    corrected = [*entries(COURSE), {"event": "Corrected", **change}]
    found = derived(tables_of(corrected))
    assert column(found, "target_sum", "diameter_sum") == [10000, 9000, 7500]
    assert column(found, "target_sum", "sources") == [[1, 3], [1, 3, 5, 7], [1, 3, 6]]
    assert column(found, "time_point_response", "overall_response") == ["SD", "SD"]
    assert column(found, "time_point_response", "sources")[1] == [1, 2, 3, 5, 6, 7]


def test_a_corrected_baseline_is_a_source_of_every_sum() -> None:
    change = {"target": 3, "item": "targets/T1/diameter", "old": '"100"', "new": '"80"'}
    found = derived(tables_of([*entries(COURSE), {"event": "Corrected", **change}]))
    assert column(found, "target_sum", "baseline_sum") == [8000, 8000, 8000]
    assert all(7 in each for each in column(found, "target_sum", "sources"))


def test_a_size_that_was_recorded_counts_though_called_too_small() -> None:
    *before, last = entries(COURSE)
    seen = [{"lesion": "T1", "state": "too_small", "diameter": "3.5"}]
    found = target_sum(tables_of([*before, {**last, "targets": seen}]), PLAN)
    assert found["diameter_sum"].to_list() == [10000, 6000, 350]


def test_a_complete_response_is_a_source_of_the_progression_after_it() -> None:
    """Of non-target disease only, where no sum has a nadir."""
    scans = tuple(
        Scan(day, {"NT1": state}, baseline=day < 0)
        for day, state in ((-7, "present"), (42, "absent"), (84, "absent"), (126, "present"))
    )
    found = derived(course_tables(Course({"NT1": "non-target"}, scans)))
    assert column(found, "time_point_response", "overall_response") == ["CR", "CR", "PD"]
    assert column(found, "time_point_response", "sources")[2] == [1, 2, 5, 6]


def test_progression_that_dates_back_rests_on_first_sight_and_on_certainty() -> None:
    scans = (
        *COURSE.scans[:2],
        Scan(84, {"T1": "60", "NT1": "present"}, {"X1": "equivocal"}),
        Scan(126, {"T1": "60", "NT1": "present"}, {"X1": "unequivocal"}),
    )
    found = derived(course_tables(Course(COURSE.lesions, scans)))
    assert column(found, "progression", "progression_assessment") == ["A2"]
    # 6 identifies the new lesion; 7 saw it first, 8 was certain; 5 is the last before.
    assert column(found, "progression", "sources") == [[1, 2, 3, 5, 7, 8]]


def test_a_scan_on_the_day_of_randomisation_counts_for_best_response_one_before_does_not() -> None:
    for day, response in ((0, "PR"), (-1, "NE")):
        scans = (COURSE.scans[0], Scan(day, {"T1": "60", "NT1": "present"}))
        found = derived(course_tables(Course(COURSE.lesions, scans)))
        assert column(found, "best_overall_response", "response") == [response]


def test_the_first_subsequent_therapy_ends_what_counts_and_is_a_source() -> None:
    therapy = {"event": "SubsequentTherapyRecorded", "therapy": "systemic"}
    made = [
        *entries(COURSE),
        {**therapy, "on": "2024-09-01", "entry": "S2"},
        {**therapy, "on": "2024-01-20", "entry": "S1"},
    ]
    found = derived(tables_of(made))
    assert column(found, "best_overall_response", "response") == ["NE"]
    # 4 randomised, 8 the earlier therapy; the rest is what had been seen.
    assert column(found, "best_overall_response", "sources") == [[1, 2, 3, 4, 5, 6, 8]]


def test_a_subsequent_therapy_that_was_taken_back_ends_nothing() -> None:
    taken_back = {
        "event": "SubsequentTherapyRecorded", "therapy_missing": "not_applicable", "entry": "S1",
        "on": "2024-01-20",
    }  # fmt: skip
    found = [derived(tables_of(each)) for each in (entries(COURSE), [*entries(COURSE), taken_back])]
    table = "best_overall_response"
    assert found[0][table].equals(found[1][table])


def test_the_scan_that_counts_in_the_window_is_a_source() -> None:
    scans = (*COURSE.scans[:2], Scan(91, {"T1": "60", "NT1": "present"}))
    found = derived(course_tables(Course(COURSE.lesions, scans)))
    assert column(found, "window_response", "sources") == [[1, 2, 3, 4, 5, 6]]


def test_what_could_not_be_read_in_the_window_is_a_source_of_not_evaluable() -> None:
    scans = (*COURSE.scans[:2], Scan(91, {"T1": "not evaluated"}))
    found = derived(course_tables(Course(COURSE.lesions, scans)))
    assert column(found, "window_response", "response") == ["NE"]
    # 4 randomised, 6 the scan; the rest is what it would have been compared with.
    assert column(found, "window_response", "sources") == [[1, 2, 3, 4, 5, 6]]
    before = (*COURSE.scans[:2],)
    found = derived(course_tables(Course(COURSE.lesions, before)))
    assert column(found, "window_response", "sources") == [[4]]


def test_a_treatment_of_a_lesion_is_a_source_of_what_it_makes_not_evaluable() -> None:
    treated = {"day": 50, "procedure": "surgery", "lesion": "T1"}
    found = derived(course_tables(Course(COURSE.lesions, COURSE.scans, procedures=(treated,))))
    # 7 the procedure, between the scans 5 and 6.
    assert column(found, "target_sum", "sources") == [[1, 3], [1, 3, 5], [1, 3, 6, 7]]
    assert column(found, "time_point_response", "sources")[1] == [1, 2, 3, 5, 6, 7]


def test_the_first_treatment_of_a_lesion_is_the_source() -> None:
    twice = tuple({"day": day, "procedure": "surgery", "lesion": "T1"} for day in (50, 60))
    found = derived(course_tables(Course(COURSE.lesions, COURSE.scans, procedures=twice)))
    assert column(found, "target_sum", "sources")[2] == [1, 3, 6, 7]


def test_without_randomisation_days_count_from_the_first_baseline() -> None:
    first = Scan(0, {"T1": "100", "NT1": "present"}, baseline=True)
    again = Scan(20, {"T1": "100", "NT1": "present"}, baseline=True)
    late = Scan(42, {"T1": "95", "NT1": "present"})
    found = derived(course_tables(Course(COURSE.lesions, (first, again, late), randomised=None)))
    assert column(found, "best_overall_response", "response") == ["SD"]


def test_scans_of_one_day_are_read_in_order_of_entry_whatever_was_corrected_since() -> None:
    scans = (COURSE.scans[0], *(Scan(42, {"T1": size}) for size in ("60", "75")))
    change = {"target": 5, "item": "targets/T1/diameter", "old": '"60"', "new": '"61"'}
    visit = {"target": 5, "item": "visit", "old": '"imaging"', "new": '"unscheduled"'}
    corrections = ({"event": "Corrected", **each} for each in (change, visit))
    found = derived(tables_of([*entries(Course(COURSE.lesions, scans)), *corrections]))
    assert column(found, "target_sum", "diameter_sum") == [10000, 6100, 7500]


def test_a_lesion_identified_on_an_unknown_day_is_followed() -> None:
    unseen = Course({**COURSE.lesions, "T2": "target"}, COURSE.scans)
    tables = course_tables(unseen)
    unknown = pl.lit(None, pl.Date).alias("occurred")
    for name in ("lesion_identified", "tumour_assessed"):
        changed = {**tables, name: tables[name].with_columns(unknown)}
        assert target_sum(changed, PLAN)["targets"].to_list() == [2, 2, 2], name


def test_a_second_baseline_starts_anew() -> None:
    scans = (*COURSE.scans, Scan(90, {"T1": "50", "NT1": "present"}, baseline=True))
    again = Course(COURSE.lesions, (*scans, Scan(130, {"T1": "60", "NT1": "present"})))
    found = derived(course_tables(again))["target_sum"]
    assert found["baseline_sum"].to_list() == [10000, 10000, 10000, 5000, 5000]
    assert found["nadir"].to_list() == [None, 10000, 6000, None, 5000]


def test_a_target_identified_after_baseline_leaves_earlier_sums_alone() -> None:
    late = {
        "event": "LesionIdentified", "on": "2024-06-01", "lesion": "T2", "evaluator": "central",
        "role": "target", "organ": "lung", "node": False,
    }  # fmt: skip
    found = target_sum(tables_of([*entries(COURSE), late]), PLAN)
    assert found["targets"].to_list() == [1, 1, 1]
    assert found["diameter_sum"].to_list() == [10000, 6000, 7500]


def test_a_target_seen_at_baseline_counts_though_its_scan_was_days_later() -> None:
    made = list(entries(COURSE))
    made[0] = {**made[0], "on": "2023-12-29"}
    assert target_sum(tables_of(made), PLAN)["targets"].to_list() == [1, 1, 1]


def test_an_assessment_without_a_date_stands_where_it_was_entered() -> None:
    tables = course_tables(COURSE)
    unknown = pl.when(pl.col("assessment") != "A1").then("occurred").alias("occurred")
    tables["tumour_assessed"] = tables["tumour_assessed"].with_columns(unknown)
    found = derived(tables)
    assert column(found, "target_sum", "order") == [0, 1, 2]
    assert column(found, "target_sum", "nadir") == [None, 10000, 6000]
    assert column(found, "best_overall_response", "response") == ["PR"]
    assert column(found, "best_overall_response", "occurred") == [None]


def test_scans_entered_late_are_read_in_order_of_their_dates() -> None:
    first, *made = entries(COURSE)
    late = [first, *made[:-2], made[-1], made[-2]]
    found = derived(tables_of(late))
    assert column(found, "target_sum", "diameter_sum") == [10000, 6000, 7500]
    assert column(found, "time_point_response", "overall_response") == ["PR", "PD"]


def test_a_scan_before_any_baseline_is_not_evaluable() -> None:
    scans = (Scan(-20, {"T1": "10", "NT1": "absent"}), *COURSE.scans)
    found = derived(course_tables(Course(COURSE.lesions, scans)))
    assert column(found, "time_point_response", "overall_response")[0] == "NE"
    assert column(found, "target_sum", "nadir") == [None, None, 10000, 6000]


def test_every_evaluator_is_read_apart() -> None:
    other = Course(COURSE.lesions, (COURSE.scans[0], Scan(90, {"T1": "50", "NT1": "absent"})))
    local = [each for each in entries(other, "local") if each["event"] != "Randomised"]
    found = derived(tables_of([*entries(COURSE), *local]))
    responses = found["window_response"].select("evaluator", "response").rows()
    assert responses == [("central", "PD"), ("local", "PR")]
    best = found["best_overall_response"].select("evaluator", "response").rows()
    assert best == [("central", "PR"), ("local", "PR")]


def test_events_of_the_same_number_in_another_replicate_are_other_events() -> None:
    sizes = ("50", "45", "40")
    scans = tuple(
        replace(scan, seen={**scan.seen, "T1": size})
        for scan, size in zip(COURSE.scans, sizes, strict=True)
    )
    other = course_tables(replace(COURSE, scans=scans), replicate=1)
    found = derived(together([course_tables(COURSE), other]))
    assert column(found, "target_sum", "diameter_sum") == [10000, 6000, 7500, 5000, 4500, 4000]
    assert column(found, "time_point_response", "overall_response") == ["PR", "PD", "SD", "SD"]


def test_a_randomised_subject_never_assessed_has_a_row_for_the_primary_evaluator() -> None:
    randomised = [each for each in entries(COURSE) if each["event"] == "Randomised"]
    found = derived(tables_of(randomised))
    for name in ("best_overall_response", "window_response"):
        assert found[name].select("evaluator", "response", "sources").rows() == [
            ("central", "NE", [1])
        ]


def test_tables_have_the_declared_columns_empty_or_not() -> None:
    full = derived(course_tables(COURSE))
    empty = derived({name: frame.clear() for name, frame in course_tables(COURSE).items()})
    for rule in RULES:
        for found in (full, empty):
            declared = pl.DataFrame(schema=dict(rule.columns)).schema
            assert found[rule.produces].schema == declared, rule.produces
        assert not len(empty[rule.produces])
