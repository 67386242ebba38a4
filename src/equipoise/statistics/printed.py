"""What a printed figure says: the values that round to it.

"1.12" stands for every value from 1.115 to 1.125, "<0.001" for every P from 0 to 0.001. Both ends
belong to it, so that rounding half up and half to even are covered alike. Exact: ends are decimals.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal

from equipoise.errors import BadInput

_FIGURE = re.compile(
    r"([<>≤≥]?) ?([-−–]?)(\d{0,15})(?:[.·](\d{1,15}))?(?:[eE]([-−+]?\d{1,3}))? ?(%?)", re.ASCII
)
_OPEN = {"nr", "ne", "not reached", "not estimable", "inf", "∞", "infinity"}

FIGURE_IN_WORDS = "must be a figure as printed, such as 1.12, .716, 29.4% or <0.001"


@dataclass(frozen=True, slots=True)
class Printed:
    """A figure as printed, and the closed range of values that it stands for.

    `unit` is one unit of its last digit. An end that is not known is infinite. Of a figure in per
    cent the range is in per cent too.
    """

    text: str
    low: Decimal
    high: Decimal
    unit: Decimal

    @property
    def is_open(self) -> bool:
        """Whether the figure says that the value was not reached."""
        return not self.low.is_finite() and not self.high.is_finite()

    @property
    def percent(self) -> bool:
        """Whether the figure is written with a sign of per cent."""
        return self.text.endswith("%")

    @property
    def exact(self) -> bool:
        """Whether the figure is a value, not a bound such as <0.001."""
        return self.low.is_finite() and self.high.is_finite() and self.text[0] not in "<>≤≥"


def printed(text: str) -> Printed:
    """The figure that `text` is; BadInput for what is none.

    >>> [str(end) for end in (printed("1.12").low, printed(".716").high, printed("<0.001").high)]
    ['1.115', '0.7165', '0.001']
    >>> printed("NR").is_open
    True
    """
    clean = text.strip()
    if clean.lower() in _OPEN:
        return Printed(clean, Decimal("-Infinity"), Decimal("Infinity"), Decimal(1))
    match = _FIGURE.fullmatch(clean)
    if match is None or not (match[3] or match[4]):
        raise BadInput(FIGURE_IN_WORDS, found=text)
    bound, sign, whole, part, power, _ = match.groups()
    exponent = int((power or "0").replace("−", "-")) - len(part or "")
    value = Decimal((whole or "") + (part or "")).scaleb(exponent)
    value = -value if sign else value
    unit = Decimal(1).scaleb(exponent)
    half = unit / 2
    low, high = value - half, value + half
    if bound in ("<", "≤"):
        low, high = Decimal("-Infinity"), value
    elif bound in (">", "≥"):
        low, high = value, Decimal("Infinity")
    return Printed(clean, low, high, unit)


def computed(value: float, digits: int = 12) -> Printed:
    """The figure that a computed value is when its significant digits are all that was kept.

    >>> computed(0.5).low, computed(0.0, 2).high
    (Decimal('0.4999999999995'), Decimal('0.05'))
    """
    mantissa, power = f"{value:.{digits - 1}e}".split("e")
    whole = Decimal(mantissa).scaleb(int(power))
    unit = Decimal(1).scaleb(int(power) - digits + 1)
    return Printed(f"{value:.6g}", whole - unit / 2, whole + unit / 2, unit)


def fitting(figure: Printed, low: float, high: float) -> tuple[str, str]:
    """The first and last figure, printed as `figure` is, for a value from `low` to `high`.

    An end that is infinite is written as such.

    >>> fitting(printed("0.06"), 0.5997, 0.6017)
    ('0.60', '0.60')
    >>> fitting(printed(".716"), 0.0, 0.0004)
    ('.000', '.000')
    """
    return _end(figure, low, up=True), _end(figure, high, up=False)


_NEAR = Decimal("1e-9")
"""A value this near to the middle between two figures rounds to either, in units of the last
digit."""


def _end(figure: Printed, value: float, *, up: bool) -> str:
    if not math.isfinite(value):
        return "∞" if value > 0 else "−∞"
    steps = Decimal(value) / figure.unit
    half = Decimal("0.5") + _NEAR
    count = math.ceil(steps - half) if up else math.floor(steps + half)
    text = f"{Decimal(count) * figure.unit:f}"
    if figure.text.lstrip("<>≤≥ -−–")[:1] in (".", "·"):
        text = re.sub(r"^(-?)0\.", r"\1.", text)
    return text + ("%" if figure.percent else "")
