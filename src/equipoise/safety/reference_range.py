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


class Factors(NamedTuple):
    """For each row the factors to the standard unit and to the unit of absolute limits, and the
    number of the latter among `graded_units()`; 0, 0 and -1 for a unit that the analyte lacks."""

    standard: Numbers
    graded: Numbers
    within: Numbers


def factors(names: pl.Series, codes: Numbers, unit: pl.Series) -> Factors:
    """The factors of rows whose analytes are `codes` among `names`, by their units.

    >>> found = factors(pl.Series(["albumin"]), np.array([0]), pl.Series(["g/dL"]))
    >>> found.standard.tolist(), found.graded.tolist()
    ([100000], [100000])
    """
    unit_names, unit_codes = coded(unit)
    shape = len(names), len(unit_names)
    table = Factors(*(np.full(shape, none, dtype=np.int64) for none in (0, 0, -1)))
    numbers = {name: number for number, name in enumerate(graded_units())}
    for row, analyte in enumerate(names):
        for column, name in enumerate(unit_names):
            if (found := units().get((analyte, name))) is not None:
                for part, value in zip(
                    table,
                    (found.to_standard, found.to_graded, numbers[found.graded_in]),
                    strict=True,
                ):
                    part[row, column] = value
    place = codes * len(unit_names) + unit_codes
    return Factors(*(part.ravel()[place] for part in table))


def graded_units() -> tuple[str, ...]:
    """Every unit in which absolute limits are printed, in order."""
    return tuple(sorted({unit.graded_in for unit in units().values()}))


class Measured(NamedTuple):
    """Values as the range of each is looked up: the rows, their days, and the place of the analyte
    of each among `names`."""

    rows: pl.DataFrame
    days: Numbers
    names: pl.Series
    codes: Numbers


def limits_of_normal(values: Measured, subject: Subject, ranges: pl.DataFrame) -> Normal:
    """The range of each of `values`: of its replicate, site and analyte, for the subject's sex and
    age, valid from the last day not after its own; of two from one day the one declared last,
    whichever was corrected later.

    A range for a sex or for some ages holds for nobody whose sex or age is not known, and one in a
    unit that is not known for nobody.
    """
    size = len(values.rows)
    places = {name: number for number, name in enumerate(values.names)}
    ranges = ranges.filter(pl.col("analyte").is_in(values.names.to_list()))
    if not size or not len(ranges):
        return Normal(*(np.full(size, none, dtype=np.int64) for none in (NONE, NONE, -1)))
    since, seqs = days(ranges["occurred"]), ranges["seq"].to_numpy()
    order = np.lexsort((ranges["event"].to_numpy(), since))
    ranges, since = ranges[order], since[order]
    codes = ranges["analyte"].replace_strict(places, return_dtype=pl.Int64).to_numpy()
    factor = factors(values.names, codes, ranges["unit"]).standard
    mine, theirs = _groups(values, ranges, codes)
    wanted = (mine << _DAY_BITS) + values.days + _DAY_ZERO
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


def _groups(values: Measured, ranges: pl.DataFrame, codes: Numbers) -> tuple[Numbers, Numbers]:
    """For each value and for each range one number of its replicate, site and analyte."""
    size, number = len(values.rows), len(values.names)
    sites, site = coded(pl.concat([values.rows["site"], ranges["site"]]))
    found = pl.concat([values.rows["replicate"], ranges["replicate"]]).to_numpy().astype(np.int64)
    found = found * (len(sites) + 1) + site + 1
    return found[:size] * number + values.codes, found[size:] * number + codes


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
