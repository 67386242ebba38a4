"""The visits of drawn trials stand where the study's schedule has them.

What a patient does is drawn, when a visit is due is not: a cycle that is put off takes its visit
along, and the visit at which it was put off is outside the schedule.
"""

from __future__ import annotations

import polars as pl
import pytest

from equipoise.study.derivation import derive
from tests.harness.bridge import drawn, scenario_of


@pytest.mark.parametrize("name", ["mgmt-net", "lung-tmb"])
def test_the_visit_of_a_cycle_is_on_the_day_on_which_it_began(name: str) -> None:
    rehearsal = drawn(name, scenario_of(name, "planning", 60), 4)
    tables = derive(rehearsal.tables, rehearsal.study)
    cycle = next(each for each in rehearsal.study.visits.visits if each.anchor == "cycle")
    visits = tables["visit_timeline"].filter(visit=cycle.code)
    assert set(visits["state"]) == {"done", "unscheduled"}
    done = visits.filter(state="done")
    assert (done["target"] == done["actual"]).all()
    begun = tables["cycle_started"].filter(pl.col("cycle") >= cycle.first_cycle)
    assert len(done) == len(begun)


@pytest.mark.parametrize("name", ["mgmt-net", "lung-tmb"])
def test_a_visit_after_the_last_dose_is_counted_from_it(name: str) -> None:
    rehearsal = drawn(name, scenario_of(name, "planning", 60), 4)
    tables = derive(rehearsal.tables, rehearsal.study)
    codes = [each.code for each in rehearsal.study.visits.visits if each.anchor == "last_dose"]
    visits = tables["visit_timeline"].filter(pl.col("visit").is_in(codes))
    assert set(visits["state"]).isdisjoint({"early", "late"})
