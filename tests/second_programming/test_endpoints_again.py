"""End points from two programmers: the engine beside a programming from its description in words.

Compared row by row: of times to an event the time, whether it is an event, the reason, the rule
that decided, the day, and the interval in which the event lies; of yes/no end points the value and
the response that decided. Not compared: `sources`. Best responses, windows and progression that
the engine takes from other rules have second programs of their own.
"""

from __future__ import annotations

import datetime
import functools
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
import pytest

from equipoise.analysis.cut import data_cut
from equipoise.analysis.subjects import end_point_tables
from equipoise.simulation.run import Version, rehearsed
from equipoise.study.analysis_plan import IntercurrentEvent
from equipoise.study.definition import Study
from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from tests.harness.bridge import STUDIES, scenario_of, troubled
from tests.second_programming.end_point_histories import cut_and_derived, end_point_histories
from tests.second_programming.end_point_plans import (
    random_end_points,
    random_schedule,
    with_end_points,
)
from tests.second_programming.endpoints_compared import (
    differences,
    observations,
    programmed_again,
)
from tests.second_programming.lesion_histories import Writer, day_of, tables_of_rows

SUBJECTS = 160
"""Random subjects of each study."""

END_POINTS = 60
"""Random end points of each study."""

CUTS = (None, datetime.date(2023, 12, 1), datetime.date(2023, 6, 7))
READ = ("disposition", "allocation", "best_overall_response", "window_response")
REASONS = {
    "progression", "death", "death_imputed", "treatment_discontinuation", "switch_of_therapy",
    "prrt", "surgery_on_tumour", "before_switch_of_therapy", "before_treatment_discontinuation",
    "before_surgery_on_tumour", "before_prrt", "before_death", "after_missed_assessments",
    "last_adequate_assessment", "last_known_alive", "not_assessed", "no_baseline",
    "True", "False", "None",
}  # fmt: skip


@functools.cache
def _planned(code: str, schedule: str = "bundled") -> Study:
    """A bundled study, perhaps with another schedule, with random end points instead of its own."""
    draw, study = random.Random(f"{code} plans"), load_study(code)
    study = study if schedule == "bundled" else random_schedule(draw, study)
    return random_end_points(draw, study, END_POINTS)


@functools.cache
def _random(code: str, undated: float) -> dict[str, pl.DataFrame]:
    draw = random.Random(f"{code} {undated}")
    return end_point_histories(draw, SUBJECTS, load_study(code), undated)


