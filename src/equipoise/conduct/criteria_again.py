"""Criteria of entry asked again after randomisation: by the rule of `entry_eligibility` alone.

On the first day of treatment those that were judged provisionally are asked; when the record has
changed, all of them, of the time that each speaks of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from equipoise.conduct.context import Context
from equipoise.eligibility.entry import unsettled
from equipoise.eligibility.plan import Criterion
from equipoise.randomisation.events import Randomised
from equipoise.record.event import EventBody
from equipoise.safety.events import LaboratoryReported
from equipoise.treatment.events import CycleStarted
from equipoise.visits.events import FormSaved


def against_first_cycle(context: Context, body: CycleStarted) -> dict[str, str]:
    """The criteria judged provisionally that are not met or not known once the first cycle begins,
    each in words; none of a later cycle."""
    plan = context.study.eligibility
    if body.cycle != 1 or not any(each.provisional for each in plan.criteria):
        return {}
    judged = context.derived_with("entry_eligibility", body)
    against = unsettled(judged, plan, provisional=True)
    if against.is_empty():
        return {}
    verdicts = context.derived_with("criterion_verdict", body)
    missing = dict(zip(verdicts["criterion"], verdicts["missing_items"].to_list(), strict=True))
    criteria = {each.id: each for each in plan.criteria}
    return {
        row["criterion"]: _told(criteria[row["criterion"]], row, missing[row["criterion"]])
        for row in against.iter_rows(named=True)
    }


def against_randomisation(context: Context) -> Iterator[str]:
    """The criteria not judged provisionally that a randomised subject did not meet, or of which
    that is not known, by what the record says now of the time up to then; each in words."""
    if any(event.type == Randomised.TYPE for event in context.events):
        yield from _now(context, provisional=False)


def against_treatment(context: Context) -> Iterator[str]:
    """Those judged provisionally, of a subject whose first cycle has begun, in the same way."""
    if any(event.type == CycleStarted.TYPE for event in context.events):
        yield from _now(context, provisional=True)


def speaks_of_entry(context: Context, body: EventBody) -> bool:
    """Whether a form or a report that is entered after randomisation may change what is known of
    the time before: it is of that time, or of a form that is filled once and counts whatever its
    day; and a criterion reads it."""
    allocated = next((each for each in context.events if each.type == Randomised.TYPE), None)
    if allocated is None:
        return False
    forms = context.study.entry.forms
    if isinstance(body, FormSaved):
        read = next((form for form in forms if form.code == body.form), None)
        if read is None or not read.repeating:
            return read is not None
    elif isinstance(body, LaboratoryReported):
        if not any(item.analyte for form in forms for item in form.items):
            return False
    else:
        return True
    since = allocated.occurred or allocated.recorded[:10]
    return (context.action.occurred or since) <= since


def _now(context: Context, *, provisional: bool) -> Iterator[str]:
    plan = context.study.eligibility
    criteria = {each.id: each for each in plan.criteria}
    judged = context.derived("entry_eligibility")
    for row in unsettled(judged, plan, provisional=provisional).iter_rows(named=True):
        yield _told(criteria[row["criterion"]], row, ())


def _told(criterion: Criterion, row: Mapping[str, Any], missing: Iterable[str]) -> str:
    if row["met"] is None:
        items = ", ".join(missing)
        return f"criterion {criterion.id} is not known" + (f" ({items})" if items else "")
    return f"criterion {criterion.id} is not met: {criterion.wording.en.rstrip('.')}"
