"""Tables of printed results: a comma-separated file of anybody's, or our results.json."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

from pydantic import TypeAdapter, ValidationError

from equipoise.analysis.result import Result
from equipoise.analysis.result_claim import claim_of
from equipoise.errors import BadInput
from equipoise.exchange.delimited import Line, file_text, read_lines
from equipoise.statistics.claim import MEASURES, METHODS, TESTS, Claim, Share
from equipoise.statistics.printed import FIGURE_IN_WORDS, Printed, printed
from equipoise.statistics.proportion import Side

COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "label": "what the result is called; must not be empty",
        "measure": "what is estimated (codes below); may be empty where only counts are printed",
        "estimate": "the estimate",
        "lower": "the lower limit; NR or ∞ where it was not reached",
        "upper": "the upper limit; NR or ∞ where it was not reached",
        "level": "the level of the interval as 95, 95% or 0.95; empty: 95 %",
        "p": "the P value, perhaps a bound such as <0.001",
        "side": "two_sided, greater or less; empty: two_sided",
        "method": "which interval it is (codes below); empty: not said, Wald is tried",
        "test": "which test P is of (codes below); empty: that of the interval",
        "numerator": "a count, or one for each group, separated by semicolons",
        "denominator": "the number of subjects that the count is of, in the same way",
        "percent": "the percentage printed beside the count, in the same way",
        "source": "where it is printed; is not read",
        "note": "is not read",
    }
)
"""The columns of a table of printed results, all but `label` optional."""

_SIDES: tuple[Side, ...] = ("two_sided", "greater", "less")
_LEVEL = re.compile(r"(\d{0,3}(?:\.\d{1,6})?) ?%?", re.ASCII)
_COUNT = re.compile(r"\d{1,12}", re.ASCII)
_RESULTS = TypeAdapter(list[Result])


def read_claims(path: Path) -> list[Claim]:
    """The printed results of a file: results.json by its name's end .json, else comma-separated.

    BadInput names line (or entry) and field of whatever cannot be read, and a column that is
    unknown: one with a misspelt name would else go unchecked.
    """
    if path.suffix.lower() == ".json":
        return [claim_of(each) for each in _results(path)]
    lines = read_lines(path, ("LABEL",))
    if not lines:
        raise BadInput("must have a line of results", where=path.name)
    for column in lines[0].values:
        if column.lower() not in COLUMNS:
            raise BadInput(
                f"must be one of the columns {', '.join(COLUMNS)}",
                where=f"{path.name} line 1",
                found=column,
            )
    return [_claim(line) for line in lines]


def _claim(line: Line) -> Claim:
    side = _code(line, "SIDE", dict.fromkeys(_SIDES, "")) or "two_sided"
    claim = Claim(
        label=line.text("LABEL"),
        measure=_code(line, "MEASURE", MEASURES),
        estimate=_figure(line, "ESTIMATE"),
        lower=_figure(line, "LOWER"),
        upper=_figure(line, "UPPER"),
        p=_figure(line, "P"),
        level=_level(line),
        side=next(each for each in _SIDES if each == side),
        method=_code(line, "METHOD", METHODS),
        test=_code(line, "TEST", TESTS),
        shares=tuple(_shares(line)),
    )
    if claim.kind is None and any((claim.estimate, claim.lower, claim.upper)):
        raise line.bad("MEASURE", f"must say what is estimated: one of {', '.join(MEASURES)}")
    for column, figure in (("ESTIMATE", claim.estimate), ("P", claim.p)):
        if (
            figure is not None
            and figure.is_open
            and not (column == "ESTIMATE" and line["MEASURE"] == "median")
        ):
            raise line.bad(column, FIGURE_IN_WORDS)
    return claim


def _code(line: Line, column: str, codes: Mapping[str, object]) -> str:
    found = line[column].lower().replace(" ", "_").replace("-", "_")
    if found and found not in codes:
        raise line.bad(column, f"must be one of {', '.join(codes)}, or empty")
    return found


def _figure(line: Line, column: str) -> Printed | None:
    if not line[column]:
        return None
    try:
        return printed(line[column])
    except BadInput as error:
        raise line.bad(column, error.allowed) from error


def _level(line: Line) -> Decimal:
    text = line["LEVEL"]
    match = _LEVEL.fullmatch(text)
    if text and (match is None or not match[1]):
        raise line.bad("LEVEL", "must be a level such as 95, 95% or 0.95")
    level = Decimal(match[1]) if match is not None and match[1] else Decimal(95)
    level = level / 100 if level > 1 or text.endswith("%") else level
    if not Decimal("0.5") <= level <= Decimal("0.99999"):
        raise line.bad("LEVEL", "must be from 50 % to 99.999 %")
    return level


def _shares(line: Line) -> Iterator[Share]:
    columns = ("NUMERATOR", "DENOMINATOR", "PERCENT")
    given = {
        name: [part.strip() for part in line[name].split(";")] for name in columns if line[name]
    }
    if not given:
        return
    for name in ("NUMERATOR", "DENOMINATOR"):
        if name not in given:
            raise line.bad(name, "must be given where a count or a percentage is")
    groups = len(given["NUMERATOR"])
    for name, parts in given.items():
        if len(parts) != groups:
            raise line.bad(name, f"must have {groups} parts as NUMERATOR has, with semicolons")
    for place in range(groups):
        counts = []
        for name in ("NUMERATOR", "DENOMINATOR"):
            if not _COUNT.fullmatch(given[name][place]):
                raise line.bad(name, "must be whole numbers such as 10, or 10; 2 for two groups")
            counts.append(int(given[name][place]))
        percent = given.get("PERCENT", [""] * groups)[place]
        yield Share(counts[0], counts[1], _percentage(line, percent))


def _percentage(line: Line, text: str) -> Printed | None:
    if not text:
        return None
    try:
        found = printed(text)
    except BadInput as error:
        raise line.bad("PERCENT", error.allowed) from error
    if found.is_open:
        raise line.bad("PERCENT", FIGURE_IN_WORDS)
    return found


def _results(path: Path) -> Sequence[Result]:
    try:
        found = _RESULTS.validate_json(file_text(path), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = [str(part) for part in first["loc"]]
        where = f"{path.name} entry {int(place[0]) + 1}" if place else path.name
        field = ".".join(place[1:]) or None
        raise BadInput(
            f"must be as results.json has it ({first['msg']})", where=where, field=field
        ) from error
    if not found:
        raise BadInput("must have a result", where=path.name)
    for number, each in enumerate(found, start=1):
        _check(each, f"{path.name} entry {number}")
    return found


def _check(result: Result, where: str) -> None:
    for name in ("numerators", "denominators"):
        counts: tuple[int, ...] = getattr(result, name)
        if len(counts) != len(result.groups) or any(not 0 <= each < 10**12 for each in counts):
            raise BadInput("must be a count for each group", where=where, field=name, found=counts)
    for name in ("estimate", "lower", "upper", "p"):
        value = getattr(result, name)
        if value is not None and not math.isfinite(value):
            raise BadInput("must be a number", where=where, field=name, found=value)
