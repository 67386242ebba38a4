"""What central review reads in the tumours of those who were randomised."""

from __future__ import annotations

import numpy as np
import polars as pl

from equipoise.biomarker.events import PATHOLOGY_PLACES, PathologyReviewed
from equipoise.simulation.answers import Texts
from equipoise.simulation.assays import sample_names
from equipoise.simulation.entries import Entries
from equipoise.simulation.nature import Ints, Nature
from equipoise.simulation.patients import People
from equipoise.simulation.scenario import Scenario
from equipoise.study.definition import Study

_SCALE = 10**PATHOLOGY_PLACES


def reviewed(
    study: Study,
    scenario: Scenario,
    nature: Nature,
    people: People,
    arm: Texts,
    until: Ints,
    entries: Entries,
) -> None:
    """Enter a central review of the sample, blinded to arm and outcome, before the day `until`."""
    plan, pathology = scenario.pathology, study.biomarker.pathology
    if plan is None or pathology is None or pathology.local.ki67 is None:
        return
    size = people.screened.shape[1]
    day = people.randomised + nature.integer("review/days", *plan.days, size)
    mask = (arm != None) & nature.chance("review", float(plan.share), size)  # noqa: E711
    answers = people.known[pathology.local.ki67]
    mask &= (day < until) & (answers.codes >= 0)
    index = answers[mask].series().cast(pl.Float64).to_numpy()
    spread = np.exp(float(plan.spread) * nature.normal("review/ki67", size)[mask])
    found = np.clip(index * float(plan.drift) * spread, 0.1, 100)
    replicate, subject = np.nonzero(mask)
    sample = sample_names(entries, replicate, subject)
    items = {
        "review": np.array([f"C{name[1:]}" for name in sample], dtype=object),
        "sample": sample,
        "classification": pathology.in_force,
        "ki67": np.round(found * _SCALE).astype(np.int64),
        "differentiation": people.known[pathology.local.differentiation][mask].series(),
    }
    entries.add(PathologyReviewed, replicate, subject, day[mask], items)
