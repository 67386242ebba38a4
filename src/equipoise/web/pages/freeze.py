"""The re-determination frozen: signed by a blinded statistician, then frozen, once (BM1)."""

from __future__ import annotations

import json
import re
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render

from equipoise.biomarker.events import RedeterminationFrozen
from equipoise.biomarker.freeze import freeze_sha256
from equipoise.errors import BadInput
from equipoise.study.actions import Action
from equipoise.web.asking import Asking, Request
from equipoise.web.doing import do, may_do, told
from equipoise.web.forms.action import new_key
from equipoise.web.laboratory_view import to_determine_again
from equipoise.web.page import page
from equipoise.web.pages.actions import OWN_SCREEN
from equipoise.web.pages.laboratory import SEES_MARKER
from equipoise.web.reauthentication import confirmed
from equipoise.web.wording import wording

OWN_SCREEN["RedeterminationFrozen"] = "laboratory_freeze"
SCOPE = "re-determined marker status and central grades as of event {as_of}"


class FreezeForm(forms.Form):
    """The position in the record that is signed, or frozen; the password where it is signed."""

    key = forms.CharField(widget=forms.HiddenInput, max_length=64)
    as_of = forms.IntegerField(widget=forms.HiddenInput, min_value=1)

    def __init__(self, asking: Asking, action: str, data: Any, *, as_of: int) -> None:
        super().__init__(data, initial={"key": new_key(), "as_of": as_of}, auto_id=f"{action}-%s")
        self.action, self.asking = action, asking
        words = wording(asking.language)
        if action == "Signed":
            self.fields["password"] = forms.CharField(
                label=words["confirm.password"],
                widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
            )

    def as_action(self, asking: Asking, *, subject: str | None, site: str | None) -> Action:
        """The signature on the freeze, or the freeze."""
        as_of = self.cleaned_data["as_of"]
        frozen = RedeterminationFrozen(as_of=as_of)
        body: dict[str, Any] = {"as_of": as_of}
        if self.action == "Signed":
            plan = asking.trial.ask.study(None).biomarker
            body = {
                "meaning": "approval", "scope": SCOPE.format(as_of=as_of),
                "content_sha256": freeze_sha256(plan, frozen), "reauthenticated": True,
            }  # fmt: skip
        return Action(
            name=self.action, body=body, actor=asking.person, role=asking.role,
            organisation=asking.organisation, key=self.cleaned_data["key"],
            occurred=asking.trial.ask.today(None).isoformat(), recorded=asking.trial.recorded,
        )  # fmt: skip

    def told(self, error: BadInput) -> None:
        """What `conduct` said, above the form."""
        for problem in error.problems:
            self.add_error(None, problem.allowed)


@page("laboratory/freeze/", name="laboratory_freeze", roles=SEES_MARKER, methods=("GET", "POST"))
def freeze(request: Request) -> HttpResponse:
    """What is frozen and by whom it was signed; the statistician signs, then freezes."""
    asking = request.asking
    ask = asking.trial.ask
    may = may_do(asking, "RedeterminationFrozen") and ask.state.frozen is None
    signatures = _signatures(asking)
    head = asking.trial.log.head().seq
    last = signatures[-1]["as_of"] if signatures else head
    which = request.POST.get("which") if request.method == "POST" else None
    data = request.POST if may else None
    sign = FreezeForm(asking, "Signed", data if which == "sign" else None, as_of=head)
    final = FreezeForm(
        asking, "RedeterminationFrozen", data if which == "freeze" else None, as_of=last
    )
    error, status = None, 200
    form = sign if which == "sign" else final
    if which and may:
        if which != "sign" or _proven(request, sign):
            done = do(asking, form, subject=None, site=None)
            if done.events:
                told(request, form.action, done.events)
                return redirect("laboratory_freeze")
            error, status = done.error, done.status
        else:
            status = 422
    work = to_determine_again(asking.trial)
    content = {
        "may": may, "frozen": ask.state.frozen, "signatures": signatures, "sign": sign,
        "final": final, "error": error, "head": head, "number": len(work),
        "done": sum(each.row["determined"] for each in work),
        "as_of": json.loads(ask.state.frozen.body)["as_of"] if ask.state.frozen else None,
    }  # fmt: skip
    return render(request, "laboratory/freeze.html", content, status=status)


def _proven(request: Request, form: FreezeForm) -> bool:
    if not form.is_valid():
        return False
    if confirmed(request, form.cleaned_data["password"]):
        return True
    form.add_error("password", wording(request.asking.language)["confirm.wrong"])
    return False


def _signatures(asking: Asking) -> list[dict[str, Any]]:
    """The signatures on a freeze, oldest first: by whom, when, as of which event; whether what
    was signed is still what the study says."""
    plan = asking.trial.ask.study(None).biomarker
    found = []
    pattern = SCOPE.format(as_of=r"(\d+)")
    for event in asking.trial.log.read(types={"Signed"}):
        body = json.loads(event.body)
        if (match := re.fullmatch(pattern, body["scope"])) is None:
            continue
        as_of = int(match[1])
        wanted = freeze_sha256(plan, RedeterminationFrozen(as_of=as_of))
        found.append({
            "event": event, "as_of": as_of, "hash": body["content_sha256"],
            "holds": body["content_sha256"] == wanted,
        })  # fmt: skip
    return found
