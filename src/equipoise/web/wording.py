"""What the pages say, in the languages of the trial: one table of words, read once.

A word that is asked for and is not there is an error, in English and in French alike: a page of
which half is in another language is not translated.
"""

from __future__ import annotations

import csv
import importlib.resources
from collections.abc import Mapping
from functools import cache

from equipoise.record.plan import Label


class Words(Mapping[str, str]):
    """The words of one language by their keys; KeyError for one that nobody wrote down."""

    def __init__(self, language: str, found: Mapping[str, str]) -> None:
        self.language, self._found = language, found

    def __getitem__(self, key: str) -> str:
        return self._found[key]

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def of(self, *keys: str) -> str:
        """The first of the keys that is there, else the last key made readable.

        >>> wording("en").of("field.DoseGiven.cycle", "field.cycle")
        'Cycle'
        """
        for key in keys:
            if key in self._found:
                return self._found[key]
        return keys[-1].rsplit(".", 1)[-1].replace("_", " ").capitalize()

    def label(self, label: Label) -> str:
        """A label of the study file in this language, in English where it has no other."""
        return (label.fr or label.en) if self.language == "fr" else label.en


@cache
def wording(language: str) -> Words:
    """All words of a language: `en` or `fr`."""
    path = importlib.resources.files("equipoise.web") / "words"
    found: dict[str, str] = {}
    for file in sorted(path.iterdir(), key=lambda each: each.name):
        if file.name.endswith(".csv"):
            rows = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
            for row in rows:
                found[row["key"]] = row[language]
    return Words(language, found)
