"""Whether something may be recorded of a subject on its day: the one rule over all that closes it.

It asks, in this order: has the subject left (`participation`), was the consent to the sample
withdrawn, is the subject dead, was the first consent signed (`consent`), was a new text signed that
is in force (`reconsent`)? `conduct` gathers the facts, asks, and refuses in words; a correction and
a late entry are asked about in the same way, and what turns out barred is a deviation.

Requirement CN1: ICH E6(R3) 2.8, 2.9; Regulation (EU) 536/2014, article 28.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from equipoise.visits.consent import Procedure, first_consent_due, samples_closed_by
from equipoise.visits.participation import PROCEDURES, Withdrawal, closed_by
from equipoise.visits.plan import VisitsPlan
from equipoise.visits.reconsent import InForce, Text, consent_due

FULL_DAY = len("2024-01-05")
"""Characters of a day that is known whole."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A consent was signed, in a version, on a day (YYYY-MM-DD)."""

    consent: str
    version: str
    day: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A consent was withdrawn on a day; `vital_status` says whether that may be followed."""

    consent: str
    day: str
    vital_status: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a subject's participation, as it stands.

    `left`: the other three withdrawals. `reached`: the days on which the site reached the subject.
    `died`: the day of death, perhaps partial. `in_force`: what was in force at the site, by day.
    """

    signed: Sequence[Signature] = ()
    withdrawn: Sequence[Withdrawn] = ()
    left: Sequence[Withdrawal] = ()
    reached: Sequence[str] = ()
    died: Sequence[str] = ()
    in_force: Sequence[InForce] = ()


@dataclass(frozen=True, slots=True)
class Barred:
    """Why something may not be recorded: `by` what, with the withdrawal or the consent (its code
    and version) concerned, and since which day, where there is one."""

    by: Literal["left", "samples", "death", "first_consent", "new_consent"]
    since: str = ""
    withdrawal: Withdrawal | None = None
    consent: Text | None = None


def barred(procedure: Procedure, day: str, facts: Facts, plan: VisitsPlan) -> Barred | None:
    """Why `procedure` of `day` may not be recorded, or None.

    `day` may be partial: then only what is surely before or after closes it, and a new text is not
    asked for. The withdrawal of a consent that randomisation does not require ends the work on its
    samples alone, until it is signed again.
    """
    left = [*facts.left, *_from_the_trial(facts, plan)]
    closed = closed_by(procedure.action, day, left, facts.reached)
    if closed is not None:
        return Barred("left", closed.day, withdrawal=closed)
    ended = _withdrawn_by(facts, day)
    work, material = procedure.action, procedure.worked_on
    samples = samples_closed_by(work, day, material, ended, plan.consents)
    if samples is not None:
        return Barred("samples", ended[samples.code], consent=(samples.code, samples.version))
    if work in PROCEDURES or work == "VitalStatusRecorded":
        for died in facts.died:
            if day[: len(died)] > died:
                return Barred("death", died)
    firsts = first_signatures(facts.signed)
    due = first_consent_due(procedure, day, firsts, plan.consents, plan.standard_of_care)
    if due is not None:
        return Barred("first_consent", consent=(due.code, due.version))
    if work in PROCEDURES and len(day) == FULL_DAY:
        signed = {(each.consent, each.version) for each in facts.signed}
        text = consent_due(facts.in_force, signed, datetime.date.fromisoformat(day))
        if text is not None:
            return Barred("new_consent", consent=text)
    return None


def first_signatures(signed: Sequence[Signature]) -> dict[str, str]:
    """The day on which each consent was first signed, in any version."""
    found: dict[str, str] = {}
    for each in signed:
        found[each.consent] = min(each.day, found.get(each.consent, each.day))
    return found


def _from_the_trial(facts: Facts, plan: VisitsPlan) -> Iterator[Withdrawal]:
    """Withdrawals of a consent without which nobody takes part."""
    required = {each.code for each in plan.consents if each.required_for_randomisation}
    for each in facts.withdrawn:
        if each.consent in required:
            yield Withdrawal("ConsentWithdrawn", each.day, each.vital_status)


def _withdrawn_by(facts: Facts, day: str) -> Mapping[str, str]:
    """The day on which each consent was last withdrawn, unless it was signed again since, by the
    day of what is done."""
    found: dict[str, str] = {}
    for each in facts.withdrawn:
        found[each.consent] = max(each.day, found.get(each.consent, each.day))
    for signature in facts.signed:
        ended = found.get(signature.consent)
        if ended is not None and ended < signature.day <= day:
            del found[signature.consent]
    return found
