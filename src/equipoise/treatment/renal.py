"""Creatinine clearance as a fraction of whole numbers, so that a limit is met exactly or not."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict
from ruamel.yaml import YAML

from equipoise.record.subject_rows import NONE, Flags, Numbers
from equipoise.treatment.plan import Range

VALUE_PLACES = 6
"""Decimal places of the answers that rules of this stage read: the most that an item has."""

_SCALE = 10**VALUE_PLACES


class _Factor(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    times: str
    over: str

    @property
    def exact(self) -> Fraction:
        return Fraction(self.times) / Fraction(self.over)


class RenalFormula(BaseModel):
    """One spelling of a formula of creatinine clearance, from the data file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    wording: str
    reference: str
    basis: str
    age_offset: int
    male: _Factor
    female: _Factor


@cache
def renal_formula(name: str) -> RenalFormula:
    """The formula that a study file names.

    >>> renal_formula("cockcroft_gault_umol").male.exact
    Fraction(123, 100)
    """
    text = (files("equipoise.treatment") / "renal_formulas.yaml").read_text(encoding="utf-8")
    return RenalFormula.model_validate(YAML(typ="safe", pure=True).load(text)[name])


class Clearance(NamedTuple):
    """Creatinine clearance in mL/min of each row: numerator / denominator; unknown where 0 / 0."""

    numerator: Numbers
    denominator: Numbers

    @property
    def known(self) -> Flags:
        """Where it could be computed."""
        found: Flags = self.denominator > 0
        return found

    def hundredths(self) -> Numbers:
        """In 1/100 mL/min, rounded half up, NONE where it is unknown: to show, not to compare."""
        twice = 2 * np.where(self.known, self.denominator, 1)
        rounded = (200 * self.numerator + self.denominator) // twice
        return np.where(self.known, rounded, NONE)


def creatinine_clearance(
    age: Numbers, weight: Numbers, creatinine: Numbers, female: Numbers, formula: RenalFormula
) -> Clearance:
    """Creatinine clearance of each row, exact.

    `age` in years, `weight` in kg and `creatinine` in umol/L are scaled by 10 ** VALUE_PLACES, NONE
    where unknown; `female` is 1 for women, 0 for men, NONE where unknown. Age counts in whole
    years. Above the formula's age limit the clearance is 0. Source: the data file.

    >>> numbers = [np.array([each * 10**6]) for each in (65, 70, 80)]
    >>> found = creatinine_clearance(*numbers, np.array([0]), renal_formula("cockcroft_gault_umol"))
    >>> found.hundredths().tolist()
    [8072]
    """
    known = (age != NONE) & (weight != NONE) & (creatinine > 0) & (female != NONE)
    years = np.maximum(formula.age_offset - np.where(known, age, 0) // _SCALE, 0)
    men, women = formula.male.exact, formula.female.exact
    woman = female == 1
    times = np.where(woman, women.numerator, men.numerator)
    over = np.where(woman, women.denominator, men.denominator)
    numerator = years * np.where(known, weight, 0) * times
    return Clearance(
        np.where(known, numerator, 0), np.where(known, np.where(known, creatinine, 0) * over, 0)
    )


def within(numerator: Numbers, denominator: Numbers | int, limits: Range) -> Flags:
    """Whether numerator / denominator lies in the range, by cross-multiplication.

    >>> ends = Range(at_least=30, at_most=50)
    >>> within(np.array([2999, 3000, 5000, 5001]), 100, ends).tolist()
    [False, True, True, False]
    """
    inside: Flags = np.ones(len(numerator), dtype=np.bool_)
    for limit, compared in (
        (limits.at_least, np.greater_equal),
        (limits.above, np.greater),
        (limits.below, np.less),
        (limits.at_most, np.less_equal),
    ):
        if limit is not None:
            exact = Fraction(limit)
            inside &= compared(numerator * exact.denominator, exact.numerator * denominator)
    return inside
