"""What a query is about, as the person who looks sees it; its questions and answers in order."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from equipoise.record.correction import OCCURRED
from equipoise.record.event import Event
from equipoise.study.definition import Study
from equipoise.visits.events import FormSaved
from equipoise.visits.plan import Form
from equipoise.web.asking import Asking
from equipoise.web.sight import Item, Shown, Sight
from equipoise.web.wording import wording

SPOKEN = ("QueryRaised", "QueryAnswered", "QueryClosed", "QueryReopened")


@dataclass(frozen=True, slots=True)
class About:
    """What a query is about: an entry or a form that is still empty, an item of it, its value."""

    name: str
    seq: int | None = None
    day: str | None = None
    item: str = ""
    value: Item | None = None


def path_of(event: Event | None, item: str | None) -> str | None:
    """The path of an item in its entry; one of a form may be told by its name alone.

    >>> path_of(None, "weight")
    'items/weight/value'
    """
    if item is None or item == OCCURRED or "/" in item:
        return item
    return f"items/{item}/value" if event is None or event.type == FormSaved.TYPE else item


def about(
    asking: Asking, subject: str, target: int | None, form: str | None, item: str | None,
    instance: str | None = None,
) -> About | None:  # fmt: skip
    """What is asked about; None for what the person does not see, or what is not there."""
    ask, words = asking.trial.ask, wording(asking.language)
    events = ask.events(subject)
    sight = Sight.of(asking, events)
    plans = {each.code: each for each in ask.study(ask.site(subject)).visits.forms}
    event = _entry(events, target, form, instance)
    path = path_of(event, item)
    if event is None:
        if target is not None or form not in plans or not sight.sees(FormSaved.TYPE, "items"):
            return None
        return About(words.label(plans[form].label), item=_label(asking, path, None, plans[form]))
    if not sight.lists(event):
        return None
    standing = ask.standing(subject, event.seq)
    shown = sight.shown(event._replace(body=json.dumps(standing.body)))
    plan = plans.get(str(standing.body["form"])) if event.type == FormSaved.TYPE else None
    name = words.label(plan.label) if plan else words[f"event.{event.type}"]
    value = Item(OCCURRED, standing.occurred) if path == OCCURRED else value_at(shown, path)
    if item is not None and value is None:
        return None
    return About(name, event.seq, standing.occurred, _label(asking, path, event, plan), value)


def item_label(asking: Asking, subject: str, target: int, item: str) -> str:
    """What an item of an entry is called, by its path; the path where the entry is not there."""
    events = {event.seq: event for event in asking.trial.ask.events(subject)}
    event = events.get(target)
    return label_of(asking, asking.trial.ask.study(event.site), item, event) if event else item


def label_of(asking: Asking, study: Study, path: str, event: Event) -> str:
    """What an item of an entry is called, by its path."""
    plan = None
    if event.type == FormSaved.TYPE:
        forms = {each.code: each for each in study.visits.forms}
        plan = forms.get(json.loads(event.body)["form"])
    return _label(asking, path, event, plan)


def _entry(
    events: Sequence[Event], target: int | None, form: str | None, instance: str | None
) -> Event | None:
    for event in events:
        if event.seq == target:
            return event
        if target is None and instance is not None and event.type == FormSaved.TYPE:
            body = json.loads(event.body)
            if (body["form"], body["instance"]) == (form, instance):
                return event
    return None


def value_at(shown: Shown, path: str | None) -> Item | None:
    """The item at a path, the value of a row by its identifier or its number."""
    if path is None:
        return None
    name, *rest = path.split("/")
    item = shown.item(name)
    if item is None or not rest:
        return item
    for number, row in enumerate(item.rows):
        if rest[0] in (str(row[0].value), str(number)):
            named = (rest[0], "value") if rest[-1] == "value" else (rest[-1],)
            return next((each for each in row[1:] if each.name in named), None)
    return None


def _label(asking: Asking, path: str | None, event: Event | None, plan: Form | None) -> str:
    words = wording(asking.language)
    if path is None:
        return ""
    parts = path.split("/")
    if plan is not None and len(parts) == 3:
        known = {each.code: each.label for each in plan.items}
        return words.label(known[parts[1]]) if parts[1] in known else parts[1]
    said = words.of(f"field.{event.type if event else ''}.{parts[-1]}", f"field.{parts[-1]}")
    return " · ".join([*parts[1:-1], said])


def spoken(asking: Asking, subject: str, query: str) -> list[tuple[Shown, Item | None]]:
    """What was said of a query, oldest first: the entry, and the text in it."""
    events = asking.trial.ask.events(subject)
    sight = Sight.of(asking, events)
    found = []
    for event in events:
        if event.type in SPOKEN and json.loads(event.body)["query"] == query and sight.lists(event):
            shown = sight.shown(event)
            texts = (shown.item(name) for name in ("question", "answer", "finding"))
            found.append((shown, next((each for each in texts if each is not None), None)))
    return found


def row_of(asking: Asking, subject: str, query: str) -> dict[str, Any] | None:
    """The row of the table `query`."""
    rows = asking.trial.ask.derived(subject, "query").filter(query=query)
    return None if rows.is_empty() else rows.row(0, named=True)
