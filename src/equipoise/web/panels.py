"""Parts of the subject's page, each of its own area: declared with a place, roles and a template.

An area adds what it knows of a subject without touching the page: `@panel("doses", 40, roles)`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from equipoise.study.access import ROLES
from equipoise.web.asking import Request

Content = Callable[[Request, str], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of the page: `content(request, subject)` is what its template shows, None: nothing."""

    name: str
    place: int
    roles: frozenset[str]
    template: str
    content: Content
    aside: bool


_PANELS: list[Panel] = []


def panel(
    name: str, place: int, roles: Collection[str] = ROLES, *, template: str = "",
    aside: bool = False,
) -> Callable[[Content], Content]:  # fmt: skip
    """Declare a part of the subject's page, in the order of `place`; `aside`: the narrow column."""

    def declare(content: Content) -> Content:
        file = template or f"panels/{name}.html"
        _PANELS.append(Panel(name, place, frozenset(roles), file, content, aside))
        return content

    return declare


def panels(request: Request, subject: str, *, aside: bool) -> list[SafeString]:
    """The parts that the role sees of a subject, made."""
    found = []
    for each in sorted(_PANELS, key=lambda one: one.place):
        if each.aside != aside or request.asking.role not in each.roles:
            continue
        content = each.content(request, subject)
        if content is not None:
            shown = {"subject": subject, "panel": each.name, **content}
            found.append(render_to_string(each.template, shown, request))
    return found
