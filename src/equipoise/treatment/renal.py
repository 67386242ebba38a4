"""Renal function as a fraction of whole numbers, so that a limit is met exactly or not."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, TypeAdapter
from ruamel.yaml import YAML

from equipoise.record.scaled import ANSWER_PLACES
from equipoise.record.subject_rows import NONE, Flags, Numbers
from equipoise.treatment.plan import Range

VALUE_PLACES = ANSWER_PLACES
"""Decimal places of the answers that rules of this stage read."""

_SCALE = 10**VALUE_PLACES


class _Factor(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    times: str
    over: str

    @property
    def exact(self) -> Fraction:
        return Fraction(self.times) / Fraction(self.over)


class _Powers(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    factor: str
    kappa: str
    below: str
    above: str


class _Formula(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    wording: str
    reference: str
    basis: str


class RatioFormula(_Formula):
    """One spelling of a formula of creatinine clearance, from the data file."""

    age_offset: int
    male: _Factor
    female: _Factor


class PowerFormula(_Formula):
    """A formula of the filtration rate by powers of creatinine and age, from the data file."""

    constant: str
    base: str = "1"
    age_power: str = "0"
    male: _Powers
    female: _Powers


RenalFormula = RatioFormula | PowerFormula
_FORMULA: TypeAdapter[RenalFormula] = TypeAdapter(RenalFormula)

UMOL_PER_MG_DL = 88.4
"""Creatinine: 1 mg/dL in µmol/L (molar mass 113.12 g/mol)."""


@cache
def renal_formula(name: str) -> RenalFormula:
    """The formula that a study file names.

    >>> renal_formula("cockcroft_gault_umol").reference
    'Cockcroft DW, Gault MH. Nephron 1976;16:31-41, in SI units'
    """
    text = (files("equipoise.treatment") / "renal_formulas.yaml").read_text(encoding="utf-8")
    return _FORMULA.validate_python(YAML(typ="safe", pure=True).load(text)[name])


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
    """Creatinine clearance (or filtration rate) of each row, exact or in whole 1/100 mL/min.

    `age` in years, `weight` in kg and `creatinine` in umol/L are scaled by 10 ** VALUE_PLACES, NONE
    where unknown; `female` is 1 for women, 0 for men, NONE where unknown. Age counts in whole
    years. Above the age limit of a ratio the clearance is 0. A formula without weight does without
    it. Source: the data file.

    >>> numbers = [np.array([each * 10**6]) for each in (65, 70, 80)]
    >>> found = creatinine_clearance(*numbers, np.array([0]), renal_formula("cockcroft_gault_umol"))
    >>> found.hundredths().tolist()
    [8072]
    """
    known = (age != NONE) & (creatinine > 0) & (female != NONE)
    if isinstance(formula, PowerFormula):
        return _by_powers(age, creatinine, female, known & (age > 0), formula)
    known &= weight != NONE
    years = np.maximum(formula.age_offset - np.where(known, age, 0) // _SCALE, 0)
    men, women = formula.male.exact, formula.female.exact
    woman = female == 1
    times = np.where(woman, women.numerator, men.numerator)
    over = np.where(woman, women.denominator, men.denominator)
    numerator = years * np.where(known, weight, 0) * times
    return Clearance(
        np.where(known, numerator, 0), np.where(known, np.where(known, creatinine, 0) * over, 0)
    )


def _by_powers(
    age: Numbers, creatinine: Numbers, female: Numbers, known: Flags, formula: PowerFormula
) -> Clearance:
    years = np.where(known, age // _SCALE, 1).astype(np.float64)
    level = np.where(known, creatinine, _SCALE) / (_SCALE * UMOL_PER_MG_DL)
    woman = female == 1
    factor, kappa, below, above = (
        np.where(woman, float(getattr(formula.female, name)), float(getattr(formula.male, name)))
        for name in ("factor", "kappa", "below", "above")
    )
    rate = float(formula.constant) * factor * float(formula.base) ** years
    rate = rate * np.power(years, float(formula.age_power))
    rate = rate * np.minimum(level / kappa, 1) ** below * np.maximum(level / kappa, 1) ** above
    hundredths = np.floor(rate * 100 + 0.5).astype(np.int64)
    return Clearance(np.where(known, hundredths, 0), np.where(known, 100, 0))


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
