"""Decisions about people entering the trial: screening, consent, forms, eligibility."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from equipoise.conduct.context import Context, read
from equipoise.conduct.days import check_death_day
from equipoise.eligibility.events import ConfirmEligibility, EligibilityConfirmed
from equipoise.errors import BadInput
from equipoise.record.event import EventBody
from equipoise.record.sealing import key_of
from equipoise.study.access import PARTICIPANT
from equipoise.visits.events import (
    ConsentSigned,
    ConsentWithdrawn,
    DeathRecorded,
    FormSaved,
    ScreeningFailed,
    SubjectScreened,
    VisitRecorded,
)
from equipoise.visits.form import check_form


def subject_screened(context: Context, body: SubjectScreened) -> EventBody:
    """A new subject at an open site with a version in force (VA2)."""
    site = context.action.site
    if context.events:
        raise context.refuse(
            "is in the record already", rule="unique subject", way_out="take the next number"
        )
    if context.action.subject is None or site is None:
        raise BadInput("a subject number and a site", where="SubjectScreened")
    if site not in context.state.sites or site in context.state.closed:
        raise context.refuse(
            f"cannot be screened: site {site} is not open",
            rule="site open",
            way_out="open the site first",
        )
    _ = context.study_version
    if body.rescreening_of is not None:
        _check_former(context, body.rescreening_of, site)
    return body


def _check_former(context: Context, former: str, site: str) -> None:
    """Refuse a former number that is not a screening failure of this site, screened again once."""
    found = context.state.screened.get(former)
    day = context.action.occurred
    if found is None or found.site != site:
        told = "is no number of this site"
        way_out = "check the former number; another site's is not linked"
    elif found.failed is not None and day is not None and day < found.failed.isoformat():
        told = f"was still in screening on {day}, until {found.failed}"
        way_out = "check the day of the new screening"
    elif found.failed is None:
        told = "is no screening failure: the person takes part under it"
        way_out = f"go on under {former}, or record its screening failure first"
    elif found.again is not None:
        told = f"was screened again already, as {found.again}"
        way_out = f"link to {found.again}, the latest number, once it is a screening failure too"
    else:
        return
    raise context.refuse(
        f"cannot be screened again: the former number {former} {told}",
        rule="re-screening",
        clause="one live number a person: a new number follows a screening failure of the same "
        "site, which was not randomised, and stays linked to it",
        value=former,
        way_out=way_out,
    )


def screening_failed(context: Context, body: ScreeningFailed) -> EventBody:
    """A failure of somebody who was neither randomised nor failed before.

    Not eligible is what the rule says: the criteria not met, and those not known, are its.
    """
    types = {event.type for event in context.events}
    for found, told in (
        ("Randomised", "is randomised: nobody fails screening afterwards"),
        ("ScreeningFailed", "is a screening failure already"),
    ):
        if found in types:
            raise context.refuse(
                told,
                rule="screening failure",
                way_out="correct the event that is wrong, or record what ended the participation",
            )
    if body.cause != "not_eligible":
        return body.model_copy(update={"criteria": (), "pending": ()})
    verdict = _judged(context, "eligibility").row(0, named=True)
    unmet, pending = tuple(verdict["unmet"]), tuple(verdict["pending"])
    strange = sorted(set(body.criteria) - {*unmet, *pending})
    if verdict["eligible"] or strange:
        raise context.refuse(
            f"does not fail {', '.join(strange)}" if strange else "meets every criterion",
            rule="screening failure",
            clause="not eligible is what the criteria say; not met: "
            f"{', '.join(unmet) or 'none'}, not known: {', '.join(pending) or 'none'}",
            value=", ".join(strange) or None,
            way_out="correct the form that is wrong, or name another cause",
        )
    return body.model_copy(update={"criteria": unmet, "pending": pending})


def consent_signed(context: Context, body: ConsentSigned) -> EventBody:
    """The consent in the version of the study version in force (CN1)."""
    for consent in context.study.visits.consents:
        if consent.code == body.consent:
            if consent.version != body.version:
                raise context.refuse(
                    f"consent {body.consent} was signed in version {body.version}",
                    rule="CN1",
                    way_out=f"have version {consent.version} signed, which is in force",
                    value=body.version,
                )
            return body
    raise BadInput(
        f"one of {', '.join(each.code for each in context.study.visits.consents)}",
        where="ConsentSigned",
        field="consent",
        found=body.consent,
    )


def consent_possible(context: Context, body: ConsentSigned) -> EventBody:
    """A consent, as corrected, in a version that some study version live at the site has."""
    live = {version for _, version in context.state.activations.get(context.site or "", ())}
    known = sorted(
        {
            (consent.code, consent.version)
            for version in live
            for consent in context.state.versions[version].visits.consents
        }
    )
    if (body.consent, body.version) in known:
        return body
    raise context.refuse(
        f"cannot have signed consent {body.consent} in version {body.version}: site "
        f"{context.site} never had it",
        rule="CN1",
        way_out=f"name one of {', '.join(' '.join(each) for each in known)}",
        value=f"{body.consent} {body.version}",
    )


def form_saved(context: Context, body: FormSaved) -> EventBody:
    """The answers checked against the form of the version in force, free text sealed."""
    if body.visit is not None:
        _known_visit(context, body.visit)
    checked = checked_form(context, body)
    _check_once(context, body)
    free = free_text_items(context, body.form)
    items = tuple(
        item.model_copy(update={"value": sealed_answer(context, item.item, item.value)})
        if item.item in free and item.value is not None
        else item
        for item in checked.items
    )
    return checked.model_copy(update={"items": items})


def _check_once(context: Context, body: FormSaved) -> None:
    """Refuse a second instance of a form that is filled once: its answers are corrected."""
    repeating = {each.code: each.repeating for each in context.study.visits.forms}
    if repeating.get(body.form, True):
        return
    for saved in context.bodies(FormSaved.TYPE):
        if saved["form"] == body.form and saved["instance"] != body.instance:
            raise context.refuse(
                f"has the form {body.form}, which is filled once",
                rule="forms filled once",
                value=body.instance,
                way_out="correct the answer that is wrong; the old one stays in the record",
            )


def checked_form(context: Context, body: FormSaved) -> FormSaved:
    """The answers checked against the form of the version in force, in canonical text; what the
    patient has answered is not entered over."""
    if context.action.role != PARTICIPANT and answered_by_the_patient(context, body):
        raise context.refuse(
            f"has answered form {body.form} {body.instance} themselves",
            rule="patient's own answers",
            clause="what a patient reports is not interpreted or changed by anybody else",
            way_out="record a deviation that says what is wrong",
        )
    items = check_form(
        context.study.visits,
        body.form,
        body.items,
        today=context.today,
        known=lambda: context.derived("subject_item"),
    )
    return body.model_copy(update={"items": items})


def answered_by_the_patient(context: Context, body: FormSaved) -> bool:
    """Whether a patient answered this instance of the form themselves."""
    return any(
        event.type == FormSaved.TYPE
        and event.role == PARTICIPANT
        and (read(event)["form"], read(event)["instance"]) == (body.form, body.instance)
        for event in context.events
    )


def free_text_items(context: Context, form: str) -> frozenset[str]:
    """The items of a form that take free text."""
    found = next(each for each in context.study.visits.forms if each.code == form)
    return frozenset(item.code for item in found.items if item.type == "text")


def sealed_answer(context: Context, item: str, value: str) -> str:
    """Free text sealed under a key of its own, so that a redaction can destroy it."""
    if key_of(value) is not None:
        raise BadInput("plain text", where=context.action.name, field=item, found=value)
    name = f"value/{secrets.token_hex(12)}/{item}"
    return context.keys.seal(name, value, f"{context.trial}/{context.action.subject}/{item}")


def visit_recorded(context: Context, body: VisitRecorded) -> EventBody:
    """A visit of the schedule."""
    _known_visit(context, body.visit)
    return body


def consent_withdrawn(context: Context, body: ConsentWithdrawn) -> EventBody:
    """Only a consent that was given can be withdrawn."""
    given = {each["consent"] for each in context.bodies("ConsentSigned")}
    if body.consent not in given:
        raise context.refuse(
            f"has not given the consent {body.consent}",
            rule="CN1",
            way_out="record the consent first",
            value=body.consent,
        )
    return body


def death_recorded(context: Context, body: DeathRecorded) -> EventBody:
    """A death on or after the day of screening, and after the site last saw the subject."""
    check_death_day(context, context.day)
    return body


def confirm_eligibility(context: Context, body: ConfirmEligibility) -> EventBody:
    """Eligible by every criterion of the version in force, by the same rule as everywhere."""
    check_eligible(context)
    return EligibilityConfirmed(study_version_judged=context.study_version)


def check_eligible(context: Context) -> tuple[str, ...]:
    """The criteria that are not yet known. Refused, naming each that is not met or that would have
    to be known, and what is missing or was measured too long before the day of the action."""
    if any(event.type == ScreeningFailed.TYPE for event in context.events):
        raise context.refuse(
            "is a screening failure",
            rule="RN3",
            way_out="screen the person again under a new number, linked to this one",
        )

    verdict = _judged(context, "eligibility").row(0, named=True)
    if verdict["eligible"]:
        return tuple(verdict["pending"])
    open_rows = _judged(context, "criterion_verdict").filter(pl.col("met").is_null())
    missing, late = (
        open_rows[name].explode().drop_nulls().unique().sort().to_list()
        for name in ("missing_items", "out_of_window")
    )
    unmet, pending = ", ".join(verdict["unmet"]), ", ".join(verdict["pending"])
    why = [f"missing: {', '.join(missing)}" if missing else "", "; ".join(late)]
    told = [
        f"criteria not met: {unmet}" if unmet else "",
        f"not yet known: {pending} ({'; '.join(each for each in why if each)})" if pending else "",
    ]
    raise context.refuse(
        f"is not eligible; {'; '.join(each for each in told if each)}",
        rule="RN3",
        clause=f"criteria {', '.join(each for each in (unmet, pending) if each)}",
        way_out="complete the missing items, measure again what is too old or has no day, or "
        "record the screening failure"
        if late
        else "complete the missing items, or record the screening failure",
    )


def failure_corrected(context: Context, item: str, before: str, now: str) -> None:
    """Refuse a correction of what the rule said when screening failed: `before` and `now` are the
    causes."""
    if item in ("criteria", "pending") or (item == "cause" and "not_eligible" in (before, now)):
        raise context.refuse(
            "has failed screening by the criteria that the rule named then",
            rule="screening failure",
            way_out="correct the answers that are wrong: the report shows both verdicts",
            value=item,
        )


def _has_windows(context: Context) -> bool:
    return any(
        item.entry_window is not None or item.medication_days is not None
        for form in context.study.visits.forms
        for item in form.items
    )


def _judged(context: Context, table: str) -> pl.DataFrame:
    """A derived table as if entry were judged on the day of the action."""
    if not _has_windows(context):
        return context.derived(table)
    as_if = EligibilityConfirmed(study_version_judged=context.study_version)
    return context.derived_with(table, as_if)


def _known_visit(context: Context, visit: str) -> None:
    known = [each.code for each in context.study.visits.visits]
    if visit not in known:
        raise BadInput(
            f"one of {', '.join(known)}", where=context.action.name, field="visit", found=visit
        )


DECISIONS: Mapping[str, Callable[[Context, Any], EventBody]] = {
    "SubjectScreened": subject_screened,
    "ScreeningFailed": screening_failed,
    "ConsentSigned": consent_signed,
    "FormSaved": form_saved,
    "VisitRecorded": visit_recorded,
    "ConsentWithdrawn": consent_withdrawn,
    "DeathRecorded": death_recorded,
    "ConfirmEligibility": confirm_eligibility,
}
