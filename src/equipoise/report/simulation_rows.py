"""Operating characteristics in words: how each measure is called and written.

A row is what `equipoise simulate --json` prints: the scenario, what was measured of what, its
estimate with Monte-Carlo error and limits, and in how many trials.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from equipoise.report.wording import NOT_GIVEN, plain

Row = Mapping[str, Any]

REJECTION = {"power": "Power", "type_1_error": "Type I error"}
"""Measures that are how often a null hypothesis is rejected."""

DIFFERENCE = "rejection_difference"
TITLES = {
    **REJECTION,
    "mean_estimate": "Mean estimate",
    "bias": "Bias",
    "coverage": "Coverage of the interval",
    "mean_width": "Mean width of the interval",
    "undefined": "Trials without a result",
}
SIGNED = (DIFFERENCE, "bias")
SHARES = {
    *REJECTION, "coverage", "undefined", "misclassified", "any_rejected", "familywise_error",
    "stop_efficacy", "stop_futility", "stopped_early", "look_held",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """A number as printed, with its Monte-Carlo standard error and its limits."""

    value: str
    error: str
    limits: str

    @property
    def whole(self) -> str:
        """All of it on one line."""
        return f"{self.value} ({self.limits})" if self.limits else self.value


def is_share(row: Row) -> bool:
    """Whether a row is a share of something, written in per cent."""
    return row["measure"] in SHARES


def said(row: Row) -> Said:
    """The numbers of a row as printed.

    >>> row = {"measure": "power", "estimate": 0.6118, "standard_error": 0.0049,
    ...        "lower": 0.6022, "upper": 0.6214}
    >>> said(row).value, said(row).error
    ('61.2%', '0.5')
    """
    if row["estimate"] is None:
        return Said(NOT_GIVEN, "", "")
    if row["measure"] == DIFFERENCE:
        factor, unit = 100.0, ""
    elif is_share(row):
        factor, unit = 100.0, "%"
    else:
        factor, unit = 1.0, ""
    error = row["standard_error"]
    places = max(1, places_of(factor * error)) if error else 1
    ends = [row["lower"], row["upper"]]
    return Said(
        written(factor * row["estimate"], places, signed=row["measure"] in SIGNED) + unit,
        "" if error is None else _error(factor * error, places),
        "" if None in ends else " to ".join(written(factor * end, places) for end in ends),
    )


def with_error(row: Row) -> str:
    """The value of a row and its Monte-Carlo standard error.

    >>> with_error({"measure": "screened", "estimate": 110.4, "standard_error": 0.058,
    ...             "lower": 110.3, "upper": 110.5})
    '110.40 ± 0.06'
    """
    numbers = said(row)
    return f"{numbers.value} ± {numbers.error}" if numbers.error else numbers.value


def places_of(error: float | None) -> int:
    """Decimals that an estimate with this error deserves: the first digit of the error's, at most
    four; one where there is no error.

    >>> places_of(0.02), places_of(3.1), places_of(0.00001), places_of(0.0)
    (2, 0, 4, 1)
    """
    if not error:
        return 1
    return next((places for places in range(4) if error * 10**places >= 1), 4)


def written(value: float, places: int, *, signed: bool = False) -> str:
    """A number with so many decimals, a true minus, and where asked a plus.

    >>> written(-1.26, 1), written(4, 1, signed=True), written(-0.01, 1)
    ('−1.3', '+4.0', '0.0')
    """
    rounded = round(value, places) + 0.0
    text = f"{rounded:+.{places}f}" if signed and rounded else f"{rounded:.{places}f}"
    return text.replace("-", "−")


def _error(value: float, places: int) -> str:
    least = 10.0**-places
    return f"<{least:.{places}f}" if 0 < value < least / 2 else f"{value:.{places}f}"


def measure_title(measure: str) -> str:
    """A measure in words.

    >>> measure_title("type_1_error"), measure_title("duration_months")
    ('Type I error', 'Duration months')
    """
    words = TITLES.get(measure, plain(measure))
    return words[:1].upper() + words[1:]


def of_measures(rows: Iterable[Row], measures: Iterable[str]) -> list[Row]:
    """The rows of these measures, in their order."""
    wanted = set(measures)
    return [row for row in rows if row["measure"] in wanted]


def true_value(row: Row) -> str:
    """What is true of what a row estimates, in words.

    >>> true_value({"truth": -0.105}), true_value({"truth": None})
    ('−0.105', '–')
    """
    truth = row["truth"]
    return NOT_GIVEN if truth is None else f"{truth:.3g}".replace("-", "−")


def deciding_subject(rows: Sequence[Row], code: str | None) -> str | None:
    """What tells whether an analysis rejects: the trial that stops by its looks, if it has any."""
    own = f"{code}/interims"
    return own if any(row["subject"] == own for row in of_measures(rows, REJECTION)) else code


def by_subject(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows of each subject, in the order of first appearance."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["subject"], []).append(row)
    return found


def by_scenario(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows of each scenario, in the order of first appearance."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["scenario"], []).append(row)
    return found


def field_columns(scenarios: Iterable[Sequence[Row]]) -> list[str]:
    """The fields of a grid, in the order of its file."""
    return list(dict.fromkeys(path for rows in scenarios for path in rows[0]["fields"]))
