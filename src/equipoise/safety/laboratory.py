"""Analytes, units and the laboratory limits of CTCAE 5, as data (sources in SOURCES.md).

Numbers stay exact: a value is an integer at `LABORATORY_PLACES` decimal places in the unit in which
it was reported, a factor an integer at `FACTOR_PLACES`, and their product an integer at
`STANDARD_PLACES`. Nothing is rounded, and limits are met exactly or not at all.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Literal

from equipoise.safety.events import LABORATORY_PLACES

FACTOR_PLACES = 4
"""Decimal places of the factors between units."""

STANDARD_PLACES = LABORATORY_PLACES + FACTOR_PLACES
"""Decimal places of values in the standard unit of their analyte."""

LARGEST_STANDARD = 10**7
"""No value in a standard unit comes near, and `conduct` refuses one that does: beyond it the
products of limits would not fit."""

MULTIPLE_PLACES = 1
"""Decimal places of the multiples of a limit of normal or of baseline."""

Scale = Literal["value", "lln", "uln", "baseline", "uln_and_baseline"]
"""What a limit counts in: the unit itself, or multiples of a limit of normal or of baseline."""

Direction = Literal["low", "high"]
"""Whether a term is about values that are too low or too high."""


@dataclass(frozen=True, slots=True)
class Analyte:
    """What is measured, and the unit in which its values stand in derived tables."""

    code: str
    name: str
    unit: str


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit of an analyte: `value * to_standard` is in its standard unit.

    `value * to_graded` is in the unit `graded_in`, in which absolute limits are looked up: where
    the standard prints two units of an analyte, a value is graded by the limits of its own. An
    `exact` factor is a definition; another is the customary one, after a molar mass.
    """

    analyte: str
    unit: str
    to_standard: int
    graded_in: str
    to_graded: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Bound:
    """One end of an interval: `limit` of `scale`.

    An integer at `STANDARD_PLACES` for a value, at `MULTIPLE_PLACES` for a multiple.
    """

    limit: int
    scale: Scale
    closed: bool


@dataclass(frozen=True, slots=True)
class Limit:
    """One clause of the wording of one grade of one term.

    Without `analyte` the clause speaks of something that is no value (an intervention, a symptom).
    With `decides` the value does not suffice: what is named decides. `baseline` restricts the
    clause to subjects whose value at baseline was normal, or abnormal.
    """

    term: str
    grade: int
    analyte: str | None
    unit: str | None
    above: Bound | None
    below: Bound | None
    baseline: Literal["normal", "abnormal"] | None
    decides: str | None
    wording: str


def _rows(name: str) -> list[dict[str, str]]:
    text = (resources.files("equipoise.safety") / name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def analytes() -> Mapping[str, Analyte]:
    """Every analyte by its code.

    >>> analytes()["platelets"].unit
    '10^9/L'
    """
    rows = _rows("laboratory_analytes.csv")
    return {row["analyte"]: Analyte(row["analyte"], row["name"], row["unit"]) for row in rows}


@cache
def units() -> Mapping[tuple[str, str], Unit]:
    """Every unit in which values of an analyte may be reported, by analyte and unit.

    >>> units()["neutrophils", "/mm3"].to_standard
    10
    """
    return {
        (row["analyte"], row["unit"]): Unit(
            row["analyte"],
            row["unit"],
            _scaled(row["to_standard"], FACTOR_PLACES),
            row["graded_in"],
            _scaled(row["to_graded"], FACTOR_PLACES),
            row["factor"] == "exact",
        )
        for row in _rows("laboratory_units.csv")
    }


@cache
def limits() -> tuple[Limit, ...]:
    """Every clause that grades a value, or stands beside one, in the order of the standard.

    >>> [each.grade for each in limits() if each.term == "Hypokalemia" and each.analyte]
    [1, 2, 3, 4]
    """
    return tuple(
        Limit(
            row["term"],
            int(row["grade"]),
            row["analyte"] or None,
            row["unit"] or None,
            _bound(row, "above"),
            _bound(row, "below"),
            row["baseline"] or None,  # type: ignore[arg-type]
            row["decides"] or None,
            row["wording"],
        )
        for row in _rows("ctcae_5_laboratory.csv")
    )


@cache
def graded_term(analyte: str, direction: Direction) -> tuple[str | None, tuple[Limit, ...]]:
    """The term that low (or high) values of an analyte are graded by, and its clauses about them.

    >>> graded_term("potassium", "low")[0], graded_term("platelets", "high")
    ('Hypokalemia', (None, ()))
    """
    below = {limit.term for limit in limits() if limit.below and limit.below.scale == "lln"}
    found = tuple(
        limit
        for limit in limits()
        if limit.analyte == analyte and (limit.term in below) == (direction == "low")
    )
    return (found[0].term if found else None), found


@cache
def beyond_value(term: str) -> tuple[tuple[int, str], ...]:
    """Grades of a term that something else than a value gives, with their wording.

    They are the clinician's to find: what is computed from a value leaves them out.

    >>> beyond_value("Anemia")[0]
    (3, 'transfusion indicated')
    """
    return tuple(
        (each.grade, each.wording)
        for each in limits()
        if each.term == term and each.analyte is None
    )


@cache
def not_computed() -> Mapping[str, str]:
    """Terms of CTCAE 5 that speak of a measurement and that no value here grades: the reason.

    >>> not_computed()["Pancreatic enzymes decreased"]
    'does not say which enzyme'
    """
    return {row["term"]: row["reason"] for row in _rows("ctcae_5_not_computed.csv")}


def _bound(row: Mapping[str, str], end: str) -> Bound | None:
    if not row[end]:
        return None
    scale: Scale = row[f"{end}_of"]  # type: ignore[assignment]
    places = STANDARD_PLACES if scale == "value" else MULTIPLE_PLACES
    return Bound(_scaled(row[end], places), scale, row[f"{end}_closed"] == "yes")


def _scaled(text: str, places: int) -> int:
    scaled = Decimal(text).scaleb(places)
    if scaled != int(scaled):
        raise ValueError(f"{text} has more than {places} decimal places")
    return int(scaled)
