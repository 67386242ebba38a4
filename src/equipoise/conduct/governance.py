"""Decisions about the trial itself: sites, versions, people, locks, corrections, redactions."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from equipoise.conduct import care, dosing, entry, harm, reading, redetermination, therapies
from equipoise.conduct.context import Context, event_as_it_stands
from equipoise.conduct.days import check_corrected_day
from equipoise.conduct.dispensing import COUNTED, check_units, lot_as_received
from equipoise.conduct.participation import ASKED, Done, check_taking_part, is_allowed
from equipoise.conduct.sealing import is_under_key
from equipoise.errors import BadInput
from equipoise.oversight.events import (
    AdoptStudyVersion,
    GrantGiven,
    GrantRevoked,
    Locked,
    OutageDeclared,
    Redact,
    SiteOpened,
    StudyVersionActivated,
    StudyVersionAdopted,
    Unlocked,
)
from equipoise.record.correction import (
    Corrected,
    correction,
    corrections,
    redaction,
    standing,
)
from equipoise.record.event import Event, EventBody
from equipoise.study.access import BLINDED_ROLES, PARTICIPANT, ROLES, SITE_ROLES, VISIBLE
from equipoise.study.actions import Change, Correct
from equipoise.study.catalogue import CATALOGUE, DECIDED
from equipoise.study.checks import disagreements
from equipoise.study.load import parse_study, study_sha256, study_text
from equipoise.study.source import written
from equipoise.treatment.events import DoseVerified
from equipoise.visits.events import FormSaved, ScreeningFailed, SubjectScreened


def study_version_adopted(context: Context, body: AdoptStudyVersion) -> EventBody:
    """A further version of this trial's study, sound in itself, under a number not used before."""
    study = parse_study(body.study)
    if study.id != context.state.study:
        raise BadInput(
            f"a version of the study {context.state.study}",
            where="AdoptStudyVersion",
            field="id",
            found=study.id,
        )
    if wrong := disagreements(study):
        raise BadInput(
            wrong[0].allowed, where="AdoptStudyVersion", field=written(wrong[0].path),
            found=wrong[0].found,
        )  # fmt: skip
    if study.version in context.state.versions:
        raise context.refuse(
            f"version {study.version} is in the record already, and is never edited",
            rule="amendment",
            way_out="give the changed study file a new version",
        )
    redetermination.check_frozen_plan(context, study)
    return StudyVersionAdopted(
        version=study.version, study_sha256=study_sha256(study), study=study_text(study)
    )


def site_opened(context: Context, body: SiteOpened) -> EventBody:
    """A hospital of the list of sites of an adopted version."""
    known = {site.code for study in context.state.versions.values() for site in study.sites}
    if context.action.site not in known:
        raise BadInput(
            "a site of the study's sites.csv", where="SiteOpened", found=context.action.site
        )
    return body


def outage_declared(context: Context, body: OutageDeclared) -> EventBody:
    """Days up to today in their order, at one site of the trial or anywhere."""
    site, today = context.action.site, context.today
    if context.action.subject is not None or site not in (None, *context.state.sites):
        raise BadInput("an open site or none, and no subject", where=body.TYPE, found=site)
    if not body.first_day <= body.last_day <= today:
        raise BadInput(
            f"a last day from {body.first_day} to today ({today})", where=body.TYPE,
            field="last_day", found=body.last_day,
        )  # fmt: skip
    return body


def study_version_activated(context: Context, body: StudyVersionActivated) -> EventBody:
    """An adopted version at an open site, with that site's approval (VA2)."""
    if body.version not in context.state.versions:
        raise BadInput(
            f"one of the adopted versions {', '.join(context.state.versions)}",
            where="StudyVersionActivated",
            field="version",
            found=body.version,
        )
    if context.action.site not in context.state.sites:
        raise context.refuse(
            f"version {body.version} cannot go live at {context.action.site}: the site is not open",
            rule="VA2",
            way_out="open the site first",
        )
    return body


def grant_given(context: Context, body: GrantGiven) -> EventBody:
    """A known role, at a site where the role is a site's, compatible with what the person saw;
    granted by somebody else (four eyes)."""
    if body.person == context.action.actor:
        raise context.refuse(
            f"{body.person} cannot grant a role to themselves",
            rule="UA1",
            way_out="have another administrator grant it, after granting that role to a second one",
            value=body.granted_role,
        )
    if body.granted_role not in ROLES:
        raise BadInput(
            f"one of {', '.join(sorted(ROLES))}",
            where="GrantGiven",
            field="granted_role",
            found=body.granted_role,
        )
    if body.granted_role in SITE_ROLES and body.granted_site is None:
        raise BadInput("a site for a site role", where="GrantGiven", field="granted_site")
    held = context.state.held.get(body.person, set())
    seeing = {role for role in held if "allocation" in VISIBLE[role]}
    unblinded = body.person in context.state.unblinded or bool(seeing)
    blinded = held & BLINDED_ROLES
    if (body.granted_role in BLINDED_ROLES and unblinded) or (
        blinded and "allocation" in VISIBLE[body.granted_role]
    ):
        raise context.refuse(
            f"{body.person} cannot be {body.granted_role}: "
            + ("has seen unblinded data" if unblinded else f"is blinded as {min(blinded)}"),
            rule="UA1",
            way_out="give the role to another person",
        )
    return body


