"""Anchors: signed heads of the record, kept outside it.

The hash chain shows that nothing inside it was changed. That its end was cut off, or that the whole
chain was computed anew by the file's owner, shows only against heads that had left the building:
one goes with every certified copy, export and report. An anchor names the trial, the seq and hash
of the head, when the head was recorded and what the anchor was made for, signed with Ed25519.

Anchors are kept one JSON object to a line; `verify --anchors` reads such a file.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Final, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from equipoise.errors import BadInput
from equipoise.record.canonical import canonical
from equipoise.record.sealing import Key

SIGNING_KEY: Final = "anchor"
"""The name of the signing key in the store of keys."""

_Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_RECORDED = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$"


class Anchor(BaseModel):
    """A head of the record with its signature; `public_key` and `signature` are hexadecimal."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: Literal["equipoise-anchor-1"] = "equipoise-anchor-1"
    trial: str = Field(min_length=1)
    seq: int = Field(ge=1, lt=2**53)
    hash: _Hash
    recorded: str = Field(pattern=_RECORDED)
    purpose: str = Field(min_length=1, max_length=400)
    public_key: _Hash
    signature: str = Field(pattern=r"^[0-9a-f]{128}$")


def public_key(key: Key) -> str:
    """The public half of a signing key, to be published where its signatures are compared."""
    return _private(key).public_key().public_bytes_raw().hex()


def sign(key: Key, *, trial: str, seq: int, hash: str, recorded: str, purpose: str) -> Anchor:
    """The anchor of a head, signed with the trial's signing key.

    >>> anchor = sign(Key("anchor", bytes(range(32))), trial="NCT03217097", seq=3, hash="ab" * 32,
    ...               recorded="2026-11-23T03:22:55.123456Z", purpose="certified copy of site 01")
    >>> is_signed(anchor), is_signed(anchor.model_copy(update={"seq": 2}))
    (True, False)
    """
    claim: dict[str, str | int] = {
        "format": "equipoise-anchor-1",
        "trial": trial,
        "seq": seq,
        "hash": hash,
        "recorded": recorded,
        "purpose": purpose,
        "public_key": public_key(key),
    }
    signature = _private(key).sign(canonical(claim).encode()).hex()
    return Anchor.model_validate({**claim, "signature": signature})


def is_signed(anchor: Anchor) -> bool:
    """Whether the anchor's signature fits its content and the public key in it.

    Whose key that is, only a copy of the public key from elsewhere can say: `verify` takes it.
    """
    claim = anchor.model_dump(exclude={"signature"})
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(anchor.public_key)).verify(
            bytes.fromhex(anchor.signature), canonical(claim).encode()
        )
    except (InvalidSignature, ValueError):
        return False
    return True


def anchor_lines(anchors: Iterable[Anchor]) -> str:
    """Anchors as text, one JSON object to a line."""
    return "".join(f"{canonical(anchor.model_dump())}\n" for anchor in anchors)


def read_anchors(text: str, where: str = "anchors") -> list[Anchor]:
    """The anchors in `text`, one to a line; blank lines are passed over.

    `where` names the file in errors. Raises BadInput, with the line, for a line that is not an
    anchor. Signatures are not checked here: a bad one is a finding of `verify`, not a bad file.
    """
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        place = f"{where} line {number}"
        try:
            found.append(Anchor.model_validate(json.loads(line)))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(str(part) for part in first["loc"]) or None
            missing = first["type"] == "missing"
            raise BadInput(
                f"an anchor has this field: {first['msg']}",
                where=place,
                field=field,
                found=None if missing else first["input"],
            ) from error
        except (ValueError, RecursionError) as error:
            raise BadInput(
                "one JSON object to a line is allowed", where=place, found=line
            ) from error
    return found


def _private(key: Key) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(key.secret)
