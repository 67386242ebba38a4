"""Whether an action may be considered at all: its form, its author, its day, the locks."""

from __future__ import annotations

import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from equipoise.conduct.context import Context
from equipoise.conduct.days import NEEDED, day_needed
from equipoise.errors import BadInput, Refused
from equipoise.record.event import Body, PartialDate
from equipoise.study.access import AFTER_LOCK, BY_CODE, PARTICIPANT, SITE_ROLES, may_act
from equipoise.study.actions import Action
from equipoise.study.catalogue import ACTIONS, ASKED_FOR, WITHOUT_SUBJECT
from equipoise.visits.events import FormSaved

REASON_NEEDED = frozenset(
    {"Correct", "Redact", "GrantRevoked", "Unlocked", "BreakCode", "IdentityRevealed"}
)
"""Actions that are refused without a reason (AT1, AT7, RN6)."""

_PARTIAL: TypeAdapter[str] = TypeAdapter(PartialDate)


def validated(action: Action) -> Body:
    """The action's body as its input model; BadInput names every item that does not fit."""
    model = ACTIONS.get(action.name)
    if model is None:
        raise BadInput(f"one of {', '.join(sorted(ACTIONS))}", where="action", found=action.name)
    if action.subject is None and action.name not in WITHOUT_SUBJECT:
        raise BadInput("the subject that it is about", where=action.name, field="subject")
    if action.name in REASON_NEEDED and not (action.reason or "").strip():
        raise BadInput("a reason is obligatory", where=action.name, field="reason")
    try:
        return model.model_validate(dict(action.body))
    except ValidationError as error:
        raise BadInput("; ".join(_said(each) for each in error.errors()), where=action.name) from (
            error
        )


def _said(problem: Any) -> str:
    place = ".".join(str(part) for part in problem["loc"]) or "body"
    message = problem["msg"].removeprefix("Value error, ")
    found = problem.get("input")
    shown = "" if isinstance(found, dict) else f" (found {str(found)[:60]!r})"
    return f"{place}: {message}{shown}"


MADE_TODAY = frozenset(ASKED_FOR.values())
"""Actions of which the day is that on which they are asked for."""

OF_THE_DAY = frozenset({"QueryRaised", "QueryAnswered", "QueryClosed", "QueryReopened"})
"""Actions that have the day on which they are recorded where their author names no other: how long
a question waits is counted in days."""


def check_day(action: Action, cls: type[Body], today: datetime.date) -> None:
    """BadInput for a date that is needed and lacks, does not exist, is partial where it may not be,
    or is to come; for a decision that is made now, any day but today. Today is the day at the
    site."""
    if action.occurred is None:
        if action.name in NEEDED:
            raise day_needed(action.name, where=action.name, field="occurred")
        return
    if action.name in MADE_TODAY and action.occurred != today.isoformat():
        raise BadInput(
            f"today ({today}): it is decided when it is asked for", where=action.name,
            field="occurred", found=action.occurred,
        )  # fmt: skip
    try:
        _PARTIAL.validate_python(action.occurred)
    except ValidationError as error:
        raise BadInput(
            "a date that exists, as YYYY-MM-DD", where=action.name, field="occurred",
            found=action.occurred,
        ) from error  # fmt: skip
    if len(action.occurred) != 10 and not getattr(cls, "PARTIAL_OCCURRED", False):
        raise BadInput(
            "a full date as YYYY-MM-DD: this event takes no partial date", where=action.name,
            field="occurred", found=action.occurred,
        )  # fmt: skip
    if action.occurred > today.isoformat()[: len(action.occurred)]:
        raise BadInput(
            f"a day not after today ({today.isoformat()})", where=action.name, field="occurred",
            found=action.occurred,
        )  # fmt: skip


def check_author(context: Context) -> None:
    """Refuse an author without a grant for this action, at this site, today (UA1-4, CO1)."""
    action = context.action
    if action.name in BY_CODE and action.role == PARTICIPANT:
        return  # the code is checked by the decision
    if not may_act(
        context.state.grants.values(),
        person=action.actor,
        role=action.role,
        action=action.name,
        site=context.site,
        on=context.reached,
    ):
        raise Refused(
            f"{action.actor} as {action.role} may not do {action.name}"
            + (f" at site {context.site}" if context.site else ""),
            rule="CO1" if action.role not in SITE_ROLES else "UA1",
            way_out="ask the administrator for the role, or raise a query instead",
            subject=None,
        )


def check_back_entry(context: Context) -> None:
    """Refuse what happened on a day of an outage without a reason: it was kept somewhere else.

    Decisions that are made now are no back-entries (VA4).
    """
    action = context.action
    if action.occurred is None or action.subject is None:
        return
    if action.name in MADE_TODAY | OF_THE_DAY:
        return
    for outage in context.state.outages:
        if outage.covers(context.site, action.occurred) and not (action.reason or "").strip():
            raise Refused(
                f"has a back-entry, {action.name} of {action.occurred}: nothing could be entered "
                f"from {outage.first_day} to {outage.last_day}",
                subject=action.subject,
                rule="VA4",
                clause=f"outage declared by event {outage.seq}",
                value=action.occurred,
                way_out="give as the reason where it was written down meanwhile, and by whom",
            )


def check_locks(context: Context, body: Body) -> None:
    """Refuse a change inside a lock; a lock is lifted by a data manager, with a reason."""
    action = context.action
    if action.name in AFTER_LOCK:
        return
    if not context.state.locks:
        return
    form, instance = _form_of(context, body)
    for lock in context.state.locks.values():
        if lock.closes(context.site, action.subject, form, instance):
            raise context.refuse(
                f"{action.name} falls under the lock of the {lock.scope} (event {lock.seq})",
                rule="lock",
                way_out="ask the data manager to lift the lock, with a reason",
            )


def _form_of(context: Context, body: Body) -> tuple[str | None, str | None]:
    """The form instance that an action changes, itself or through the event it targets."""
    if isinstance(body, FormSaved):
        return body.form, body.instance
    target = getattr(body, "target", None)
    for event in context.events if target is not None else ():
        if event.seq == target and event.type == FormSaved.TYPE:
            saved = FormSaved.model_validate_json(event.body)
            return saved.form, saved.instance
    return None, None
