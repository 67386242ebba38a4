"""Terms and grades of CTCAE 5, as the standard words them (`ctcae_5.csv`; source in SOURCES.md)."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from equipoise.errors import BadInput
from equipoise.safety.events import AdverseEventReported

GRADES = (1, 2, 3, 4, 5)
_NO_WORDING = "-"
_OTHER = "- Other, specify"


@dataclass(frozen=True, slots=True)
class CtcaeTerm:
    """One adverse event of the standard. `wordings` maps each grade that exists to its text."""

    term: str
    system_organ_class: str
    wordings: Mapping[int, str]
    definition: str | None
    navigational_note: str | None

    @property
    def needs_specification(self) -> bool:
        """Whether the term is one of the "Other, specify" that end a system organ class."""
        return self.term.endswith(_OTHER)


@cache
def ctcae_terms() -> Mapping[str, CtcaeTerm]:
    """All terms of CTCAE 5 by their name, in the order of the standard."""
    text = (resources.files("equipoise.safety") / "ctcae_5.csv").read_text(encoding="utf-8")
    return {row["term"]: _term(row) for row in csv.DictReader(io.StringIO(text))}


def _term(row: Mapping[str, str]) -> CtcaeTerm:
    wordings = {grade: row[f"grade_{grade}"] for grade in GRADES}
    return CtcaeTerm(
        term=row["term"],
        system_organ_class=row["system_organ_class"],
        wordings={grade: text for grade, text in wordings.items() if text != _NO_WORDING},
        definition=None if row["definition"] in ("", _NO_WORDING) else row["definition"],
        navigational_note=row["navigational_note"] or None,
    )


def ctcae_term(term: str) -> CtcaeTerm:
    """The entry of `term`, spelt as the standard spells it; BadInput names the nearest otherwise.

    >>> ctcae_term("Neutrophil count decreased").wordings[4]
    '<500/mm3; <0.5 x 10e9 /L'
    """
    terms = ctcae_terms()
    if term in terms:
        return terms[term]
    by_case = {name.casefold(): name for name in terms}
    near = [
        by_case[name]
        for name in difflib.get_close_matches(term.casefold(), by_case, n=3, cutoff=0.6)
    ]
    hint = f"; perhaps {' or '.join(near)}" if near else ""
    raise BadInput(f"must be a term of CTCAE 5{hint}", field="term", found=term)


def grade_allowed(term: str, grade: int) -> bool:
    """Whether CTCAE 5 words `grade` for `term`. BadInput for an unknown term.

    >>> grade_allowed("Alopecia", 2), grade_allowed("Alopecia", 3)
    (True, False)
    """
    return grade in ctcae_term(term).wordings


def check_grade(term: str, grade: int) -> None:
    """BadInput unless CTCAE 5 has `term` and words `grade` for it."""
    found = ctcae_term(term)
    if grade not in found.wordings:
        grades = ", ".join(str(each) for each in found.wordings)
        allowed = f"must be a grade that CTCAE 5 has for {term}: {grades}"
        raise BadInput(allowed, field="grade", found=grade)


def check_report(body: AdverseEventReported) -> None:
    """BadInput unless term and grade are those of CTCAE 5, and "Other" says what it is."""
    check_grade(body.term, body.grade)
    if ctcae_term(body.term).needs_specification and not (body.specified or "").strip():
        raise BadInput("must say what the event is", field="specified", where=body.term)
