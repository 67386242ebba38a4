"""After allocation: regimens, cycles and doses, harms, discontinuation, death, last contact."""

from __future__ import annotations

import numpy as np
import polars as pl

from equipoise.biomarker.events import AssayResultInvalidated
from equipoise.record.rule import Tables
from equipoise.safety.events import AdverseEventReported
from equipoise.simulation.answers import Texts, text_where
from equipoise.simulation.entries import Entries
from equipoise.simulation.nature import DAYS_PER_MONTH, Bools, Ints, Nature, by_level, chosen
from equipoise.simulation.patients import People, determined, visited
from equipoise.simulation.scenario import Scenario
from equipoise.simulation.withdrawals import NEVER, Withdrawals
from equipoise.study.definition import Study
from equipoise.study.derivation import derive
from equipoise.treatment.events import CycleStarted, DoseGiven, RegimenChosen
from equipoise.visits.events import (
    DeathRecorded,
    SubsequentTherapyRecorded,
    TreatmentDiscontinued,
    VitalStatusRecorded,
)


def deaths(scenario: Scenario, nature: Nature, people: People, begins: Ints) -> Ints:
    """The day of death: a steady hazard before progression, another after it."""
    size = people.screened.shape[1]
    plan = scenario.survival
    before = nature.waiting(
        "death before", float(plan.median_without_progression_months) * DAYS_PER_MONTH, size
    )
    after = nature.waiting(
        "death after", float(plan.median_after_progression_months) * DAYS_PER_MONTH, size
    )
    early = people.first_dose + 1 + np.floor(before).astype(np.int64)
    late = np.maximum(begins, people.first_dose) + 1 + np.floor(after).astype(np.int64)
    return np.where(early < begins, early, late)


def treated(
    study: Study,
    scenario: Scenario,
    nature: Nature,
    people: People,
    arm: Texts,
    until: Ints,
    entries: Entries,
) -> Ints:
    """Enter regimen, cycles, visits and doses before the day `until`; the last cycle's end."""
    plan, size = scenario.treatment, people.screened.shape[1]
    randomised = arm != None  # noqa: E711
    regimen: Texts = np.full(arm.shape, None, dtype=object)
    uniform = nature.uniform("regimen", size)
    for code, weights in plan.regimens.items():
        names = np.array(list(weights), dtype=object)
        regimen = np.where(arm == code, names[chosen(uniform, weights)], regimen)
    replicate, subject = np.nonzero(randomised)
    entries.add(
        RegimenChosen, replicate, subject, people.randomised[randomised],
        {"regimen": regimen[randomised]},
    )  # fmt: skip
    lengths = {each.code: each.cycle_days for each in study.treatment.regimens}
    most = {
        each.code: each.maximum_cycles or plan.cycles_at_most for each in study.treatment.regimens
    }
    length = np.nan_to_num(by_level(regimen, lengths), nan=1).astype(np.int64)
    limit = np.nan_to_num(by_level(regimen, most), nan=0).astype(np.int64)
    height = np.round(nature.spread("height", plan.height, size) * 10).astype(np.int64)
    weight = np.round(nature.spread("weight", plan.weight, size) * 10).astype(np.int64)
    end = people.first_dose.copy()
    for cycle in range(1, plan.cycles_at_most + 1):
        day = people.first_dose + (cycle - 1) * length
        given = randomised & (day < until) & (cycle <= limit)
        if not given.any():
            break
        _cycle(study, scenario, nature, people, entries, cycle, day, given)
        replicate, subject = np.nonzero(given)
        entries.add(
            CycleStarted,
            replicate,
            subject,
            day[given],
            {
                "cycle": cycle,
                "regimen": regimen[given],
                "height": height[given],
                "weight": weight[given],
            },
        )
        end = np.where(given, day + length, end)
    return end


def _cycle(
    study: Study,
    scenario: Scenario,
    nature: Nature,
    people: People,
    entries: Entries,
    cycle: int,
    day: Ints,
    given: Bools,
) -> None:
    """Enter the visits due at the start of a cycle."""
    for visit in study.visits.visits:
        first = visit.anchor == "randomisation" and not visit.imaging and not visit.repeat_every
        if first and cycle == 1:
            visited(study, scenario, nature, people, entries, visit, day, given)
        elif visit.anchor == "cycle" and (cycle > 1 or not _starts(study)):
            visited(study, scenario, nature, people, entries, visit, day, given, instance=cycle)


def _starts(study: Study) -> bool:
    """Whether the schedule has a visit of its own for the first dose."""
    return any(
        each.anchor == "randomisation" and not each.imaging and not each.repeat_every
        for each in study.visits.visits
    )


def dosed(
    study: Study, scenario: Scenario, nature: Nature, entries: Entries, event_tables: Tables
) -> None:
    """Enter what was given: the doses that the rule calculates, to the milligram, some omitted."""
    planned = derive(event_tables, study, upto="planned_dose")["planned_dose"]
    if planned.is_empty():
        return
    first = {
        (regimen.code, dose.drug): min(dose.days)
        for regimen in study.treatment.regimens
        for dose in regimen.doses
    }
    names = {name: position for position, name in enumerate(entries.replicates)}
    subjects = {
        (replicate, name): position
        for replicate in range(len(entries.replicates))
        for position, name in enumerate(entries.subject_names[replicate])
    }
    replicate = np.array([names[each] for each in planned["replicate"]], dtype=np.int64)
    subject = np.array(
        [subjects[each] for each in zip(replicate.tolist(), planned["subject"], strict=True)],
        dtype=np.int64,
    )
    omitted = _omitted(scenario, nature, entries, planned, replicate, subject)
    amount = (planned["amount"] + 50) // 100 * 100
    day = np.array(
        [first[each] for each in zip(planned["regimen"], planned["drug"], strict=True)],
        dtype=np.int64,
    )
    occurred = planned["occurred"].cast(pl.Int32).cast(pl.Int64).to_numpy()
    entries.add(
        DoseGiven,
        replicate,
        subject,
        occurred,
        {
            "cycle": planned["cycle"],
            "day": day,
            "drug": planned["drug"],
            "administrations": planned["administrations"],
            "amount": amount.set(pl.Series(omitted), None),
            "amount_missing": text_where(omitted, "not_done", None),
        },
        order=np.arange(len(day)),
    )


