"""A data cut is a day up to today and a position that the record has, under a name of its own."""

from __future__ import annotations

import datetime
import json
from typing import Any

import pytest

from equipoise.errors import BadInput, EquipoiseError, Refused
from tests.harness.trial import Trial


def body(trial: Trial, **changed: Any) -> dict[str, Any]:
    day = trial.today.isoformat()
    return {"cut_off": "DMC-1", "cut": day, "as_of": trial.log.head().seq, **changed}


@pytest.mark.requirement("CO4")
def test_a_cut_off_names_a_day_and_a_position(embedded: Trial) -> None:
    head = embedded.log.head().seq
    (event,) = embedded.act("CutOffDeclared", body(embedded, as_of=head), "statistician")
    assert (event.type, event.subject) == ("CutOffDeclared", None)
    with pytest.raises(EquipoiseError):
        embedded.act("CutOffDeclared", body(embedded), "data_manager")


@pytest.mark.requirement("CO4")
@pytest.mark.parametrize("as_of", [0, -1, 10**6])
def test_a_position_that_the_record_does_not_have_is_told(embedded: Trial, as_of: int) -> None:
    with pytest.raises(BadInput, match="an entry from 1 to"):
        embedded.act("CutOffDeclared", body(embedded, as_of=as_of), "data_manager")


@pytest.mark.requirement("CO4")
def test_a_day_to_come_is_told(embedded: Trial) -> None:
    later = (embedded.today + datetime.timedelta(1)).isoformat()
    with pytest.raises(BadInput, match="a day up to today"):
        embedded.act("CutOffDeclared", body(embedded, cut=later), "data_manager")


@pytest.mark.requirement("CO4", "RN2")
def test_analyses_run_at_a_cut_off_that_was_declared_by_arm_once_unblinded(embedded: Trial) -> None:
    with pytest.raises(BadInput, match="a cut-off that was declared"):
        embedded.act("AnalyseCutOff", {"cut_off": "DMC-1"}, "statistician")
    found = body(embedded)
    embedded.act("CutOffDeclared", found, "data_manager")
    told = []
    for _ in range(2):
        (event,) = embedded.act("AnalyseCutOff", {"cut_off": "DMC-1"}, "statistician")
        told.append(json.loads(event.body))
        embedded.act("PersonUnblinded", {"person": event.actor, "by": "chair"}, "data_manager")
    assert [each["by_arm"] for each in told] == [False, True]
    assert (told[0]["cut"], told[0]["as_of"]) == (found["cut"], found["as_of"])
    with pytest.raises(Refused):
        embedded.act("AnalyseCutOff", {"cut_off": "DMC-1"}, "data_manager")
