"""Machine code for the numerical cores, made only when a whole batch is asked for.

A core is a plain function of numbers and arrays. For one trial it runs as it stands; for many
replicates `compiled` gives the same function as machine code, with the same results to the last
bit. So a rule is written once, and a process that randomises one patient or analyses one trial
never waits for the compiler to be loaded.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

Core = TypeVar("Core", bound=Callable[..., object])


def compiled(
    core: Core, *callees: Callable[..., object], worth_it: bool = True, takes_memory: bool = True
) -> Core:
    """`core` as machine code, kept on disk between runs; `callees` are the cores that it calls.

    If it is not `worth_it`, because the batch is small, `core` is given back as it stands.
    A stored core is renewed when its own file or that of one of its callees changes. It runs
    without Python's global lock, so that threads may run it side by side, and a division by 0 is
    not looked for: a core never makes one. With `takes_memory` False neither the core nor a callee
    makes an array, and who refers to one is not counted while it runs.
    """
    return cast(Core, _dispatcher(core, callees, takes_memory)) if worth_it else core


@cache
def _dispatcher(
    core: Callable[..., object], callees: tuple[Callable[..., object], ...], takes_memory: bool
) -> Callable[..., object]:
    import numba

    for callee in callees:
        _register(callee)
    options: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}
    options["_nrt"] = takes_memory
    dispatcher: Any = numba.njit(**options)(core)
    # numba compares this stamp of the source with that of the stored code.
    dispatcher._cache._cache_file._source_stamp = _stamp(core, callees)
    return cast(Callable[..., object], dispatcher)


def _stamp(core: Callable[..., object], callees: tuple[Callable[..., object], ...]) -> bytes:
    """What tells the sources of a core and its callees from any others."""
    files = sorted({__file__, *(inspect.getfile(each) for each in (core, *callees))})
    return hashlib.sha256(b"".join(Path(file).read_bytes() for file in files)).digest()


@cache
def _register(callee: Callable[..., object]) -> None:
    from numba.extending import register_jitable

    register_jitable(forceinline=True)(callee)
