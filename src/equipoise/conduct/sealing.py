"""Clinical text and identifiers go into the record sealed, each under its own key."""

from __future__ import annotations

import secrets
from functools import cache
from typing import Any

from equipoise.record.event import Body, UnderKey
from equipoise.record.keys import KeyStore


def sealed_body(body: Body, keys: KeyStore, *, trial: str, subject: str | None) -> dict[str, Any]:
    """`body` as plain JSON with every item marked `UnderKey` sealed under a new key.

    The key is durable before the event that needs it; if the event is never written the key is
    an orphan, which is harmless and swept.
    """
    plain: dict[str, Any] = body.model_dump(mode="json")
    for name in _items_under_key(type(body)):
        if plain[name] is not None:
            key = f"value/{secrets.token_hex(12)}/{name}"
            keys.ensure(key)
            plain[name] = keys.seal(key, plain[name], f"{trial}/{subject or ''}/{name}")
    return plain


def is_under_key(cls: type[Body], item: str) -> bool:
    """Whether `item` is an item of `cls` that is kept under a key."""
    return item in _items_under_key(cls)


@cache
def _items_under_key(cls: type[Body]) -> tuple[str, ...]:
    return tuple(name for name, declared in cls.model_fields.items() if _under_key(declared))


def _under_key(declared: Any) -> bool:
    """Whether an item, optional or not, is declared to be kept under a key."""
    if any(isinstance(mark, UnderKey) for mark in declared.metadata):
        return True
    options = getattr(declared.annotation, "__args__", ())
    return any(
        isinstance(mark, UnderKey)
        for option in options
        for mark in getattr(option, "__metadata__", ())
    )
