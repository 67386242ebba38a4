"""What is recorded of a patient that dosing rules look at, programmed again.

Written from the events' and the plan's descriptions, Cockcroft and Gault, Inker 2021, Levey 2006,
and the project's facts, by somebody who has not read the rules. What a laboratory reports answers
the item that names its analyte: on the day of the draw, in exact fractions of the item's unit, or,
if that takes more than six places or the unit is none of the analyte, as an answer of no value.
"""

from __future__ import annotations

import csv
import datetime
import decimal
import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from importlib import resources

from equipoise.study.definition import Study
from equipoise.treatment.plan import RenalFunction, TreatmentPlan
from tests.second_programming.rows_by_subject import Row, latest_day

OVER = {"recovered", "sequelae", "fatal"}


@dataclass
class Patient:
    """Everything recorded of one subject that a dosing rule may look at."""

    answers: dict[str, list[tuple[datetime.date, Fraction | None]]]
    harms: list[Harm] = field(default_factory=list)
    medicines: list[Medicine] = field(default_factory=list)

    def latest(self, item: str, day: datetime.date | None, valid: int | None) -> Fraction | None:
        """The answer in force on a day, of one day the last saved; nothing when it is too old."""
        found = [each for each in self.answers.get(item, []) if day is None or each[0] <= day]
        if not found:
            return None
        when, value = max(enumerate(found), key=lambda each: (each[1][0], each[0]))[1]
        if valid is not None and day is not None and (day - when).days > valid:
            return None
        return value

    def lowest(self, item: str, after: datetime.date, until: datetime.date) -> Fraction | None:
        values = [
            value
            for when, value in self.answers.get(item, [])
            if after < when <= until and value is not None
        ]
        return min(values, default=None)


@dataclass(frozen=True)
class Medicine:
    """A medicine beside the trial's: the first and the last day that it can have been taken on,
    nothing where there is no such day."""

    drug_class: str
    first: datetime.date | None
    last: datetime.date | None


@dataclass(frozen=True)
class Harm:
    """An adverse event: term, first day, and what was said of it when."""

    term: str
    start: datetime.date | None
    end: datetime.date | None
    said: tuple[tuple[datetime.date | None, int, int | None, bool], ...]
    """Day, place in the record, grade, whether it was over; in the order of day and record."""


Asked = Mapping[str, tuple[str, str]]
"""By analyte the item that it answers, and the item's unit."""


def asked_of(study: Study) -> Asked:
    return {
        item.analyte: (item.code, item.unit or "")
        for form in study.visits.forms
        for item in form.items
        if item.analyte
    }


@functools.cache
def factors() -> dict[tuple[str, str], Fraction]:
    """What a value of an analyte in a unit is multiplied with, for the unit they all share."""
    file = resources.files("equipoise.safety") / "laboratory_units.csv"
    rows = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    return {(row["analyte"], row["unit"]): Fraction(row["to_standard"]) for row in rows}


def measured(row: Row, unit: str) -> Fraction | None:
    """A result in the unit of its item, if six decimal places hold it."""
    here, there = (factors().get((row["analyte"], name)) for name in (row["unit"], unit))
    if row["value"] is None or here is None or there is None:
        return None
    value = Fraction(row["value"], 10_000) * here / there
    return value if (value * 1_000_000).denominator == 1 else None


def patient_of(subject: dict[str, list[Row]], plan: TreatmentPlan, asked: Asked) -> Patient:
    renal = plan.renal_function
    said: list[tuple[int, str, datetime.date | None, Fraction | None]] = []
    by_laboratory = {item for item, _ in asked.values()}
    for row in subject["form_item"]:
        text = row["value"]
        if row["item"] in by_laboratory and text is None and row["value_missing"] is None:
            continue
        if renal is not None and row["item"] == renal.sex:
            text = {renal.male: "0", renal.female: "1"}.get(text)
        try:
            value = None if text is None else Fraction(text)
        except ValueError:
            continue
        said.append((row["event"], row["item"], row["occurred"], value))
    for row in subject["laboratory_result"]:
        if row["analyte"] in asked:
            item, unit = asked[row["analyte"]]
            said.append((row["event"], item, row["occurred"], measured(row, unit)))
    answers: dict[str, list[tuple[datetime.date, Fraction | None]]] = {}
    for _, item, day, value in sorted(said, key=lambda each: each[0]):
        if day is not None:
            answers.setdefault(item, []).append((day, value))
    harms = []
    for row in subject["adverse_event_reported"]:
        told = [(row["occurred"], row["event"], row["grade"], row["outcome"] in OVER)]
        told += [
            (each["occurred"], each["event"], each["grade"], each["outcome"] in OVER)
            for each in subject["adverse_event_followed_up"]
            if each["adverse_event"] == row["adverse_event"]
        ]
        end = None if row["end"] is None else latest_day(row["end"])
        harms.append(Harm(row["term"], row["occurred"], end, tuple(told)))
    return Patient(answers, harms, [_medicine(row) for row in subject[MEDICINES]])


MEDICINES = "concomitant_medication_recorded"


def _medicine(row: Row) -> Medicine:
    first = None if row["start"] is None else first_day(row["start"])
    last = None if row["end"] is None else latest_day(row["end"])
    if not row["ongoing"] and last is None:
        last = max((day for day in (row["occurred"], first) if day is not None), default=None)
    return Medicine(row["drug_class"], first, None if row["ongoing"] else last)


def first_day(text: str) -> datetime.date:
    """The first day that a date can mean, of which month or day may be unknown."""
    year, month, day = (int(part) for part in (*text.split("-"), "1", "1")[:3])
    return datetime.date(year, month, day)


def clearance(patient: Patient, day: datetime.date | None, plan: RenalFunction) -> Fraction | None:
    """Renal function: clearance in mL/min, or filtration rate in mL/min per 1.73 m2."""
    asked = (plan.creatinine, plan.weight, plan.age, plan.sex)
    creatinine, weight, age, female = (patient.latest(item, day, None) for item in asked)
    if creatinine is None or age is None or female is None or creatinine == 0:
        return None
    milligrams = creatinine / Fraction("88.4")
    if not plan.formula.startswith("cockcroft_gault"):
        return filtration(plan.formula, milligrams, int(age), female=bool(female))
    if weight is None:
        return None
    years = max(140 - int(age), 0)
    if plan.formula == "cockcroft_gault_umol":
        return years * weight * Fraction("1.04" if female else "1.23") / creatinine
    found = years * weight / (72 * milligrams)
    return found * Fraction("0.85") if female else found


def filtration(formula: str, milligrams: Fraction, age: int, *, female: bool) -> Fraction:
    """By CKD-EPI of 2021 (Inker) or by MDRD (Levey 2006), rounded half up to 1/100."""
    with decimal.localcontext(prec=40):
        measured = Decimal(milligrams.numerator) / Decimal(milligrams.denominator)
        if formula == "ckd_epi_2021":
            kappa, alpha = ("0.7", "-0.241") if female else ("0.9", "-0.302")
            share = measured / Decimal(kappa)
            found = 142 * min(share, Decimal(1)) ** Decimal(alpha)
            found *= max(share, Decimal(1)) ** Decimal("-1.200")
            found *= Decimal("0.9938") ** age * (Decimal("1.012") if female else 1)
        else:
            found = 175 * measured ** Decimal("-1.154") * Decimal(age) ** Decimal("-0.203")
            found *= Decimal("0.742") if female else 1
        return Fraction(found.quantize(Decimal("0.01"), decimal.ROUND_HALF_UP))
