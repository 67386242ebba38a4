"""Random screening, as event tables: awkward on purpose, at every limit of every criterion.

Numbers lie on, just beside and far from every number of the criteria, dates on and beside every
number of days; answers are missing, left open, not known; forms that repeat speak of days on, just
before and just after the day of the decision and the limits of every window, of one and the same
day, or of none, and are saved in any order; so do reports of laboratories, in any unit; forms are
put right later; consents are signed in old
and new versions; cycles begin, and doses are given or not, before and after; prior therapies are
recorded before and after all this, some of them put right later, and later therapies beside them;
medicines begin and end at the limits of their window, and so do conditions of the history.
"""

from __future__ import annotations

import datetime
import random
import re
from fractions import Fraction
from typing import Any

import polars as pl

from equipoise.study.definition import Study
from equipoise.visits.plan import Form, Item
from tests.second_programming.lesion_histories import Writer, day_of, tables_of_rows
from tests.second_programming.patient_again import factors


def screenings(draw: random.Random, subjects: int, study: Study) -> dict[str, pl.DataFrame]:
    """The event tables of so many subjects."""
    rows: dict[str, list[dict[str, Any]]] = {}
    writer = Writer("", rows)
    limits = sorted(
        {
            number
            for criterion in study.eligibility.criteria
            for number in re.findall(r"\b\d+\b", criterion.expression)
        },
        key=int,
    )
    for number in range(subjects):
        writer.subject = f"01-{number:05}"
        _subject(draw, writer, study, [int(each) for each in limits])
    return tables_of_rows(rows)


def _subject(draw: random.Random, writer: Writer, study: Study, limits: list[int]) -> None:
    met = draw.random() < 0.7
    if draw.random() < 0.98:
        writer.event("subject_screened", day_of(0))
    steps: list[Any] = list(study.visits.forms)
    for form in study.visits.forms:
        if form.repeating:
            steps += [form] * draw.choice((0, 1, 3))
    steps = [each for each in steps if draw.random() < (0.99 if met else 0.9)]
    steps += ["consent"] * draw.choice((0, 1, 4, 6)) + ["confirmed"] * draw.choice((0, 0, 1, 2))
    steps += ["therapy"] * draw.choice((0, 0, 0, 1, 1, 3))
    steps += ["procedure"] * draw.choice((0, 0, 1, 2))
    steps += ["medicine"] * draw.choice((0, 0, 1, 2)) + ["condition"] * draw.choice((0, 0, 0, 1))
    steps += ["cycle"] * draw.choice((0, 1, 2)) + ["dose"] * draw.choice((0, 1, 2))
    draw.shuffle(steps)
    decided = draw.choice((14, 20, 28))
    decision = draw.choice(("randomised", "randomised", "failed", "both", "neither"))
    if decision in ("randomised", "both"):
        steps.insert(draw.randrange(len(steps) + 1), "randomised")
    if decision in ("failed", "both"):
        steps.insert(draw.randrange(len(steps) + 1), "failed")
    for step in steps:
        if isinstance(step, Form):
            _form(draw, writer, study, step, decided, limits, met)
        else:
            _other(draw, writer, study, step, decided)


def _other(draw: random.Random, writer: Writer, study: Study, step: str, decided: int) -> None:
    criteria = [each.id for each in study.eligibility.criteria]
    some = [each for each in criteria if draw.random() < 0.1]
    if step == "consent":
        consent = draw.choice(study.visits.consents)
        version = draw.choice((consent.version, consent.version, "0.9"))
        day = day_of(draw.choice((-2, 0, 0, 1, 30)))
        writer.event("consent_signed", day, consent=consent.code, version=version)
    elif step == "therapy":
        table = draw.choice(("prior", "prior", "prior", "subsequent"))
        code = draw.choice([each.code for each in study.visits.therapies])
        writer.event(
            f"{table}_therapy_recorded",
            day_of(draw.choice((0, decided, decided + 30))) if draw.random() < 0.9 else None,
            entry=f"T{writer.seq}", therapy=code,
        )  # fmt: skip
        if draw.random() < 0.1:
            writer.seq += 1
            writer.rows[f"{table}_therapy_recorded"][-1]["seq"] = writer.seq
    elif step == "procedure":
        day = day_of(decided + draw.choice((-30, -1, 0, 0, 1, 30)))
        codes = [each.code for each in study.visits.procedures]
        writer.event(
            "procedure_recorded", day if draw.random() < 0.9 else None, entry=f"P{writer.seq}",
            procedure=draw.choice((*codes, None)),
        )  # fmt: skip
    elif step in ("medicine", "condition"):
        _course(draw, writer, study, step, decided)
    elif step == "confirmed":
        writer.event("eligibility_confirmed", day_of(decided - draw.choice((0, 1, 7))))
    elif step == "randomised":
        writer.event("randomised", day_of(decided), arm="A", pending_criteria=some)
    elif step == "failed":
        cause = draw.choice(("not_eligible", "not_eligible", "declined", "no_marker_status"))
        more = [each for each in criteria if each not in some and draw.random() < 0.1]
        told = cause == "not_eligible"
        writer.event(
            "screening_failed", day_of(decided + draw.choice((0, 0, 1))), cause=cause,
            criteria=some if told else [], pending=more if told else [],
        )  # fmt: skip
    elif step == "cycle":
        writer.event("cycle_started", day_of(decided + draw.choice((0, 3, 7, 28))), cycle=1)
    else:
        amount, number = draw.choice(((None, 1), (0, 1), (100, 0), (100, 1), (100, 3)))
        writer.event(
            "dose_given", day_of(decided + draw.choice((0, 2, 3, 7))), cycle=1, day=1, drug="a",
            amount=amount, administrations=number,
        )  # fmt: skip


