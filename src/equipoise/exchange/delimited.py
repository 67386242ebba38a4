"""Comma-separated files of the field, strictly: every fault has its file, line and column."""

from __future__ import annotations

import csv
import datetime
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from equipoise.errors import BadInput

MAXIMUM_BYTES = 256 * 1024 * 1024
"""No table of lesions comes near this size."""

_NUMBER = re.compile(r"-?\d{1,12}(\.\d{0,12})?", re.ASCII)
_DATE = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T[0-9:.+Z-]*)?)?)?", re.ASCII)


def is_number(text: str) -> bool:
    """Whether `text` is a decimal number such as 15.3.

    >>> is_number("15.3"), is_number("15,3"), is_number("1e3"), is_number("")
    (True, False, False, False)
    """
    return _NUMBER.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table: where it stands and the text under each column, blanks trimmed.

    Nothing in it can have happened after `upto`.
    """

    file: str
    number: int
    values: Mapping[str, str]
    upto: datetime.date = datetime.date.max

    def __getitem__(self, column: str) -> str:
        """The text under `column`; empty where the file has no such column."""
        return self.values.get(column, "")

    def bad(self, column: str, allowed: str) -> BadInput:
        """The error that `column` is not what is allowed."""
        return BadInput(
            allowed, where=f"{self.file} line {self.number}", field=column, found=self[column]
        )

    def text(self, column: str) -> str:
        """The text under `column`, which must not be empty."""
        if not self[column]:
            raise self.bad(column, "must not be empty")
        return self[column]

    def decimal(self, column: str) -> Decimal | None:
        """The number under `column`, exactly as written; None where empty."""
        if not self[column]:
            return None
        if not is_number(self[column]):
            raise self.bad(column, "must be a decimal number such as 15.3")
        return Decimal(self[column])

    def date(self, column: str) -> tuple[datetime.date | None, str]:
        """The day under `column`, None unless complete, and its text without a time of day."""
        match = _DATE.fullmatch(self[column])
        if not self[column]:
            return None, ""
        if match is None:
            raise self.bad(column, "must be a date as YYYY, YYYY-MM or YYYY-MM-DD")
        year, month, day = match.groups()
        try:
            found = datetime.date(int(year), int(month or 1), int(day or 1))
        except ValueError as error:
            raise self.bad(column, f"must be a date that exists ({error})") from error
        if found > self.upto:
            raise self.bad(column, f"must not be in the future: it is {self.upto} at the latest")
        return (found if day else None), "-".join(part for part in match.groups() if part)


def read_lines(
    path: Path, required: Sequence[str], *, upto: datetime.date = datetime.date.max
) -> list[Line]:
    """The lines of a comma-separated file with a header, in UTF-8, whose dates are up to `upto`.

    Columns are found by name, whatever their case and order. BadInput names file, line and column:
    no such file, not UTF-8, a NUL, an unclosed quotation mark, a line with more or fewer fields
    than the header (a file that was cut off), a missing or doubled column.
    """
    rows = _rows(path.name, file_text(path))
    _, header = next(rows, (1, []))
    columns = [name.strip().upper() for name in header]
    where = f"{path.name} line 1"
    if not any(columns):
        raise BadInput("must begin with a line of column names", where=where)
    for name in required:
        if name not in columns:
            raise BadInput("is a column that the file must have", where=where, field=name)
    for name in columns:
        if columns.count(name) > 1:
            raise BadInput("must name each column once", where=where, field=name or "(no name)")
    return [_line(path.name, number, columns, fields, upto) for number, fields in rows]


def _line(
    file: str, number: int, columns: Sequence[str], fields: Sequence[str], upto: datetime.date
) -> Line:
    if len(fields) != len(columns):
        raise BadInput(
            f"must have {len(columns)} fields as the header has (was the file cut off)",
            where=f"{file} line {number}",
            found=f"{len(fields)} fields",
        )
    texts = (field.strip() for field in fields)
    return Line(file, number, dict(zip(columns, texts, strict=True)), upto)


def file_text(path: Path) -> str:
    """The text of a file in UTF-8; BadInput names the line that is none, or why there is none."""
    try:
        if path.stat().st_size > MAXIMUM_BYTES:
            raise BadInput(f"must not be larger than {MAXIMUM_BYTES} bytes", where=path.name)
        content = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadInput(f"cannot be read ({reason})", where=str(path)) from error
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise BadInput(
            "must be UTF-8; save the file in that encoding",
            where=f"{path.name} line {line}",
            found=f"byte {content[error.start]:#04x}",
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise BadInput("must be text, without NUL", where=f"{path.name} line {line}")
    return text


def _rows(file: str, text: str) -> Iterator[tuple[int, list[str]]]:
    """Every line that is not empty, with the number of the line on which it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begins = 1
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise BadInput(
                f"must be comma-separated ({error})", where=f"{file} line {begins}"
            ) from error
        if fields is None:
            return
        if fields:
            yield begins, fields
        begins = reader.line_num + 1


def unique(lines: Iterable[Line], *columns: str) -> None:
    """BadInput where two lines have the same texts under all `columns`, none of them empty."""
    seen: dict[tuple[str, ...], int] = {}
    for line in lines:
        key = tuple(line[column] for column in columns)
        if not all(key):
            continue
        if key in seen:
            raise BadInput(
                f"must not be there twice: line {seen[key]} has the same",
                where=f"{line.file} line {line.number}",
                field=" + ".join(columns),
                found=" + ".join(key),
            )
        seen[key] = line.number
