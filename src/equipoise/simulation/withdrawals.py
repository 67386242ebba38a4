"""Who leaves the trial, and what of it: treatment, visits, consent, or without a word (CN1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from equipoise.simulation.answers import Texts
from equipoise.simulation.entries import Entries
from equipoise.simulation.nature import Bools, Ints, Nature, chosen
from equipoise.simulation.patients import People
from equipoise.simulation.scenario import Scenario
from equipoise.study.definition import Study
from equipoise.visits.events import ConsentWithdrawn, LostToFollowUp, VisitsDiscontinued

NEVER = np.int64(2**31 - 1)
"""A day that does not come."""

KINDS = ("none", "treatment", "visits", "consent", "lost")


@dataclass(frozen=True, slots=True)
class Withdrawals:
    """What each candidate of each replicate leaves, and when; arrays are replicates x candidates.

    `stops` is the day of the decision against further study treatment, `leaves` the day from
    which nobody sees the subject, both NEVER for those who stay. `followed` says whose vital
    status is still asked for.
    """

    kind: Texts
    stops: Ints
    leaves: Ints
    followed: Bools


def withdrawals(
    scenario: Scenario, nature: Nature, people: People, death: Ints, cut: Ints
) -> Withdrawals:
    """Draw who leaves, each on a day after the first dose and before death and the cut."""
    size = people.screened.shape[1]
    kind: Texts = np.full(people.screened.shape, KINDS[0], dtype=object)
    never = np.full(people.screened.shape, NEVER)
    followed = np.ones(people.screened.shape, dtype=np.bool_)
    plan = scenario.withdrawal
    if plan is None:
        return Withdrawals(kind, never, never, followed)
    stay = 1 - plan.treatment - plan.visits - plan.consent - plan.lost
    weights = dict(
        zip(KINDS, (stay, plan.treatment, plan.visits, plan.consent, plan.lost), strict=True)
    )
    day = people.first_dose + nature.integer("withdrawal/day", *plan.days, size)
    before = (day < death) & (day < cut[:, None])
    drawn = np.array(KINDS, dtype=object)[chosen(nature.uniform("withdrawal", size), weights)]
    kind = np.where(before, drawn, kind)
    allowed = nature.chance("withdrawal/followed", float(plan.vital_status_allowed), size)
    return Withdrawals(
        kind=kind,
        stops=np.where(kind == "none", NEVER, day),
        leaves=np.where((kind == "none") | (kind == "treatment"), NEVER, day),
        followed=(kind != "lost") & ((kind != "consent") | allowed),
    )


def left(study: Study, found: Withdrawals, arm: Texts, entries: Entries) -> None:
    """Enter the withdrawals of those who were randomised, but for that of treatment alone."""
    randomised = arm != None  # noqa: E711
    mask = randomised & (found.kind == "visits")
    replicate, subject = np.nonzero(mask)
    entries.add(
        VisitsDiscontinued, replicate, subject, found.leaves[mask], {"cause": "subject_decision"}
    )
    mask = randomised & (found.kind == "consent")
    replicate, subject = np.nonzero(mask)
    for position, consent in enumerate(study.visits.consents):
        if consent.required_for_randomisation:
            items = {"consent": consent.code, "vital_status_allowed": found.followed[mask]}
            entries.add(
                ConsentWithdrawn, replicate, subject, found.leaves[mask], items, order=position
            )
    mask = randomised & (found.kind == "lost")
    replicate, subject = np.nonzero(mask)
    day = found.leaves[mask]
    items = {"last_attempt": day.astype("datetime64[D]")}
    entries.add(LostToFollowUp, replicate, subject, day, items)
