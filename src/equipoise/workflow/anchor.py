"""Signed heads: what leaves the record so that a cut or a rewritten chain can be found."""

from __future__ import annotations

from equipoise.errors import RecordError
from equipoise.record.anchors import SIGNING_KEY, Anchor, sign
from equipoise.record.keys import KeyStore
from equipoise.record.log import Head, Log
from equipoise.record.sealing import Erased


def anchored(log: Log, keys: KeyStore, *, purpose: str) -> Anchor:
    """The signed head of the record as it stands.

    The signing key is made at first use and stays in the store of keys. RecordError for an empty
    record.
    """
    head = log.head()
    if not head.seq:
        raise RecordError("an empty record has no head to sign")
    return signed_head(head, keys, trial=log.trial, purpose=purpose)


def signed_head(head: Head, keys: KeyStore, *, trial: str, purpose: str) -> Anchor:
    """A head that the record has or had, signed; the same bytes each time it is signed.

    RecordError when the signing key was destroyed.
    """
    keys.ensure(SIGNING_KEY)
    key = keys.get(SIGNING_KEY)
    if isinstance(key, Erased):
        raise RecordError("the signing key of this record was destroyed")
    return sign(
        key, trial=trial, seq=head.seq, hash=head.hash, recorded=head.recorded, purpose=purpose
    )
