"""What pydantic found wrong, told with the line of the study file and what is allowed there."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from equipoise.errors import BadInput
from equipoise.study.definition import Study
from equipoise.study.source import FieldPath, Located, written

MAXIMUM_TOLD = 50
"""More faults than this are counted, not told."""

PATTERNS = {
    r"^[A-Za-z][A-Za-z0-9_-]{0,39}$": (
        "must be a code: a letter, then at most 39 letters, digits, _ or -"
    ),
    r"^[A-Za-z0-9._-]{1,20}$": "must be 1 to 20 letters, digits, ., _ or -",
}


def one_error(faults: Sequence[BadInput]) -> BadInput:
    """One BadInput that tells all of `faults`, at most MAXIMUM_TOLD of them."""
    return BadInput.together(faults, told=MAXIMUM_TOLD)


def faults_of(
    error: ValidationError, read: Located, model: type[BaseModel] = Study
) -> list[BadInput]:
    """One BadInput for each thing that pydantic found wrong with a `model`, in file order."""
    return [_fault(details, read, model) for details in error.errors(include_url=False)]


def fault_at(read: Located, path: FieldPath, allowed: str, found: object = None) -> BadInput:
    """A BadInput about the value at `path`."""
    place = read.place(path)
    where = str(place) if place else None
    return BadInput(allowed, where=where, field=written(path) or None, found=found)


def _fault(details: Any, read: Located, model: type[BaseModel]) -> BadInput:
    path = _path(details["loc"], details["type"], read.value)
    if details["type"] == "extra_forbidden":
        place = read.keys.get(path) or read.place(path)
        where = str(place) if place else None
        found = path[-1] if path else details["input"]
        return BadInput(_fields(model, path), where=where, field=written(path), found=found)
    found = None if details["type"] == "missing" else _seen(details["input"])
    return fault_at(read, path, _allowed(details), found)


def _path(location: Iterable[str | int], kind: str, value: Any) -> FieldPath:
    """The path in the file of a pydantic location, which also names union members."""
    path: FieldPath = ()
    parts = tuple(location)
    for position, part in enumerate(parts):
        in_list = isinstance(value, list) and isinstance(part, int) and part < len(value)
        if in_list or (isinstance(value, dict) and part in value):
            path, value = (*path, part), value[part]
        elif kind == "missing" and position == len(parts) - 1:
            path = (*path, part)
    return path


def _seen(value: object) -> object:
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return f"a mapping of {len(value)} keys"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return value


def _allowed(details: Any) -> str:
    kind, context = details["type"], details.get("ctx", {})
    if kind == "missing":
        return "must be given"
    if kind == "string_pattern_mismatch":
        pattern = context["pattern"]
        return PATTERNS.get(pattern, f"must match the pattern {pattern}")
    if kind == "string_type":
        return "must be text (a number or true/false needs quotes to be one)"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return "must be a mapping of fields"
    if kind in ("tuple_type", "list_type"):
        return "must be a list"
    said = str(details["msg"]).removeprefix("Value error, ").removeprefix("Input ")
    return said if said.startswith(("must", "has", "assumed")) else _as_rule(said)


def _as_rule(said: str) -> str:
    return "must be " + said.removeprefix("should be ") if said.startswith("should be ") else said


def _fields(model: type[BaseModel], path: FieldPath) -> str:
    fields = sorted(_models(model, path[:-1]))
    near = difflib.get_close_matches(str(path[-1]), fields, n=1) if path else []
    hint = f"perhaps {near[0]} is meant; " if near else ""
    return f"must be a field that is known here: {hint}there are {', '.join(fields)}"


def _models(annotation: Any, path: FieldPath) -> set[str]:
    """Names of the fields of whatever models may stand at `path` under `annotation`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _models(get_args(annotation)[0], path)
    if origin in (Union, types.UnionType):
        return set().union(*(_models(part, path) for part in get_args(annotation)))
    if origin is tuple:
        return _models(get_args(annotation)[0], path[1:]) if path else set()
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return set()
    if not path:
        return set(annotation.model_fields)
    found = annotation.model_fields.get(str(path[0]))
    return _models(found.annotation, path[1:]) if found else set()
