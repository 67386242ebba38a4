"""Every address that the application answers, with arguments that exist: to test all of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver


@dataclass(frozen=True, slots=True)
class Address:
    """An address, and the name and methods of its route where it is a declared page."""

    path: str
    name: str
    takes_post: bool
    roles: frozenset[str]


def addresses(**known: str) -> list[Address]:
    """Each route once, its arguments from `known`, else 1 or "x"."""
    return list(_walk(get_resolver().url_patterns, "/", known))


def _walk(
    patterns: list[URLPattern | URLResolver], before: str, known: dict[str, str]
) -> Iterator[Address]:
    from equipoise.web.page import ROUTES

    for each in patterns:
        path = before + _filled(str(each.pattern), known)
        if isinstance(each, URLResolver):
            yield from _walk(each.url_patterns, path, known)
        else:
            route = ROUTES.get(each.name or "")
            takes_post = route is None or "POST" in route.methods
            roles = route.roles if route else frozenset({"investigator"})
            yield Address(path, each.name or path, takes_post, roles)


def _filled(pattern: str, known: dict[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        return known.get(found[2], "1" if found[1] == "int" else "x")

    return re.sub(r"<(?:(\w+):)?(\w+)>", value, pattern)
