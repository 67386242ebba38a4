"""Who is in which population, from subjects typed in by hand."""

from __future__ import annotations

from equipoise.analysis.subjects import end_point_tables
from equipoise.report.layout import Row, Table
from equipoise.report.populations import population_table
from tests.harness.hand_made import Subject, trial
from tests.harness.hand_made_study import THREE_BY_THREE, TWO_BY_TWO, study

PEOPLE = (
    Subject("a", response="PR"),
    Subject("b", response="NE"),
    Subject("c", arm="B", first_dose=None),
    Subject("d", status="HIGH", response="SD"),
    Subject("e", arm=None, failure="declined", first_dose=None, status=None),
)


def table(text: str) -> Table:
    tables, plan = trial(*PEOPLE), study(text)
    rule = plan.biomarker.marker.rule_in_force
    return population_table(tables, plan, end_point_tables(tables, plan), rule)


def row(found: Table, heading: str) -> Row:
    return next(each for each in found.rows if each.heading == heading)


def test_each_population_by_status_and_arm_and_all() -> None:
    found = table(TWO_BY_TWO)
    assert [[head.text for head in line] for line in found.heads] == [
        ["Low", "High", ""], ["A", "B", "A", "B", "All"],
    ]  # fmt: skip
    assert row(found, "All randomised").texts == ["2", "1", "1", "0", "4"]
    assert row(found, "Treated, status known").texts == ["2", "0", "1", "0", "3"]


def test_whoever_has_no_value_of_the_end_point_is_not_evaluable() -> None:
    found = row(table(TWO_BY_TWO), "evaluable: Response at 3 months")
    assert found.texts == ["1", "0", "1", "0", "2"] and found.kind == "level"


def test_a_count_leads_to_what_says_who_belongs_to_it() -> None:
    found, events = table(TWO_BY_TWO), trial(*PEOPLE)
    treated, known = (
        set(row(found, name).cells[-1].sources)
        for name in ("Treated, status known", "evaluable: Response at 3 months")
    )
    doses = events["dose_given"].filter(subject="a")["seq"].to_list()
    assert doses and doses[0] in treated and doses[0] in known
    assert treated.isdisjoint(events["screening_failed"]["seq"])
    assert known - treated


def test_three_by_three() -> None:
    found = table(THREE_BY_THREE)
    assert found.width == 10 and found.block == 3
    assert all(len(each.texts) == 10 for each in found.rows)
