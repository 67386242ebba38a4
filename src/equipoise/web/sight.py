"""What a person sees of an event: items by blinding class, sealed text opened, the rest hidden.

The one place where an event becomes something to look at. Pages, the audit trail, histories and
exports of the application go through it. Whose identity it is nobody reads here: it is revealed by
an act of its own, which the record keeps.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from equipoise.conduct.inquiry import Inquiry
from equipoise.record.event import Event
from equipoise.record.keys import KeyStore
from equipoise.record.sealing import Erased, key_of
from equipoise.study.access import blinding_class, may_see, may_see_refusal, may_see_type
from equipoise.web.asking import Asking
from equipoise.web.readers import AT_SITE, READINGS, courses_of, read_up_to

HIDDEN = "hidden"
ERASED = "erased"
_VALUES = ("old", "new", "old_missing", "new_missing", "rule", "finding")
_SPEAK_OF_OTHERS = frozenset(
    {"Corrected", "Redacted", "QueryRaised", "QueryAnswered", "QueryClosed", "QueryReopened"}
)


@dataclass(frozen=True, slots=True)
class Item:
    """One item as somebody sees it: its value, or why it is not to be seen; rows where nested."""

    name: str
    value: Any = None
    state: str | None = None
    rows: tuple[tuple[Item, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """An event as somebody sees it: the envelope, its items, and why it was recorded.

    The reason of the envelope is never shown as it stands: it is free text, and may name what is
    hidden of the event.
    """

    event: Event
    items: tuple[Item, ...]
    reason: Item

    def item(self, name: str) -> Item | None:
        """An item by its name."""
        return next((each for each in self.items if each.name == name), None)


@dataclass(frozen=True, slots=True)
class Sight:
    """What one position sees, of a trial whose keys open its sealed texts.

    `events`: those that others speak of (corrections, redactions, queries), by seq; `queries`: what
    each query is about, the seq of an event or a form that is still empty. `courses`, `read`: kept
    of a subject: which evaluators are the reader's, up to which day a hospital has read.
    """

    role: str
    person: str
    disclosed: bool
    unblinded: bool
    trial: str
    keys: KeyStore
    ask: Inquiry
    events: Mapping[int, Event] = field(default_factory=dict)
    queries: Mapping[str, tuple[int | None, str | None]] = field(default_factory=dict)
    courses: dict[str, frozenset[str]] = field(default_factory=dict)
    read: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, asking: Asking, events: Sequence[Event] = ()) -> Sight:
        """The sight of the person who asks, of `events`."""
        found = asking.trial
        return cls(
            asking.role, asking.person, asking.disclosed, asking.unblinded, found.log.trial,
            found.keys, found.ask, {event.seq: event for event in events},
            _about_queries(events),
        )  # fmt: skip

    def lists(self, event: Event) -> bool:
        """Whether the person is told that the event was recorded at all.

        A central reader sees the course that they read alone: neither a hospital's nor another
        reader's, and nothing that speaks of one. A hospital sees a central reader's once its own
        reading is saved.
        """
        if not self._told_of(event.type):
            return False
        if event.type in READINGS and not self._told_of_reading(event):
            return False
        return event.type not in _SPEAK_OF_OTHERS or self._lists_what_it_is_about(event)

    def _told_of_reading(self, event: Event) -> bool:
        subject = event.subject or ""
        if self.role == "reader" and event.actor != self.person:
            if subject not in self.courses:
                self.courses[subject] = courses_of(self.ask, subject, self.person)
            return json.loads(event.body)["evaluator"] in self.courses[subject]
        if self.role in AT_SITE and event.role == "reader":
            if subject not in self.read:
                self.read[subject] = read_up_to(self.ask, subject)
            return (event.occurred or "") <= self.read[subject]
        return True

    def listed(self, events: Iterable[Event]) -> list[Event]:
        """Those of `events` that the person is told of, in their order."""
        return [event for event in events if self.lists(event)]

    def _told_of(self, event_type: str) -> bool:
        return may_see_type(
            self.role, event_type, disclosed=self.disclosed, unblinded=self.unblinded
        )

    def _lists_what_it_is_about(self, event: Event) -> bool:
        """Whether what an event speaks of is listed; where that cannot be told, as a dose."""
        body = json.loads(event.body)
        target: int | None = body.get("target")
        if event.type.startswith("Query"):
            target, form = self.queries.get(str(body["query"]), (0, None))
            if target is None:
                return self._told_of("FormSaved" if form else "SubjectScreened")
        about = self.events.get(target or 0)
        return self._told_of("DoseGiven") if about is None else self.lists(about)

    def sees(self, event_type: str, item: str) -> bool:
        """Whether an item of an event type may be seen. A direct identifier is not: it is sealed
        apart from what the pages open, and a reveal of it is an act of its own (GD1)."""
        if blinding_class(event_type, item) == "identity":
            return False
        return may_see(
            self.role, event_type, item, disclosed=self.disclosed, unblinded=self.unblinded
        )

    def shown(self, event: Event) -> Shown:
        """The event, each item in its own state: readable, hidden, or erased."""
        body = json.loads(event.body)
        hidden = self._hides_values(event, body)
        return Shown(
            event,
            tuple(
                Item(name, state=HIDDEN)
                if not self.sees(event.type, name) or (hidden and name in _VALUES)
                else self._item(event, name, value)
                for name, value in body.items()
            ),
            self.reason(event),
        )

    def reason(self, event: Event) -> Item:
        """Why an event was recorded: told to its author, and to whom nothing of it is blinded."""
        body = json.loads(event.body)
        if event.reason is None or event.actor == self.person:
            return Item("reason", event.reason)
        blinded = any(
            blinding_class(event.type, name) not in ("identity", "sealed")
            and not self.sees(event.type, name)
            for name in body
        )
        hidden = blinded or self._hides_values(event, body)
        return Item("reason", state=HIDDEN) if hidden else Item("reason", event.reason)

    def _hides_values(self, event: Event, body: Mapping[str, Any]) -> bool:
        """Whether an event speaks of something else that the person may not see."""
        if event.type == "ActionRefused":
            own = event.actor == self.person
            return not may_see_refusal(self.role, str(body["action"]), own=own)
        if event.type not in ("Corrected", "Redacted"):
            return False
        about = self.events.get(body.get("target", 0))
        item = str(body.get("item", "")).split("/")[0]
        return not self.lists(event) or not self.sees(about.type if about else "Randomised", item)

    def opened(self, event: Event, path: str, value: Any) -> Item:
        """One value of an item by its path, as somebody sees it who may see the item."""
        return self._opened(event, path.removesuffix("/value").split("/")[-1], value)

    def _item(self, event: Event, name: str, value: Any) -> Item:
        if isinstance(value, list) and value and isinstance(value[0], dict):
            rows = tuple(
                tuple(self._item(event, str(row.get("item", key)) if key == "value" else key, v)
                      for key, v in row.items())
                for row in value
            )  # fmt: skip
            return Item(name, rows=rows)
        if event.type == "Corrected" and name in ("old", "new") and isinstance(value, str):
            value = json.loads(value)
            name_of = json.loads(event.body)["item"].removesuffix("/value").split("/")[-1]
            found = self._opened(event, name_of, value)
            return Item(name, found.value, found.state)
        return self._opened(event, name, value)

    def _opened(self, event: Event, name: str, value: Any) -> Item:
        if event.type == "IdentityRecorded" and name == "sealed":
            return Item(name, state=HIDDEN)
        if not isinstance(value, str) or key_of(value) is None:
            return Item(name, value)
        opened = self.keys.unseal(value, f"{self.trial}/{event.subject or ''}/{name}")
        return Item(name, state=ERASED) if isinstance(opened, Erased) else Item(name, opened)


def _about_queries(events: Iterable[Event]) -> dict[str, tuple[int | None, str | None]]:
    """What each query is about: the seq of an event, or the form that is still empty."""
    raised = (json.loads(event.body) for event in events if event.type == "QueryRaised")
    return {str(body["query"]): (body.get("target"), body.get("form")) for body in raised}
