"""Regimens, cycles and doses in many trials at once: nature draws, the dosing rule decides.

What was known of a subject on a day is read off the drawn answers and harms and put to the rule
that `conduct` asks (`equipoise.treatment.decision`), one due date after the other: a cycle begins,
is put off, or treatment ends, and every drug is given in the amount decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from equipoise.errors import BadInput
from equipoise.record.scaled import scaled_number
from equipoise.record.subject_rows import NONE, whole
from equipoise.simulation.answers import Texts, text_where
from equipoise.simulation.cycle_visits import came, examined
from equipoise.simulation.entries import Entries
from equipoise.simulation.harms import Harms
from equipoise.simulation.laboratory import Blood
from equipoise.simulation.nature import Bools, Floats, Ints, Nature
from equipoise.simulation.patients import People
from equipoise.simulation.scenario import Scenario, TreatmentNature
from equipoise.study.definition import Study
from equipoise.treatment.answers import items_read, sex_number
from equipoise.treatment.area import body_surface_area
from equipoise.treatment.decision import (
    DELAY,
    OMIT,
    UNDECIDED,
    Decided,
    Measures,
    Pair,
    closing,
    decisions,
    item_key,
    rules_in_force,
    standing_rules,
)
from equipoise.treatment.dose_decision import amounts
from equipoise.treatment.events import CycleStarted, DoseGiven, RegimenChosen
from equipoise.treatment.plan import TreatmentPlan
from equipoise.treatment.renal import VALUE_PLACES, Clearance, creatinine_clearance, renal_formula
from equipoise.treatment.toxicity import toxicities


class Known:
    """What the record holds on a day of the items that dosing rules read, at places of subjects."""

    def __init__(self, people: People, plan: TreatmentPlan, cut: Ints) -> None:
        self.people, self.plan = people, plan
        self.cut = np.broadcast_to(cut[:, None], people.screened.shape).ravel()

    def value(self, item: str, at: Ints, on: Ints, valid_days: int | None = None) -> Ints:
        """The latest answer, scaled by 10 ** VALUE_PLACES; NONE where there is none in force."""
        if item in self.people.measured:
            reported, days = self.people.measured[item]
            found = reported.ravel()[at]
            return self._in_force(found, days, at, on, valid_days)
        answers, days = self.people.latest[item]
        renal = self.plan.renal_function
        numbers = (
            scaled_number(answers.texts, VALUE_PLACES)
            if renal is None or item != renal.sex
            else sex_number(answers.texts, renal)
        )
        codes = answers.codes.ravel()[at]
        found = np.append(whole(numbers), NONE)[codes]
        if item in self.people.miswritten:
            until = self.people.miswritten[item].ravel()[at]
            wrong = (on <= until) & (until <= self.cut[at]) & (found != NONE)
            found = np.where(wrong, found + 10**VALUE_PLACES, found)
        return self._in_force(found, days, at, on, valid_days)

    @staticmethod
    def _in_force(found: Ints, days: Ints, at: Ints, on: Ints, valid_days: int | None) -> Ints:
        if valid_days is None:
            return found
        return np.where(on - days.ravel()[at] <= valid_days, found, NONE)

    def clearance(self, at: Ints, on: Ints) -> Clearance:
        """Creatinine clearance."""
        renal = self.plan.renal_function
        if renal is None:
            return Clearance(np.zeros_like(at), np.zeros_like(at))
        age, weight, creatinine, sex = (
            self.value(item, at, on)
            for item in (renal.age, renal.weight, renal.creatinine, renal.sex)
        )
        return creatinine_clearance(age, weight, creatinine, sex, renal_formula(renal.formula))

    def values(
        self, rules: Sequence[Pair], at: Ints, on: Ints
    ) -> dict[tuple[str, int | None], Ints]:
        """The answers that rules look at."""
        ranges = {item_key(limits): limits for _, rule in rules for limits in rule.values}
        return {
            key: self.value(limits.item, at, on, limits.valid_days)
            for key, limits in ranges.items()
        }


@dataclass(slots=True)
class _Course:
    """Where each subject of each replicate stands in treatment, one number each, in one row."""

    regimen: Ints
    day: Ints
    cycle: Ints
    first: Ints
    end: Ints
    last_dose: Ints
    going: Bools
    lowest: dict[str, Ints]
    before: dict[tuple[str, int], Ints]


def chosen_regimens(
    study: Study,
    scenario: Scenario,
    nature: Nature,
    people: People,
    arm: Texts,
    cut: Ints,
    entries: Entries,
) -> Ints:
    """Enter the regimen of each subject: its place in the study, -1 where the arm has none open.

    It is drawn by weight among those of the arm that the rules hold open on the day of allocation.
    """
    plan, size = study.treatment, people.screened.shape[1]
    codes = [each.code for each in plan.regimens]
    is_open = _open(study, people, arm, cut)
    uniform = nature.uniform("regimen", size)
    regimen = np.full(arm.shape, -1)
    for code, weights in scenario.treatment.regimens.items():
        places = [codes.index(name) for name in weights]
        drawn = _among_open(uniform, list(weights.values()), is_open[places])
        here = (arm == code) & (drawn >= 0)
        regimen = np.where(here, np.array(places)[drawn], regimen)
    treatable = regimen >= 0
    replicate, subject = np.nonzero(treatable)
    names = np.array(codes, dtype=object)[regimen[treatable]]
    entries.add(RegimenChosen, replicate, subject, people.randomised[treatable], {"regimen": names})
    return regimen


def _open(study: Study, people: People, arm: Texts, cut: Ints) -> Bools:
    """Whether each regimen of the study (first axis) is open to whoever was allocated."""
    plan = study.treatment
    at = np.flatnonzero(arm.ravel() != None)  # noqa: E711
    number = len(plan.regimens)
    known = Known(people, plan, cut)
    on = people.randomised.ravel()[at]
    rules = standing_rules(plan)
    clearance = known.clearance(at, on)
    measures = Measures(
        regimen=np.repeat(np.arange(number), len(at)),
        first=np.arange(number * len(at)),
        cycle=np.ones(number * len(at), dtype=np.int64),
        clearance=Clearance(*(np.tile(each, number) for each in clearance)),
        values={key: np.tile(each, number) for key, each in known.values(rules, at, on).items()},
    )
    closed = np.zeros(number * len(at), dtype=np.bool_)
    for each in decisions(measures, plan, rules):
        closed[each.row] |= closing(each.decision)
    found = np.zeros((number, arm.size), dtype=np.bool_)
    found[:, at] = ~closed.reshape(number, len(at))
    return found.reshape(number, *arm.shape)


def _among_open(uniform: Floats, weights: Sequence[object], is_open: Bools) -> Ints:
    """A position drawn by weight among those that are open to each subject, -1 without any."""
    shares = [float(str(weight)) * each for weight, each in zip(weights, is_open, strict=True)]
    cumulated = np.cumsum(shares, axis=0)
    drawn: Ints = (cumulated <= uniform * cumulated[-1]).sum(axis=0)
    return np.where(cumulated[-1] > 0, drawn, -1)


def treated(
    study: Study,
    scenario: Scenario,
    nature: Nature,
    people: People,
    regimen: Ints,
    harms: Harms,
    until: Ints,
    cut: Ints,
    entries: Entries,
) -> tuple[Ints, Ints]:
    """Enter visits, cycles and doses before the day `until`; the day on which treatment ends, and
    that of the last dose (of the first that was due, for whom none was given)."""
    plan, shape = study.treatment, regimen.shape
    _check_asked(study, scenario, people.blood)
    length = np.array([*(each.cycle_days for each in plan.regimens), 1])[regimen.ravel()]
    most = np.array([*(each.maximum_cycles or 2**31 for each in plan.regimens), 0])
    rules, known = rules_in_force(plan), Known(people, plan, cut)
    bodies = _bodies(nature, scenario.treatment, plan, shape[1])
    start = people.first_dose.ravel()
    course = _Course(
        regimen=regimen.ravel(),
        day=start.copy(),
        cycle=np.zeros_like(start),
        first=start.copy(),
        end=start.copy(),
        last_dose=start.copy(),
        going=regimen.ravel() >= 0,
        lowest={},
        before={},
    )
    for due in range(1, scenario.treatment.cycles_at_most + 1):
        course.going &= (course.day < until.ravel()) & (course.cycle < most[course.regimen])
        if not course.going.any():
            break
        day, going = course.day.reshape(shape), course.going.reshape(shape)
        visits = examined(study, scenario, nature, people, entries, due, day, going)
        at = np.flatnonzero(course.going)
        found = decisions(_measures(known, rules, harms, course, at), plan, rules)
        starts, over = _starts_or_ends(found, len(at))
        begun = at[starts]
        put_off = np.zeros(course.day.shape, dtype=np.bool_)
        put_off[at[~starts]] = True
        came(entries, visits, course.cycle.reshape(shape), put_off.reshape(shape), day, going)
        _begun(course, found, at, starts)
        _enter_cycle(entries, plan, course, bodies, begun, shape)
        omitted = nature.chance(
            f"omission/{due}", float(scenario.treatment.omission), shape[1], _widest(plan)
        ).reshape(regimen.size, -1)
        _enter_doses(entries, plan, course, bodies, found, at, starts, omitted, until)
        course.end[at] = course.day[at]
        course.end[begun] += length[begun]
        course.going[at[over]] = False
        course.day[at] += scenario.treatment.put_off_days
        course.day[begun] = course.end[begun]
    return course.end.reshape(shape), course.last_dose.reshape(shape)


def _check_asked(study: Study, scenario: Scenario, blood: Blood | None) -> None:
    """Every item that dosing rules read is asked at a visit without imaging, or reported there."""
    forms = {form for visit in study.visits.visits if not visit.imaging for form in visit.forms}
    asked = {item.code for form in study.visits.forms if form.code in forms for item in form.items}
    reported = frozenset[str]() if blood is None else blood.items
    for item in items_read(study.treatment):
        if item not in asked | reported:
            raise BadInput(
                f"a visit without imaging that asks for {item}, which a dosing rule reads",
                where=f"scenario {scenario.name}",
                field="visits",
            )


def _bodies(
    nature: Nature, plan: TreatmentNature, treatment: TreatmentPlan, size: int
) -> tuple[Ints, Ints, Ints]:
    """Height (1/10 cm), weight (1/10 kg) and body surface area of everybody, in one row."""
    height, weight = (
        np.round(nature.spread(name, spread, size) * 10).astype(np.int64).ravel()
        for name, spread in (("height", plan.height), ("weight", plan.weight))
    )
    return height, weight, body_surface_area(height, weight, treatment.body_surface_area)


def _widest(plan: TreatmentPlan) -> int:
    return max(len(regimen.doses) for regimen in plan.regimens)


def _measures(
    known: Known, rules: Sequence[Pair], harms: Harms, course: _Course, at: Ints
) -> Measures:
    """What is known of the subjects `at` on the day on which their cycle is due."""
    on = course.day[at]
    nadirs = {}
    for item in {limits.item for _, rule in rules for limits in rule.nadirs}:
        lowest = course.lowest.setdefault(item, np.full(len(course.day), NONE))
        found, before = known.value(item, at, on), lowest[at]
        lower = (found != NONE) & ((before == NONE) | (found < before))
        lowest[at] = np.where(lower & (course.cycle[at] > 0), found, before)
        nadirs[item] = lowest[at]
    since = np.where(course.cycle[at] > 0, course.first[at], on)
    return Measures(
        regimen=course.regimen[at],
        first=np.arange(len(at)),
        cycle=course.cycle[at] + 1,
        clearance=known.clearance(at, on),
        values=known.values(rules, at, on),
        nadirs=nadirs,
        toxicities=toxicities(rules, harms.standing(at, since, on), len(at)),
        before={key: held[at] for key, held in course.before.items()},
    )


def _starts_or_ends(found: Sequence[Decided], size: int) -> tuple[Bools, Bools]:
    """Whether the cycle begins, and whether treatment is over: no drug can be given any more."""
    put_off, given = np.zeros(size, dtype=np.bool_), np.zeros(size, dtype=np.bool_)
    for each in found:
        put_off[each.row] |= (each.decision == DELAY) | (each.decision == UNDECIDED)
        given[each.row] |= each.decision < OMIT
    return given & ~put_off, ~given


def _begun(course: _Course, found: Sequence[Decided], at: Ints, starts: Bools) -> None:
    """Note that a cycle began: its number, what has held in it, and that its nadirs begin."""
    begun = at[starts]
    course.first[begun] = np.where(course.cycle[begun] == 0, course.day[begun], course.first[begun])
    course.cycle[begun] += 1
    for lowest in course.lowest.values():
        lowest[begun] = NONE
    for each in found:
        for place, held in each.held.items():
            before = course.before.setdefault(
                (each.drug, place), np.zeros(len(course.day), dtype=np.int64)
            )
            before[begun] = held[starts]


def _enter_cycle(
    entries: Entries,
    plan: TreatmentPlan,
    course: _Course,
    bodies: tuple[Ints, Ints, Ints],
    begun: Ints,
    shape: tuple[int, ...],
) -> None:
    height, weight, _ = bodies
    codes = np.array([each.code for each in plan.regimens], dtype=object)
    replicate, subject = np.divmod(begun, shape[1])
    items = {
        "cycle": course.cycle[begun],
        "regimen": codes[course.regimen[begun]],
        "height": height[begun],
        "weight": weight[begun],
    }
    entries.add(CycleStarted, replicate, subject, course.day[begun], items)


def _enter_doses(
    entries: Entries,
    plan: TreatmentPlan,
    course: _Course,
    bodies: tuple[Ints, Ints, Ints],
    found: Sequence[Decided],
    at: Ints,
    starts: Bools,
    omitted: Bools,
    until: Ints,
) -> None:
    """Enter each drug on its first day of the cycle, as it is dispensed; some were left out."""
    planned = {
        (place, dose.drug): (position, dose)
        for place, regimen in enumerate(plan.regimens)
        for position, dose in enumerate(regimen.doses)
    }
    for drug, each in enumerate(found):
        given = starts[each.row] & (each.decision < OMIT)
        rows = at[each.row]
        regimen = course.regimen[rows]
        _, amount = amounts(plan, each, regimen, bodies[2][rows], each.dose)
        first, times, position = np.zeros((3, len(plan.regimens)), dtype=np.int64)
        for (place, name), (where, dose) in planned.items():
            if name == each.drug:
                first[place], position[place] = min(dose.days), where
                times[place] = len(dose.days) * dose.times_per_day
        day = course.day[rows] + first[regimen] - 1
        given &= day < until.ravel()[rows]
        rows, regimen, day, amount = rows[given], regimen[given], day[given], amount[given]
        left_out = omitted[rows, position[regimen]]
        course.last_dose[rows[~left_out]] = np.maximum(
            course.last_dose[rows[~left_out]], day[~left_out]
        )
        replicate, subject = np.divmod(rows, until.shape[1])
        items: Mapping[str, object] = {
            "cycle": course.cycle[rows],
            "day": first[regimen],
            "drug": each.drug,
            "administrations": times[regimen],
            "amount": pl.Series(amount).set(pl.Series(left_out), None),
            "amount_missing": text_where(left_out, "not_done", None),
        }
        entries.add(DoseGiven, replicate, subject, day, items, order=drug)
