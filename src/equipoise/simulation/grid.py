"""A grid: one scenario and study with some fields changed, point by point.

The file has `product` (each field with its values: every combination is a point), or `list` (each
point with its fields), or both (every combination with every entry of the list). A field is the
dotted path to it from `scenario` or `study`; an item of a list is named by its code or position.
"""

from __future__ import annotations

import copy
import difflib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from equipoise.errors import BadInput
from equipoise.record.canonical import canonical
from equipoise.record.plan import item_name
from equipoise.simulation.scenario import Scenario
from equipoise.study.checks import disagreements
from equipoise.study.definition import Study
from equipoise.study.faults import fault_at, faults_of, one_error
from equipoise.study.source import FieldPath, Located, file_text, read_yaml, written

MOST_POINTS = 5000
PARTS = ("product", "list")
ROOTS = ("scenario", "study")

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class GridPoint:
    """Study and scenario with these fields changed; `fields` maps path to value, as written."""

    fields: Mapping[str, Any]
    study: Study
    scenario: Scenario

    @property
    def label(self) -> str:
        """The fields by the shortest ends of their paths that tell them apart, with values."""
        names = short_names(list(self.fields))
        return ", ".join(
            f"{names[path]} = {shown_value(value)}" for path, value in self.fields.items()
        )


def read_grid(path: Path, study: Study, scenario: Scenario) -> list[GridPoint]:
    """The points of a grid file. Raises BadInput for the first point that cannot be, with its line.

    Every point is checked as a study and as a scenario file are.
    """
    read = read_yaml(file_text(path), path.name)
    if read.faults:
        raise one_error(read.faults)
    points = list(_combined(read))
    bases = {"scenario": scenario, "study": study}
    plain = {root: base.model_dump(mode="json", exclude_none=True) for root, base in bases.items()}
    return [_point(read, fields, bases, plain) for fields in points]


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """For each path the shortest end, of two parts at least, that no other path has.

    >>> short_names(["scenario.tumour.shrinkage.A.X", "scenario.tumour.shrinkage.B.X"])
    {'scenario.tumour.shrinkage.A.X': 'A.X', 'scenario.tumour.shrinkage.B.X': 'B.X'}
    """
    found = {}
    for path in paths:
        parts = path.split(".")
        ends = [".".join(parts[-length:]) for length in range(2, len(parts) + 1)]
        found[path] = next(
            end for end in ends if sum(("." + other).endswith("." + end) for other in paths) == 1
        )
    return found


def unread_fields(points: Sequence[Mapping[str, Any]], found: Sequence[str]) -> list[str]:
    """Fields on which nothing that was found depends, though they have different values.

    `points` are the fields of each point, `found` what came out there, as text.

    >>> unread_fields([{"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 2, "b": 1}], ["x", "x", "y"])
    ['b']
    """
    unread = []
    for path in dict.fromkeys(path for point in points for path in point):
        outcomes: dict[str, dict[str, str]] = {}
        for point, outcome in zip(points, found, strict=True):
            others = canonical({key: value for key, value in point.items() if key != path})
            outcomes.setdefault(others, {})[canonical(point.get(path))] = outcome
        pairs = [each for each in outcomes.values() if len(each) > 1]
        if pairs and all(len(set(each.values())) == 1 for each in pairs):
            unread.append(path)
    return unread


