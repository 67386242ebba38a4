"""Random ways along the declared path, as event tables: awkward on purpose.

Runs lie on, just before and just after the last day of every step, or on no day; they fail, wait
for a second run, are invalidated before and after randomisation; blocks are inadequate and their
re-cuts are not, or the other way round; sections are made within a step and of another one; blood
is taken and read; what was recorded is corrected, samples are judged late; steps are named that the
path does not have; consents are signed again or late, randomisation comes before, on and after the
deadline; each trial of one subject is frozen somewhere.
"""

from __future__ import annotations

import random
from typing import Any

import polars as pl

from equipoise.biomarker.plan import BiomarkerPlan
from tests.second_programming import samples_again
from tests.second_programming.assay_histories import determination, later
from tests.second_programming.lesion_histories import Writer, day_of, tables_of_rows


def ways(draw: random.Random, subjects: int, plan: BiomarkerPlan) -> dict[str, pl.DataFrame]:
    """The event tables of so many trials of one subject each."""
    rows: dict[str, list[dict[str, Any]]] = {}
    writer = Writer("", rows)
    for number in range(subjects):
        writer.subject = f"01-{number:05}"
        before = {table: len(found) for table, found in rows.items()}
        writer.seq = 0
        _way(draw, writer, plan)
        for table, found in rows.items():
            for row in found[before.get(table, 0) :]:
                row["replicate"] = number
    for row in rows.get("redetermination_frozen", []):
        row.update(subject=None, site=None)
    return tables_of_rows(rows)


def _way(draw: random.Random, writer: Writer, plan: BiomarkerPlan) -> None:
    writer.event("subject_screened", day_of(0))
    path = plan.marker.path
    for _ in range(draw.choice((0, 1, 1, 1, 2))):
        consent = draw.choice((path.consent,) * 4 + ("other",)) if path else "other"
        writer.event(
            "consent_signed", day_of(draw.choice((-1, 0, 0, 3))), consent=consent or "other",
            version="1",
        )  # fmt: skip
    if draw.random() < 0.03:
        return
    steps = samples_again.steps(plan.marker)
    days = [step.days or 30 for step in steps]
    taken: list[str] = []
    results: list[str] = []
    randomised = draw.random() < 0.5
    at = draw.randrange(1, 12) if randomised else None
    begun = draw.choice((0, 0, 1, 4))
    day = begun
    fit = draw.choice((0.05, 0.7, 0.9))
    frozen = draw.randrange(1, 12) if draw.random() < 0.4 else None
    for number in range(draw.randrange(1, 14)):
        if number == at:
            beside = (day, begun + days[-1], begun + days[-1] + 1)
            writer.event(
                "randomised", day_of(draw.choice(beside)), arm="A", stratum="all", scheme="main"
            )
        if number == frozen:
            writer.event("redetermination_frozen", day_of(400), as_of=writer.seq)
        step = min(draw.choice((0, number // 3, number // 2)), len(steps) - 1)
        if not taken or draw.random() < 0.4:
            _sample(draw, writer, taken, steps[step], day, fit)
        if draw.random() < 0.75:
            moved = begun + draw.choice(days) + draw.choice((-1, 0, 0, 1))
            day = draw.choice((day, day, day + 1, moved))
            results += determination(
                draw, writer, plan, draw.choice(taken[-3:]), day,
                valid=draw.choice((0.0, 0.2, 0.95)), again=0.1,
            )  # fmt: skip
        if results and draw.random() < 0.12:
            result = results.pop(draw.randrange(len(results)))
            writer.event("assay_result_invalidated", day_of(day), result=result, finding="x")
        later(draw, writer, day)
    _runs_alike(draw, writer)


def _runs_alike(draw: random.Random, writer: Writer) -> None:
    """Now and then a run without a day; and determinations of one name on several samples."""
    runs = writer.rows.get("assay_result_recorded", [])
    mine = [row for row in runs if row["subject"] == writer.subject]
    if draw.random() < 0.2:
        named = {row["sample"]: row["determination"] for row in mine}
        for row in mine:
            if row["determination"] and row["determination"] == named[row["sample"]]:
                row["determination"] = "SHARED"
    for row in mine[-3:]:
        if draw.random() < 0.03:
            row["occurred"] = None


def _sample(
    draw: random.Random,
    writer: Writer,
    taken: list[str],
    step: samples_again.Step,
    day: int,
    fit: float,
) -> None:
    """A sample for a step, or of no named one; made of another or collected; received or not."""
    sample = f"{writer.subject}/S{writer.seq}"
    named = step.code if step.material != "first" or draw.random() < 0.1 else None
    if draw.random() < 0.03:
        named = draw.choice((None, "elsewhere"))
    if taken and (step.material == "recut" or draw.random() < 0.4):
        writer.event(
            "sample_derived", day_of(day), sample=sample, parent=draw.choice(taken),
            kind="section", step=named, tumour_cells=draw.choice((None, None, 100, 800)),
        )  # fmt: skip
    else:
        material = draw.choice(("ffpe",) * 6 + ("frozen", "blood"))
        writer.event("sample_collected", day_of(day), sample=sample, material=material, step=named)
    if draw.random() < 0.8:
        writer.event(
            "sample_received", day_of(day + draw.choice((0, 0, 2))), sample=sample,
            condition="good", adequate=draw.random() < fit,
            tumour_cells=draw.choice((None, 800, 800, 800, 100)),
        )  # fmt: skip
    taken.append(sample)
