"""What an author must have seen: the last event of the form instance, of the event corrected, or of
the subject."""

from __future__ import annotations

from equipoise.conduct.context import Context, read
from equipoise.errors import Conflict
from equipoise.record.correction import Corrected
from equipoise.record.event import Body
from equipoise.study.actions import Correct
from equipoise.visits.events import FormSaved

INDEPENDENT = frozenset(
    {
        "SubjectScreened", "SampleLabelled", "SampleShipped", "SampleReceived", "SampleDerived",
        "AssayResultRecorded", "AssayResultInvalidated",
        "LesionIdentified", "TumourAssessed", "QueryRaised", "QueryAnswered", "QueryClosed",
        "QueryReopened", "SourceVerified", "LaboratoryReported", "CausalityAssessed", "BreakCode",
        "AdverseEventCoded", "QuestionnaireOffered", "AnswerQuestionnaire",
    }
)  # fmt: skip
"""Actions that add something with a permanent name of its own and rest on nobody else's entries:
a laboratory or a reader works beside the site, and a name that is taken is refused anyway. A code
break waits for nothing (RN6)."""


def check_seen(context: Context, body: Body) -> None:
    """Conflict when what the author had seen is not what stands now."""
    action = context.action
    if action.subject is None or action.name in INDEPENDENT:
        return
    if isinstance(body, FormSaved):
        now = _last_of_form(context, body)
        what = f"form {body.form} {body.instance} of subject {action.subject}"
    elif isinstance(body, Correct):
        now = _last_of_event(context, body.target)
        what = f"event {body.target} of subject {action.subject}"
    else:
        now = context.events[-1].seq if context.events else 0
        what = f"subject {action.subject}"
    if now > action.seen:
        raise Conflict(what, seen=action.seen, now=now)


def _last_of_form(context: Context, body: FormSaved) -> int:
    """The seq of the last event that touched this form instance, 0 if there is none."""
    for event in context.events:
        if event.type == FormSaved.TYPE:
            found = read(event)
            if (found["form"], found["instance"]) == (body.form, body.instance):
                return _last_of_event(context, event.seq)
    return 0


def _last_of_event(context: Context, target: int) -> int:
    """The seq of the last correction of an event, else its own."""
    touched = [
        event.seq
        for event in context.events
        if event.type == Corrected.TYPE and read(event)["target"] == target
    ]
    return max([target, *touched])
