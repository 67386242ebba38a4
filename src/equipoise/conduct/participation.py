"""Whether a subject takes part on the day of an action, under the consent that is in force."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from equipoise.biomarker.events import SampleCollected, SampleDerived
from equipoise.conduct.context import Context, as_it_stands
from equipoise.errors import BadInput, Refused
from equipoise.record.correction import Corrected
from equipoise.record.event import Body, Event
from equipoise.study.definition import Study
from equipoise.visits.consent import (
    WAITING,
    Procedure,
    first_consent_due,
    samples_closed_by,
)
from equipoise.visits.events import (
    ConsentSigned,
    ConsentWithdrawn,
    DeathRecorded,
    VitalStatusRecorded,
)
from equipoise.visits.participation import (
    COLLECTED,
    LIMITS,
    PROCEDURES,
    REACHED,
    SAMPLE_WORK,
    VITAL,
    Withdrawal,
    closed_by,
)
from equipoise.visits.reconsent import InForce, consent_due

ASKED = COLLECTED | VITAL | SAMPLE_WORK
"""Actions for which it is asked whether the subject takes part."""

FACTS = frozenset(LIMITS) | {
    ConsentSigned.TYPE, VitalStatusRecorded.TYPE, DeathRecorded.TYPE, Corrected.TYPE,
}  # fmt: skip
"""Events that say whether the subject takes part, and their corrections."""

FULL_DAY = len("2024-01-05")
"""Characters of a day that is known whole."""


def check_participation(context: Context, body: Body) -> None:
    """Refuse what a withdrawal has closed, and a procedure before a consent is signed, for the
    first time or again (CN1).

    BadInput for a procedure after death. An action without a day counts as of today.
    """
    name = context.action.name
    if name in ASKED:
        day = context.action.occurred or context.today.isoformat()
        check_taking_part(context, Done(name, body, day))


@dataclass(frozen=True, slots=True)
class Done:
    """What was done with a subject on a day: the name of its action, and its content."""

    name: str
    body: Body
    day: str


def check_taking_part(context: Context, done: Done) -> None:
    """Refuse what the facts of the subject do not allow on its day, as `check_participation`."""
    name, day = done.name, done.day
    facts = [event for event in context.events if event.type in FACTS]
    left = list(_withdrawals(context, facts))
    reached = [
        on
        for on, content in as_it_stands(facts, VitalStatusRecorded.TYPE)
        if content["source"] in REACHED
    ] if left else []  # fmt: skip
    by = closed_by(name, day, left, reached)
    if by is not None:
        limit = LIMITS[by.kind]
        raise context.refuse(
            f"{limit.told} on {by.day}: {name} of {day} cannot be recorded",
            rule="CN1",
            clause=limit.clause,
            way_out="record what happened on that day or before, under its own day; adverse events "
            "are reported as ever; if the day of leaving is wrong, correct it"
            + (
                "; if the site has reached the subject again, record the vital status of that day"
                if by.kind == "LostToFollowUp"
                else ""
            ),
            value=day,
        )
    if name in SAMPLE_WORK:
        _check_samples(context, facts, done)
    if name in PROCEDURES or name == VitalStatusRecorded.TYPE:
        _check_alive(context, facts, done)
    if name in WAITING:
        _check_first_consent(context, facts, done)
    if name in PROCEDURES and len(day) == FULL_DAY:
        _check_consent(context, facts, done)


def is_allowed(context: Context, done: Done) -> bool:
    """Whether the facts of the subject allow what was done."""
    try:
        check_taking_part(context, done)
    except (Refused, BadInput):
        return False
    return True


def _withdrawals(context: Context, facts: Sequence[Event]) -> Iterator[Withdrawal]:
    if {event.type for event in facts}.isdisjoint(LIMITS):
        return
    required = _required(context.study)
    for kind in LIMITS:
        for day, body in as_it_stands(facts, kind):
            if kind != ConsentWithdrawn.TYPE:
                yield Withdrawal(kind, day)
            elif body["consent"] in required:
                yield Withdrawal(kind, day, body["vital_status_allowed"])


def _check_first_consent(context: Context, facts: Sequence[Event], done: Done) -> None:
    """Refuse a procedure of the trial before the consent that it needs."""
    plan, said, day = context.study.visits, dict(done.body), done.day
    procedure = Procedure(
        done.name,
        form=said.get("form"),
        visit=said.get("visit"),
        material=said.get("material"),
        baseline=said.get("baseline", False),
    )
    due = first_consent_due(procedure, day, _signed(facts), plan.consents, plan.standard_of_care)
    if due is not None:
        raise context.refuse(
            f"has not signed consent {due.code} by {day}: {done.name} is a procedure of the trial",
            rule="CN1",
            clause="ICH E6(R3) 2.8; Regulation (EU) 536/2014, article 28(1)(c): consent before all "
            "that is done for the trial; the study file lists what is standard of care",
            way_out=f"have consent {due.code} {due.version} signed and record it under its day; if "
            "this happened before, record the deviation",
            value=day,
        )


def unconsented(context: Context, day: str) -> list[str]:
    """The consents without which nobody is randomised that were not signed by a day."""
    signed = _signed(context.events)
    return [code for code in _required(context.study) if code not in signed or day < signed[code]]


def _signed(facts: Sequence[Event]) -> dict[str, str]:
    """The day of the first signature of each consent, in any version, corrections applied."""
    found: dict[str, str] = {}
    for day, body in as_it_stands(facts, ConsentSigned.TYPE):
        found[body["consent"]] = min(day, found.get(body["consent"], day))
    return found


def _check_samples(context: Context, facts: Sequence[Event], done: Done) -> None:
    """Refuse work on a sample under a consent that was withdrawn."""
    name, day = done.name, done.day
    withdrawn: dict[str, str] = {}
    for on, each in as_it_stands(facts, ConsentWithdrawn.TYPE):
        withdrawn[each["consent"]] = max(on, withdrawn.get(each["consent"], on))
    for on, each in as_it_stands(facts, ConsentSigned.TYPE):
        if on > withdrawn.get(each["consent"], on) and on <= day:
            del withdrawn[each["consent"]]
    if not withdrawn:
        return
    consents = context.study.visits.consents
    closed = samples_closed_by(name, day, _material(context, done.body), withdrawn, consents)
    if closed is not None:
        raise context.refuse(
            f"withdrew consent {closed.code} on {withdrawn[closed.code]}: {name} of {day} cannot "
            "be recorded",
            rule="CN1",
            clause="ICH E6(R3) 2.8.10(l); Regulation (EU) 536/2014, article 28(3): nothing more is "
            "done under a consent that was withdrawn; what was obtained stays",
            value=day,
            way_out="record what happened on that day or before, under its own day; a sample that "
            "arrives is received as ever; if the day of the withdrawal is wrong, correct it",
        )


def _material(context: Context, body: Body) -> str | None:
    """The material of the sample that an action is about: that of the one collected at first."""
    named = getattr(body, "parent", None) or getattr(body, "sample", None)
    material = getattr(body, "material", None)
    made = {
        each["sample"]: each
        for kind in (SampleCollected.TYPE, SampleDerived.TYPE)
        for _, each in as_it_stands(context.events, kind)
    }
    while material is None and named in made:
        each = made.pop(named)
        material, named = each.get("material"), each.get("parent")
    return material


def _check_consent(context: Context, facts: Sequence[Event], done: Done) -> None:
    activated = context.state.activations.get(context.site or "", ())
    if len(activated) < 2:
        return
    versions = context.state.versions
    history = [InForce(since, _required(versions[version])) for since, version in activated]
    if all(each.required == history[0].required for each in history):
        return
    signed = {
        (body["consent"], body["version"]) for _, body in as_it_stands(facts, ConsentSigned.TYPE)
    }
    due = consent_due(history, signed, datetime.date.fromisoformat(done.day))
    if due is not None:
        consent, version = due
        raise context.refuse(
            f"has not signed consent {consent} in version {version}, which is in force at site "
            f"{context.site}: {done.name} of {done.day} has to wait",
            rule="CN1",
            clause="ICH E6(R3) 2.8.2: consent to what is new",
            way_out=f"have version {version} signed and record it; adverse events, death and "
            "withdrawals are recorded without it",
            value=version,
        )


def _required(study: Study) -> dict[str, str]:
    """The version of each consent that a study version requires of who takes part."""
    return {
        each.code: each.version for each in study.visits.consents if each.required_for_randomisation
    }


def _check_alive(context: Context, facts: Sequence[Event], done: Done) -> None:
    for died, _ in as_it_stands(facts, DeathRecorded.TYPE):
        if done.day[: len(died)] > died:
            raise BadInput(
                f"a day not after the death of the subject ({died})",
                where=done.name,
                field="occurred",
                found=done.day,
            )
