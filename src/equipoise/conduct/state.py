"""What the trial-level events say now: mode, versions, sites, grants, locks, schemes, counts.

A fold over a few event types, kept up to date by reading only what is new. It holds no decision.
"""

from __future__ import annotations

import datetime
import json
import zoneinfo
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from equipoise.randomisation.rules import Allocated
from equipoise.record.event import Event
from equipoise.study.access import Grant
from equipoise.study.definition import Study

STATE_TYPES: frozenset[str] = frozenset(
    {
        "TrialOpened", "StudyVersionAdopted", "SiteOpened", "StudyVersionActivated", "SiteClosed",
        "GrantGiven", "GrantRevoked", "Locked", "Unlocked", "SchemeActivated", "Randomised",
        "PersonUnblinded", "CodeBroken", "Signed", "ReferenceRangesDeclared", "SubjectScreened",
        "ScreeningFailed", "RedeterminationFrozen", "OutageDeclared", "LotReceived",
        "CutOffDeclared",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock in force: its scope and what it closes, who set it and when (UTC)."""

    seq: int
    scope: str
    site: str | None
    subject: str | None
    form: str | None
    instance: str | None
    person: str
    recorded: str

    def closes(
        self, site: str | None, subject: str | None, form: str | None, instance: str | None
    ) -> bool:
        """Whether it closes a form instance, or what belongs to a subject or a site."""
        match self.scope:
            case "trial":
                return True
            case "site":
                return self.site == site
            case "subject":
                return subject is not None and self.subject == subject
        return (self.subject, self.form, self.instance) == (subject, form, instance)


@dataclass(frozen=True, slots=True)
class Approval:
    """A statistician's signature: its event, who signed."""

    seq: int
    person: str


@dataclass(frozen=True, slots=True)
class Outage:
    """Days on which nobody could enter anything at a site, or (None) anywhere."""

    seq: int
    site: str | None
    first_day: datetime.date
    last_day: datetime.date

    def covers(self, site: str | None, occurred: str) -> bool:
        """Whether a day, perhaps partial, can be one of them at a site."""
        length = len(occurred)
        within = (
            self.first_day.isoformat()[:length] <= occurred <= self.last_day.isoformat()[:length]
        )
        return within and self.site in (None, site)


@dataclass(slots=True)
class Screened:
    """A subject number: its site, when screening failed, the number it was followed by."""

    site: str
    failed: datetime.date | None = None
    again: str | None = None


@dataclass(slots=True)
class TrialState:
    """The trial as its trial-level events have left it, up to `seq`."""

    read_study: Callable[[str], Study]
    seq: int = 0
    mode: str | None = None
    study: str | None = None
    dummy: tuple[int, int] = (0, 0)
    versions: dict[str, Study] = field(default_factory=dict)
    sites: dict[str, int] = field(default_factory=dict)
    closed: dict[str, int] = field(default_factory=dict)
    activations: dict[str, list[tuple[datetime.date, str]]] = field(default_factory=dict)
    grants: dict[int, Grant] = field(default_factory=dict)
    locks: dict[int, Lock] = field(default_factory=dict)
    schemes: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    allocations: dict[tuple[str, str], int] = field(default_factory=dict)
    in_stratum: dict[tuple[str, str, str], list[Allocated]] = field(default_factory=dict)
    approvals: dict[str, list[Approval]] = field(default_factory=dict)
    unblinded: set[str] = field(default_factory=set)
    held: dict[str, set[str]] = field(default_factory=dict)
    ranges: dict[str | None, list[Event]] = field(default_factory=dict)
    lots: dict[tuple[str | None, str, str], dict[str, dict[str, Any]]] = field(default_factory=dict)
    screened: dict[str, Screened] = field(default_factory=dict)
    frozen: Event | None = None
    outages: list[Outage] = field(default_factory=list)
    cut_offs: dict[str, tuple[str, int]] = field(default_factory=dict)

    @property
    def rehearsal(self) -> bool:
        """Whether the record is a rehearsal, as its first event says."""
        return self.mode == "rehearsal"

    def version_in_force(self, site: str | None, on: datetime.date) -> str | None:
        """The study version activated last at the site on or before the day, if any."""
        found = [each for each in self.activations.get(site or "", ()) if each[0] <= on]
        return found[-1][1] if found else None

    def today(self, site: str | None, now: datetime.datetime) -> datetime.date:
        """The day at the site, in the version adopted last that has it; without a site the last day
        that has begun at one of them or in UTC."""
        zones = self._zones()
        asked = {zones[site]} if site in zones else {*zones.values(), "UTC"}
        return max(now.astimezone(zoneinfo.ZoneInfo(name)).date() for name in asked)

    def hour(self, site: str | None, now: datetime.datetime) -> str | None:
        """The time of the day at the site as HH:MM, None without a site."""
        zone = self._zones().get(site or "")
        return None if zone is None else f"{now.astimezone(zoneinfo.ZoneInfo(zone)):%H:%M}"

    def _zones(self) -> dict[str, str]:
        return {each.code: each.time_zone for v in self.versions.values() for each in v.sites}

    def fold(self, events: Iterable[Event]) -> None:
        """Take in `events`, in order of seq; those of other types only move `seq`."""
        for event in events:
            if event.type in STATE_TYPES:
                getattr(self, f"_{event.type}")(event, json.loads(event.body))
            self.seq = max(self.seq, event.seq)

    def _TrialOpened(self, event: Event, body: dict[str, Any]) -> None:
        self.mode, self.study = body["mode"], body["study"]
        self.dummy = body["scenario_seed"] or 0, body["scenario_replicate"] or 0

    def _StudyVersionAdopted(self, event: Event, body: dict[str, Any]) -> None:
        self.versions[body["version"]] = self.read_study(body["study"])

    def _SiteOpened(self, event: Event, body: dict[str, Any]) -> None:
        self.sites[event.site or ""] = event.seq
        self.closed.pop(event.site or "", None)

    def _SiteClosed(self, event: Event, body: dict[str, Any]) -> None:
        self.closed[event.site or ""] = event.seq

    def _StudyVersionActivated(self, event: Event, body: dict[str, Any]) -> None:
        listed = self.activations.setdefault(event.site or "", [])
        listed.append((_day(event), body["version"]))
        listed.sort(key=lambda each: each[0])

    def _GrantGiven(self, event: Event, body: dict[str, Any]) -> None:
        until = body.get("until")
        self.held.setdefault(body["person"], set()).add(body["granted_role"])
        self.grants[event.seq] = Grant(
            seq=event.seq,
            person=body["person"],
            role=body["granted_role"],
            site=body.get("granted_site"),
            since=_day(event),
            until=datetime.date.fromisoformat(until) if until else None,
        )

    def _GrantRevoked(self, event: Event, body: dict[str, Any]) -> None:
        self.grants.pop(body["grant"], None)

    def _Locked(self, event: Event, body: dict[str, Any]) -> None:
        self.locks[event.seq] = Lock(
            event.seq, body["scope"], event.site, event.subject, body["form"], body["instance"],
            event.actor, event.recorded,
        )  # fmt: skip

    def _Unlocked(self, event: Event, body: dict[str, Any]) -> None:
        self.locks.pop(body["lock"], None)

    def _SchemeActivated(self, event: Event, body: dict[str, Any]) -> None:
        self.schemes[body["scheme"], body["scheme_version"]] = body

    def _Randomised(self, event: Event, body: dict[str, Any]) -> None:
        scheme = body["scheme"], body["scheme_version"]
        self.allocations[scheme] = self.allocations.get(scheme, 0) + 1
        factors = {each["factor"]: each["level"] for each in body["factors"]}
        listed = self.in_stratum.setdefault((*scheme, body["stratum"]), [])
        listed.append(Allocated(body["arm"], factors))

    def _Signed(self, event: Event, body: dict[str, Any]) -> None:
        if body["meaning"] == "approval" and event.role == "statistician":
            signed = self.approvals.setdefault(body["content_sha256"], [])
            signed.append(Approval(event.seq, event.actor))

    def _ReferenceRangesDeclared(self, event: Event, body: dict[str, Any]) -> None:
        self.ranges.setdefault(event.site, []).append(event)

    def _LotReceived(self, event: Event, body: dict[str, Any]) -> None:
        lot = self.lots.setdefault((event.site, body["drug"], body["lot"]), {})
        lot[body["receipt"]] = body

    def _SubjectScreened(self, event: Event, body: dict[str, Any]) -> None:
        number = event.subject or ""
        self.screened[number] = Screened(event.site or "")
        former = self.screened.get(body["rescreening_of"] or "")
        if former is not None:
            former.again = number

    def _ScreeningFailed(self, event: Event, body: dict[str, Any]) -> None:
        self.screened[event.subject or ""].failed = _day(event)

    def _RedeterminationFrozen(self, event: Event, body: dict[str, Any]) -> None:
        self.frozen = event

    def _OutageDeclared(self, event: Event, body: dict[str, Any]) -> None:
        days = (datetime.date.fromisoformat(body[name]) for name in ("first_day", "last_day"))
        self.outages.append(Outage(event.seq, event.site, *days))

    def _CutOffDeclared(self, event: Event, body: dict[str, Any]) -> None:
        self.cut_offs[body["cut_off"]] = (body["cut"], body["as_of"])

    def _CodeBroken(self, event: Event, body: dict[str, Any]) -> None:
        self.unblinded.add(body["person"])

    def _PersonUnblinded(self, event: Event, body: dict[str, Any]) -> None:
        self.unblinded.add(body["person"])


def _day(event: Event) -> datetime.date:
    return datetime.date.fromisoformat((event.occurred or event.recorded)[:10])
