"""Declared data cuts, as pages list them and offer them."""

from __future__ import annotations

import datetime
import json
from dataclasses import dataclass

from equipoise.record.event import Event
from equipoise.web.asking import Asking
from equipoise.workflow.leaving import position


@dataclass(frozen=True, slots=True)
class CutOff:
    """A data cut: its name, the day (what had happened), the position (what was known) with its
    hash, and the entry that declared it."""

    name: str
    cut: datetime.date
    as_of: int
    hash: str
    event: Event


def cut_offs(asking: Asking) -> list[CutOff]:
    """The cuts that were declared, the latest first."""
    log, found = asking.trial.log, []
    for event in reversed(log.read(types={"CutOffDeclared"})):
        body = json.loads(event.body)
        found.append(
            CutOff(
                body["cut_off"], datetime.date.fromisoformat(body["cut"]), body["as_of"],
                position(log, body["as_of"]).hash, event,
            )
        )  # fmt: skip
    return found


def cut_off(asking: Asking, name: str) -> CutOff | None:
    """The cut of this name."""
    return next((each for each in cut_offs(asking) if each.name == name), None)
