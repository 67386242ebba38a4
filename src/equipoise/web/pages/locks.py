"""Locks: of one form, a subject, a hospital or the trial; set and lifted by the data manager."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from equipoise.conduct.state import Lock
from equipoise.visits.events import FormSaved
from equipoise.web.asking import Request
from equipoise.web.doing import answered, last_seen, may_do, offer_to
from equipoise.web.forms.action import ActionForm
from equipoise.web.forms.own import OwnForm
from equipoise.web.page import MENU, page
from equipoise.web.pages.actions import OWN_SCREEN
from equipoise.web.panels import panel
from equipoise.web.wording import Words, wording

OWN_SCREEN["Locked"] = "lock_subject"
SEES = frozenset({"data_manager", "monitor", "auditor", "statistician", "investigator", "nurse"})
MENU.append(("nav.locks", "locks"))


class LockForm(OwnForm):
    """Which part of a subject's record is closed."""

    action = "Locked"

    def __init__(
        self, words: Words, data: Any, instances: list[tuple[str, str]], **start: Any
    ) -> None:
        super().__init__(words, data, **start)
        self.fields["what"] = forms.ChoiceField(
            label=words["lock.what"], choices=[("subject", words["lock.subject"]), *instances]
        )

    def body(self) -> dict[str, Any]:
        """The scope, with the form instance where it is one."""
        chosen = str(self.cleaned_data["what"])
        if chosen == "subject":
            return {"scope": "subject"}
        form, _, instance = chosen.partition("/")
        return {"scope": "form", "form": form, "instance": instance}


@page("subjects/<str:subject>/lock/", name="lock_subject", roles=("data_manager",),
      about="subject", methods=("GET", "POST"))  # fmt: skip
def lock_subject(request: Request, subject: str) -> HttpResponse:
    """Lock a subject, or one form of theirs."""
    asking, ask = request.asking, request.asking.trial.ask
    words, study = wording(asking.language), ask.study(ask.site(subject))
    labels = {each.code: words.label(each.label) for each in study.visits.forms}
    instances = [
        (f"{body['form']}/{body['instance']}",
         f"{labels.get(body['form'], body['form'])} {body['instance']} · {event.occurred or ''}")
        for event in ask.events(subject) if event.type == FormSaved.TYPE
        for body in (json.loads(event.body),)
    ]  # fmt: skip
    asked = f"{request.GET.get('form', '')}/{request.GET.get('instance', '')}"
    form = LockForm(
        words, request.POST if request.method == "POST" else None, instances,
        seen=last_seen(asking, subject), what=asked if asked != "/" else "subject",
    )  # fmt: skip
    return answered(
        request, "oversight/lock.html", form, subject=subject, site=ask.site(subject),
        then=reverse("subject", args=[subject]), locks=ask.locks(subject),
        zone=ask.zone(ask.site(subject)),
    )  # fmt: skip


@page("locks/new/", name="lock", roles=("data_manager",), methods=("GET", "POST"))
def lock(request: Request) -> HttpResponse:
    """Lock a hospital (`?site=`) or the trial."""
    site = request.GET.get("site") or None
    if site is not None and site not in request.asking.trial.ask.state.sites:
        raise Http404
    form = ActionForm(
        "Locked", offer_to(request.asking, None, site),
        request.POST if request.method == "POST" else None,
        fixed={"scope": "site" if site else "trial"}, leave_out=frozenset({"form", "instance"}),
    )  # fmt: skip
    return answered(
        request, "oversight/lock.html", form, subject=None, site=site, then=reverse("locks")
    )


@page("locks/", name="locks", roles=SEES)
def locks(request: Request) -> HttpResponse:
    """The locks in force: what each closes, who set it and when."""
    asking, ask = request.asking, request.asking.trial.ask
    content = {
        "locks": [(each, ask.zone(each.site)) for each in _covered(request)],
        "may_lock": may_do(asking, "Locked"), "sites": sorted(ask.state.sites),
    }  # fmt: skip
    return render(request, "oversight/locks.html", content)


def _covered(request: Request) -> list[Lock]:
    """The locks that the position may know of."""
    asking = request.asking
    found = asking.trial.ask.state.locks.values()
    return [
        each for each in found if each.scope == "trial" or asking.site in (None, each.site)
    ]  # fmt: skip


@page("locks/<int:seq>/lift/", name="unlock", roles=("data_manager",), methods=("GET", "POST"))
def unlock(request: Request, seq: int) -> HttpResponse:
    """Lift a lock, and say why."""
    asking = request.asking
    found = next((each for each in _covered(request) if each.seq == seq), None)
    if found is None:
        raise Http404
    form = ActionForm(
        "Unlocked", offer_to(asking, found.subject, found.site),
        request.POST if request.method == "POST" else None,
        seen=last_seen(asking, found.subject), fixed={"lock": seq},
    )  # fmt: skip
    return answered(
        request, "oversight/unlock.html", form, subject=found.subject, site=found.site,
        then=reverse("locks"), lock=found, zone=asking.trial.ask.zone(found.site),
    )  # fmt: skip


@panel("locks", 5, SEES, aside=True)
def panel_of(request: Request, subject: str) -> dict[str, Any] | None:
    """What of the subject's record is closed: who locked it, and when."""
    ask = request.asking.trial.ask
    site = ask.site(subject)
    found = [each for each in ask.state.locks.values()
             if each.closes(site, subject, each.form, each.instance)]  # fmt: skip
    if not found:
        return None
    return {"locks": found, "zone": ask.zone(site)}
