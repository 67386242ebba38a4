"""What an analysis yields: one row of results.json."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

DIGITS = 12
"""Significant digits of every number in results.json: more than any report prints, and few enough
for the text to be the same on every machine."""

SYNTHETIC = "synthetic patients: rehearsal, not a trial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One analysis of one set of subjects. The fields are the keys of results.json.

    `groups`, `numerators` and `denominators` run in parallel: responders and evaluable subjects,
    or events and subjects. `method` says test and interval in words; `estimate`, `lower`, `upper`
    and `p` are null where they cannot be given, and `label` then says why. `sources` are the
    sorted `seq` of the events that decided who belongs to which group and with which outcome.
    Of a hypothesis of the plan's closed test `adjusted_p` is what that test makes of all its P
    values, and `rejected` its decision; null elsewhere.
    """

    analysis: str
    estimand: str
    population: str
    groups: tuple[str, ...]
    method: str
    side: str
    numerators: tuple[int, ...]
    denominators: tuple[int, ...]
    estimate: float | None
    lower: float | None
    upper: float | None
    p: float | None
    sources: tuple[int, ...]
    label: str
    adjusted_p: float | None = None
    rejected: bool | None = None


def synthetic(results: Iterable[Result]) -> list[Result]:
    """The results of a rehearsal: each label says that its patients are synthetic."""
    return [replace(each, label=f"{each.label} [{SYNTHETIC}]") for each in results]


def rounded(value: float | None) -> float | None:
    """`value` to the digits of results.json; null where it is absent or not finite.

    >>> rounded(2 / 3), rounded(float("inf")), rounded(None)
    (0.666666666667, None, None)
    """
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{DIGITS}g}") + 0.0


def results_json(results: Iterable[Result]) -> str:
    """The text of results.json: a list of objects, byte for byte the same for the same results.

    `adjusted_p` and `rejected` stand with the hypotheses of a closed test alone.
    """
    rows = (json.dumps(_plain(each), ensure_ascii=False, allow_nan=False) for each in results)
    return "[\n" + ",\n".join(rows) + "\n]\n"


def _plain(result: Result) -> dict[str, Any]:
    found = asdict(result)
    if result.adjusted_p is None and result.rejected is None:
        del found["adjusted_p"], found["rejected"]
    return found
