"""What laboratories report: their ranges of normal, and the values of the blood of every visit.

Each value is drawn once. Where the study file says that an analyte answers an item of a form, the
report is the answer, and the form leaves it open.
"""

from __future__ import annotations

import numpy as np

from equipoise.errors import BadInput
from equipoise.safety.events import (
    LABORATORY_PLACES,
    LaboratoryReported,
    LaboratoryResult,
    ReferenceRange,
    ReferenceRangesDeclared,
)
from equipoise.safety.laboratory import units
from equipoise.safety.laboratory_answer import converted, exact_places
from equipoise.simulation.answers import Texts
from equipoise.simulation.entries import Entries, epoch_day
from equipoise.simulation.nature import Bools, Ints, Nature, by_level
from equipoise.simulation.scenario import LaboratoryNature, Scenario
from equipoise.study.definition import Study
from equipoise.visits.plan import Visit

SCALE = 10**LABORATORY_PLACES


def check_laboratory(study: Study, scenario: Scenario) -> None:
    """BadInput for an analyte or a unit that there is not, an arm without its effect, or a value
    that answers an item and would have to be rounded, or is drawn for the form as well."""
    arms = {each.code for each in study.randomisation.arms}
    answers = {each.analyte: each for each in study.answered}
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
        if (item := answers.get(each.analyte)) is not None:
            exact = exact_places(each.analyte, each.unit, item.unit)
            if exact is None or each.places > exact:
                allowed = f"values that are exact in {item.unit}, the unit of the item {item.item}"
                drawn = f"{each.places} places in {each.unit}"
                raise BadInput(allowed, where=where, field="places", found=drawn)
            if item.item in scenario.items:
                allowed = f"no draw of {item.item}: the laboratory reports it"
                raise BadInput(allowed, where=where, field=f"items.{item.item}")


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


class Blood:
    """The blood of every candidate of every replicate: what each draw of it holds.

    Draw 0 is that of screening. The first cycle begins at the old level.
    """

    def __init__(self, study: Study, scenario: Scenario, nature: Nature, size: int) -> None:
        self.answers = {each.analyte: each for each in study.answered}
        self.analytes = scenario.laboratory
        self._draws = scenario.treatment.cycles_at_most + 2
        self._levels, self._noise = {}, {}
        for each in self.analytes:
            stream = f"laboratory/{each.analyte}"
            self._levels[each.analyte] = nature.spread(f"{stream}/level", each.level, size)
            self._noise[each.analyte] = nature.normal(f"{stream}/draw", size, self._draws)

    @property
    def items(self) -> frozenset[str]:
        """The items of forms that reports answer."""
        analytes = {each.analyte for each in self.analytes}
        return frozenset(each.item for of, each in self.answers.items() if of in analytes)

    def reported(
        self,
        entries: Entries,
        visit: Visit,
        instance: int,
        days: Ints,
        mask: Bools,
        arm: Texts,
    ) -> dict[str, Ints]:
        """Enter the reports of a visit; the answers of everybody to the items that they answer."""
        replicate, subject = np.nonzero(mask)
        head = {"report": f"{visit.code}-{instance}"}
        ids = entries.add(LaboratoryReported, replicate, subject, days[mask], head)
        draw = self._draw(visit, instance)
        found = {}
        for position, each in enumerate(self.analytes):
            value = self._values(each, arm, draw)
            items = {"analyte": each.analyte, "value": value[mask], "unit": each.unit}
            entries.add_nested(LaboratoryResult, ids, np.full(len(ids), position), items)
            if (answers := self.answers.get(each.analyte)) is not None:
                found[answers.item] = converted(answers, each.unit, value)
        return found

    def _draw(self, visit: Visit, instance: int) -> int:
        if visit.anchor == "screening":
            return 0
        return self._draws - 1 if visit.anchor == "last_dose" else min(instance, self._draws - 2)

    def _values(self, plan: LaboratoryNature, arm: Texts, draw: int) -> Ints:
        moved = np.nan_to_num(by_level(arm, dict(plan.under_treatment)), nan=1.0)
        course = self._levels[plan.analyte] * (moved if draw > 1 else 1.0)
        noise = 1 + float(plan.within) * self._noise[plan.analyte][..., draw]
        steps = np.round(np.maximum(course * noise, 0) * 10**plan.places)
        scaled: Ints = steps.astype(np.int64) * 10 ** (LABORATORY_PLACES - plan.places)
        return scaled
