"""Targets of SDTM that came apart or grew together, as the record says it.

CDISC's supplement to the SDTM guide for RECIST 1.1 gives the pieces of a tumour names of their own
(T04 becomes T04.1 and T04.2; TUTESTCD TUSPLIT) and names tumours that merged by all of them
(T02/T03; TUTESTCD TUMERGE). TR measures the new names from then on; the old ones have no result, or
say that they have merged. The record keeps the lesions of the baseline: one that has split adds its
pieces, of those that have merged the first has the diameter of all.

Source: CDISC, Disease Response Supplement RECIST 1.1 (draft of 2022), example of split and merged
tumours; controlled terminology C96784 (TUTESTCD), C124309 (TRPROPRS). Sums: RECIST 1.1, 4.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from equipoise.exchange.sdtm_result import (
    Seen,
    SourceRow,
    codes,
    new_seen,
    other_seen,
    says_nothing,
    target_seen,
)
from equipoise.record.event import Body
from equipoise.response.events import (
    FragmentMeasured,
    NewLesionObserved,
    NonTargetObserved,
    TargetMeasured,
)

Key = tuple[str, str, str]
"""Subject, evaluator, lesion."""

Found = TypeVar("Found")

NOBODY = ""
"""The evaluator of a lesion that TU gives none."""

Results = Mapping[str, Mapping[str, SourceRow]]
"""The results of one assessment by the name of the lesion, and by test."""

Row = tuple[type[Body], dict[str, Any], SourceRow]
"""A row of a nested table, and the row of the file that it comes from."""


@dataclass(frozen=True, slots=True)
class Lesion:
    """A lesion as one evaluator identified it."""

    row: SourceRow
    role: str
    node: bool


@dataclass(frozen=True, slots=True)
class Changed:
    """A name that stands for targets of the baseline: for a piece of one, or for several in one."""

    row: SourceRow
    of: tuple[str, ...]

    @property
    def is_piece(self) -> bool:
        """Whether it is a piece of a target."""
        return len(self.of) == 1


def of_evaluator(
    found: Mapping[Key, Found], row: SourceRow, name: str | None = None
) -> Found | None:
    """What the evaluator of a row, or nobody, has under a name; by default that of the row."""
    lesion = row.lesion if name is None else name
    keys = ((row.subject, evaluator, lesion) for evaluator in (row.evaluator, NOBODY))
    return next((found[key] for key in keys if key in found), None)


def changed(row: SourceRow, lesions: Mapping[Key, Lesion]) -> Changed | None:
    """What a row of TU says of targets that split or merged; None for one of another lesion.

    BadInput where the name does not tell which targets, or names one that was not identified.
    """
    terms = codes()["changes"]
    if row.test == terms["split"]:
        of: tuple[str, ...] = (row.lesion.rpartition(".")[0],)
        form = "the name of a lesion that was identified, a point, and a number: T04.1"
    else:
        of = tuple(row.lesion.split("/"))
        form = "the names of two lesions or more that were identified, with a stroke: T02/T03"
    found = [of_evaluator(lesions, row, name) for name in of]
    if None in found or len(set(of)) != len(of) or (row.test == terms["merged"]) == (len(of) < 2):
        raise row.line.bad("TULNKID", f"must be {form}")
    if any(each is not None and each.role != "target" for each in found):
        row.leave("only targets are followed in pieces or merged; the state of the others counts")
        return None
    row.use()
    return Changed(row, of)


def seen_rows(
    rows: Results, lesions: Mapping[Key, Lesion], changes: Mapping[Key, Changed]
) -> Iterator[Row]:
    """The rows of the nested tables that the results of one assessment become."""
    some = next(iter(next(iter(rows.values())).values()))
    mine = {
        name: change
        for (_, _, name), change in changes.items()
        if change.row.subject == some.subject
        and of_evaluator(changes, some, name) is change
        and change.row.visit <= some.visit
    }
    taken: set[str] = set()
    for name, change in sorted(mine.items()):
        if name in rows and not change.is_piece:
            taken |= {name, *change.of}
            yield from _merged(rows, change, lesions)
    for whole in sorted({change.of[0] for change in mine.values() if change.is_piece} - taken):
        pieces = {name: each for name, each in mine.items() if each.of == (whole,)}
        if any(name in rows for name in pieces):
            taken |= {whole, *pieces}
            yield from _in_pieces(rows, whole, pieces, lesions)
    for name, results in sorted(rows.items()):
        lesion = of_evaluator(lesions, next(iter(results.values())))
        if name in taken:
            continue
        if lesion is None:
            for row in results.values():
                row.leave("TU says of another visit, or of a lesion merged since, that it changed")
            continue
        yield from _as_it_was(name, results, lesion)


def _as_it_was(name: str, results: Mapping[str, SourceRow], lesion: Lesion) -> Iterator[Row]:
    row: dict[str, Any] = {"lesion": name}
    if lesion.role == "target":
        if found := target_seen(lesion.node, results):
            yield TargetMeasured, row | _size(found), found.row
    elif lesion.role == "non_target":
        if found := other_seen(results):
            yield NonTargetObserved, row | {"state": found.state}, found.row
    elif found := new_seen(results):
        yield NewLesionObserved, row | {"certainty": found.state}, found.row


def _merged(rows: Results, change: Changed, lesions: Mapping[Key, Lesion]) -> Iterator[Row]:
    """The first of them with the size of all, the others grown together with it."""
    results = rows["/".join(change.of)]
    first = change.of[0]
    lesion = of_evaluator(lesions, change.row, first)
    assert lesion is not None
    found = target_seen(lesion.node, results)
    if found is None:
        return
    for name in change.of:
        _give_way(rows.get(name, {}), f"grown together: {'/'.join(change.of)} counts")
    yield TargetMeasured, {"lesion": first} | _size(found), found.row
    for name in change.of[1:]:
        merged = {"lesion": name, "state": "merged", "merged_into": first}
        yield TargetMeasured, merged, found.row


def _in_pieces(
    rows: Results, whole: str, pieces: Mapping[str, Changed], lesions: Mapping[Key, Lesion]
) -> Iterator[Row]:
    """The target as split, and every piece; one without a result was not evaluated."""
    _give_way(rows.get(whole, {}), f"in pieces: {', '.join(sorted(pieces))} count")
    source: SourceRow | None = None
    for name, change in sorted(pieces.items()):
        lesion = of_evaluator(lesions, change.row, whole)
        assert lesion is not None
        found = target_seen(lesion.node, rows[name]) if name in rows else None
        row = {"fragment": name, "lesion": whole}
        size = {"state": "not_evaluated"} if found is None else _size(found)
        by = change.row if found is None else found.row
        source = source or by
        yield FragmentMeasured, row | size, by
    assert source is not None
    yield TargetMeasured, {"lesion": whole, "state": "split"}, source


def _size(found: Seen) -> dict[str, Any]:
    return {"state": found.state, "diameter": found.diameter}


def _give_way(results: Mapping[str, SourceRow], why: str) -> None:
    """Tell the rows of a target that others stand for; BadInput if one has a size or a state."""
    for row in results.values():
        if not says_nothing(row):
            raise row.line.bad("TRSTRESC", f"must be empty, or say that it has changed; {why}")
        row.use(why)
