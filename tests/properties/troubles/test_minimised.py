"""The bridge of trials that allocate by minimisation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.bridge import (
    STUDIES,
    assert_all_same,
    drawn,
    eventful,
    recorded_in_sqlite,
    scenario_of,
)

SUBJECTS = 24


@pytest.mark.slow
@pytest.mark.requirement("RN7")
@pytest.mark.parametrize("study", STUDIES)
def test_minimised(study: str, memory_path: Path) -> None:
    """By minimisation, amended to another coin: a new stream, and the old allocations stay."""
    scenario = eventful(scenario_of(study, "planning", SUBJECTS))
    rehearsal = drawn(study, scenario, 5, amended_on=35, minimising=True)
    assert set(rehearsal.tables["randomised"]["scheme_version"]) == {"1", "2"}
    assert_all_same([recorded_in_sqlite(rehearsal, memory_path)])
