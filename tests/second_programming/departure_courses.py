"""Random courses of randomised subjects who depart from the protocol in every way.

Visits come on and beside the first and last day of their windows; cycles begin on the day that is
due, as early as is allowed and a day earlier; doses lie at the limits of what was decided, are
given too often, in no number or not at all; lots expire on and beside the day on which they leave;
consents are signed on and beside the day of randomisation; medicines, therapies and procedures lie
at the edges of every period. Stratum, entry and progression are drawn as tables.
"""

from __future__ import annotations

import datetime
import random
from collections.abc import Mapping
from typing import Any

import polars as pl

from equipoise.oversight.events import DeviationCategory
from equipoise.study.definition import Study
from equipoise.study.derivation import ORDER, derive
from equipoise.treatment.plan import Regimen
from tests.second_programming.dosing_histories import treatments
from tests.second_programming.lesion_histories import Writer, day_of, tables_of_rows

CATEGORIES = DeviationCategory.__args__  # type: ignore[attr-defined]
DRAWN = ("stratum", "entry_eligibility", "progression", "expedited_report")
"""Derived tables that are drawn, with every answer that they can have."""
Rows = dict[str, list[dict[str, Any]]]


def departing(draw: random.Random, subjects: int, study: Study) -> dict[str, pl.DataFrame]:
    """The tables of so many subjects: events, and those that are drawn."""
    rows = {
        name: frame.to_dicts()
        for name, frame in treatments(draw, subjects, study).items()
        if len(frame)
    }
    writer = Writer("", rows, max(row["seq"] for found in rows.values() for row in found))
    arms = [arm.code for arm in study.randomisation.arms]
    for row in rows["randomised"]:
        row.update(arm=draw.choice(arms), site=draw.choice(("01", "02")))
    for row in rows["cycle_started"]:
        if draw.random() < 0.3:
            row["occurred"] -= day_of(draw.choice((1, 2, 3, 4, 5, 9))) - day_of(0)
    kept = {f"01-{number:04}" for number in range(subjects) if draw.random() < 0.2}
    rows["dose_given"] = [row for row in rows["dose_given"] if row["subject"] in kept]
    drawn: Rows = {name: [] for name in DRAWN}
    for number in range(subjects):
        writer.subject = f"01-{number:04}"
        _person(draw, writer, study)
        _drawn(draw, writer.subject, drawn, study)
    tables = {**tables_of_rows(rows), **{name: _frame(name, drawn[name]) for name in DRAWN}}
    decided = _by_subject(derived(tables, study, "dose_decision"))
    for number in range(subjects):
        writer.subject = f"01-{number:04}"
        _treated(draw, writer, decided.get(writer.subject, []), study)
    tables.update(tables_of_rows(rows))
    tables.update({name: _frame(name, drawn[name]) for name in DRAWN})
    due = _by_subject(derived(tables, study, "visit_timeline"))
    for number in range(subjects):
        writer.subject = f"01-{number:04}"
        _seen(draw, writer, due.get(writer.subject, []), study)
        _beside(draw, writer, rows, drawn, study)
    tables = tables_of_rows(rows)
    return {**tables, **{name: _frame(name, drawn[name]) for name in DRAWN}}


def derived(tables: Mapping[str, pl.DataFrame], study: Study, upto: str) -> pl.DataFrame:
    return derive(tables, study, upto=upto)[upto]


