"""Tables as plain rows put together for each subject, and rows computed twice told apart."""

from __future__ import annotations

import calendar
import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

Row = dict[str, Any]
Subject = tuple[int, str]
"""Replicate and subject."""


def latest_day(text: str) -> datetime.date:
    """The last day that a perhaps partly known date can stand for."""
    parts = [int(part) for part in text.split("-")]
    month = parts[1] if len(parts) > 1 else 12
    day = parts[2] if len(parts) > 2 else calendar.monthrange(parts[0], month)[1]
    return datetime.date(parts[0], month, day)


def rows_by_subject(
    tables: Mapping[str, pl.DataFrame], names: Iterable[str]
) -> dict[Subject, dict[str, list[Row]]]:
    """The rows of the named tables of every subject that has any, in the order of the tables."""
    names = tuple(names)
    found: dict[Subject, dict[str, list[Row]]] = defaultdict(lambda: {name: [] for name in names})
    for name in names:
        for row in tables[name].to_dicts():
            found[row["replicate"], row["subject"]][name].append(row)
    return dict(found)


def told_apart(expected: Iterable[Row], found: pl.DataFrame, key: tuple[str, ...]) -> list[str]:
    """Every difference between rows computed twice, in the columns that `expected` has.

    `key` names the columns that tell rows apart. Empty when both have the same rows.
    """
    twice = {tuple(row[name] for name in key): row for row in expected}
    once = {tuple(row[name] for name in key): row for row in found.to_dicts()}
    said = [f"{which} only in the second programming" for which in twice.keys() - once.keys()]
    said += [f"{which} only in the product" for which in once.keys() - twice.keys()]
    for which in twice.keys() & once.keys():
        for name, value in twice[which].items():
            if once[which][name] != value:
                said.append(f"{which} {name}: product {once[which][name]}, again {value}")
    return sorted(said)
