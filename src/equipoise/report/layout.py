"""What the template prints: tables as headings and rows of text, without a word of HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from equipoise.study.definition import Study


@dataclass(frozen=True, slots=True)
class Heading:
    """A column heading over `span` columns; `note` stands below it in small type."""

    text: str
    span: int = 1
    note: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its heading and cells. `kind`: `group` opens a block, `level` stands under one."""

    heading: str
    cells: Sequence[str] = ()
    kind: str = "plain"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a caption. `corner` heads the row headings, `heads` are lines of headings.

    Columns belong together in blocks of `block`; 0 where they do not.
    """

    caption: str
    corner: str
    heads: Sequence[Sequence[Heading]]
    rows: Sequence[Row]
    notes: Sequence[str] = field(default=())
    block: int = 0

    @property
    def width(self) -> int:
        """Number of columns beside the row headings."""
        return sum(each.span for each in self.heads[-1]) if self.heads else 0


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