def _frame(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema = next(dict(rule.columns) for rule in ORDER if rule.produces == name)
    full = [{column: row.get(column) for column in schema} for row in rows]
    return pl.DataFrame(full, schema=schema)


def _by_subject(frame: pl.DataFrame) -> Rows:
    found: Rows = {}
    for row in frame.to_dicts():
        found.setdefault(row["subject"], []).append(row)
    return found


def _person(draw: random.Random, writer: Writer, study: Study) -> None:
    """Screening, consents, the end of treatment, a last sign of life, and what was recorded."""
    writer.event("subject_screened", day_of(-10))
    for consent in study.visits.consents:
        for _ in range(draw.choice((0, 1, 1, 1, 2))):
            day = day_of(draw.choice((-10, -1, 0, 1, 5)))
            writer.event("consent_signed", day, consent=consent.code, version="1")
    if draw.random() < 0.5:
        writer.event("treatment_discontinued", day_of(draw.randrange(0, 200)), cause="disease")
    writer.event("vital_status_recorded", day_of(draw.randrange(30, 400)), alive=True)
    while draw.random() < 0.3:
        known = draw.random() < 0.8
        writer.event(
            "deviation_recorded", day_of(draw.randrange(-20, 200)) if known else None,
            occurred_partial=None if known else "2023", deviation=f"D{writer.seq}",
            category=draw.choice(CATEGORIES), description=draw.choice(("one", "other")),
            important=draw.random() < 0.5,
        )  # fmt: skip


def _drawn(draw: random.Random, subject: str, drawn: Rows, study: Study) -> None:
    who = {"replicate": 0, "subject": subject, "sources": [1]}
    strata = ("LOW", "HIGH", None)
    first, second = draw.choice(strata[:2]), draw.choice(strata)
    if draw.random() < 0.9:
        differs = None if second is None and draw.random() < 0.7 else first != second
        drawn["stratum"].append(
            {**who, "stratum": first, "stratum_corrected": second, "differs": differs}
        )
    if draw.random() < 0.9:
        now = draw.choice((True, True, False, None))
        names = draw.sample(("I1", "I2", "E1", "E4"), draw.choice((1, 2, 3)))
        cut = draw.randrange(len(names)) if now is False else len(names)
        failed = draw.random() < 0.1
        drawn["entry_eligibility"].append(
            {**who, "decision": "screening_failed" if failed else "randomised",
             "decided": day_of(0), "eligible_then": not failed, "eligible_now": now,
             "unmet_now": names[cut:] if now is False else [],
             "pending_now": names[:cut] if now is not True else [],
             "differs": now is not (not failed)}
        )  # fmt: skip
    for number in range(draw.choice((0, 1, 2))):
        due = day_of(draw.randrange(200))
        late = draw.choice((True, False, None))
        done = None if late is None else due + (day_of(draw.choice((0, 1))) - day_of(0))
        hours = [
            day and datetime.datetime.combine(day, datetime.time(draw.randrange(24), 30))
            for day in (due, done)
        ]
        report = draw.choice(("site_to_sponsor", "other"))
        drawn["expedited_report"].append(
            {**who, "adverse_event": f"AE{number}", "report": report,
             "due": due, "done": done, "late": late, "due_at": draw.choice((None, hours[0])),
             "done_at": draw.choice((None, hours[1]))}
        )  # fmt: skip
    for evaluator in dict.fromkeys((study.response.primary_evaluator, "another")):
        if draw.random() < 0.7:
            progressed, known = draw.random() < 0.6, draw.random() < 0.8
            drawn["progression"].append(
                {**who, "evaluator": evaluator, "progressed": progressed,
                 "progression": day_of(draw.randrange(20, 200)) if progressed and known else None,
                 "last_adequate_assessment": draw.choice((None, day_of(draw.randrange(-5, 90))))}
            )  # fmt: skip


def _treated(
    draw: random.Random, writer: Writer, decided: list[dict[str, Any]], study: Study
) -> None:
    """Doses at the limits of each decision, and lots at their last day."""
    regimens = {each.code: each for each in study.treatment.regimens}
    for row in decided:
        cycle, drug, start = row["cycle"], row["drug"], row["occurred"]
        limits = [limit for limit in (row["least"], row["most"]) if limit is not None]
        usual = draw.choice(limits) if limits else draw.choice((0, 10_000))
        for amount in [usual] * (draw.random() < 0.7) + [usual + draw.choice((-1, 0, 1))]:
            times = _planned(regimens[row["regimen"]], drug)
            amount = draw.choice((amount, amount, amount, None, 0))
            day = draw.choice((0, 0, 1, 8))
            writer.event(
                "dose_given", start + (day_of(day) - day_of(0)), cycle=cycle, day=day + 1,
                drug=drug, amount=None if amount is None else max(amount, 0),
                administrations=draw.choice((0, 1, times, times, times + 1)),
                amount_missing="not_done" if amount is None else None,
            )  # fmt: skip
        if draw.random() < 0.5:
            left = start + (day_of(draw.choice((-3, -1, 0, 2))) - day_of(0))
            writer.event(
                "drug_dispensed", left, dispensing=f"DD{writer.seq}", cycle=cycle,
                drug=draw.choice((drug, drug, drug, "another")), lot=f"L{draw.randrange(9)}",
                expiry=left + (day_of(draw.choice((-1, 0, 1, 300))) - day_of(0)), unit=100, units=1,
            )  # fmt: skip
    for _ in range(draw.random() < 0.3):
        cycle = draw.choice((1, 2, 9, 150))
        left = day_of(draw.randrange(0, 100))
        writer.event(
            "drug_dispensed", left, dispensing=f"DD{writer.seq}", cycle=cycle, drug="another",
            lot="L", expiry=left + (day_of(draw.choice((-1, 0))) - day_of(0)), unit=100, units=1,
        )  # fmt: skip


def _planned(regimen: Regimen, drug: str) -> int:
    return sum(len(each.days) * each.times_per_day for each in regimen.doses if each.drug == drug)


def _seen(draw: random.Random, writer: Writer, due: list[dict[str, Any]], study: Study) -> None:
    """Visits on and beside both edges of their windows, not done, twice, or of none that is due."""
    for row in due:
        if draw.random() < 0.2:
            continue
        at = draw.choice((row["earliest"], row["latest"], row["target"]))
        day = at + (day_of(draw.choice((-1, 0, 0, 1))) - day_of(0))
        writer.event(
            "visit_recorded", day, visit=row["visit"],
            instance=row["instance"] if draw.random() < 0.95 else 17,
            unscheduled=draw.random() < 0.05,
            not_done=draw.choice(("not_done", "not_applicable")) if draw.random() < 0.1 else None,
        )  # fmt: skip


def _beside(draw: random.Random, writer: Writer, rows: Rows, drawn: Rows, study: Study) -> None:
    """Medicines, therapies and procedures on and beside the edges of every period."""
    mine = {
        name: [row for row in found if row["subject"] == writer.subject]
        for name, found in {**rows, **drawn}.items()
        if name in ("dose_given", "treatment_discontinued", "progression", "cycle_started")
    }
    edges = [day_of(0), day_of(1)]
    for name, found in mine.items():
        item = "progression" if name == "progression" else "occurred"
        edges += [row[item] for row in found if row[item] is not None]
    after = [0, *(each.days_after for each in study.visits.prohibited)]

    def edge() -> Any:
        beside = draw.choice((-1, 0, 0, 1)) + draw.choice(after)
        return draw.choice(edges) + (day_of(beside) - day_of(0))

    plan = study.visits
    for _ in range(draw.choice((0, 1, 3, 5))):
        start, end = sorted((edge(), edge()))
        length = draw.choice((10, 10, 10, 7, 4))
        ongoing = draw.random() < 0.3
        writer.event(
            "concomitant_medication_recorded",
            draw.choice((None, edge(), edge())), entry=f"E{writer.seq}", drug="m",
            drug_class=draw.choice((*(each.code for each in plan.medication_classes), None)),
            start=start.isoformat()[:length] if draw.random() < 0.8 else None,
            end=None if ongoing or draw.random() < 0.3 else end.isoformat()[:length],
            ongoing=ongoing,
        )  # fmt: skip
    for table, item, codes in (
        ("subsequent_therapy_recorded", "therapy", plan.therapies),
        ("procedure_recorded", "procedure", plan.procedures),
    ):
        for _ in range(draw.choice((0, 1, 2))):
            code = draw.choice((*(each.code for each in codes), None))
            day = edge() if draw.random() < 0.9 else None
            writer.event(table, day, entry=f"E{writer.seq}", **{item: code})


def disturbed(draw: random.Random, tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Event tables of a trial in which much of what was recorded is recorded otherwise."""
    changed = dict(tables)
    for name in MOVED:
        rows = tables[name].to_dicts()
        for row in rows:
            if draw.random() < 0.25 and row["occurred"] is not None:
                row["occurred"] += day_of(draw.choice((-9, -3, -1, 1, 5, 40))) - day_of(0)
        changed[name] = pl.DataFrame(rows, schema=tables[name].schema)
    rows = changed["dose_given"].to_dicts()
    for row in rows:
        if draw.random() < 0.2 and row["amount"] is not None:
            row["amount"] = draw.choice((0, row["amount"] - 1, row["amount"] + 1))
        row["administrations"] += draw.choice((-1, 1)) * (draw.random() < 0.2)
    changed["dose_given"] = pl.DataFrame(rows, schema=changed["dose_given"].schema)
    return changed


MOVED = (
    "cycle_started", "consent_signed", "visit_recorded", "dose_given", "randomised",
    "subsequent_therapy_recorded", "concomitant_medication_recorded", "drug_dispensed",
    "treatment_discontinued", "procedure_recorded",
)  # fmt: skip
