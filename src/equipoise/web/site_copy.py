"""What a hospital's certified copy holds: its entries as they stand, what they were, who signed.

Made from the hospital's events up to a position of the record, as the role sees them; identities
are left out, for the hospital has its own list of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from equipoise.exchange.archive import File
from equipoise.exchange.spreadsheet import comma_separated
from equipoise.oversight import events as oversight
from equipoise.oversight.signature import Signature, signatures
from equipoise.oversight.verification import items
from equipoise.record.correction import Corrected, Redacted, corrections, standing
from equipoise.record.event import Event
from equipoise.record.plan import Label
from equipoise.study.case_book import of_case_book
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.definition import Study
from equipoise.visits.events import FormSaved
from equipoise.web import trail
from equipoise.web.asking import Asking
from equipoise.web.query_view import label_of, value_at
from equipoise.web.sight import HIDDEN, Item, Sight
from equipoise.web.templatetags.equipoise_web import moment
from equipoise.web.wording import wording

_CHANGES = (Corrected.TYPE, Redacted.TYPE)
_OVERSIGHT = frozenset(each.TYPE for each in oversight.EVENTS) - {"DeviationRecorded"}
_WORDS = (
    "title", "synthetic", "site", "as_of", "head", "anchor", "zone", "subjects", "told",
    "signatures", "when", "who", "meaning", "covers", "state", "entries", "was", "oversight",
    "what", "said",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Copied:
    """What one hospital's copy is made from."""

    asking: Asking
    study: Study
    zone: str
    events: Sequence[Event]
    codes: Mapping[tuple[str, str], Label]

    def subjects(self) -> list[tuple[str, list[Event]]]:
        """The subjects of the hospital, each with their events, oldest first."""
        found: dict[str, list[Event]] = {}
        for event in self.events:
            if event.subject is not None:
                found.setdefault(event.subject, []).append(event)
        return sorted(found.items())


def copied(asking: Asking, site: str, as_of: int) -> Copied:
    """The events of a hospital up to a position of the record."""
    study = asking.trial.ask.study(site)
    zone = asking.trial.ask.zone(site)
    events = asking.trial.log.read(upto=as_of, site=site)
    codes = {
        (item.code, code.code): code.label
        for form in study.visits.forms for item in form.items for code in item.codes
    }  # fmt: skip
    return Copied(asking, study, zone, tuple(events), codes)


def content(copy: Copied, *, site: str, head: Event, anchor: str) -> dict[str, Any]:
    """What the PDF prints."""
    words = wording(copy.asking.language)
    name = next((each.name for each in copy.study.sites if each.code == site), "")
    return {
        "language": copy.asking.language, "trial": head.trial,
        "title": words.label(copy.study.title), "site": site, "name": name,
        "as_of": head.seq, "head": head.hash, "recorded": head.recorded, "anchor": anchor,
        "zone": copy.zone, "synthetic": copy.asking.trial.rehearsal,
        "words": {each: words[f"copy.{each}"] for each in _WORDS},
        "subjects": [_subject(copy, number, events) for number, events in copy.subjects()],
    }  # fmt: skip


def _subject(copy: Copied, number: str, events: list[Event]) -> dict[str, Any]:
    sight = Sight.of(copy.asking, events)
    listed = sight.listed(events)
    return {
        "number": number,
        "signatures": [_signature(copy, sight, each) for each in signatures(events, of_case_book)
                       if sight.lists(each.event)],
        "entries": [
            {**_envelope(copy, sight, event), "items": [
                {"name": name, **_said(copy, now, path), "old": old}
                for path, name, now, old in _items(copy, sight, event, events)
            ]}
            for event in listed if event.type not in _OVERSIGHT and event.type not in _CHANGES
        ],
        "oversight": [
            {**_envelope(copy, sight, event), "said": _text(copy, sight, event)}
            for event in listed if event.type in _OVERSIGHT
        ],
    }  # fmt: skip


def _envelope(copy: Copied, sight: Sight, event: Event) -> dict[str, Any]:
    words = wording(copy.asking.language)
    name = words[f"event.{event.type}"]
    if event.type == FormSaved.TYPE:
        form = json.loads(event.body)["form"]
        labels = {each.code: words.label(each.label) for each in copy.study.visits.forms}
        name = labels.get(form, name)
    return {
        "seq": event.seq, "name": name, "day": event.occurred or "",
        "why": _reason(copy, sight, event),
        "when": moment(event.recorded, copy.zone),
        "who": f"{event.actor} ({words[f'role.{event.role}']})",
    }  # fmt: skip