def grant_revoked(context: Context, body: GrantRevoked) -> EventBody:
    """A grant in force, other than the only administrator's: nobody could grant anything then."""
    grants = context.state.grants
    if body.grant not in grants:
        raise BadInput("the seq of a grant in force", where="GrantRevoked", found=body.grant)
    staying = [
        each
        for each in grants.values()
        if each.role == "administrator" and each.seq != body.grant and each.until is None
    ]
    if grants[body.grant].role == "administrator" and not staying:
        raise context.refuse(
            f"{grants[body.grant].person} is the only administrator",
            rule="UA1",
            way_out="grant another person the role first, without an end",
            value=body.grant,
        )
    return body


def locked(context: Context, body: Locked) -> EventBody:
    """A lock whose scope says what it closes."""
    if body.scope in ("subject", "form") and context.action.subject is None:
        raise BadInput("a subject", where="Locked", field="subject")
    if body.scope == "form" and (body.form is None or body.instance is None):
        raise BadInput("a form and its instance", where="Locked", field="form")
    return body


def unlocked(context: Context, body: Unlocked) -> EventBody:
    """A lock in force."""
    if body.lock not in context.state.locks:
        raise BadInput("the seq of a lock in force", where="Unlocked", found=body.lock)
    return body


def correct(context: Context, body: Correct) -> EventBody | tuple[EventBody, ...]:
    """The correction of an item: the old value comes from the record, the new one is checked.

    What the event says after the correction passes the checks that the event itself had to pass.
    What was decided on the old value stands, and is a deviation where the rules say otherwise now.
    """
    target = _target(context, body.target)
    _check_corrects(context, target)
    asked = (body, *body.also)
    if len({each.item for each in asked}) < len(asked):
        raise BadInput("each item once", where=f"Correct, event {target.seq}", field="also")
    changes = tuple(_corrected(context, target, each, _plain(each)) for each in asked)
    now = _says(context, target, *changes)
    before = CATALOGUE.of(target.type).model_validate_json(target.body)
    if now.guards(target.subject) != before.guards(target.subject):
        raise BadInput(
            "not a permanent name: record the right one anew and a deviation",
            where=f"Correct, event {target.seq}",
            field=body.item,
            found=_plain(body),
        )
    for each in asked:
        _check_decided(context, each, before, now)
    _check_possible(context, target, changes, now)
    check = CHECKED_AGAIN.get(target.type)
    checked = check(context, now) if check else now
    kept = tuple(
        _as_kept(context, target, each, change, checked)
        for each, change in zip(asked, changes, strict=True)
    )
    return kept if body.also else kept[0]


def _check_corrects(context: Context, target: Event) -> None:
    """Refuse what nobody corrects, and whoever did not enter it."""
    if target.role in SITE_ROLES and context.action.role not in SITE_ROLES:
        raise context.refuse(
            f"event {target.seq} was entered by the site, and the site alone corrects it",
            rule="CO1",
            way_out="raise a query",
        )
    if target.role == PARTICIPANT:
        raise context.refuse(
            f"event {target.seq} was answered by the patient, whose words nobody changes",
            rule="patient's own answers",
            way_out="record a deviation that says what is wrong",
        )
    if target.role in BLINDED_ROLES and context.action.role != target.role:
        raise context.refuse(
            f"event {target.seq} was entered by a blinded role, the {target.role}, who alone "
            "corrects it",
            rule="UA1",
            way_out=f"raise a query to the {target.role}",
        )
    if target.type in DECIDED:
        raise context.refuse(
            f"event {target.seq} ({target.type}) was decided by a rule, and is never edited",
            rule="RN5",
            way_out="correct what the rule read, and record a deviation",
        )
    if target.type == DoseVerified.TYPE:
        raise context.refuse(
            f"event {target.seq} is what a pharmacist found, and is never edited",
            rule="PH1",
            way_out="verify the dose again",
        )


