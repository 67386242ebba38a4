"""What an action asked for, as a mark that tells a repeated action from another.

The record keeps the mark of an action in `cause`. Where the action brought values under a key into
the record, its mark is made under the same keys: whoever has the record alone cannot try values
until one gives the mark, and nobody can once the keys are destroyed (NIST SP 800-107r1, 5.3: HMAC).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from equipoise.errors import RecordError, StoreFailed
from equipoise.record.canonical import canonical, sha256_hex
from equipoise.record.event import Event
from equipoise.record.keys import KeyStore
from equipoise.record.sealing import ERASED, Erased, key_of
from equipoise.study.actions import Action
from equipoise.visits.events import AnswerQuestionnaire

_SEALED = ("sealed:", '"sealed:')
PLAIN, UNDER_KEYS = "action:", "action/keys:"

PROVES_WHO_ASKS = {AnswerQuestionnaire.__name__: frozenset({"birth_year"})}
"""Items of an action that are not kept: they show that somebody may act, and mean nothing else."""


def asked(action: Action) -> str:
    """What the action asks for, as one text: a repeated key must mean the same."""
    unkept = PROVES_WHO_ASKS.get(action.name, frozenset())
    return canonical(
        {
            "name": action.name,
            "body": {name: value for name, value in action.body.items() if name not in unkept},
            "subject": action.subject,
            "site": action.site,
            "occurred": action.occurred,
            "actor": action.actor,
            "role": action.role,
            "reason": action.reason,
        }
    )


def mark(text: str, contents: Iterable[Mapping[str, Any]], keys: KeyStore) -> str:
    """The mark of an action that asked for `text` and brought about events of these contents."""
    secrets, _ = _secrets(contents, keys)
    return _marked(text, secrets)


def is_repeated(text: str, earlier: list[Event], keys: KeyStore) -> bool | Erased:
    """Whether an action that asks for `text` is the one that brought about the events `earlier`.

    ERASED where that cannot be known any more: what it recorded was erased.
    """
    cause = earlier[0].cause or ""
    if not cause.startswith(UNDER_KEYS):
        return cause == _marked(text, [])
    secrets, erased = _secrets((json.loads(event.body) for event in earlier), keys)
    if hmac.compare_digest(cause, _marked(text, secrets)):
        return True
    return ERASED if erased else False


def _marked(text: str, secrets: list[bytes]) -> str:
    if not secrets:
        return PLAIN + sha256_hex(text)
    secret = hashlib.sha256(b"".join(secrets)).digest()
    return UNDER_KEYS + hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def _secrets(contents: Iterable[Mapping[str, Any]], keys: KeyStore) -> tuple[list[bytes], bool]:
    """The keys that values of `contents` are sealed under, and whether any was destroyed.

    StoreFailed where they cannot be read: without them the mark would be one that can be guessed.
    """
    found, erased = [], False
    for name in sorted(set(_key_names(list(contents)))):
        try:
            key = keys.get(name)
        except StoreFailed:
            raise
        except RecordError:  # a text that only looks sealed names no key
            continue
        if isinstance(key, Erased):
            erased = True
        else:
            found.append(key.secret)
    return found, erased


def _key_names(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        # A corrected value stands as JSON: a sealed one with quotation marks.
        name = key_of(value.strip('"')) if value.startswith(_SEALED) else None
        if name is not None:
            yield name
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _key_names(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _key_names(each)
