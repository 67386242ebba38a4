"""Random courses of treatment, as event tables: awkward on purpose, at every limit of the rules.

Answers lie at, just below and just above the limits of the study file; clearances come out at
exactly 30, 45, 50 and 60 mL/min; answers are missing, late or old; they stand on forms, in reports
of laboratories in any unit, or on both and differ; adverse events begin before the
first cycle, get worse, recover, come again on the day of a cycle; the regimen changes on the way.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl

from equipoise.study.definition import Study
from equipoise.treatment.plan import ItemRange, Regimen, TreatmentPlan
from tests.second_programming.lesion_histories import DAY_0, Writer, day_of, tables_of_rows
from tests.second_programming.patient_again import MEDICINES, Asked, asked_of, factors

CLEARANCES = ("29.9", "30", "30.1", "44.9", "45", "50", "50.1", "60", "60.1", "90")
OUTCOMES = ("recovered", "recovering", "not_recovered", "sequelae", "fatal", "unknown")


def treatments(draw: random.Random, subjects: int, study: Study) -> dict[str, pl.DataFrame]:
    """The event tables of so many subjects."""
    plan, asked = study.treatment, asked_of(study)
    rows: dict[str, list[dict[str, Any]]] = {}
    writer = Writer("", rows)
    for number in range(subjects):
        writer.subject = f"01-{number:04}"
        if draw.random() < 0.95:
            writer.event("randomised", DAY_0, arm="A", stratum="all", scheme="main")
        _course(draw, writer, plan, asked)
    for row in rows.get("form_item", []):
        row.setdefault("position", 0)
    return tables_of_rows(rows)


def _course(draw: random.Random, writer: Writer, plan: TreatmentPlan, asked: Asked) -> None:
    steady = draw.random() < 0.5
    _person(draw, writer, plan, asked, day=-5)
    _answers(draw, writer, plan, asked, day=-5, chance=0.97)
    day = 0
    regimen = draw.choice(plan.regimens)
    for cycle in range(1, draw.randrange(2, 9)):
        if draw.random() < (0.05 if steady else 0.2):
            regimen = draw.choice(plan.regimens)
        _answers(draw, writer, plan, asked, day=day - draw.choice((0, 0, 2, 3, 4)), chance=0.85)
        if draw.random() < 0.3:
            _harm(draw, writer, plan, day)
        if draw.random() < 0.1:
            _medicine(draw, writer, plan, day)
        if draw.random() < 0.2:
            _person(draw, writer, plan, asked, day=day - draw.choice((0, 1, 7)))
        writer.event(
            "cycle_started", day_of(day), cycle=cycle,
            regimen=regimen.code if draw.random() < 0.98 else "NOT_OF_THIS_VERSION",
            height=draw.randrange(1450, 2000), weight=draw.randrange(400, 1400),
        )  # fmt: skip
        _given(draw, writer, regimen, cycle, day)
        if draw.random() < 0.4:
            _harm(draw, writer, plan, day)
        if draw.random() < 0.5:
            _answers(draw, writer, plan, asked, day=day + draw.choice((0, 1, 10)), chance=0.5)
        day += regimen.cycle_days + draw.choice((0, 0, 0, 1, 7))


def _given(draw: random.Random, writer: Writer, regimen: Regimen, cycle: int, start: int) -> None:
    """Doses on their days, several at once or one by one, too many, too late, none, of no number;
    now and then a drug that the regimen does not have."""
    drugs = [each.drug for each in regimen.doses] + ["another"] * (draw.random() < 0.1)
    for drug in drugs:
        dose = next((each for each in regimen.doses if each.drug == drug), regimen.doses[0])
        days = [day for day in dose.days if draw.random() < 0.8][: draw.choice((0, 1, 1, 2))]
        for day in days or [draw.choice((1, 2, 30))] * (draw.random() < 0.1):
            amount = draw.choice((0, None, 10_000, 10_000, 12_345, 150_050))
            whole = len(dose.days) * dose.times_per_day
            writer.event(
                "dose_given", day_of(start + day - 1), cycle=cycle, day=day, drug=drug,
                administrations=draw.choice((1, 1, 2, 3, whole, whole, 60, 0)),
                amount=amount, amount_missing="not_done" if amount is None else None,
            )  # fmt: skip


def _answer(
    draw: random.Random, writer: Writer, asked: Asked, day: int, item: str, value: str | None
) -> None:
    """An answer on a form or, to what a laboratory measures, in a report, or in both ways."""
    analyte = next((name for name, (code, _) in asked.items() if code == item), None)
    way = "form" if analyte is None else draw.choice(("form", "report", "open", "both", "both"))
    before = draw.random() < 0.5
    if analyte is not None and before and way != "form":
        _report(draw, writer, asked, day, analyte, value)
    if way != "report":
        typed = None if way == "open" else value
        if way == "both" and value is not None and draw.random() < 0.3:
            typed = str(Decimal(value) + draw.choice((Decimal("0.1"), Decimal(1))))
        missing = "not_done" if typed is None and way != "open" else None
        writer.event("form_item", day_of(day), item=item, value=typed, value_missing=missing)
    if analyte is not None and not before and way != "form":
        _report(draw, writer, asked, day, analyte, value)


def _report(
    draw: random.Random, writer: Writer, asked: Asked, day: int, analyte: str, value: str | None
) -> None:
    """A report of the value in some unit, to the four places that a report has; now and then the
    unit is one that nobody knows."""
    into = factors()[analyte, asked[analyte][1]]
    unit, factor = draw.choice(
        [(unit, each) for (of, unit), each in factors().items() if of == analyte]
    )
    found = None if value is None else round(Fraction(value) * into / factor * 10_000)
    report = writer.event("laboratory_reported", day_of(day), report=f"L{writer.seq}")
    writer.beneath(
        "laboratory_result", report, 0, analyte=analyte, value=found,
        value_missing="sample_failed" if found is None else None,
        unit="arbitrary units" if draw.random() < 0.02 else unit,
    )  # fmt: skip


def _person(
    draw: random.Random, writer: Writer, plan: TreatmentPlan, asked: Asked, day: int
) -> None:
    """Age, sex, weight and a creatinine that gives a clearance at a limit."""
    renal = plan.renal_function
    if renal is None:
        return
    age, weight = draw.randrange(40, 85), Decimal(draw.randrange(450, 1100)) / 10
    female = draw.random() < 0.5
    factor = Decimal("1.04") if female else Decimal("1.23")
    creatinine = (140 - age) * weight * factor / Decimal(draw.choice(CLEARANCES))
    answers = {
        renal.age: str(age), renal.sex: renal.female if female else renal.male,
        renal.weight: str(weight), renal.creatinine: f"{creatinine:.6f}",
    }  # fmt: skip
    for item, value in answers.items():
        _answer(draw, writer, asked, day, item, value if draw.random() < 0.99 else None)


def _ranges(plan: TreatmentPlan) -> Sequence[ItemRange]:
    return [
        each
        for rules in plan.modifications.sets_in_force
        for rule in rules.rules
        for each in (*rule.values, *rule.nadirs)
    ]


def _answers(
    draw: random.Random,
    writer: Writer,
    plan: TreatmentPlan,
    asked: Asked,
    day: int,
    chance: float,
) -> None:
    """An answer to each item that rules read, mostly far from the limits and often right there."""
    limits: dict[str, set[Decimal]] = {}
    for each in _ranges(plan):
        limits.setdefault(each.item, set()).update(each.limits)
    for item, found in sorted(limits.items()):
        if draw.random() > chance:
            continue
        value: Decimal | None = draw.choice(sorted(found)) + draw.choice(
            (Decimal("-0.1"), Decimal(0), Decimal("0.1"))
        )
        rare = item in ("uracilaemia", "ecog", "ecog_status", "serum_creatinine")
        if draw.random() < (0.75 if rare else 0.6):
            value = Decimal(5) if rare else Decimal(200)
            value = Decimal(1) if item.startswith("ecog") else value
        if draw.random() < 0.03:
            value = None
        _answer(draw, writer, asked, day, item, None if value is None else str(value))


def _medicine(draw: random.Random, writer: Writer, plan: TreatmentPlan, day: int) -> None:
    """A medicine that rules look at, or another; at the limits of the days that must pass."""
    asked = [
        (name, rule.medication.days_after)
        for rules in plan.modifications.sets_in_force
        for rule in rules.rules
        if rule.medication is not None
        for name in rule.medication.classes
    ]
    name, after = draw.choice([*asked, *asked, ("other", 0)])
    end = day - after + draw.choice((-30, -2, -1, 0, 1, 2, 30))
    start = end - draw.choice((0, 1, 40))
    ongoing = draw.random() < 0.2
    length = draw.choice((10, 10, 7, 4))
    told = draw.choice((None, day_of(day), day_of(end)))
    writer.event(
        MEDICINES, told, entry=f"CM{writer.seq}", drug="medicine", drug_class=name,
        start=day_of(start).isoformat()[:length] if draw.random() < 0.9 else None,
        end=None if ongoing or draw.random() < 0.2 else day_of(end).isoformat()[:length],
        ongoing=ongoing,
    )  # fmt: skip


def _harm(draw: random.Random, writer: Writer, plan: TreatmentPlan, day: int) -> None:
    """An adverse event of a term that rules look at, or another, perhaps followed up."""
    terms = {"Fatigue", "Anemia"}
    for rules in plan.modifications.sets_in_force:
        for rule in rules.rules:
            if rule.toxicity is not None:
                terms.update(rule.toxicity.terms[:2])
    start = day + draw.choice((-10, -1, 0, 0, 1, 5))
    name = f"AE{writer.seq}"
    known = draw.random() < 0.95
    end = day_of(start + draw.choice((0, 3, 30))) if draw.random() < 0.15 else None
    ended = None if end is None else end.isoformat()
    writer.event(
        "adverse_event_reported", day_of(start) if known else None, adverse_event=name,
        term=draw.choice(sorted(terms)), grade=draw.choice((1, 2, 2, 3, 3, 4)),
        occurred_partial=None if known else f"{day_of(start):%Y-%m}",
        end=ended,
        serious=False, outcome=draw.choice(OUTCOMES),
    )  # fmt: skip
    while draw.random() < 0.5:
        start += draw.choice((0, 1, 14, 28))
        writer.event(
            "adverse_event_followed_up", day_of(start), adverse_event=name,
            grade=draw.choice((1, 1, 2, 3, 4)), outcome=draw.choice(OUTCOMES),
        )  # fmt: skip