@pytest.mark.requirement("ES1")
@pytest.mark.parametrize(("scenario", "trials"), [("planning", 1), ("troubled", 2)])
@pytest.mark.parametrize("code", STUDIES)
def test_simulated_trials(code: str, scenario: str, trials: int) -> None:
    """Every estimand of the bundled studies, and random end points, with and without a cut."""
    drawn = scenario_of(code, "planning")
    drawn = troubled(drawn) if scenario == "troubled" else drawn
    study = load_study(code)
    events = rehearsed([Version(0, study)], drawn, 61, range(trials)).tables
    days = events["randomised"]["occurred"]
    for cut in (None, days.sort()[len(days) // 2] + datetime.timedelta(days=180)):
        tables = dict(events) if cut is None else data_cut(events, cut)
        for table in READ:
            tables = derive(tables, study, upto=table)
        for each in (study, _planned(code)):
            rows, said = differences(tables, each, cut)
            assert not said
            assert sum(rows.values()) > 300


@pytest.mark.requirement("ES1")
@pytest.mark.parametrize(
    ("schedule", "cut"), [*(("bundled", cut) for cut in CUTS), ("random", None)]
)
@pytest.mark.parametrize("code", STUDIES)
def test_random_histories(code: str, schedule: str, cut: datetime.date | None) -> None:
    study = _planned(code, schedule)
    rows, said = differences(cut_and_derived(_random(code, 0), study, cut), study, cut)
    assert not said
    assert sum(rows.values()) > SUBJECTS * END_POINTS / 2


@pytest.mark.parametrize("code", STUDIES)
def test_assessments_without_a_day(code: str) -> None:
    study = _planned(code)
    rows, said = differences(cut_and_derived(_random(code, 0.06), study, None), study)
    assert not said
    assert sum(rows.values()) > SUBJECTS * END_POINTS / 2


def test_every_reason_was_compared() -> None:
    rows: Counter[str] = Counter()
    for code in STUDIES:
        tables = cut_and_derived(_random(code, 0), _planned(code), CUTS[1])
        for (_, reason), number in differences(tables, _planned(code), CUTS[1])[0].items():
            rows[reason] += number
    assert {reason for reason, number in rows.items() if number >= 5} >= REASONS


@pytest.mark.parametrize(
    "change",
    [
        {"rule_set": "fda_2018", "rules": ()},
        {"rule_set": None, "rules": ()},
        {"censor_at": "last_known_alive"},
        {"events": ("death", "progression")},
        {"start": "first_dose"},
        {"discontinuation_causes": ("completed",)},
    ],
)
def test_another_end_point_is_seen(change: Mapping[str, Any]) -> None:
    """The comparison can fail: an engine that read an end point otherwise would be found."""
    study = _planned("mgmt-net")
    histories = end_point_histories(random.Random(3), 50, study)
    tables = cut_and_derived(histories, study, None)
    changed = tuple(
        each.model_copy(update=change) if each.kind == "time_to_event" else each
        for each in study.analysis.end_points
    )
    other = with_end_points(study, list(zip(changed, study.analysis.estimands, strict=True)))
    subjects = observations(tables, study)
    found = [
        programmed_again(subjects, each, estimand)
        for each in (study, other)
        for estimand in study.analysis.estimands
    ]
    assert found[:END_POINTS] != found[END_POINTS:]


def _value(study: Study, tables: Mapping[str, pl.DataFrame]) -> bool | None:
    value: bool | None = end_point_tables(dict(tables), study)["x"]["value"].to_list()[0]
    return value


def _yes_or_no(
    read: str, strategies: Mapping[str, str], responses: Sequence[str], *, confirmed: bool = False
) -> Study:
    """The second study with one yes/no end point, x."""
    study = load_study("lung-tmb")
    end_point = next(
        each for each in study.analysis.end_points if getattr(each, "read", None) == read
    )
    changed = {"code": "x", "responses": tuple(responses), "confirmed": confirmed}
    listed = tuple(
        IntercurrentEvent.model_validate({"event": name, "strategy": strategy, "handling": ""})
        for name, strategy in strategies.items()
    )
    estimand = study.analysis.estimands[0].model_copy(
        update={"code": "x", "end_point": "x", "intercurrent_events": listed}
    )
    return with_end_points(study, [(end_point.model_copy(update=changed), estimand)])


@pytest.mark.parametrize("strategy", ["while_on_treatment", "hypothetical"])
def test_death_in_the_window_after_a_new_therapy(strategy: str) -> None:
    """Composite: death until the window's last day is non-response, whatever came before it."""
    strategies = {
        "death": "composite", "early_progression": "composite", "missing_scan": "hypothetical",
        "switch_of_therapy": strategy,
    }  # fmt: skip
    study = _yes_or_no("response_window", strategies, ("CR", "PR"))
    rows: dict[str, list[dict[str, Any]]] = {}
    writer = Writer("01-00001", rows)
    writer.event("subject_screened", day_of(-7))
    writer.event("randomised", day_of(0), arm="A", stratum="all", scheme="main")
    writer.event("subsequent_therapy_recorded", day_of(34), entry="S1", therapy="systemic")
    writer.event("death_recorded", day_of(77), cause="disease")
    tables = tables_of_rows(rows)
    for table in READ:
        tables = derive(tables, study, upto=table)
    again = programmed_again(observations(tables, study), study, study.analysis.estimands[0])
    assert [row["value"] for row in again] == [False]
    assert _value(study, tables) is False
