"""Flow diagrams as inline SVG: boxes of text, and arrows between them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from html import escape

from equipoise.report.citations import Citations
from equipoise.report.layout import Cell

LINE = 19
"""Distance between lines of text, in the units of the drawing."""

PADDING = 11
CHARACTER = 7.6
"""Width allowed for a character; wide enough for every sans serif that a reader may have."""


@dataclass(frozen=True, slots=True)
class Box:
    """A box with a bold heading and lines below it; height follows from the text."""

    x: float
    y: float
    width: float
    heading: Cell
    lines: Sequence[Cell] = ()
    style: str = "box"

    def headings(self) -> list[Cell]:
        """The heading, wrapped to the width of the box."""
        return _wrapped(self.heading, self.width, 1.2)

    def texts(self) -> list[Cell]:
        """The lines, wrapped to the width of the box."""
        return [part for line in self.lines for part in _wrapped(line, self.width, 1.0)]

    @property
    def height(self) -> float:
        """Height with padding."""
        return (len(self.headings()) + len(self.texts())) * LINE + 2 * PADDING - 3

    @property
    def middle(self) -> float:
        """Horizontal centre."""
        return self.x + self.width / 2

    @property
    def bottom(self) -> float:
        """Lower edge."""
        return self.y + self.height

    def svg(self) -> str:
        """The box as SVG elements."""
        texts = [(text, "heading") for text in self.headings()]
        texts += [(text, "line") for text in self.texts()]
        rows = (
            _linked(
                f'<text class="{style}" x="{_n(self.x + PADDING)}" '
                f'y="{_n(self.y + PADDING + LINE * (row + 0.68))}">{escape(cell.text)}</text>',
                cell.to,
            )
            for row, (cell, style) in enumerate(texts)
        )
        return (
            f'<rect class="{self.style}" x="{_n(self.x)}" y="{_n(self.y)}" rx="3" '
            f'width="{_n(self.width)}" height="{_n(self.height)}"/>' + "".join(rows)
        )


@dataclass
class Drawing:
    """Boxes and lines that become one SVG figure with a title and a description.

    What boxes say leads to its events by the lists of `citations`.
    """

    name: str
    title: str
    width: float
    citations: Citations = field(default_factory=Citations)
    parts: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    height: float = 0

    def box(self, box: Box) -> Box:
        """Adds a box; what it says is also part of the description."""
        about = box.heading.text
        heading = self.citations.cell(box.heading, f"{self.title}: {about}")
        lines = [
            self.citations.cell(line, f"{self.title}: {about}; {line.text}") for line in box.lines
        ]
        self.parts.append(replace(box, heading=heading, lines=lines).svg())
        self.said.append(". ".join([about, *(line.text for line in lines)]))
        self.height = max(self.height, box.bottom)
        return box

    def row(self, boxes: Iterable[Box]) -> list[Box]:
        """Adds boxes of one row."""
        return [self.box(box) for box in boxes]

    def line(self, *points: tuple[float, float], arrow: bool = False) -> None:
        """Adds a line through `points`, with an arrow head at its end where asked."""
        path = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
        head = f' marker-end="url(#{self.name}-head)"' if arrow else ""
        self.parts.append(f'<polyline class="flow" points="{path}"{head}/>')

    def svg(self) -> str:
        """The whole figure; its text alternative is the text of its boxes in order."""
        height = _n(self.height + 2)
        said = "; ".join(text.rstrip(".") for text in self.said)
        return (
            f'<svg class="drawing" viewBox="-1 -1 {_n(self.width + 2)} {height}" role="group" '
            f'aria-labelledby="{self.name}-title {self.name}-desc" '
            'xmlns="http://www.w3.org/2000/svg">'
            f'<title id="{self.name}-title">{escape(self.title)}</title>'
            f'<desc id="{self.name}-desc">{escape(said)}.</desc>'
            f'<defs><marker id="{self.name}-head" markerWidth="9" markerHeight="8" refX="8" '
            'refY="4" orient="auto"><path class="head" d="M0,0.5 L8,4 L0,7.5 Z"/></marker></defs>'
            + "".join(self.parts)
            + "</svg>"
        )


def same_height(boxes: Sequence[Box]) -> float:
    """The height of the highest of these boxes, for arrows that start below a row."""
    return max((box.height for box in boxes), default=0)


def _wrapped(cell: Cell, width: float, weight: float) -> list[Cell]:
    letters = max(8, int((width - 2 * PADDING) / (CHARACTER * weight)))
    parts = textwrap.wrap(cell.text.replace("n = ", _TOGETHER), letters) or [""]
    return [replace(cell, text=part.replace(_TOGETHER, "n = ")) for part in parts]


_TOGETHER = "n\u00a0=\u00a0"
"""A number of subjects stands on one line."""


def _linked(element: str, to: str) -> str:
    return f'<a href="#{to}">{element}</a>' if to else element


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
