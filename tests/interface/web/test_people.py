"""The administrator's pages: accounts, roles granted and ended, the review of access."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth import get_user_model
from django.http import HttpResponse
from django.test import Client

from equipoise.web import logins, tokens
from equipoise.web.models import Token
from equipoise.web.page import ROUTES, arguments_of
from equipoise.web.position import Position
from tests.harness.web import Web, hidden, text

NUMBER = "X01-001"


def made(site: Web, person: str = "paul.martin") -> str:
    """The first password of an account made on the page."""
    told = {"person": person, "organisation": "Hospital of Lyon", "language": "fr"}
    return shown(site.client("administrator").post("/people/new/", told))


def shown(answer: HttpResponse) -> str:
    found = re.search(r"<code>([^<]+)</code>", answer.content.decode())
    assert answer.status_code == 200 and found, text(answer)
    return found[1]


def changed(site: Web, person: str, change: str, *, password: str | None = None) -> HttpResponse:
    own = site.passwords["admin"] if password is None else password
    return site.client("administrator").post(
        f"/people/{person}/", {"change": change, "password": own}
    )


def login(person: str, password: str) -> tuple[Client, HttpResponse]:
    browser = Client()
    answer = browser.post("/accounts/login/", {"login": person, "password": password})
    return browser, answer


def kinds() -> list[str]:
    return [event.type for event in logins.chain().read()]


@pytest.mark.requirement("UA1", "UA3", "AT5")
def test_a_person_gets_account_and_role_chooses_a_password_and_loses_the_role(site: Web) -> None:
    password = made(site)
    browser, answer = login("paul.martin", password)
    assert answer.status_code == 302
    assert browser.get("/").headers["Location"] == "/accounts/password/change/"
    chosen = "seven green otters"
    changed_to = {"oldpassword": password, "password1": chosen, "password2": chosen}
    assert browser.post("/accounts/password/change/", changed_to).headers["Location"] == "/"
    assert browser.get("/").headers["Location"] == "/position/", "no role: nothing opens"
    day = site.trial.today.isoformat()
    role = {"granted_role": "nurse", "granted_site": "X01", "occurred": day}
    assert site.filled("administrator", "/people/paul.martin/grant/", role).status_code == 302
    assert browser.get("/").status_code == 200
    page = site.client("administrator").get("/people/paul.martin/")
    (ending,) = re.findall(r"/people/paul\.martin/end/\d+/", page.content.decode())
    token = tokens.issue("paul.martin", Position("nurse", "X01"), name="x", days=30, by="x")
    headers = {"Authorization": f"Bearer {token}"}
    assert Client().get("/api/me", headers=headers).status_code == 200
    why = {"cause": "left", "reason": "letter of the hospital", "occurred": day}
    assert site.filled("administrator", ending, why).status_code == 302
    assert browser.get("/").headers["Location"] == "/position/"
    assert Client().get("/api/me", headers=headers).status_code == 401
    told = text(site.client("administrator").get("/people/paul.martin/"))
    assert "letter of the hospital" in told and "Roles that ended" in told
    assert site.client("administrator").get(ending).status_code == 404, "it has ended"
    given = site.trial.log.read(types={"GrantGiven", "GrantRevoked"})[-2:]
    assert [each.actor for each in given] == ["admin", "admin"]
    assert {"AccountCreated", "PasswordChanged"} <= set(kinds())


@pytest.mark.requirement("UA1", "UA3")
def test_an_account_is_closed_at_once_and_opened_again(site: Web) -> None:
    nurse, password = site.client("nurse"), site.passwords["nurse"]
    tokens.issue("nurse", Position("nurse", "X01"), name="x", days=30, by="nurse")
    made(site)
    assert nurse.get("/").status_code == 200
    assert changed(site, "nurse", "close", password="wrong").status_code == 422
    assert nurse.get("/").status_code == 200, "without the administrator's password nothing happens"
    assert changed(site, "nurse", "close").status_code == 302
    assert "/accounts/login/" in nurse.get("/").headers["Location"], "the session is over"
    browser, answer = login("nurse", password)
    assert answer.headers["Location"] == "/accounts/login/", "and none begins"
    assert "do not go together" in text(browser.get("/accounts/login/"))
    assert "/accounts/login/" in browser.get("/").headers["Location"]
    assert Token.objects.get().revoked is not None
    assert changed(site, "nurse", "reopen").status_code == 302
    assert login("nurse", password)[1].status_code == 302
    assert {"AccountClosed", "AccountReopened"} <= set(kinds())


@pytest.mark.requirement("UA3")
def test_whoever_is_locked_out_is_unlocked_and_who_forgot_gets_a_new_password(site: Web) -> None:
    nurse, password = site.client("nurse"), site.passwords["nurse"]
    made(site)
    for _ in range(5):
        login("nurse", "wrong")
    assert login("nurse", password)[1].status_code == 429
    assert "locked" in text(site.client("administrator").get("/people/nurse/"))
    assert changed(site, "nurse", "unlock").status_code == 302
    assert login("nurse", password)[1].status_code == 302
    fresh = shown(changed(site, "nurse", "password"))
    assert nurse.get("/").status_code == 302, "every session is over"
    assert login("nurse", password)[1].status_code == 200
    browser, answer = login("nurse", fresh)
    assert answer.status_code == 302
    assert browser.get("/").headers["Location"] == "/accounts/password/change/"
    assert {"LockedOut", "Unlocked", "PasswordIssued"} <= set(kinds())
    assert fresh not in "".join(event.body for event in logins.chain().read())


def test_nobody_closes_the_own_account_and_a_name_is_given_once(site: Web) -> None:
    made(site)
    assert changed(site, "admin", "close").status_code == 422
    assert get_user_model().objects.get(username="admin").is_active
    browser = site.client("administrator")
    for wrong in ("paul.martin", "a b", "x" * 80, "<b>", ""):
        again = browser.post(
            "/people/new/", {"person": wrong, "organisation": "H", "language": "en"}
        )
        assert again.status_code == 422, wrong
    assert browser.get("/people/nobody/").status_code == 404


@pytest.mark.requirement("UA4")
def test_who_saw_allocations_is_refused_a_blinded_role_on_the_page_too(site: Web) -> None:
    role = {"granted_role": "reader", "occurred": site.trial.today.isoformat()}
    site.account("inv")
    refused = site.filled("administrator", "/people/inv/grant/", role)
    assert refused.status_code == 422 and "UA1" in text(refused)
    assert "to another person" in text(refused)


@pytest.mark.requirement("UA2")
def test_access_is_reviewed_whole_and_signed_off_with_the_finding(site: Web) -> None:
    made(site)
    for role in ("administrator", "auditor"):
        page = text(site.client(role).get("/access-review/"))
        for grant in site.trial.conductor.state.grants.values():
            assert grant.person in page
        assert "paul.martin" in page, "an open account without a role is named"
        said = {"finding": f"seen by the {role}"}
        assert site.filled(role, "/access-review/", said).status_code == 302
        assert f"seen by the {role}" in text(site.client(role).get("/access-review/"))
    signed = site.trial.log.read(types={"AccessReviewed"})
    assert [(each.actor, each.role) for each in signed] == [
        ("admin", "administrator"), ("auditor", "auditor"),
    ]  # fmt: skip


@pytest.mark.requirement("UA1", "AT6")
def test_an_administrator_opens_no_page_on_which_anything_of_a_subject_stands(site: Web) -> None:
    site.trial.screened(NUMBER)
    browser, opened = site.client("administrator"), set()
    for route in ROUTES.values():
        known = {"subject": NUMBER, "site": "X01", "action": "GrantGiven", "person": "nurse"}
        wanted = arguments_of(route, **known)
        if route.address.count("<") != len(wanted):
            continue
        address = "/" + re.sub(r"<\w+:(\w+)>", r"{\1}", route.address).format(**wanted)
        answer = browser.get(address, follow=True)
        assert NUMBER.encode() not in answer.content or answer.status_code == 403, address
        if answer.status_code == 200:
            opened.add(route.name)
        if route.about in ("subject", "site"):
            assert answer.status_code in (403, 405), address
    assert {"people", "person", "grant", "access_review", "tokens"} <= opened
    for role in ("nurse", "data_manager", "auditor", "monitor"):
        other = site.client(role)
        for address in ("/people/", "/people/new/", "/people/nurse/", "/people/nurse/grant/"):
            assert other.get(address).status_code == 403, (role, address)


def test_a_form_to_grant_keeps_its_key_so_that_a_double_click_grants_once(site: Web) -> None:
    browser = site.client("administrator")
    page = hidden(browser.get("/people/nurse/grant/").content.decode())
    role = {"granted_role": "monitor", "occurred": site.trial.today.isoformat()}
    for _ in range(2):
        assert browser.post("/people/nurse/grant/", {**page, **role}).status_code == 302
    given = [e for e in site.trial.log.read(types={"GrantGiven"}) if '"nurse"' in e.body]
    assert len(given) == 2, "the first grant of the harness, and one more"
