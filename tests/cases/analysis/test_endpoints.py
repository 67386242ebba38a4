"""Yes/no end points and times to an event, case by case."""

from __future__ import annotations

import datetime
from typing import Any

import polars as pl
import pytest

from equipoise.analysis.binary import binary_value as valued
from equipoise.analysis.endpoints import start_of
from equipoise.analysis.endpoints import time_to_event as timed
from equipoise.analysis.observed import Observed
from equipoise.randomisation.rules import RULES as RANDOMISATION
from equipoise.record.rule import Tables
from equipoise.response.rules import RULES as RESPONSE
from equipoise.study.analysis_plan import BinaryEndPoint, TimeToEventEndPoint
from equipoise.study.censoring import Handling
from equipoise.study.definition import Study
from tests.harness.hand_made import DAY_0, Subject, day, trial
from tests.harness.hand_made_study import TWO_BY_TWO, study
from tests.harness.history import tables_of
from tests.harness.tumour import Course, Scan, entries

NO_HANDLING = Handling()
STUDY = study(TWO_BY_TWO)


def binary_value(
    tables: Tables, end_point: BinaryEndPoint, handling: Handling = NO_HANDLING, by: Study = STUDY
) -> pl.DataFrame:
    return valued(tables, by, end_point, handling)


def time_to_event(
    tables: Tables, end_point: TimeToEventEndPoint, handling: Handling = NO_HANDLING, **told: Any
) -> pl.DataFrame:
    observed = Observed(tables, STUDY.analysis, STUDY.visits, "CENTRAL")
    return timed(observed, end_point, handling, start_of(observed, end_point), **told)


def binary(**changes: Any) -> BinaryEndPoint:
    given = {
        "code": "response", "label": {"en": "Response"}, "kind": "binary",
        "read": "response_window", "window": "month_3", "denominator": "evaluable",
    }  # fmt: skip
    return BinaryEndPoint.model_validate(given | changes)


def times(**changes: Any) -> TimeToEventEndPoint:
    given = {
        "code": "pfs", "label": {"en": "Progression-free survival"}, "kind": "time_to_event",
        "start": "randomisation", "events": ("progression", "death"),
        "censor_at": "last_adequate_assessment",
        "partial_dates": {"death": {"method": "earliest"}},
    }  # fmt: skip
    return TimeToEventEndPoint.model_validate(given | changes)


def pfs(subject: Subject, cut: datetime.date | None = None, **changes: Any) -> dict[str, Any]:
    found = time_to_event(trial(subject), times(**changes), cut=cut)
    assert len(found) == 1
    return found.row(0, named=True)


@pytest.mark.parametrize(
    ("response", "value"),
    [("CR", True), ("PR", True), ("SD", False), ("PD", False), ("DEATH", False), ("NE", None)],
)
def test_response_in_a_window(response: str, value: bool | None) -> None:
    found = binary_value(trial(Subject("a", response=response)), binary())
    assert found["value"].to_list() == [value]
    assert found["response"].to_list() == [response]


def test_disease_control_is_the_same_engine_with_other_codes() -> None:
    tables = trial(Subject("a", response="SD"), Subject("b", response="PD"))
    control = binary_value(tables, binary(responses=("CR", "PR", "SD")))
    assert control["value"].to_list() == [True, False]


@pytest.mark.parametrize(("best", "value"), [("PR", True), ("SD", False), ("NE", None)])
def test_best_overall_response(best: str, value: bool | None) -> None:
    end_point = binary(read="best_overall_response", window=None)
    found = binary_value(trial(Subject("a", best=best)), end_point)
    assert found["value"].to_list() == [value]


@pytest.mark.parametrize(
    ("sizes", "best", "confirmed", "control"),
    [
        ((30, 15, 15), "PR", True, True),
        ((30, 15, 27), "PR", False, True),
        ((30, 15, 40), "PR", False, True),
        ((30, 15, 0), "CR", True, True),
        ((30, 0, 0), "CR", True, True),
    ],
    ids=[
        "PR twice", "PR once", "PR then PD: stable disease, as it lasted",
        "PR then CR: the PR is confirmed, the CR is not", "CR twice",
    ],
)  # fmt: skip
def test_a_confirmed_response(
    sizes: tuple[int, ...], best: str, confirmed: bool, control: bool
) -> None:
    """Stable disease needs no confirmation (RECIST 1.1, table 3): it is control of the disease."""
    whole = study(TWO_BY_TWO).response
    scans = tuple(
        Scan(90 * place - 10, {"L1": str(size) if size else "absent"}, baseline=place == 0)
        for place, size in enumerate(sizes)
    )
    course = Course({"L1": "target"}, scans)
    tables = dict(tables_of(entries(course, "CENTRAL"), subject="a"))
    allocation = next(rule for rule in RANDOMISATION if rule.produces == "allocation")
    for rule in (allocation, *RESPONSE):
        plan = whole if rule.plan == "response" else study(TWO_BY_TWO).randomisation
        tables[rule.produces] = rule.rule(tables, plan)
    end_point = binary(read="best_overall_response", window=None)
    found = binary_value(tables, end_point)
    assert found.select("value", "response").rows() == [(True, best)]
    again = binary_value(tables, end_point.model_copy(update={"confirmed": True}))
    assert again["value"].to_list() == [confirmed]
    wider = {"confirmed": True, "responses": ("CR", "PR", "SD")}
    again = binary_value(tables, end_point.model_copy(update=wider))
    assert again["value"].to_list() == [control]


