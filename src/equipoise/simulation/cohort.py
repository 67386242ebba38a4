"""A synthetic cohort with published margins: nature draws, the rules decide, draws are selected.

Nothing is set. Statuses and failures take their places among the candidates by chance; dummy seeds
are tried until the live rule gives the published allocation. Then everything before allocation is
drawn many times, judged by the rules, and one draw is taken for each candidate; and so again with
everything after it. What one subject draws has no part in what the rules say of another, so that
the trial put together from these draws has the margins that were looked for, and is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from equipoise.errors import BadInput, RecordError
from equipoise.randomisation.plan import SITE
from equipoise.simulation.answers import Texts
from equipoise.simulation.cohort_margins import (
    baseline_margins,
    check_margins,
    course_margins,
    disagreements,
    subjects_of,
    times_of,
)
from equipoise.simulation.cohort_plan import CohortPlan
from equipoise.simulation.exchange import exchanged
from equipoise.simulation.margins import alike, chosen
from equipoise.simulation.nature import Bools, Draws, Ints, Nature
from equipoise.simulation.patients import arrivals
from equipoise.simulation.recruitment import allocations, verdicts
from equipoise.simulation.run import Rehearsal, Version, before_allocation, rehearsed
from equipoise.simulation.scenario import Scenario
from equipoise.statistics.random import dummy_seed, stream
from equipoise.study.definition import Study

FAILED = "failed"
"""The place of a candidate who is not randomised."""

MOST_SEEDS = 100_000
_AT_ONCE = 64
_COURSES_AT_ONCE = 50

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Cohort:
    """A trial that meets its margins; its only replicate is the number of the dummy seed, which
    was the first of `tries` to give the allocation."""

    rehearsal: Rehearsal
    replicate: int
    tries: int


def cohort(
    versions: Sequence[Version], scenario: Scenario, seed: int, *, say: Say = lambda text: None
) -> Cohort:
    """The cohort of a scenario under `seed`. `say` is told every step.

    Raises BadInput when the scenario has no margins, or no draws that meet them are found, and
    RecordError if the trial did not have the margins after all.
    """
    plan, study = scenario.cohort, versions[-1].study
    if plan is None:
        raise BadInput("margins to meet", where=f"scenario {scenario.name}", field="cohort")
    _check(versions, scenario, plan)
    place = _places(scenario, plan, seed)
    replicate, arm = _seeded(study, scenario, seed, place, plan)
    say(f"{replicate + 1} dummy seeds tried until the allocation rule gave {_in_words(plan)}")
    say(f"drawing {plan.screenings} screenings of {len(place)} candidates")
    screening = _screenings(versions, scenario, seed, replicate, place, arm, plan)
    course = _courses(versions, scenario, seed, replicate, screening, plan, say)
    drawn = _draws(seed, [0], [replicate], screening=screening, course=course)
    rehearsal = rehearsed(versions, scenario, seed, [replicate], drawn=drawn)
    if found := disagreements(rehearsal.entries, rehearsal.tables, study, plan):
        raise RecordError(
            "the cohort put together has other margins than its draws: " + "; ".join(found)
        )
    return Cohort(rehearsal, replicate, replicate + 1)


def _check(versions: Sequence[Version], scenario: Scenario, plan: CohortPlan) -> None:
    where = f"scenario {scenario.name}"
    if len(versions) > 1:
        raise BadInput("one study version: a cohort is not amended on its way", where=where)
    check_margins(versions[0].study, plan)
    scheme = versions[0].study.randomisation.scheme
    if others := [factor for factor in scheme.factors if factor != SITE]:
        raise BadInput(
            f"a scheme without factors that are asked at screening ({', '.join(others)})",
            where=where,
            field="cohort",
        )
    total = sum(each for arms in plan.as_randomised.values() for each in arms.values())
    if total != scenario.enrolment.randomise:
        raise BadInput(
            f"as many as enrolment.randomise, {scenario.enrolment.randomise}",
            where=where,
            field="cohort.as_randomised",
            found=total,
        )
    if scenario.enrolment.screen_at_most < total:
        raise BadInput(
            f"at least {total}, those to be randomised",
            where=where,
            field="enrolment.screen_at_most",
            found=scenario.enrolment.screen_at_most,
        )


def _in_words(plan: CohortPlan) -> str:
    return ", ".join(
        f"{status} {':'.join(str(each) for each in arms.values())}"
        for status, arms in plan.as_randomised.items()
    )


def _places(scenario: Scenario, plan: CohortPlan, seed: int) -> Texts:
    """The status, or FAILED, of each candidate in order of arrival; the last one is not FAILED."""
    places = [
        status for status, arms in plan.as_randomised.items() for _ in range(sum(arms.values()))
    ]
    places += [FAILED] * (scenario.enrolment.screen_at_most - len(places))
    random = stream(seed, "cohort/places", 0)
    while True:
        found: Texts = np.array(places, dtype=object)[random.permutation(len(places))]
        if found[-1] != FAILED:
            return found


def _seeded(
    study: Study, scenario: Scenario, seed: int, place: Texts, plan: CohortPlan
) -> tuple[int, Texts]:
    """The first replicate whose dummy seed gives the wanted allocation, and the arms."""
    people = arrivals(study, scenario, _draws(seed, [0], [0]))
    sites = np.array([site.code for site in study.sites], dtype=object)[people.site]
    for first in range(0, MOST_SEEDS, _AT_ONCE):
        tried = range(first, first + _AT_ONCE)
        shape = (len(tried), len(place))
        status: Texts = np.broadcast_to(place, shape)
        found = allocations(
            study,
            [dummy_seed(seed, replicate) for replicate in tried],
            np.broadcast_to(people.randomised[0], shape),
            status != FAILED,
            status,
            {
                factor: np.broadcast_to(sites[0], shape)
                for factor in study.randomisation.scheme.factors
            },
        )
        fits = np.ones(len(tried), dtype=np.bool_)
        for wanted, arms in plan.as_randomised.items():
            for arm, number in arms.items():
                both = (status == wanted) & (found.arm == arm)
                fits &= both.sum(axis=1) == number
        if fits.any():
            row = int(np.argmax(fits))
            return tried[row], found.arm[row]
    raise BadInput(
        f"an allocation that the rule gives for one of {MOST_SEEDS} dummy seeds",
        where=f"scenario {scenario.name}",
        field="cohort.as_randomised",
        found=_in_words(plan),
    )


def _draws(
    seed: int,
    replicates: Sequence[int],
    allocation: Sequence[int],
    *,
    screening: Ints | None = None,
    course: Ints | None = None,
) -> Draws:
    """Draws of `replicates`, all with the arrivals of replicate 0.

    `screening`, `course`: the replicate whose draw each candidate takes, the same in every trial.
    """
    number = len(replicates)

    def twins(chosen: Ints | None) -> Nature:
        if chosen is None:
            return Nature(seed, replicates)
        return Nature(seed, replicates, np.tile(chosen, (number, 1)))

    return Draws(
        seed,
        arrivals=Nature(seed, [0] * number),
        screening=twins(screening),
        course=twins(course),
        allocation=allocation,
    )


def _screenings(
    versions: Sequence[Version],
    scenario: Scenario,
    seed: int,
    replicate: int,
    place: Texts,
    arm: Texts,
    plan: CohortPlan,
) -> Ints:
    """The replicate whose draws before allocation each candidate takes."""
    replicates = range(plan.screenings)
    drawn = _draws(seed, replicates, [replicate] * plan.screenings)
    people, _, entries = before_allocation(versions, scenario, replicates, drawn)
    study = versions[-1].study
    judged = verdicts([each.study for each in versions], people, entries)
    allowed: Bools = np.where(judged.ready, judged.status, FAILED) == place
    margins = baseline_margins(entries, judged.status, arm, study, plan)
    return chosen(margins, allowed, stream(seed, "cohort/screening", 0))


def _courses(
    versions: Sequence[Version],
    scenario: Scenario,
    seed: int,
    replicate: int,
    screening: Ints,
    plan: CohortPlan,
    say: Say,
) -> Ints:
    """The replicate whose draws after allocation each candidate takes."""
    study, parts = versions[-1].study, []
    for first in range(0, plan.courses, _COURSES_AT_ONCE):
        replicates = range(first, min(first + _COURSES_AT_ONCE, plan.courses))
        say(f"drawing courses of disease {replicates.start + 1} to {replicates.stop}")
        drawn = _draws(seed, replicates, [replicate] * len(replicates), screening=screening)
        found = rehearsed(versions, scenario, seed, replicates, drawn=drawn)
        parts.append(subjects_of(found.tables, study))
    names = pl.Series(found.entries.subject_names[0].tolist(), dtype=pl.String)
    subjects = pl.concat(parts)
    say("choosing a course for each subject")
    margins = course_margins(subjects, names, study, plan)
    times = times_of(subjects, names, study, plan)
    allowed = np.ones((plan.courses, len(names)), dtype=np.bool_)
    random = stream(seed, "cohort/course", 0)
    pick = chosen(margins, allowed, random)
    return exchanged(times, alike(margins, allowed, pick), pick, random)
