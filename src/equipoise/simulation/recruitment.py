"""Who enters and who gets which arm, in many trials at once, by the trial's own rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from equipoise.biomarker.path import standing_on
from equipoise.eligibility.events import EligibilityConfirmed
from equipoise.randomisation.events import FactorLevel, Randomised
from equipoise.randomisation.plan import SITE
from equipoise.randomisation.rules import allocated_batch, numbered, sealed_words, stratum_of
from equipoise.record.rule import KEY
from equipoise.record.subject_rows import dates
from equipoise.simulation.answers import Texts
from equipoise.simulation.entries import Entries
from equipoise.simulation.nature import Bools, Ints
from equipoise.simulation.patients import People
from equipoise.simulation.scenario import Scenario
from equipoise.simulation.withdrawals import NEVER
from equipoise.statistics.allocation import NO_ARM
from equipoise.study.definition import Study
from equipoise.study.derivation import derive, read_for
from equipoise.visits.events import ScreeningFailed


def entered(
    studies: Sequence[Study],
    scenario: Scenario,
    seeds: Sequence[bytes],
    people: People,
    entries: Entries,
) -> tuple[Texts, Ints]:
    """Judge, allocate by the trials' `seeds`, and enter: each candidate's arm, and how many
    candidates were screened."""
    judged = verdicts(studies, people, entries)
    eligible, kind, ready = judged.eligible, judged.kind, judged.ready
    reached = np.cumsum(ready, axis=1)
    wanted = scenario.enrolment.randomise
    size = ready.shape[1]
    full = reached[:, -1] >= wanted
    kept = np.where(full, (reached < wanted).sum(axis=1) + 1, size)
    inside = np.arange(size) < kept[:, None]
    ready &= inside
    arm: Texts = np.full(ready.shape, None, dtype=object)
    for position, study in enumerate(studies):
        mine = ready & (kind == position)
        _allocate(study, seeds, people, entries, mine, judged, arm)
    failed = inside & ~ready
    replicate, subject = np.nonzero(failed)
    cause = np.where(eligible[failed], "no_marker_status", "not_eligible").astype(object)
    items = {
        "cause": cause,
        "criteria": _listed(judged.unmet[failed], ~eligible[failed]),
        "pending": _listed(judged.pending[failed], ~eligible[failed]),
    }
    entries.add(ScreeningFailed, replicate, subject, people.randomised[failed], items)
    return arm, kept


def _listed(names: Texts, where: Bools) -> pl.Series:
    """Lists of names as a column, each empty but where `where` is set."""
    lists = [each if kept else [] for each, kept in zip(names, where, strict=True)]
    return pl.Series(lists, dtype=pl.List(pl.String))


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What the rules say of every candidate on the day of allocation, by the version in force.

    `unmet` and `pending` are lists of criteria; `kind` is the position of the version.
    """

    eligible: Bools
    unmet: Texts
    pending: Texts
    status: Texts
    factors: dict[str, Texts]
    kind: Ints

    @property
    def ready(self) -> Bools:
        """Who can be allocated: eligible, with a marker status."""
        found: Bools = self.eligible & (self.status != None)  # noqa: E711
        return found


_JUDGED = frozenset(("eligibility", "marker_path", "subject_item"))
"""What is derived to decide who is allocated, and as what."""


def verdicts(studies: Sequence[Study], people: People, entries: Entries) -> Verdicts:
    """What the rules say of every candidate who came so far."""
    shape = people.screened.shape
    starts = np.array([day for day, _ in entries.versions])
    kind = (np.searchsorted(starts, people.randomised, side="right") - 1).clip(0)
    eligible = np.zeros(shape, dtype=bool)
    status: Texts = np.full(shape, None, dtype=object)
    unmet: Texts = np.full(shape, None, dtype=object)
    pending: Texts = np.full(shape, None, dtype=object)
    factors: dict[str, Texts] = {}
    tables = entries.tables(read_for(_JUDGED), corrected=False)
    judged = {**tables, "randomised": _as_if(people, entries)}
    place = places(entries)
    for position, study in enumerate(studies):
        derived = derive(judged, study, upto="eligibility")
        verdict = arranged(derived["eligibility"], "eligible", place, shape)
        rule = study.biomarker.marker.rule_in_force
        path = derive(tables, study, upto="marker_path")["marker_path"].filter(rule=rule)
        found = standing_on(path, _days(path, place, people), study.biomarker)
        mine = kind == position
        eligible[mine] = (verdict == True)[mine]  # noqa: E712
        unmet[mine] = arranged(derived["eligibility"], "unmet", place, shape)[mine]
        pending[mine] = arranged(derived["eligibility"], "pending", place, shape)[mine]
        status[mine] = arranged(found, "status", place, shape)[mine]
        for factor in study.randomisation.scheme.factors:
            level = (
                entries.site_codes
                if factor == SITE
                else arranged(derived["subject_item"], factor, place, shape)
            )
            known = factors.setdefault(factor, np.full(shape, None, dtype=object))
            known[mine] = level[mine]
    return Verdicts(eligible, unmet, pending, status, factors, kind)


def _days(path: pl.DataFrame, place: pl.DataFrame, people: People) -> pl.Series:
    """The day of allocation of the subject of each row of `path`."""
    stands = path.select("replicate", "subject").join(
        place, ["replicate", "subject"], "left", maintain_order="left"
    )
    return dates(people.randomised.ravel()[stands["_place"].to_numpy()])


