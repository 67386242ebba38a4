"""The steps of the declared path: of which step a sample is, and until when its days run."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from equipoise.biomarker.plan import BiomarkerPlan, Material
from equipoise.record.columns import among, kept
from equipoise.record.rule import Columns, Tables, no_rows
from equipoise.record.sources import FEW
from equipoise.record.subject_rows import NONE, Found, Numbers, SubjectRows, coded, gathered

_NAMED: Columns = {"replicate": pl.Int32, "sample": pl.String}

BASES = ("randomisation", "redetermination")
"""What a status is asked for: the allocation, and the analysis of what was determined again."""

NEVER = np.iinfo(np.int64).max
"""A position after every event of a record."""


class Step(NamedTuple):
    """A step of the path, and the days that it has; NONE where no day is set."""

    code: str
    material: Material
    assays: tuple[str, ...]
    days: int


class Path(NamedTuple):
    """The declared path; without one, every assay on the first sample, without an end."""

    steps: tuple[Step, ...]
    consent: str | None = None
    status: str | None = None
    materials: tuple[str, ...] = ()


def declared_path(plan: BiomarkerPlan) -> Path:
    """The path of the study file, or the one step of a study that declares none."""
    declared = plan.marker.path
    if declared is None:
        every = tuple(assay.code for assay in plan.marker.assays)
        return Path((Step("first", "first", every, NONE),))
    steps = (
        Step(each.code, each.material, each.assays, each.within_days) for each in declared.steps
    )
    return Path(tuple(steps), declared.consent, declared.status, declared.materials)


def step_place(path: Path, code: str | None) -> int:
    """The place of a step on the path; the first for none, and for one that it does not have."""
    return next((place for place, step in enumerate(path.steps) if step.code == code), 0)


def steps_of(samples: pl.DataFrame, path: Path) -> Numbers:
    """The place on the path of the step of each sample, a row of `sample_state`."""
    if samples["step"].null_count() == len(samples):
        return np.zeros(len(samples), dtype=np.int64)
    names, code = coded(samples["step"])
    return np.array([*(step_place(path, name) for name in names), 0], dtype=np.int64)[code]


def step_of_sample(samples: pl.DataFrame, step: Numbers, found: pl.DataFrame) -> Numbers:
    """The step of the sample of each row of `found`; the first where it is not recorded."""
    if not step.any():
        return np.zeros(len(found), dtype=np.int64)
    places = sample_places(samples, found)
    return np.where(places >= 0, step[places], 0)


def sample_places(samples: pl.DataFrame, found: pl.DataFrame, column: str = "sample") -> Numbers:
    """The row in `samples` of the sample that each row of `found` names in `column`; -1 for no name
    and for one that is not there."""
    if len(samples) + len(found) <= FEW:
        known, wanted = (
            zip(frame["replicate"].to_list(), frame[name].to_list(), strict=True)
            for frame, name in ((samples, "sample"), (found, column))
        )
        row_of = {pair: row for row, pair in enumerate(known)}
        return np.array([row_of.get(pair, -1) for pair in wanted], dtype=np.int64)
    names = samples.select("replicate", "sample").with_columns(
        pl.Series("row", np.arange(len(samples)))
    )
    named = found.select("replicate", pl.col(column).alias("sample"))
    rows = named.join(names, ["replicate", "sample"], "left", maintain_order="left")
    return rows["row"].fill_null(-1).to_numpy()


def allocated_at(subjects: SubjectRows, randomised: pl.DataFrame) -> Numbers:
    """The position in the record at which each subject was randomised, and NEVER after the last:
    NEVER for who was not."""
    at = np.full(len(subjects) + 1, NEVER, dtype=np.int64)
    at[subjects.rows(randomised)] = randomised["event"].to_numpy()
    at[-1] = NEVER
    return at


def frozen_at(frozen: pl.DataFrame, events: pl.DataFrame) -> Numbers:
    """For each of `events` the position of the freeze of its trial; NEVER where there is none."""
    until = np.full(len(events), NEVER, dtype=np.int64)
    replicates = events["replicate"].to_numpy()
    for replicate, as_of in zip(frozen["replicate"], frozen["as_of"], strict=True):
        until[replicates == replicate] = as_of
    return until


def off_the_path(samples: pl.DataFrame, path: Path) -> pl.DataFrame:
    """The names of the samples that came from a material which the path does not name."""
    if not path.materials or samples.is_empty():
        return no_rows(_NAMED)
    kinds = samples["kind"]
    if samples["parent"].null_count() < len(samples):
        kinds = gathered(kinds, sample_places(samples, samples, "origin"))
    other = ~among(kinds, path.materials)
    return kept(samples, other).select(*_NAMED) if other.any() else no_rows(_NAMED)


def without(found: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """The rows of `found`, in their order, that are about none of the samples `other`."""
    if other.is_empty():
        return found
    return found.join(other, [*_NAMED], "anti", maintain_order="left")


def start_of(subjects: SubjectRows, tables: Tables, path: Path) -> Found:
    """The day from which the days of the path run: that of the consent, or the first on which the
    laboratory received a sample of the path (at the latest that of its first result). Of a
    randomised subject it is what the record held at the allocation."""
    limit = allocated_at(subjects, tables["randomised"])

    def first(events: pl.DataFrame) -> Found:
        before = events["event"].to_numpy() < limit[subjects.rows(events)]
        return subjects.first(subjects.dated(events), before)

    if path.consent is not None:
        signed = tables["consent_signed"]
        return first(kept(signed, among(signed["consent"], [path.consent])))
    other = off_the_path(tables["sample_state"], path)
    received, read = (
        first(without(tables[name], other)) for name in ("sample_received", "assay_result_recorded")
    )
    earlier = (received.day == NONE) | ((read.day != NONE) & (read.day < received.day))
    return Found(
        np.where(earlier, read.day, received.day), np.where(earlier, read.seq, received.seq)
    )


def last_day(start: Found, days: Numbers) -> Numbers:
    """The last of so many days from the start; NONE where nothing runs or no day is set."""
    known = (start.day != NONE) & (days != NONE)
    return np.where(known, np.where(known, start.day, 0) + np.where(known, days, 0), NONE)


def deadlines(subjects: SubjectRows, tables: Tables, plan: BiomarkerPlan) -> Numbers:
    """The last day of the path of each subject."""
    path = declared_path(plan)
    every = np.full(len(subjects), path.steps[-1].days)
    return last_day(start_of(subjects, tables, path), every)
