"""Scaled integers as the decimals they stand for, in words that are exact."""

from __future__ import annotations

from decimal import Decimal

import polars as pl

from equipoise.record.event import decimal_text
from equipoise.record.short_column import short_column
from equipoise.record.sources import FEW

ANSWER_PLACES = 6
"""Decimal places of answers as scaled integers: the most that an item of a form may have."""


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


def scaled_number(text: pl.Series, places: int) -> pl.Series:
    """Canonical decimal texts as scaled integers, null for what is no number.

    >>> scaled_number(pl.Series(["19.9", "ill"]), 1).to_list()
    [199, None]
    """
    decimals = text.cast(pl.Decimal(38, places), strict=False)
    if len(decimals) > FEW:
        return decimals.to_physical().cast(pl.Int64)
    numbers = [None if each is None else int(each.scaleb(places)) for each in decimals.to_list()]
    return short_column(text.name, numbers, pl.Int64())


def scaled_texts(numbers: pl.Series, places: int) -> pl.Series:
    """A column of scaled integers as canonical texts.

    >>> scaled_texts(pl.Series([199, None]), 1).to_list()
    ['19.9', None]
    """
    if len(numbers) > FEW:
        return numbers.to_frame("number").select(scaled_text(pl.col("number"), places)).to_series()
    texts = [
        None if number is None else decimal_text(Decimal(number).scaleb(-places))
        for number in numbers
    ]
    return short_column("", texts, pl.String())
