"""The audit trail: searched, sorted, taken away, reviewed and signed off (AT3, AT5, AT6, AT8)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from equipoise.exchange.archive import File
from equipoise.study.access import ACTION_ROLES, nothing_blinded
from equipoise.study.actions import Action
from equipoise.study.catalogue import EVENTS
from equipoise.web import trail
from equipoise.web.asking import Asking, Request
from equipoise.web.doing import answered, may_do, offer_to
from equipoise.web.forms.action import ActionForm, new_key
from equipoise.web.forms.fields import FullDateField
from equipoise.web.page import MENU, SEES_SUBJECTS, page
from equipoise.web.pages.actions import OWN_SCREEN
from equipoise.web.sight import Shown
from equipoise.web.trail import Search
from equipoise.web.wording import Words, wording
from equipoise.workflow.leaving import exported

MENU.append(("nav.audit", "audit"))
OWN_SCREEN["AuditTrailReviewed"] = "audit_review"
A_PAGE = 100
BEFORE, SKIP = "before", "skip"


class SearchForm(forms.Form):
    """What is looked for in the trail; nothing is obligatory."""

    def __init__(self, data: Any, words: Words) -> None:
        super().__init__(data)
        named = sorted(((each.TYPE, words[f"event.{each.TYPE}"]) for each in EVENTS), key=_by_name)
        orders = [(each, words[f"audit.order.{each}"]) for each in trail.ORDERS]
        self.fields["type"] = forms.ChoiceField(
            required=False, label=words["audit.type"],
            choices=[("", words["audit.every"]), *named],
        )  # fmt: skip
        for name in ("subject", "site", "person"):
            self.fields[name] = forms.CharField(
                required=False, max_length=200, label=words[f"audit.{name}"]
            )
        for name in ("since", "until"):
            self.fields[name] = FullDateField(required=False, label=words[f"audit.{name}"])
        self.fields["text"] = forms.CharField(
            required=False, max_length=200, label=words["audit.text"]
        )
        self.fields["order"] = forms.ChoiceField(
            required=False, label=words["audit.order"], choices=orders
        )

    def search(self) -> Search:
        """The search that was asked for; of what could not be read, nothing."""
        given = {k: v for k, v in self.cleaned_data.items() if v and k != "order"}
        return Search(**given)

    @property
    def order(self) -> str:
        """The order that was asked for."""
        return self.cleaned_data.get("order") or "latest"


def _by_name(pair: tuple[str, str]) -> str:
    return pair[1].casefold()


@page("audit/", name="audit", roles=SEES_SUBJECTS)
def audit(request: Request) -> HttpResponse:
    """Every entry of the record that the position sees, the latest first, a hundred on a page."""
    asking = request.asking
    form = SearchForm(request.GET, wording(asking.language))
    valid = form.is_valid()
    search, order = (form.search(), form.order) if valid else (Search(), "latest")
    entries, older, cut = _page_of(asking, search, order, request.GET)
    asked = {k: str(v) for k, v in request.GET.items() if k not in (BEFORE, SKIP) and v}
    content = {
        "form": form, "found": entries, "cut": cut, "most": trail.MOST_SORTED,
        "older": f"?{urlencode({**asked, **older})}" if older else "",
        "asked": asked, "head": asking.trial.log.head(),
        "may_export": may_do(asking, "Exported"),
        "may_review": may_do(asking, "AuditTrailReviewed"),
        "reviewed": _reviewed(asking), "key": new_key(),
    }  # fmt: skip
    return render(request, "audit/trail.html", content, status=200 if valid else 422)


def _page_of(
    asking: Asking, search: Search, order: str, given: Mapping[str, str]
) -> tuple[list[Shown], dict[str, str], bool]:
    """The entries of a page, how the next one is asked for, whether the oldest were left out.

    The latest first go on before a seq, so that what is recorded meanwhile moves nothing; any other
    order goes on after a number of rows.
    """
    last = asking.trial.log.head().seq + 1
    if order == "latest":
        before = given.get(BEFORE, "")
        start = min(int(before), last) if before.isdigit() else last
        entries = trail.found(asking, search, before=start, most=A_PAGE + 1)
        more = len(entries) > A_PAGE
        return entries[:A_PAGE], {BEFORE: str(entries[A_PAGE - 1].event.seq)} if more else {}, False
    every = trail.found(asking, search, before=last, most=trail.MOST_SORTED + 1)
    cut = len(every) > trail.MOST_SORTED
    skip = int(given[SKIP]) if given.get(SKIP, "").isdigit() else 0
    entries = trail.ordered(every[: trail.MOST_SORTED], order)
    more = len(entries) > skip + A_PAGE
    return entries[skip : skip + A_PAGE], {SKIP: str(skip + A_PAGE)} if more else {}, cut


def _reviewed(asking: Asking) -> dict[str, Any] | None:
    """The last sign-off of the trail: who, when, up to where."""
    found = asking.trial.log.read(types={"AuditTrailReviewed"})
    return {"event": found[-1], **json.loads(found[-1].body)} if found else None


@page("audit/export/", name="audit_export", roles=ACTION_ROLES["Exported"], methods=("POST",))
def audit_export(request: Request) -> HttpResponse:
    """The entries that are looked for, as CSV in an archive; the export is recorded first."""
    asking = request.asking
    form = SearchForm(request.POST, wording(asking.language))
    if not form.is_valid():
        return redirect("audit")
    head, told = asking.trial.log.head().seq, request.POST.get("as_of", "")
    as_of = min(int(told), head) if told.isdigit() and int(told) else head
    entries = trail.found(asking, form.search(), before=as_of + 1, most=as_of)
    entries = trail.ordered(entries, form.order)
    text = trail.as_csv(entries, hashes=nothing_blinded(asking.role))
    files = {"audit-trail.csv": File(text, len(entries))}
    facts = {
        "role": asking.role,
        "looked_for": {k: str(v) for k, v in form.cleaned_data.items() if v},
    }
    made = exported(
        asking.trial.conductor, export_of(asking, request.POST.get("key") or new_key()),
        content="audit trail", files=files, as_of=as_of, facts=facts,
    )  # fmt: skip
    return download(made, f"{asking.trial.log.trial}-audit-trail-{as_of}.zip")


def export_of(asking: Asking, key: str) -> Action:
    """Exported as the person asks for it; what it holds is filled in where it is made."""
    return Action(
        name="Exported", body={}, actor=asking.person, role=asking.role,
        organisation=asking.organisation, key=key, recorded=asking.trial.recorded,
    )  # fmt: skip


def download(content: bytes, name: str, kind: str = "application/zip") -> HttpResponse:
    """A file to keep."""
    answer = HttpResponse(content, content_type=kind)
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@page(
    "audit/review/", name="audit_review", roles=ACTION_ROLES["AuditTrailReviewed"],
    methods=("GET", "POST"),
)  # fmt: skip
def audit_review(request: Request) -> HttpResponse:
    """Sign off that the trail was reviewed, up to the last entry that the page spoke of."""
    asking = request.asking
    head = asking.trial.log.head().seq
    told = request.POST.get("up_to") or request.GET.get("up_to") or str(head)
    up_to = min(int(told), head) if told.isdigit() and int(told) else head
    data = request.POST if request.method == "POST" else None
    form = ActionForm(
        "AuditTrailReviewed", offer_to(asking), data, fixed={"up_to": up_to},
        leave_out=frozenset({"up_to"}),
    )  # fmt: skip
    return answered(
        request, "audit/review.html", form, subject=None, site=None, then=reverse("audit"),
        up_to=up_to, reviewed=_reviewed(asking),
    )  # fmt: skip
