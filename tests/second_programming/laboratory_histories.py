"""Random laboratory values, reference ranges and doses, as tables: awkward on purpose.

Values lie on, just beside and between the limits of every clause: absolute ones, multiples of the
limits of normal and of the baseline; ranges begin on the day of a value, a day before or after,
hold for a sex or some ages, stand in another unit or in none that is known; values stand in a unit
that is not known, or are missing; there is no range, no baseline, no dose.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Sequence
from fractions import Fraction
from importlib import resources
from typing import Any

import polars as pl

from equipoise.study.derivation import ORDER
from tests.second_programming.lesion_histories import Writer, day_of, tables_of_rows

SITES = ("01", "02", "03")
MULTIPLES = ("1", "1.5", "2.0", "2.5", "3.0", "5.0", "6.0", "10.0", "20.0")
BESIDE = (0, 0, 0, 1, -1)
USUAL = {"neutrophils": 30_000, "leukocytes": 60_000, "lymphocytes": 15_000, "lipase": 300_000}
"""Values of some analytes at 4 decimal places; of the others near an absolute limit or 10."""


def _file(name: str) -> list[dict[str, str]]:
    with (resources.files("equipoise.safety") / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


UNITS = _file("laboratory_units.csv")
ANALYTES = sorted({row["analyte"] for row in UNITS})
CLAUSES = _file("ctcae_5_laboratory.csv")


def laboratory_histories(
    draw: random.Random, subjects: int, sex_item: str, age_item: str, sexes: Sequence[str]
) -> dict[str, pl.DataFrame]:
    """The tables that laboratory values are derived from, the treated days and items among them."""
    rows: dict[str, list[dict[str, Any]]] = {}
    exposure, items = [], []
    writer = Writer("", rows)
    centre = {analyte: _usual(draw, analyte) for analyte in ANALYTES}
    for site in SITES:
        for analyte in ANALYTES:
            if draw.random() < 0.85:
                _range(draw, writer, site, analyte, centre[analyte], ())
            for _ in range(draw.randrange(0, 4)):
                _range(draw, writer, site, analyte, centre[analyte], sexes)
    for number in range(subjects):
        writer.subject = f"01-{number:05}"
        items.append(
            {
                "replicate": 0, "subject": writer.subject,
                sex_item: draw.choice((*sexes, *sexes, None)),
                age_item: draw.choice((17, 18, 39, 40, 64, 65, 80, None)),
            }
        )  # fmt: skip
        for drug in ("a", "b")[: draw.choice((0, 1, 1, 2))]:
            first = draw.choice((0, 0, 7, 21))
            exposure.append(
                {
                    "replicate": 0, "subject": writer.subject, "drug": drug,
                    "first_dose": day_of(first),
                    "last_dose": day_of(first + draw.choice((0, 21, 84))),
                }
            )  # fmt: skip
        site = draw.choice(SITES)
        for analyte in draw.sample(ANALYTES, 3):
            _values(draw, writer, site, analyte, centre[analyte])
    schema = next(dict(rule.columns) for rule in ORDER if rule.produces == "exposure")
    full = [{column: row.get(column) for column in schema} for row in exposure]
    kinds = {"replicate": pl.Int32, "subject": pl.String, sex_item: pl.String, age_item: pl.Int64}
    return {
        **tables_of_rows(rows),
        "exposure": pl.DataFrame(full, schema=schema),
        "subject_item": pl.DataFrame(items, schema=kinds),
    }


def _usual(draw: random.Random, analyte: str) -> int:
    """A lower end of normal, in the standard unit."""
    return USUAL.get(analyte) or draw.choice((100_000, 30_000, 4_000_000, 350))


def _in_unit(number: Fraction, factor: str) -> int:
    """The number at 4 decimal places in another unit, at least as near as it can be told."""
    return round(number / Fraction(factor))


def _range(
    draw: random.Random, writer: Writer, site: str, analyte: str, low: int, sexes: Sequence[str]
) -> None:
    """A range from some day on, perhaps for one of `sexes`; without them for all, long since."""
    factors = [row for row in UNITS if row["analyte"] == analyte]
    unit = draw.choice(factors)
    name = unit["unit"] if draw.random() < 0.93 else "of_no_kind"
    ends = [_in_unit(Fraction(low) * share, unit["to_standard"]) for share in (1, 2)]
    limited = draw.random()
    ages = draw.choice(((None, None), (None, None), (18, None), (None, 40), (18, 65), (40, 65)))
    day = draw.choice((-400, -8, -7, 0, 1, 21))
    if not sexes:
        ages, day = (None, None), -500
    writer.subject = None  # type: ignore[assignment]
    row = writer.event(
        "reference_range", day_of(day), position=0,
        analyte=analyte, unit=name, low=None if limited < 0.12 else ends[0],
        high=None if 0.08 < limited < 0.2 else ends[1], sex=draw.choice((None, None, *sexes)),
        age_from=ages[0], age_below=ages[1],
    )  # fmt: skip
    row["site"] = site
    row["seq"] += 1_000_000 * (draw.random() < 0.1)
    if draw.random() < 0.2:  # twice in one declaration: the later one stands
        other = {**row, "position": 1, "low": ends[0] + 5, "sex": draw.choice((None, *sexes))}
        writer.rows["reference_range"].append(other)


def _values(draw: random.Random, writer: Writer, site: str, analyte: str, low: int) -> None:
    factors = [row for row in UNITS if row["analyte"] == analyte]
    absolute = [
        (Fraction(clause[side]), clause["unit"])
        for clause in CLAUSES
        for side in ("above", "below")
        if clause["analyte"] == analyte and clause[f"{side}_of"] == "value"
    ]
    seen = [Fraction(low)]
    choice = draw.choice(((-7, -7, 0, 0, 1, 7, 21, 22, 30, 51, 52, 114), (1, 8, 22, 30, 31, 115)))
    days = sorted(draw.choice(choice) for _ in range(5))
    for day in days[: draw.randrange(1, 6)]:
        unit = draw.choice(factors)
        chance = draw.random()
        if absolute and chance < 0.4:
            limit, printed = draw.choice(absolute)
            fitting = [row for row in factors if row["graded_in"] == printed] or [unit]
            unit = draw.choice(fitting)
            value = _in_unit(limit * 10_000, unit["to_graded"])
        else:
            start = draw.choice(seen) if chance < 0.7 else Fraction(low * draw.choice((1, 2)))
            value = _in_unit(start * Fraction(draw.choice(MULTIPLES)), unit["to_standard"])
        value = max(value + draw.choice(BESIDE), 0)
        seen.append(value * Fraction(unit["to_standard"]))
        known = draw.random()
        row = writer.event(
            "laboratory_result", None if known < 0.01 else day_of(day), position=0,
            analyte=analyte, value=None if known > 0.97 else value,
            unit="of_no_kind" if 0.94 < known < 0.97 else unit["unit"],
        )  # fmt: skip
        row["site"] = site
        row["seq"] += 1_000_000 * (draw.random() < 0.1)  # corrected later
