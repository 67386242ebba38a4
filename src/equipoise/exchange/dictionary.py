"""A dictionary of adverse events that the user gives, and the codes that it proposes.

MedDRA is licensed: it is no part of this software, and neither are its codes. Who holds a licence
gives a comma-separated file with one line per term and the columns of `COLUMNS`; `term` is the
lowest level, which is what an investigator's words or a term of CTCAE are looked up in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from equipoise.errors import BadInput
from equipoise.exchange.delimited import read_lines
from equipoise.record.rule import Tables
from equipoise.safety.events import AdverseEventCoded

COLUMNS = ("CODE", "TERM", "PREFERRED_CODE", "PREFERRED_TERM", "SYSTEM_ORGAN_CLASS")


@dataclass(frozen=True, slots=True)
class Dictionary:
    """A dictionary in one version: its terms by their text in small letters, as items of a code."""

    name: str
    version: str
    terms: Mapping[str, Mapping[str, str]]

    def code(self, adverse_event: str, text: str) -> dict[str, Any] | None:
        """The body of `AdverseEventCoded` for an event described by `text`, None if not found."""
        found = self.terms.get(text.strip().casefold())
        if found is None:
            return None
        head = {"dictionary": self.name, "version": self.version}
        return AdverseEventCoded(adverse_event=adverse_event, **head, **found).model_dump()


class Proposed(NamedTuple):
    """A code for an adverse event of a subject: the body of an action."""

    subject: str
    body: dict[str, Any]


def read_dictionary(path: Path, name: str, version: str) -> Dictionary:
    """The dictionary in a file. BadInput names line and column of an empty value or a term that
    stands there twice."""
    lines = read_lines(path, COLUMNS)
    if not lines:
        raise BadInput("must have at least one term", where=path.name)
    terms: dict[str, Mapping[str, str]] = {}
    for line in lines:
        values = {column.lower(): line.text(column) for column in COLUMNS}
        if terms.setdefault(line["TERM"].casefold(), values) is not values:
            raise line.bad("TERM", "must stand once in the dictionary, whatever its capitals")
    return Dictionary(name, version, terms)


def proposed_codes(tables: Tables, dictionary: Dictionary) -> Iterator[Proposed]:
    """Codes for the adverse events that have none in this dictionary and version.

    By the term of CTCAE, which most terms share with the dictionary; what it does not find, and
    every "Other, specify", is left to a person. The verbatim text is under a key, and not read.
    """
    label = f"{dictionary.name} {dictionary.version}"
    for row in tables["adverse_event"].iter_rows(named=True):
        body = dictionary.code(row["adverse_event"], row["term"])
        if body is not None and row["dictionary"] != label:
            yield Proposed(row["subject"], body)
