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
