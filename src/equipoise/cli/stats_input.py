"""JSON in and out of a statistical function, from its signature alone.

Each argument becomes a field of the same name. An array is a list, of lists for a table. Where a
function takes what another one returns (a Kaplan-Meier curve), the field holds the arguments of
that other one.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import math
import types
from collections.abc import Callable, Mapping
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from equipoise.errors import BadInput

Number = bool | int | float
Numbers = list[Number] | list[list[Number]] | list[list[list[Number]]]
Labels = list[str] | list[int]
Function = Callable[..., object]

MADE_BY = {"KaplanMeier": ("kaplan_meier", "kaplan_meier")}
"""What some functions take and another returns: the module and name of the one that makes it."""


def called(name: str, function: Function, given: object, where: str) -> object:
    """What `function` returns for the arguments in `given`, a mapping of JSON, as JSON holds it.

    BadInput names each field that is missing, unknown or of the wrong kind, and what it may be.
    """
    if not isinstance(given, dict):
        raise BadInput(
            f"must be an object with the arguments of {name}: {arguments_of(function)}", where=where
        )
    arguments = _arguments(function, given, where)
    try:
        return as_json(function(**arguments))
    except (ArithmeticError, TypeError, ValueError) as error:
        raise BadInput(f"cannot be computed by {name}: {error}", where=where) from error


def arguments_of(function: Function) -> str:
    """The arguments in words: name, kind, default.

    >>> from equipoise.statistics.binomial_interval import clopper_pearson
    >>> arguments_of(clopper_pearson)
    'x: integer, n: integer, level: number = 0.95'
    """
    hints = get_type_hints(function)
    told = []
    for name, parameter in inspect.signature(function).parameters.items():
        needed = parameter.default is inspect.Parameter.empty
        default = "" if needed else f" = {_default(parameter.default)}"
        told.append(f"{name}: {_kind(hints[name])}{default}")
    return ", ".join(told)


def as_json(value: object) -> object:
    """A result as JSON holds it: a dataclass as an object with its properties, an array as a list.

    Infinity is the text "Infinity" or "-Infinity"; what is not determined is null.

    >>> as_json([math.inf, math.nan, np.float64(0.5)])
    ['Infinity', None, 0.5]
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)] + _properties(type(value))
        return {name: as_json(getattr(value, name)) for name in names}
    if isinstance(value, np.ndarray):
        return as_json(value.tolist())
    if isinstance(value, np.generic):
        return as_json(value.item())
    if isinstance(value, Mapping):
        return {str(key): as_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        named = getattr(value, "_fields", None)
        parts = [as_json(each) for each in value]
        return dict(zip(named, parts, strict=True)) if named else parts
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value


def _properties(kind: type) -> list[str]:
    return [
        name
        for name, member in inspect.getmembers(kind, lambda each: isinstance(each, property))
        if not name.startswith("_")
    ]


def _arguments(function: Function, given: dict[str, Any], where: str) -> dict[str, Any]:
    model = _model(function)
    try:
        read = model.model_validate(given)
    except ValidationError as error:
        faults = [_fault(details, function, where) for details in error.errors(include_url=False)]
        raise BadInput.together(list(dict.fromkeys(faults))) from error
    hints = get_type_hints(function)
    return {
        name: _value(getattr(read, name), hints[name], f"{where}, {name}")
        for name in read.model_fields_set
    }


def _fault(details: Any, function: Function, where: str) -> BadInput:
    path = [str(part) for part in details["loc"]]
    if details["type"] == "extra_forbidden":
        allowed = f"there are {arguments_of(function)}"
        return BadInput(allowed, where=where, field=path[0])
    if details["type"] == "missing":
        return BadInput("must be given", where=where, field=path[0])
    hints = get_type_hints(function)
    return BadInput(
        f"must be: {_kind(hints[path[0]])}", where=where, field=path[0], found=details["input"]
    )


def _value(value: Any, hint: Any, where: str) -> Any:
    made = _made_by(hint)
    if made is not None:
        return made(**_arguments(made, value, where))
    if isinstance(value, list) and _is_array(hint):
        return _array(value, where)
    return value


def _array(value: list[Any], where: str) -> np.ndarray[Any, Any]:
    try:
        return np.asarray(value)
    except ValueError as error:
        raise BadInput("rows of a table must have equal lengths", where=where) from error


def _model(function: Function) -> type[BaseModel]:
    hints = get_type_hints(function)
    fields: dict[str, Any] = {}
    for name, parameter in inspect.signature(function).parameters.items():
        needed = parameter.default is inspect.Parameter.empty
        fields[name] = (_type(hints[name]), ... if needed else parameter.default)
    config = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)
    return create_model(getattr(function, "__name__", "function"), __config__=config, **fields)


def _type(hint: Any) -> Any:
    """The type of a field: lists for arrays and sequences, the maker's arguments for a result."""
    if _made_by(hint) is not None:
        return dict[str, Any]
    if _is_array(hint):
        held = Labels if _takes_labels(hint) else Numbers
        return held | None if type(None) in get_args(hint) else held
    if isinstance(get_origin(hint), type) and get_origin(hint) not in (Union, types.UnionType):
        origin = get_origin(hint)
        if issubclass(origin, list | tuple) or origin.__name__ == "Sequence":
            return list[_type(get_args(hint)[0])]  # type: ignore[misc]
    return hint


def _made_by(hint: Any) -> Function | None:
    place = MADE_BY.get(getattr(hint, "__name__", ""))
    if place is None:
        return None
    module = importlib.import_module(f"equipoise.statistics.{place[0]}")
    found: Function = getattr(module, place[1])
    return found


def _is_array(hint: Any) -> bool:
    """Whether an argument takes an array: ArrayLike, NDArray, or a union that has one."""
    if hint == ArrayLike or get_origin(hint) is np.ndarray:
        return True
    if set(get_args(ArrayLike)) <= set(get_args(hint)):
        return True
    is_union = get_origin(hint) in (Union, types.UnionType)
    return is_union and any(get_origin(part) is np.ndarray for part in get_args(hint))


def _takes_labels(hint: Any) -> bool:
    """Whether the array names groups, by text or by whole numbers."""
    return any(get_args(part) == (str,) for part in get_args(hint))


def _kind(hint: Any) -> str:
    """An argument's kind in the words of JSON."""
    plain = {int: "integer", float: "number", bool: "true or false", str: "text"}
    if hint in plain:
        return plain[hint]
    if hint is type(None):
        return "null"
    made = _made_by(hint)
    if made is not None:
        return f"object ({arguments_of(made)})"
    if _is_array(hint):
        held = "list of text or integers" if _takes_labels(hint) else "list of numbers"
        return f"{held} or null" if type(None) in get_args(hint) else held
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return " or ".join(_kind(part) for part in parts)
    if getattr(origin, "__name__", "") in ("Sequence", "list", "tuple"):
        return f"list of {_kind(parts[0])}"
    if parts:
        return " | ".join(str(part) for part in parts)
    return getattr(hint, "__name__", str(hint))


def _default(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value)
