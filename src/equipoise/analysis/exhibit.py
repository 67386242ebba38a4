"""A table of what a question yields: rows of named values, printed by whoever shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Value = str | int | float | None


@dataclass(frozen=True, slots=True)
class Exhibit:
    """Rows of named values, all with the same names in the same order; `notes` say how to read."""

    code: str
    title: str
    rows: tuple[Mapping[str, Value], ...]
    notes: tuple[str, ...] = ()

    @property
    def columns(self) -> list[str]:
        """The names of the values, none without rows."""
        return list(self.rows[0]) if self.rows else []
