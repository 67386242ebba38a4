"""Where every number leads: the lists of events behind cells, boxes and results, each list once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from equipoise.report.layout import Cell, Heading, Row, Seqs, Table
from equipoise.report.provenance import SourceList

MOST_TITLES = 3
"""Uses of one list that are named above it; of more it is said how many there are."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Events of one type in a list: how many, and as runs of numbers (first, last)."""

    type: str
    count: int
    runs: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class PrintedList:
    """A list as it is printed: what leads to it, and its events by type."""

    name: str
    titles: tuple[str, ...]
    further: int
    count: int
    types: tuple[Listed, ...]


class Citations:
    """Lists of events by their identifier, in the order in which something first led to them.

    What has the same events shares a list. A number that no event decided, a nought, leads
    nowhere.

    >>> lists = Citations()
    >>> lists.cell(Cell("2", (4, 7)), "Died").to, lists.cell(Cell("2", (4, 7)), "Dead").to
    ('events-1', 'events-1')
    >>> lists.cell(Cell("0"), "Lost").to
    ''
    """

    def __init__(self, results: Sequence[SourceList] = ()) -> None:
        self._names = {each.seqs: each.name for each in results}
        self._titles = {each.seqs: list(each.analyses) for each in results}

    def cell(self, cell: Cell, title: str) -> Cell:
        """`cell` with the identifier of its list."""
        if not cell.sources:
            return cell
        name = self._names.setdefault(cell.sources, f"events-{len(self._names) + 1}")
        titles = self._titles.setdefault(cell.sources, [])
        if title not in titles:
            titles.append(title)
        return replace(cell, to=name)

    def table(self, table: Table) -> Table:
        """`table` with every cell, row and heading leading to its list."""
        about = table.title or table.caption
        return replace(
            table,
            heads=[[self._heading(each, about) for each in line] for line in table.heads],
            rows=list(self._rows(table, about)),
            notes=[
                self.cell(note, f"{about}: {note.text}") if isinstance(note, Cell) else note
                for note in table.notes
            ],
        )

    def _heading(self, heading: Heading, about: str) -> Heading:
        return replace(heading, note=self.cell(heading.note, f"{about}: {heading.text}"))

    def _rows(self, table: Table, about: str) -> Iterable[Row]:
        columns, group = table.columns(), ""
        for row in table.rows:
            if row.kind == "group":
                group = row.heading
            inside = f"{group}, {row.heading}" if row.kind == "level" and group else row.heading
            cells = [
                self.cell(cell, f"{about}: {inside}; {column}" if column else f"{about}: {inside}")
                for column, cell in zip(columns, row.cells, strict=False)
            ]
            yield replace(row, cells=cells, whole=self.cell(row.whole, f"{about}: {inside}"))

    def printed(self, events: pl.DataFrame) -> list[PrintedList]:
        """Every list, its events by type; `events` are seq and type of all events."""
        types = dict(events.select("seq", "type").iter_rows())
        return [
            PrintedList(
                name,
                tuple(self._titles[seqs][:MOST_TITLES]),
                max(0, len(self._titles[seqs]) - MOST_TITLES),
                len(seqs),
                tuple(_by_type(seqs, types)),
            )
            for seqs, name in self._names.items()
        ]

    def seqs(self) -> set[int]:
        """Every event of any list."""
        return {seq for seqs in self._names for seq in seqs}


def _by_type(seqs: Seqs, types: dict[int, str]) -> Iterable[Listed]:
    """The events of each type, types by name."""
    found: dict[str, list[int]] = {}
    for seq in seqs:
        found.setdefault(types.get(seq, "not among the events read"), []).append(seq)
    for name in sorted(found):
        yield Listed(name, len(found[name]), tuple(runs(found[name])))


def runs(seqs: Iterable[int]) -> list[tuple[int, int]]:
    """Ascending numbers as runs without a gap.

    >>> runs([3, 4, 5, 9])
    [(3, 5), (9, 9)]
    """
    found: list[tuple[int, int]] = []
    for seq in seqs:
        if found and found[-1][1] == seq - 1:
            found[-1] = (found[-1][0], seq)
        else:
            found.append((seq, seq))
    return found
