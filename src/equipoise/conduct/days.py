"""Days that cannot be together, whether they are entered or corrected.

What happened is never refused because it is unwelcome: a visit too late, a dose that the rule would
not give. Refused is what cannot have been, so that one of two entries is wrong: a cycle before the
arm was known or after the next one, a dose before its cycle, a visit after death, a day to come.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from equipoise.biomarker.events import (
    AssayResultRecorded,
    SampleCollected,
    SampleDerived,
    SampleReceived,
    SampleShipped,
)
from equipoise.conduct.context import Context, as_it_stands, event_as_it_stands, read
from equipoise.errors import BadInput
from equipoise.randomisation.events import Randomised
from equipoise.record.event import Event
from equipoise.safety.events import (
    CausalityAssessed,
    LaboratoryReported,
    ReferenceRangesDeclared,
    SeriousAdverseEventReported,
    SusarSubmitted,
)
from equipoise.study.access import SITE_ROLES
from equipoise.treatment.events import (
    CycleStarted,
    DoseGiven,
    DrugDispensed,
    DrugReturned,
    LotReceived,
)
from equipoise.visits.events import (
    ConsentSigned,
    DeathRecorded,
    FormSaved,
    ScreeningFailed,
    SubjectScreened,
    VitalStatusRecorded,
)
from equipoise.visits.participation import PROCEDURES

NEEDED: Mapping[str, str] = {
    CycleStarted.TYPE: "the day on which the cycle began",
    DrugDispensed.TYPE: "the day of dispensing",
    LotReceived.TYPE: "the day on which the lot came",
    DeathRecorded.TYPE: "the day of death, perhaps partial",
    ScreeningFailed.TYPE: "the day of the screening failure",
    SampleShipped.TYPE: "the day on which the sample left",
    SampleReceived.TYPE: "the day on which the sample arrived",
    AssayResultRecorded.TYPE: "the day of the result",
    LaboratoryReported.TYPE: "the day of the blood draw",
    ReferenceRangesDeclared.TYPE: "the day from which they are valid",
    CausalityAssessed.TYPE: "the day of the opinion",
    SeriousAdverseEventReported.TYPE: "the day on which the report reached the sponsor",
    SusarSubmitted.TYPE: "the day on which the report left",
}
"""Events that are refused without a day, entered or corrected, and which day it is."""


def day_needed(event_type: str, *, where: str, field: str) -> BadInput:
    """The BadInput that an event of this type needs its day."""
    told = f"{NEEDED[event_type]}: without it the event is not recorded"
    return BadInput(told, where=where, field=field)


def check_corrected_day(context: Context, after: Context, target: Event) -> None:
    """Refuse a corrected day that the event could not have been entered with.

    `after`: the record with the correction. The event keeps every other day that it has with it.
    """
    day = _stands(after, target)
    if day == _stands(context, target):
        _check_awareness(context, after, target, day)
        return
    where = f"{context.action.name}, event {target.seq} ({target.type})"
    if day is None:
        if target.type in NEEDED:
            raise day_needed(target.type, where=where, field="new")
        return
    if day > context.today.isoformat()[: len(day)]:
        raise BadInput(
            f"a day not after today ({context.today})", where=where, field="new", found=day
        )
    if check := _CHECKS.get(target.type):
        check(after, target, day)


def _check_awareness(context: Context, after: Context, target: Event, day: str | None) -> None:
    """BadInput for a corrected awareness of a serious event that is later than its report."""
    if target.type != SeriousAdverseEventReported.TYPE or day is None:
        return
    then, now = (event_as_it_stands(each.events, target).body for each in (context, after))
    if any(then[name] != now[name] for name in ("aware", "aware_time", "received_time")):
        check_aware(after, SeriousAdverseEventReported.model_validate(now), day)


def _stands(context: Context, target: Event) -> str | None:
    """The day of an event as it stands, None without one."""
    return event_as_it_stands(context.events, target).occurred


def check_cycle_day(context: Context, cycle: int, day: str) -> None:
    """Refuse a cycle that begins before randomisation, or out of the order of the cycles."""
    told = f"cannot have begun cycle {cycle} on {day}"
    allocated = next(event for event in context.events if event.type == Randomised.TYPE)
    since = allocated.occurred or allocated.recorded[:10]
    if day < since:
        raise context.refuse(
            f"{told}: was randomised on {since}",
            rule="RN3",
            clause="nobody is treated in an arm before it is allocated",
            value=day,
            way_out="give the day on which the cycle began; treatment before is prior therapy",
        )
    for on, other in as_it_stands(context.events, CycleStarted.TYPE):
        number = other["cycle"]
        if (number < cycle and day < on) or (number > cycle and on < day):
            raise context.refuse(
                f"{told}: cycle {number} began on {on}",
                rule="cycles in order",
                clause="a cycle begins on or after the first day of the one before it",
                value=day,
                way_out="give the right day, or correct that of the other cycle first",
            )


def check_dose_day(context: Context, cycle: int, drug: str, day: str | None) -> None:
    """Refuse a dose of a day before the first of its cycle."""
    began = {each["cycle"]: on for on, each in as_it_stands(context.events, CycleStarted.TYPE)}
    if day is None or cycle not in began or day >= began[cycle]:
        return
    raise context.refuse(
        f"cannot have been given {drug} of cycle {cycle} on {day}: the cycle began on "
        f"{began[cycle]}",
        rule="cycle known",
        clause="a dose is given on or after the first day of its cycle",
        value=day,
        way_out="give the right day, or correct that of the other event first",
    )


def check_dispensing_day(context: Context, drug: str, day: str) -> None:
    """Refuse a dispensing of a day before randomisation: nobody knew the arm."""
    for since, _ in as_it_stands(context.events, Randomised.TYPE):
        if day < since:
            raise context.refuse(
                f"cannot have been given {drug} by the pharmacy on {day}: was randomised on "
                f"{since}",
                rule="RN3",
                clause="no drug of an arm is handed out before the arm is allocated",
                value=day,
                way_out="give the day on which the drug left the pharmacy",
            )


def check_return_day(context: Context, dispensing: str, day: str | None) -> None:
    """Refuse units that came back before they were dispensed."""
    for left, body in as_it_stands(context.events, DrugDispensed.TYPE):
        if body["dispensing"] == dispensing and day is not None and day < left:
            raise context.refuse(
                f"cannot have returned units of {dispensing} on {day}: it was dispensed on {left}",
                rule="accountability",
                clause="what comes back was handed out before",
                value=day,
                way_out="give the right day, or correct that of the other event first",
            )


def check_result_day(context: Context, result: str, sample: str, day: str) -> None:
    """BadInput for a result of a day before the sample was there."""
    row = context.derived("sample_state").filter(sample=sample).row(0, named=True)
    for what in ("received", "taken"):
        if row[what] is not None and day < row[what].isoformat():
            raise BadInput(
                f"a day not before {sample} was {what} ({row[what]})",
                where=f"{AssayResultRecorded.TYPE} {result}", field="occurred", found=day,
            )  # fmt: skip


def check_aware(context: Context, body: SeriousAdverseEventReported, received: str) -> None:
    """BadInput for a report of which the sponsor knew before the site, in days or in hours, and for
    an hour of today that has not come yet at the hospital."""
    if body.aware.isoformat() > received:
        raise BadInput(
            f"a day not after the sponsor knew ({received})",
            where=f"{body.TYPE} {body.adverse_event}", field="aware", found=body.aware,
        )  # fmt: skip
    known = (body.received_time or "24") if body.aware.isoformat() == received else "24"
    if body.aware_time is not None and body.aware_time > known:
        raise BadInput(
            f"a time not after that at which the sponsor knew ({known})",
            where=f"{body.TYPE} {body.adverse_event}", field="aware_time", found=body.aware_time,
        )  # fmt: skip

    for name, day in (("aware_time", body.aware.isoformat()), ("received_time", received)):
        told = getattr(body, name) if day == context.today.isoformat() else None
        if told is not None and context.hour is not None and told > context.hour:
            raise BadInput(
                f"a time not after now ({context.hour} at the hospital)",
                where=f"{body.TYPE} {body.adverse_event}", field=name, found=told,
            )  # fmt: skip


def check_death_day(context: Context, day: str) -> None:
    """BadInput for a death before the screening, or before the site saw the subject.

    What a reader or a laboratory dated wrongly stands in no site's way.
    """
    screened = next(on for on, _ in as_it_stands(context.events, SubjectScreened.TYPE))
    allowed = f"a day not before the screening ({screened})"
    latest = screened
    for event in context.events:
        if event.type not in _SEEN or event.role not in SITE_ROLES:
            continue
        found = event_as_it_stands(context.events, event)
        on = found.occurred
        if on is not None and on > latest and not _left_out(event.type, found.body):
            latest = on
            allowed = f"a day not before {event.type} of {on}, or correct that day first"
    if day < latest[: len(day)]:
        raise BadInput(allowed, where=DeathRecorded.TYPE, field="occurred", found=day)


_SEEN = PROCEDURES | {VitalStatusRecorded.TYPE}


def _left_out(event_type: str, body: Mapping[str, Any]) -> bool:
    """Whether an event says that something was not done: of the dead, too."""
    if event_type == FormSaved.TYPE:
        return all(item["value"] is None for item in body["items"])
    if event_type == DoseGiven.TYPE:
        return body["amount"] is None or not body["administrations"]
    return body.get("not_done") is not None


def _check_cycle(after: Context, target: Event, day: str) -> None:
    cycle = CycleStarted.model_validate_json(target.body).cycle
    check_cycle_day(after, cycle, day)
    for on, dose in as_it_stands(after.events, DoseGiven.TYPE):
        if dose["cycle"] == cycle:
            check_dose_day(after, cycle, dose["drug"], on)


def _check_dose(after: Context, target: Event, day: str) -> None:
    body = event_as_it_stands(after.events, target).body
    check_dose_day(after, body["cycle"], body["drug"], day)


def _check_death(after: Context, target: Event, day: str) -> None:
    check_death_day(after, day)


def _check_screening(after: Context, target: Event, day: str) -> None:
    for name in (Randomised.TYPE, ScreeningFailed.TYPE, DeathRecorded.TYPE):
        for on, _ in as_it_stands(after.events, name):
            if on < day[: len(on)]:
                raise after.refuse(
                    f"cannot have been screened on {day}: {name} is of {on}",
                    rule="screening",
                    clause="screening comes before what decides its outcome",
                    value=day,
                    way_out="give the right day, or correct the other one first",
                )


def _check_signature(after: Context, target: Event, day: str) -> None:
    for died, _ in as_it_stands(after.events, DeathRecorded.TYPE):
        if day[: len(died)] > died:
            raise BadInput(
                f"a day not after the death of the subject ({died})", where=ConsentSigned.TYPE,
                field="occurred", found=day,
            )  # fmt: skip


def _check_dispensing(after: Context, target: Event, day: str) -> None:
    dispensed = read(target)
    check_dispensing_day(after, dispensed["drug"], day)
    for event in after.events:
        if event.type == DrugReturned.TYPE and read(event)["dispensing"] == dispensed["dispensing"]:
            check_return_day(after, dispensed["dispensing"], _stands(after, event))


def _check_return(after: Context, target: Event, day: str) -> None:
    check_return_day(after, read(target)["dispensing"], day)


def _check_report(after: Context, target: Event, day: str) -> None:
    body = event_as_it_stands(after.events, target).body
    check_aware(after, SeriousAdverseEventReported.model_validate(body), day)


def _check_result(after: Context, target: Event, day: str) -> None:
    body = event_as_it_stands(after.events, target).body
    check_result_day(after, body["result"], body["sample"], day)


def _check_results(after: Context, target: Event, day: str) -> None:
    """No result is of a day before its sample was there."""
    for on, body in as_it_stands(after.events, AssayResultRecorded.TYPE):
        check_result_day(after, body["result"], body["sample"], on)


def _check_transport(after: Context, target: Event, day: str) -> None:
    sample = read(target)["sample"]
    row = after.derived("sample_state").filter(sample=sample).row(0, named=True)
    if row["shipped"] and row["received"] and row["received"] < row["shipped"]:
        raise after.refuse(
            f"has a sample {sample} shipped on {row['shipped']} and received on {row['received']}",
            rule="chain of custody",
            clause="a sample is received on or after the day on which it was shipped",
            value=day,
            way_out="give the right day, or correct the other one",
        )
    _check_results(after, target, day)


_CHECKS: Mapping[str, Callable[[Context, Event, str], Any]] = {
    CycleStarted.TYPE: _check_cycle,
    DoseGiven.TYPE: _check_dose,
    DeathRecorded.TYPE: _check_death,
    SubjectScreened.TYPE: _check_screening,
    ConsentSigned.TYPE: _check_signature,
    DrugDispensed.TYPE: _check_dispensing,
    DrugReturned.TYPE: _check_return,
    AssayResultRecorded.TYPE: _check_result,
    SampleCollected.TYPE: _check_results,
    SampleDerived.TYPE: _check_results,
    SeriousAdverseEventReported.TYPE: _check_report,
    SampleShipped.TYPE: _check_transport,
    SampleReceived.TYPE: _check_transport,
}
"""What the days of an event must not contradict."""