def _as_if(people: People, entries: Entries) -> pl.DataFrame:
    """Every candidate as if randomised on the day on which that is decided: the day says which
    answers are recent enough."""
    return places(entries).select(
        *KEY,
        pl.Series("occurred", people.randomised.ravel().astype(np.int32)).cast(pl.Date),
        pl.lit(0, dtype=pl.Int64).alias("seq"),
    )


def _allocate(
    study: Study,
    seeds: Sequence[bytes],
    people: People,
    entries: Entries,
    mine: Bools,
    judged: Verdicts,
    arm: Texts,
) -> None:
    """Allocate the candidates of `mine` in order of arrival, into `arm` and the entries."""
    if not mine.any():
        return
    found = allocations(study, seeds, people.randomised, mine, judged.status, judged.factors)
    arm[mine] = found.arm[mine]
    _enter_allocated(study, people, entries, mine, judged, found)


@dataclass(frozen=True, slots=True)
class Allocations:
    """Stratum, arm, and the number in scheme and stratum, from 1; replicates x candidates."""

    stratum: Texts
    arm: Texts
    number: Ints
    within: Ints


def allocations(
    study: Study,
    seeds: Sequence[bytes],
    days: Ints,
    mine: Bools,
    status: Texts,
    factors: Mapping[str, Texts],
) -> Allocations:
    """What the live rule gives to the candidates of `mine`, in order of the `days` of allocation,
    under each of the `seeds`."""
    plan, scheme = study.randomisation, study.randomisation.scheme
    codes = [each.code for each in plan.arms]
    stratum: Texts = np.full(mine.shape, None, dtype=object)
    for place in zip(*np.nonzero(mine), strict=True):
        own = {factor: str(factors[factor][place]) for factor in scheme.factors}
        stratum[place] = stratum_of(scheme, str(status[place]), own)
    strata = sorted(set(zip(status[mine], stratum[mine], strict=True)))
    number = {name: position for position, (_, name) in enumerate(strata)}
    index = np.array([number.get(each, NO_ARM) for each in stratum.ravel()]).reshape(mine.shape)
    order = np.argsort(np.where(mine, days, NEVER), axis=1, kind="stable")
    arrived = np.take_along_axis(index, order, axis=1)
    levels = np.zeros((*mine.shape, len(scheme.factors)), dtype=np.int64)
    if scheme.factors:
        levels[mine] = numbered(
            list(zip(*(factors[factor][mine] for factor in scheme.factors), strict=True))
        )
    levels = np.take_along_axis(levels, order[..., None], axis=1)
    drawn = np.empty_like(arrived)
    found = allocated_batch(plan, strata, arrived, levels, sealed_words(scheme, seeds))
    np.put_along_axis(drawn, order, found, axis=1)
    arm: Texts = np.full(mine.shape, None, dtype=object)
    arm[mine] = np.array(codes, dtype=object)[drawn[mine]]
    return Allocations(stratum, arm, *_numbers(arrived, order, len(strata)))


def _numbers(arrived: Ints, order: Ints, strata: int) -> tuple[Ints, Ints]:
    """The number of each allocation in its scheme and in its stratum, from 1."""
    overall, within = np.zeros_like(arrived), np.zeros_like(arrived)
    np.put_along_axis(overall, order, np.cumsum(arrived >= 0, axis=1), axis=1)
    in_order = np.zeros_like(arrived)
    for position in range(strata):
        here = arrived == position
        in_order = np.where(here, np.cumsum(here, axis=1), in_order)
    np.put_along_axis(within, order, in_order, axis=1)
    return overall, within


def _enter_allocated(
    study: Study,
    people: People,
    entries: Entries,
    mine: Bools,
    judged: Verdicts,
    found: Allocations,
) -> None:
    replicate, subject = np.nonzero(mine)
    day, scheme = people.randomised[mine], study.randomisation.scheme
    confirmed = {"study_version_judged": study.version}
    entries.add(EligibilityConfirmed, replicate, subject, day, confirmed)
    ids = entries.add(
        Randomised,
        replicate,
        subject,
        day,
        {
            "scheme": scheme.code,
            "scheme_version": scheme.version,
            "allocation": found.number[mine],
            "stratum": found.stratum[mine],
            "stratum_allocation": found.within[mine],
            "marker_status": judged.status[mine],
            "status_rule": study.biomarker.marker.rule_in_force,
            "arm": found.arm[mine],
            "pending_criteria": _listed(judged.pending[mine], mine[mine]),
        },
    )
    for position, factor in enumerate(scheme.factors):
        level = np.array([str(each) for each in judged.factors[factor][mine]], dtype=object)
        items = {"factor": factor, "level": level}
        entries.add_nested(FactorLevel, ids, np.full(len(ids), position), items)


def places(entries: Entries) -> pl.DataFrame:
    """Where each subject of each replicate stands in the arrays."""
    rows, columns = entries.subject_names.shape
    replicate, subject = np.indices((rows, columns)).reshape(2, -1)
    return pl.DataFrame(
        {
            "replicate": np.array(entries.replicates, dtype=np.int32)[replicate],
            "subject": pl.Series(entries.subject_names.ravel().tolist(), dtype=pl.String),
            "_place": replicate * columns + subject,
        }
    )


def arranged(
    frame: pl.DataFrame, column: str, place: pl.DataFrame, shape: tuple[int, ...]
) -> Texts:
    """A column of a derived table as an array of replicates x subjects; None where no row is."""
    found = place.join(
        frame.select("replicate", "subject", column), on=["replicate", "subject"], how="left"
    ).sort("_place")
    result: Texts = np.empty(shape[0] * shape[1], dtype=object)
    result[:] = found[column].to_list()
    return result.reshape(shape)
