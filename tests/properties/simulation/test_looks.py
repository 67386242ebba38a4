"""What a look finds is what was known on its day, worked out here patient by patient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from equipoise.simulation.endpoints import EndpointSimulation, endpoint_simulation
from equipoise.simulation.operating import OperatingRow, operating_characteristics, sums
from equipoise.simulation.scenario import load_scenario
from equipoise.statistics import trial_kernel as kernel
from equipoise.statistics.log_rank import log_rank
from equipoise.statistics.trial_draws import seed_key, trial_word
from equipoise.statistics.trial_tables import (
    ARM,
    LOOK_DAY,
    LOOK_KNOWN,
    LOOK_RANDOMISED,
    LOOKED,
)
from equipoise.statistics.trial_workspace import Workspace, workspace
from equipoise.study.load import load_study, study_path
from tests.harness.looking import with_looks

SEED = 8
RESPONSES = {
    "counted": "evaluable", "at": [20, 40, 60], "side": "greater", "alpha": "0.025",
    "efficacy": {"family": "pocock"}, "exact": "nominal_p",
    "futility": {"rule": "conditional_power", "threshold": "0.1", "under": "trend"},
}  # fmt: skip
TIMES = {
    "counted": "events", "information": ["0.5", "0.75", "1"], "full": 40, "side": "less",
    "alpha": "0.025", "efficacy": {"family": "obrien_fleming_like"},
    "futility": {
        "rule": "beta_spending", "family": "hwang_shih_decani", "parameter": "-2", "power": "0.8"
    },
}  # fmt: skip


def _simulation(analysis: str, interims: dict[str, Any]) -> EndpointSimulation:
    scenario = load_scenario(study_path("mgmt-net").parent, "planning")
    return endpoint_simulation(with_looks("mgmt-net", analysis, interims), scenario)


def _one_trial(simulation: EndpointSimulation, trial: int) -> tuple[np.ndarray, Workspace]:
    """A trial up to its end, by the cores as plain Python, and what it leaves of its patients."""
    out, work = np.zeros(simulation.tables.width), workspace(simulation.tables)
    with np.errstate(all="ignore"):
        word = trial_word(np.uint64(seed_key(SEED)), trial)
        assert kernel._trial(simulation.tables, word, work, out) > 0
    return out, work


def _look(simulation: EndpointSimulation, raw: np.ndarray, look: int) -> np.ndarray:
    looks = simulation.tables.looks
    return raw[looks.base + look * (LOOKED + looks.each) :][: LOOKED + looks.each]


@pytest.mark.parametrize("trial", [0, 1, 2])
def test_times_at_a_look_are_those_seen_by_its_day(trial: int) -> None:
    """Events up to the day on which the 20th, 30th and 40th is seen, everybody else censored."""
    simulation = _simulation("pfs_arms_deficient", TIMES)
    out, work = _one_trial(simulation, trial)
    raw = kernel.run_trials(simulation.tables, SEED, trial, 1)[0]
    tables, looks = simulation.tables, simulation.tables.looks
    assert looks.counts.tolist() == [20, 30, 40]
    who = work.who[: int(out[kernel.RANDOMISED])]
    on = work.on[who]
    status = work.values[tables.comparisons.status[looks.comparison], who]
    group = tables.comparisons.group[looks.comparison][status * tables.arms + work.values[ARM, who]]
    progression, death = work.days[:, who]
    assessed, alive = work.until[:, who]

    def seen(day: int | None) -> tuple[np.ndarray, np.ndarray]:
        until = assessed if day is None else np.minimum(assessed, day - on)
        known = alive if day is None else np.minimum(alive, day - on)
        progressed = np.where(progression <= until, progression, 10**6)
        died = np.where(death <= known, death, 10**6)
        first = np.minimum(progressed, died)
        watched = tables.watching
        scans = (until - watched.first) // watched.every
        censored = np.where(scans >= 0, watched.first + scans * watched.every, 1)
        return np.where(first < 10**6, first, np.maximum(censored, 1)), first < 10**6

    days, events = seen(None)
    calendar = np.sort((on + days)[events & (group >= 0)])
    for look, awaited in enumerate(looks.counts.tolist()):
        found = _look(simulation, raw, look)
        day = int(calendar[awaited - 1])
        assert found[LOOK_DAY] == day
        assert found[LOOK_RANDOMISED] == (on <= day).sum()
        days, events = seen(day)
        there = (on <= day) & (group >= 0)
        assert found[LOOK_KNOWN] == events[there].sum() >= awaited
        expected = log_rank(days[there], events[there], group[there])
        assert found[LOOKED + 4] == pytest.approx(
            expected.observed[0] - expected.expected[0], abs=1e-9
        )
        assert found[LOOKED : LOOKED + 2].tolist() == [(group[there] == g).sum() for g in (0, 1)]
        z = found[LOOKED + 4] / np.sqrt(found[LOOKED + 5])
        assert z == pytest.approx(expected.z, rel=1e-9)


@pytest.mark.parametrize("trial", [0, 1, 2])
def test_responses_at_a_look_are_those_whose_window_has_closed(trial: int) -> None:
    simulation = _simulation("primary", RESPONSES)
    out, work = _one_trial(simulation, trial)
    raw = kernel.run_trials(simulation.tables, SEED, trial, 1)[0]
    tables, looks = simulation.tables, simulation.tables.looks
    assert looks.known_after == 105
    who = work.who[: int(out[kernel.RANDOMISED])]
    final = work.on[who] + 105
    parents = [each for each in tables.tallies.parent[looks.table].tolist() if each >= 0]
    strides = tables.tallies.stride[looks.table].tolist()
    row = sum(work.values[p, who] * s for p, s in zip(parents, strides, strict=False))
    counted = np.sort(final[looks.member[row]])
    for look, awaited in enumerate(looks.counts.tolist()):
        found, day = _look(simulation, raw, look), int(counted[awaited - 1])
        assert found[LOOK_DAY] == day
        there = final <= day
        expected = np.bincount(row[there], minlength=looks.each)
        assert found[LOOKED:].tolist() == expected.tolist()
        assert found[LOOK_KNOWN] == looks.member[row[there]].sum() >= awaited


@pytest.mark.parametrize("trial", [0, 1])
def test_subjects_and_months_are_awaited_too(trial: int) -> None:
    """The 40th and the 80th who is randomised, and the end of the 18th month."""
    subjects = RESPONSES | {"counted": "subjects", "at": [40, 80, 104]}
    simulation = _simulation("primary", subjects)
    out, work = _one_trial(simulation, trial)
    raw = kernel.run_trials(simulation.tables, SEED, trial, 1)[0]
    on = np.sort(work.on[work.who[: int(out[kernel.RANDOMISED])]])
    for look, awaited in enumerate((40, 80)):
        found = _look(simulation, raw, look)
        assert found[LOOK_DAY] == on[awaited - 1]
        assert found[LOOK_RANDOMISED] == (on <= on[awaited - 1]).sum() >= awaited
    months = RESPONSES | {"counted": "months", "at": [18], "information": ["0.5", "1"]}
    simulation = _simulation("primary", months)
    raw = kernel.run_trials(simulation.tables, SEED, trial, 1)[0]
    found = _look(simulation, raw, 0)
    assert found[LOOK_DAY] == 547, "18 x 30.4375 days"
    assert found[LOOK_RANDOMISED] == (on <= 547).sum()


@pytest.mark.parametrize(
    ("analysis", "interims"), [("primary", RESPONSES), ("pfs_arms_deficient", TIMES)]
)
def test_looks_change_nothing_else(analysis: str, interims: dict[str, Any]) -> None:
    looked = _simulation(analysis, interims)
    scenario = load_scenario(study_path("mgmt-net").parent, "planning")
    plain = endpoint_simulation(load_study("mgmt-net"), scenario)
    one, other = plain.trials(SEED, 0, 300), looked.trials(SEED, 0, 300)
    assert looked.columns[: len(plain.columns)] == plain.columns
    assert np.ascontiguousarray(other[:, : len(plain.columns)]).tobytes() == one.tobytes()
    apart = np.vstack([looked.trials(SEED, first, 100, threads=2) for first in (0, 100, 200)])
    assert apart.tobytes() == other.tobytes()


@pytest.mark.parametrize(
    ("analysis", "interims"), [("primary", RESPONSES), ("pfs_arms_deficient", TIMES)]
)
def test_every_trial_ends_once(analysis: str, interims: dict[str, Any]) -> None:
    """Rejections are the stops for efficacy; who stops early is smaller and sooner done."""
    simulation = _simulation(analysis, interims)
    trials = simulation.trials(SEED, 0, 500)
    column = {name: trials[:, place] for place, name in enumerate(simulation.columns)}
    efficacy = sum(column[f"{analysis}/look {look}/stop_efficacy"] for look in (1, 2, 3))
    futility = sum(column[f"{analysis}/look {look}/stop_futility"] for look in (1, 2))
    early = sum(column[f"{analysis}/look {look}/stop_efficacy"] for look in (1, 2)) + futility
    assert (efficacy == column[f"{analysis}/interims/rejected"]).all()
    assert (early == column[f"{analysis}/interims/stopped"]).all()
    assert set((efficacy + futility).tolist()) <= {0.0, 1.0} and 0 < futility.sum() < 500
    ignored = column[f"{analysis}/interims/rejected_going_on"]
    assert (ignored >= efficacy).all()
    size, months = (column[f"{analysis}/interims/{each}"] for each in ("randomised", "months"))
    assert (size <= column["randomised"]).all() and (months <= column["duration_months"]).all()
    assert (months[early == 1] < column["duration_months"][early == 1]).all()
    rows: dict[tuple[str, str], OperatingRow] = {
        (row.measure, row.subject): row
        for row in operating_characteristics(simulation, sums(simulation, trials))
    }
    told = rows["stop_futility", f"{analysis}/look 1"]
    assert told.estimate == column[f"{analysis}/look 1/stop_futility"].mean()
    assert told.lower is not None and told.upper is not None
    assert told.lower < told.estimate < told.upper
    power = rows["power", f"{analysis}/interims"]
    assert power.estimate == efficacy.mean() and power.trials == 500
    assert rows["expected_size", f"{analysis}/interims"].estimate == pytest.approx(size.mean())
