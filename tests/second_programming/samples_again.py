"""Samples programmed again: what each was made from, what is said of it, for which step it is.

Written from the plan of the study file, the events and the descriptions in words of `sample_state`
and of the declared path, by somebody who has not read the rules. One subject at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from equipoise.biomarker.plan import Marker
from tests.second_programming.rows_by_subject import Row

Subject = dict[str, list[Row]]


@dataclass(frozen=True)
class Step:
    """A step of the declared path: its days, or none where nothing is declared."""

    code: str | None
    material: str
    assays: tuple[str, ...]
    days: int | None


def steps(marker: Marker) -> list[Step]:
    """The declared steps; one step of every assay and without an end where none is declared."""
    if marker.path is None:
        return [Step("first", "first", tuple(assay.code for assay in marker.assays), None)]
    return [
        Step(each.code, each.material, each.assays, each.within_days) for each in marker.path.steps
    ]


def chain(subject: Subject, sample: str) -> list[str]:
    """A sample, what it was made from, and so on up to the one that was collected."""
    made_from = {row["sample"]: row["parent"] for row in subject["sample_derived"]}
    found = [sample]
    while found[-1] in made_from:
        found.append(made_from[found[-1]])
    return found


def made(subject: Subject) -> list[Row]:
    return subject["sample_collected"] + subject["sample_derived"]


def named_step(subject: Subject, sample: str) -> str | None:
    """The step that the sample was recorded for, or the nearest above it of which one was said."""
    own = {row["sample"]: row["step"] for row in made(subject)}
    return next((own[each] for each in chain(subject, sample) if own.get(each)), None)


def place(subject: Subject, sample: str, marker: Marker) -> int:
    """The place on the path of the step of a sample; the first where no declared one is named."""
    codes = [step.code for step in steps(marker)]
    named = named_step(subject, sample)
    return codes.index(named) if named in codes else 0


def of_the_path(subject: Subject, sample: str, marker: Marker) -> bool:
    """Whether the sample comes from a material that the path reads."""
    if marker.path is None:
        return True
    material = {row["sample"]: row["material"] for row in subject["sample_collected"]}
    return material.get(chain(subject, sample)[-1]) in (*marker.path.materials, None)


def adequate(subject: Subject, sample: str) -> bool | None:
    """False where the sample or one above it was found inadequate, true where one was adequate.

    One that was recorded for a step and itself found adequate is not judged by what is above it.
    """
    judged = {row["sample"]: row["adequate"] for row in subject["sample_received"]}
    for_a_step = {row["sample"] for row in made(subject) if row["step"] is not None}
    found = []
    for each in chain(subject, sample):
        if each in judged:
            found.append(judged[each])
            if judged[each] and each in for_a_step:
                break
    return all(found) if found else None


def tumour_cells(subject: Subject, samples: Sequence[str]) -> Fraction | None:
    """The content of the first sample of which somebody says, in per cent.

    Of one sample, what the laboratory found on receiving it goes before what was said on making it.
    """
    for sample in samples:
        for table in ("sample_received", "sample_derived"):
            for row in subject[table]:
                if row["sample"] == sample and row["tumour_cells"] is not None:
                    return Fraction(row["tumour_cells"], 10)
    return None


def sample_row(subject: Subject, row: Row) -> Row:
    """What is compared of a sample."""
    line = chain(subject, row["sample"])
    cells = tumour_cells(subject, line)
    return {
        "sample": row["sample"],
        "parent": row.get("parent"),
        "origin": line[-1],
        "kind": row["material"] if "material" in row else row["kind"],
        "step": named_step(subject, row["sample"]),
        "adequate": adequate(subject, row["sample"]),
        "tumour_cells": None if cells is None else cells * 10,
        "event": row["event"],
    }
