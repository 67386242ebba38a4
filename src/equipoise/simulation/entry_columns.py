"""Items of simulated entries as columns of a table: parts that were drawn apart, in one order.

A part is one value for all its rows, an array, or what is looked up: few different texts, or
numbers of which some are not there. Columns are put together in numpy, for a part has few rows and
there are hundreds of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from equipoise.record.columns import optional
from equipoise.record.declaration import PARTIAL, columns, has_partial_dates
from equipoise.record.event import Body
from equipoise.simulation.answers import Answers, OptionalNumbers
from equipoise.simulation.nature import Bools, Ints
from equipoise.simulation.record_order import Heads, Places

Kind = TypeVar("Kind", bound=Body)


@dataclass(frozen=True, slots=True)
class Rows(Generic[Kind]):
    """Rows of one class: the number of the entry of each, the items, the position if nested.

    An item that is the same in every row is that one value. `heads` are those of entries.
    """

    cls: type[Kind]
    ids: Ints
    items: Mapping[str, Any]
    heads: Heads | None = None
    position: Ints | None = None


def item_columns(
    cls: type[Body], rows: Sequence[Rows[Any]], order: Places, wanted: Collection[str]
) -> dict[str, pl.Series]:
    """The columns of the items of `cls` that are `wanted`, in `order`; what was not drawn is
    null."""
    found = {}
    for column in columns(cls):
        if column.child is None and column.name in wanted:
            found[column.name] = _column(rows, column.name, column.dtype, order)
    if has_partial_dates(cls) and PARTIAL in wanted:
        found[PARTIAL] = _repeated(None, pl.String(), len(order))
    return found


def _column(rows: Sequence[Rows[Any]], name: str, dtype: pl.DataType, order: Places) -> pl.Series:
    """One item in `order`."""
    values = [each.items.get(name) for each in rows]
    sizes = [len(each.ids) for each in rows]
    kinds = {type(value) for value in values}
    if kinds <= _ONE and len(set(values)) == 1:
        return _repeated(values[0], dtype, len(order))
    if dtype in _ARRAYS and kinds <= _NUMBERS:
        return _numbers(values, sizes, _ARRAYS[type(dtype)], order)
    if kinds & {np.ndarray, pl.Series, OptionalNumbers}:
        pairs = zip(values, sizes, strict=True)
        return pl.concat([_part(value, size, dtype) for value, size in pairs]).gather(order)
    return _looked_up(values, sizes, dtype, order)


_ONE = {type(None), str, int, bool}
_NUMBERS = {type(None), int, bool, np.ndarray, OptionalNumbers}
_ARRAYS: Mapping[Any, Any] = {pl.Int64: np.int64, pl.Boolean: np.bool_}


def _numbers(values: Sequence[Any], sizes: Sequence[int], kind: Any, order: Places) -> pl.Series:
    """Whole numbers or truth values, null where there is none."""
    found = np.zeros(sum(sizes), dtype=kind)
    there: Bools | None = None
    start = 0
    for value, size in zip(values, sizes, strict=True):
        part = slice(start, start + size)
        start += size
        if value is None or isinstance(value, OptionalNumbers):
            there = np.ones(len(found), dtype=np.bool_) if there is None else there
            there[part] = False if value is None else value.there
        if value is not None:
            found[part] = value.numbers if isinstance(value, OptionalNumbers) else value
    column = pl.Series(found[order])
    return column if there is None else column.set(pl.Series(~there[order]), None)


def _looked_up(
    values: Sequence[Any], sizes: Sequence[int], dtype: pl.DataType, order: Places
) -> pl.Series:
    """Values of which many rows have the same: each is written once."""
    codes = np.empty(sum(sizes), dtype=np.int32)
    texts, known, start = [pl.Series([None], dtype=dtype)], {None: 0}, 0
    number = 1
    for value, size in zip(values, sizes, strict=True):
        part = slice(start, start + size)
        start += size
        if isinstance(value, Answers):
            codes[part] = np.where(value.codes < 0, 0, value.codes + number)
            texts.append(value.texts)
            number += len(value.texts)
            continue
        if value not in known:
            known[value] = number
            texts.append(pl.Series([value], dtype=dtype))
            number += 1
        codes[part] = known[value]
    return pl.concat(texts).gather(pl.Series(codes[order].view(np.uint32)))


def _part(value: Any, size: int, dtype: pl.DataType) -> pl.Series:
    if isinstance(value, np.ndarray) and value.dtype == object:
        return pl.Series(value.tolist(), dtype=dtype)
    if isinstance(value, Answers):
        return value.series().cast(dtype)
    if isinstance(value, OptionalNumbers):
        return optional("", value.numbers, value.there).cast(dtype)
    if isinstance(value, np.ndarray | pl.Series):
        return pl.Series(value).cast(dtype)
    return _repeated(value, dtype, size)


def _repeated(value: Any, dtype: pl.DataType, number: int) -> pl.Series:
    return pl.Series([value], dtype=dtype).new_from_index(0, number)


def in_one(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Arrays one after the other."""
    return parts[0] if len(parts) == 1 else np.concatenate(parts)
