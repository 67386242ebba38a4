"""Entry programmed again: latest answers, their windows, criteria, and entry then and now.

Written from the plans of the study file, the events and the descriptions in words of the rules of
visits and eligibility, by somebody who has not read them. One subject at a time. What a laboratory
measures has the latest answer of all forms and reports; open places on forms are no answers. What
a prior therapy answers is true for who had one of its codes, whatever a form says.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Any

from equipoise.eligibility.plan import Criterion, EligibilityPlan
from equipoise.visits.plan import Item, VisitsPlan
from tests.second_programming.conditions_again import items_in, judged
from tests.second_programming.patient_again import first_day, measured
from tests.second_programming.rows_by_subject import Row, latest_day

TABLES = (
    "subject_screened", "form_saved", "form_item", "consent_signed", "cycle_started", "dose_given",
    "randomised", "screening_failed", "eligibility_confirmed", "laboratory_result",
    "prior_therapy_recorded", "procedure_recorded", "concomitant_medication_recorded",
    "medical_history_recorded",
)  # fmt: skip

Subject = dict[str, list[Row]]
Day = datetime.date
NEVER = datetime.date.max
REPORT = "a laboratory report"
"""Stands where a form would."""


def answers(subject: Subject, plan: VisitsPlan, keep: Callable[[Row], bool] = bool) -> list[Row]:
    """The answers of the instance of each form that counts, of those forms that are kept.

    The one of the latest day, then the one saved last; one without a day only where none has one.
    """
    by_laboratory = {
        item.code: (form.code, item) for form in plan.forms for item in form.items if item.analyte
    }
    found = []
    for code in sorted({row["form"] for row in subject["form_saved"] if keep(row)}):
        saved = [row for row in subject["form_saved"] if row["form"] == code and keep(row)]
        last = max(saved, key=lambda row: (row["occurred"] or Day.min, row["event"]))
        found += [
            {
                "form": code, "item": row["item"], "value": row["value"],
                "value_missing": row["value_missing"], "occurred": last["occurred"],
            }
            for row in subject["form_item"]
            if row["event"] == last["event"] and row["item"] not in by_laboratory
        ]  # fmt: skip
    for form, item in by_laboratory.values():
        said = _said(subject, item, keep)
        if said:
            found.append({"form": form, "item": item.code, **said})
    return _with_therapies(found, subject, plan)


def _with_therapies(found: list[Row], subject: Subject, plan: VisitsPlan) -> list[Row]:
    """Yes in place of what a form says, to each question that a recorded entry answers."""
    for form in plan.forms:
        for item in form.items:
            had = _entries(subject, item)
            if had:
                entry = min(had, key=lambda row: row["event"])
                found = [
                    row for row in found if (row["form"], row["item"]) != (form.code, item.code)
                ]
                yes = {"value": "true", "value_missing": None, "occurred": entry["occurred"]}
                found.append({"form": form.code, "item": item.code, **yes})
    return found


def _entries(subject: Subject, item: Item) -> list[Row]:
    """Prior therapies that answer; procedures, medicines and conditions that were not all after the
    decision; of medicines those that may have been taken in the days before entry is judged."""
    found = [
        {**row, "code": row["therapy"]}
        for row in subject["prior_therapy_recorded"]
        if row["therapy"] in item.therapies
    ]
    decided = subject["randomised"] or subject["screening_failed"]
    last = _first(decided) if decided else None
    for row in subject["procedure_recorded"]:
        later = last is not None and row["occurred"] is not None and row["occurred"] > last
        if row["procedure"] in item.procedures and not later:
            found.append({**row, "code": row["procedure"]})
    for row in subject["medical_history_recorded"]:
        listed = row["term"] is not None and row["condition"] in item.conditions
        if listed and not _begun_after(row, last):
            found.append({**row, "code": row["condition"]})
    for row in subject["concomitant_medication_recorded"]:
        listed = row["drug_class"] in item.medication_classes
        if listed and not _begun_after(row, last) and not _over(row, item, judged_on(subject)):
            found.append({**row, "code": row["drug_class"]})
    return found


def _begun_after(row: Row, last: Day | None) -> bool:
    """Whether every day that the start can mean is later."""
    return last is not None and row["start"] is not None and first_day(row["start"]) > last


def _over(row: Row, item: Item, judged: Day | None) -> bool:
    """Whether the medicine had surely ended more days before than the item allows."""
    if item.medication_days is None or judged is None or row["ongoing"]:
        return False
    end = latest_day(row["end"]) if row["end"] is not None else row["occurred"]
    if row["end"] is None and row["start"] is not None:
        end = max(end or Day.min, first_day(row["start"]))
    return bool(end is not None and end + datetime.timedelta(days=item.medication_days) < judged)


ENTRIES = ("therapy_recorded", "procedure_recorded", "medication_recorded", "history_recorded")


def answered(item: Item) -> bool:
    """Whether entries may answer the item."""
    return bool(item.therapies or item.procedures or item.medication_classes or item.conditions)


def contradicted(subject: Subject, plan: VisitsPlan) -> list[Row]:
    """Where the latest form says no to an entry that is recorded, or yes to none."""
    alone = {**subject, **{name: [] for name in TABLES if name.endswith(ENTRIES)}}
    said = {(row["form"], row["item"]): row for row in answers(alone, plan)}
    found = []
    for form in plan.forms:
        for item in form.items:
            row = said.get((form.code, item.code))
            had = _entries(subject, item)
            if not answered(item) or row is None or row["value"] != ("false" if had else "true"):
                continue
            first = min(had, key=lambda each: each["event"], default={"code": "not recorded"})
            found.append(
                {
                    "item": item.code, "occurred": row["occurred"], "on_form": row["value"],
                    "reported": first["code"],
                }
            )  # fmt: skip
    return found


def _said(subject: Subject, item: Item, keep: Callable[[Row], bool]) -> Row | None:
    """The latest answer to what a laboratory measures, on a form or in a report."""
    kept = {row["event"] for row in subject["form_saved"] if keep(row)}
    said = []
    for row in subject["form_item"]:
        answered = row["value"] is not None or row["value_missing"] is not None
        if row["item"] == item.code and row["event"] in kept and answered:
            value = None if row["value"] is None else Fraction(row["value"])
            said.append((row["occurred"] or Day.min, row["event"], value, row))
    for row in subject["laboratory_result"]:
        if row["analyte"] == item.analyte and keep({**row, "form": REPORT}):
            value = measured(row, item.unit or "")
            said.append((row["occurred"] or Day.min, row["event"], value, row))
    if not said:
        return None
    _, _, value, row = max(said, key=lambda each: each[:2])
    return {
        "value": None if value is None else plainly(value),
        "value_missing": row["value_missing"],
        "occurred": row["occurred"],
    }


def plainly(value: Fraction) -> str:
    """A number of at most six places without needless zeros."""
    text = f"{Decimal(value.numerator) / Decimal(value.denominator):.6f}"
    return text.rstrip("0").rstrip(".")


def typed(item: Item, text: str | None) -> Any:
    if text is None:
        return None
    if item.type == "decimal":
        return Decimal(text)
    if item.type == "integer":
        return int(text)
    if item.type == "boolean":
        return {"true": True, "false": False}[text]
    return Day.fromisoformat(text) if item.type == "date" else text


@dataclass
class Known:
    """What is known of a subject: values by item, and the windows of the answers that have one."""

    values: dict[str, Any] = field(default_factory=dict)
    measured: dict[str, Day | None] = field(default_factory=dict)
    until: dict[str, Day | None] = field(default_factory=dict)


def known(
    subject: Subject,
    plan: VisitsPlan,
    keep: Callable[[Row], bool] = bool,
    any_version: bool = False,
) -> Known:
    """Every item of the plan, the days that criteria read, the consents."""
    given = {(row["form"], row["item"]): row for row in answers(subject, plan, keep)}
    found = Known()
    for form in plan.forms:
        for item in form.items:
            row = given.get((form.code, item.code), {})
            value = found.values[item.code] = typed(item, row.get("value"))
            if item.entry_window is not None:
                day = row.get("occurred") if value is not None else None
                found.measured[item.code] = day
                found.until[item.code] = _until(item, value, day)
    found.values["screening_date"] = _first(subject["subject_screened"])
    given_doses = [
        row
        for row in subject["dose_given"]
        if row["amount"] is not None and row["amount"] > 0 and row["administrations"] > 0
    ]
    found.values["treatment_start_date"] = _first(subject["cycle_started"] + given_doses)
    for consent in plan.consents:
        signed = [row for row in subject["consent_signed"] if row["consent"] == consent.code]
        counts = any(any_version or row["version"] == consent.version for row in signed)
        found.values[f"consent_{consent.code}"] = True if counts else None
        found.values[f"consent_{consent.code}_date"] = _first(signed)
    return found


def _first(rows: list[Row]) -> Day | None:
    return min((row["occurred"] for row in rows if row["occurred"] is not None), default=None)


def _until(item: Item, value: Any, day: Day | None) -> Day | None:
    """The last day on which entry may be judged by the answer; one that does not go out of date
    counts whatever its day."""
    assert item.entry_window is not None
    if value is not None and item.entry_window_of and value not in item.entry_window_of:
        return NEVER
    if value is None or day is None:
        return None
    return day + datetime.timedelta(days=item.entry_window)


def judged_on(subject: Subject) -> Day | None:
    """The day of the randomisation, else of the failure, else of the last confirmation."""
    for table in ("randomised", "screening_failed"):
        if subject[table]:
            return _first(subject[table])
    days = [row["occurred"] for row in subject["eligibility_confirmed"]]
    return max((day for day in days if day is not None), default=None)


@dataclass(frozen=True)
class Verdict:
    """One criterion: met, not met, or not known, and what is missing then."""

    criterion: Criterion
    met: bool | None
    missing: tuple[str, ...]
    out_of_window: tuple[str, ...]


def verdicts(found: Known, day: Day | None, plan: EligibilityPlan) -> list[Verdict]:
    """Every criterion, without the answers that lie outside their windows on the day."""
    old = {
        name
        for name, until in found.until.items()
        if found.values[name] is not None and day is not None and (until is None or until < day)
    }
    row = {name: None if name in old else value for name, value in found.values.items()}
    said = []
    for criterion in plan.criteria:
        value = judged(criterion.expression, row)
        met = value if value is None or criterion.kind == "inclusion" else not value
        read = items_in(criterion.expression) if met is None else []
        missing = tuple(name for name in read if found.values[name] is None)
        outside = tuple(name for name in read if name in old)
        said.append(Verdict(criterion, met, missing, outside))
    return said


@dataclass(frozen=True)
class Overall:
    eligible: bool | None
    unmet: list[str]
    pending: list[str]


def overall(said: list[Verdict]) -> Overall:
    """A criterion judged provisionally may be unknown; it forbids once it is not met."""
    unmet = [each.criterion.id for each in said if each.met is False]
    pending = [each.criterion.id for each in said if each.met is None]
    waits = any(each.met is None and not each.criterion.provisional for each in said)
    return Overall(False if unmet else None if waits else True, unmet, pending)


def known_of_entry(subject: Subject, plan: VisitsPlan) -> Known:
    """What is known now of the time up to the day on which entry was decided."""
    limit = judged_on(subject) if subject["randomised"] or subject["screening_failed"] else None
    if limit is None:
        return known(subject, plan)
    repeating = {REPORT} | {form.code for form in plan.forms if form.repeating}

    def keep(row: Row) -> bool:
        late = row["occurred"] is not None and row["occurred"] > limit
        return not (row["form"] in repeating and late)

    return known(subject, plan, keep, any_version=True)


def entry(subject: Subject, visits: VisitsPlan, plan: EligibilityPlan) -> Row | None:
    """Entry as it was decided beside what the record says of that time now; None if undecided."""
    then = (subject["randomised"] or subject["screening_failed"] or [None])[0]
    if then is None:
        return None
    unmet: list[str] | None
    pending: list[str] | None
    eligible: bool | None
    if subject["randomised"]:
        eligible, unmet, pending = True, [], then["pending_criteria"]
    elif then["cause"] == "not_eligible":
        unmet, pending = then["criteria"], then["pending"]
        eligible = False if unmet else None
    else:
        eligible, unmet, pending = None, then["criteria"], then["pending"]
    now = overall(verdicts(known_of_entry(subject, visits), judged_on(subject), plan))
    return {
        "decision": "randomised" if subject["randomised"] else "screening_failed",
        "decided": then["occurred"],
        "study_version": then["study_version"],
        "eligible_then": eligible,
        "unmet_then": unmet,
        "pending_then": pending,
        "eligible_now": now.eligible,
        "unmet_now": now.unmet,
        "pending_now": now.pending,
        "differs": eligible is not None and eligible != now.eligible,
    }