def test_who_was_never_read_is_not_evaluable_and_who_was_not_randomised_is_absent() -> None:
    tables = trial(
        Subject("a", response=None), Subject("b", arm=None, first_dose=None, failure="declined")
    )
    found = binary_value(tables, binary())
    assert found.select("subject", "value", "sources").rows() == [("a", None, [])]


def test_another_reader_does_not_count() -> None:
    local = STUDY.response.model_copy(update={"primary_evaluator": "LOCAL"})
    by = STUDY.model_copy(update={"response": local})
    found = binary_value(trial(Subject("a", response="CR")), binary(), by=by)
    assert found["value"].to_list() == [None]


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        (Subject("a", progression=91, assessed=91), (92, True, "progression")),
        (Subject("a", progression=91, assessed=91, death=200), (92, True, "progression")),
        (Subject("a", death=50, assessed=None), (51, True, "death")),
        (Subject("a", progression=50, death=50, assessed=50), (51, True, "progression")),
        (Subject("a", assessed=182, alive=400), (183, False, "last_adequate_assessment")),
        (Subject("a", assessed=None, alive=400), (1, False, "no_baseline")),
        (Subject("a", assessed=-7, alive=400, baseline=-7), (1, False, "not_assessed")),
        (Subject("a", death=0, assessed=None, alive=0), (1, True, "death")),
    ],
    ids=[
        "progression", "progression before death", "early death without an assessment",
        "both on one day", "censored at the last assessment", "alive and never assessed",
        "a baseline scan alone", "death on the day of randomisation",
    ],
)  # fmt: skip
def test_progression_free_survival(subject: Subject, expected: tuple[int, bool, str]) -> None:
    found = pfs(subject)
    assert (found["time_days"], found["event"], found["reason"]) == expected


def test_the_day_of_the_end_is_told() -> None:
    assert pfs(Subject("a", progression=91))["occurred"] == day(91)
    assert pfs(Subject("a", assessed=None))["occurred"] == DAY_0


def test_survival_is_censored_when_last_known_alive() -> None:
    change = {"events": ("death",), "censor_at": "last_known_alive", "start": "first_dose"}
    found = pfs(Subject("a", first_dose=3, alive=100, progression=20), **change)
    assert (found["time_days"], found["event"], found["reason"]) == (98, False, "last_known_alive")


def test_who_never_started_has_no_time() -> None:
    tables = trial(Subject("a", first_dose=None))
    assert time_to_event(tables, times(start="first_dose")).is_empty()


@pytest.mark.parametrize(
    ("text", "alive", "expected"),
    [
        ("2021-03", 10, datetime.date(2021, 3, 1)),
        ("2021-03", 70, day(70)),
        ("2021", 10, day(10)),
        ("date unknown", 33, day(33)),
    ],
)
def test_a_partly_known_day_of_death_is_imputed_as_early_as_it_can_be(
    text: str, alive: int, expected: datetime.date
) -> None:
    """DT1: the earliest possible day, not before the subject was last known to be alive."""
    found = pfs(Subject("a", death_text=text, alive=alive, assessed=None))
    assert (found["event"], found["reason"]) == (True, "death_imputed")
    assert found["occurred"] == expected


def test_after_the_cut_nothing_has_happened_and_nobody_is_observed() -> None:
    late = Subject("a", progression=300, assessed=150, alive=400)
    found = pfs(late, cut=day(200))
    assert (found["event"], found["occurred"]) == (False, day(150))
    assert pfs(late, cut=day(300))["event"] is True
    tables = trial(late)
    before = DAY_0 - datetime.timedelta(days=1)
    assert time_to_event(tables, times(), cut=before).is_empty()


@pytest.mark.parametrize("method", ["earliest", "middle", "latest"])
def test_a_death_that_is_imputed_is_never_later_than_the_cut(method: str) -> None:
    """It is known to have happened by then, whatever day is put in for it."""
    change = {"partial_dates": {"death": {"method": method}}, "events": ("death",)}
    subject = Subject("a", death_text="2021-03", alive=10, assessed=None)
    found = pfs(subject, cut=datetime.date(2021, 3, 5), **change)
    assert (found["event"], found["reason"]) == (True, "death_imputed")
    expected = datetime.date(2021, 3, 1 if method == "earliest" else 5)
    assert found["occurred"] == expected


def test_sources_are_the_start_and_what_ended_the_time() -> None:
    tables = trial(Subject("a", progression=91, death=200))
    found = time_to_event(tables, times())["sources"].to_list()[0]
    scan = tables["tumour_assessed"]["seq"].to_list()
    start = tables["randomised"]["seq"].to_list()
    assert found == sorted(start + scan)
    died = time_to_event(tables, times(events=("death",)))["sources"].to_list()[0]
    assert died == sorted(start + tables["death_recorded"]["seq"].to_list())


def test_a_batch_without_sources_has_the_same_times() -> None:
    tables = trial(Subject("a", progression=91), Subject("b", death_text="2021"), Subject("c"))
    whole = time_to_event(tables, times())
    bare = time_to_event(tables, times(), with_sources=False)
    assert bare.equals(whole.drop("sources"))


def test_empty_tables_give_empty_tables_of_the_same_kind() -> None:
    full, none = trial(Subject("a")), trial()
    for end_point in (times(), times(events=("death",), censor_at="last_known_alive")):
        found = time_to_event(none, end_point)
        assert found.is_empty()
        assert found.schema == time_to_event(full, end_point).schema
    assert binary_value(none, binary()).schema == pl.Schema(binary_value(full, binary()).schema)
