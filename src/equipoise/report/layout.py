"""What the template prints: tables as headings and rows of text, without a word of HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from equipoise.study.definition import Study

Seqs = tuple[int, ...]
"""Events by their `seq`, each once, smallest first."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a table or a box says in one place, and the events that it was counted from.

    `to` is the identifier of their list once there is one (`equipoise.report.citations`).
    """

    text: str
    sources: Seqs = ()
    to: str = ""


@dataclass(frozen=True, slots=True)
class Heading:
    """A column heading over `span` columns; `note` stands below it in small type."""

    text: str
    span: int = 1
    note: Cell = Cell("")


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its heading and cells. `kind`: `group` opens a block, `level` stands under one.

    `whole` leads from the heading to the events of the row, where cells are words and not counts.
    """

    heading: str
    cells: Sequence[Cell] = ()
    kind: str = "plain"
    whole: Cell = Cell("")

    @property
    def texts(self) -> list[str]:
        """What the cells say."""
        return [cell.text for cell in self.cells]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption. `corner` heads the row headings, `heads` are lines of headings.

    Columns belong together in blocks of `block`; 0 where they do not. `title` is its short name
    above lists of events.
    """

    caption: str
    corner: str
    heads: Sequence[Sequence[Heading]]
    rows: Sequence[Row]
    notes: Sequence[str | Cell] = field(default=())
    block: int = 0
    title: str = ""

    @property
    def width(self) -> int:
        """Number of columns beside the row headings."""
        return sum(each.span for each in self.heads[-1]) if self.heads else 0

    def columns(self) -> list[str]:
        """For each column its headings, from above to below."""
        lines = [[each.text for each in line for _ in range(each.span)] for line in self.heads]
        return [", ".join(filter(None, texts)) for texts in zip(*lines, strict=True)]


def seqs_of(*columns: pl.Series) -> Seqs:
    """The events that stand in columns of `sources` (lists) or of `seq` (numbers, null for none).

    >>> seqs_of(pl.Series([[7, 3], [3]]), pl.Series([None, 5]))
    (3, 5, 7)
    """
    parts = [
        column.explode(keep_nulls=False, empty_as_null=False)
        if isinstance(column.dtype, pl.List)
        else column
        for column in columns
    ]
    found = [part.drop_nulls().cast(pl.Int64).to_numpy() for part in parts]
    return tuple(np.unique(np.concatenate(found)).tolist()) if found else ()


def counted_in(frame: pl.DataFrame, *names: str) -> Cell:
    """The number of rows of `frame`, from the events in its columns `names`, else `sources`."""
    return Cell(str(len(frame)), seqs_of(*(frame[name] for name in names or ("sources",))))


def words(*texts: str) -> list[Cell]:
    """Cells of words."""
    return [Cell(text) for text in texts]


def arm_codes(study: Study) -> list[str]:
    """Arms in the study's order."""
    return [arm.code for arm in study.randomisation.arms]


def status_codes(study: Study) -> list[str]:
    """Marker statuses in the study's order."""
    return [status.code for status in study.biomarker.marker.statuses]


def arm_label(study: Study, code: str) -> str:
    """An arm in words."""
    return next(arm.label.en for arm in study.randomisation.arms if arm.code == code)


def status_label(study: Study, code: str) -> str:
    """A marker status in words."""
    return next(each.label.en for each in study.biomarker.marker.statuses if each.code == code)
