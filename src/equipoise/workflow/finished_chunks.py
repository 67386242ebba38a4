"""The folder of a simulation's finished chunks, from which it goes on after it was stopped.

A chunk is written under another name and then renamed: it is there whole or not at all, and what a
crash of the machine damaged is found by its checksum and computed again. `simulation.json` says
what the chunks are of; a folder of another simulation is refused.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from equipoise.errors import BadInput
from equipoise.simulation.chunks import Chunk
from equipoise.simulation.side_by_side import ChunkResult, flattened, restored

IDENTITY = "simulation.json"
CHUNKS = "chunks"
OPTION = "--out"


class FinishedChunks:
    """The chunks of one simulation in a folder. `like` has the shape of their results.

    The folder is made with the first result, so that a simulation that cannot begin leaves none.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], like: ChunkResult) -> None:
        self.folder, self.like, self.identity = folder / CHUNKS, like, identity

    def begin(self) -> None:
        """Make the folder, and say in it what the chunks are of."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder.with_name(IDENTITY)
        if not path.exists():
            text = json.dumps(self.identity, indent=2, ensure_ascii=False)
            written_whole(path, text.encode() + b"\n")

    def load(self, part: Chunk) -> ChunkResult | None:
        """The result of a chunk, None where it is not there whole."""
        try:
            content = io.BytesIO(self._path(part).read_bytes())
            with np.load(content, allow_pickle=False) as found:
                if int(found["count"]) != part.count:
                    return None
                return restored(self.like, found["whole"], found["other"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None

    def save(self, part: Chunk, result: ChunkResult) -> None:
        """Keep the result of a chunk, durably once this returns."""
        self.begin()
        whole, other = flattened(result)
        path = self._path(part)
        beside = path.with_name(f"{path.stem}.{os.getpid()}.part")
        with beside.open("wb") as file:
            np.savez(file, count=np.array(part.count), whole=whole, other=other)
        beside.replace(path)

    def _path(self, part: Chunk) -> Path:
        return self.folder / f"{part.number:08d}.npz"


def check_folder(folder: Path, identity: Mapping[str, Any]) -> None:
    """Raises BadInput where the folder holds another simulation, and says in what it differs."""
    path = folder / IDENTITY
    check_writable(folder)
    if not path.exists():
        return
    try:
        there = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        allowed = f"its {IDENTITY} cannot be read: {error}; give another folder"
        raise BadInput(allowed, field=OPTION, found=folder) from error
    differs = [f"{IDENTITY} holds no simulation"]
    if isinstance(there, dict):
        differs = [
            f"{key} {_short(there.get(key))} there and {_short(value)} here"
            for key, value in identity.items()
            if there.get(key) != value
        ]
    if differs:
        allowed = (
            f"holds another simulation ({'; '.join(differs)}): chunks of two are never mixed; give "
            "another folder, or remove this one"
        )
        raise BadInput(allowed, field=OPTION, found=folder)


def check_writable(folder: Path) -> None:
    """Raises BadInput where no file can be written in the folder; leaves it as it was."""
    if folder.exists() and not folder.is_dir():
        raise BadInput("must be a folder, or a name that is free", field=OPTION, found=folder)
    absent = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        allowed = f"must be a folder in which files can be written: {error.strerror}"
        raise BadInput(allowed, field=OPTION, found=folder) from error
    finally:
        for each in absent:
            with contextlib.suppress(OSError):
                each.rmdir()


def written_whole(path: Path, data: bytes) -> None:
    """Write a file, whole or not at all."""
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    beside.write_bytes(data)
    beside.replace(path)


def _short(value: object) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    return repr(value if len(value) <= 40 else f"{value[:37]}...")
