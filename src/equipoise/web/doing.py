"""The way of every action from a page to the record: form, `conduct`, answer. One place.

A page shows a form on GET and hands it here on POST. What was recorded is told; what was refused
stands above the form with rule and way out, and the form keeps what was typed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render

from equipoise.errors import BadInput, EquipoiseError, StoreFailed
from equipoise.record.event import Event
from equipoise.study.access import ACTION_ROLES
from equipoise.study.actions import Action
from equipoise.web.asking import Asking, Request
from equipoise.web.forms.choices import Offer
from equipoise.web.refusal import shown, status_of
from equipoise.web.wording import wording


class AsksFor(Protocol):
    """A form that asks for an action: generated, of the study, or of a page's own."""

    @property
    def action(self) -> str:
        """The name of the action."""

    def is_valid(self) -> bool:
        """Whether everything could be read."""

    def as_action(self, asking: Asking, *, subject: str | None, site: str | None) -> Action:
        """The action of the person who asks."""

    def told(self, error: BadInput) -> None:
        """Put what `conduct` said beside the items that it speaks of."""


@dataclass(slots=True)
class Done:
    """What came of a posted form: events that were written, or the answer to give instead."""

    events: list[Event] = field(default_factory=list)
    error: dict[str, Any] | None = None
    status: int = 200


def offer_to(asking: Asking, subject: str | None = None, site: str | None = None) -> Offer:
    """What forms for this person may offer, about a subject or a hospital."""
    ask = asking.trial.ask
    where = ask.site(subject) if subject else site or asking.site
    return Offer(ask.study(where), ask, wording(asking.language), subject)


def last_seen(asking: Asking, subject: str | None) -> int:
    """The seq of the last event of the subject: what a page shows when it is made."""
    events = asking.trial.ask.events(subject) if subject else ()
    return events[-1].seq if events else 0


def do(asking: Asking, form: AsksFor, *, subject: str | None, site: str | None) -> Done:
    """Record what a form asks for. What is wrong is put into the form; nothing is lost.

    A store that failed has a page of its own, which offers the same once more: StoreFailed.
    """
    if not form.is_valid():
        return Done(status=422)
    try:
        action = form.as_action(asking, subject=subject, site=site)
        return Done(events=asking.trial.conductor.act(action))
    except StoreFailed:
        raise
    except EquipoiseError as error:
        if isinstance(error, BadInput) and error.field == "key":  # sent before, and changed since
            said = wording(asking.language)["sent.before"]
            return Done(error={"message": said, "kind": "Conflict"}, status=409)
        if isinstance(error, BadInput):
            form.told(error)
            return Done(status=422)
        return Done(error=shown(error), status=status_of(error))


def answered(
    request: Request,
    template: str,
    form: AsksFor,
    *,
    subject: str | None,
    site: str | None,
    then: str,
    **shown_too: Any,
) -> HttpResponse:
    """The answer of a page with one form: the form on GET; on POST the record, then `then`."""
    asking = request.asking
    done = Done()
    if request.method == "POST":
        done = do(asking, form, subject=subject, site=site)
        if done.events:
            told(request, form.action, done.events)
            return redirect(then)
    content = {"form": form, "error": done.error, "subject": subject, "site": site, **shown_too}
    return render(request, template, content, status=done.status)


def told(request: Request, action: str, events: Sequence[Event]) -> None:
    """Say on the next page what was recorded, with the numbers of its entries."""
    words = wording(request.asking.language)
    numbers = ", ".join(str(event.seq) for event in events)
    said = words.of(f"done.{action}", "done")
    messages.success(request, f"{said} ({numbers})", extra_tags="recorded")


def may_do(asking: Asking, action: str) -> bool:
    """Whether the role has the action at all; whether it may be done now is for `conduct`."""
    return asking.position is not None and asking.role in ACTION_ROLES.get(action, frozenset())
