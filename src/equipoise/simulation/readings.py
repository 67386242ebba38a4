"""What a reader writes of drawn tumours: lesions identified, and every assessment of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from equipoise.response.events import (
    DIAMETER_PLACES,
    FragmentMeasured,
    LesionIdentified,
    NewLesionObserved,
    NonTargetObserved,
    TargetMeasured,
    TumourAssessed,
)
from equipoise.simulation.answers import Texts, text_where
from equipoise.simulation.entries import Entries
from equipoise.simulation.nature import Bools, Floats, Ints, Nature
from equipoise.simulation.patients import People, is_baseline_imaging
from equipoise.simulation.scenario import Scenario
from equipoise.simulation.tumours import EQUIVOCAL, UNSEEN, Scans, Tumours
from equipoise.study.definition import Study

AS_FOUND: Mapping[str, object] = {"kind": "soft_tissue", "treated_before": False}
"""What is said of every lesion when it is identified."""

SLICES = 3
"""Millimetres between the slices of these scans."""

SMALLEST_MEASURED = 5.0
"""Millimetres under which a reader of these scans says "too small to measure"."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads the scans of whom (replicates x candidates), with which error of a size.

    `spread` is the standard deviation of the logarithm of a size; a reader without one finds what
    is there. `overlooks`: how often a new lesion is seen at the next scan only.
    """

    evaluator: str
    of: Bools
    nature: Nature
    spread: float = 0.0
    overlooks: float = 0.0

    def stream(self, name: str) -> str:
        """The name of a draw: that of the primary reader, or one of a reader's own."""
        return f"{name}/{self.evaluator}" if self.spread else name

    def sizes(self, scan: int, shape: tuple[int, ...]) -> Floats:
        """What each size at a scan (0: baseline) is multiplied by."""
        if not self.spread:
            return np.broadcast_to(1.0, shape)
        drawn = self.nature.normal(self.stream(f"size/{scan}"), *shape[1:])
        found: Floats = np.exp(self.spread * drawn)
        return found


@dataclass(frozen=True, slots=True)
class Reading:
    """One scan of every candidate: sizes against baseline, and what of it is read.

    Replicates x candidates; `sizes`, `evaluated` and `told` also x lesions: a lesion that is not
    told of is missing from the assessment.
    """

    evaluator: str
    name: str
    visit: str
    day: Ints
    mask: Bools
    factor: Floats
    sizes: Floats
    readable: Bools
    evaluated: Bools
    told: Bools
    split: Bools
    merged: Bools


def primary_reader(study: Study, nature: Nature, people: People) -> Reader:
    """The primary reader, who reads every candidate and finds what is there."""
    every = np.ones(people.screened.shape, dtype=bool)
    return Reader(study.response.primary_evaluator, every, nature)


def read_again(
    study: Study,
    scenario: Scenario,
    nature: Nature,
    people: People,
    tumours: Tumours,
    scans: Scans,
    entries: Entries,
    mask: Bools,
) -> None:
    """Enter what a second reader finds on scans in `mask`: of a share of subjects, every scan."""
    plan = scenario.second_reader
    if plan is None:
        return
    chosen = nature.chance("read again", float(plan.share), mask.shape[1]) & mask.any(axis=2)
    reader = Reader(
        plan.evaluator, chosen, nature, spread=float(plan.spread), overlooks=float(plan.overlooks)
    )
    assessed_at_baseline(study, people, tumours, entries, reader)
    assessed(study, scenario, nature, tumours, scans, entries, mask & chosen[..., None], reader)


