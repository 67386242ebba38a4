"""Serious adverse events: the report to the sponsor, what leaves for the authority, all clocks."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from equipoise.record.event import Event
from equipoise.web.asking import Request
from equipoise.web.doing import answered, last_seen, may_do, offer_to
from equipoise.web.forms.action import ActionForm
from equipoise.web.forms.harm import as_radios, ask_criteria, hide
from equipoise.web.harm_view import AdverseEvent, HarmView
from equipoise.web.page import CLINICAL, page
from equipoise.web.pages.adverse_events import JUDGES, SEES_HARM, found, opinions, values_of
from equipoise.web.wording import wording


@page("subjects/<str:subject>/adverse-events/<str:name>/", name="adverse_event", roles=SEES_HARM,
      about="subject")  # fmt: skip
def adverse_event(request: Request, subject: str, name: str) -> HttpResponse:
    """One adverse event: how it went, reports and clocks, both parties' opinions, what may be
    recorded about it."""
    asking = request.asking
    view = HarmView(asking, subject)
    each = found(view, name)
    content = {
        "subject": subject, "each": each, "sees_drugs": view.sees_drugs,
        "opinions": opinions(view, each), "values": values_of(view, each.called),
        "reports": reports(view, each), "sent": sent(view, each) if view.sees_drugs else (),
        "may_follow": may_do(asking, "AdverseEventFollowedUp"),
        "may_report": may_do(asking, "SeriousAdverseEventReported"),
        "may_judge": asking.role in JUDGES, "may_send": may_do(asking, "SusarSubmitted"),
        "zone": asking.trial.ask.zone(asking.trial.ask.site(subject)),
    }  # fmt: skip
    return render(request, "harm/one.html", content)


def _about(view: HarmView, event_type: str, name: str) -> list[Event]:
    events = view.asking.trial.ask.events(view.subject)
    return [
        each
        for each in events
        if each.type == event_type and json.loads(each.body)["adverse_event"] == name
    ]


def reports(view: HarmView, each: AdverseEvent) -> list[dict[str, Any]]:
    """The reports to the sponsor as they stand now, first to last, with their narratives."""
    ask, rows = view.asking.trial.ask, []
    for event in _about(view, "SeriousAdverseEventReported", each.name):
        standing = ask.standing(view.subject, event.seq)
        shown = view.sight.shown(event._replace(body=json.dumps(standing.body)))
        rows.append({
            "event": event, "occurred": standing.occurred, **standing.body,
            "narrative": shown.item("narrative"),
        })  # fmt: skip
    return rows


def sent(view: HarmView, each: AdverseEvent) -> list[dict[str, Any]]:
    """What left for the authority about an adverse event, first to last."""
    ask, rows = view.asking.trial.ask, []
    for event in _about(view, "SusarSubmitted", each.name):
        standing = ask.standing(view.subject, event.seq)
        rows.append({"event": event, "occurred": standing.occurred, **standing.body})
    return rows


@page("subjects/<str:subject>/adverse-events/<str:name>/serious/", name="serious_report",
      roles=CLINICAL, about="subject", methods=("GET", "POST"))  # fmt: skip
def serious_report(request: Request, subject: str, name: str) -> HttpResponse:
    """Report a serious adverse event to the sponsor, or what is known since the last report."""
    asking, ask = request.asking, request.asking.trial.ask
    view = HarmView(asking, subject)
    each, site, today = found(view, name), ask.site(subject), ask.today(ask.site(subject))
    earlier = reports(view, each)
    start: dict[str, Any] = {"report": len(earlier) + 1, "occurred": today, "aware": today}
    if earlier:
        start["criteria"] = earlier[-1]["criteria"]
    data = request.POST if request.method == "POST" else None
    form = ActionForm(
        "SeriousAdverseEventReported", offer_to(asking, subject), data,
        seen=last_seen(asking, subject), initial=start, fixed={"adverse_event": name},
    )  # fmt: skip
    words = wording(asking.language)
    hide(form, "report")
    ask_criteria(form, words)
    form.fields["narrative"].widget = forms.Textarea(attrs={"rows": 8})
    form.fields["narrative"].required = not earlier
    form.fields["narrative"].help_text = words["serious.narrative.hint"]
    return answered(
        request, "harm/serious.html", form, subject=subject, site=site,
        then=reverse("adverse_event", args=[subject, name]), each=each, earlier=earlier,
        number=start["report"],
    )  # fmt: skip


@page("subjects/<str:subject>/adverse-events/<str:name>/expedited/", name="expedited",
      roles={"safety_officer"}, about="subject", methods=("GET", "POST"))  # fmt: skip
def expedited(request: Request, subject: str, name: str) -> HttpResponse:
    """What left for the authority: its day and its number there."""
    asking, ask = request.asking, request.asking.trial.ask
    view = HarmView(asking, subject)
    each, site = found(view, name), ask.site(subject)
    before = sent(view, each)
    form = ActionForm(
        "SusarSubmitted", offer_to(asking, subject),
        request.POST if request.method == "POST" else None, seen=last_seen(asking, subject),
        initial={"occurred": ask.today(site), "kind": "follow_up" if before else "initial"},
        fixed={"adverse_event": name},
    )  # fmt: skip
    as_radios(form, "kind")
    return answered(
        request, "harm/expedited.html", form, subject=subject, site=site,
        then=reverse("adverse_event", args=[subject, name]), each=each, sent=before,
    )  # fmt: skip
