"""The table of readers: what another evaluator read otherwise, of what both have read."""

from __future__ import annotations

from decimal import Decimal

from equipoise.report.readers import reader_table
from equipoise.simulation.run import Version, rehearsed
from equipoise.simulation.scenario import SecondReader
from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from tests.harness.bridge import scenario_of

LUNG = load_study("lung-tmb")


def test_a_second_reader_in_a_rehearsal() -> None:
    """Of everybody: as many as were randomised, and some differences of each kind."""
    second = SecondReader(
        evaluator="independent", share=Decimal(1), spread=Decimal("0.2"), overlooks=Decimal("0.5")
    )
    scenario = scenario_of("lung-tmb", "planning", 40).model_copy(update={"second_reader": second})
    found = rehearsed([Version(0, LUNG)], scenario, 3, [0])
    table = reader_table(derive(found.tables, LUNG), LUNG)
    assert table is not None
    assert "Reading committee" in table.caption
    assert [each.text for each in table.heads[0]] == [
        "Both read", "Time points", "Best response", "Progression", "12 weeks"
    ]  # fmt: skip
    (row,) = table.rows
    assert row.heading == "Independent reader"
    both = int(row.texts[0])
    assert 30 < both <= 40
    differ, of = zip(*((int(n) for n in cell.split(" of ")) for cell in row.texts[1:]), strict=True)
    assert of[0] > both and of[1:3] == (both, both) and of[3] <= both
    assert all(0 < n < whole for n, whole in zip(differ, of, strict=True))


def test_no_table_without_a_second_reader() -> None:
    scenario = scenario_of("lung-tmb", "planning", 6).model_copy(update={"second_reader": None})
    found = rehearsed([Version(0, LUNG)], scenario, 3, [0])
    assert reader_table(derive(found.tables, LUNG), LUNG) is None
