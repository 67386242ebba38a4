"""Where a test may keep files in memory: a record that no test kills needs no disk under it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

_SHARED_MEMORY = Path("/dev/shm")
_ENOUGH = 2 << 30
"""Bytes that must be free: the tests of all workers keep less than a quarter of it there."""


def memory_folder() -> Path | None:
    """The file system in memory, if this machine has one with room; None says: use the disk.

    The stores run there unchanged, `fsync` included; it only returns at once. Tests that kill a
    writer or a server, and benchmarks, keep to the disk.
    """
    if not os.access(_SHARED_MEMORY, os.W_OK | os.X_OK):
        return None
    return _SHARED_MEMORY if shutil.disk_usage(_SHARED_MEMORY).free >= _ENOUGH else None
