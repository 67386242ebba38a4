"""What becomes of samples: taken, received, assayed; replicates, and the controls of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from equipoise.biomarker.assay import TENTHS
from equipoise.biomarker.events import (
    ASSAY_PLACES,
    AssayControl,
    AssayMeasurement,
    AssayResultRecorded,
    SampleCollected,
    SampleReceived,
)
from equipoise.biomarker.plan import MOST_REPLICATES, Assay
from equipoise.errors import BadInput
from equipoise.simulation.answers import Texts, text_where
from equipoise.simulation.entries import Entries
from equipoise.simulation.nature import Bools, Floats, Ints, Nature
from equipoise.simulation.patients import People
from equipoise.simulation.scenario import AssayNature, Scenario
from equipoise.study.definition import Study


def assayed(
    study: Study, scenario: Scenario, nature: Nature, people: People, entries: Entries
) -> None:
    """Enter the sample and one run of every assay, between screening and randomisation."""
    replicate, subject = np.indices(people.screened.shape).reshape(2, -1)
    sample = sample_names(entries, replicate, subject)
    day = people.screened.ravel()
    entries.add(SampleCollected, replicate, subject, day, {"sample": sample, "material": "ffpe"})
    plan, size = scenario.marker.sample, people.screened.shape[1]
    unfit = nature.chance("sample/inadequate", float(plan.inadequate), size).ravel()
    cells = nature.spread("sample/tumour cells", plan.tumour_cells, size).ravel()
    entries.add(
        SampleReceived, replicate, subject, day,
        {
            "sample": sample,
            "condition": "good",
            "adequate": ~unfit,
            "tumour_cells": np.round(cells).astype(np.int64) * TENTHS,
            "finding": text_where(unfit, plan.finding, None),
        },
    )  # fmt: skip
    every = np.ones(people.screened.shape, dtype=bool)
    for assay in study.biomarker.marker.assays:
        determined(study, scenario, nature, people, entries, assay, people.imaged, every)


def sample_names(entries: Entries, replicate: Ints, subject: Ints) -> Texts:
    """The permanent number of each subject's sample."""
    names = entries.subject_names[replicate, subject]
    return np.array([f"S-{name}" for name in names], dtype=object)


def determined(
    study: Study,
    scenario: Scenario,
    nature: Nature,
    people: People,
    entries: Entries,
    assay: Assay,
    days: Ints,
    mask: Bools,
    *,
    purpose: str = "randomisation",
    status: Texts | None = None,
) -> Texts:
    """Enter a determination by `assay` on `days` for the subjects of `mask`: one run, or more where
    nature repeats it. Returns the names of the first runs.

    `status` is that of the piece of tumour, where it is not the true one of the subject.
    """
    plan = scenario.marker.assays.get(assay.code)
    if plan is None:
        raise BadInput(
            f"how the assay {assay.code} behaves",
            where=f"scenario {scenario.name}",
            field="marker.assays",
        )
    stream = f"assay/{assay.code}/{purpose}"
    runs = _runs(nature, stream, assay, plan, mask)
    tumour = _tumour(nature, stream, plan, people.status if status is None else status)
    position = [each.code for each in study.biomarker.marker.assays].index(assay.code)
    for number, among in enumerate(runs):
        replicate, subject = np.nonzero(among)
        own = f"{stream}/{number}" if number else stream
        failed = nature.chance(f"{own}/failure", float(plan.failure), mask.shape[1])
        values = _measurements(nature, own, assay, tumour)
        head = _recorded(entries, assay, plan, purpose, runs, number, failed)
        ids = entries.add(
            AssayResultRecorded, replicate, subject, days[among], head,
            order=position * MOST_REPLICATES + number,
        )  # fmt: skip
        good = ids[~failed[among]]
        for place, (code, value) in enumerate(values.items()):
            read = {"measurement": code, "value": value[among & ~failed], "quality": "passed"}
            entries.add_nested(AssayMeasurement, good, np.full(len(good), place), read)
        _controlled(nature, own, assay, plan, among & ~failed, good, entries)
    return _results(entries, assay, purpose, mask)


def _runs(nature: Nature, stream: str, assay: Assay, plan: AssayNature, mask: Bools) -> list[Bools]:
    """Whose determination has a first run, a second, and so on up to what the study allows."""
    runs = [mask]
    most = assay.replicates.at_most if assay.replicates and plan.repeated else 1
    for number in range(1, most):
        again = nature.chance(f"{stream}/{number}", float(plan.repeated), mask.shape[1])
        runs.append(runs[-1] & again)
    return runs


