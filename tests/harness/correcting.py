"""Corrections appended to the record of a rehearsal, as the person who entered the value."""

from __future__ import annotations

import contextlib

from equipoise.record.correction import correction
from equipoise.record.event import Draft
from equipoise.record.sqlite import SqliteLog
from equipoise.study.catalogue import CATALOGUE


def correct(record: str, target: int, value: str, item: str = "targets/T1/diameter") -> int:
    """Record that an item of the event `target` was another; the seq of the correction."""
    with contextlib.closing(SqliteLog(record)) as log:
        events = log.read()
        body = correction(events, target, item, CATALOGUE, value=value)
        event = next(each for each in events if each.seq == target)
        draft = Draft(
            type="Corrected",
            type_version=1,
            body=body.model_dump(mode="json"),
            actor=event.actor,
            role=event.role,
            organisation=event.organisation,
            study_version=event.study_version,
            subject=event.subject,
            site=event.site,
            reason="read again",
        )
        log.append_many([draft])
        return log.head().seq
