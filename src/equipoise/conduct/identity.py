"""Direct identifiers of a subject: sealed under the subject's own key, revealed by an act (GD1).

Who sees one is recorded before it is opened. Destroying the key erases every identifier of the
subject, for good and for every copy of the record.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from equipoise.conduct.context import Context
from equipoise.errors import BadInput
from equipoise.oversight.events import IdentityRevealed
from equipoise.record.event import Event, EventBody
from equipoise.record.keys import KeyStore
from equipoise.record.sealing import Erased
from equipoise.visits.events import IdentityRecorded, RecordIdentity


def key_of_subject(subject: str | None) -> str:
    """The name of the key under which every identifier of a subject stands."""
    return f"subject/{subject}"


def identifiers(events: Iterable[Event]) -> dict[str, Event]:
    """The last entry of each identifier of a subject, by its item, in order of first entry."""
    recorded = (event for event in events if event.type == IdentityRecorded.TYPE)
    return {str(json.loads(event.body)["item"]): event for event in recorded}


def opened(keys: KeyStore, trial: str, event: Event) -> str | Erased:
    """What an entry of an identifier says; to be asked only once its reveal is recorded."""
    body = json.loads(event.body)
    return keys.unseal(body["sealed"], _place(trial, event.subject, body["item"]))


def erased(keys: KeyStore, subject: str | None) -> bool:
    """Whether the identifiers of a subject were erased."""
    return key_of_subject(subject) in keys.destroyed()


def _place(trial: str, subject: str | None, item: str) -> str:
    return f"{trial}/{subject}/{item}"


def record_identity(context: Context, body: RecordIdentity) -> EventBody:
    """An identifier sealed under the subject's own key, which was not destroyed."""
    key = key_of_subject(context.subject)
    _check_not_erased(context, "given another identifier")
    context.keys.ensure(key)
    place = _place(context.trial, context.subject, body.item)
    return IdentityRecorded(item=body.item, sealed=context.keys.seal(key, body.value, place))


def identity_revealed(context: Context, body: IdentityRevealed) -> EventBody:
    """A reveal of an identifier that was recorded and can still be opened."""
    known = identifiers(context.events)
    if body.item not in known:
        raise BadInput(
            f"one that was recorded: {', '.join(known) or 'none was yet'}",
            where=context.action.name, field="item", found=body.item,
        )  # fmt: skip
    _check_not_erased(context, "identified")
    return body


def _check_not_erased(context: Context, what: str) -> None:
    if erased(context.keys, context.subject):
        raise context.refuse(
            f"cannot be {what}: the key of this subject's identifiers was destroyed",
            rule="GD1",
            way_out="keep what the hospital needs in its own files",
        )


DECISIONS: Mapping[str, Callable[[Context, Any], EventBody]] = {
    "RecordIdentity": record_identity,
    "IdentityRevealed": identity_revealed,
}
