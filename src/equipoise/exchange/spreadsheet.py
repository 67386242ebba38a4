"""Comma-separated text that a person opens in a spreadsheet: no cell of it is ever a formula.

A spreadsheet takes a cell that begins with = + - @, a tab or a carriage return for a formula, runs
it, and may send what stands beside it elsewhere; so what a stranger typed must not begin so. Source
of the rule: OWASP, CSV Injection.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

_BEGINS = re.compile(r"\s*[=+\-@\t\r\n＝＋－＠]")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?", re.ASCII)


def harmless(text: str) -> str:
    """The text, after an apostrophe where a spreadsheet would take it for a formula.

    A signed number is left as it is: it says the same as a number and as a formula.

    >>> [harmless(each) for each in ("=1+1", "\\tx", " @SUM(A1)", "-15.3", "a-b")]
    ["'=1+1", "'\\tx", "' @SUM(A1)", '-15.3', 'a-b']
    """
    if _BEGINS.match(text) is None or _NUMBER.fullmatch(text):
        return text
    return f"'{text}"


def comma_separated(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A header and rows as comma-separated text; lists joined by semicolons, yes or no as true or
    false, nothing for what is not known.

    >>> comma_separated(["a", "b"], [(1, "=x"), (None, [True])])
    "a,b\\n1,'=x\\n,true\\n"
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([[_cell(value) for value in row] for row in rows])
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return harmless(";".join(str(_cell(each)) for each in value))
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    return harmless(value) if isinstance(value, str) else value
