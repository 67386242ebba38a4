"""Files that leave the record together: one archive, the same bytes whenever it is made again.

Every export says what it holds: rows and SHA-256 of each file, the position of the record it was
read at and its hash, the data cut, the zone of its times, what may not be in it, and whether the
patients are synthetic. The archive carries no time of its own making, so that the same question to
the same position gives the same bytes (requirement CO4).
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_EPOCH = (1980, 1, 1, 0, 0, 0)
MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class File:
    """A file of an archive: its text or bytes, and the rows that it holds without its header."""

    text: str | bytes
    rows: int

    @property
    def data(self) -> bytes:
        """The bytes that are packed; text as UTF-8."""
        return self.text.encode() if isinstance(self.text, str) else self.text


def archive(files: Mapping[str, File], facts: Mapping[str, Any]) -> bytes:
    """A ZIP archive of `files` and a manifest that lists them beside `facts`.

    >>> made = archive({"a.csv": File("x\\n1\\n", 1)}, {"as_of": 7})
    >>> made == archive({"a.csv": File("x\\n1\\n", 1)}, {"as_of": 7})
    True
    >>> manifest_of(made)["files"][0]["rows"]
    1
    """
    listed = [
        {"name": name, "rows": file.rows, "sha256": hashlib.sha256(file.data).hexdigest()}
        for name, file in sorted(files.items())
    ]
    manifest = json.dumps({**facts, "files": listed}, indent=2, ensure_ascii=False) + "\n"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as packed:
        for name, data in sorted(
            {**{n: f.data for n, f in files.items()}, MANIFEST: manifest.encode()}.items()
        ):
            entry = zipfile.ZipInfo(name, date_time=_EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            packed.writestr(entry, data)
    return out.getvalue()


def manifest_of(made: bytes) -> dict[str, Any]:
    """The manifest of an archive. ValueError when a file is not what the manifest says it is."""
    with zipfile.ZipFile(io.BytesIO(made)) as packed:
        manifest: dict[str, Any] = json.loads(packed.read(MANIFEST))
        for each in manifest["files"]:
            if hashlib.sha256(packed.read(each["name"])).hexdigest() != each["sha256"]:
                raise ValueError(f"{each['name']} is not what the manifest says")
    return manifest
