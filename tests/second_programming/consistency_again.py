"""Whether printed figures can be of one Wald analysis, again: by drawing true values.

From the words alone: an estimate m and a standard error s, on the log scale for a ratio; limits
m ± z s; P from m / s; each printed figure stands for what rounds to it. Pairs (m, s) are drawn from
what two of the figures say, then in ever smaller boxes about the best so far; how far the worst
figure is from its rounding, in halves of its last digit, is all that is asked of a pair. No
geometry, no vertex, no algebra.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Text:
    """A figure as printed, taken apart by its characters."""

    middle: float
    half: float


def text_of(figure: str) -> Text:
    digits = len(figure.split(".")[1]) if "." in figure else 0
    return Text(float(figure), 0.5 * 10.0**-digits)


def worst(
    m: Floats, s: Floats, figures: dict[str, str], *, ratio: bool, level: float, side: str
) -> Floats:
    """By how many halves of its last digit the worst figure of each pair misses; 0 is agreement."""
    z = norm.ppf(0.5 + level / 2)
    values = {"estimate": m, "lower": m - z * s, "upper": m + z * s}
    if ratio:
        values = {name: np.exp(np.minimum(each, 300)) for name, each in values.items()}
    t = m / s
    p = {"two_sided": 2 * norm.sf(np.abs(t)), "greater": norm.sf(t), "less": norm.cdf(t)}[side]
    values["p"] = p
    misses = []
    for name, figure in figures.items():
        printed = text_of(figure)
        misses.append(np.abs(values[name] - printed.middle) / printed.half - 1)
    found: Floats = np.maximum(np.max(misses, axis=0), 0)
    return found


def least_miss(
    figures: dict[str, str], *, ratio: bool, level: float, side: str, seed: int, draws: int = 4000
) -> float:
    """The least that the worst figure misses by, over all pairs that were drawn."""
    random = np.random.default_rng(seed)
    how: dict[str, Any] = {"ratio": ratio, "level": level, "side": side}
    best = np.inf
    for m, s in _starts(figures, ratio, level, random):
        first = int(worst(m, s, figures, **how).argmin())
        centre, size = np.array([m[first], np.log(s[first])]), np.array([0.5 + abs(m[first]), 1.0])
        for _ in range(45):
            box = centre[:, None] + size[:, None] * random.uniform(-1, 1, (2, draws // 10))
            box = np.concatenate([box, centre[:, None]], axis=1)
            miss = worst(box[0], np.exp(box[1]), figures, **how)
            place = int(miss.argmin())
            best = min(best, float(miss[place]))
            centre = box[:, place]
            size = size * 0.72
            if best == 0:
                return 0.0
    return best


def _starts(
    figures: dict[str, str], ratio: bool, level: float, random: np.random.Generator
) -> list[tuple[Floats, Floats]]:
    """Where to begin: what each pair of figures says, drawn within the rounding of both."""
    z = norm.ppf(0.5 + level / 2)
    on: dict[str, Floats] = {}
    for name in ("estimate", "lower", "upper"):
        if name in figures:
            value = text_of(figures[name])
            drawn = value.middle + value.half * random.uniform(-1, 1, 2000)
            on[name] = np.log(np.abs(drawn)) if ratio else drawn
    found = []
    if {"lower", "upper"} <= set(on):
        found.append(((on["lower"] + on["upper"]) / 2, (on["upper"] - on["lower"]) / (2 * z)))
    if {"estimate", "upper"} <= set(on):
        found.append((on["estimate"], (on["upper"] - on["estimate"]) / z))
    if {"estimate", "lower"} <= set(on):
        found.append((on["estimate"], (on["estimate"] - on["lower"]) / z))
    return [(m, np.maximum(s, 1e-4)) for m, s in found]
