"""Short columns from plain values, and frames of such columns.

A rule that sees one subject makes a dozen columns of a few rows each. The constructor of polars
first guesses what it was given, which takes ten times as long as the column itself; here name,
values and type are known. Where polars does not offer the short way, the long one gives the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import polars as pl


def short_column(name: str, values: Sequence[Any], dtype: Any) -> pl.Series:
    """`values`, each of the type `dtype` or None, as a column.

    >>> short_column("drug", ["CAP", None], pl.String).to_list()
    ['CAP', None]
    """
    if _SHORT is not None:
        return _SHORT(name, values, dtype)
    return pl.Series(name, values, dtype=dtype)


def beside(columns: Sequence[pl.Series]) -> pl.DataFrame:
    """Columns of one length and of different names as a frame.

    >>> beside([pl.Series("a", [1]), pl.Series("b", ["x"])]).rows()
    [(1, 'x')]
    """
    return columns[0].to_frame().hstack([*columns[1:]])


def _short_way() -> Callable[[str, Sequence[Any], Any], pl.Series] | None:
    """The way past the guessing, if this release of polars has it and it does the same."""
    try:
        from polars._plr import PySeries

        made = PySeries.new_from_any_values_and_dtype
        wrapped = pl.Series._from_pyseries

        def short(name: str, values: Sequence[Any], dtype: Any) -> pl.Series:
            found: pl.Series = wrapped(made(name, values, dtype, True))
            return found

        if short("x", ["a", None], pl.String()).equals(pl.Series("x", ["a", None])):
            return short
    except (ImportError, AttributeError, TypeError):
        pass
    return None


_SHORT: Final = _short_way()
