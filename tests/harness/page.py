"""Reading a page as a browser would: its elements, its identifiers, what it links to."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Page(HTMLParser):
    """Elements in order as (tag, attributes), text, and what does not fit."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.paths: list[tuple[str, ...]] = []
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self.unbalanced: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        self.unbalanced += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element opens."""
        self.elements.append((tag, dict(attrs)))
        self.paths.append((*self._open, tag))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element without content, as SVG has them."""
        self.elements.append((tag, dict(attrs)))
        self.paths.append((*self._open, tag))

    def handle_endtag(self, tag: str) -> None:
        """An element closes: it must be the last one opened."""
        if not self._open or self._open.pop() != tag:
            self.unbalanced.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        """Text, with the elements around it."""
        self.texts.append((tuple(self._open), data))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element `tag`."""
        return [attributes for name, attributes in self.elements if name == tag]

    def text(self, tag: str) -> list[str]:
        """The texts directly or indirectly inside elements `tag`."""
        return [text for path, text in self.texts if tag in path]

    def identifiers(self) -> Counter[str]:
        """How often each identifier is given."""
        given = (attributes.get("id") for _, attributes in self.elements)
        return Counter(each for each in given if each)
