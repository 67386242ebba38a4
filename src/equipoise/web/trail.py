"""The audit trail as one position sees it: searched, sorted, written out.

Every page, count and file of the trail goes through `Sight`: what may not be seen is neither shown
nor found by searching for it. The trail is read backwards in parts, so that its latest page costs
the same in a trial of any size.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from equipoise.exchange.spreadsheet import comma_separated
from equipoise.record.event import Event
from equipoise.record.log import Log
from equipoise.web.asking import Asking
from equipoise.web.sight import Item, Shown, Sight

PART = 2_000
"""Events that are read at a time."""

MOST_SORTED = 20_000
"""Entries that are put into another order than their own; the oldest beyond are left out, and the
page says so."""

ORDERS = ("latest", "earliest", "person", "entry", "subject")
COLUMNS = (
    "seq", "recorded_utc", "offset_minutes", "type", "subject", "site", "occurred", "person",
    "role", "organisation", "reason", "study_version", "release", "items", "prev", "hash",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for: a type, a subject, a hospital, a person, days of recording, a text."""

    type: str = ""
    subject: str = ""
    site: str = ""
    person: str = ""
    since: datetime.date | None = None
    until: datetime.date | None = None
    text: str = ""

    def fits(self, event: Event) -> bool:
        """Whether the envelope is what is looked for; of the text nothing is asked here."""
        day = event.recorded[:10]
        return (
            (not self.type or event.type == self.type)
            and (not self.subject or event.subject == self.subject)
            and (not self.site or event.site == self.site)
            and (not self.person or event.actor == self.person)
            and (self.since is None or day >= self.since.isoformat())
            and (self.until is None or day <= self.until.isoformat())
        )

    def said(self, shown: Shown) -> bool:
        """Whether the text stands in what the person sees of the event, letters large or small."""
        if not self.text:
            return True
        event, wanted = shown.event, self.text.casefold()
        told = [event.type, event.actor, event.subject or ""]
        texts = _texts([*shown.items, shown.reason])
        return any(wanted in each.casefold() for each in [*told, *texts])


def _texts(items: Iterable[Item]) -> Iterator[str]:
    for item in items:
        if item.value is not None:
            yield str(item.value)
        for row in item.rows:
            yield from _texts(row)


def found(asking: Asking, search: Search, *, before: int, most: int) -> list[Shown]:
    """The latest entries before a seq that the position sees and that are looked for.

    At most `most` of them, the latest first.
    """
    log, site = asking.trial.log, asking.site
    result: list[Shown] = []
    upto = before - 1
    while upto > 0 and len(result) < most:
        after = max(upto - PART, 0)
        part = [each for each in _read(log, search, site, after, upto) if search.fits(each)]
        if part:
            sight = sight_over(asking, part)
            seen = (sight.shown(each) for each in reversed(part) if sight.lists(each))
            result += [each for each in seen if search.said(each)]
        upto = after
    return result[:most]


def _read(log: Log, search: Search, site: str | None, after: int, upto: int) -> list[Event]:
    return log.read(
        after=after, upto=upto, subject=search.subject or None, site=site or search.site or None,
        types={search.type} if search.type else None,
    )  # fmt: skip


def sight_over(asking: Asking, part: Sequence[Event]) -> Sight:
    """The sight of some entries, with what the corrections and queries among them speak of."""
    log, known = asking.trial.log, {event.seq for event in part}
    raised = [each for each in part if each.type.startswith("Query")]
    others = log.read(types={"QueryRaised"}) if raised else []
    targets = {
        json.loads(each.body).get("target")
        for each in [*part, *others]
        if each.type in ("Corrected", "Redacted", "QueryRaised")
    }
    for seq in sorted(targets - known - {None}):
        others += log.read(after=seq - 1, upto=seq)
    return Sight.of(asking, [*others, *part])


def ordered(entries: list[Shown], order: str) -> list[Shown]:
    """Entries, the latest first, in another order; those that are alike the latest first."""
    if order == "earliest":
        return entries[::-1]
    keys = {
        "person": lambda each: each.event.actor.casefold(),
        "entry": lambda each: each.event.type,
        "subject": lambda each: each.event.subject or "",
    }
    return sorted(entries, key=keys[order]) if order in keys else entries


def as_csv(entries: Iterable[Shown], *, hashes: bool) -> str:
    """Entries as comma-separated text: the envelope, the items as one JSON object.

    `hashes`: whether each entry's own and the one before it are written. A hash covers the whole
    body: with it, whoever knows the rest can try the few arms until it fits.
    """
    return comma_separated(COLUMNS, (_row(each, hashes=hashes) for each in entries))


def _row(shown: Shown, *, hashes: bool) -> list[Any]:
    event = shown.event
    return [
        event.seq, event.recorded, event.offset, event.type, event.subject, event.site,
        event.occurred, event.actor, event.role, event.organisation,
        f"[{shown.reason.state}]" if shown.reason.state else shown.reason.value,
        event.study_version, event.release,
        json.dumps(plain(shown.items), ensure_ascii=False, sort_keys=True),
        *((event.prev, event.hash) if hashes else (None, None)),
    ]  # fmt: skip


def plain(items: Iterable[Item]) -> dict[str, Any]:
    """Items as they are seen, as JSON takes them; what is hidden or erased says so."""
    return {
        item.name: f"[{item.state}]" if item.state
        else [plain(row) for row in item.rows] if item.rows
        else item.value
        for item in items
        if item.state or item.rows or item.value is not None
    }  # fmt: skip
