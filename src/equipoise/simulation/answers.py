"""Answers on forms, drawn as the canonical text that a form would hold."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray

from equipoise.errors import BadInput
from equipoise.simulation.nature import Bools, Floats, Ints, Nature
from equipoise.simulation.scenario import Draw
from equipoise.visits.plan import Item

Texts = NDArray[np.object_]
"""Canonical texts; None where there is no answer."""


def text_where(mask: Bools, yes: str | None, no: str | Texts | None) -> Texts:
    """`yes` where `mask`, else `no`.

    >>> text_where(np.array([True, False]), None, "given").tolist()
    [None, 'given']
    """
    result: Texts = np.empty(mask.shape, dtype=object)
    result[:] = no
    result[mask] = yes
    return result


def decimal_texts(scaled: Ints, places: int) -> Texts:
    """Scaled integers as canonical decimal texts.

    >>> decimal_texts(np.array([150, 153, 5]), 1).tolist()
    ['15', '15.3', '0.5']
    """
    flat = pl.DataFrame({"v": scaled.ravel()})
    whole = (pl.col("v") // 10**places).cast(pl.String)
    if places:
        rest = (pl.col("v") % 10**places).cast(pl.String).str.zfill(places)
        rest = rest.str.strip_chars_end("0")
        whole = whole + pl.when(rest == "").then(pl.lit("")).otherwise("." + rest)
    return _shaped(flat.select(whole).to_series(), scaled.shape)


def date_texts(days: Ints) -> Texts:
    """Days since 1970 as YYYY-MM-DD.

    >>> date_texts(np.array([0, 31])).tolist()
    ['1970-01-01', '1970-02-01']
    """
    series = pl.Series("d", days.ravel().astype(np.int32)).cast(pl.Date).dt.to_string("%Y-%m-%d")
    return _shaped(series, days.shape)


def answers(
    nature: Nature,
    stream: str,
    item: Item,
    draw: Draw,
    days: Ints,
    known: Mapping[str, Texts],
) -> Texts:
    """One answer for every element of `days` (the day of the form).

    `known` holds the answers so far of items that others depend on, by replicate and subject.
    """
    size = days.shape[1:]
    if draw.given is not None:
        result: Texts = np.full(days.shape, None, dtype=object)
        ((other, options),) = draw.given.items()
        levels = known[other]
        levels = levels.reshape(levels.shape + (1,) * (days.ndim - levels.ndim))
        for level, option in options.items():
            found = answers(nature, f"{stream}/{level}", item, option, days, known)
            result = np.where(levels == level, found, result)
    elif draw.value is not None:
        result = np.full(days.shape, draw.value, dtype=object)
    elif draw.on is not None:
        result = date_texts(days)
    elif draw.chance is not None:
        yes = nature.chance(stream, float(draw.chance), *size)
        result = text_where(yes, "true", "false")
    elif draw.choice is not None:
        codes = np.array(list(draw.choice), dtype=object)
        result = codes[nature.choice(stream, draw.choice, *size)]
    elif draw.normal is not None:
        result = decimal_texts(
            _scaled(nature.spread(stream, draw.normal, *size), item), item.places
        )
    else:
        raise BadInput("a way to draw it", where="scenario", field=f"items.{item.code}")
    if draw.missing:
        gone = nature.chance(f"{stream}/missing", float(draw.missing), *size)
        result = text_where(gone, None, result)
    return result


def _scaled(values: Floats, item: Item) -> Ints:
    places = item.places if item.type == "decimal" else 0
    scaled: Ints = np.round(values * 10**places).astype(np.int64)
    return scaled


def _shaped(series: pl.Series, shape: tuple[int, ...]) -> Texts:
    return np.array(series.to_list(), dtype=object).reshape(shape)
