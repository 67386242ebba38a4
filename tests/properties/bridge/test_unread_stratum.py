"""Who cannot be read has a stratum of their own: the same in a rehearsal and in its record."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from equipoise.simulation.run import Version, rehearsed
from equipoise.study.checks import disagreements
from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from tests.harness.bridge import assert_same, scenario_of, through_sqlite, troubled
from tests.harness.unread import UNREAD, with_stratum, without_another_biopsy


@pytest.mark.requirement("BM1")
def test_the_stratum_of_those_who_cannot_be_read(tmp_path: Path) -> None:
    """Runs that fail often, in replicates: allocated as unread, and no stratum was a wrong one."""
    study = without_another_biopsy(with_stratum(load_study("lung-tmb")))
    assert not disagreements(study)
    scenario = troubled(scenario_of("lung-tmb", "planning", 16))
    rehearsal = rehearsed([Version(0, study)], scenario, 5, [0])
    allocated = rehearsal.tables["randomised"].filter(marker_status=UNREAD)["subject"]
    assert 2 < len(allocated) < 16
    derived = derive(rehearsal.tables, study)
    unread = derived["stratum"].filter(pl.col("subject").is_in(allocated.implode()))
    assert unread["differs"].to_list() == [False] * len(allocated)
    path = derived["marker_path"].filter(rule=study.biomarker.marker.rule_in_force)
    assert set(path.filter(pl.col("subject").is_in(allocated.implode()))["place"]) == {"ended"}
    log, keys, replay = through_sqlite(rehearsal, tmp_path)
    assert_same(rehearsal, log, replay)
    log.close()
    keys.close()
