"""What oversight shows beside an entry and of a subject: verification, locks, signatures, queries.

What each of them is was decided by the rules of oversight; here it is only put beside its item.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from equipoise.conduct.state import Lock
from equipoise.oversight.signature import ENTRY, Signature
from equipoise.oversight.verification import EntryVerification, Share, share
from equipoise.record.event import Event
from equipoise.study.case_book import has_source
from equipoise.visits.events import FormSaved
from equipoise.web.asking import Asking
from equipoise.web.doing import may_do
from equipoise.web.forms.action import new_key
from equipoise.web.overview import overview
from equipoise.web.query_view import path_of
from equipoise.web.trial import Trial


@dataclass(slots=True)
class AtItem:
    """What stands beside one item: state and time of its verification, and its hash now."""

    state: str | None = None
    by: Event | None = None
    digest: str = ""
    queries: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class BesideEntry:
    """What oversight says of one entry."""

    entry: EntryVerification | None
    items: dict[str, AtItem]
    digest: str
    signatures: tuple[Signature, ...]
    locks: list[Lock]
    may_verify: bool
    may_lock: bool
    may_sign: bool
    may_ask: bool
    queries: list[Any]
    form: str | None
    instance: str | None
    key: str

    @property
    def column(self) -> bool:
        """Whether there is anything to say beside each item."""
        asked = any(each.queries for each in self.items.values())
        return self.entry is not None or self.may_ask or asked


def beside(asking: Asking, subject: str, event: Event) -> BesideEntry:
    """Verification, signatures and locks of one entry of a subject."""
    ask = asking.trial.ask
    events = {each.seq: each for each in ask.events(subject)}
    entry = next((e for e in ask.source_verification(subject) if e.seq == event.seq), None)
    may_verify = entry is not None and may_do(asking, "SourceVerified")
    items = {
        each.item: AtItem(
            each.state,
            events.get(each.by or 0),
            ask.verified_content(subject, event.seq, each.item)
            if may_verify and each.state != "verified"
            else "",
        )
        for each in (entry.items if entry else ())
    }
    body = json.loads(event.body) if event.type == FormSaved.TYPE else {}
    form, instance = body.get("form"), body.get("instance")
    entire: list[Any] = []
    for each in overview(asking.trial).one(subject).asked:
        of_form = each["target"] is None and (each["form"], each["instance"]) == (form, instance)
        if each["target"] != event.seq and not (form and of_form):
            continue
        path = path_of(event, each["item"])
        (entire if path is None else items.setdefault(path, AtItem()).queries).append(each)
    signed = tuple(e for e in ask.signatures(subject) if e.scope == f"{ENTRY}{event.seq}")
    return BesideEntry(
        entry=entry, items=items, form=form, instance=instance, key=new_key(),
        digest=ask.verified_content(subject, event.seq, None) if may_verify else "",
        signatures=signed, locks=ask.locks(subject, form, instance), may_verify=may_verify,
        may_lock=may_do(asking, "Locked"), may_ask=may_do(asking, "QueryRaised"),
        may_sign=asking.role == "investigator" and has_source(event), queries=entire,
    )  # fmt: skip


@dataclass(slots=True)
class Shares:
    """How much of each subject's entries is verified, kept until the subject moves."""

    trial: Trial
    kept: dict[str, tuple[int, Share]] = field(default_factory=dict)

    def of(self, subject: str, last_seq: int) -> Share:
        """The share of a subject whose last event is `last_seq`."""
        found = self.kept.get(subject)
        if found is None or found[0] != last_seq:
            verified = self.trial.ask.source_verification(subject)
            found = self.kept[subject] = last_seq, share(verified)
        return found[1]


_shares: list[Shares] = []


def shares(trial: Trial) -> Shares:
    """The shares of this process's trial."""
    if not _shares or _shares[0].trial is not trial:
        _shares[:] = [Shares(trial)]
    return _shares[0]


def total(found: Iterable[Share]) -> Share:
    """The sum of shares."""
    result = Share()
    for each in found:
        result = result + each
    return result
