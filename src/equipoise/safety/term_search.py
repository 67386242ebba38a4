"""Finding a term of CTCAE 5 by what people type: its name, a French name, another customary one.

What is recorded is always the term of the standard; a name here only leads to it.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from equipoise.safety.ctcae import CtcaeTerm, ctcae_terms

SHORTEST = 2
"""Letters from which on a search finds anything."""

_NEAR = 0.75


@dataclass(frozen=True, slots=True)
class Found:
    """A term, and the other name by which it was found (None: its own)."""

    term: CtcaeTerm
    by: str | None


@dataclass(frozen=True, slots=True)
class Names:
    """The customary names of a term besides its own: in French, and others in either language."""

    french: str
    others: tuple[str, ...]


@cache
def customary_names() -> Mapping[str, Names]:
    """Customary names of frequent terms, by the term (`ctcae_5_search_words.csv`).

    >>> customary_names()["Nausea"].french
    'nausées'
    """
    path = resources.files("equipoise.safety") / "ctcae_5_search_words.csv"
    rows = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))
    return {row["term"]: Names(row["fr"], _split(row["also"])) for row in rows}


def _split(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(";") if each.strip())


def plain_letters(text: str) -> str:
    """Text as it is compared: small letters, no accents, British and American spelling alike.

    >>> plain_letters("Œdème"), plain_letters("Anaemia"), plain_letters("Diarrhoea")
    ('edeme', 'anemia', 'diarrhea')
    """
    text = text.casefold().replace("œ", "oe").replace("’", "'")
    bare = "".join(
        each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each)
    )
    return bare.replace("ae", "e").replace("oe", "e")


@dataclass(frozen=True, slots=True)
class _Entry:
    term: CtcaeTerm
    name: str
    own: bool
    plain: str
    words: tuple[str, ...]


@cache
def _entries() -> tuple[_Entry, ...]:
    found = []
    names = customary_names()
    for term in ctcae_terms().values():
        more = names.get(term.term)
        others = (more.french, *more.others) if more else ()
        for name in (term.term, *others):
            plain = plain_letters(name)
            words = tuple(re.findall(r"[a-z0-9]+", plain))
            found.append(_Entry(term, name, name == term.term, plain, words))
    return tuple(found)


def search_terms(text: str, most: int = 12) -> list[Found]:
    """The terms that `text` may mean, the likeliest first, each once, at most `most`.

    Every word of the text must begin a word of the name. Names that begin with the text come
    first, then those that hold it, then those with its words; own names before customary ones of
    the same rank. If nothing has all words, names that are spelt nearly so.

    >>> [each.term.term for each in search_terms("naus")]
    ['Nausea']
    >>> [(each.term.term, each.by) for each in search_terms("vomissements")]
    [('Vomiting', 'vomissements')]
    >>> [each.term.term for each in search_terms("neutropenai")]
    ['Neutrophil count decreased']
    """
    asked = plain_letters(text.strip())
    words = re.findall(r"[a-z0-9]+", asked)
    if len("".join(words)) < SHORTEST:
        return []
    ranked = []
    for place, each in enumerate(_entries()):
        if all(any(word.startswith(part) for word in each.words) for part in words):
            rank = 0 if each.plain.startswith(asked) else 1 if asked in each.plain else 2
            ranked.append((rank, not each.own, len(each.plain), place))
    if not ranked:
        close = difflib.get_close_matches(asked, {e.plain: 0 for e in _entries()}, 3 * most, _NEAR)
        ranked = [
            (close.index(each.plain), not each.own, 0, place)
            for place, each in enumerate(_entries())
            if each.plain in close
        ]
    found: dict[str, Found] = {}
    for *_, place in sorted(ranked):
        each = _entries()[place]
        found.setdefault(each.term.term, Found(each.term, None if each.own else each.name))
    return list(found.values())[:most]
