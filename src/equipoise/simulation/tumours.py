"""Tumours: lesions at baseline and what a reader would measure of them at each scan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from equipoise.response.criteria import standard
from equipoise.response.events import (
    DIAMETER_PLACES,
    LesionIdentified,
    NewLesionObserved,
    NonTargetObserved,
    TargetMeasured,
    TumourAssessed,
)
from equipoise.simulation.answers import Texts, text_where
from equipoise.simulation.entries import Entries
from equipoise.simulation.nature import DAYS_PER_MONTH, Bools, Floats, Ints, Nature
from equipoise.simulation.patients import People, is_baseline_imaging
from equipoise.simulation.scenario import Scenario
from equipoise.study.definition import Study

LYMPH_NODE = "lymph node"
AS_FOUND: Mapping[str, object] = {"kind": "soft_tissue", "treated_before": False}
"""What is said of every lesion when it is identified."""

SLICES = 3
"""Millimetres between the slices of these scans."""

SMALLEST_MEASURED = 5.0
"""Millimetres under which a reader of these scans says "too small to measure"."""

NODE_AT_BASELINE = 15.0
"""Millimetres of short axis that make a node a target lesion (RECIST 1.1, section 3.1)."""


@dataclass(slots=True)
class Scans:
    """Scans of every candidate: days and what happened, replicates x candidates x scans."""

    day: Ints
    done: Bools
    factor: Floats
    new_lesion: Bools


@dataclass(slots=True)
class Tumours:
    """Lesions of every candidate: replicates x candidates x lesions."""

    exists: Bools
    node: Bools
    organ: Texts
    diameter: Floats
    non_target: Bools
    evaluator: str


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
        evaluator=study.response.primary_evaluator,
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


def assessed_at_baseline(
    study: Study, nature: Nature, people: People, tumours: Tumours, entries: Entries
) -> None:
    """Enter lesions and the baseline assessment of every candidate."""
    visit = next(each for each in study.visits.visits if is_baseline_imaging(each))
    for lesion in range(tumours.exists.shape[2]):
        replicate, subject = np.nonzero(tumours.exists[:, :, lesion])
        mask = tumours.exists[:, :, lesion]
        entries.add(
            LesionIdentified,
            replicate,
            subject,
            people.imaged[mask],
            {
                "lesion": f"T{lesion + 1}",
                "evaluator": tumours.evaluator,
                "role": "target",
                "organ": tumours.organ[:, :, lesion][mask],
                "node": tumours.node[:, :, lesion][mask],
                **AS_FOUND,
            },
            order=lesion,
        )
    replicate, subject = np.nonzero(tumours.non_target)
    entries.add(
        LesionIdentified,
        replicate,
        subject,
        people.imaged[tumours.non_target],
        {"lesion": "N1", "evaluator": tumours.evaluator, "role": "non_target", "organ": "liver",
         "node": False, **AS_FOUND},
        order=90,
    )  # fmt: skip
    every = np.ones(people.screened.shape, dtype=bool)
    evaluated = np.ones(tumours.exists.shape, dtype=bool)
    _assessment(
        entries, tumours, visit.code, "A0", people.imaged, every,
        np.ones(people.screened.shape), evaluated, np.zeros_like(every), at_baseline=True,
    )  # fmt: skip


def courses(
    study: Study, scenario: Scenario, nature: Nature, people: People, arm: Texts
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
    shrinks = nature.uniform("shrinks", size) < _by(people.status, arm, plan.shrinkage)
    low, high = (float(each) for each in plan.shrinking)
    fall = nature.between("shrinking", low, high, size)
    low, high = (float(each) for each in plan.stable)
    steady = nature.between("stable", low, high, size)
    factor = np.where(shrinks, 1 - fall, 1 + steady)[..., None] * np.ones(scans)
    median = _by(people.status, arm, plan.progression_median_months) * DAYS_PER_MONTH
    waiting = nature.waiting("progression", np.nan_to_num(median, nan=1.0), size)
    waiting = np.where(shrinks, waiting + plan.shrunken_until_day, waiting)
    begins = people.randomised + np.ceil(waiting).astype(np.int64)
    low, high = (float(each) for each in plan.growth)
    growth = nature.between("growth", low, high, size)
    after = day >= begins[..., None]
    progressed = np.cumsum(after, axis=2)
    factor = factor * np.where(after, (1 + growth[..., None]) ** progressed, 1.0)
    new = nature.chance("new lesion", float(plan.new_lesion), size)
    missed = nature.chance("missed scan", float(plan.missed_scan), size, scans)
    return (
        Scans(
            day=day,
            done=~missed,
            factor=factor,
            new_lesion=after & (progressed == 1) & new[..., None],
        ),
        begins,
    )


def assessed(
    study: Study,
    scenario: Scenario,
    nature: Nature,
    tumours: Tumours,
    scans: Scans,
    entries: Entries,
    mask: Bools,
) -> None:
    """Enter the assessments of the scans in `mask`, with any new lesion."""
    visit = next(each for each in study.visits.visits if each.imaging and each.repeat_every)
    size, number = mask.shape[1], mask.shape[2]
    lesions = tumours.exists.shape[2]
    unread = nature.chance(
        "lesion not evaluated", float(scenario.tumour.lesion_not_evaluated), size, number, lesions
    )
    for scan in range(number):
        found = mask[:, :, scan]
        if not found.any():
            continue
        new = scans.new_lesion[:, :, scan] & found
        replicate, subject = np.nonzero(new)
        entries.add(
            LesionIdentified,
            replicate,
            subject,
            scans.day[:, :, scan][new],
            {"lesion": f"NEW{scan + 1}", "evaluator": tumours.evaluator, "role": "new",
             "organ": "liver", "node": False, **AS_FOUND},
            order=100 + scan,
        )  # fmt: skip
        _assessment(
            entries, tumours, visit.code, f"A{scan + 1}", scans.day[:, :, scan], found,
            scans.factor[:, :, scan], ~unread[:, :, scan], new, at_baseline=False,
        )  # fmt: skip


def _assessment(
    entries: Entries,
    tumours: Tumours,
    visit: str,
    name: str,
    day: Ints,
    mask: Bools,
    factor: Floats,
    evaluated: Bools,
    new: Bools,
    *,
    at_baseline: bool,
) -> None:
    replicate, subject = np.nonzero(mask)
    items = {
        "assessment": name, "evaluator": tumours.evaluator, "visit": visit,
        "baseline": at_baseline, "modality": "ct", "slice_thickness": SLICES * 10**DIAMETER_PLACES,
    }  # fmt: skip
    ids = entries.add(TumourAssessed, replicate, subject, day[mask], items)
    parent = np.full(mask.shape, -1, dtype=np.int64)
    parent[mask] = ids
    for lesion in range(tumours.exists.shape[2]):
        there = mask & tumours.exists[:, :, lesion]
        entries.add_nested(
            TargetMeasured,
            parent[there],
            np.full(int(there.sum()), lesion),
            _measured(
                f"T{lesion + 1}",
                (tumours.diameter[:, :, lesion] * factor)[there],
                evaluated[:, :, lesion][there],
            ),
        )
    there = mask & tumours.non_target
    entries.add_nested(
        NonTargetObserved,
        parent[there],
        np.zeros(int(there.sum()), dtype=np.int64),
        {"lesion": "N1", "state": "present"},
    )
    entries.add_nested(
        NewLesionObserved,
        parent[new],
        np.zeros(int(new.sum()), dtype=np.int64),
        {"lesion": name.replace("A", "NEW"), "certainty": "unequivocal"},
    )


def _measured(lesion: str, size: Floats, evaluated: Bools) -> Mapping[str, object]:
    """What a reader writes of one lesion: whole millimetres, or too small, or not evaluated."""
    rounded = np.round(size)
    state = text_where(rounded < SMALLEST_MEASURED, "too_small", "measured")
    state[~evaluated] = "not_evaluated"
    written = state == "measured"
    diameter = np.where(written, rounded * 10**DIAMETER_PLACES, 0).astype(np.int64)
    return {
        "lesion": lesion,
        "state": state,
        "diameter": pl.Series(diameter).set(pl.Series(~written), None),
        "diameter_missing": text_where(evaluated, None, "not_evaluable"),
    }


def _by(status: Texts, arm: Texts, values: Mapping[str, Mapping[str, object]]) -> Floats:
    """The number for each true status and arm; not a number where there is none."""
    result = np.full(status.shape, np.nan)
    for code, by_arm in values.items():
        for name, value in by_arm.items():
            result[(status == code) & (arm == name)] = float(str(value))
    return result
