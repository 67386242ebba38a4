"""Tumours: lesions at baseline and what a reader would measure of them at each scan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from equipoise.response.criteria import standard
from equipoise.simulation.answers import Texts
from equipoise.simulation.nature import DAYS_PER_MONTH, Bools, Floats, Ints, Nature
from equipoise.simulation.patients import People
from equipoise.simulation.scenario import Scenario
from equipoise.study.definition import Study
from equipoise.visits.plan import Visit

LYMPH_NODE = "lymph node"
NODE_AT_BASELINE = 15.0
"""Millimetres of short axis that make a node a target lesion (RECIST 1.1, section 3.1)."""


UNSEEN, EQUIVOCAL, UNEQUIVOCAL = range(3)

NO_SCAN = 99
"""The number of a scan that does not come."""


@dataclass(slots=True)
class Scans:
    """Scans of every candidate: days and what happened, replicates x candidates x scans.

    `factor` is the size of each target against baseline, `new_lesion` how sure the reader is of
    one (UNSEEN, EQUIVOCAL, UNEQUIVOCAL). `split_from`, `merged_from`: the scan from which on a
    candidate's first target is in pieces, and the second one with it.
    """

    day: Ints
    done: Bools
    readable: Bools
    factor: Floats
    new_lesion: Ints
    false_alarm: Bools
    split_from: Ints
    merged_from: Ints


@dataclass(slots=True)
class Tumours:
    """Lesions of every candidate: replicates x candidates x lesions."""

    exists: Bools
    node: Bools
    organ: Texts
    diameter: Floats
    non_target: Bools


def baseline(study: Study, scenario: Scenario, nature: Nature, people: People) -> Tumours:
    """Target and non-target lesions before treatment."""
    plan, size = scenario.tumour, people.screened.shape[1]
    most = max(plan.targets)
    counts = np.array(list(plan.targets))[
        nature.choice("targets", {str(key): value for key, value in plan.targets.items()}, size)
    ]
    organs = np.array(list(plan.organs), dtype=object)
    found = nature.choice("organ", plan.organs, size, most)
    organ = organs[_selected(found, study, len(organs))]
    node = organ == LYMPH_NODE
    diameter = np.round(nature.spread("diameter", plan.diameter, size, most))
    return Tumours(
        exists=np.arange(most) < counts[..., None],
        node=node,
        organ=organ,
        diameter=np.where(node, np.maximum(diameter, NODE_AT_BASELINE), diameter),
        non_target=nature.chance("non-target", float(plan.non_target), size),
    )


def _selected(found: Ints, study: Study, organs: int) -> Ints:
    """Organs of the lesions that a reader takes: as found, but no more of one than are allowed.

    One lesion too many is passed over for one in the next organ that has room.
    """
    most = standard(study.response.criteria).limits.target_lesions_per_organ.value
    organ = found.copy()
    for lesion in range(organ.shape[-1]):
        for _ in range(organs):
            this = organ[..., lesion]
            full = (organ[..., :lesion] == this[..., None]).sum(axis=-1) >= most
            organ[..., lesion] = np.where(full, (this + 1) % organs, this)
    return organ


def courses(
    study: Study,
    scenario: Scenario,
    nature: Nature,
    people: People,
    tumours: Tumours,
    arm: Texts,
) -> tuple[Scans, Ints]:
    """Scans as planned, and the day on which each tumour begins to progress.

    Sizes are nature's; whether they are a response or a progression is for the rules to say.
    """
    plan, shape = scenario.tumour, people.screened.shape
    size = shape[1]
    visit = next(each for each in study.visits.visits if each.imaging and each.repeat_every)
    scans = (
        int(scenario.enrolment.follow_up_months * DAYS_PER_MONTH / (visit.repeat_every or 1)) + 8
    )
    scans = min(scans, 24)
    number = np.arange(scans)
    jitter = nature.integer("scan day", -visit.window_before, visit.window_after, size, scans)
    day = people.randomised[..., None] + visit.day + number * (visit.repeat_every or 0) + jitter
    day += _late(scenario, nature, visit, size, scans)
    shrinks = nature.uniform("shrinks", size) < _by(people.status, arm, plan.shrinkage)
    late, since = _later(scenario, nature, people, arm, size)
    late &= ~shrinks
    shrunken = shrinks[..., None] | late[..., None] & (number >= since[..., None])
    factor = _sizes(scenario, nature, shrunken)
    median = _by(people.status, arm, plan.progression_median_months) * DAYS_PER_MONTH
    waiting = nature.waiting("progression", np.nan_to_num(median, nan=1.0), size)
    waiting = np.where(shrinks | late, waiting + plan.shrunken_until_day, waiting)
    waiting = np.where(late, waiting + since * (visit.repeat_every or 0), waiting)
    begins = people.randomised + np.ceil(waiting).astype(np.int64)
    low, high = (float(each) for each in plan.growth)
    growth = nature.between("growth", low, high, size)
    after = day >= begins[..., None]
    progressed = np.cumsum(after, axis=2)
    factor = factor * np.where(after, (1 + growth[..., None]) ** progressed, 1.0)
    new = nature.chance("new lesion", float(plan.new_lesion), size)
    doubtful = nature.chance("equivocal first", float(plan.reading.equivocal_first), size)
    first = np.where(doubtful, EQUIVOCAL, UNEQUIVOCAL)[..., None]
    sure = np.where(progressed > 1, UNEQUIVOCAL, np.where(after, first, UNSEEN))
    missed = nature.uniform("missed scan", size, scans)
    split, merged = _changed(scenario, nature, tumours, size)
    return (
        Scans(
            day=day,
            done=missed >= float(plan.missed_scan),
            readable=missed < 1 - float(plan.reading.not_evaluable),
            factor=factor,
            new_lesion=np.where(new[..., None], sure, UNSEEN),
            false_alarm=nature.chance("false alarm", float(plan.reading.false_alarm), size, scans),
            split_from=split,
            merged_from=merged,
        ),
        begins,
    )


def _sizes(scenario: Scenario, nature: Nature, shrunken: Bools) -> Floats:
    """What sizes are multiplied by at every scan, before the tumour progresses."""
    plan, size = scenario.tumour, shrunken.shape[1]
    low, high = (float(each) for each in plan.shrinking)
    fall = nature.between("shrinking", low, high, size)
    low, high = (float(each) for each in plan.stable)
    steady = nature.between("stable", low, high, size)
    return np.where(shrunken, 1 - fall[..., None], 1 + steady[..., None])


def _later(
    scenario: Scenario, nature: Nature, people: People, arm: Texts, size: int
) -> tuple[Bools, Ints]:
    """Whose tumour would shrink after the first assessment, and at which, counted from 0."""
    plan = scenario.tumour
    if not plan.late_shrinkage:
        return np.zeros(arm.shape, dtype=np.bool_), np.zeros(arm.shape, dtype=np.int64)
    chance = _by(people.status, arm, plan.late_shrinkage)
    since = nature.integer("shrinks late/by", *plan.late_by, size)
    return nature.uniform("shrinks late", size) < chance, since


def _late(scenario: Scenario, nature: Nature, visit: Visit, size: int, scans: int) -> Ints:
    """Days by which scans come after their window, never so many that they change places."""
    plan = scenario.tumour.reading
    most = (visit.repeat_every or 0) - visit.window_before - visit.window_after - 1
    days = np.minimum(nature.integer("days late", *plan.late_days, size, scans), max(most, 0))
    late: Ints = np.where(nature.chance("late scan", float(plan.late_scan), size, scans), days, 0)
    return late


def _changed(scenario: Scenario, nature: Nature, tumours: Tumours, size: int) -> tuple[Ints, Ints]:
    """From which scan on the first target is in pieces, and from which one with the second."""
    plan = scenario.tumour.reading
    drawn = nature.uniform("lesion changes", size)
    since = nature.integer("lesion changes at", 0, 3, size)
    soft = ~tumours.node[..., 0]
    split = soft & (drawn < float(plan.split))
    if tumours.exists.shape[2] < 2:
        return np.where(split, since, NO_SCAN), np.full(split.shape, NO_SCAN)
    beside = tumours.exists[..., 1] & (tumours.organ[..., 0] == tumours.organ[..., 1])
    merged = soft & beside & (drawn > 1 - float(plan.merged))
    return np.where(split, since, NO_SCAN), np.where(merged, since, NO_SCAN)


def _by(status: Texts, arm: Texts, values: Mapping[str, Mapping[str, object]]) -> Floats:
    """The number for each true status and arm; not a number where there is none."""
    result = np.full(status.shape, np.nan)
    for code, by_arm in values.items():
        for name, value in by_arm.items():
            result[(status == code) & (arm == name)] = float(str(value))
    return result
