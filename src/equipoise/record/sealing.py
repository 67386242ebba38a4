"""Sealed text: a value that only the holder of its key can read, and nobody once the key is gone.

Direct identifiers are sealed under a key per subject, clinical texts under a key per value, the
allocation seed under a key of its own (`equipoise.record.keys` keeps them). The record holds
`sealed:1:NAME:CIPHERTEXT`: the name of the key, and nonce and AES-256-GCM ciphertext in URL-safe
base64. The hash chain covers this text, so that destroying a key blots a value out and the chain
still verifies.
"""

from __future__ import annotations

import base64
import os
import re
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from equipoise.errors import RecordError

KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_SEALED = re.compile(r"sealed:1:(?P<name>[A-Za-z0-9_.:/-]{1,200}):(?P<text>[A-Za-z0-9_-]+={0,2})")


class Erased:
    """Stands where a value was whose key has been destroyed. It is false, and prints as erased."""

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "[erased]"


ERASED: Final = Erased()


@dataclass(frozen=True, slots=True)
class Key:
    """A 256-bit key and its name; the secret is never printed."""

    name: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if key_of(f"sealed:1:{self.name}:AAAA") != self.name:
            raise RecordError(f"{self.name!r} cannot name a key")
        if len(self.secret) != KEY_BYTES:
            raise RecordError(f"key {self.name} has {len(self.secret)} bytes instead of 32")


def seal(key: Key, plaintext: str, context: str) -> str:
    """`plaintext` sealed under `key` for one place, `context`, in which alone it can be opened.

    The context is not secret and not stored: trial, subject and item, for example. A text moved to
    another place of the record does not open there.

    >>> key = Key("subject/01-004", bytes(32))
    >>> unseal(key, seal(key, "Dupont", "T1/01-004/name"), "T1/01-004/name")
    'Dupont'
    """
    nonce = os.urandom(_NONCE_BYTES)
    try:
        plain, bound = plaintext.encode(), _bound(key.name, context)
    except UnicodeEncodeError as error:
        raise RecordError("a text with half a surrogate pair cannot be sealed") from error
    secret = AESGCM(key.secret).encrypt(nonce, plain, bound)
    return f"sealed:1:{key.name}:{base64.urlsafe_b64encode(nonce + secret).decode()}"


def unseal(key: Key, text: str, context: str) -> str:
    """The plaintext of `text`; RecordError for another key, another context or an altered text."""
    found = _SEALED.fullmatch(text)
    if found is None:
        raise RecordError("not a sealed text")
    if found["name"] != key.name:
        raise RecordError(f"sealed under the key {found['name']}, not {key.name}")
    try:
        secret = base64.b64decode(found["text"].encode(), altchars=b"-_", validate=True)
        if base64.urlsafe_b64encode(secret).decode() != found["text"]:
            raise ValueError("the same bytes are written otherwise")
        plain = AESGCM(key.secret).decrypt(
            secret[:_NONCE_BYTES], secret[_NONCE_BYTES:], _bound(key.name, context)
        )
        return plain.decode()
    except (InvalidTag, ValueError) as error:
        raise RecordError(
            f"the text sealed under {key.name} does not open for {context!r}: it was altered, "
            "belongs elsewhere, or the key is another"
        ) from error


def key_of(text: str) -> str | None:
    """The name of the key that `text` is sealed under; None when it is not a sealed text.

    >>> key_of("sealed:1:value/17/narrative:AAAA"), key_of("nausea")
    ('value/17/narrative', None)
    """
    found = _SEALED.fullmatch(text)
    return found["name"] if found else None


def _bound(name: str, context: str) -> bytes:
    return f"{name}\n{context}".encode()
