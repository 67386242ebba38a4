"""One result of SDTM TR: what it says of a lesion, and whether it was used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib.resources import files
from typing import Any

from ruamel.yaml import YAML

from equipoise.exchange.delimited import Line, is_number
from equipoise.record.tables import column_measure
from equipoise.response.events import TargetMeasured

LARGEST = Decimal(600)
"""Beyond any lesion (mm): as the record limits a diameter."""


@cache
def codes() -> Mapping[str, Any]:
    """How terms of the standard are read (sdtm_tumour.yaml)."""
    text = files("equipoise.exchange").joinpath("sdtm_tumour.yaml").read_text("utf-8")
    found: Mapping[str, Any] = YAML(typ="safe").load(text)
    return found


@dataclass(slots=True)
class SourceRow:
    """One row of TU or TR: its number as a source, whether it was used, and what is to be told."""

    line: Line
    domain: str
    subject: str
    evaluator: str
    visit: Decimal
    lesion: str
    test: str
    number: int = 0
    used: bool = False
    told: str = ""

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.line.file} line {self.line.number}"

    def use(self, told: str = "") -> None:
        """Count the row as used."""
        self.used, self.told = True, told

    def leave(self, why: str) -> None:
        """Count the row as not used."""
        self.used, self.told = False, why


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a lesion: state, diameter in the scale of its table, and by which row."""

    state: str
    row: SourceRow
    diameter: int | None = None


def target_seen(node: bool, results: Mapping[str, SourceRow]) -> Seen | None:
    """What the results of a target lesion at one visit say; None where none of them says anything.

    The axis that counts decides; a state (TUMSTATE) only where that axis has no value.
    """
    terms = codes()
    axes = terms["axes"]["node" if node else "other"]
    measured = next((results[test] for test in axes if test in results), None)
    state = next((results[test] for test in terms["states"] if test in results), None)
    for test, row in results.items():
        if test in terms["diameters"]:
            kind = "a node counts with its short axis" if node else "the longest diameter counts"
            row.leave(f"{test} is not the axis that counts: {kind}")
        elif test in terms["states"]:
            row.leave(f"{test} is not needed: the size is there")
        else:
            row.leave(f"TRTESTCD {test} of a target lesion is not read")
    if measured is not None and (state is None or _has_value(measured)):
        return _sized(measured, results.get("LDIAM") if node else None)
    if state is None:
        return None
    if measured is not None:
        measured.leave(f"{measured.test} has no value; the state counts")
    return _stated(state, "target")


def says_nothing(row: SourceRow) -> bool:
    """Whether a result of a target has neither a size nor a state but that it has changed."""
    text = row.line["TRSTRESC"].upper()
    return _not_done(row) or not _has_value(row) or text in codes()["changed"]


def other_seen(results: Mapping[str, SourceRow]) -> Seen | None:
    """What the results of a non-target lesion at one visit say: only its state is read."""
    return _by_state(results, "non_target", "non-target")


def new_seen(results: Mapping[str, SourceRow]) -> Seen | None:
    """What the results of a new lesion at one visit say; its identification alone: unequivocal.

    None where it is absent or was not evaluated.
    """
    identification = next((row for row in results.values() if row.domain == "TU"), None)
    if identification is not None and not identification.used:
        identification.use()
    seen = _by_state(
        {test: row for test, row in results.items() if row.domain == "TR"}, "new", "new"
    )
    if seen is None and identification is not None:
        return Seen("unequivocal", identification)
    return seen


def _by_state(results: Mapping[str, SourceRow], role: str, called: str) -> Seen | None:
    states = codes()["states"]
    for test, row in results.items():
        row.leave(f"TRTESTCD {test} of a {called} lesion is not read")
    chosen = next((results[test] for test in states if test in results), None)
    return None if chosen is None else _stated(chosen, role)


def _has_value(row: SourceRow) -> bool:
    return bool(row.line["TRSTRESC"] or row.line["TRSTRESN"])


def _not_done(row: SourceRow) -> bool:
    return row.line["TRSTAT"].upper() == "NOT DONE"


def _stated(row: SourceRow, role: str) -> Seen | None:
    """A state by the terms that the role allows."""
    terms: Mapping[str, str | None] = codes()[role]
    text = row.line["TRSTRESC"].upper()
    if _not_done(row) or not text:
        row.use(_why_missing(row))
        return None if role == "new" else Seen("not_evaluated", row)
    if text not in terms:
        raise row.line.bad("TRSTRESC", f"must be one of {', '.join(terms)}")
    state = terms[text]
    row.use("present without a size: not evaluated" if _unsized(text, role) else "")
    return None if state is None else Seen(state, row)


def _unsized(text: str, role: str) -> bool:
    return role == "target" and text in ("PRESENT", "PATHOLOGICAL")


def _why_missing(row: SourceRow) -> str:
    reason = row.line["TRREASND"]
    said = "not done" if _not_done(row) else "no value"
    return f"{said}{f' ({reason})' if reason else ''}: not evaluated"


def _sized(row: SourceRow, diameter: SourceRow | None) -> Seen | None:
    """A size in millimetres, or the state that stands in its place."""
    line = row.line
    if _not_done(row) or not _has_value(row):
        row.use(_why_missing(row))
        return Seen("not_evaluated", row)
    size, text = line.decimal("TRSTRESN"), line["TRSTRESC"]
    if text and not is_number(text):
        seen = _term_for_size(row, text)
        if seen is not None and (size is None or seen.state != "too_small"):
            return seen
    elif text:
        written = Decimal(text)
        if size is not None and written != size:
            raise line.bad("TRSTRESN", f"must be the number of TRSTRESC, {text}")
        size = written
    assert size is not None
    if line["TRSTRESU"] != "mm":
        raise line.bad("TRSTRESU", "must be mm: sizes are compared in millimetres")
    if not 0 <= size <= LARGEST:
        raise line.bad("TRSTRESN" if line["TRSTRESN"] else "TRSTRESC", f"must be 0 to {LARGEST} mm")
    return _measured(row, size, diameter)


def _term_for_size(row: SourceRow, text: str) -> Seen | None:
    terms: Mapping[str, str] = codes()["target"]
    if text.upper() not in terms:
        raise row.line.bad("TRSTRESC", f"must be a number, or one of {', '.join(terms)}")
    row.use("present without a size: not evaluated" if _unsized(text.upper(), "target") else "")
    return Seen(terms[text.upper()], row)


def _measured(row: SourceRow, size: Decimal, diameter: SourceRow | None) -> Seen:
    measure = column_measure(TargetMeasured, "diameter")
    rounded = size.quantize(Decimal(1).scaleb(-measure.places), ROUND_HALF_UP)
    told = [f"rounded from {size} to {rounded} mm"] if rounded != size else []
    longest = diameter.line["TRSTRESC"] if diameter is not None else ""
    if diameter is not row and is_number(longest) and size > Decimal(longest):
        told.append(f"longer than its LDIAM ({longest} mm), which cannot be; taken as it is")
    row.use("; ".join(told))
    if rounded == 0:
        return Seen("absent", row)
    return Seen("measured", row, measure.scaled(rounded))
