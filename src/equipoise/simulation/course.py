"""After allocation: discontinuation, death, last contact, determinations that are repeated."""

from __future__ import annotations

import numpy as np

from equipoise.biomarker.events import AssayResultInvalidated, AssayResultRecorded
from equipoise.simulation.answers import Texts
from equipoise.simulation.assays import determined
from equipoise.simulation.entries import Entries
from equipoise.simulation.nature import DAYS_PER_MONTH, Ints, Nature
from equipoise.simulation.patients import People
from equipoise.simulation.scenario import Scenario
from equipoise.simulation.withdrawals import NEVER, Withdrawals
from equipoise.study.definition import Study
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


def contacted(
    study: Study,
    arm: Texts,
    last_dose: Ints,
    death: Ints,
    cut: Ints,
    leaving: Withdrawals,
    entries: Entries,
) -> None:
    """Enter every contact for survival after the last dose, on its day, while somebody may ask."""
    asked = np.where(leaving.followed, NEVER, leaving.leaves)
    until = np.minimum(np.minimum(death, asked), cut[:, None])
    stopped = np.zeros(arm.shape, dtype=np.bool_)
    for heads, _ in entries.of(TreatmentDiscontinued):
        stopped[heads.replicate, heads.subject] = True
    for visit in study.visits.visits:
        if not visit.contact or visit.anchor != "last_dose":
            continue
        day = last_dose + visit.day
        while (due := stopped & (day < until)).any():
            replicate, subject = np.nonzero(due)
            entries.add(VitalStatusRecorded, replicate, subject, day[due], {"source": "telephone"})
            if visit.repeat_every is None:
                break
            day = day + visit.repeat_every


def redetermined(
    study: Study,
    scenario: Scenario,
    nature: Nature,
    people: People,
    arm: Texts,
    until: Ints,
    entries: Entries,
) -> None:
    """Enter repeated determinations, blinded to arm and outcome, and invalidations.

    Of some subjects a review invalidates every run instead.
    """
    plan = scenario.redetermination
    if plan is None:
        return
    size = people.screened.shape[1]
    assay = next(each for each in study.biomarker.marker.assays if each.code == plan.assay)
    day = people.randomised + nature.integer("again/days", *plan.days, size)
    mask = (arm != None) & nature.chance("again", float(plan.chance), size)  # noqa: E711
    every = (arm != None) & nature.chance("again/every run", float(plan.every_run), size)  # noqa: E711
    every &= day < until
    mask &= (day < until) & ~every
    results = determined(
        study, scenario, nature, people, entries, assay, day, mask, purpose="redetermination",
        status=_piece(study, scenario, nature, people.status),
    )  # fmt: skip
    gone = nature.chance("again/invalidated", float(plan.invalidated), size)[mask]
    replicate, subject = np.nonzero(mask)
    finding = "the control of the run failed on review"
    entries.add(
        AssayResultInvalidated, replicate[gone], subject[gone], (day[mask] + 1)[gone],
        {"result": results[gone], "finding": finding},
    )  # fmt: skip
    for number, (heads, items) in enumerate(list(entries.of(AssayResultRecorded))):
        at = np.flatnonzero(every[heads.replicate, heads.subject])
        replicate, subject = heads.replicate[at], heads.subject[at]
        finding = "on review the section held too little tumour"
        entries.add(
            AssayResultInvalidated, replicate, subject, day[replicate, subject],
            {"result": items["result"][at], "finding": finding}, order=number,
        )  # fmt: skip


def _piece(study: Study, scenario: Scenario, nature: Nature, status: Texts) -> Texts:
    """The status of the piece that is assayed again: another one than the subject's in some."""
    plan = scenario.redetermination
    if plan is None or not plan.contrary:
        return status
    size = status.shape[1]
    contrary = nature.chance("again/contrary", float(plan.contrary), size)
    levels = np.array(list(scenario.marker.assays[plan.assay].levels), dtype=object)
    place = np.argmax(status[..., None] == levels, axis=-1)
    step = nature.integer("again/contrary status", 1, len(levels) - 1, size)
    return np.where(contrary, levels[(place + step) % len(levels)], status)
