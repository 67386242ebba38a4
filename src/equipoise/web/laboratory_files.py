"""Raw files of runs, kept beside the record by the SHA-256 of their bytes, as the event holds it.

A file is found by its hash alone, so that a name, in which people like to write a patient's, is
never kept; and what is given back is compared with the hash.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from equipoise.errors import BadInput

LARGEST: Final = 20 * 1024 * 1024
"""Bytes of a file that is taken in; of a larger one the laboratory enters the hash."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


def _text(head: bytes) -> bool:
    return b"\x00" not in head


def _begins(*with_: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(with_)


TYPES: Final[Mapping[str, Callable[[bytes], bool]]] = {
    "csv": _text, "tsv": _text, "txt": _text, "xml": _text, "json": _text,
    "pdf": _begins(b"%PDF-"), "png": _begins(b"\x89PNG\r\n\x1a\n"),
    "tif": _begins(b"II*\x00", b"MM\x00*"), "zip": _begins(b"PK\x03\x04"),
    "gz": _begins(b"\x1f\x8b"),
}  # fmt: skip
"""Endings that are taken in, each with what the first bytes have to be."""


def folder() -> Path:
    """Where the files lie."""
    return Path(f"{settings.CONFIGURATION.logins}.files")


def kept_file(file: UploadedFile[Any]) -> str:
    """Keep a file; its SHA-256. BadInput (field `size`, `empty` or `type`) for one not taken in."""
    size = file.size or 0
    if not size:
        raise BadInput("a file with content", where="file", field="empty", found=size)
    if size > LARGEST:
        raise BadInput(
            f"{LARGEST // 1024**2} MB", where="file", field="size", found=f"{size / 1024**2:.1f} MB"
        )
    ending = (file.name or "").rsplit(".", 1)[-1].lower()
    content = file.read()
    fits = TYPES.get(ending)
    if fits is None or not fits(content[:4096]):
        raise BadInput(
            ", ".join(sorted(TYPES)), where="file", field="type",
            found=ending if re.fullmatch(r"[a-z0-9]{1,8}", ending) else "?",
        )  # fmt: skip
    name = hashlib.sha256(content).hexdigest()
    place = folder() / name
    if not place.exists():
        place.parent.mkdir(mode=0o700, exist_ok=True)
        partly = place.with_suffix(f".{os.getpid()}")
        partly.write_bytes(content)
        partly.replace(place)
    return name


def as_kept(sha256: str) -> bytes | None:
    """The bytes of a file; None if it is not here, or is no longer what it was."""
    place = folder() / sha256
    if not _SHA256.fullmatch(sha256) or not place.exists():
        return None
    content = place.read_bytes()
    return content if hashlib.sha256(content).hexdigest() == sha256 else None
