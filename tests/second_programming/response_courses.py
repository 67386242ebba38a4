"""Every short course of overall responses, as assessments and as the responses themselves."""

from __future__ import annotations

import itertools
import random
from typing import Any

import polars as pl

from equipoise.study.derivation import ORDER
from tests.second_programming.lesion_histories import DAY_0, Writer, day_of, tables_of_rows

RESPONSES = ("CR", "PR", "SD", "NON-CR/NON-PD", "PD", "NE")
STEPS = ((28,) * 5, (27,) * 5, (14,) * 5, (42,) * 5, (41, 28, 28, 28, 28), (84, 27, 1, 14, 28))
STEPS += ((0, 42, 28, 14, 14), (91, 14, 14, 77, 1), (35, 7, 27, 22, 7))


def courses(draw: random.Random, evaluator: str) -> dict[str, pl.DataFrame]:
    """All courses of up to three assessments, and so many longer ones, of subjects of their own."""
    rows: dict[str, list[dict[str, Any]]] = {}
    given: list[dict[str, Any]] = []
    writer = Writer("", rows)
    short = [each for size in (1, 2, 3) for each in itertools.product(RESPONSES, repeat=size)]
    long = [tuple(draw.choices(RESPONSES, (4, 5, 3, 1, 1, 3), k=5)) for _ in range(600)]
    for number, course in enumerate([*short, *short, *long]):
        writer.subject = f"01-{number:05}"
        steps = draw.choice(STEPS)
        if draw.random() < 0.97:
            writer.event("randomised", DAY_0, arm="A", stratum="all", scheme="main")
        if draw.random() < 0.15:
            ended = day_of(sum(steps[: draw.randrange(1, 5)]))
            therapy = draw.choice(("systemic", "systemic", None))  # none: taken back
            writer.event("subsequent_therapy_recorded", ended, therapy=therapy)
        if draw.random() < 0.2:
            writer.event("death_recorded", day_of(draw.choice((90, 98, 99, 105, 106, 200))))
        day = draw.choice((0, -1, -7)) if draw.random() < 0.5 else 0
        _assessed(writer, evaluator, 0, day, baseline=True)
        for order, (step, response) in enumerate(zip(steps, course, strict=False), start=1):
            day += step
            scan = _assessed(writer, evaluator, order, day, baseline=False)
            given.append(
                {
                    "replicate": 0, "subject": writer.subject, "evaluator": evaluator,
                    "assessment": scan["assessment"], "occurred": scan["occurred"],
                    "order": order, "new_lesion": False, "reappeared": False,
                    "overall_response": response, "sources": [scan["seq"]],
                }
            )  # fmt: skip
    schema = next(dict(rule.columns) for rule in ORDER if rule.produces == "time_point_response")
    full = [{column: row.get(column) for column in schema} for row in given]
    return {**tables_of_rows(rows), "time_point_response": pl.DataFrame(full, schema=schema)}


def _assessed(
    writer: Writer, evaluator: str, number: int, day: int, *, baseline: bool
) -> dict[str, Any]:
    return writer.event(
        "tumour_assessed", day_of(day), assessment=f"A{number}", evaluator=evaluator,
        visit="imaging", baseline=baseline, modality="ct",
    )  # fmt: skip
