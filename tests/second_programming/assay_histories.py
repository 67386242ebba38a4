"""Random samples and assays, as event tables: awkward on purpose, at every limit of the marker.

Means lie at, just below and just above the cut-offs; percentages do not sum to 100; positions and
controls fail; replicates lie exactly as far apart as they may, or two pairs equally near; sections
come from inadequate blocks; results are repeated, invalidated and corrected, and samples judged,
before and after randomisation.
"""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import polars as pl

from equipoise.biomarker.plan import Assay, BiomarkerPlan
from equipoise.record.tables import empty_tables
from equipoise.study.catalogue import CATALOGUE
from tests.second_programming.corrections_made import corrected, received_late
from tests.second_programming.lesion_histories import Writer, day_of, tables_of_rows
from tests.second_programming.marker_again import declared

BESIDE = tuple(
    map(Decimal, ("-0.5001", "-0.5", "-0.1", "-0.0001", "0", "0", "0.0001", "0.4999", "0.5"))
)
"""Of a limit; by halves, since a study may compare whole numbers."""


def assays(draw: random.Random, subjects: int, plan: BiomarkerPlan) -> dict[str, pl.DataFrame]:
    """The event tables of so many subjects."""
    rows: dict[str, list[dict[str, Any]]] = {}
    writer = Writer("", rows)
    for number in range(subjects):
        writer.subject = f"01-{number:04}"
        _subject(draw, writer, plan)
    known = empty_tables(CATALOGUE)
    return tables_of_rows({name: found for name, found in rows.items() if name in known})


def _subject(draw: random.Random, writer: Writer, plan: BiomarkerPlan) -> None:
    writer.event("subject_screened", day_of(-25))
    samples = _samples(draw, writer)
    results: list[str] = []
    at = draw.randrange(0, 5) if draw.random() < 0.8 else None
    for number in range(draw.randrange(0, 6)):
        if number == at:
            writer.event("randomised", day_of(0), arm="A", stratum="all", scheme="main")
        day = draw.choice((-9, -8, -8, -7)) + number
        results += determination(draw, writer, plan, draw.choice(samples), day)
        if results and draw.random() < 0.2:
            result = results.pop(draw.randrange(len(results)))
            writer.event("assay_result_invalidated", day_of(number), result=result, finding="x")
        later(draw, writer, number)


def later(draw: random.Random, writer: Writer, day: int) -> None:
    """By chance a correction of what was recorded, or a report on a sample; of somebody who is
    randomised more often."""
    randomised = writer.rows.get("randomised", [{"subject": None}])[-1]["subject"]
    for _ in range(4 if randomised == writer.subject else 1):
        if draw.random() < 0.2:
            corrected(draw, writer)
    if draw.random() < 0.1:
        received_late(draw, writer, day_of(day))


def _samples(draw: random.Random, writer: Writer) -> list[str]:
    block = f"S{writer.seq}"
    writer.event("sample_collected", day_of(-20), sample=block, material="ffpe")
    found = [block]
    cells = (None, 50, 150, 199, 200, 201, 800, 800, 800, 800)
    if draw.random() < 0.9:
        writer.event(
            "sample_received", day_of(-15), sample=block, condition="good",
            adequate=draw.random() < 0.93, tumour_cells=draw.choice(cells),
        )  # fmt: skip
    while draw.random() < 0.5:
        parent, made = draw.choice(found), f"S{writer.seq}"
        writer.event(
            "sample_derived", day_of(-14), sample=made, parent=parent, kind="section",
            tumour_cells=draw.choice(cells) if draw.random() < 0.3 else None,
        )  # fmt: skip
        found.append(made)
        if draw.random() < 0.3:
            writer.event(
                "sample_received", day_of(-12), sample=made, condition="good",
                adequate=draw.random() < 0.9,
                tumour_cells=draw.choice(cells) if draw.random() < 0.3 else None,
            )  # fmt: skip
    return found


def determination(
    draw: random.Random,
    writer: Writer,
    plan: BiomarkerPlan,
    sample: str,
    day: int,
    valid: float = 0.93,
    again: float = 0.3,
) -> list[str]:
    """Write the runs of one determination, near a limit of its assay; the names of the results.

    `valid` is the chance that a run does not fail, `again` that it is a redetermination.
    """
    results = []
    assay = draw.choice(plan.marker.assays)
    limits = sorted(
        {
            limit
            for rule in plan.marker.rules
            for step in rule.steps
            if step.assay == assay.code
            for each in step.intervals
            for limit in (each.at_least, each.above, each.below, each.at_most)
            if limit is not None
        }
    )
    near = Decimal(draw.choice(limits)) + draw.choice(BESIDE)
    runs, apart, name = 1, Decimal(0), None
    replicates = declared(assay, "replicates", None)
    if replicates is not None and draw.random() < 0.6:
        runs = draw.randrange(1, replicates.at_most + 1)
        apart = Decimal(replicates.most_apart)
        name = f"D{writer.seq}"
    purpose = "redetermination" if draw.random() < again else "randomisation"
    for run in range(runs):
        centre = near + run * apart * draw.choice((0, 1, 1, Decimal("0.5"), Decimal("1.0002")))
        result = f"R{writer.seq}"
        row = writer.event(
            "assay_result_recorded", day_of(day + draw.choice((0, 0, 1))), result=result,
            sample=sample,
            assay=assay.code if name or draw.random() < 0.98 else "not_declared",
            purpose=purpose, technically_valid=draw.random() < valid, determination=name,
            internal_control=draw.choice(("positive",) * 8 + ("negative", "not_applicable")),
        )  # fmt: skip
        results.append(result)
        _measured(draw, writer, assay, row, max(centre, Decimal(0)))
        for position, control in enumerate(declared(assay, "controls", ())):
            if draw.random() < 0.85:
                ends = (control.at_least, control.above, control.below, control.at_most)
                limit = next(each for each in ends if each is not None)
                step = draw.choice((-1, 0, 0, 0, 1)) if draw.random() < 0.3 else 0
                fine = Decimal("0.0001") * step - (control.below is not None)
                value = None if draw.random() < 0.02 else int((limit + fine) * 10_000)
                writer.beneath("assay_control", row, position, control=control.code, value=value)
    return results


def _measured(
    draw: random.Random, writer: Writer, assay: Assay, row: dict[str, Any], centre: Decimal
) -> None:
    """Measurements whose summary is the centre, now and then one of them missing or refused."""
    values: dict[str, Decimal]
    if assay.summary == "h_score":
        strong = min(int(centre) // 3, 100)
        weak = min(max(int(centre) - 3 * strong, 0), 100 - strong)
        rest = 100 - strong - weak + draw.choice((0,) * 12 + (-1, 1))
        values = {
            "negative": Decimal(rest), "weak": Decimal(weak), "moderate": Decimal(0),
            "strong": Decimal(strong),
        }  # fmt: skip
    else:
        codes = [each.code for each in assay.measurements]
        values = dict.fromkeys(codes, centre)
        if len(codes) > 1 and centre > 4:
            shift = draw.choice((Decimal(0), Decimal("0.0002"), Decimal(3)))
            values[codes[0]] += shift
            values[codes[1]] -= shift - draw.choice((Decimal(0), Decimal("0.0001")))
    for position, (code, value) in enumerate(values.items()):
        if draw.random() < 0.99:
            writer.beneath(
                "assay_measurement", row, position, measurement=code,
                value=None if draw.random() < 0.01 else int(value * 10_000),
                quality=draw.choice(
                    ("passed",) * 60 + ("check", "failed", "not_given")
                ),
            )  # fmt: skip
