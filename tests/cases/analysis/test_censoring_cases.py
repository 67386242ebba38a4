"""Times to an event under the rules of the FDA, of the EMA, and of a study's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from ruamel.yaml import YAML

from equipoise.analysis.endpoints import start_of, time_to_event
from equipoise.analysis.observed import Observed
from equipoise.record.rule import Tables
from equipoise.study.analysis_plan import TimeToEventEndPoint
from equipoise.study.censoring import Handling, rules_of
from equipoise.study.load import load_study
from tests.harness.hand_made import Subject, Trial, day

STUDY = load_study("mgmt-net")
CASES = YAML(typ="safe").load(Path(__file__).with_name("censoring.yaml").read_text("utf-8"))


def _cases() -> Iterator[Any]:
    for group, told in CASES.items():
        for case in told["cases"]:
            shared = {name: each for name, each in told.items() if name != "cases"}
            yield pytest.param(shared | case, id=f"{group}: {case['says']}")


@pytest.mark.parametrize("case", list(_cases()))
def test_time(case: dict[str, Any]) -> None:
    end_point = TimeToEventEndPoint.model_validate(
        {
            "code": "pfs", "label": {"en": "Time"}, "kind": "time_to_event",
            "start": "response" if "response" in case else "randomisation",
            "events": case["events"], "censor_at": case["censor_at"],
            "rule_set": case.get("rules"), "rules": case.get("own", ()),
            "partial_dates": {"death": {"method": "earliest"}},
        }
    )  # fmt: skip
    strategies = {event: rule.strategy for event, rule in rules_of(end_point).items()}
    found = _timed(_tables(case), end_point, Handling(tuple(sorted(strategies.items()))), case)
    assert found.select("time_days", "event", "reason", "rule").row(0) == tuple(case["expected"])


def _timed(
    tables: Tables, end_point: TimeToEventEndPoint, handling: Handling, case: dict[str, Any]
) -> pl.DataFrame:
    observed = Observed(tables, STUDY.analysis, STUDY.visits, "CENTRAL")
    first = {"replicate": [0], "subject": ["a"], "sources": [[1]]}
    responses = pl.DataFrame(
        first | {"occurred": [day(case.get("response"))]},
        schema_overrides={"replicate": pl.Int32, "occurred": pl.Date},
    )
    return time_to_event(observed, end_point, handling, start_of(observed, end_point, responses))


def _tables(case: dict[str, Any]) -> Tables:
    """The tables of one patient with the history of `case`."""
    known = [*case["scans"], *case.get("therapies", ()), *case.get("stopped", ())]
    alive = case.get("alive", case.get("death", max(known, default=0)))
    subject = Subject("a", assessed=None, death=case.get("death"), alive=alive, baseline=-7)
    made = Trial()
    made.add(subject)
    for number, therapy in case.get("therapies", {}).items():
        made.event("subsequent_therapy_recorded", subject, number, therapy=therapy)
    for number, procedure in case.get("procedures", {}).items():
        made.event("procedure_recorded", subject, number, procedure=procedure)
    for number, cause in case.get("stopped", {}).items():
        made.event("treatment_discontinued", subject, number, cause=cause)
    scans = list(case["scans"].items())
    for order, (number, response) in enumerate(scans):
        made.derived(
            "time_point_response", subject, [1], evaluator="CENTRAL", assessment=f"A{order}",
            occurred=day(number), order=order, overall_response=response,
        )  # fmt: skip
    seen = [order for order, (_, response) in enumerate(scans) if response == "PD"]
    first = seen[0] if seen else None
    made.rows["progression"] = []
    made.derived(
        "progression", subject, [1], evaluator="CENTRAL", progressed=first is not None,
        progression=None if first is None else day(scans[first][0]), progression_order=first,
    )  # fmt: skip
    return made.tables()