def _course(draw: random.Random, writer: Writer, study: Study, step: str, decided: int) -> None:
    """A medicine or a condition, whose days lie at the limits of a window, or are partly known."""
    windows = [
        item.medication_days
        for form in study.visits.forms
        for item in form.items
        if item.medication_days is not None
    ] or [20]
    end = decided - draw.choice(windows) + draw.choice((-1, 0, 1, 5, 20, 60))
    start = draw.choice((end, end - 40, decided - 1, decided, decided + 1))
    texts = [str(day_of(day))[: draw.choice((4, 7, 10, 10, 10))] for day in (start, end)]
    first, last = (text if draw.random() < 0.85 else None for text in texts)
    ongoing = draw.random() < 0.3
    said: dict[str, Any] = {
        "entry": f"X{writer.seq}", "start": first, "end": None if ongoing else last,
        "ongoing": ongoing,
    }  # fmt: skip
    told = day_of(decided + draw.choice((-30, -20, 0, 10)))
    listed = study.visits.medication_classes if step == "medicine" else study.visits.conditions
    code = draw.choice((*(each.code for each in listed), None))
    if step == "medicine":
        said |= {"drug": "a medicine", "drug_class": code}
        writer.event("concomitant_medication_recorded", told, **said)
    else:
        said |= {"term": "A condition" if draw.random() < 0.9 else None, "condition": code}
        writer.event("medical_history_recorded", told, **said)


def _form(
    draw: random.Random,
    writer: Writer,
    study: Study,
    form: Form,
    decided: int,
    limits: list[int],
    met: bool,
) -> None:
    windows = [each.entry_window for each in form.items if each.entry_window is not None] or [14]
    days = [decided - draw.choice(windows) + beside for beside in (-1, 0, 1)]
    day = draw.choice((*days, 0, decided - 1, decided, decided, decided + 1, decided + 30))
    saved = writer.event(
        "form_saved", day_of(day) if draw.random() < 0.95 else None, form=form.code,
        instance=f"I{writer.seq}",
    )  # fmt: skip
    if draw.random() < 0.1:
        writer.seq += 1
        saved = {**saved, "seq": writer.seq}
        writer.rows["form_saved"][-1]["seq"] = writer.seq
    for position, item in enumerate(form.items):
        chance = draw.random() * (10 if met else 1)
        if item.analyte is not None and draw.random() < 0.5:
            more = draw.choice((0, 0, 0, -1, 1, 30))
            _report(draw, writer, item, day + more, _answer(draw, item, study, limits, met))
            chance = draw.choice((0.01, 0.05, chance))
        if chance < 0.02:
            continue
        value = None if chance < 0.06 else _answer(draw, item, study, limits, met)
        missing = draw.choice((None, "unknown", "not_done")) if value is None else None
        writer.beneath(
            "form_item", saved, position, item=item.code, value=value, value_missing=missing
        )


def _report(draw: random.Random, writer: Writer, item: Item, day: int, value: str) -> None:
    """A report that says so in some unit, as far as four places do; or that the sample failed."""
    into = factors()[item.analyte or "", item.unit or ""]
    known = [(unit, each) for (of, unit), each in factors().items() if of == item.analyte]
    unit, factor = draw.choice(known)
    found = round(Fraction(value) * into / factor * 10_000) if draw.random() < 0.95 else None
    report = writer.event(
        "laboratory_reported", day_of(day) if draw.random() < 0.97 else None,
        report=f"L{writer.seq}",
    )  # fmt: skip
    writer.beneath(
        "laboratory_result", report, 0, analyte=item.analyte, value=found,
        value_missing="sample_failed" if found is None else None,
        unit="arbitrary units" if draw.random() < 0.02 else unit,
    )  # fmt: skip


def _answer(draw: random.Random, item: Item, study: Study, limits: list[int], met: bool) -> str:
    """An answer that mostly lets a subject in, else one near a limit."""
    if item.type == "boolean":
        lets_in = not any(
            re.search(rf"\b{item.code}\b", each.expression)
            and (each.kind == "exclusion")
            != bool(re.search(rf"NOT {item.code}\b", each.expression))
            for each in study.eligibility.criteria
        )
        usual = met and draw.random() < 0.995
        answer = lets_in if usual else draw.random() < 0.5
        return "true" if answer else "false"
    if item.type == "code":
        codes = [each.code for each in item.codes]
        good = [each for each in codes if f"'{each}'" in _expressions(study, "inclusion")]
        good = good or [
            each for each in codes if f"'{each}'" not in _expressions(study, "exclusion")
        ]
        return draw.choice(good if met and draw.random() < 0.99 else codes)
    if item.type in ("integer", "decimal"):
        number = draw.choice(limits) * 10**item.places + draw.choice((-1, 0, 0, 1, 1))
        if met and draw.random() < 0.95:
            number = {"uracilaemia": 10, "ecog_status": 1}.get(item.code, 70) * 10**item.places
        text = str(max(number, 0)).rjust(item.places + 1, "0")
        return f"{text[: -item.places]}.{text[-item.places :]}" if item.places else text
    if item.type == "date":
        return str(day_of(draw.choice((*(21 - each for each in limits if each < 100), 0, 10, 21))))
    if item.type == "partial_date":
        day: datetime.date = day_of(-draw.randrange(900))
        return draw.choice((f"{day:%Y}", f"{day:%Y-%m}", f"{day}"))
    return "a remark"


def _expressions(study: Study, kind: str) -> str:
    return " ".join(each.expression for each in study.eligibility.criteria if each.kind == kind)
