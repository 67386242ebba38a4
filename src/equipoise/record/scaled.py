"""Scaled integers as the decimals they stand for, in words that are exact."""

from __future__ import annotations

import polars as pl


def scaled_text(value: pl.Expr, places: int) -> pl.Expr:
    """Scaled integers as `equipoise.record.event.decimal_text` writes their values; null stays.

    A division would print 199 tenths as 19.900000000000002: polars multiplies by one tenth.

    >>> pl.select(scaled_text(pl.Series([199, -50, 3]), 1)).to_series().to_list()
    ['19.9', '-5', '0.3']
    """
    size = value.abs()
    whole = (size // 10**places).cast(pl.String)
    rest = (size % 10**places).cast(pl.String).str.zfill(places).str.strip_chars_end("0")
    sign = pl.when(value < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    point = pl.when(rest == "").then(pl.lit("")).otherwise(pl.lit("."))
    return pl.when(value.is_not_null()).then(pl.concat_str(sign, whole, point, rest))
