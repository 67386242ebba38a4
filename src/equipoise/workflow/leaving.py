"""What leaves the record: recorded with its hash before anybody gets it, and anchored.

Each archive carries the signed head of the position it was read at, so that every copy outside is
a witness of the record (VA3), and the event `Exported` says who took what (AT5).
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any

from equipoise.conduct.conductor import Conductor
from equipoise.errors import BadInput
from equipoise.exchange.archive import File, archive
from equipoise.record.anchors import Anchor, anchor_lines
from equipoise.record.event import Event
from equipoise.record.log import Head, Log
from equipoise.study.access import nothing_blinded
from equipoise.study.actions import Action
from equipoise.workflow.anchor import signed_head

ANCHOR = "anchor.jsonl"


def exported(
    conductor: Conductor, action: Action, *, content: str, files: Mapping[str, File], as_of: int,
    facts: Mapping[str, Any],
) -> bytes:  # fmt: skip
    """An archive of `files`, read at position `as_of`; recorded as `Exported` first.

    `action` is Exported as somebody asks for it, without its body; `facts` stand in the manifest.
    The bytes are those of every other export of the same files at this position. Whoever is blinded
    gets no hash of a head: with two of them, and all else that was recorded between, they could try
    which arm fits. Raises what
    `conduct` raises, and BadInput for a position that the record does not have.
    """
    told = nothing_blinded(action.role)
    made = _archive(conductor, content, files, as_of, facts, witnessed=told)
    rows = sum(each.rows for each in files.values())
    taken(conductor, action, File(made, rows), content=content, as_of=as_of)
    return made


def taken(conductor: Conductor, action: Action, file: File, *, content: str, as_of: int) -> None:
    """Record as `Exported` that somebody takes a file, read at position `as_of`; every export is
    said so, and before anybody gets it. `action` is Exported without its body."""
    body = {
        "content": content,
        "rows": file.rows,
        "content_sha256": hashlib.sha256(file.data).hexdigest(),
        "as_of": as_of,
    }
    conductor.act(dataclasses.replace(action, body=body))


def certified_copy(
    conductor: Conductor, action: Action, *, content: str, files: Mapping[str, File], as_of: int,
    facts: Mapping[str, Any],
) -> bytes:  # fmt: skip
    """The archive of a hospital's own record, as `exported` makes it; recorded as
    `CertifiedCopyMade`, for which a hospital needs nobody else (CO2)."""
    made = _archive(conductor, content, files, as_of, facts)
    body = {"content_sha256": hashlib.sha256(made).hexdigest(), "as_of": as_of}
    conductor.act(dataclasses.replace(action, body=body))
    return made


def witness(conductor: Conductor, at: Event, purpose: str) -> Anchor:
    """The signed head of a position of the record."""
    head = Head(at.seq, at.hash, at.recorded)
    return signed_head(head, conductor.keys, trial=at.trial, purpose=purpose)


def _archive(
    conductor: Conductor, content: str, files: Mapping[str, File], as_of: int,
    facts: Mapping[str, Any], *, witnessed: bool = True,
) -> bytes:  # fmt: skip
    event = position(conductor.log, as_of)
    manifest = {
        "trial": event.trial,
        "content": content,
        "synthetic": conductor.state.rehearsal,
        "as_of": as_of,
        "zone": "UTC",
        **facts,
    }
    if not witnessed:
        return archive(files, manifest)
    anchor = witness(conductor, event, content)
    manifest |= {"head": event.hash, "head_recorded": event.recorded}
    return archive({**files, ANCHOR: File(anchor_lines([anchor]), 1)}, manifest)


def position(log: Log, as_of: int) -> Event:
    """The event at a position of the record; BadInput where there is none."""
    found = log.read(after=as_of - 1, upto=as_of) if as_of > 0 else []
    if not found:
        raise BadInput(f"an entry from 1 to {log.head().seq}", field="as_of", found=as_of)
    return found[0]
