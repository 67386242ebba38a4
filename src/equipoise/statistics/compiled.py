"""Machine code for the numerical cores, made only when a whole batch is asked for.

A core is a plain function of numbers and arrays. For one trial it runs as it stands; for many
replicates `compiled` gives the same function as machine code, with the same results to the last
bit. So a rule is written once, and a process that randomises one patient or analyses one trial
never waits for the compiler to be loaded.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TypeVar, cast

Core = TypeVar("Core", bound=Callable[..., object])


def compiled(core: Core, *callees: Callable[..., object], worth_it: bool = True) -> Core:
    """`core` as machine code, kept on disk between runs; `callees` are the cores that it calls.

    If it is not `worth_it`, because the batch is small, `core` is given back as it stands.
    A stored core is renewed when its own file changes, not when a callee in another file does;
    keep a core and its callees in one module unless the callee is frozen by a published version.
    """
    return cast(Core, _dispatcher(core, callees)) if worth_it else core


@cache
def _dispatcher(
    core: Callable[..., object], callees: tuple[Callable[..., object], ...]
) -> Callable[..., object]:
    import numba

    for callee in callees:
        _register(callee)
    return cast(Callable[..., object], numba.njit(cache=True)(core))


@cache
def _register(callee: Callable[..., object]) -> None:
    from numba.extending import register_jitable

    register_jitable(callee)
