"""What is typed into the cell of a target lesion: a size, a letter, or the sizes of pieces.

`12.5` and `12,5` are millimetres; a letter stands for a state, in the language of the page (A for
absent, T or P for too small, N for not evaluated); `12 + 8` are the pieces of a lesion that split.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from equipoise.record.event import decimal_text

LETTERS: Mapping[str, Mapping[str, str]] = {
    "en": {"a": "absent", "t": "too_small", "n": "not_evaluated"},
    "fr": {"a": "absent", "p": "too_small", "t": "too_small", "n": "not_evaluated"},
}


@dataclass(frozen=True, slots=True)
class Size:
    """One lesion, or one piece of it: its state and its size in mm, where it has one."""

    state: str
    diameter: str | None = None

    def items(self) -> dict[str, Any]:
        """The items of the row that says so."""
        found = {"state": self.state, "diameter": self.diameter}
        return {name: value for name, value in found.items() if value is not None}


def sizes(text: str, language: str) -> list[Size]:
    """The sizes that a cell holds: none, one, or those of the pieces. ValueError: what it cannot be.

    >>> sizes("12,5", "fr"), sizes("t", "en"), sizes("", "en")
    ([Size(state='measured', diameter='12.5')], [Size(state='too_small', diameter=None)], [])
    >>> [each.state for each in sizes("12 + 8,5 + a", "en")]
    ['measured', 'measured', 'absent']
    """  # noqa: E501
    if not text.strip():
        return []
    return [_size(part.strip(), language) for part in text.split("+")]


def _size(text: str, language: str) -> Size:
    state = LETTERS[language].get(text.lower())
    if state is not None:
        return Size(state)
    number = text.replace("\u202f", "").replace("\u00a0", "").removesuffix("mm").strip()
    try:
        value = Decimal(number.replace(",", "."))
    except InvalidOperation:
        raise ValueError(text) from None
    if not value.is_finite():
        raise ValueError(text)
    return Size("measured", decimal_text(value))
