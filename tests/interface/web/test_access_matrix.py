"""Every page × role × hospital × state of blinding: who may open it, and what its bytes tell.

The pages are those of the route table, so that a new one is walked too. What a role must not read
is stated here, not asked of the code: REQUIREMENTS AT6, BM1, RN2, UA1; ICH E6(R3) 4.3.
"""

from __future__ import annotations

import io
import itertools
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from django.urls import URLResolver, reverse

from equipoise.record.event import Event
from equipoise.study.access import ACTION_ROLES, ROLES
from equipoise.study.catalogue import ACTIONS
from equipoise.web import tokens
from equipoise.web.page import ROUTES, Route
from equipoise.web.position import Position
from equipoise.web.urls import urlpatterns
from tests.harness.access import PAGE, rendered
from tests.harness.revealing import (
    FOREIGN,
    OWN,
    SECRETS,
    lived_through,
    opened_second_site,
    revealing_study,
    sealed_seed,
)
from tests.harness.trial import PEOPLE, SITE_PEOPLE
from tests.harness.web import Web, web

HIDDEN: Mapping[str, frozenset[str]] = {
    "investigator": frozenset({"marker", "scheme"}),
    "nurse": frozenset({"marker", "scheme"}),
    "pharmacist": frozenset({"marker", "scheme", "outcome", "identity"}),
    "laboratory": frozenset({"allocation", "scheme", "outcome", "clinical", "identity"}),
    "reader": frozenset({"allocation", "marker", "scheme", "outcome", "clinical", "identity"}),
    "data_manager": frozenset({"identity"}),
    "monitor": frozenset({"marker", "scheme"}),
    "statistician": frozenset({"allocation", "identity"}),
    "safety_officer": frozenset({"marker", "scheme", "identity"}),
    "auditor": frozenset({"identity"}),
    "administrator": frozenset(
        {"allocation", "marker", "scheme", "outcome", "clinical", "identity"}
    ),
}
"""What each role must not learn, where hospitals are not told the marker status."""

WITHOUT_A_PAGE = {
    "account_login", "account_logout", "account_reauthenticate", "account_change_password",
    "accounts/2fa/", "api/", "language", "position", "healthy",
    "questionnaire",
}  # fmt: skip
"""Addresses beside the declared pages: a login, the session, the programs' interface, and
the page of a patient with a code, which opens nothing else."""


ALWAYS, TOLD = "hospitals are not told", "hospitals are told"
"""Whether the study tells hospitals the marker status."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Web]:
    """Two hospitals, a subject in each, to whom everything has happened that can tell something."""
    folder = tmp_path_factory.mktemp("access")
    with web(folder, revealing_study(folder / "study", disclosed=request.param == TOLD)) as served:
        second = opened_second_site(served.trial)
        lived_through(served.trial, OWN)
        lived_through(second, FOREIGN)
        at = {"cut": served.trial.today.isoformat(), "as_of": served.trial.log.head().seq}
        served.trial.act("CutOffDeclared", {"cut_off": "DMC-1", **at}, "data_manager")
        yield served


def secrets_of(site: Web, role: str) -> frozenset[str]:
    """What the bytes that reach a role must not hold, in small letters."""
    hidden = set(HIDDEN[role])
    if site.trial.study.biomarker.disclosed_to_sites and role in SITE_PEOPLE:
        assert "q_stat" in told(site.client("nurse").get(f"/subjects/{OWN}/"))
        hidden -= {"marker"}
    seed = sealed_seed(site.trial.log.read(types={"SchemeActivated"})).lower()
    return frozenset({seed}.union(*(SECRETS[each] for each in hidden)))


def addresses(site: Web, route: Route, role: str, subject: str) -> Iterator[str]:
    """The addresses of a page: every action that the role may do, every entry of the subject."""
    events: dict[str, Event] = {e.type: e for e in site.trial.log.read(subject=subject)}
    known: dict[str, list[str | int]] = {
        "subject": [subject],
        "action": sorted(name for name in ACTIONS if role in ACTION_ROLES[name]),
        "seq": [event.seq for event in events.values()],
        "name": ["1", "2"],
        "code": ["status", "person"],
        "assay": ["panel", "other"],
        "sha256": ["0" * 64],
        "token": [1],
        "job": ["0" * 24],
        "site": ["X01" if subject == OWN else "X02"],
        "person": ["inv", "nobody"],
        "cycle": [1],
        "drug": sorted({json.loads(e.body)["drug"] for n, e in events.items() if n == "DoseGiven"}),
        "dispensing": [f"D-{subject}"],
        "query": [f"Q-{subject}"],
        "cut": [event.seq for event in site.trial.log.read(types={"CutOffDeclared"})],
        "row": [1],
    }
    wanted = re.findall(r"<\w+:(\w+)>", route.address)
    for values in itertools.product(*(known[each] for each in wanted)):
        given = dict(zip(wanted, values, strict=True))
        address = reverse(route.name, kwargs=given)
        yield address
        if route.name in ("history", "correct", "redact"):
            event = next(each for each in events.values() if each.seq == given["seq"])
            items = [*_items(event)]
            yield from (f"{address}?item={item}" for item in dict.fromkeys(items[:1] + items[-1:]))


def _items(event: Event) -> Iterator[str]:
    """The paths of an event's items, as histories and corrections are asked for them."""
    for name, value in json.loads(event.body).items():
        if not isinstance(value, list):
            yield name
        elif value and isinstance(value[0], dict):
            first, *others = value[0].items()
            yield from (f"{name}/{first[1]}/{each}" for each, _ in others)