def assessed_at_baseline(
    study: Study, people: People, tumours: Tumours, entries: Entries, reader: Reader
) -> None:
    """Enter lesions and the baseline assessment of every candidate whom the reader reads."""
    visit = next(each for each in study.visits.visits if is_baseline_imaging(each))
    for lesion in range(tumours.exists.shape[2]):
        there = tumours.exists[:, :, lesion] & reader.of
        organ, node = tumours.organ[:, :, lesion][there], tumours.node[:, :, lesion][there]
        name = f"T{lesion + 1}"
        _identified(
            entries, reader, name, "target", people.imaged, there, lesion, organ=organ, node=node
        )
    others = tumours.non_target & reader.of
    _identified(entries, reader, "N1", "non_target", people.imaged, others, 90)
    every = np.ones(people.screened.shape, dtype=bool)
    all_lesions = np.ones(tumours.exists.shape, dtype=bool)
    reading = Reading(
        evaluator=reader.evaluator, name="A0", visit=visit.code, day=people.imaged, mask=reader.of,
        factor=np.ones(every.shape), sizes=reader.sizes(0, tumours.exists.shape),
        readable=every, evaluated=all_lesions, told=all_lesions, split=~every, merged=~every,
    )  # fmt: skip
    _assessment(entries, tumours, reading, at_baseline=True)


def assessed(
    study: Study,
    scenario: Scenario,
    nature: Nature,
    tumours: Tumours,
    scans: Scans,
    entries: Entries,
    mask: Bools,
    reader: Reader,
) -> None:
    """Enter the reader's assessments of the scans in `mask`, with any new lesion."""
    visit = next(each for each in study.visits.visits if each.imaging and each.repeat_every)
    size, number = mask.shape[1], mask.shape[2]
    lesions = tumours.exists.shape[2]
    drawn = nature.uniform(reader.stream("lesion not evaluated"), size, number, lesions)
    unread = drawn < float(scenario.tumour.lesion_not_evaluated)
    told = drawn < 1 - float(scenario.tumour.reading.lesion_missing)
    new_lesion, false_alarm = _perceived(scenario, scans, reader)
    known = np.zeros(mask.shape[:2], dtype=bool)
    for scan in range(number):
        found = mask[:, :, scan]
        if not found.any():
            continue
        readable, day = scans.readable[:, :, scan], scans.day[:, :, scan]
        reading = Reading(
            evaluator=reader.evaluator, name=f"A{scan + 1}", visit=visit.code, day=day, mask=found,
            factor=scans.factor[:, :, scan], sizes=reader.sizes(scan + 1, tumours.exists.shape),
            readable=readable,
            evaluated=~unread[:, :, scan] & readable[..., None], told=told[:, :, scan],
            split=scans.split_from <= scan, merged=scans.merged_from <= scan,
        )  # fmt: skip
        sure = np.where(found & readable, new_lesion[:, :, scan], UNSEEN)
        seen = sure != UNSEEN
        _identified(entries, reader, "NEW", "new", day, seen & ~known, 100 + scan)
        known |= seen
        alarm = found & readable & false_alarm[:, :, scan]
        doubt = f"DOUBT{scan + 1}"
        _identified(entries, reader, doubt, "new", day, alarm, 200 + scan)
        parent = _assessment(entries, tumours, reading, at_baseline=False)
        certainty = text_where(sure[seen] == EQUIVOCAL, "equivocal", "unequivocal")
        for place, (name, where, how_sure) in enumerate(
            (("NEW", seen, certainty), (doubt, alarm, "equivocal"))
        ):
            entries.add_nested(
                NewLesionObserved,
                parent[where],
                np.full(int(where.sum()), place),
                {"lesion": name, "certainty": how_sure},
            )


def _perceived(scenario: Scenario, scans: Scans, reader: Reader) -> tuple[Ints, Bools]:
    """New lesions as the reader sees them at each scan, and where one is seen that is none."""
    if not reader.spread:
        return scans.new_lesion, scans.false_alarm
    size, number = scans.day.shape[1:]
    chance = float(scenario.tumour.reading.false_alarm)
    alarm = reader.nature.chance(reader.stream("false alarm"), chance, size, number)
    later = np.full_like(scans.new_lesion, UNSEEN)
    later[..., 1:] = scans.new_lesion[..., :-1]
    late = reader.nature.chance(reader.stream("overlooked"), reader.overlooks, size)
    return np.where(late[..., None], later, scans.new_lesion), alarm


