"""What two parts of a study file do not agree on, and the questions that all checks ask."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from equipoise.study.source import FieldPath


@dataclass(frozen=True, slots=True)
class Disagreement:
    """The part at `path` breaks the rule `allowed`; `found` is what stands there."""

    path: FieldPath
    allowed: str
    found: object = None


Disagreements = Iterator[Disagreement]


def repeated(
    path: FieldPath, names: Iterable[str], field: str | None, within: str
) -> Disagreements:
    """Each name that a list gives a second time. Capitals make no difference.

    >>> [wrong.path for wrong in repeated(("arms",), ["A", "B", "a"], "code", "all arms")]
    [('arms', 2, 'code')]
    """
    seen: set[str] = set()
    for position, name in enumerate(names):
        if name.lower() in seen:
            at = (*path, position) if field is None else (*path, position, field)
            yield Disagreement(at, f"must be unique within {within}", name)
        seen.add(name.lower())


def unknown(path: FieldPath, name: str, known: Collection[str], what: str) -> Disagreements:
    """`name`, unless it is one of `known`.

    >>> [wrong.allowed for wrong in unknown((), "C", ["A", "B"], "an arm")]
    ['must be an arm of this study: A or B']
    """
    if name not in known:
        yield Disagreement(path, f"must be {what} of this study: {one_of(known)}", name)


def one_of(names: Iterable[str]) -> str:
    """The names as a choice in words.

    >>> one_of(["CR", "PR", "SD"])
    'CR, PR or SD'
    """
    listed = list(names)
    if len(listed) > 12:
        listed = [*listed[:12], f"{len(listed) - 12} others"]
    if len(listed) < 2:
        return listed[0] if listed else "(there is none)"
    return f"{', '.join(listed[:-1])} or {listed[-1]}"
