"""Decisions about adverse events, laboratory values and the ranges that they are judged by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

from equipoise.conduct.care import check_known
from equipoise.conduct.context import Context
from equipoise.conduct.days import check_aware
from equipoise.errors import BadInput
from equipoise.record.event import EventBody, decimal_text
from equipoise.record.scaled import ANSWER_PLACES
from equipoise.safety.ctcae import check_grade, check_report
from equipoise.safety.events import (
    AdverseEventCoded,
    AdverseEventFollowedUp,
    AdverseEventReported,
    CausalityAssessed,
    LaboratoryReported,
    LaboratoryResult,
    ReferenceRange,
    ReferenceRangesDeclared,
    SeriousAdverseEventReported,
    SusarSubmitted,
)
from equipoise.safety.laboratory import FACTOR_PLACES, LARGEST_STANDARD, analytes, units
from equipoise.safety.laboratory_answer import conversion, exact_places, exact_units
from equipoise.safety.seriousness import check_criteria
from equipoise.study.definition import Study


def adverse_event_reported(context: Context, body: AdverseEventReported) -> EventBody:
    """A term of the grading standard, in a grade that the standard words for it."""
    check_report(body)
    return body


def adverse_event_followed_up(context: Context, body: AdverseEventFollowedUp) -> EventBody:
    """A follow-up of an event that was reported."""
    for each in context.bodies("AdverseEventReported"):
        if each["adverse_event"] == body.adverse_event:
            check_grade(each["term"], body.grade)
            return body
    check_known(context, body, "adverse_event", "AdverseEventReported")
    return body


def serious_adverse_event_reported(
    context: Context, body: SeriousAdverseEventReported
) -> EventBody:
    """The next report about an event, from a day on or after that of the site's awareness."""
    check_known(context, body, "adverse_event", "AdverseEventReported")
    where = f"SeriousAdverseEventReported {body.adverse_event}"
    check_aware(context, body, context.day)
    earlier = [
        each
        for each in context.bodies("SeriousAdverseEventReported")
        if each["adverse_event"] == body.adverse_event
    ]
    if body.report != len(earlier) + 1:
        raise BadInput(f"{len(earlier) + 1}", where=where, field="report", found=body.report)
    if not earlier and body.narrative is None:
        raise BadInput("a narrative with the first report", where=where, field="narrative")
    return serious_for_a_reason(context, body)


def serious_for_a_reason(context: Context, body: SeriousAdverseEventReported) -> EventBody:
    """Criteria that fit one another and the worst grade of the event."""
    events = context.derived("adverse_event").filter(adverse_event=body.adverse_event)
    where = f"SeriousAdverseEventReported {body.adverse_event}"
    check_criteria(body.criteria, events["grade"].item(), where)
    return body


def causality_assessed(context: Context, body: CausalityAssessed) -> EventBody:
    """An opinion of a day on an event that was reported."""
    check_known(context, body, "adverse_event", "AdverseEventReported")
    return opinion_of_its_own(context, body)


def opinion_of_its_own(context: Context, body: CausalityAssessed) -> EventBody:
    """An opinion by who holds it, on a drug of the study: nobody speaks for the other (SA1)."""
    drugs = sorted(
        {dose.drug for regimen in context.study.treatment.regimens for dose in regimen.doses}
    )
    if body.drug not in drugs:
        where = f"CausalityAssessed {body.adverse_event}"
        raise BadInput(f"one of {', '.join(drugs)}", where=where, field="drug", found=body.drug)
    own = "investigator" if context.action.role == "investigator" else "sponsor"
    if body.opinion_of != own:
        raise context.refuse(
            f"gets no opinion of the {body.opinion_of} on {body.adverse_event} from the "
            f"{context.action.role}",
            rule="SA1",
            clause="ICH E2A III.A: both opinions stand, each by who holds it",
            way_out=f"record the opinion of the {own}; the other stays as it is",
            value=body.opinion_of,
        )
    return body


def adverse_event_coded(context: Context, body: AdverseEventCoded) -> EventBody:
    """A code of the dictionary of the study, in its version."""
    check_known(context, body, "adverse_event", "AdverseEventReported")
    plan = context.study.safety.dictionary
    wanted = f"{plan.name} {plan.version}" if plan else "no dictionary"
    if (found := f"{body.dictionary} {body.version}") != wanted:
        raise context.refuse(
            f"{body.adverse_event} cannot be coded in {found}: the study names {wanted}",
            rule="dictionary of the study",
            way_out="give the file of that version, or adopt a study version that names this one",
            value=found,
        )
    return body


def susar_submitted(context: Context, body: SusarSubmitted) -> EventBody:
    """A report to the authority of an event that was reported to the sponsor as serious."""
    check_known(context, body, "adverse_event", "SeriousAdverseEventReported")
    where = f"SusarSubmitted {body.adverse_event}"
    sent = [
        each["kind"]
        for each in context.bodies("SusarSubmitted")
        if each["adverse_event"] == body.adverse_event
    ]
    if (body.kind == "initial") == bool(sent):
        allowed = "follow_up" if sent else "initial, before any follow_up"
        raise BadInput(allowed, where=where, field="kind", found=body.kind)
    return body


def laboratory_results(context: Context, body: LaboratoryReported) -> EventBody:
    """Values of known analytes in units in which they can be graded, each analyte once; those that
    answer an item of a form within its limits, and such that nothing has to be rounded."""
    where = f"LaboratoryReported {body.report}"
    seen: set[str] = set()
    for result in body.results:
        at = f"{where}, {result.analyte}"
        _check_unit(result.analyte, result.unit, at)
        if result.analyte in seen:
            raise BadInput("each analyte once in a report", where=where, found=result.analyte)
        seen.add(result.analyte)
        if (result.value is None) == (result.value_missing is None):
            raise BadInput("a value, or the reason why none", where=at, field="value")
        _check_size(result.value, result.analyte, result.unit, at, "value")
        _check_answer(context.study, result, at)
    if not body.results:
        raise BadInput("at least one result", where=where, field="results")
    return body