def _identified(
    entries: Entries,
    reader: Reader,
    lesion: str,
    role: str,
    day: Ints,
    mask: Bools,
    order: int,
    organ: Texts | str = "liver",
    node: Bools | bool = False,
) -> None:
    replicate, subject = np.nonzero(mask)
    items = {
        "lesion": lesion, "evaluator": reader.evaluator, "role": role, "organ": organ,
        "node": node, **AS_FOUND,
    }  # fmt: skip
    entries.add(LesionIdentified, replicate, subject, day[mask], items, order=order)


def _assessment(entries: Entries, tumours: Tumours, reading: Reading, *, at_baseline: bool) -> Ints:
    """Enter one assessment of everybody in the mask. The numbers of the rows, -1 for the others."""
    mask = reading.mask
    replicate, subject = np.nonzero(mask)
    items = {
        "assessment": reading.name, "evaluator": reading.evaluator, "visit": reading.visit,
        "baseline": at_baseline, "modality": "ct", "slice_thickness": SLICES * 10**DIAMETER_PLACES,
    }  # fmt: skip
    parent = np.full(mask.shape, -1, dtype=np.int64)
    parent[mask] = entries.add(TumourAssessed, replicate, subject, reading.day[mask], items)
    for lesion in range(tumours.exists.shape[2]):
        _target(entries, tumours, reading, parent, lesion)
    there = mask & tumours.non_target
    entries.add_nested(
        NonTargetObserved,
        parent[there],
        np.zeros(int(there.sum()), dtype=np.int64),
        {"lesion": "N1", "state": text_where(reading.readable[there], "present", "not_evaluated")},
    )
    return parent


def _target(
    entries: Entries, tumours: Tumours, reading: Reading, parent: Ints, lesion: int
) -> None:
    """Enter what is read of one target; the first may be in pieces, or one with the second."""
    there = reading.mask & tumours.exists[:, :, lesion]
    there &= reading.told[:, :, lesion] | reading.merged
    size = (tumours.diameter[:, :, lesion] * reading.factor * reading.sizes[:, :, lesion])[there]
    evaluated, merged = reading.evaluated[:, :, lesion][there], reading.merged[there]
    if lesion == 0 and merged.any():
        size = size + np.where(merged, (tumours.diameter[:, :, 1] * reading.factor)[there], 0)
    rounded = np.round(size)
    state = text_where(rounded < SMALLEST_MEASURED, "too_small", "measured")
    state[~evaluated] = "not_evaluated"
    missing = text_where(evaluated, None, "not_evaluable")
    into: Texts | None = None
    if lesion == 0:
        pieces = reading.split[there] & (rounded >= 2 * SMALLEST_MEASURED) & evaluated
        state[pieces] = "split"
        _pieces(entries, parent[there][pieces], rounded[pieces])
    elif lesion == 1:
        state[merged] = "merged"
        missing[merged] = None
        into = text_where(merged, "T1", None)
    entries.add_nested(
        TargetMeasured,
        parent[there],
        np.full(len(state), lesion),
        {
            "lesion": f"T{lesion + 1}",
            "state": state,
            "merged_into": into,
            "diameter": _sizes(rounded, state == "measured"),
            "diameter_missing": missing,
        },
    )


def _pieces(entries: Entries, parent: Ints, whole: Floats) -> None:
    """Enter the two pieces of a target, in whole millimetres."""
    larger = np.ceil(whole / 2)
    for place, size in enumerate((larger, whole - larger)):
        entries.add_nested(
            FragmentMeasured,
            parent,
            np.full(len(parent), place),
            {
                "fragment": f"T1.{place + 1}",
                "lesion": "T1",
                "state": "measured",
                "diameter": _sizes(size, np.ones(len(size), dtype=bool)),
            },
        )


def _sizes(millimetres: Floats, written: Bools) -> pl.Series:
    """Whole millimetres as the table holds them, null where nothing is written."""
    scaled = np.where(written, millimetres * 10**DIAMETER_PLACES, 0).astype(np.int64)
    return pl.Series(scaled).set(pl.Series(~written), None)
