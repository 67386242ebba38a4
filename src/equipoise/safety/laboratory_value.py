"""From reported laboratory values to their standard unit, reference range and possible grades."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from equipoise.record.declaration import schema
from equipoise.record.rule import KEY, SOURCES, Columns, TableRule, Tables, no_rows
from equipoise.record.sources import array_sources
from equipoise.record.subject_rows import NONE, Flags, Numbers, SubjectRows, coded, dates, days
from equipoise.safety.events import LaboratoryResult, ReferenceRange
from equipoise.safety.laboratory import MULTIPLE_PLACES, Bound, Direction, Limit, graded_term
from equipoise.safety.plan import SafetyPlan
from equipoise.safety.reference_range import (
    Measured,
    Subject,
    factors,
    graded_units,
    limits_of_normal,
)
from equipoise.safety.treatment_period import dose_days

Grades = NDArray[np.int8]

LABORATORY_VALUE: Columns = {
    **KEY,
    "analyte": pl.String,
    "day": pl.Date,
    "value": pl.Int64,
    "unit": pl.String,
    "standard_value": pl.Int64,
    "lower_limit": pl.Int64,
    "upper_limit": pl.Int64,
    "baseline": pl.Boolean,
    "on_treatment": pl.Boolean,
    "low_least": pl.Int8,
    "low_most": pl.Int8,
    "high_least": pl.Int8,
    "high_most": pl.Int8,
    "missing": pl.String,
    **SOURCES,
}
MISSING = ("unit", "range", "baseline")
"""What a grade lacks: a known unit, a reference range, a value at baseline."""

_READ = (*KEY, "site", "occurred", "seq", "analyte", "value", "unit")
_DAY_BITS = 21
_DAY_ZERO = 2**20
_ANALYTE_BITS = 10


class _Values(NamedTuple):
    """Values of one analyte: in the standard unit, in that of absolute limits, and beside what."""

    standard: Numbers
    graded: Numbers
    graded_in: Numbers
    lower: Numbers
    upper: Numbers
    base: Numbers
    base_upper: Numbers

    @property
    def size(self) -> int:
        """How many values there are: what `some` has left out is empty."""
        return max(len(each) for each in self)

    def some(self, rows: Numbers, limits: Sequence[Limit]) -> tuple[_Values, bool]:
        """Of some rows what `limits` compare, and whether that is a baseline."""
        bounds = [bound for each in limits for bound in (each.above, each.below) if bound]
        scales = {bound.scale for bound in bounds}
        normal = any(each.baseline for each in limits)
        base = normal or bool(scales & {"baseline", "uln_and_baseline"})
        absolute = "value" in scales
        wanted = {
            "standard": scales != {"value"},
            "graded": absolute,
            "graded_in": absolute,
            "lower": "lln" in scales,
            "upper": bool(scales & {"uln", "uln_and_baseline"}),
            "base": base,
            "base_upper": normal,
        }
        parts = {
            name: part[rows] if wanted[name] else part[:0] for name, part in self._asdict().items()
        }
        return _Values(**parts), base


def laboratory_value(tables: Tables, plan: SafetyPlan) -> pl.DataFrame:
    """One row per laboratory value with its possible grades, sorted by replicate, subject, analyte,
    day, and then in the order of the record.

    - `value` in `unit` as reported, at 4 decimal places; `standard_value`, `lower_limit` and
      `upper_limit` in the standard unit of the analyte, at 8 places, exact. The limits are those
      of the reference range of the site that is valid on the day, null where there is none.
    - `baseline`: the last value of the analyte up to and including the day of the first dose (any
      drug); without a dose the last of all. `on_treatment`: after the day of the first dose, and
      at most `days_after_last_dose` days after the last.
    - `low_least` to `low_most`, `high_least` to `high_most`: the grades of CTCAE 5 that the value
      can have as too low and as too high (0: none). They are equal where the value suffices; where
      symptoms, an intervention or the baseline decide, they are the limits of what is possible.
      Null where the standard has no such term, or where a unit or a range is missing for it.
    - `missing`: what would be needed to say more. Without a range a value is graded all the same
      if absolute limits suffice; without a baseline the grades span what any baseline allows.

    What the standard grades by something else than a value (hospitalisation, life-threatening
    consequences: `laboratory.beyond_value`) is for the clinician. The baseline is its own baseline:
    where the wording counts in multiples of an abnormal one, it has grade 0 itself.
    `sources`: the report, the range, and the value at baseline where the wording asks for it.

    Source: CTCAE version 5.0; the terms and limits are data (`ctcae_5_laboratory.csv`).
    """
    there = pl.col("value").is_not_null() & pl.col("occurred").is_not_null()
    results = tables[LaboratoryResult.TABLE].select(_READ).filter(there)
    if results.is_empty():
        return no_rows(LABORATORY_VALUE)
    subjects = SubjectRows(results)
    names, codes = coded(results["analyte"])
    rows, on = subjects.rows(results), days(results["occurred"])
    group = (rows << _ANALYTE_BITS) + codes
    order = np.argsort((group << _DAY_BITS) + on + _DAY_ZERO, kind="stable")
    results, rows, codes, on = results[order], rows[order], codes[order], on[order]
    dosed = dose_days(subjects, tables["exposure"]).at(rows)
    people = _subject(subjects, rows, tables["subject_item"], plan)
    measured = Measured(results, on, names, codes)
    normal = limits_of_normal(measured, people, tables[ReferenceRange.TABLE])
    standard, graded, graded_in = factors(names, codes, results["unit"])
    value = results["value"].to_numpy()
    base = _baseline(group[order], on, dosed.first, standard > 0)
    of_base = (np.where(base >= 0, each[base], NONE) for each in (value * standard, normal.upper))
    values = _Values(value * standard, value * graded, graded_in, *normal[:2], *of_base)
    grades, asked = _graded(names, codes, values)
    seqs = results["seq"].to_numpy()
    sources = [seqs, normal.seq, np.where(asked & (base >= 0), seqs[base], -1)]
    columns = {
        **{name: results[name] for name in (*KEY, "analyte")},
        "day": dates(on),
        "value": value,
        "unit": results["unit"],
        "standard_value": _null_where(standard == 0, values.standard),
        "lower_limit": _null_where(normal.lower == NONE, normal.lower),
        "upper_limit": _null_where(normal.upper == NONE, normal.upper),
        "baseline": base == np.arange(len(base)),
        "on_treatment": (on > dosed.first) & (on <= dosed.last + plan.days_after_last_dose),
        **grades,
        "sources": array_sources(sources),
    }
    return pl.DataFrame(columns, schema=dict(LABORATORY_VALUE))


def _subject(
    subjects: SubjectRows, rows: Numbers, answers: pl.DataFrame, plan: SafetyPlan
) -> Subject:
    wanted = plan.laboratory.sex_item, plan.laboratory.age_item
    if wanted == (None, None):
        return Subject(len(rows), None, None)
    place = np.full(len(subjects), len(answers), dtype=np.int64)
    mine = subjects.rows(answers)
    place[mine[mine >= 0]] = np.flatnonzero(mine >= 0)
    sex, age = (
        None if name is None else answers[name].extend_constant(None, 1).gather(place[rows])
        for name in wanted
    )
    return Subject(len(rows), sex, age)


def _baseline(group: Numbers, on: Numbers, first: Numbers, known: Flags) -> Numbers:
    """For each value the row of the baseline of its subject and analyte; -1 if there is none.

    The rows of a group stand together, in order of day.
    """
    heads = np.concatenate(([True], group[1:] != group[:-1]))
    candidates = np.where((on <= first) & known, np.arange(len(on)), -1)
    last = np.maximum.reduceat(candidates, np.flatnonzero(heads))
    found: Numbers = last[np.cumsum(heads) - 1]
    return found


def _graded(
    names: Sequence[str] | pl.Series, codes: Numbers, values: _Values
) -> tuple[dict[str, pl.Series], Flags]:
    """The columns of grades and of what is missing; whether the wording asks for a baseline."""
    size = len(codes)
    found = {
        f"{way}_{end}": np.full(size, -1, dtype=np.int8)
        for way in ("low", "high")
        for end in ("least", "most")
    }
    lacks = np.where(values.graded_in < 0, 0, len(MISSING))
    asked = np.zeros(size, dtype=np.bool_)
    ways: tuple[Direction, ...] = ("low", "high")
    for number, name in enumerate(names):
        mine = np.flatnonzero((codes == number) & (values.graded_in >= 0))
        for way in ways:
            limits = graded_term(name, way)[1]
            if not limits:
                continue
            part, base = values.some(mine, limits)
            asked[mine] |= base
            least, most, lack = _possible(limits, part)
            lacks[mine] = np.minimum(lacks[mine], lack)
            unknown = lack == MISSING.index("range")
            found[f"{way}_least"][mine] = np.where(unknown, -1, least)
            found[f"{way}_most"][mine] = np.where(unknown, -1, most)
    columns = {name: _null_where(grade < 0, grade) for name, grade in found.items()}
    columns["missing"] = pl.Series([*MISSING, None], dtype=pl.String).gather(lacks)
    return columns, asked


def _possible(limits: Sequence[Limit], values: _Values) -> tuple[Grades, Grades, Numbers]:
    """The least and the highest grade of each value, and the number of what is missing for more.

    A clause holds, may hold, or does not hold. The least grade is the highest that holds, the most
    the highest that may. Where it is not known whether the baseline was abnormal, only the limits
    for a normal one are possible: an abnormal baseline lies above the upper limit of normal, so
    that its multiples give no higher grade.
    """
    size = values.size
    least, most, by_range, by_base = (np.zeros(size, dtype=np.int8) for _ in range(4))
    for limit in limits:
        holds, may, no_range, no_base = _clause(limit, values)
        if limit.decides is None:
            np.maximum(least, limit.grade, out=least, where=holds)
        np.maximum(most, limit.grade, out=most, where=may)
        np.maximum(by_range, limit.grade, out=by_range, where=may & no_range)
        np.maximum(by_base, limit.grade, out=by_base, where=may & no_base)
    nothing = len(MISSING)
    lack = np.where(by_base > least, MISSING.index("baseline"), nothing)
    return least, most, np.where(by_range > least, MISSING.index("range"), lack)


def _clause(limit: Limit, values: _Values) -> tuple[Flags, Flags, Flags, Flags]:
    """Where a clause holds, where it may, and where a range or a baseline is missing for it."""
    size = values.size
    holds: Flags = np.ones(size, dtype=np.bool_)
    if limit.unit is not None:
        holds = values.graded_in == graded_units().index(limit.unit)
    may = holds.copy()
    no_range, no_base = np.zeros(size, dtype=np.bool_), np.zeros(size, dtype=np.bool_)
    for bound, above in ((limit.above, True), (limit.below, False)):
        for inside, unknown, lack in _bound(bound, above, values):
            holds &= inside & ~unknown
            may &= inside | unknown
            if lack is not None:
                (no_range if lack == "range" else no_base)[unknown] = True
    if limit.baseline is not None:
        known = (values.base != NONE) & (values.base_upper != NONE)
        normal = limit.baseline == "normal"
        fits = (values.base <= values.base_upper) == normal
        holds &= known & fits
        may &= np.where(known, fits, normal | (values.base != NONE))
        no_base |= values.base == NONE
        no_range |= (values.base != NONE) & (values.base_upper == NONE)
    return holds, may, no_range, no_base


def _bound(
    bound: Bound | None, above: bool, values: _Values
) -> list[tuple[Flags, Flags, str | None]]:
    """For each condition of a bound: inside, not known, and what is missing to know."""
    if bound is None:
        return []
    never = np.zeros(values.size, dtype=np.bool_)
    if bound.scale == "value":
        return [(_beyond(values.graded, bound, above, bound.limit), never, None)]
    references = {
        "lln": ((values.lower, "range"),),
        "uln": ((values.upper, "range"),),
        "baseline": ((values.base, "baseline"),),
        "uln_and_baseline": ((values.upper, "range"), (values.base, "baseline")),
    }[bound.scale]
    scaled = values.standard * 10**MULTIPLE_PLACES
    return [
        (
            _beyond(scaled, bound, above, bound.limit * np.where(reference == NONE, 0, reference)),
            reference == NONE,
            lack,
        )
        for reference, lack in references
    ]


def _beyond(values: Numbers, bound: Bound, above: bool, limit: Numbers | int) -> Flags:
    if above:
        return values >= limit if bound.closed else values > limit
    return values <= limit if bound.closed else values < limit


def _null_where(absent: Flags, numbers: Numbers | Grades) -> pl.Series:
    return pl.Series(numbers).set(pl.Series(absent), None)


RULE = TableRule(
    produces="laboratory_value",
    columns=LABORATORY_VALUE,
    requires={
        LaboratoryResult.TABLE: schema(LaboratoryResult),
        ReferenceRange.TABLE: schema(ReferenceRange),
        "exposure": {**KEY, "first_dose": pl.Date, "last_dose": pl.Date},
        "subject_item": KEY,
    },
    plan="safety",
    rule=laboratory_value,
)
