"""Random harm, as event tables: awkward on purpose, at the edges of treatment and of every clock.

Events begin on, just before and just after the first dose and the end of the reporting period, in a
month or a year that reaches over either, or on no day; they get worse before, during and after,
on days or on none; serious ones are reported once or more, turn fatal later or at once; parties
differ, change their minds, judge one drug or several; listed and unlisted terms, up to their
severity and beyond; submissions come before the first report, on the last day, and a day late.
"""

from __future__ import annotations

import random
from typing import Any

import polars as pl

from equipoise.safety.plan import SafetyPlan
from equipoise.study.derivation import ORDER
from tests.second_programming.lesion_histories import Writer, day_of, tables_of_rows

CRITERIA = ("death", "life_threatening", "hospitalisation", "disability", "medically_important")


def harm(draw: random.Random, subjects: int, plan: SafetyPlan) -> dict[str, pl.DataFrame]:
    """The tables of so many subjects, the treated days among them."""
    rows: dict[str, list[dict[str, Any]]] = {}
    exposure: list[dict[str, Any]] = []
    writer = Writer("", rows)
    for number in range(subjects):
        writer.subject = f"01-{number:05}"
        first, last = draw.choice(((0, 0), (0, 40), (10, 60), (45, 45)))
        drugs = ("a", "b")[: draw.choice((0, 1, 1, 2))]
        for drug in drugs:
            exposure.append(
                {
                    "replicate": 0, "subject": writer.subject, "drug": drug,
                    "first_dose": day_of(first), "last_dose": day_of(last),
                }
            )  # fmt: skip
            last = max(first, last - draw.choice((0, 7)))
        for event in range(draw.randrange(1, 4)):
            _event(draw, writer, plan, f"AE{event}", (first, last))
    schema = next(dict(rule.columns) for rule in ORDER if rule.produces == "exposure")
    full = [{column: row.get(column) for column in schema} for row in exposure]
    return {**tables_of_rows(rows), "exposure": pl.DataFrame(full, schema=schema)}


def _edge(draw: random.Random, plan: SafetyPlan, treated: tuple[int, int]) -> int:
    first, last = treated
    end = last + plan.days_after_last_dose
    return draw.choice((first, first, last, end, end, -20)) + draw.choice((-1, 0, 0, 1))


def _event(
    draw: random.Random, writer: Writer, plan: SafetyPlan, name: str, treated: tuple[int, int]
) -> None:
    listed = plan.reference_safety_information
    reactions = listed.reactions if listed else ()
    drugs = sorted({each.drug for each in reactions}) or ["a"]
    terms = [each.term for each in reactions] + ["Anemia", "No such term"]
    at = _edge(draw, plan, treated)
    day = day_of(at)
    whole = draw.random() < 0.65
    known = draw.choice((f"{day:%Y-%m}", f"{day:%Y-%m}", f"{day:%Y}", None))
    steps = ["worse"] * draw.choice((0, 0, 1, 2, 3)) + ["code"] * draw.choice((0, 0, 1, 2))
    steps += ["opinion"] * draw.choice((0, 1, 2, 4))
    steps += ["serious"] * draw.choice((0, 1, 1, 2, 3)) + ["sent"] * draw.choice((0, 0, 1, 2, 3))
    draw.shuffle(steps)
    writer.event(
        "adverse_event_reported", day if whole else None,
        occurred_partial=None if whole else known, adverse_event=name, term=draw.choice(terms),
        grade=draw.randrange(1, 6), serious=draw.random() < 0.1, outcome="unknown",
    )  # fmt: skip
    number = 0
    for step in steps:
        beside = at + draw.choice((0, 0, 1, 2, 7, 8, 15, 16))
        if step == "worse":
            found = draw.choice((_edge(draw, plan, treated), beside, None))
            writer.event(
                "adverse_event_followed_up", None if found is None else day_of(found),
                adverse_event=name, grade=draw.randrange(1, 6), outcome="recovering",
            )  # fmt: skip
        elif step == "opinion":
            writer.event(
                "causality_assessed", day_of(beside), adverse_event=name,
                opinion_of=draw.choice(("investigator", "investigator", "sponsor")),
                drug=draw.choice(drugs), related=draw.choice(("related", "not_related")),
            )  # fmt: skip
        elif step == "serious":
            number += 1
            writer.event(
                "serious_adverse_event_reported", day_of(beside), adverse_event=name,
                report=number, criteria=draw.sample(CRITERIA, draw.choice((1, 1, 2))),
                aware=day_of(beside - draw.choice((0, 1, 1, 3))), narrative=None,
                aware_time=draw.choice((None, "00:00", "09:30", "15:00", "23:59")),
                received_time=draw.choice((None, "00:00", "09:30", "09:31", "15:00", "23:59")),
            )  # fmt: skip
        elif step == "sent":
            writer.event(
                "susar_submitted", day_of(beside + draw.choice((-1, 0, 1, 7, 8, 15))),
                adverse_event=name, kind=draw.choice(("initial", "follow_up")), number="N1",
            )  # fmt: skip
        else:
            writer.event(
                "adverse_event_coded", day_of(beside), adverse_event=name, dictionary="MedDRA",
                version=draw.choice(("26.1", "27.0")), code=f"1{writer.seq}", term="as coded",
                preferred_code="2", preferred_term=draw.choice(("Anaemia", "Nausea")),
                system_organ_class="Blood and lymphatic system disorders",
            )  # fmt: skip
