"""Random courses of visits, as event tables: awkward on purpose, at the edge of every window.

Visits take place on, just before and just after the first and the last day of their windows, twice,
or not at all and for a reason; of a repetition that is not due, of none, unscheduled; subjects
leave in every way on and beside the last day of a window, are lost and seen again, die on a day
that is known, in a month, in a year, or nobody knows when; signs of life come after death; cycles
are late, left out, and begun after treatment stopped; progression is told by nobody, one or two.
"""

from __future__ import annotations

import random
from typing import Any

import polars as pl

from equipoise.study.derivation import ORDER
from equipoise.visits.plan import VisitsPlan
from tests.second_programming.lesion_histories import Writer, day_of, tables_of_rows

REASONS = ("not_done", "not_applicable", "refused_by_subject", "unknown")


def courses(draw: random.Random, subjects: int, plan: VisitsPlan) -> dict[str, pl.DataFrame]:
    """The tables of so many subjects, that of progression among them."""
    rows: dict[str, list[dict[str, Any]]] = {}
    progression: list[dict[str, Any]] = []
    writer = Writer("", rows)
    for number in range(subjects):
        writer.subject = f"01-{number:05}"
        _subject(draw, writer, plan)
        for evaluator in ("central", "local")[: draw.choice((0, 1, 1, 2))]:
            day = day_of(_edge(draw, plan)) if draw.random() < 0.5 else None
            progression.append(
                {
                    "replicate": 0, "subject": writer.subject, "evaluator": evaluator,
                    "progressed": day is not None, "progression": day,
                }
            )  # fmt: skip
    schema = next(dict(rule.columns) for rule in ORDER if rule.produces == "progression")
    full = [{column: row.get(column) for column in schema} for row in progression]
    return {**tables_of_rows(rows), "progression": pl.DataFrame(full, schema=schema)}


def _edge(draw: random.Random, plan: VisitsPlan) -> int:
    """A day on or beside the last day of some window."""
    visit = draw.choice(plan.visits)
    repeated = (visit.repeat_every or 0) * draw.randrange(4)
    anchor = {"screening": 0, "cycle": 17 + 28 * draw.randrange(4)}.get(visit.anchor, 10)
    return anchor + visit.day + repeated + visit.window_after + draw.choice((-1, 0, 0, 1))


def _subject(draw: random.Random, writer: Writer, plan: VisitsPlan) -> None:
    former = "01-99999" if draw.random() < 0.05 else None
    writer.event("subject_screened", day_of(0), rescreening_of=former)
    steps: list[str] = ["consent"] * draw.choice((0, 1, 2, 3))
    steps += ["randomised"] * (draw.random() < 0.8) + ["failed"] * (draw.random() < 0.15)
    steps += ["cycle"] * draw.choice((0, 2, 4, 5)) + ["dose"] * draw.choice((0, 2, 4))
    steps += ["stopped"] * (draw.random() < 0.5) + ["alive"] * draw.choice((0, 0, 1, 2))
    steps += ["form"] * draw.choice((0, 1, 2)) + ["scan"] * draw.choice((0, 0, 1, 2))
    for name, chance in (("visits", 0.15), ("withdrawn", 0.2), ("lost", 0.2), ("died", 0.25)):
        steps += [name] * (draw.random() < chance)
    steps += ["lost"] * (draw.random() < 0.05) + ["therapy"] * draw.choice((0, 0, 1, 2))
    steps += ["visit"] * draw.randrange(0, 14) + ["blood"] * draw.choice((0, 0, 1, 2))
    draw.shuffle(steps)
    cycles = [number for number in range(1, 7) if draw.random() < 0.8]
    for step in steps:
        if step == "visit":
            _visit(draw, writer, plan)
        elif step == "cycle" and cycles:
            number = cycles.pop(0)
            day = 17 + 28 * (number - 1) + draw.choice((0, 0, 3))
            writer.event("cycle_started", day_of(day), cycle=number, regimen="A")
        else:
            _other(draw, writer, plan, step, _edge(draw, plan))


def _other(draw: random.Random, writer: Writer, plan: VisitsPlan, step: str, at: int) -> None:
    day = day_of(at)
    consent = draw.choice(plan.consents).code
    if step == "consent":
        writer.event(
            "consent_signed", day_of(draw.choice((-1, 0, 1))), consent=consent, version="1"
        )
    elif step == "withdrawn":
        writer.event("consent_withdrawn", day, consent=consent, vital_status_allowed=True)
    elif step == "randomised":
        writer.event("randomised", day_of(10), arm="A")
    elif step == "failed":
        criteria = draw.choice(([], ["I1"], ["I1", "E2"]))
        writer.event("screening_failed", day, cause="declined", criteria=criteria, pending=[])
    elif step == "dose":
        amount, number = draw.choice(((None, 1), (0, 1), (100, 0), (100, 1), (100, 14)))
        writer.event(
            "dose_given", day_of(draw.choice((10, 17, 45, at))), cycle=1, day=1, drug="a",
            amount=amount, administrations=number,
        )  # fmt: skip
    elif step == "blood":
        report = writer.event("laboratory_reported", day, report=f"L{writer.seq}")
        for position, value in enumerate(draw.choice(((None,), (1, None), (None, 2), ()))):
            writer.beneath("laboratory_result", report, position, analyte="platelets", value=value)
    elif step == "died":
        whole = draw.random() < 0.5
        known = draw.choice((f"{day:%Y-%m}", f"{day:%Y}"))
        writer.event(
            "death_recorded", day if whole else None,
            occurred_partial=None if whole else known, cause="disease",
        )  # fmt: skip
    else:
        table = {
            "stopped": "treatment_discontinued", "visits": "visits_discontinued",
            "lost": "lost_to_follow_up", "therapy": "subsequent_therapy_recorded",
            "alive": "vital_status_recorded", "form": "form_saved", "scan": "tumour_assessed",
        }.get(step)  # fmt: skip
        if table is not None:
            said = {"therapy": draw.choice(("systemic", None))} if step == "therapy" else {}
            writer.event(table, day, **said)


def _visit(draw: random.Random, writer: Writer, plan: VisitsPlan) -> None:
    visit = draw.choice(plan.visits)
    instance = draw.choice((1, 1, 1, 2, 2, 3, 4, 9)) if draw.random() < 0.9 else 1
    if visit.anchor != "cycle" and visit.repeat_every is None and draw.random() < 0.9:
        instance = 1
    anchor = {"screening": 0, "cycle": 17 + 28 * (instance - 1)}.get(visit.anchor, 10)
    target = anchor + visit.day + (visit.repeat_every or 0) * (instance - 1)
    beside = draw.choice((-visit.window_before, visit.window_after, 0)) + draw.choice((-1, 0, 0, 1))
    writer.event(
        "visit_recorded", day_of(target + beside), visit=visit.code, instance=instance,
        unscheduled=draw.random() < 0.1,
        not_done=draw.choice(REASONS) if draw.random() < 0.25 else None,
    )  # fmt: skip
