"""What changed from one version of a study to another, path by path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel

from equipoise.record.event import decimal_text
from equipoise.record.plan import item_name
from equipoise.study.definition import Study

Kind = Literal["added", "removed", "changed", "reordered"]


@dataclass(frozen=True, slots=True)
class Change:
    """One difference: where, of which kind, and the values before and after, as plain JSON."""

    path: str
    kind: Kind
    old: Any
    new: Any


def differences(old: Study, new: Study) -> list[Change]:
    """Every difference from `old` to `new`, in file order.

    Items of a list are told apart by code or another identifying field where they have one, so
    that an inserted item is one addition and not a change of everything behind it.
    """
    return list(_compared(old, new, ""))


def _compared(old: Any, new: Any, path: str) -> Iterator[Change]:
    if isinstance(old, BaseModel) and type(old) is type(new):
        for name in type(old).model_fields:
            below = f"{path}.{name}" if path else name
            yield from _compared(getattr(old, name), getattr(new, name), below)
    elif isinstance(old, dict) and isinstance(new, dict):
        yield from _members(old, new, path, "{path}.{name}")
    elif isinstance(old, tuple) and isinstance(new, tuple) and _models(old + new):
        apart = _distinct(old) and _distinct(new)
        yield from _members(_named(old, apart), _named(new, apart), path, "{path}[{name}]")
    elif old != new:
        kind: Kind = "added" if old is None else "removed" if new is None else "changed"
        yield Change(path, kind, plain(old), plain(new))


def _members(old: dict[str, Any], new: dict[str, Any], path: str, form: str) -> Iterator[Change]:
    for name, value in old.items():
        if name not in new:
            yield Change(form.format(path=path, name=name), "removed", plain(value), None)
    for name, value in new.items():
        at = form.format(path=path, name=name)
        if name in old:
            yield from _compared(old[name], value, at)
        else:
            yield Change(at, "added", None, plain(value))
    before, after = [name for name in old if name in new], [name for name in new if name in old]
    if before != after:
        yield Change(path, "reordered", before, after)


def _models(items: tuple[Any, ...]) -> bool:
    return bool(items) and all(isinstance(item, BaseModel) for item in items)


def _named(items: tuple[Any, ...], tell_apart: bool) -> dict[str, Any]:
    """Items by name, or by position where names do not tell them apart."""
    if tell_apart:
        return {item_name(item, position): item for position, item in enumerate(items)}
    return {str(position): item for position, item in enumerate(items)}


def _distinct(items: tuple[Any, ...]) -> bool:
    names = [item_name(item, -1) for item in items]
    return len(set(names)) == len(names)


def plain(value: Any) -> Any:
    """A value of a plan as plain JSON, without what is not given.

    >>> plain(Decimal("0.950"))
    '0.95'
    """
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if value is None or isinstance(value, bool | int | str):
        return value
    return decimal_text(value) if isinstance(value, Decimal) else str(value)
