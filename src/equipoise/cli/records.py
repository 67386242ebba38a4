"""Verifying records: the heads that left them come from files."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from equipoise.errors import BadInput

if TYPE_CHECKING:
    from equipoise.record.verify import Examined


def verified(record: str, *, schema: str = "equipoise", anchors: str | None = None) -> Examined:
    """The head of a record, and what is wrong with it; `anchors` is a file of signed heads."""
    from equipoise.record.anchors import is_signed, read_anchors
    from equipoise.record.stores import examine
    from equipoise.study.catalogue import guards_of

    heads = []
    if anchors is not None:
        try:
            heads = read_anchors(Path(anchors).read_text(encoding="utf-8"), where=anchors)
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput("a readable text file of anchors", where=anchors) from error
    return examine(record, schema=schema, anchors=heads, is_signed=is_signed, guards_of=guards_of)


def verified_logins(
    record: str, logins: str, *, schema: str = "equipoise", logins_schema: str = "equipoise_logins"
) -> Examined:
    """The head of the chain of logins, and what is wrong with it: in itself, and against the heads
    that the record holds of it, of which each says when it was recorded."""
    from equipoise.conduct.anchoring import anchored_logins
    from equipoise.record.stores import examine, opened

    with closing(opened(record, schema=schema)) as log:
        events = log.read(types={"LoginsAnchored"})
    with closing(opened(logins, schema=logins_schema)) as chain:
        heads = anchored_logins(events, chain.trial)
    return examine(logins, schema=logins_schema, anchors=heads, is_signed=lambda _: True)
