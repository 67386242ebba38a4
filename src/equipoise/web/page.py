"""How a page is declared: its address, who may open it, about what. The route table is made here.

The access matrix of the tests walks `ROUTES`, so that a page that declares nothing cannot exist.
What belongs to another hospital is not there for whoever asks: the answer is the same as for a
number that nobody has, so that no address tells who is in the trial.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Concatenate, Literal, ParamSpec, cast

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_http_methods

from equipoise.study.access import ROLES
from equipoise.web.asking import Request
from equipoise.web.refusal import page_refused

P = ParamSpec("P")
View = Callable[Concatenate[Request, P], HttpResponse]
About = Literal["trial", "site", "subject", "person"]

EVERYBODY = ROLES
CLINICAL = frozenset({"investigator", "nurse"})
OVERSIGHT = frozenset({"data_manager", "monitor", "auditor", "statistician", "safety_officer"})
SEES_SUBJECTS = ROLES - {"administrator"}


@dataclass(frozen=True, slots=True)
class Route:
    """A page: its address below /, its name, the roles that may open it, what it is about.

    `methods`: what it answers to; one that takes POST changes something.
    """

    address: str
    name: str
    roles: frozenset[str]
    about: About
    methods: tuple[str, ...]


ROUTES: dict[str, Route] = {}
"""Every page by its name."""

ELSEWHERE: dict[tuple[str, str], str] = {}
"""Pages that a role has of its own in place of one for all, by role and name of the page: who is
blinded looks at their own matters alone."""

_VIEWS: dict[str, Callable[..., HttpResponse]] = {}


def page(
    address: str,
    *,
    name: str,
    roles: Collection[str],
    about: About = "trial",
    methods: tuple[str, ...] = ("GET",),
) -> Callable[[View[P]], View[P]]:
    """Declare a view as a page. Whoever may not open it gets 403, and the refusal is recorded.

    A page about a subject takes an argument `subject`, one about a hospital `site`; both must lie
    within the position of the person who asks, else the answer is 404.
    """
    if strange := set(roles) - ROLES:
        raise ValueError(f"page {name}: no such roles: {sorted(strange)}")
    route = Route(address, name, frozenset(roles), about, methods)

    def declare(view: View[P]) -> View[P]:
        if name in ROUTES:
            raise ValueError(f"two pages are called {name}")

        @functools.wraps(view)
        def guarded(request: Request, *args: P.args, **given: P.kwargs) -> HttpResponse:
            if not request.user.is_authenticated:
                return _to_login(request)
            with request.asking.trial.conductor.one_look():
                return answered(request, *args, **given)

        def answered(request: Request, *args: P.args, **given: P.kwargs) -> HttpResponse:
            asking = request.asking
            if asking.position is None or asking.role not in route.roles:
                return page_refused(request, route.name)
            if route.about == "subject":
                site = asking.trial.ask.site(cast(str, given["subject"]))
                if site is None or not asking.position.covers(site):
                    raise Http404
            if route.about == "site" and not asking.position.covers(cast(str, given["site"])):
                raise Http404
            if (other := ELSEWHERE.get((asking.role, name))) is not None:
                return redirect(reverse(other, kwargs=arguments_of(ROUTES[other], **given)))
            return view(request, *args, **given)

        ROUTES[name] = route
        _VIEWS[name] = require_http_methods([*methods, "HEAD"])(guarded)
        return cast(View[P], guarded)

    return declare


def _to_login(request: Request) -> HttpResponse:
    """To the login, and back to the page: the whole page goes, also where a part of it asked."""
    from django.contrib.auth.views import redirect_to_login

    if not request.htmx:
        return cast(HttpResponse, redirect_to_login(request.get_full_path()))
    answer = redirect_to_login(request.htmx.current_url_abs_path or "/")
    return HttpResponse(status=204, headers={"HX-Redirect": answer.url})


def url_patterns() -> list[URLPattern]:
    """The addresses of every declared page."""
    return [path(each.address, _VIEWS[each.name], name=each.name) for each in ROUTES.values()]


MENU: list[tuple[str, str]] = [("nav.subjects", "subjects")]
"""Entries of the main menu, in order: key of the wording, name of the page."""


GROUPS: tuple[tuple[str | None, tuple[str, ...]], ...] = (
    (None, ("dashboard",)),
    (None, ("subjects",)),
    (None, ("readings",)),
    ("nav.group.care", ("pharmacy", "safety", "discordance")),
    ("nav.group.laboratory", ("laboratory", "laboratory_controls")),
    ("nav.group.data", ("queries", "verification", "locks", "exports", "certified_copy")),
    ("nav.group.trial", ("sites", "scheme", "cut_offs")),
    ("nav.group.proof", ("audit", "integrity", "logins")),
    ("nav.group.access", ("people", "access_review", "tokens")),
)
"""The main menu, from left to right: what stands by itself, and groups that open. Every entry of
`MENU` stands in one of them."""


@dataclass(frozen=True, slots=True)
class MenuPart:
    """A part of the menu: entries (key of the wording, address) under a name, or one by itself."""

    name: str | None
    entries: tuple[tuple[str, str], ...]


def menu(role: str) -> list[MenuPart]:
    """The menu of a role: what it may open. A group of one entry is that entry by itself."""
    keys = {
        name: key
        for key, name in MENU
        if name in ROUTES and role in ROUTES[name].roles and (role, name) not in ELSEWHERE
    }
    found = []
    for group, names in GROUPS:
        entries = tuple((keys[name], reverse(name)) for name in names if name in keys)
        if entries:
            found.append(MenuPart(group if len(entries) > 1 else None, entries))
    return found


def back_to(role: str, subject: str) -> str:
    """Where work on a subject leads back to: their page, for a central reader the queue."""
    if role == "reader":
        return reverse("readings")
    return reverse("subject", args=[subject])


def arguments_of(route: Route, **known: Any) -> dict[str, Any]:
    """Those of `known` that the address takes: for tests and menus that walk the route table.

    >>> route = Route("subjects/<str:subject>/", "subject", EVERYBODY, "subject", ("GET",))
    >>> arguments_of(route, subject="A-1", site="X01")
    {'subject': 'A-1'}
    """
    return {name: value for name, value in known.items() if f":{name}>" in route.address}
