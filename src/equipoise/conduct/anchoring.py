"""The head of the chain of logins, written into the trial's record.

Logins, failed ones above all, are kept in a chain of their own, so that an attack on passwords can
neither grow nor lock the trial's record. What ties that chain to the record is its head at the end
of each day: from then on it cannot be computed anew unseen (REQUIREMENTS AT5, VA3).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from equipoise.conduct.conductor import Conductor
from equipoise.oversight.events import LoginsAnchored
from equipoise.record.event import Draft, Event
from equipoise.record.log import Head

BY = "equipoise"
"""Whoever nobody asked: the software itself."""


def anchor_logins(conductor: Conductor, head: Head) -> Event | None:
    """Record a head of the chain of logins; None when that head was recorded before.

    It concerns no subject and no day: its time is that of its recording.
    """
    key, state = f"logins-{head.seq}", conductor.state
    body = LoginsAnchored(login_seq=head.seq, login_hash=head.hash)
    draft = Draft(
        type=body.TYPE,
        type_version=body.VERSION,
        body=body.model_dump(mode="json"),
        actor=BY,
        role="system",
        organisation=BY,
        study_version=next(reversed(state.versions), "none"),
        idempotency_key=key,
    )
    recorded = conductor.clock() if state.rehearsal else None
    with conductor.log.transaction() as transaction:
        if transaction.by_key(key):
            return None
        (event,) = transaction.append([draft], recorded=recorded)
    return event


class AnchoredLogins(NamedTuple):
    """A head of the chain of logins that stands in the trial's record, whose chain protects it."""

    trial: str
    seq: int
    hash: str
    recorded: str
    public_key: str = ""


def anchored_logins(events: Iterable[Event], trial: str) -> list[AnchoredLogins]:
    """The heads of the chain of logins that `LoginsAnchored` events hold, each with the time of its
    recording; `trial` is what that chain says it belongs to."""
    bodies = ((event, json.loads(event.body)) for event in events)
    return [
        AnchoredLogins(trial, body["login_seq"], body["login_hash"], event.recorded)
        for event, body in bodies
    ]
