"""Verifying records, and what the guards of their events are."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from equipoise.errors import BadInput
from equipoise.record.stores import is_address

if TYPE_CHECKING:
    from equipoise.record.event import Event
    from equipoise.record.log import Head
    from equipoise.record.verify import Finding


def guards_of(event: Event) -> Iterable[str]:
    """The guards that an event takes, from its class."""
    from equipoise.record.event import EventBody
    from equipoise.study.catalogue import CATALOGUE

    cls = CATALOGUE.of(event.type)
    if cls.guards is EventBody.guards:
        return ()
    body = CATALOGUE.upcast(event.type, event.type_version, json.loads(event.body), cls.VERSION)
    return cls.model_validate(body).guards(event.subject)


def verified(
    record: str, *, schema: str = "equipoise", anchors: str | None = None
) -> tuple[Head, list[Finding]]:
    """The head of a record, and what is wrong with it."""
    from equipoise.record.anchors import is_signed, read_anchors

    heads = []
    if anchors is not None:
        try:
            heads = read_anchors(Path(anchors).read_text(encoding="utf-8"), where=anchors)
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput("a readable text file of anchors", where=anchors) from error
    return _examined(record, schema, anchors=heads, is_signed=is_signed, guards_of=guards_of)


class AnchoredLogins(NamedTuple):
    """A head of the chain of logins that stands in the trial's record, whose chain protects it."""

    trial: str
    seq: int
    hash: str
    recorded: str
    public_key: str = ""


def verified_logins(
    record: str, logins: str, *, schema: str = "equipoise", logins_schema: str = "equipoise_logins"
) -> tuple[Head, list[Finding]]:
    """The head of the chain of logins, and what is wrong with it: in itself, and against the heads
    that the record holds of it, of which each says when it was recorded."""
    from equipoise.record.stores import opened

    with closing(opened(record, schema=schema)) as log:
        events = log.read(types={"LoginsAnchored"})
    with closing(opened(logins, schema=logins_schema)) as chain:
        trial = chain.trial
    heads = []
    for event in events:
        body = json.loads(event.body)
        heads.append(AnchoredLogins(trial, body["login_seq"], body["login_hash"], event.recorded))
    return _examined(logins, logins_schema, anchors=heads, is_signed=lambda _: True)


def _examined(record: str, schema: str, **options: Any) -> tuple[Head, list[Finding]]:
    if is_address(record):
        from equipoise.record import postgres

        examined = postgres.examine(record, schema=schema, **options)
    else:
        from equipoise.record import sqlite

        examined = sqlite.examine(record, **options)
    return examined.head, examined.findings
