"""First doses so late that the baseline scan is too old: treated all the same, and seen."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from equipoise.record.tables import tables
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.derivation import derive
from tests.harness.bridge import STUDIES, assert_same, drawn, scenario_of, through_sqlite


@pytest.mark.requirement("RN5")
@pytest.mark.parametrize("study", STUDIES)
def test_late_first_doses(study: str, tmp_path: Path) -> None:
    scenario = scenario_of(study, "planning", 6)
    late = scenario.enrolment.model_copy(update={"days_to_first_dose": (14, 40)})
    rehearsal = drawn(study, scenario.model_copy(update={"enrolment": late}), 3)
    log, keys, replay = through_sqlite(rehearsal, tmp_path)
    assert_same(rehearsal, log, replay)
    found = tables(log.read(), CATALOGUE)
    departed = found["deviation_recorded"].filter(category="not_eligible")["subject"]
    treated = found["cycle_started"]["subject"].unique()
    entry = derive(found, rehearsal.study, upto="entry_eligibility")["entry_eligibility"]
    unmet = entry.filter("differs", pl.col("subject").is_in(treated.implode()))["subject"]
    assert 0 < len(departed) < len(treated)
    assert sorted(departed) == sorted(unmet)
    log.close()
    keys.close()
