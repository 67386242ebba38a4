"""Which values of the golden files a run of tests reads: a plugin of pytest.

`python -m pytest -p tests.harness.census PATHS` with CENSUS_OUT set writes there the leaves of each
JSON file below tests/golden that were asked for, and the columns of each CSV file. A leaf is a path
of keys and places, joined by "/". Rows that are taken whole (`items`, `values`, equality) count as
read whole.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import ItemsView, Iterable, Iterator, ValuesView
from pathlib import Path
from typing import Any

GOLDEN = Path(__file__).parents[1] / "golden"
Leaf = tuple[str, ...]
READ: set[tuple[str, Leaf]] = set()

_texts = {path.read_text("utf-8"): path for path in GOLDEN.rglob("*.json")}
_loads, _dict_reader = json.loads, csv.DictReader


def leaves(value: Any, path: Leaf = ()) -> Iterator[Leaf]:
    """Every leaf below a value."""
    if isinstance(value, dict):
        for key in dict.keys(value):
            yield from leaves(dict.__getitem__(value, key), (*path, str(key)))
    elif isinstance(value, list):
        for place in range(list.__len__(value)):
            yield from leaves(list.__getitem__(value, place), (*path, str(place)))
    else:
        yield path


class _Told:
    """What both kinds of container do: a value that is asked for is read, or is a container."""

    file: str
    path: Leaf

    def _told(self, key: object, value: Any) -> Any:
        if not isinstance(value, (dict, list)):
            READ.add((self.file, (*self.path, str(key))))
        return value

    def _all(self) -> None:
        for leaf in leaves(self):
            READ.add((self.file, (*self.path, *leaf)))


class _Row(dict[str, Any], _Told):
    def __iter__(self) -> Iterator[str]:
        """Its own, so that copies (`dict(row)`, `**row`) ask for each value."""
        return super().__iter__()

    def __getitem__(self, key: str) -> Any:
        return self._told(key, super().__getitem__(key))

    def get(self, key: str, default: Any = None) -> Any:
        return self._told(key, super().get(key, default)) if key in self else default

    def pop(self, key: str, *default: Any) -> Any:
        return self._told(key, super().pop(key, *default))

    def values(self) -> ValuesView[Any]:
        for key in self:
            self[key]
        return super().values()

    def items(self) -> ItemsView[str, Any]:
        for key in self:
            self[key]
        return super().items()

    def __eq__(self, other: object) -> bool:
        self._all()
        return super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]


class _Rows(list[Any], _Told):
    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        return self._told(place % len(self) if self else place, found)

    def __iter__(self) -> Iterator[Any]:
        return (self[place] for place in range(len(self)))

    def __eq__(self, other: object) -> bool:
        self._all()
        return super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]


def _watched(value: Any, file: str, path: Leaf = ()) -> Any:
    made: _Row | _Rows
    if isinstance(value, dict):
        made = _Row({key: _watched(each, file, (*path, key)) for key, each in value.items()})
    elif isinstance(value, list):
        made = _Rows(_watched(each, file, (*path, str(n))) for n, each in enumerate(value))
    else:
        return value
    made.file, made.path = file, path
    return made


def _loading(text: Any, *given: Any, **named: Any) -> Any:
    found = _loads(text, *given, **named)
    path = _texts.get(text) if isinstance(text, str) else None
    return found if path is None else _watched(found, str(path.relative_to(GOLDEN)))


class _Reader(csv.DictReader):  # type: ignore[type-arg]
    """Rows of a file below tests/golden, of which columns are told."""

    def __init__(self, file: Iterable[str], *given: Any, **named: Any) -> None:
        name = Path(str(getattr(file, "name", "")))
        below = name.is_absolute() and name.is_relative_to(GOLDEN)
        self.file = str(name.relative_to(GOLDEN)) if below else ""
        super().__init__(file, *given, **named)

    def __next__(self) -> Any:
        row = super().__next__()
        if not self.file:
            return row
        made = _Row(row)
        made.file, made.path = self.file, ()
        return made


def pytest_configure() -> None:
    """Every later reading is told."""
    json.loads, csv.DictReader = _loading, _Reader  # type: ignore[assignment, misc]


def pytest_unconfigure() -> None:
    """Write what was read."""
    if out := os.environ.get("CENSUS_OUT"):
        told = sorted([file, "/".join(leaf)] for file, leaf in READ)
        Path(out).write_text(json.dumps(told), "utf-8")
