"""The tables of treatment, against the same numbers counted row by row."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from statistics import median

import pytest

from equipoise.record.rule import Tables
from equipoise.report.doses import cycles_table, intensity_table, reasons_table
from equipoise.report.layout import Table
from equipoise.report.wording import JOINED
from equipoise.simulation.run import Version, rehearsed
from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from tests.harness.bridge import scenario_of
from tests.harness.hand_made import Subject, trial

LUNG = load_study("lung-tmb")
ARMS = [arm.code for arm in LUNG.randomisation.arms]


@pytest.fixture(scope="module")
def tables() -> Tables:
    scenario = scenario_of("lung-tmb", "planning", 30)
    treatment = scenario.treatment.model_copy(update={"omission": Decimal("0.2")})
    scenario = scenario.model_copy(update={"treatment": treatment})
    return derive(rehearsed([Version(0, LUNG)], scenario, 5, [0]).tables, LUNG)


def rows_below(table: Table, group: str) -> dict[str, list[str]]:
    """The lines under a heading, by their own."""
    found: dict[str, list[str]] = {}
    inside = False
    for row in table.rows:
        if row.kind == "group":
            inside = row.heading == group
        elif inside:
            found[row.heading] = row.texts
    return found


def test_cycles_of_each_arm_are_counted_as_they_began(tables: Tables) -> None:
    arm_of = dict(tables["allocation"].select("subject", "arm").rows())
    cycles = tables["cycle_started"].select("subject", "seq").rows()
    table = cycles_table(tables, LUNG)
    for arm in LUNG.randomisation.arms:
        (line,) = rows_below(table, arm.label.en).values()
        mine = Counter(subject for subject, _ in cycles if arm_of[subject] == arm.code)
        assert line[:2] == [str(len(mine)), str(mine.total())]
        of = sorted(mine.values())
        shown = f"{median(of):g} ({of[0]}{JOINED}{of[-1]})"
        assert line[2] == shown
    cell = table.rows[1].cells[1]
    begun = {seq for subject, seq in cycles if arm_of[subject] == ARMS[0]}
    assert set(cell.sources) == begun and len(begun) == int(cell.text)


def test_relative_dose_intensity_is_that_of_the_derived_table(tables: Tables) -> None:
    arm_of = dict(tables["allocation"].select("subject", "arm").rows())
    table = intensity_table(tables, LUNG)
    assert len([row for row in table.rows if row.kind == "group"]) == 3
    rows = tables["relative_dose_intensity"].select("subject", "drug", "relative_intensity").rows()
    shares = sorted(
        (value + 5) // 10
        for subject, drug, value in rows
        if arm_of[subject] == ARMS[0] and drug == "exemplatin"
    )
    line = table.rows[1].texts
    assert line[0] == str(len(shares))
    assert line[1].startswith(f"{median(shares) / 10:.1f} (")
    assert line[1].endswith(f"({shares[0] / 10:.1f}{JOINED}{shares[-1] / 10:.1f})")


def test_doses_not_given_are_told_with_their_reason_in_each_arm(tables: Tables) -> None:
    arm_of = dict(tables["allocation"].select("subject", "arm").rows())
    missing = tables["dose_given"].select("subject", "amount_missing").rows()
    expected = [
        str(number)
        for arm in ARMS
        for mine in [[who for who, why in missing if why == "not_done" and arm_of[who] == arm]]
        for number in (len(mine), len(set(mine)))
    ]
    assert sum(map(int, expected)) > 10
    assert rows_below(reasons_table(tables, LUNG), "Doses not given")["Not done"] == expected


def test_whoever_was_treated_ended_for_a_reason_or_goes_on(tables: Tables) -> None:
    ended = rows_below(reasons_table(tables, LUNG), "Treatment ended")
    causes = Counter(tables["treatment_discontinued"]["cause"])
    shown = {name: sum(int(text) for text in texts[::2]) for name, texts in ended.items()}
    assert shown == {name.replace("_", " ").capitalize(): n for name, n in causes.items()}


def test_nobody_treated_has_no_line() -> None:
    nobody = trial(Subject("a", first_dose=None))
    for table in (cycles_table, intensity_table, reasons_table):
        assert table(nobody, LUNG).rows == []
