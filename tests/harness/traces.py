"""Which functions of the application write: the calls of the source, followed from a view.

A call is followed where its name is known for certain: a function of the module, or one that the
module imports, of this application. What writes is known by its name: `conductor.act`, which every
entry of the record goes through, and `logins.keep`, the chain of logins.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
from collections.abc import Iterator
from functools import cache
from typing import Any

WRITES = {("conductor", "act"): "the record", ("logins", "keep"): "the chain of logins"}
OURS = "equipoise."
Place = tuple[str, str]


def traces(module: str, function: str) -> set[str]:
    """What a function writes to, itself or by what it calls."""
    found: set[str] = set()
    seen: set[Place] = set()
    waiting: list[Place] = [(module, function)]
    while waiting:
        place = waiting.pop()
        if place in seen:
            continue
        seen.add(place)
        for owner, name in _calls(*place):
            if (owner.rsplit(".", 1)[-1], name) in WRITES:
                found.add(WRITES[owner.rsplit(".", 1)[-1], name])
            elif owner.startswith(OURS):
                waiting.append((owner, name))
    return found


def takes_away(module: str, function: str) -> bool:
    """Whether a function hands out a file to keep."""
    text = ast.unparse(_functions(module)[function])
    return "Content-Disposition" in text or "download(" in text


def view_of(guarded: Any) -> Place:
    """Module and name of the function that was declared as a page."""
    view = inspect.unwrap(guarded)
    return view.__module__, view.__name__


def _calls(module: str, function: str) -> Iterator[Place]:
    if not _is_module(module) or function not in _functions(module):
        return
    names = _imports(module)
    body = getattr(_functions(module)[function], "body", [])  # not the decorators
    for node in (each for statement in body for each in ast.walk(statement)):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name):
            yield names.get(called.id, (module, called.id))
        elif isinstance(called, ast.Attribute):
            owner = ast.unparse(called.value)
            where = ".".join(names[owner]) if owner in names else owner
            yield where, called.attr


@cache
def _is_module(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(inspect.getsource(importlib.import_module(module)))


@cache
def _functions(module: str) -> dict[str, ast.AST]:
    """Functions of a module by name; a class stands for all of its methods."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    return {each.name: each for each in _tree(module).body if isinstance(each, kinds)}


@cache
def _imports(module: str) -> dict[str, Place]:
    """What the module's names are: module and name there."""
    return {
        alias.asname or alias.name: (node.module or "", alias.name)
        for node in ast.walk(_tree(module))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
