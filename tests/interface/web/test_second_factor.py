"""Second factors: obligatory outside a demonstration, not to be guessed, kept under a key."""

from __future__ import annotations

import re

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client

from equipoise.web import logins
from tests.harness.one_time import totp
from tests.harness.trial import PEOPLE
from tests.harness.web import Web, text


def again(site: Web, role: str) -> Client:
    """The browser of a person who has just confirmed the password."""
    browser = site.client(role)
    confirmed = {"password": site.passwords[PEOPLE[role]]}
    assert browser.post("/accounts/reauthenticate/", confirmed).status_code == 302
    return browser


def enrolled(site: Web, role: str = "nurse") -> tuple[str, list[str]]:
    """The secret of an application that a person set up, and the emergency codes."""
    cache.clear()
    browser = again(site, role)
    page = browser.get("/accounts/2fa/totp/activate/").content.decode()
    found = re.search(r'id="authenticator_secret">([A-Z2-7]+)<', page)
    assert found, page[-1500:]
    done = browser.post("/accounts/2fa/totp/activate/", {"code": totp(found[1])}, follow=True)
    codes = re.findall(r"<code>(\w+)</code>", done.content.decode())
    assert done.status_code == 200 and len(codes) == 10
    later = browser.get("/accounts/2fa/recovery-codes/").content.decode()
    assert not any(code in later for code in codes), "they are shown once"
    cache.clear()  # a code counts once: the next login may be within the same half minute
    return found[1], codes


def login(site: Web, person: str) -> Client:
    browser = Client()
    answer = browser.post("/accounts/login/", {"login": person, "password": site.passwords[person]})
    assert answer.headers["Location"] == "/accounts/2fa/authenticate/"
    assert "/accounts/login/" in browser.get("/").headers["Location"], "not yet in"
    return browser


def proved(browser: Client, code: str) -> HttpResponse:
    return browser.post("/accounts/2fa/authenticate/", {"code": code})


@pytest.mark.requirement("UA3", "AT5")
def test_the_code_of_an_application_and_each_emergency_code_once_open_the_account(
    site: Web,
) -> None:
    secret, codes = enrolled(site)
    assert proved(login(site, "nurse"), totp(secret)).status_code == 302
    browser = login(site, "nurse")
    assert proved(browser, codes[0]).status_code == 302 and browser.get("/").status_code == 200
    twice = proved(login(site, "nurse"), codes[0])
    assert twice.status_code == 200 and twice.wsgi_request.user.is_anonymous  # type: ignore[attr-defined]
    kept = Authenticator.objects.get(type="totp").data["secret"]
    assert secret not in kept, "the database of accounts holds no secret in clear"
    events = logins.chain().read()
    assert "SecondFactorAdded" in [event.type for event in events]
    assert not any(secret in event.body or codes[0] in event.body for event in events)


@pytest.mark.requirement("UA3")
def test_wrong_codes_lock_the_account_and_then_the_right_one_opens_nothing(site: Web) -> None:
    secret, codes = enrolled(site)
    browser = login(site, "nurse")
    answers = [proved(browser, "000000").status_code for _ in range(5)]
    assert answers[:4] == [200] * 4 and answers[4] == 429
    for code in (totp(secret), codes[0]):
        locked = proved(browser, code)
        assert locked.status_code == 200 and "Locked" in text(locked)
    assert "/accounts/login/" in browser.get("/").headers["Location"]
    stranger = Client()
    right = {"login": "nurse", "password": site.passwords["nurse"]}
    assert stranger.post("/accounts/login/", right).status_code == 429
    kinds = [event.type for event in logins.chain().read()]
    assert kinds.count("LoginFailed") >= 5 and "LockedOut" in kinds


@pytest.mark.requirement("UA3")
def test_nobody_works_without_a_second_factor_outside_a_demonstration(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = site.client("nurse")
    monkeypatch.setattr(settings, "DEMONSTRATION", False)
    for address in ("/", "/subjects/", "/tokens/", "/position/"):
        assert browser.get(address).headers["Location"] == "/accounts/2fa/"
    enrolled(site)
    assert browser.get("/").status_code == 200
    refused = browser.get("/accounts/2fa/totp/deactivate/")
    assert "only second factor" in text(refused)
    browser.post("/accounts/2fa/totp/deactivate/")
    assert Authenticator.objects.filter(type="totp").exists()


@pytest.mark.requirement("UA3")
def test_an_administrator_removes_the_factor_of_whoever_lost_it(site: Web) -> None:
    enrolled(site)
    site.client("administrator")
    told = {"change": "factors", "password": site.passwords["admin"]}
    assert site.client("administrator").post("/people/nurse/", told).status_code == 302
    assert Authenticator.objects.count() == 0
    browser = Client()
    right = {"login": "nurse", "password": site.passwords["nurse"]}
    assert browser.post("/accounts/login/", right).headers["Location"] == "/"
    assert "SecondFactorRemoved" in [event.type for event in logins.chain().read()]


@pytest.mark.requirement("UA3")
def test_a_session_ends_when_nobody_worked_for_half_an_hour(site: Web) -> None:
    import datetime

    from django.contrib.sessions.models import Session
    from django.utils import timezone

    browser = site.client("nurse")
    answer = browser.get("/")
    cookie = answer.cookies["equipoise_session"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"
    kept = Session.objects.get(session_key=browser.cookies["equipoise_session"].value)
    left = kept.expire_date - timezone.now()
    assert datetime.timedelta(minutes=29) < left <= datetime.timedelta(minutes=30)
    Session.objects.filter(pk=kept.pk).update(
        expire_date=timezone.now() - datetime.timedelta(seconds=1)
    )
    assert "/accounts/login/" in browser.get("/").headers["Location"]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_pages_of_second_factors_are_our_own_in_both_languages(
    site: Web, language: str
) -> None:
    site.client("nurse", language=language)
    browser = again(site, "nurse")
    for address in (
        "/accounts/2fa/", "/accounts/2fa/totp/activate/", "/accounts/2fa/webauthn/",
        "/accounts/2fa/webauthn/add/", "/position/",
    ):  # fmt: skip
        answer = browser.get(address)
        page = answer.content.decode()
        assert answer.status_code == 200 and 'class="top"' in page, address
        assert ("Second factor" in page) == (language == "en"), address
    enrolled(site)
    for address in ("/accounts/2fa/recovery-codes/generate/", "/accounts/2fa/totp/deactivate/"):
        page = browser.get(address).content.decode()
        assert 'class="top"' in page and (
            "Remove" in page or "Supprimer" in page or "codes" in page
        )
