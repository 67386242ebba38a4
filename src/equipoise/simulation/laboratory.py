"""What laboratories report: their ranges of normal, and values of every subject by the schedule."""

from __future__ import annotations

import numpy as np
import polars as pl

from equipoise.errors import BadInput
from equipoise.safety.events import (
    LABORATORY_PLACES,
    LaboratoryReported,
    LaboratoryResult,
    ReferenceRange,
    ReferenceRangesDeclared,
)
from equipoise.safety.laboratory import units
from equipoise.simulation.answers import Answers, Texts
from equipoise.simulation.entries import Entries, epoch_day
from equipoise.simulation.nature import Floats, Ints, Nature, by_level
from equipoise.simulation.patients import People
from equipoise.simulation.scenario import LaboratoryNature, Scenario
from equipoise.study.definition import Study
from equipoise.treatment.events import CycleStarted

SCALE = 10**LABORATORY_PLACES


def check_laboratory(study: Study, scenario: Scenario) -> None:
    """BadInput for an analyte or a unit that there is not, or an arm without its effect."""
    arms = {each.code for each in study.randomisation.arms}
    for each in scenario.laboratory:
        where = f"scenario {scenario.name}, laboratory {each.analyte}"
        known = [unit for analyte, unit in units() if analyte == each.analyte]
        if each.unit not in known:
            allowed = f"a unit of the analyte: {', '.join(known)}" if known else "no such analyte"
            raise BadInput(allowed, where=where, field="unit", found=each.unit)
        if set(each.under_treatment) != arms:
            allowed = f"a number for each arm ({', '.join(sorted(arms))})"
            found = sorted(each.under_treatment)
            raise BadInput(allowed, where=where, field="under_treatment", found=found)


def declared(scenario: Scenario, entries: Entries) -> None:
    """Enter the reference ranges of every hospital, valid from the first day of the trial."""
    if not scenario.laboratory:
        return
    hospitals, replicates = len(entries.hospitals), len(entries.replicates)
    replicate, hospital = np.indices((replicates, hospitals)).reshape(2, -1)
    day = np.full(len(replicate), epoch_day(scenario.start))
    ids = entries.add(ReferenceRangesDeclared, replicate, -1 - hospital, day, {})
    for position, each in enumerate(scenario.laboratory):
        limits = {
            name: None if limit is None else int(limit * SCALE)
            for name, limit in (("low", each.low), ("high", each.high))
        }
        items = {"analyte": each.analyte, "unit": each.unit, **limits}
        entries.add_nested(ReferenceRange, ids, np.full(len(ids), position), items)


def sampled(
    scenario: Scenario, nature: Nature, people: People, arm: Texts, entries: Entries
) -> None:
    """Enter one draw of blood at screening and one at the start of every cycle."""
    if not scenario.laboratory:
        return
    replicate, subject = np.indices(people.screened.shape).reshape(2, -1)
    day, draw = people.screened.ravel(), np.zeros(people.screened.size, dtype=np.int64)
    for heads, items in list(entries.of(CycleStarted)):
        columns = heads.replicate, heads.subject, heads.day, np.full(len(heads.ids), items["cycle"])
        together = zip((replicate, subject, day, draw), columns, strict=True)
        replicate, subject, day, draw = (np.concatenate(pair) for pair in together)
    draws = scenario.treatment.cycles_at_most + 1
    names = Answers(draw, pl.Series([f"L{number}" for number in range(draws)]))
    ids = entries.add(LaboratoryReported, replicate, subject, day, {"report": names})
    size = people.screened.shape[1]
    for position, each in enumerate(scenario.laboratory):
        value = _values(each, nature, arm, size, draws)
        entries.add_nested(
            LaboratoryResult,
            ids,
            np.full(len(ids), position),
            {
                "analyte": each.analyte,
                "value": value[replicate, subject, draw],
                "unit": each.unit,
            },
        )


def _values(plan: LaboratoryNature, nature: Nature, arm: Texts, size: int, draws: int) -> Ints:
    """Scaled values of every candidate at every draw; the first cycle begins at the old level."""
    stream = f"laboratory/{plan.analyte}"
    level = nature.spread(f"{stream}/level", plan.level, size)[..., None]
    moved = np.nan_to_num(by_level(arm, dict(plan.under_treatment)), nan=1.0)[..., None]
    taken = (np.arange(draws) > 1).astype(np.float64)
    course: Floats = level * (1 + (moved - 1) * taken)
    noise = 1 + float(plan.within) * nature.normal(f"{stream}/draw", size, draws)
    steps = np.round(np.maximum(course * noise, 0) * 10**plan.places)
    scaled: Ints = steps.astype(np.int64) * 10 ** (LABORATORY_PLACES - plan.places)
    return scaled
