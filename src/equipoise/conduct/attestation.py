"""Decisions about who attests what: source verification, signatures, queries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import polars as pl

from equipoise.conduct.context import Context
from equipoise.errors import BadInput, Conflict
from equipoise.oversight.events import (
    QueryAnswered,
    QueryClosed,
    QueryReopened,
    Signed,
    SourceVerified,
)
from equipoise.oversight.query import CLOSED
from equipoise.oversight.signature import CASE_BOOK, entry_of, signed_content, signed_events
from equipoise.oversight.verification import verified_content
from equipoise.record.event import Event, EventBody
from equipoise.study.case_book import has_source, of_case_book
from equipoise.study.catalogue import CATALOGUE


def source_verified(context: Context, body: SourceVerified) -> EventBody:
    """An entry of the hospital as it stands, whole or one item of it: no other was compared."""
    event = _entry(context, body.target)
    if not has_source(event):
        raise BadInput(
            "the seq of an entry that the hospital made from a source of its own",
            where=body.TYPE, field="target", found=body.target,
        )  # fmt: skip
    now = verified_content(context.events, body.target, body.item, CATALOGUE)
    _check_unchanged(context, body.content_sha256, now, f"event {body.target}")
    return body


def signed(context: Context, body: Signed) -> EventBody:
    """A signature of somebody who was asked for their password again, on what they saw (SG1-4).

    On a subject's record it covers the case book, which the investigator signs, or one entry, and
    its hash must be that of the record as it stands.
    """
    if not body.reauthenticated:
        raise context.refuse(
            "is not signed: the person did not confirm who they are",
            rule="SG3", way_out="enter the password again when signing",
        )  # fmt: skip
    if context.action.subject is None:
        return body
    entry = entry_of(body.scope)
    if body.scope == CASE_BOOK:
        if context.action.role != "investigator":
            raise context.refuse(
                f"has a case book that a {context.action.role} does not sign",
                rule="SG1", way_out="have the investigator of the hospital sign it",
            )  # fmt: skip
    elif entry is None:
        raise BadInput(f"{CASE_BOOK}, or entry/ and the seq of an entry of the subject",
                       where=body.TYPE, field="scope", found=body.scope)  # fmt: skip
    else:
        _entry(context, entry)
    now = signed_content(signed_events(context.events, body.scope, of_case_book))
    _check_unchanged(context, body.content_sha256, now, f"subject {context.action.subject}")
    return body


def about_query(
    context: Context, body: QueryAnswered | QueryClosed | QueryReopened
) -> EventBody:  # fmt: skip
    """A query that was raised about this subject; only what was closed is opened again."""
    known = [each["query"] for each in context.bodies("QueryRaised")]
    if body.query not in known:
        raise BadInput(
            f"one of {', '.join(known) or 'none raised yet'}",
            where=context.action.name,
            field="query",
            found=body.query,
        )
    if isinstance(body, QueryReopened):
        of = context.derived("query").filter(pl.col("query") == body.query)
        if of["status"].item() != CLOSED:
            raise context.refuse(
                f"has query {body.query}, which is not closed",
                rule="query", value=of["status"].item(), way_out="wait for the answer, or close it",
            )  # fmt: skip
    return body


def _check_unchanged(context: Context, seen: str, now: str, what: str) -> None:
    """Conflict when what somebody attests is not what they had before their eyes."""
    if seen != now:
        raise Conflict(what, seen=context.action.seen, now=context.events[-1].seq)


def _entry(context: Context, seq: int) -> Event:
    for event in context.events:
        if event.seq == seq:
            return event
    raise BadInput(
        f"the seq of an event of subject {context.action.subject}",
        where=context.action.name, field="target", found=seq,
    )  # fmt: skip


DECISIONS: Mapping[str, Callable[[Context, Any], EventBody]] = {
    "SourceVerified": source_verified,
    "Signed": signed,
    "QueryAnswered": about_query,
    "QueryClosed": about_query,
    "QueryReopened": about_query,
}