def shown_value(value: object) -> str:
    """A value of the grid on one line.

    >>> shown_value({"A": "0.4", "B": "0.6"}), shown_value("0.40")
    ('A 0.4, B 0.6', '0.40')
    """
    if isinstance(value, dict):
        return ", ".join(f"{key} {shown_value(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(shown_value(item) for item in value)
    return str(value)


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of a point: its path in study or scenario, its value, and where that is written."""

    path: str
    value: Any
    place: FieldPath


def _combined(read: Located) -> Iterator[tuple[_Field, ...]]:
    """The fields of each point, in the order of the file; the last field changes fastest."""
    value = read.value
    if not isinstance(value, dict) or not value:
        raise fault_at(read, (), f"must have {' or '.join(PARTS)}", value)
    for key in value:
        if key not in PARTS:
            raise fault_at(read, (key,), f"must be {' or '.join(PARTS)}", key)
    entries = [*_entries(read)] if "list" in value else [()]
    axes = [*_axes(read)] if "product" in value else []
    count = len(entries)
    for axis in axes:
        count *= len(axis)
    if count > MOST_POINTS:
        raise fault_at(read, (), f"must have {MOST_POINTS} points at most", f"{count} points")
    listed = {each.path for entry in entries for each in entry}
    for axis in axes:
        if axis[0].path in listed:
            allowed = "must stand in the list or in the product, not in both"
            raise fault_at(read, axis[0].place, allowed, axis[0].path)
    return (entry + fields for entry in entries for fields in itertools.product(*axes))


def _entries(read: Located) -> Iterator[tuple[_Field, ...]]:
    entries = read.value["list"]
    if not isinstance(entries, list) or not entries:
        raise fault_at(read, ("list",), "must be a list of points", entries)
    for position, entry in enumerate(entries):
        place: FieldPath = ("list", position)
        if not isinstance(entry, dict) or not entry:
            raise fault_at(read, place, "must be a mapping of fields to values", entry)
        yield tuple(_Field(path, value, (*place, path)) for path, value in entry.items())


def _axes(read: Located) -> Iterator[list[_Field]]:
    axes = read.value["product"]
    if not isinstance(axes, dict) or not axes:
        raise fault_at(read, ("product",), "must be a mapping of fields to lists of values", axes)
    for path, values in axes.items():
        if not isinstance(values, list) or not values:
            raise fault_at(read, ("product", path), "must be a list of values", values)
        yield [
            _Field(path, value, ("product", path, position))
            for position, value in enumerate(values)
        ]


def _point(
    read: Located,
    fields: Sequence[_Field],
    bases: Mapping[str, BaseModel],
    plain: Mapping[str, dict[str, Any]],
) -> GridPoint:
    """The study and scenario of a point, checked."""
    changed: dict[str, dict[str, Any]] = {}
    for each in fields:
        root, _, rest = each.path.partition(".")
        if root not in ROOTS or not rest:
            allowed = "must be a path that begins with scenario. or study."
            raise fault_at(read, each.place, allowed, each.path)
        if root not in changed:
            changed[root] = copy.deepcopy(plain[root])
        _set(changed[root], bases[root], rest.split("."), each, read)
    scenario, study = bases["scenario"], bases["study"]
    assert isinstance(scenario, Scenario) and isinstance(study, Study)
    if "scenario" in changed:
        scenario = _valid(Scenario, changed["scenario"], fields, read)
    if "study" in changed:
        study = _valid(Study, changed["study"], fields, read)
        if wrong := disagreements(study):
            first = wrong[0]
            allowed = f"{written(first.path)}: {first.allowed}"
            raise _at_point(read, fields, allowed, first.found)
    return GridPoint({each.path: each.value for each in fields}, study, scenario)


def _valid(
    model: type[Model], value: dict[str, Any], fields: Sequence[_Field], read: Located
) -> Model:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = faults_of(error, Located(value=value), model)[0]
        allowed = f"{first.field}: {first.allowed}" if first.field else first.allowed
        raise _at_point(read, fields, allowed, first.found) from error


def _at_point(read: Located, fields: Sequence[_Field], allowed: str, found: object) -> BadInput:
    """A fault of a whole point: told at its last field, with all of its fields."""
    point = ", ".join(f"{each.path} = {shown_value(each.value)}" for each in fields)
    place = read.place(fields[-1].place)
    return BadInput(allowed, where=str(place) if place else None, field=point, found=found)


def _set(value: Any, model: object, parts: Sequence[str], each: _Field, read: Located) -> None:
    """Puts a value of the grid at `parts` below `value`, the plain form of `model`."""
    for depth, part in enumerate(parts):
        key = _key(model, value, part)
        if key is None:
            known = _known(model)
            near = difflib.get_close_matches(part, known, n=1)
            hint = f"perhaps {near[0]} is meant; " if near else ""
            allowed = f"must be known here: {hint}there are {', '.join(known) or 'no fields'}"
            so_far = ".".join(each.path.split(".")[: depth + 2])
            raise BadInput(allowed, where=str(read.place(each.place)), field=so_far, found=part)
        if depth == len(parts) - 1:
            value[key] = each.value
            return
        model = _inside(model, key, part)
        value = value.setdefault(key, {}) if isinstance(value, dict) else value[key]


def _key(model: object, value: Any, part: str) -> str | int | None:
    """The key of a part of a path in the plain form of `model`; None where there is none."""
    if isinstance(model, BaseModel):
        return part if part in type(model).model_fields else None
    if isinstance(model, dict):
        return part if part in {str(key) for key in model} else None
    if isinstance(model, tuple | list):
        names = [item_name(item, position) for position, item in enumerate(model)]
        if part in names:
            return names.index(part)
        return int(part) if part.isascii() and part.isdigit() and int(part) < len(model) else None
    return part if model is None and isinstance(value, dict) else None


def _inside(model: object, key: str | int, part: str) -> object:
    if isinstance(model, BaseModel):
        return getattr(model, part)
    if isinstance(model, dict):
        return next(item for name, item in model.items() if str(name) == part)
    if isinstance(model, tuple | list) and isinstance(key, int):
        return model[key]
    return None


def _known(model: object) -> list[str]:
    if isinstance(model, BaseModel):
        return sorted(type(model).model_fields)
    if isinstance(model, dict):
        return [str(key) for key in model]
    if isinstance(model, tuple | list):
        return [item_name(item, position) for position, item in enumerate(model)]
    return []
