"""What the record says of eligibility at allocation is what its events up to there give."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from equipoise.record.tables import tables
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.derivation import derive
from tests.harness.bridge import STUDIES, drawn, eventful, scenario_of, through_sqlite


@pytest.mark.slow
@pytest.mark.requirement("RN3")
@pytest.mark.parametrize("study", STUDIES)
def test_the_verdict_at_a_position_is_that_of_the_events_before(
    study: str, memory_path: Path
) -> None:
    rehearsal = drawn(study, eventful(scenario_of(study, "planning", 10)), 4, amended_on=35)
    log, keys, _ = through_sqlite(rehearsal, memory_path)
    with closing(log), closing(keys):
        events = log.read()
    versions = {each.study.version: each.study for each in rehearsal.versions}
    decided = [each for each in events if each.type in ("Randomised", "ScreeningFailed")]
    assert {each.type for each in decided} == {"Randomised", "ScreeningFailed"}
    for event in decided:
        before = [e for e in events if e.subject == event.subject and e.seq < event.seq]
        found = derive(tables(before, CATALOGUE), versions[event.study_version], upto="eligibility")
        row, body = found["eligibility"].row(0, named=True), json.loads(event.body)
        if event.type == "Randomised":
            assert (row["eligible"], row["pending"]) == (True, body["pending_criteria"])
        elif body["cause"] == "not_eligible":
            assert row["eligible"] is not True
            assert (row["unmet"], row["pending"]) == (body["criteria"], body["pending"])
        else:
            assert row["eligible"] is True
