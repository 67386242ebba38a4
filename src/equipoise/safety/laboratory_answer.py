"""Every answer to the items that a laboratory measures: on a form or in a laboratory report.

Doses and criteria read answers, and it must not matter which way a value came into the record: a
count that a report holds is not typed again, and is never overlooked. A limit is met by the exact
value. A report's value is therefore converted without rounding, or is no answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache

import numpy as np
import polars as pl

from equipoise.errors import RecordError
from equipoise.record.columns import among, flags, kept, matching, named, optional, present
from equipoise.record.declaration import COMMON
from equipoise.record.rule import KEY, SOURCES, Columns, TableRule, Tables, no_rows
from equipoise.record.scaled import ANSWER_PLACES, scaled_number
from equipoise.record.short_column import beside
from equipoise.record.sources import array_sources
from equipoise.record.subject_rows import Numbers, coded, in_order, pack, whole
from equipoise.safety.events import LABORATORY_PLACES, LaboratoryResult
from equipoise.safety.laboratory import units
from equipoise.safety.plan import AnsweredItem

LABORATORY_ANSWER: Columns = {
    **KEY,
    "item": pl.String,
    "occurred": pl.Date,
    "value": pl.Int64,
    "value_missing": pl.String,
    "reported": pl.Boolean,
    "convertible": pl.Boolean,
    "event": pl.Int64,
    **SOURCES,
}
_EVENT: Columns = {name: COMMON[name] for name in ("replicate", "subject", "event", "seq")}
_ANSWER: Columns = {**_EVENT, "occurred": COMMON["occurred"], "value_missing": pl.String}


def laboratory_answer(tables: Tables, plan: Sequence[AnsweredItem]) -> pl.DataFrame:
    """Every answer to an item of `plan`, of each item in the order of the record.

    - `value` x 10 ** ANSWER_PLACES in the unit of the item; null where it is missing, and then
      `value_missing` has the reason. `occurred`: the day of the form or of the draw.
    - `reported`: whether it is a result of a laboratory report. Otherwise it stands on a form; what
      a form leaves open, without value and reason, is no answer.
    - `convertible`: false for a reported value that cannot be said exactly in the item's unit at
      ANSWER_PLACES: the unit is not one of the analyte, or the conversion does not end. Such a
      value is null: what reads it finds that the latest value is not known. `conduct` records none.
    - `sources`: the event that gave the answer, or the later correction of it or of its day.

    Raises RecordError for an answer on a form that is no decimal of so many places.
    """
    parts = [each for each in (_on_forms(tables, plan), _in_reports(tables, plan)) if len(each)]
    if not parts:
        return no_rows(LABORATORY_ANSWER)
    if len(parts) == 1:
        return parts[0]
    found = parts[0].vstack(parts[1])
    items = [set(coded(each["item"])[0]) for each in parts]
    if items[0].isdisjoint(items[1]):
        return found
    order = pack(found["replicate"].to_numpy().astype(np.int64), found["event"].to_numpy())
    return in_order(found, order)


@cache
def conversion(analyte: str, unit: str, into: str) -> Fraction | None:
    """By what a value of `analyte` in `unit` is multiplied to be one in the unit `into`; None where
    one of them is no unit of the analyte.

    >>> conversion("creatinine", "mg/dL", "µmol/L"), conversion("haemoglobin", "g/dL", "g/L")
    (Fraction(442, 5), Fraction(10, 1))
    """
    known = units()
    if (analyte, unit) not in known or (analyte, into) not in known:
        return None
    return Fraction(known[analyte, unit].to_standard, known[analyte, into].to_standard)


def exact_places(analyte: str, unit: str, into: str) -> int | None:
    """With how many decimal places any value in `unit` can be said exactly in the unit `into`, as
    an answer; None where there is no conversion, or none that ends.

    >>> exact_places("creatinine", "mg/dL", "µmol/L"), exact_places("haemoglobin", "mmol/L", "g/dL")
    (4, 2)
    >>> exact_places("creatinine", "µmol/L", "mg/dL") is None
    True
    """
    factor = conversion(analyte, unit, into)
    if factor is None:
        return None
    for places in range(LABORATORY_PLACES, -1, -1):
        if 10 ** (ANSWER_PLACES - places) * factor % 1 == 0:
            return places
    return None


def exact_units(analyte: str, into: str) -> tuple[str, ...]:
    """The units in which a value of `analyte` may be reported to be an answer in the unit `into`.

    >>> exact_units("creatinine", "mg/dL")
    ('mg/dL', 'mg/L')
    """
    return tuple(
        unit for of, unit in units() if of == analyte and exact_places(of, unit, into) is not None
    )


def converted(item: AnsweredItem, unit: str, value: Numbers) -> Numbers:
    """Values x 10 ** LABORATORY_PLACES in `unit` as answers x 10 ** ANSWER_PLACES in the unit of
    `item`; -1 for a value that cannot be said exactly so.

    >>> item = AnsweredItem(item="creatinine", analyte="creatinine", unit="µmol/L")
    >>> converted(item, "mg/dL", np.array([12_000])).tolist()
    [106080000]
    """
    numerator, denominator = _factor(item.analyte, unit, item.unit)
    return _exact(value, np.int64(numerator), np.int64(denominator))


@cache
def _factor(analyte: str, unit: str, into: str) -> tuple[int, int]:
    """From a value as reported to an answer, both as scaled integers; 0 / 1 where there is none."""
    factor = conversion(analyte, unit, into)
    if factor is None:
        return 0, 1
    scaled = factor * 10 ** (ANSWER_PLACES - LABORATORY_PLACES)
    return scaled.numerator, scaled.denominator


def _exact(
    value: Numbers, numerator: Numbers | np.int64, denominator: Numbers | np.int64
) -> Numbers:
    found, rest = np.divmod(value * numerator, denominator)
    return np.where((rest == 0) & (numerator > 0) & (value >= 0), found, -1)


_GIVEN = (*KEY, "occurred", "item", "value", "value_missing", "event", "seq")
_READ = (*KEY, "occurred", "value", "value_missing", "unit", "event", "seq")


def _in_reports(tables: Tables, plan: Sequence[AnsweredItem]) -> pl.DataFrame:
    results = tables[LaboratoryResult.TABLE]
    if results.is_empty() or not plan:
        return no_rows(LABORATORY_ANSWER)
    places = {each.analyte: place for place, each in enumerate(plan)}
    analytes, codes = coded(results["analyte"])
    item = np.array([places.get(name, -1) for name in analytes] + [-1])[codes]
    if (item < 0).any():
        results = kept(beside([results[name] for name in _READ]), item >= 0)
        item = item[item >= 0]
    names, unit = coded(results["unit"])
    factors = np.array(
        [_factor(each.analyte, name, each.unit) for each in plan for name in names.to_list()],
        dtype=np.int64,
    )
    numerator, denominator = factors.reshape(-1, 2)[item * len(names) + unit].T
    reported = whole(results["value"], -1)
    value = _exact(reported, numerator, denominator)
    return _assembled(
        results,
        named("item", [each.item for each in plan], item),
        optional("value", value, value >= 0),
        flags("convertible", (reported < 0) | (value >= 0)),
        reported=True,
    )


def _on_forms(tables: Tables, plan: Sequence[AnsweredItem]) -> pl.DataFrame:
    given = tables["form_item"]
    if given.is_empty() or not plan:
        return no_rows(LABORATORY_ANSWER)
    answered = present(given["value"]) | present(given["value_missing"])
    given = kept(
        beside([given[name] for name in _GIVEN]),
        answered & among(given["item"], [each.item for each in plan]),
    )
    if given.is_empty():
        return no_rows(LABORATORY_ANSWER)
    return _assembled(
        given,
        given["item"],
        _numbers(given),
        pl.Series("convertible", [True]).new_from_index(0, len(given)),
        reported=False,
    )


def _numbers(given: pl.DataFrame) -> pl.Series:
    """The answers on forms as scaled integers; RecordError for one that is no such decimal."""
    text = given["value"]
    number = scaled_number(text, ANSWER_PLACES)
    more = matching(text, rf"\.[0-9]{{{ANSWER_PLACES + 1},}}")
    wrong = present(text) & (more | ~present(number))
    if wrong.any():
        place = int(np.argmax(wrong))
        kind = f"decimal of {ANSWER_PLACES} places"
        raise RecordError(
            f"a recorded answer to {given['item'][place]} is no {kind}: {text[place]}"
        )
    return number


def _assembled(
    answers: pl.DataFrame,
    item: pl.Series,
    value: pl.Series,
    convertible: pl.Series,
    *,
    reported: bool,
) -> pl.DataFrame:
    columns = {
        **{name: answers[name] for name in (*KEY, "occurred", "value_missing", "event")},
        "item": item,
        "value": value,
        "reported": pl.Series([reported]).new_from_index(0, len(answers)),
        "convertible": convertible,
        "sources": array_sources([answers["seq"].to_numpy()]),
    }
    return beside([columns[name].alias(name) for name in LABORATORY_ANSWER])


RULE = TableRule(
    produces="laboratory_answer",
    columns=LABORATORY_ANSWER,
    requires={
        LaboratoryResult.TABLE: {
            **_ANSWER, "analyte": pl.String, "value": pl.Int64, "unit": pl.String,
        },
        "form_item": {**_ANSWER, "item": pl.String, "value": pl.String},
    },
    plan="answered",
    rule=laboratory_answer,
)  # fmt: skip
