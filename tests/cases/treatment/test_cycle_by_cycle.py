"""A course decided cycle by cycle, with what has held before, beside the same course as a whole.

The simulator asks for one cycle at a time, conduct for all cycles of a subject at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from equipoise.study.load import load_study
from equipoise.treatment.decision import (
    DECISIONS,
    Measures,
    decisions,
    drugs_of,
    item_key,
    rules_in_force,
)
from equipoise.treatment.renal import VALUE_PLACES, Clearance

PLAN = load_study("mgmt-net").treatment
RULES = rules_in_force(PLAN)
CAPTEM = [each.code for each in PLAN.regimens].index("CAPTEM")
SOUND = {"neutrophils": "3.0", "platelets": "200", "uracilaemia": "10", "ecog": "1"}

NADIR_OF_NEUTROPHILS = ["3.0", "0.9", "3.0", "0.9", "0.9", "3.0"]
"""Before each of six cycles, x 10^9/L."""

GRADE_3 = [0, 0, 1, 1, 2, 2]
"""So far, before each of them."""


def scaled(values: Sequence[str]) -> np.ndarray:
    return np.array([round(float(each) * 10**VALUE_PLACES) for each in values])


def measured(cycles: range, before: dict[tuple[str, int], np.ndarray]) -> Measures:
    size = len(cycles)
    grade_3 = np.array(GRADE_3)[cycles.start : cycles.stop]
    nadir = scaled(NADIR_OF_NEUTROPHILS)[cycles.start : cycles.stop]
    return Measures(
        regimen=np.full(size, CAPTEM),
        first=np.zeros(size, dtype=np.int64),
        cycle=np.array(cycles) + 1,
        clearance=Clearance(np.full(size, 80), np.ones(size, dtype=np.int64)),
        values={
            item_key(limits): scaled([SOUND[limits.item]] * size)
            for _, rule in RULES
            for limits in rule.values
        },
        nadirs={"neutrophils": nadir, "platelets": scaled(["200"] * size)},
        toxicities={
            ("CAPECITABINE_TOXICITY", name): grade_3 for name in ("grade_3_first", "grade_3_second")
        },
        before=before,
    )


def told(measures: Measures) -> list[list[tuple[str, str, int]]]:
    """By row the drugs, what is decided on each, and the dose."""
    rows: list[list[tuple[str, str, int]]] = [[] for _ in measures.regimen]
    for each in decisions(measures, PLAN, RULES):
        for row, decision, dose in zip(each.row, each.decision, each.dose, strict=True):
            rows[row].append((each.drug, DECISIONS[decision], int(dose) // each.denominator))
    return rows


def test_cycle_by_cycle_is_as_all_at_once() -> None:
    number = len(GRADE_3)
    before: dict[tuple[str, int], np.ndarray] = {}
    alone = []
    for cycle in range(number):
        measures = measured(range(cycle, cycle + 1), before)
        alone += told(measures)
        before = {
            (each.drug, place): held
            for each in decisions(measures, PLAN, RULES)
            for place, held in each.held.items()
        }
    assert alone == told(measured(range(number), {}))
    assert [{drug: (what, dose) for drug, what, dose in row} for row in alone] == [
        {"capecitabine": ("full", 750), "temozolomide": ("full", 200)},
        {"capecitabine": ("full", 750), "temozolomide": ("reduce", 150)},
        {"capecitabine": ("reduce", 562), "temozolomide": ("reduce", 150)},
        {"capecitabine": ("reduce", 562), "temozolomide": ("reduce", 100)},
        {"capecitabine": ("reduce", 375), "temozolomide": ("reduce", 100)},
        {"capecitabine": ("reduce", 375), "temozolomide": ("reduce", 100)},
    ]


def test_every_drug_has_its_decisions() -> None:
    found = decisions(measured(range(3), {}), PLAN, RULES)
    assert [each.drug for each in found] == drugs_of(PLAN)
    assert {each.drug: len(each.row) for each in found if len(each.row)} == {
        "capecitabine": 3, "temozolomide": 3,
    }  # fmt: skip
