"""Verification of the record: what is proved of it, when, up to which head; to be printed (VA3)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from typing import Any

from django import forms
from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render

from equipoise.conduct.anchoring import anchored_logins
from equipoise.errors import BadInput
from equipoise.record.anchors import Anchor, is_signed, read_anchors
from equipoise.record.stores import examine, opened
from equipoise.record.verify import Examined
from equipoise.study.catalogue import guards_of
from equipoise.web import background, logins
from equipoise.web.asking import Request
from equipoise.web.configuration import Configuration
from equipoise.web.page import MENU, page
from equipoise.web.wording import Words, wording

MENU.append(("nav.integrity", "integrity"))
SEES = frozenset({"auditor", "data_manager"})
KIND = "verification"
MOST_SHOWN = 200
"""Findings that a page tells one by one; how many there are it says in any case."""


class AnchorsForm(forms.Form):
    """Signed heads that left the record earlier, from an export or a certified copy."""

    def __init__(self, words: Words, *given: Any) -> None:
        super().__init__(*given)
        self.fields["anchors"] = forms.FileField(
            required=False, label=words["integrity.anchors"], max_length=200,
            help_text=words["integrity.anchors.told"],
        )  # fmt: skip

    def read(self) -> list[Anchor]:
        """The heads in the file; BadInput for what is none."""
        file = self.cleaned_data["anchors"]
        if file is None:
            return []
        try:
            text = file.read().decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadInput("a text file of anchors", where="anchors") from error
        return read_anchors(text)


@page("integrity/", name="integrity", roles=SEES, methods=("GET", "POST"))
def integrity(request: Request) -> HttpResponse:
    """Begin a verification; the last one that was made."""
    asking = request.asking
    words = wording(asking.language)
    given = [request.POST, request.FILES] if request.method == "POST" else []
    form = AnchorsForm(words, *given)
    if request.method == "POST" and form.is_valid():
        try:
            anchors = form.read()
        except BadInput as error:
            form.add_error("anchors", str(error))
        else:
            logins.keep("VerificationRun", asking.person, {"anchors": len(anchors)})
            facts = {"by": asking.person, "role": asking.role, "anchors": len(anchors)}
            configuration: Configuration = settings.CONFIGURATION
            job = background.begin(KIND, lambda: verified(configuration, anchors), facts)
            return redirect("integrity_result", job=job)
    content = {"form": form, "head": asking.trial.log.head(), "last": background.last(KIND)}
    return render(request, "integrity/begin.html", content, status=422 if form.errors else 200)


@page("integrity/<str:job>/", name="integrity_result", roles=SEES)
def integrity_result(request: Request, job: str) -> HttpResponse:
    """What a verification proved, or how long it has been under way."""
    found = background.outcome(KIND, job)
    if found is None:
        raise Http404
    return render(request, "integrity/result.html", {"found": found})


def verified(configuration: Configuration, anchors: Sequence[Anchor]) -> dict[str, Any]:
    """The examination of the record and of the chain of logins, each through a connection of its
    own, as plain values."""
    record, schema = configuration.record, configuration.schema
    with closing(opened(record, schema=schema)) as log:
        trial, held = log.trial, log.read(types={"LoginsAnchored"})
    of_record = examine(
        record, schema=schema, anchors=anchors, is_signed=is_signed, guards_of=guards_of
    )
    with closing(opened(configuration.logins, schema="equipoise_logins")) as chain:
        heads = anchored_logins(held, chain.trial)
    of_logins = examine(
        configuration.logins, schema="equipoise_logins", anchors=heads, is_signed=lambda _: True
    )
    return {
        "trial": trial, "record": _plain(of_record), "logins": _plain(of_logins),
        "anchored_logins": len(heads),
        "intact": not of_record.findings and not of_logins.findings,
    }  # fmt: skip


def _plain(examined: Examined) -> dict[str, Any]:
    head, findings = examined
    return {
        "seq": head.seq, "hash": head.hash, "recorded": head.recorded, "number": len(findings),
        "findings": [(each.seq, each.kind, each.message) for each in findings[:MOST_SHOWN]],
    }  # fmt: skip
