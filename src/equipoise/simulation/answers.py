"""Answers on forms, drawn as the canonical text that a form would hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Answers:
    """One answer for every element of `codes`: its place among `texts`, -1 where there is none.

    Thousands of subjects give few different answers; each is written once.
    """

    codes: Ints
    texts: pl.Series

    def __getitem__(self, which: Bools | Ints) -> Answers:
        """Some of the answers, in one row."""
        return Answers(self.codes[which], self.texts)

    def series(self) -> pl.Series:
        """The answers one by one, null where there is none.

        >>> Answers(np.array([1, -1]), pl.Series(["no", "yes"])).series().to_list()
        ['yes', None]
        """
        return self.texts.gather(pl.Series(self.codes.ravel()).replace(-1, None))

    def equal(self, text: str) -> Bools:
        """Where the answer is `text`."""
        places = np.flatnonzero((self.texts == text).to_numpy())
        return np.isin(self.codes, places)


@dataclass(frozen=True, slots=True)
class OptionalNumbers:
    """Whole numbers, of which those that are not `there` stand for nothing."""

    numbers: Ints
    there: Bools


def decimal_texts(scaled: Ints, places: int) -> Answers:
    """Scaled integers as canonical decimal texts.

    >>> decimal_texts(np.array([150, 153, 5]), 1).series().to_list()
    ['15', '15.3', '0.5']
    """
    low, numbers = _range(scaled)
    flat = numbers.to_frame("v")
    whole = (pl.col("v") // 10**places).cast(pl.String)
    if places:
        rest = (pl.col("v") % 10**places).cast(pl.String).str.zfill(places)
        rest = rest.str.strip_chars_end("0")
        whole = whole + pl.when(rest == "").then(pl.lit("")).otherwise("." + rest)
    return Answers(scaled - low, flat.select(whole).to_series())


def date_texts(days: Ints) -> Answers:
    """Days since 1970 as YYYY-MM-DD.

    >>> date_texts(np.array([0, 31])).series().to_list()
    ['1970-01-01', '1970-02-01']
    """
    low, numbers = _range(days)
    return Answers(days - low, numbers.cast(pl.Int32).cast(pl.Date).dt.to_string("%Y-%m-%d"))


def _range(numbers: Ints) -> tuple[int, pl.Series]:
    """The lowest of `numbers`, and every whole number from it to the highest."""
    low, high = int(numbers.min(initial=2**31)), int(numbers.max(initial=-(2**31)))
    return low, pl.Series(np.arange(low, high + 1))


def answers(
    nature: Nature,
    stream: str,
    item: Item,
    draw: Draw,
    days: Ints,
    known: Mapping[str, Answers],
) -> Answers:
    """One answer for every element of `days` (the day of the form).

    `known` holds the answers so far of items that others depend on, by replicate and subject.
    """
    size = days.shape[1:]
    if draw.given is not None:
        result = _dependent(nature, stream, item, draw.given, days, known)
    elif draw.value is not None:
        result = Answers(np.zeros(days.shape, dtype=np.int64), pl.Series([draw.value]))
    elif draw.on is not None:
        result = date_texts(days)
    elif draw.chance is not None:
        yes = nature.chance(stream, float(draw.chance), *size)
        result = Answers(yes.astype(np.int64), pl.Series(["false", "true"]))
    elif draw.choice is not None:
        result = Answers(nature.choice(stream, draw.choice, *size), pl.Series(list(draw.choice)))
    elif draw.normal is not None:
        result = decimal_texts(
            _scaled(nature.spread(stream, draw.normal, *size), item), item.places
        )
    else:
        raise BadInput("a way to draw it", where="scenario", field=f"items.{item.code}")
    if draw.missing:
        gone = nature.chance(f"{stream}/missing", float(draw.missing), *size)
        result = Answers(np.where(gone, -1, result.codes), result.texts)
    return result


def _dependent(
    nature: Nature,
    stream: str,
    item: Item,
    given: Mapping[str, Mapping[str, Draw]],
    days: Ints,
    known: Mapping[str, Answers],
) -> Answers:
    """Answers drawn in another way for each level of another answer; none at other levels."""
    ((other, options),) = given.items()
    result = Answers(np.full(days.shape, -1), pl.Series([], dtype=pl.String))
    for level, option in options.items():
        found = answers(nature, f"{stream}/{level}", item, option, days, known)
        here = known[other].equal(level)
        here = here.reshape(here.shape + (1,) * (days.ndim - here.ndim))
        there = np.where(found.codes < 0, -1, found.codes + len(result.texts))
        codes = np.where(here, there, result.codes)
        result = Answers(codes, pl.concat([result.texts, found.texts]))
    return result


def _scaled(values: Floats, item: Item) -> Ints:
    places = item.places if item.type == "decimal" else 0
    scaled: Ints = np.round(values * 10**places).astype(np.int64)
    return scaled
