"""Queries: raised at a field, answered, closed, opened again; the list of them with their age."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from equipoise.oversight.query import ANSWER_WITHIN, ANSWERED, CLOSED, OPEN, days_open, overdue
from equipoise.study.access import ACTION_ROLES
from equipoise.web.asking import Request
from equipoise.web.doing import answered, do, last_seen, may_do, offer_to, told
from equipoise.web.forms.action import ActionForm
from equipoise.web.forms.own import OwnForm
from equipoise.web.overview import overview
from equipoise.web.page import MENU, SEES_SUBJECTS, back_to, page
from equipoise.web.pages.actions import OWN_SCREEN
from equipoise.web.query_view import about, row_of, spoken
from equipoise.web.wording import Words, wording

OWN_SCREEN["QueryRaised"] = "query_new"
MENU.append(("nav.queries", "queries"))
NEXT: Mapping[str, tuple[str, ...]] = {
    OPEN: ("QueryAnswered", "QueryClosed"),
    ANSWERED: ("QueryAnswered", "QueryClosed"),
    CLOSED: ("QueryReopened",),
}
"""What may be done with a query by where it stands."""


class RaiseForm(OwnForm):
    """The question; what it is about is known from the field at which it was asked."""

    action = "QueryRaised"

    def __init__(self, words: Words, data: Any, *, of: Mapping[str, Any], **start: Any) -> None:
        super().__init__(words, data, **start)
        self.of = of
        self.text("question", words["field.question"])

    def body(self) -> dict[str, Any]:
        """The query, under the name that the page gives it."""
        return {**self.of, "question": self.cleaned_data["question"]}


@page("subjects/<str:subject>/ask/", name="query_new", roles=ACTION_ROLES["QueryRaised"],
      about="subject", methods=("GET", "POST"))  # fmt: skip
def query_new(request: Request, subject: str) -> HttpResponse:
    """Ask about an entry (`?target=`, `item=`), or about a form that is still empty (`?form=`)."""
    asking, ask = request.asking, request.asking.trial.ask
    given = {
        name: request.GET[name]
        for name in ("target", "form", "instance", "item") if request.GET.get(name)
    }  # fmt: skip
    if "target" not in given and "form" not in given:
        return redirect("entries", subject=subject)
    if not given.get("target", "0").isdigit():
        raise Http404
    target = int(given["target"]) if "target" in given else None
    of = about(asking, subject, target, given.get("form"), given.get("item"), given.get("instance"))
    if of is None:
        raise Http404
    number = ask.derived(subject, "query").height + 1
    body = {**given, "query": f"{subject}-Q{number}"} | ({"target": target} if target else {})
    form = RaiseForm(
        wording(asking.language), request.POST if request.method == "POST" else None, of=body,
        seen=last_seen(asking, subject),
    )  # fmt: skip
    then = (
        reverse("form", args=[subject, of.seq]) if of.seq else reverse("forms_of", args=[subject])
    )
    return answered(
        request, "oversight/query_new.html", form, subject=subject, site=ask.site(subject),
        then=then, of=of, back=then,
    )  # fmt: skip


@page("subjects/<str:subject>/queries/<path:query>/", name="query", roles=SEES_SUBJECTS,
      about="subject", methods=("GET", "POST"))  # fmt: skip
def query(request: Request, subject: str, query: str) -> HttpResponse:
    """A query: what it is about, everything that was said, and what may be said next."""
    asking, ask = request.asking, request.asking.trial.ask
    row, said = row_of(asking, subject, query), spoken(asking, subject, query)
    if row is None or not said:
        raise Http404
    site = ask.site(subject)
    which, error, status = request.POST.get("which"), None, 200
    forms = {
        name: _form(request, name, subject, query, request.POST if which == name else None)
        for name in NEXT[row["status"]] if may_do(asking, name)
    }  # fmt: skip
    if request.method == "POST":
        form = forms.get(which or "")
        if form is None:
            return redirect("query", subject=subject, query=query)
        done = do(asking, form, subject=subject, site=site)
        if done.events:
            told(request, form.action, done.events)
            return redirect("query", subject=subject, query=query)
        error, status = done.error, done.status
    today = ask.today(site)
    content = {
        "subject": subject, "row": row, "said": said, "forms": forms, "error": error,
        "of": about(asking, subject, row["target"], row["form"], row["item"], row["instance"]),
        "days": days_open(row["raised"], row["closed"], today), "late": overdue(row, today),
        "zone": ask.zone(site), "back": back_to(asking.role, subject),
    }  # fmt: skip
    return render(request, "oversight/query.html", content, status=status)


def _form(request: Request, action: str, subject: str, query: str, data: Any) -> ActionForm:
    form = ActionForm(
        action, offer_to(request.asking, subject), data, fixed={"query": query},
        seen=last_seen(request.asking, subject),
    )  # fmt: skip
    form.auto_id = f"{action}-%s"
    return form


@page("queries/", name="queries", roles=SEES_SUBJECTS)
def queries(request: Request) -> HttpResponse:
    """The queries that the position sees, those not closed first shown; the oldest first."""
    asking, ask = request.asking, request.asking.trial.ask
    state, where = _asked(request, "state") or "not_closed", _asked(request, "site")
    subject = _asked(request, "subject")
    every, sites = [], set()
    for row in overview(asking.trial).of(asking.site):
        today = ask.today(row.site)
        for each in row.asked:
            late = overdue(each, today)
            sites.add(row.site)
            if where not in ("", row.site) or subject not in ("", row.subject):
                continue
            if _fits(each, state, late) and (said := spoken(asking, row.subject, each["query"])):
                of = about(asking, row.subject, each["target"], each["form"], each["item"],
                           each["instance"])  # fmt: skip
                days = days_open(each["raised"], each["closed"], today)
                every.append((row, each, of, said[0], days, late))
    every.sort(key=lambda each: (each[1]["raised"], each[1]["event"]))
    content = {
        "rows": every, "state": state, "where": where, "sites": sorted(sites), "asked": subject,
        "states": ("not_closed", OPEN, "overdue", ANSWERED, CLOSED, "all"),
        "within": ANSWER_WITHIN, "late": sum(each[5] for each in every),
    }  # fmt: skip
    return render(request, "oversight/queries.html", content)


def _asked(request: HttpRequest, name: str) -> str:
    return request.GET.get(name, "").strip()


def _fits(row: Mapping[str, Any], state: str, late: bool) -> bool:
    if state == "overdue":
        return late
    if state == "not_closed":
        return bool(row["status"] != CLOSED)
    return state == "all" or bool(row["status"] == state)
