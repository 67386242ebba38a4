"""Responses of SDTM (RS) beside those of the rules: where they agree, where not, and why."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from equipoise.exchange.delimited import Line, read_lines, unique
from equipoise.exchange.sdtm_result import codes
from equipoise.exchange.sdtm_tumour import TumourTables
from equipoise.record.tables import Tables
from equipoise.response.events import DIAMETER_PLACES

RS_COLUMNS = ("USUBJID", "VISITNUM", "RSTESTCD", "RSSTRESC")
_BEST = "BESTRESP"


@dataclass(frozen=True, slots=True)
class Compared:
    """One response of RS beside that of the rules; `agrees` is null where there is no other."""

    line: Line
    subject: str
    evaluator: str
    visit: str
    test: str
    given: str
    derived: str | None
    agrees: bool | None
    why: str

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.line.file} line {self.line.number}"


def compare_responses(
    path: Path, read: TumourTables, derived: Tables, *, upto: datetime.date = datetime.date.max
) -> list[Compared]:
    """Every row of the file RS beside what the rules derived from TU and TR, in its order.

    BadInput as for the other files; also where one response is given twice and differently.
    """
    lines = read_lines(path, RS_COLUMNS, upto=upto)
    unique(lines, "USUBJID", "RSSEQ")
    for line in lines:
        line.date("RSDTC")
    readings = {
        (row["subject"], row["evaluator"], row["assessment"]): row
        for row in time_points(derived).iter_rows(named=True)
    }
    best = {
        (row["subject"], row["evaluator"]): row
        for row in derived["best_overall_response"].iter_rows(named=True)
    }
    return [_compared(line, read, readings, best) for line in lines]


def time_points(derived: Tables) -> pl.DataFrame:
    """Every assessment after baseline with its sums and its responses."""
    key = ["replicate", "subject", "evaluator", "assessment"]
    sums = derived["target_sum"].drop("sources", "occurred", "order")
    return derived["time_point_response"].join(sums, key, "left", maintain_order="left")


def _compared(
    line: Line,
    read: TumourTables,
    readings: Mapping[tuple[str, str, str], dict[str, Any]],
    best: Mapping[tuple[str, str], dict[str, Any]],
) -> Compared:
    subject, test, given = line.text("USUBJID"), line.text("RSTESTCD").upper(), line["RSSTRESC"]
    role, identifier = line["RSEVAL"], line["RSEVALID"]
    evaluator = read.names.get((role, identifier), identifier or role)
    visit = line.decimal("VISITNUM")
    if visit is None and test != _BEST:
        raise line.bad("VISITNUM", "must not be empty")
    column = codes()["responses"].get(test)
    name = "" if visit is None else f"{visit.normalize():f}"
    row = (
        best.get((subject, evaluator))
        if test == _BEST
        else readings.get((subject, evaluator, name))
    )
    label = line["VISIT"] or name

    def result(derived: str | None, agrees: bool | None, why: str) -> Compared:
        return Compared(line, subject, evaluator, label, test, given, derived, agrees, why)

    if column is None:
        return result(None, None, f"RSTESTCD {test} is not compared")
    if row is None:
        return result(None, None, "this evaluator has no assessment at this visit in TR")
    derived = row[column]
    if derived == given.upper():
        return result(derived, True, "")
    return result(derived, False, "" if test == _BEST else account(row))


def account(row: Mapping[str, Any]) -> str:
    """Why the response of a row of `time_points` is what it is, in words."""
    parts: list[str] = []
    if row["targets"]:
        parts.append(_of_sum(row))
    if row["not_evaluated"]:
        known = millimetres(row["known_sum"])
        parts.append(f"{row['not_evaluated']} of {row['targets']} targets not evaluated, "
                     f"known sum {known} mm")  # fmt: skip
    if row["non_target_response"] is not None:
        parts.append(f"non-target {row['non_target_response']}")
    if row["new_lesion"]:
        parts.append("unequivocal new lesion")
    if row["reappeared"]:
        seen = "disease is seen again after a complete response"
        counts = "which is progression" if row["overall_response"] == "PD" else "which may be"
        parts.append(f"{seen}, {counts} whatever its size (--reappearance)")
    return "; ".join(parts) or "no lesion at baseline"


def _of_sum(row: Mapping[str, Any]) -> str:
    if row["diameter_sum"] is None:
        return "no complete sum"
    text = f"sum {millimetres(row['diameter_sum'])} mm"
    for name, base in (("baseline", row["baseline_sum"]), ("nadir", row["nadir"])):
        if base is not None:
            change = percent(row["diameter_sum"] - base, base)
            text += f", {f'{change} from ' if change else ''}{name} {millimetres(base)}"
    return text


def millimetres(scaled: int | None) -> str | None:
    """A length of a table in millimetres.

    >>> millimetres(495)
    '4.95'
    """
    return None if scaled is None else f"{Decimal(scaled).scaleb(-DIAMETER_PLACES):f}"


def percent(change: int | None, base: int | None) -> str | None:
    """A change in per cent with one decimal, cut off and not rounded, so that no limit seems met.

    >>> percent(-2999, 10000), percent(-3000, 10000), percent(5, 0)
    ('-29.9 %', '-30.0 %', None)
    """
    if change is None or not base:
        return None
    tenths = abs(change) * 1000 // base
    return f"{'-' if change < 0 else '+'}{tenths // 10}.{tenths % 10} %"


def agreement(compared: Sequence[Compared]) -> dict[str, int]:
    """How many rows of RS agree, differ, and could not be compared."""
    verdicts = [each.agrees for each in compared]
    return {
        "agree": verdicts.count(True),
        "differ": verdicts.count(False),
        "not_compared": verdicts.count(None),
    }
