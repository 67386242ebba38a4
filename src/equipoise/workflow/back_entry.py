"""What was entered after an outage of what happened during it, each with the reason given (VA4)."""

from __future__ import annotations

from dataclasses import dataclass

from equipoise.conduct.state import TrialState
from equipoise.oversight.events import OutageDeclared
from equipoise.record.log import Log
from equipoise.study.catalogue import ASKED_FOR
from equipoise.study.load import parse_study


@dataclass(frozen=True, slots=True)
class BackEntry:
    """An event of a day of an outage that was entered once the outage was declared.

    `outage` is the seq of the declaration.
    """

    outage: int
    seq: int
    type: str
    subject: str
    site: str | None
    occurred: str
    recorded: str
    actor: str
    reason: str | None


def back_entries(log: Log) -> list[BackEntry]:
    """Every back-entry of the record, by outage and in record order.

    An event that lies within two outages stands under both. Events without a subject, and those
    that were entered before the outage was declared, are none.
    """
    state = TrialState(parse_study)
    state.fold(log.read(types={OutageDeclared.TYPE}))
    outages = state.outages
    first = min((outage.seq for outage in outages), default=None)
    later = [] if first is None else log.read(after=first)
    return [
        BackEntry(
            outage=outage.seq,
            seq=event.seq,
            type=event.type,
            subject=event.subject,
            site=event.site,
            occurred=event.occurred,
            recorded=event.recorded,
            actor=event.actor,
            reason=event.reason,
        )
        for outage in outages
        for event in later
        if event.seq > outage.seq
        and event.subject is not None
        and event.occurred is not None
        and event.type not in ASKED_FOR
        and outage.covers(event.site, event.occurred)
    ]
