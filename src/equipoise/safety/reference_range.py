"""Which reference range a laboratory value is judged by: that of its site, valid on its day."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from equipoise.record.subject_rows import NONE, Flags, Numbers, coded, days
from equipoise.safety.laboratory import units

_DAY_BITS = 21
_DAY_ZERO = 2**20


class Normal(NamedTuple):
    """For each value the limits of normal in the standard unit (NONE: none), their seq (-1)."""

    lower: Numbers
    upper: Numbers
    seq: Numbers


class Subject(NamedTuple):
    """For each of `size` values the sex (a code of the study's item) and the age in years, with
    nulls where they are not known; None where the study names no item."""

    size: int
    sex: pl.Series | None
    age: pl.Series | None


def factors(analytes: pl.Series, names: pl.Series) -> tuple[Numbers, Numbers, Numbers]:
    """For each row the factors to the standard unit and to the unit of absolute limits, and the
    number of the latter among `graded_units()`; 0, 0 and -1 for a unit that the analyte lacks.

    >>> [each.tolist() for each in factors(pl.Series(["albumin"]), pl.Series(["g/dL"]))][:2]
    [[100000], [100000]]
    """
    analyte_names, analyte_codes = coded(analytes)
    unit_names, unit_codes = coded(names)
    shape = len(analyte_names) + 1, len(unit_names) + 1
    standard, graded = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    within = np.full(shape, -1, dtype=np.int64)
    numbers = {unit: number for number, unit in enumerate(graded_units())}
    for row, analyte in enumerate(analyte_names):
        for column, unit in enumerate(unit_names):
            if (found := units().get((analyte, unit))) is not None:
                standard[row, column] = found.to_standard
                graded[row, column] = found.to_graded
                within[row, column] = numbers[found.graded_in]
    place = analyte_codes, unit_codes
    return standard[place], graded[place], within[place]


def graded_units() -> tuple[str, ...]:
    """Every unit in which absolute limits are printed, in order."""
    return tuple(sorted({unit.graded_in for unit in units().values()}))


def limits_of_normal(
    values: pl.DataFrame, value_days: Numbers, subject: Subject, ranges: pl.DataFrame
) -> Normal:
    """The range of each of `values`: of its replicate, site and analyte, for the subject's sex and
    age, valid from the last day not after its own; of two from one day the one declared last.

    A range for a sex or for some ages holds for nobody whose sex or age is not known, and one in a
    unit that is not known for nobody.
    """
    size = len(values)
    if not size or not len(ranges):
        return Normal(*(np.full(size, none, dtype=np.int64) for none in (NONE, NONE, -1)))
    since, seqs = days(ranges["occurred"]), ranges["seq"].to_numpy()
    order = np.lexsort((seqs, since))
    ranges, since = ranges[order], since[order]
    factor = factors(ranges["analyte"], ranges["unit"])[0]
    mine, theirs = _groups(values, ranges)
    wanted = (mine << _DAY_BITS) + value_days + _DAY_ZERO
    keys = (theirs << _DAY_BITS) + since + _DAY_ZERO
    best = np.full(size, -1, dtype=np.int64)
    for rows, fits in _kinds(ranges, subject):
        rows = rows[(since[rows] != NONE) & (factor[rows] > 0)]
        rows = rows[np.argsort(keys[rows], kind="stable")]
        if len(rows):
            at = np.searchsorted(keys[rows], wanted, side="right") - 1
            there = fits & (at >= 0) & (theirs[rows[at]] == mine)
            best = np.where(there & (rows[at] > best), rows[at], best)

    def of(column: pl.Series) -> Numbers:
        number = np.where(column.is_null(), NONE, column.fill_null(0).to_numpy() * factor)
        return np.where(best >= 0, number[best], NONE)

    seq = np.where(best >= 0, seqs[order][best], -1)
    return Normal(of(ranges["low"]), of(ranges["high"]), seq)


def _groups(values: pl.DataFrame, ranges: pl.DataFrame) -> tuple[Numbers, Numbers]:
    """For each value and for each range one number of its replicate, site and analyte."""
    size = len(values)
    number = pl.concat([values["replicate"], ranges["replicate"]]).to_numpy().astype(np.int64)
    for column in ("site", "analyte"):
        names, codes = coded(pl.concat([values[column], ranges[column]]))
        number = number * (len(names) + 1) + codes + 1
    return number[:size], number[size:]


def _kinds(ranges: pl.DataFrame, subject: Subject) -> Iterator[tuple[Numbers, Flags]]:
    """The rows of the ranges of one sex and of some ages, and which values they can be for."""
    kinds = ranges.select("sex", "age_from", "age_below").with_row_index("row")
    for (sex, low, high), rows in kinds.group_by("sex", "age_from", "age_below"):
        fits: Flags = np.ones(subject.size, dtype=np.bool_)
        if sex is not None:
            fits &= False if subject.sex is None else _true(subject.sex == sex)
        for limit, side in ((low, 1), (high, -1)):
            if limit is not None:
                fits &= False if subject.age is None else _true(_within(subject.age, limit, side))
        yield rows["row"].cast(pl.Int64).to_numpy(), fits


def _within(age: pl.Series, limit: object, side: int) -> pl.Series:
    return age >= limit if side > 0 else age < limit


def _true(flags: pl.Series) -> Flags:
    return flags.fill_null(False).to_numpy()
