"""Whether a subject takes part on the day of an action: facts for the rule of visits, its words.

What is barred, `visits.taking_part` decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from equipoise.biomarker.events import SampleCollected, SampleDerived
from equipoise.conduct.context import Context, as_it_stands
from equipoise.errors import BadInput, Refused
from equipoise.record.correction import Corrected
from equipoise.record.event import Body
from equipoise.study.definition import Study
from equipoise.visits.consent import Procedure
from equipoise.visits.events import (
    ConsentSigned,
    ConsentWithdrawn,
    DeathRecorded,
    VitalStatusRecorded,
)
from equipoise.visits.participation import (
    COLLECTED,
    LIMITS,
    REACHED,
    SAMPLE_WORK,
    VITAL,
    Withdrawal,
)
from equipoise.visits.reconsent import InForce
from equipoise.visits.taking_part import (
    Barred,
    Facts,
    Signature,
    Withdrawn,
    barred,
)

ASKED = COLLECTED | VITAL | SAMPLE_WORK
"""Actions for which it is asked whether the subject takes part."""

FACTS = frozenset(LIMITS) | {
    ConsentSigned.TYPE, VitalStatusRecorded.TYPE, DeathRecorded.TYPE, Corrected.TYPE,
}  # fmt: skip
"""Events that say whether the subject takes part, and their corrections."""


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
    facts = _facts(context)
    said = dict(done.body)
    procedure = Procedure(
        done.name,
        form=said.get("form"),
        visit=said.get("visit"),
        material=said.get("material"),
        baseline=said.get("baseline", False),
        worked_on=_material(context, done.body)
        if facts.withdrawn and done.name in SAMPLE_WORK
        else None,
    )
    found = barred(procedure, done.day, facts, context.study.visits)
    if found is not None:
        raise _TOLD[found.by](context, found, done)


def is_allowed(context: Context, done: Done) -> bool:
    """Whether the facts of the subject allow what was done."""
    try:
        check_taking_part(context, done)
    except (Refused, BadInput):
        return False
    return True


def _facts(context: Context) -> Facts:
    """What the record says of the subject's participation, corrections applied."""
    events = [event for event in context.events if event.type in FACTS]
    signed = [
        Signature(body["consent"], body["version"], day)
        for day, body in as_it_stands(events, ConsentSigned.TYPE)
    ]
    if not {event.type for event in events} & _FEW:
        return Facts(signed, in_force=_in_force(context))
    left = [
        Withdrawal(kind, day)
        for kind in LIMITS
        if kind != ConsentWithdrawn.TYPE
        for day, _ in as_it_stands(events, kind)
    ]
    return Facts(
        signed,
        [
            Withdrawn(body["consent"], day, body["vital_status_allowed"])
            for day, body in as_it_stands(events, ConsentWithdrawn.TYPE)
        ],
        left,
        [
            day
            for day, body in as_it_stands(events, VitalStatusRecorded.TYPE)
            if body["source"] in REACHED
        ],
        [day for day, _ in as_it_stands(events, DeathRecorded.TYPE)],
        _in_force(context),
    )


_FEW = frozenset(LIMITS) | {DeathRecorded.TYPE}
"""Facts that most subjects do not have on most days."""


def _in_force(context: Context) -> list[InForce]:
    """The versions in force at the site, if there are several, with the consents they require."""
    activated = context.state.activations.get(context.site or "", ())
    if len(activated) < 2:
        return []
    versions = context.state.versions
    return [InForce(since, _required(versions[version])) for since, version in activated]


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


def _required(study: Study) -> dict[str, str]:
    """The version of each consent that a study version requires of who takes part."""
    return {
        each.code: each.version for each in study.visits.consents if each.required_for_randomisation
    }


def _left(context: Context, found: Barred, done: Done) -> Refused:
    assert found.withdrawal is not None
    limit = LIMITS[found.withdrawal.kind]
    again = (
        "; if the site has reached the subject again, record the vital status of that day"
        if found.withdrawal.kind == "LostToFollowUp"
        else ""
    )
    return context.refuse(
        f"{limit.told} on {found.since}: {done.name} of {done.day} cannot be recorded",
        rule="CN1",
        clause=limit.clause,
        way_out="record what happened on that day or before, under its own day; adverse events "
        f"are reported as ever; if the day of leaving is wrong, correct it{again}",
        value=done.day,
    )


def _samples(context: Context, found: Barred, done: Done) -> Refused:
    code, _ = found.consent or ("", "")
    return context.refuse(
        f"withdrew consent {code} on {found.since}: {done.name} of {done.day} cannot be recorded",
        rule="CN1",
        clause="ICH E6(R3) 2.8.10(l); Regulation (EU) 536/2014, article 28(3): nothing more is "
        "done under a consent that was withdrawn; what was obtained stays",
        value=done.day,
        way_out="record what happened on that day or before, under its own day; a sample that "
        "arrives is received as ever; if the day of the withdrawal is wrong, correct it",
    )


def _dead(context: Context, found: Barred, done: Done) -> BadInput:
    return BadInput(
        f"a day not after the death of the subject ({found.since})",
        where=done.name,
        field="occurred",
        found=done.day,
    )


def _first(context: Context, found: Barred, done: Done) -> Refused:
    code, version = found.consent or ("", "")
    return context.refuse(
        f"has not signed consent {code} by {done.day}: {done.name} is a procedure of the trial",
        rule="CN1",
        clause="ICH E6(R3) 2.8; Regulation (EU) 536/2014, article 28(1)(c): consent before all "
        "that is done for the trial; the study file lists what is standard of care",
        way_out=f"have consent {code} {version} signed and record it under its day; if "
        "this happened before, record the deviation",
        value=done.day,
    )


def _again(context: Context, found: Barred, done: Done) -> Refused:
    code, version = found.consent or ("", "")
    return context.refuse(
        f"has not signed consent {code} in version {version}, which is in force at site "
        f"{context.site}: {done.name} of {done.day} has to wait",
        rule="CN1",
        clause="ICH E6(R3) 2.8.2: consent to what is new",
        way_out=f"have version {version} signed and record it; adverse events, death and "
        "withdrawals are recorded without it",
        value=version,
    )


_TOLD: Mapping[str, Callable[[Context, Barred, Done], Refused | BadInput]] = {
    "left": _left,
    "samples": _samples,
    "death": _dead,
    "first_consent": _first,
    "new_consent": _again,
}
"""Why something is barred, in words."""
