"""Many trials at once: nature draws, the trial's own rules decide, in tables.

`rehearsed` follows the order of a real trial. Whenever something has to be decided (who is
eligible, which stratum, which arm, whether a tumour has progressed, which dose) it derives the
table from the entries so far by the same rules as `conduct`, and goes on from there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from equipoise.errors import BadInput
from equipoise.record.rule import KEY
from equipoise.record.tables import Tables
from equipoise.simulation.answers import Texts
from equipoise.simulation.assays import assayed
from equipoise.simulation.course import (
    contacted,
    deaths,
    ended,
    redetermined,
)
from equipoise.simulation.dosing import chosen_regimens, treated
from equipoise.simulation.entries import Entries, epoch_day
from equipoise.simulation.harms import enter_harms, harmed
from equipoise.simulation.laboratory import check_laboratory, declared
from equipoise.simulation.nature import DAYS_PER_MONTH, Bools, Draws, Ints, Nature, draws
from equipoise.simulation.pathology import reviewed
from equipoise.simulation.patients import People, arrivals, screening, visited
from equipoise.simulation.readings import (
    assessed,
    assessed_at_baseline,
    primary_reader,
    read_again,
)
from equipoise.simulation.recruitment import arranged, entered, places
from equipoise.simulation.scenario import Scenario
from equipoise.simulation.serious import notified, submitted
from equipoise.simulation.tumours import Scans, Tumours, baseline, courses
from equipoise.simulation.withdrawals import NEVER, left, withdrawals
from equipoise.study.definition import Study
from equipoise.study.derivation import derive, read_for


@dataclass(frozen=True, slots=True)
class Version:
    """A study version and the day (of the trial, from 0) on which it goes live at every site."""

    day: int
    study: Study


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """Simulated trials: their entries in order, and the event tables they make."""

    scenario: Scenario
    versions: tuple[Version, ...]
    seed: int
    entries: Entries
    tables: Tables

    @property
    def study(self) -> Study:
        """The last version: the one that the analysis names."""
        return self.versions[-1].study


def rehearsed(
    versions: Sequence[Version],
    scenario: Scenario,
    seed: int,
    replicates: Sequence[int],
    *,
    drawn: Draws | None = None,
    wanted: Collection[str] | None = None,
) -> Rehearsal:
    """The trials `replicates` of the scenario under `seed`, in event tables.

    A replicate is the same whatever the others it is drawn with. `drawn` are other draws than the
    replicates' own. A caller who names the tables `wanted` in the end is given, of what was
    entered, the tables and columns alone that the rules which lead there read; the same entries
    are drawn and decided. Raises BadInput when the scenario does not say how to draw what the
    study asks for.
    """
    drawn = draws(seed, replicates) if drawn is None else drawn
    people, tumours, entries = before_allocation(versions, scenario, replicates, drawn)
    studies, seeds = [each.study for each in versions], drawn.dummy_seeds
    arm, kept = entered(studies, scenario, seeds, people, entries)
    people.arm = arm
    cut = _cut(scenario, people, arm)
    _course(versions, scenario, drawn.course, people, tumours, arm, cut, entries)
    entries.limit(kept, cut)
    read = None if wanted is None else read_for(frozenset(wanted))
    return Rehearsal(scenario, tuple(versions), seed, entries, entries.tables(read))


def before_allocation(
    versions: Sequence[Version], scenario: Scenario, replicates: Sequence[int], drawn: Draws
) -> tuple[People, Tumours, Entries]:
    """Candidates, their tumours, and everything that is entered of them before it is decided who
    takes part."""
    _check(versions, scenario)
    nature, study = drawn.screening, versions[0].study
    people = arrivals(study, scenario, drawn)
    entries = _empty(versions, scenario, people, replicates)
    declared(scenario, entries)
    screening(study, scenario, nature, people, entries)
    assayed(study, scenario, nature, people, entries)
    tumours = baseline(study, scenario, nature, people)
    reader = primary_reader(study, nature, people)
    assessed_at_baseline(study, people, tumours, entries, reader)
    return people, tumours, entries


def _check(versions: Sequence[Version], scenario: Scenario) -> None:
    for version in versions:
        if version.study.id != scenario.study:
            raise BadInput(
                f"a scenario of the study {version.study.id}",
                where=f"scenario {scenario.name}",
                field="study",
                found=scenario.study,
            )
    study = versions[0].study
    if any(version.study.treatment != study.treatment for version in versions):
        raise BadInput(
            "the same treatment in every version: a rehearsal does not change it on the way",
            where=f"scenario {scenario.name}",
            field="treatment",
        )
    check_laboratory(study, scenario)
    _check_second_reader(study, scenario)
    marker = study.biomarker.marker
    unread = marker.path.status if marker.path else None
    statuses = {each.code for each in marker.statuses} - {unread}
    arms = {each.code for each in study.randomisation.arms}
    for name, known in (
        ("shrinkage", statuses),
        ("late_shrinkage", statuses if scenario.tumour.late_shrinkage else set()),
        ("progression_median_months", statuses),
    ):
        table: dict[str, dict[str, Any]] = getattr(scenario.tumour, name)
        for status in sorted(known):
            if set(table.get(status, ())) != arms:
                raise BadInput(
                    f"a number for each arm ({', '.join(sorted(arms))})",
                    where=f"scenario {scenario.name}",
                    field=f"tumour.{name}.{status}",
                    found=sorted(table.get(status, ())),
                )


def _check_second_reader(study: Study, scenario: Scenario) -> None:
    others = [
        each.code
        for each in study.response.evaluators
        if each.code != study.response.primary_evaluator
    ]
    second = scenario.second_reader
    if second is not None and second.evaluator not in others:
        raise BadInput(
            f"an evaluator of the study beside the primary one: {', '.join(others) or 'none'}",
            where=f"scenario {scenario.name}",
            field="second_reader.evaluator",
            found=second.evaluator,
        )


def _empty(
    versions: Sequence[Version], scenario: Scenario, people: People, replicates: Sequence[int]
) -> Entries:
    codes = np.array([site.code for site in versions[0].study.sites], dtype=object)
    sites = codes[people.site]
    numbers = np.array([f"-{n + 1:04d}" for n in range(sites.shape[1])], dtype=object)
    start = epoch_day(scenario.start)
    return Entries(
        replicates=replicates,
        hospitals=codes.tolist(),
        subject_names=sites + numbers,
        site_codes=sites,
        versions=[(start + each.day, each.study.version) for each in versions],
    )


def _cut(scenario: Scenario, people: People, arm: Texts) -> Ints:
    """The day on which each trial closes its data: follow-up after the last randomisation."""
    last = np.where(arm != None, people.randomised, 0).max(axis=1)  # noqa: E711
    cut: Ints = last + round(scenario.enrolment.follow_up_months * DAYS_PER_MONTH)
    return cut


def _course(
    versions: Sequence[Version],
    scenario: Scenario,
    nature: Nature,
    people: People,
    tumours: Tumours,
    arm: Texts,
    cut: Ints,
    entries: Entries,
) -> None:
    """Enter what happens after allocation; scans stop when the rule says progression."""
    study = versions[-1].study
    scans, begins = courses(study, scenario, nature, people, tumours, arm)
    death = deaths(scenario, nature, people, begins)
    leaving = withdrawals(scenario, nature, people, death, cut)
    seen = np.minimum(death, leaving.leaves)
    last = np.minimum(seen - 1, cut[:, None])
    wanted = scans.done & (arm != None)[..., None] & (scans.day <= last[..., None])  # noqa: E711
    progression = _progression(study, scenario, nature, people, tumours, scans, wanted, entries)
    wanted &= scans.day <= progression[..., None]
    reader = primary_reader(study, nature, people)
    assessed(study, scenario, nature, tumours, scans, entries, wanted, reader)
    read_again(study, scenario, nature, people, tumours, scans, entries, wanted)
    imaging = next(each for each in study.visits.visits if each.imaging and each.repeat_every)
    for scan in range(wanted.shape[2]):
        if wanted[:, :, scan].any():
            visited(
                study, scenario, nature, people, entries, imaging, scans.day[:, :, scan],
                wanted[:, :, scan], instance=scan + 1,
            )  # fmt: skip
    until = np.minimum(np.minimum(progression, seen), cut[:, None])
    treatable = np.minimum(until, leaving.stops)
    regimen = chosen_regimens(study, scenario, nature, people, arm, cut, entries)
    longest = _last_day(study, scenario, people, regimen, treatable)
    harms = harmed(scenario, nature, people, arm, longest)
    end, last_dose = treated(
        study, scenario, nature, people, regimen, harms, treatable, cut, entries
    )
    enter_harms(harms, np.minimum(end, treatable - 1), seen, entries)
    notified(study, scenario, nature, entries)
    submitted(study, scenario, nature, entries)
    ended(scenario, nature, people, arm, progression, end, death, cut, leaving, entries)
    left(study, leaving, arm, entries)
    contacted(study, arm, last_dose, death, cut, leaving, entries)
    _end_of_treatment(study, scenario, nature, people, arm, last_dose, until, entries)
    redetermined(study, scenario, nature, people, arm, leaving.leaves, entries)
    reviewed(study, scenario, nature, people, arm, leaving.leaves, entries)


def _last_day(study: Study, scenario: Scenario, people: People, regimen: Ints, until: Ints) -> Ints:
    """The last day of treatment if nothing is put off: harms begin by then."""
    lengths = np.array([*(each.cycle_days for each in study.treatment.regimens), 0])
    whole = people.first_dose + scenario.treatment.cycles_at_most * lengths[regimen]
    last: Ints = np.minimum(whole, until)
    return last


def _end_of_treatment(
    study: Study,
    scenario: Scenario,
    nature: Nature,
    people: People,
    arm: Texts,
    last_dose: Ints,
    until: Ints,
    entries: Entries,
) -> None:
    for visit in study.visits.visits:
        if visit.anchor == "last_dose" and not visit.contact:
            day = last_dose + visit.day
            mask = (arm != None) & (day < until)  # noqa: E711
            visited(study, scenario, nature, people, entries, visit, day, mask)


def _progression(
    study: Study,
    scenario: Scenario,
    nature: Nature,
    people: People,
    tumours: Tumours,
    scans: Scans,
    wanted: Bools,
    entries: Entries,
) -> Ints:
    """The day on which the rule, given every scan, shows progression; NEVER where it does not.

    That is when it is known: a new lesion that was equivocal before may date it back.
    """
    name = "time_point_response"
    trial = entries.only("LesionIdentified", "TumourAssessed", "Randomised", "SubjectScreened")
    reader = primary_reader(study, nature, people)
    assessed(study, scenario, nature, tumours, scans, trial, wanted, reader)
    tables = trial.tables(read_for(frozenset([name])))
    found = derive(tables, study, upto=name)[name]
    shown = (
        found.filter(evaluator=study.response.primary_evaluator, overall_response="PD")
        .group_by(*KEY)
        .agg(pl.col("occurred").min().cast(pl.Int32).cast(pl.Int64))
    )
    day = arranged(shown, "occurred", places(entries), people.screened.shape)
    return np.where(day == None, NEVER, day).astype(np.int64)  # noqa: E711