def _omitted(
    scenario: Scenario,
    nature: Nature,
    entries: Entries,
    planned: pl.DataFrame,
    replicate: Ints,
    subject: Ints,
) -> Bools:
    """Which doses were left out: one draw for each subject, cycle and drug of the regimen."""
    cycle = planned["cycle"].to_numpy() - 1
    place = (
        planned.select(pl.col("drug").rank("dense").over("replicate", "subject", "cycle") - 1)
        .to_series()
        .to_numpy()
        .astype(np.int64)
    )
    size = entries.subject_names.shape[1]
    chance = nature.chance(
        "omission", float(scenario.treatment.omission), size, int(cycle.max()) + 1,
        int(place.max()) + 1,
    )  # fmt: skip
    return np.asarray(chance[replicate, subject, cycle, place], dtype=np.bool_)


def harmed(
    scenario: Scenario, nature: Nature, people: People, arm: Texts, until: Ints, entries: Entries
) -> None:
    """Enter adverse events between the first dose and the end of treatment."""
    size = people.screened.shape[1]
    for position, harm in enumerate(scenario.harms):
        chance = np.nan_to_num(by_level(arm, dict(harm.chance)))
        happens = nature.uniform(f"harm/{harm.term}", size) < chance
        span = np.maximum(until - people.first_dose, 1)
        day = people.first_dose + np.floor(nature.uniform(f"harm day/{harm.term}", size) * span)
        grades = {str(grade): weight for grade, weight in harm.grades.items()}
        grade = np.array(list(harm.grades))[nature.choice(f"grade/{harm.term}", grades, size)]
        replicate, subject = np.nonzero(happens)
        items = {
            "adverse_event": f"AE{position + 1}", "term": harm.term, "grade": grade[happens],
            "serious": grade[happens] >= 4, "outcome": "recovered",
        }  # fmt: skip
        entries.add(
            AdverseEventReported, replicate, subject, day.astype(np.int64)[happens], items,
            order=position,
        )  # fmt: skip


def ended(
    scenario: Scenario,
    nature: Nature,
    people: People,
    arm: Texts,
    progression: Ints,
    end_of_treatment: Ints,
    death: Ints,
    cut: Ints,
    leaving: Withdrawals,
    entries: Entries,
) -> None:
    """Enter the end of treatment, later therapy, death, and the last contact of the living."""
    size = people.screened.shape[1]
    randomised = arm != None  # noqa: E711
    planned = np.minimum(progression, end_of_treatment)
    stop = np.minimum(planned, leaving.stops)
    causes = {
        "subject_decision": leaving.stops < planned,
        "progression": (progression <= end_of_treatment) & (leaving.stops >= planned),
        "completed": (progression > end_of_treatment) & (leaving.stops >= planned),
    }
    for cause, holds in causes.items():
        mask = randomised & (stop < death) & holds
        replicate, subject = np.nonzero(mask)
        entries.add(TreatmentDiscontinued, replicate, subject, stop[mask], {"cause": cause})
    later = nature.chance("later therapy", float(scenario.treatment.subsequent_therapy), size)
    seen = np.minimum(death, leaving.leaves)
    mask = randomised & later & (progression < NEVER) & (progression + 21 < seen)
    replicate, subject = np.nonzero(mask)
    entries.add(
        SubsequentTherapyRecorded, replicate, subject, (progression + 21)[mask],
        {"entry": "ST1", "therapy": "systemic"},
    )  # fmt: skip
    last = np.broadcast_to(cut[:, None], death.shape)
    mask = randomised & leaving.followed & (death <= last)
    replicate, subject = np.nonzero(mask)
    entries.add(DeathRecorded, replicate, subject, death[mask], {"cause": "disease"})
    mask = randomised & leaving.followed & (death > last)
    replicate, subject = np.nonzero(mask)
    entries.add(VitalStatusRecorded, replicate, subject, last[mask], {"source": "telephone"})


def redetermined(
    study: Study,
    scenario: Scenario,
    nature: Nature,
    people: People,
    arm: Texts,
    until: Ints,
    entries: Entries,
) -> None:
    """Enter repeated determinations, blinded to arm and outcome, and invalidations."""
    plan = scenario.redetermination
    if plan is None:
        return
    size = people.screened.shape[1]
    assay = next(each for each in study.biomarker.marker.assays if each.code == plan.assay)
    day = people.randomised + nature.integer("again/days", *plan.days, size)
    mask = (arm != None) & nature.chance("again", float(plan.chance), size)  # noqa: E711
    mask &= day < until
    results = determined(
        study, scenario, nature, people, entries, assay, day, mask, purpose="redetermination"
    )
    gone = nature.chance("again/invalidated", float(plan.invalidated), size)[mask]
    replicate, subject = np.nonzero(mask)
    finding = "the control of the run failed on review"
    entries.add(
        AssayResultInvalidated, replicate[gone], subject[gone], (day[mask] + 1)[gone],
        {"result": results[gone], "finding": finding},
    )  # fmt: skip
