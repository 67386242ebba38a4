"""How a stage declares a table rule: what it reads, what it produces, with types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

Tables = Mapping[str, pl.DataFrame]
Columns = Mapping[str, Any]
"""Column names with their polars types."""

KEY: Columns = {"replicate": pl.Int32, "subject": pl.String}
"""The key that every table of subjects begins with."""

SOURCES: Columns = {"sources": pl.List(pl.Int64)}
"""Sorted distinct `seq` of the rows that decided a derived row."""


@dataclass(frozen=True, slots=True)
class TableRule:
    """A pure function from tables and one plan of the study file to one derived table.

    `requires` names the tables and the columns that the rule reads. The rule's result has at
    least `columns`, sorted by its key. `plan` is the name of the field of the study file that the
    rule is given.
    """

    produces: str
    columns: Columns
    requires: Mapping[str, Columns]
    plan: str
    rule: Callable[[Tables, Any], pl.DataFrame]


def no_rows(columns: Columns) -> pl.DataFrame:
    """A table with these columns and no rows; `columns` is a constant, for each of which it is made
    once: most of what is derived of one subject is empty, and making a frame takes a hundred times
    as long as handing it out.

    >>> no_rows(KEY).shape
    (0, 2)
    """
    if id(columns) not in _MADE:
        _MADE[id(columns)] = columns, pl.DataFrame(schema=columns)
    return _MADE[id(columns)][1].clone()


_MADE: dict[int, tuple[Columns, pl.DataFrame]] = {}
"""By the identity of `columns`, which stays theirs since they are kept here."""
