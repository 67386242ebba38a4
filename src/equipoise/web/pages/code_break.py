"""A single code break: one subject, at any hour, with a reason, after the password (RN6)."""

from __future__ import annotations

import datetime
import json
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from equipoise.study.access import ACTION_ROLES
from equipoise.web.asking import Asking, Request
from equipoise.web.doing import do, last_seen, told
from equipoise.web.forms.own import OwnForm
from equipoise.web.page import page
from equipoise.web.pages.actions import OWN_SCREEN
from equipoise.web.reauthentication import confirmed
from equipoise.web.sight import Sight
from equipoise.web.wording import Words, wording
from equipoise.web.worklist import Task, tasks_of

OWN_SCREEN["BreakCode"] = "code_break"
TOLD_FOR = 14
"""Days for which a code break stands on the work list of whoever is told of it."""


class BreakForm(OwnForm):
    """Who must know the arm, under which circumstance, why; the password."""

    action = "BreakCode"

    def __init__(self, words: Words, data: Any, **start: Any) -> None:
        super().__init__(words, data, **start)
        self.fields["person"] = forms.CharField(label=words["break.person"], max_length=64)
        self.fields["person"].help_text = words["break.person_told"]
        self.text("circumstance", words["field.circumstance"])
        self.text("reason", words["field.reason"], rows=2)
        self.fields["password"] = forms.CharField(
            label=words["confirm.password"],
            widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        )

    def body(self) -> dict[str, Any]:
        """The person who learns the arm, and the circumstance."""
        return {name: self.cleaned_data[name] for name in ("person", "circumstance")}


@page("subjects/<str:subject>/code-break/", name="code_break", roles=ACTION_ROLES["BreakCode"],
      about="subject", methods=("GET", "POST"))  # fmt: skip
def code_break(request: Request, subject: str) -> HttpResponse:
    """Break the code of one subject; who is told stands on the page before and after."""
    asking, ask = request.asking, request.asking.trial.ask
    words, site = wording(asking.language), ask.site(subject)
    form = BreakForm(
        words, request.POST if request.method == "POST" else None,
        seen=last_seen(asking, subject), person=asking.person,
    )  # fmt: skip
    error, status = None, 200
    if request.method == "POST":
        status = 422
        if form.is_valid() and not confirmed(request, form.cleaned_data["password"]):
            form.add_error("password", words["confirm.wrong"])
        elif form.is_valid():
            done = do(asking, form, subject=subject, site=site)
            if done.events:
                told(request, form.action, done.events)
                return redirect("code_break", subject=subject)
            error, status = done.error, done.status
    events = ask.events(subject)
    sight = Sight.of(asking, events)
    broken = [event for event in events if event.type == "CodeBroken" and sight.lists(event)]
    content = {
        "form": form, "error": error, "subject": subject,
        "randomised": any(event.type == "Randomised" for event in events),
        "broken": [sight.shown(event) for event in reversed(broken)],
        "arms": {each.code: each.label for each in ask.study(site).randomisation.arms},
        "notified": ask.told_of_code_break(subject), "zone": ask.zone(site),
    }  # fmt: skip
    return render(request, "oversight/code_break.html", content, status=status)


@tasks_of("safety_officer", "data_manager", "investigator")
def code_breaks(asking: Asking) -> list[Task]:
    """Code breaks of the last days of which the person is told; not what the arm is."""
    found = []
    for event in asking.trial.log.read(types={"CodeBroken"}, site=asking.site):
        told_of = {each["person"] for each in json.loads(event.body)["notified"]}
        day = datetime.date.fromisoformat(event.recorded[:10])
        recent = (asking.trial.ask.today(event.site) - day).days <= TOLD_FOR
        if asking.person in told_of and recent and event.subject is not None:
            link = reverse("form", args=[event.subject, event.seq])
            found.append(
                Task("task.code_broken", event.subject, day.isoformat(), None, "due", link)
            )
    return found