def _items(
    copy: Copied, sight: Sight, event: Event, events: list[Event]
) -> Iterator[tuple[str, str, Item, list[dict[str, Any]]]]:
    """Path, name, value now and former values of each item that an entry has."""
    changes = corrections(events, CATALOGUE).get(event.seq, ())
    stands = standing(event, changes, CATALOGUE)
    shown = sight.shown(event._replace(body=json.dumps(stands.body)))
    said = list(items(event, stands, CATALOGUE))
    said += [c.item for _, c in changes if c.item not in said]
    for path in dict.fromkeys(said):
        if path == "occurred":
            now: Item | None = Item(path, stands.occurred)
        else:
            now = value_at(shown, path)
            if now is not None and now.value is None and not now.state:
                now = value_at(shown, f"{path}_missing") or now
        old = [_old(copy, sight, by) for by, change in changes if change.item == path]
        name = label_of(copy.asking, copy.study, path, event)
        yield path, name, now or Item(path), old


def _old(copy: Copied, sight: Sight, by: Event) -> dict[str, Any]:
    """What a correction replaced, when, by whom and why."""
    was = sight.shown(by).item("old") or Item("old", state=HIDDEN)
    told = _envelope(copy, sight, by)
    path = str(json.loads(by.body)["item"])
    return {**_said(copy, was, path), **{name: told[name] for name in ("when", "who", "why")}}


def _said(copy: Copied, item: Item, path: str = "") -> dict[str, Any]:
    """A value as it is printed: codes and yes and no in words."""
    words = wording(copy.asking.language)
    if item.state:
        return {"value": "", "state": words[f"item.{item.state}"]}
    value = item.value
    if value is None:
        return {"value": "—", "state": None}
    if isinstance(value, list):
        return {"value": ", ".join(str(each) for each in value), "state": None}
    if isinstance(value, bool) or value in ("true", "false"):
        return {"value": words["yes" if str(value).lower() == "true" else "no"], "state": None}
    parts = path.split("/")
    if len(parts) == 3 and (label := copy.codes.get((parts[1], str(value)))):
        return {"value": words.label(label), "state": None}
    known = [each for each in (f"missing.{value}", f"code.{value}") if each in words]
    return {"value": words[known[0]] if known else str(value), "state": None}


def _signature(copy: Copied, sight: Sight, each: Signature) -> dict[str, Any]:
    words = wording(copy.asking.language)
    told = _envelope(copy, sight, each.event)
    state = words["signature.intact"] if each.intact else words["signature.broken"]
    return {
        "when": told["when"], "who": told["who"],
        "meaning": words.of(f"code.Signed.meaning.{each.meaning}", f"code.{each.meaning}"),
        "covers": f"{each.scope}: {each.covered} ({each.first}–{each.last})", "state": state,
    }  # fmt: skip


def _text(copy: Copied, sight: Sight, event: Event) -> str:
    """The items of an act of oversight in one line."""
    words = wording(copy.asking.language)
    shown = sight.shown(event)
    parts = []
    for item in shown.items:
        if item.value is None and not item.state:
            continue
        if item.name == "content_sha256":
            parts.append(str(item.value)[:16])
            continue
        said = _said(copy, item)
        parts.append(f"{words.of(f'field.{item.name}')}: {said['state'] or said['value']}")
    why = _reason(copy, sight, event)
    return " · ".join([*parts, *([why] if why else [])])


def _reason(copy: Copied, sight: Sight, event: Event) -> str:
    """Why an event was recorded, as far as the role is told."""
    found = sight.reason(event)
    words = wording(copy.asking.language)
    return words[f"item.{found.state}"] if found.state else str(found.value or "")


def files(copy: Copied) -> dict[str, File]:
    """The machine-readable part: every item as it stands, every entry, every signature."""
    values, signed = [], []
    for number, events in copy.subjects():
        sight = Sight.of(copy.asking, events)
        for event in sight.listed(events):
            if event.type in _OVERSIGHT or event.type in _CHANGES:
                continue
            for path, name, now, old in _items(copy, sight, event, events):
                lacks = now.name.endswith("_missing")
                values.append([
                    number, event.seq, event.type, event.occurred, path, name,
                    None if now.state or lacks else now.value, now.value if lacks else None,
                    now.state, len(old),
                ])  # fmt: skip
        for each in signatures(events, of_case_book):
            if sight.lists(each.event):
                signed.append([
                    number, each.event.seq, each.event.recorded, each.event.actor, each.event.role,
                    each.meaning, each.scope, each.content_sha256, each.intact,
                    " ".join(str(seq) for seq in each.later),
                ])  # fmt: skip
    part = trail.sight_over(copy.asking, copy.events)
    entries = [part.shown(event) for event in copy.events if part.lists(event)]
    return {
        "items.csv": _csv(
            ("subject", "entry", "type", "occurred", "path", "name", "value", "missing",
             "state", "changes"),
            values,
        ),
        "entries.csv": File(trail.as_csv(entries, hashes=False), len(entries)),
        "signatures.csv": _csv(
            ("subject", "entry", "recorded_utc", "person", "role", "meaning", "scope",
             "content_sha256", "intact", "changed_by"),
            signed,
        ),
    }  # fmt: skip


def _csv(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> File:
    every = list(rows)
    return File(comma_separated(names, every), len(every))