def _recorded(
    entries: Entries,
    assay: Assay,
    plan: AssayNature,
    purpose: str,
    runs: Sequence[Bools],
    number: int,
    failed: Bools,
) -> Mapping[str, Any]:
    """What is recorded of the run of this number; it names its determination where it has more."""
    among = runs[number]
    more = runs[1] if len(runs) > 1 else np.zeros_like(among)
    result = _results(entries, assay, purpose, among)
    together = np.array([f"D{name[1:]}" for name in result], dtype=object)
    together[~more[among]] = None
    if number:
        result = np.array([f"{name}-{number + 1}" for name in result], dtype=object)
    control = text_where(failed[among], "negative", "positive")
    return {
        "result": result,
        "sample": sample_names(entries, *np.nonzero(among)),
        "assay": assay.code,
        "purpose": purpose,
        "technically_valid": ~failed[among],
        "failure": text_where(failed[among], plan.finding, None),
        "internal_control": control if assay.internal_control_needed else "not_applicable",
        "determination": together,
    }


def _results(entries: Entries, assay: Assay, purpose: str, mask: Bools) -> Texts:
    """The names of the first runs of the subjects of `mask`."""
    names = entries.subject_names[np.nonzero(mask)]
    return np.array([f"R-{assay.code}-{purpose[:3]}-{name}" for name in names], dtype=object)


def _controlled(
    nature: Nature,
    stream: str,
    assay: Assay,
    plan: AssayNature,
    among: Bools,
    ids: Ints,
    entries: Entries,
) -> None:
    """Enter what the controls of the runs `ids` read, those of which the scenario says it."""
    size = among.shape[1]
    for place, control in enumerate(assay.controls):
        if (reads := plan.controls.get(control.code)) is None:
            continue
        drawn = nature.spread(f"{stream}/control/{control.code}", reads, size)[among]
        value = np.round(drawn * 10).astype(np.int64) * 10 ** (ASSAY_PLACES - 1)
        read = {"control": control.code, "value": value}
        entries.add_nested(AssayControl, ids, np.full(len(ids), place), read)


def _tumour(nature: Nature, stream: str, plan: AssayNature, status: Texts) -> tuple[Floats, Floats]:
    """Level of every candidate's tumour by its true status, and the spread within it."""
    mean, between, within = (np.zeros(status.shape) for _ in range(3))
    for code, level in plan.levels.items():
        mean[status == code] = float(level.mean)
        between[status == code] = float(level.between)
        within[status == code] = float(level.within)
    return mean + between * nature.normal(f"{stream}/tumour", status.shape[1]), within


def _measurements(
    nature: Nature, stream: str, assay: Assay, tumour: tuple[Floats, Floats]
) -> Mapping[str, Ints]:
    """Scaled measurements of one run of every candidate, by the level of the tumour."""
    level, within = tumour
    size = level.shape[1]
    if assay.summary == "h_score":
        return _stained(nature, stream, level)
    result: dict[str, Ints] = {}
    for each in assay.measurements:
        value = level + within * nature.normal(f"{stream}/{each.code}", size)
        value = np.clip(value, float(each.minimum), float(each.maximum))
        result[each.code] = np.round(value * 10).astype(np.int64) * 10 ** (ASSAY_PLACES - 1)
    return result


def _stained(nature: Nature, stream: str, score: Floats) -> Mapping[str, Ints]:
    """Whole percentages of cells by staining whose H-score is near `score`; they sum to 100."""
    size = score.shape[1]
    wanted = np.round(np.clip(score, 0, 300)).astype(np.int64)
    least = np.maximum(0, wanted - 200)
    strong = least + np.floor(
        nature.uniform(f"{stream}/strong", size) * (wanted // 3 - least + 1)
    ).astype(np.int64)
    rest = wanted - 3 * strong
    least = np.maximum(0, rest - (100 - strong))
    most = np.minimum(rest // 2, 100 - strong)
    moderate = least + np.floor(
        nature.uniform(f"{stream}/moderate", size) * (np.maximum(most - least, 0) + 1)
    ).astype(np.int64)
    weak = np.minimum(rest - 2 * moderate, 100 - strong - moderate)
    scale = 10**ASSAY_PLACES
    return {
        "negative": (100 - strong - moderate - weak) * scale,
        "weak": weak * scale,
        "moderate": moderate * scale,
        "strong": strong * scale,
    }