def reference_ranges_declared(context: Context, body: ReferenceRangesDeclared) -> EventBody:
    """Ranges of an open site from a day on: known analytes and units, low below high."""
    where = "ReferenceRangesDeclared"
    if context.action.site not in context.state.sites or context.action.subject is not None:
        raise BadInput("an open site, and no subject", where=where, found=context.action.site)
    seen: set[tuple[object, ...]] = set()
    for each in body.ranges:
        at = f"{where}, {each.analyte}"
        _check_unit(each.analyte, each.unit, at)
        _check_limits(each, at)
        _check_people(context.study, each, at)
        people = each.analyte, each.sex, each.age_from, each.age_below
        if people in seen:
            raise BadInput("one range for the same people", where=at)
        seen.add(people)
    if not body.ranges:
        raise BadInput("at least one range", where=where, field="ranges")
    return body


def _check_limits(each: ReferenceRange, at: str) -> None:
    if each.low is None and each.high is None:
        raise BadInput("a lower or an upper limit, or both", where=at, field="low")
    if each.low is not None and each.high is not None and each.low >= each.high:
        raise BadInput(f"below the upper limit {each.high}", where=at, field="low", found=each.low)
    for field in ("low", "high"):
        _check_size(getattr(each, field), each.analyte, each.unit, at, field)
    if each.age_from is not None and each.age_below is not None and each.age_from >= each.age_below:
        allowed = f"below {each.age_below} years, where the range ends"
        raise BadInput(allowed, where=at, field="age_from", found=each.age_from)


def _check_people(study: Study, each: ReferenceRange, at: str) -> None:
    """The study must know the sex and the age of people whose ranges differ by them."""
    plan = study.safety.laboratory
    if each.sex is not None:
        items = [item for form in study.visits.forms for item in form.items]
        codes = [code.code for item in items if item.code == plan.sex_item for code in item.codes]
        if each.sex not in codes:
            allowed = f"one of {', '.join(codes)}" if codes else "no sex: the study names no item"
            raise BadInput(allowed, where=at, field="sex", found=each.sex)
    if (each.age_from is not None or each.age_below is not None) and plan.age_item is None:
        raise BadInput("no ages: the study names no item", where=at, field="age_from")


def _check_unit(analyte: str, unit: str, where: str) -> None:
    if analyte not in analytes():
        allowed = f"one of {', '.join(analytes())}"
        raise BadInput(allowed, where=where, field="analyte", found=analyte)
    known = [each for of, each in units() if of == analyte]
    if unit not in known:
        allowed = f"a unit of {analyte}: {', '.join(known)}"
        raise BadInput(allowed, where=where, field="unit", found=unit)


def _check_size(value: Decimal | None, analyte: str, unit: str, where: str, field: str) -> None:
    factor = Decimal(units()[analyte, unit].to_standard).scaleb(-FACTOR_PLACES)
    if value is not None and value * factor >= LARGEST_STANDARD:
        allowed = f"less than {LARGEST_STANDARD} {analytes()[analyte].unit}"
        raise BadInput(allowed, where=where, field=field, found=f"{value} {unit}")


def _check_answer(study: Study, result: LaboratoryResult, at: str) -> None:
    """A value that answers an item: exactly in the unit of the item, within its hard limits."""
    answers = next((each for each in study.answered if each.analyte == result.analyte), None)
    if answers is None:
        return
    why = f"it answers the item {answers.item} in {answers.unit}, and nothing is rounded"
    places = exact_places(answers.analyte, result.unit, answers.unit)
    if places is None:
        allowed = f"one of {', '.join(exact_units(answers.analyte, answers.unit))}: {why}"
        raise BadInput(allowed, where=at, field="unit", found=result.unit)
    if result.value is None:
        return
    factor = conversion(answers.analyte, result.unit, answers.unit) or Fraction(0)
    answer = Fraction(result.value) * factor
    if answer * 10**ANSWER_PLACES % 1:
        allowed = f"at most {places} decimal places in {result.unit}: {why}"
        raise BadInput(allowed, where=at, field="value", found=result.value)
    item = next(
        item for form in study.visits.forms for item in form.items if item.code == answers.item
    )
    found = f"{result.value} {result.unit}"
    if item.minimum is not None and answer < Fraction(item.minimum):
        allowed = f"at least {decimal_text(item.minimum)} {item.unit}, as the item {item.code}"
        raise BadInput(allowed, where=at, field="value", found=found)
    if item.maximum is not None and answer > Fraction(item.maximum):
        allowed = f"at most {decimal_text(item.maximum)} {item.unit}, as the item {item.code}"
        raise BadInput(allowed, where=at, field="value", found=found)


DECISIONS: Mapping[str, Callable[[Context, Any], EventBody]] = {
    "AdverseEventReported": adverse_event_reported,
    "AdverseEventFollowedUp": adverse_event_followed_up,
    "SeriousAdverseEventReported": serious_adverse_event_reported,
    "CausalityAssessed": causality_assessed,
    "SusarSubmitted": susar_submitted,
    "AdverseEventCoded": adverse_event_coded,
    "LaboratoryReported": laboratory_results,
    "ReferenceRangesDeclared": reference_ranges_declared,
}