def _as_kept(
    context: Context, target: Event, asked: Change, changed: Corrected, now: EventBody
) -> Corrected:
    """The correction as it is recorded: text of a person under the subject's key."""
    if isinstance(now, FormSaved) and asked.item.startswith("items/"):
        name = asked.item.split("/")[1]
        answer = next(item.value for item in now.items if item.item == name)
        if answer is not None and name in entry.free_text_items(context, now.form):
            answer = entry.sealed_answer(context, name, answer)
        return _corrected(context, target, asked, answer)
    value = _plain(asked)
    if isinstance(value, str) and is_under_key(type(now), asked.item):
        return _corrected(context, target, asked, entry.sealed_answer(context, asked.item, value))
    return changed


def _check_decided(context: Context, body: Change, before: EventBody, now: EventBody) -> None:
    """Refuse to correct what the rule said of a screening failure, and the link of a number."""
    if isinstance(before, ScreeningFailed) and isinstance(now, ScreeningFailed):
        entry.failure_corrected(context, body.item, before.cause, now.cause)
    if isinstance(now, SubjectScreened) and body.item == "rescreening_of":
        raise context.refuse(
            "stays linked to the number that was named when it was given",
            rule="re-screening",
            way_out="record a deviation that names the right one",
            value=body.new,
        )


def redact(context: Context, body: Redact) -> EventBody:
    """The end of every key that the item's values stood under (AT7)."""
    _target(context, body.target)
    return redaction(context.events, body.target, body.item, CATALOGUE)


def _corrected(context: Context, target: Event, asked: Change, value: object) -> Corrected:
    return correction(
        context.events, target.seq, asked.item, CATALOGUE, value=value, missing=asked.new_missing
    )


def _plain(body: Change) -> object:
    if body.new is None:
        return None
    try:
        return json.loads(body.new)
    except (ValueError, RecursionError) as error:
        raise BadInput(
            "canonical JSON, such as \"15.3\" in double quotes", where="Correct", field="new",
            found=body.new,
        ) from error  # fmt: skip


def _check_possible(
    context: Context, target: Event, changes: tuple[Corrected, ...], now: EventBody
) -> None:
    """Refuse what would have been refused when the event was entered: a day that cannot be, and a
    procedure that was allowed as it stood, and is not as corrected."""
    after = context
    for each in changes:
        after = after.afterwards(each)
    check_corrected_day(context, after, target)
    if isinstance(now, COUNTED):
        check_units(after, *sorted({_says(context, target).dispensing, now.dispensing}))
    if target.type not in ASKED:
        return
    stood, *days = _says(context, target), *(
        event_as_it_stands(each.events, target).occurred or target.recorded[:10]
        for each in (context, after)
    )  # fmt: skip
    if (days[0], stood) == (days[1], now):
        return
    if is_allowed(context, Done(target.type, stood, days[0])):
        check_taking_part(context, Done(target.type, now, days[1]))


def _says(context: Context, target: Event, *changes: Corrected) -> Any:
    """What `target` says up to now, and once `changes` stand."""
    by = target._replace(seq=context.events[-1].seq + 1, type=Corrected.TYPE)
    earlier = corrections(context.events, CATALOGUE).get(target.seq, [])
    body = standing(target, [*earlier, *((by, each) for each in changes)], CATALOGUE).body
    return CATALOGUE.of(target.type).model_validate(body)


def _target(context: Context, seq: int) -> Event:
    for event in context.events:
        if event.seq == seq:
            return event
    raise BadInput(
        f"the seq of an event of subject {context.action.subject}",
        where=context.action.name,
        field="target",
        found=seq,
    )


CHECKED_AGAIN: Mapping[str, Callable[[Context, Any], EventBody]] = {
    "FormSaved": entry.checked_form,
    "ConsentSigned": entry.consent_possible,
    "RegimenChosen": dosing.regimen_chosen,
    "CycleStarted": dosing.cycle_possible,
    "DoseGiven": dosing.dose_possible,
    "DrugDispensed": lot_as_received,
    "SampleDerived": care.made_of_another,
    "AssayResultRecorded": care.assay_result_recorded,
    "PathologyReviewed": care.pathology_reviewed,
    "TumourAssessed": reading.tumour_assessed,
    "AdverseEventReported": harm.adverse_event_reported,
    "SeriousAdverseEventReported": harm.serious_for_a_reason,
    "CausalityAssessed": harm.opinion_of_its_own,
    "LaboratoryReported": harm.laboratory_results,
    **therapies.DECISIONS,
}
"""Checks that an event has to pass again after a correction."""

DECISIONS: Mapping[str, Callable[[Context, Any], EventBody | tuple[EventBody, ...]]] = {
    "AdoptStudyVersion": study_version_adopted,
    "SiteOpened": site_opened,
    "OutageDeclared": outage_declared,
    "StudyVersionActivated": study_version_activated,
    "GrantGiven": grant_given,
    "GrantRevoked": grant_revoked,
    "Locked": locked,
    "Unlocked": unlocked,
    "Correct": correct,
    "Redact": redact,
}