def sent(browser: Client, method: str, address: str) -> HttpResponse:
    """A request without content; a page that leads elsewhere is followed."""
    send = browser.get if method == "GET" else browser.post
    answer: HttpResponse = send(address, follow=True)  # type: ignore[assignment]
    assert answer.status_code < 500, address
    return answer


def told(answer: HttpResponse) -> str:
    """All that reaches a browser: headers, content, files of an archive, in small letters."""
    content: bytes = b"".join(answer) if answer.streaming else answer.content
    parts = [str(answer.headers), content.decode("utf-8", "replace")]
    if content[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for name in archive.namelist():
                parts += [name, archive.read(name).decode("utf-8", "replace")]
    return "\n".join(parts).lower()


def revealed(answer: HttpResponse, secrets: frozenset[str], asked: str = "") -> set[str]:
    """The secrets among what was told, with a little of what stands around them.

    The address that was `asked` for comes back in the page: it told nothing. The study file and the
    rule of the scheme are left out: they name every arm to whoever sees them, and no subject.
    """
    text = told(answer).replace(asked.lower(), "") if asked else told(answer)
    text = re.sub(r"<dt>(study|rule)</dt><dd>[{&].*?</dd>", "", text, flags=re.S)
    text = "\n".join(
        each
        for each in text.split("\n")
        if ",studyversionadopted," not in each and ",schemeactivated," not in each
    )
    return {
        text[max(0, text.index(each) - 60) : text.index(each) + 40]
        for each in secrets
        if each in text
    }


def walked(
    site: Web, role: str, subject: str, browser: Client
) -> Iterator[tuple[str, HttpResponse, Route]]:
    """Every page in every way that it answers to."""
    for route in ROUTES.values():
        for address in addresses(site, route, role, subject):
            for method in route.methods:
                yield f"{method} {address}", sent(browser, method, address), route


@pytest.mark.slow
@pytest.mark.requirement("AT6", "BM1", "RN2", "UA1")
@pytest.mark.parametrize(
    ("site", "role"),
    [*((ALWAYS, role) for role in sorted(ROLES)), *((TOLD, role) for role in SITE_PEOPLE)],
    indirect=["site"],
)
def test_a_role_opens_what_is_its_own_and_no_byte_tells_it_more(site: Web, role: str) -> None:
    browser, secrets = site.client(role), secrets_of(site, role)
    faults, opened = [], 0
    for asked, answer, route in walked(site, role, OWN, browser):
        refused = answer.status_code == 403
        if refused != (role not in route.roles):
            faults.append((asked, answer.status_code))
        opened += answer.status_code == 200
        of_rule = SECRETS["allocation"] if route.name == "scheme" else frozenset()
        told_here = revealed(answer, secrets - of_rule, asked.split()[1])
        faults += [(asked, each) for each in told_here]
        if role in SITE_PEOPLE and FOREIGN.lower() in told(answer):
            faults.append((asked, FOREIGN))
    assert not faults
    assert opened > 3


@pytest.mark.slow
@pytest.mark.requirement("AT6", "UA1")
@pytest.mark.parametrize("site", [ALWAYS], indirect=True)
@pytest.mark.parametrize("role", SITE_PEOPLE)
def test_what_belongs_to_another_hospital_is_not_there(site: Web, role: str) -> None:
    browser = site.client(role)
    for route in ROUTES.values():
        if "<str:subject>" not in route.address:
            continue
        address = next(addresses(site, route, role, FOREIGN))
        for method, subject in itertools.product(route.methods, (FOREIGN, "X02-999")):
            answer = sent(browser, method, address.replace(FOREIGN, subject))
            assert answer.status_code == (404 if role in route.roles else 403), (method, address)


@pytest.mark.slow
@pytest.mark.requirement("AT6", "BM1")
@pytest.mark.parametrize("site", [ALWAYS], indirect=True)
@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_program_is_told_no_more_than_the_person(site: Web, role: str) -> None:
    person = PEOPLE[role]
    site.client(role)
    position = Position(role, site.trial.site if role in SITE_PEOPLE else None)
    secret = tokens.issue(person, position, name=f"t-{role}", days=30, by="admin")
    program, headers = Client(), {"Authorization": f"Bearer {secret}"}
    for subject in (OWN, FOREIGN):
        for address in ("me", "subjects", f"subjects/{subject}/events"):
            answer = program.get(f"/api/{address}", headers=headers)
            assert answer.status_code in (200, 403, 404), (address, answer.content)
            assert not revealed(answer, secrets_of(site, role)), (role, address)
            if role in SITE_PEOPLE and subject == FOREIGN:
                assert subject not in answer.content.decode() or answer.status_code == 404


@pytest.mark.requirement("UA1")
@pytest.mark.parametrize("site", [ALWAYS], indirect=True)
def test_nobody_opens_a_page_without_a_login(site: Web) -> None:
    for route in ROUTES.values():
        cache.clear()  # of how many forms came from this address
        address = next(addresses(site, route, "auditor", OWN))
        for method in route.methods:
            send = Client().get if method == "GET" else Client().post
            answer = send(address)
            assert answer.status_code == 302, address
            assert answer["Location"].startswith("/accounts/login/"), address
    assert Client().get("/api/subjects").status_code == 401


def test_every_address_is_a_declared_page_or_one_of_the_session() -> None:
    others = {
        str(each.pattern) if isinstance(each, URLResolver) else each.name
        for each in urlpatterns
        if isinstance(each, URLResolver) or each.name not in ROUTES
    }
    assert others == WITHOUT_A_PAGE


def test_the_printed_matrix_is_that_of_the_route_table() -> None:
    assert Path(PAGE).read_text(encoding="utf-8") == rendered(), (
        "write it again: python -m tests.harness.access"
    )
