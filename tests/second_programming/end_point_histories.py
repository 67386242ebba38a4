"""Random courses of subjects from randomisation to death, as event tables with overall responses.

Awkward on purpose: what happens lies on, a day before or a day after the ends of the planned
windows of imaging, of response and of one another; therapies and procedures have codes that are
listed for one event, for another, or nowhere; deaths are partly known; progression dates back.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Mapping
from typing import Any

import polars as pl

from equipoise.analysis.cut import data_cut
from equipoise.study.definition import Study
from equipoise.study.derivation import ORDER, derive
from tests.second_programming.lesion_histories import Writer, day_of, tables_of_rows

RESPONSES = ("CR", "PR", "SD", "NON-CR/NON-PD", "PD", "NE")
THERAPIES = ("systemic", "prrt", "surgery", "radiotherapy")
PROCEDURES = ("surgery", "resection", "ablation", "prrt", "biopsy")
CAUSES = (
    "progression", "progression", "toxicity", "completed", "completed", "subject_decision",
    "physician_decision", "death", "other",
)  # fmt: skip


def end_point_histories(
    draw: random.Random, subjects: int, study: Study, undated: float = 0
) -> dict[str, pl.DataFrame]:
    """The event tables of so many subjects, and the table of their overall responses."""
    rows: dict[str, list[dict[str, Any]]] = {}
    given: list[dict[str, Any]] = []
    writer = Writer("", rows)
    every = [each for each in study.visits.visits if each.imaging][-1]
    steps = every.repeat_every or every.day
    edges = [0, 0, 0, 1, -1]
    for side in (-every.window_before, every.window_after):
        edges += [side - 1, side, side, side + 1]
    readers = [each.code for each in study.response.evaluators]
    for number in range(subjects):
        writer.subject = f"01-{number:05}"
        _people(draw, writer)
        for reader in readers:
            if reader == study.response.primary_evaluator or draw.random() < 0.2:
                _read(draw, writer, reader, given, steps, edges, undated)
        _afterwards(draw, writer, steps, edges)
    schema = next(dict(rule.columns) for rule in ORDER if rule.produces == "time_point_response")
    full = [{column: row.get(column) for column in schema} for row in given]
    return {**tables_of_rows(rows), "time_point_response": pl.DataFrame(full, schema=schema)}


def cut_and_derived(
    tables: Mapping[str, pl.DataFrame], study: Study, cut: datetime.date | None
) -> dict[str, pl.DataFrame]:
    """These tables up to a data cut, with what is derived from them."""
    found = dict(tables)
    if cut is not None:
        given = found.pop("time_point_response")
        found = data_cut(found, cut)
        until = (pl.col("occurred") <= cut).fill_null(True)
        found["time_point_response"] = given.filter(until)
    for table in ("disposition", "allocation", "best_overall_response", "window_response"):
        found = derive(found, study, upto=table)
    return found


def _people(draw: random.Random, writer: Writer) -> None:
    writer.event("subject_screened", day_of(draw.choice((-40, -14, -1, 0))))
    if draw.random() < 0.96:
        writer.event("randomised", day_of(0), arm="A", stratum="all", scheme="main")
    if draw.random() < 0.85:
        first = draw.choice((0, 0, 1, 3, 7, 21, -1, 84))
        writer.event("dose_given", day_of(first), cycle=1, day=1, drug="D", amount=100)


def _read(
    draw: random.Random,
    writer: Writer,
    reader: str,
    given: list[dict[str, Any]],
    steps: int,
    edges: list[int],
    undated: float,
) -> None:
    days = []
    for turn in range(1, 8):
        while draw.random() < 0.72:
            days.append(turn * steps + draw.choice(edges))
            if draw.random() < 0.85:
                break
    if draw.random() < 0.15:
        days.append(draw.choice((-3, 0, 0, 1)))
    if draw.random() < 0.5:
        days += [draw.randrange(1, 400) for _ in range(2)]
    scans = [(day, False) for day in sorted(days)[: draw.randrange(0, 9)]]
    if draw.random() < 0.9:
        scans = sorted([*scans, (draw.choice((-28, -7, 0, 5)), True)])
    weights = draw.choice(((2, 3, 4, 1, 0, 2), (3, 5, 3, 0, 1, 1), (1, 1, 2, 2, 2, 4)))
    doubtful = None
    for order, (day, baseline) in enumerate(scans):
        dated = day if baseline or draw.random() >= undated else None
        scan = writer.event(
            "tumour_assessed", None if dated is None else day_of(day), assessment=f"A{order}",
            evaluator=reader, visit="imaging", baseline=baseline, modality="ct",
        )  # fmt: skip
        if baseline:
            continue
        response = draw.choices(RESPONSES, weights)[0]
        if doubtful is None and draw.random() < 0.06 and response != "PD":
            doubtful = f"NEW{order}"
            writer.beneath("new_lesion_observed", scan, 0, lesion=doubtful, certainty="equivocal")
        elif doubtful is not None and response == "PD":
            sure = "unequivocal"
            writer.beneath("new_lesion_observed", scan, 0, lesion=doubtful, certainty=sure)
        given.append(
            {
                "replicate": 0, "subject": writer.subject, "evaluator": reader,
                "assessment": scan["assessment"], "occurred": scan["occurred"], "order": order,
                "new_lesion": False, "reappeared": False, "overall_response": response,
                "sources": [scan["seq"]],
            }
        )  # fmt: skip


def _afterwards(draw: random.Random, writer: Writer, steps: int, edges: list[int]) -> None:
    """Treatment that stops or changes, contacts, and death."""

    used: list[datetime.date] = []

    def some_day() -> datetime.date:
        if used and draw.random() < 0.2:
            return draw.choice(used)
        number = draw.randrange(-2, 500)
        if draw.random() < 0.7:
            number = max(-1, draw.randrange(0, 6) * steps + draw.choice(edges))
        used.append(day_of(number))
        return used[-1]

    kinds = ["therapy"] * draw.choice((0, 0, 0, 1, 1, 2))
    kinds += ["procedure"] * draw.choice((0, 0, 0, 1, 2)) + ["stop"] * draw.choice((0, 1, 1, 2))
    draw.shuffle(kinds)
    for entry, kind in enumerate(kinds):
        day, name = some_day(), f"E{entry}"
        if kind == "therapy":
            therapy = draw.choice((*THERAPIES, None))  # none: taken back
            writer.event("subsequent_therapy_recorded", day, entry=name, therapy=therapy)
        elif kind == "procedure":
            procedure = draw.choice((*PROCEDURES, None))
            writer.event("procedure_recorded", day, entry=name, procedure=procedure)
        else:
            writer.event("treatment_discontinued", day, cause=draw.choice(CAUSES))
    for _ in range(draw.randrange(0, 3)):
        writer.event("vital_status_recorded", some_day(), source="telephone")
    if draw.random() < 0.5:
        day = some_day()
        partial = draw.choice((None, None, f"{day:%Y-%m}", f"{day:%Y-%m}", f"{day:%Y}"))
        writer.event(
            "death_recorded", None if partial else day, occurred_partial=partial, cause="disease"
        )
