"""Dated overall responses of SDTM (RS) alone, without lesions, as the rule of best response reads.

Nothing is written, nothing dropped silently: every row of the file is used, or is named with the
reason why not. What is decided on the way:

- Rows OVRLRESP are the assessments. BESTRESP is compared with what is derived; no other test is
  used.
- An evaluator is its identifier (RSEVALID), or its role (RSEVAL) where it has none.
- Assessments stand in order of RSDTC. One without a complete date stands after the visit before
  it (VISITNUM), and has no day.
- A file of subjects (USUBJID, a reference date, perhaps a progression date; the names of the
  columns are in sdtm_tumour.yaml) names every subject, those without any response included.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import polars as pl

from equipoise.errors import BadInput
from equipoise.exchange.delimited import Line, read_lines, unique
from equipoise.exchange.sdtm_result import SourceRow, codes
from equipoise.exchange.sdtm_tumour import evaluator_names
from equipoise.response.criteria import standard
from equipoise.response.dated import DATED_RESPONSE, SUBJECT_DATES

RS_COLUMNS = ("USUBJID", "RSTESTCD", "RSSTRESC", "RSDTC")
_OVERALL, _BEST = "OVRLRESP", "BESTRESP"


@dataclass(frozen=True, slots=True)
class SubjectDates:
    """The reference date and the progression date of a subject, as far as they are given."""

    reference: datetime.date | None = None
    progression: datetime.date | None = None


@dataclass(frozen=True, slots=True)
class DatedResponses:
    """The responses in order, and everything that the file says of where they stand.

    `courses`: by subject and evaluator the rows that are assessments, in order. `best`: the rows
    that give a best response. `subjects`: in order of the file of subjects, or of their names.
    """

    rows: Sequence[SourceRow]
    courses: Mapping[tuple[str, str], Sequence[SourceRow]]
    best: Sequence[SourceRow]
    subjects: Mapping[str, SubjectDates]

    @property
    def dated(self) -> pl.DataFrame:
        """The assessments in the columns of DATED_RESPONSE."""
        made = [
            (0, subject, evaluator, order, _day(row), row.line["RSSTRESC"].upper())
            for (subject, evaluator), rows in self.courses.items()
            for order, row in enumerate(rows)
        ]
        return pl.DataFrame(made, schema=dict(DATED_RESPONSE), orient="row")

    @property
    def subject_dates(self) -> pl.DataFrame:
        """The subjects in the columns of SUBJECT_DATES."""
        made = [(0, name, each.reference, each.progression) for name, each in self.subjects.items()]
        return pl.DataFrame(made, schema=dict(SUBJECT_DATES), orient="row")


def read_dated_responses(
    rs: Path, subjects: Path | None = None, *, upto: datetime.date = datetime.date.max
) -> DatedResponses:
    """The responses of `rs`, with the dates of `subjects`.

    BadInput names file, line and column: a column that is missing, a response that is not of the
    standard, a date that does not exist or is after `upto`, an assessment whose place in time
    is not known, two responses at one visit, a subject that the file of subjects does not name.
    """
    lines = read_lines(rs, RS_COLUMNS, upto=upto)
    unique(lines, "USUBJID", "RSSEQ")
    names = evaluator_names([("RS", lines)])
    rows = [
        _row(line, number, names[line["RSEVAL"], line["RSEVALID"]])
        for number, line in enumerate(lines, start=1)
    ]
    known = _subjects(subjects, upto)
    if known is None:
        known = {name: SubjectDates() for name in sorted({row.subject for row in rows})}
    for row in rows:
        if row.subject not in known:
            raise row.line.bad("USUBJID", "must be a subject of the file of subjects")
    return DatedResponses(
        rows=rows,
        courses=_courses(row for row in rows if row.used and row.test == _OVERALL),
        best=[row for row in rows if row.used and row.test == _BEST],
        subjects=known,
    )


def _row(line: Line, number: int, evaluator: str) -> SourceRow:
    row = SourceRow(
        line=line,
        domain="RS",
        subject=line.text("USUBJID"),
        evaluator=evaluator,
        visit=line.decimal("VISITNUM") or Decimal(0),
        lesion="",
        test=line.text("RSTESTCD").upper(),
        number=number,
    )
    line.date("RSDTC")
    response = line["RSSTRESC"].upper()
    allowed = [each.code for each in standard("recist_1_1").responses]
    if row.test not in (_OVERALL, _BEST):
        row.leave(f"RSTESTCD {row.test} is no overall response")
    elif line["RSSTAT"].upper() == "NOT DONE" and not response:
        row.leave("not done: no assessment")
    elif response not in (*allowed, *(["MISSING"] if row.test == _BEST else [])):
        raise line.bad("RSSTRESC", f"must be one of {', '.join(allowed)}")
    else:
        row.use()
    return row


def _day(row: SourceRow) -> datetime.date | None:
    return row.line.date("RSDTC")[0]


def _courses(rows: Iterable[SourceRow]) -> dict[tuple[str, str], list[SourceRow]]:
    """The assessments by subject and evaluator, each in order of time."""
    found: dict[tuple[str, str], list[SourceRow]] = {}
    seen: dict[tuple[object, ...], SourceRow] = {}
    for row in rows:
        when = row.visit if row.line["VISITNUM"] else row.line["RSDTC"]
        before = seen.setdefault((row.subject, row.evaluator, when), row)
        if before is row:
            found.setdefault((row.subject, row.evaluator), []).append(row)
            continue
        if any(before.line[name] != row.line[name] for name in ("RSSTRESC", "RSDTC")):
            raise row.line.bad(
                "RSSTRESC", f"must say the same as line {before.line.number}: one visit, one reader"
            )
        row.leave("repeats an earlier line, which says the same")
    return {reader: _in_order(each) for reader, each in sorted(found.items())}


def _in_order(rows: Sequence[SourceRow]) -> list[SourceRow]:
    placed: list[tuple[datetime.date, Decimal, int, SourceRow]] = []
    last = datetime.date.min
    for row in sorted(rows, key=lambda row: (row.visit, row.line.number)):
        day = _day(row)
        if day is None:
            if not row.line["VISITNUM"]:
                raise row.line.bad("RSDTC", "must be a complete date where there is no VISITNUM")
            row.use("no complete date: stands after the visit before it, and has no day")
        last = day or last
        placed.append((last, row.visit, row.line.number, row))
    return [row for *_, row in sorted(placed, key=lambda each: each[:3])]


def _subjects(path: Path | None, upto: datetime.date) -> dict[str, SubjectDates] | None:
    if path is None:
        return None
    lines = read_lines(path, ("USUBJID",), upto=upto)
    unique(lines, "USUBJID")
    given = set(lines[0].values) if lines else set()
    names = {
        kind: next((name for name in allowed if name in given), None)
        for kind, allowed in codes()["subjects"].items()
    }
    if lines and names["reference"] is None:
        wanted = ", ".join(codes()["subjects"]["reference"])
        raise BadInput(f"must have one of the columns {wanted}", where=f"{path.name} line 1")
    found: dict[str, SubjectDates] = {}
    for line in lines:
        reference, progression = (
            _complete(line, names[kind]) for kind in ("reference", "progression")
        )
        if reference is None:
            raise line.bad(names["reference"] or "", "must not be empty")
        found[line.text("USUBJID")] = SubjectDates(reference, progression)
    return found


def _complete(line: Line, column: str | None) -> datetime.date | None:
    """The complete date under `column`; None where there is no column or it is empty."""
    if column is None or not line[column]:
        return None
    day, _ = line.date(column)
    if day is None:
        raise line.bad(column, "must be a complete date as YYYY-MM-DD")
    return day
