"""Actions that concern any stage: the correction of an item, and what every action carries."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from equipoise.record.event import Body, MissingReason


class Change(Body):
    """Another value of an item as canonical JSON, or none for a reason."""

    item: str = Field(min_length=1, max_length=300)
    new: str | None = None
    new_missing: MissingReason | None = None


class Correct(Change):
    """Action: the item `item` of the event `target` has another value, or none for a reason.

    `new` is canonical JSON. The old value is read from the record, never given. `also`: other items
    of the event that change with it; what the event says is judged once all have changed, and each
    is a correction of its own in the record.
    """

    target: int = Field(ge=1)
    also: tuple[Change, ...] = Field(default=(), max_length=100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What somebody asks to be recorded: who, about whom, what, why, and what they had seen.

    `name` is a key of the catalogue's ACTIONS and `body` its plain content. `seen` is the last
    seq of the subject, or of the form instance, that the author had before their eyes (0: none).
    `key` makes a repeated request harmless. `recorded` is given by a rehearsal's clock only.
    """

    name: str
    body: Mapping[str, Any]
    actor: str
    role: str
    organisation: str
    key: str
    seen: int = 0
    subject: str | None = None
    site: str | None = None
    occurred: str | None = None
    reason: str | None = None
    recorded: datetime.datetime | None = None
