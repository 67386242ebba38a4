"""Security of every address: headers, forgery, limits, secrets. The list is the route table's own.

Sources: OWASP Application Security Verification Standard 4, V3, V4, V12, V14; REQUIREMENTS UA1-4,
RN1.
"""

from __future__ import annotations

import base64
import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import Client

from equipoise.errors import RecordError, StoreFailed
from equipoise.web import settings as application
from equipoise.web import tokens
from equipoise.web.position import Position
from tests.harness.routes import Address, addresses
from tests.harness.web import Web

NUMBER = "X01-001"
KNOWN = {"subject": NUMBER, "site": "X01", "person": "nurse", "action": "FormSaved"}
WITHOUT_LOGIN = {
    "account_login", "language", "healthy", "api:openapi-json", "openapi-json", "api-root",
    "account_logout", "questionnaire",
}  # fmt: skip
"""Pages that anybody may open, none of which tells anything of the trial."""


def every(**more: str) -> list[Address]:
    found = addresses(**{**KNOWN, **more})
    assert len(found) > 60
    return found


def check_headers(address: str, answer: HttpResponse) -> None:
    policy = answer.headers["Content-Security-Policy"]
    assert "unsafe" not in policy and "default-src 'none'" in policy, address
    assert "frame-ancestors 'none'" in policy and "form-action 'self'" in policy, address
    assert not re.search(r"(?<!')\bhttps?:|\*", policy), (address, "nothing from elsewhere")
    assert answer.headers["X-Content-Type-Options"] == "nosniff", address
    assert answer.headers["X-Frame-Options"] == "DENY", address
    assert answer.headers["Referrer-Policy"] == "same-origin", address
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin", address
    assert "no-store" in answer.headers.get("Cache-Control", ""), address
    if "html" not in answer.headers.get("Content-Type", ""):
        return
    page = answer.content.decode()
    assert not re.search(r"<[a-z][^>]*\s(style|on[a-z]+)\s*=", page), address
    scripts = re.findall(r"<script\b([^>]*)>", page)
    assert all("src=" in each or "application/json" in each for each in scripts), address
    assert not re.findall(r"""(?:src|href|action)=["'](?:https?:)?//""", page), address


SEEING_MOST = (
    "statistician", "auditor", "data_manager", "investigator", "laboratory", "reader", "pharmacist",
    "safety_officer", "monitor", "nurse", "administrator",
)  # fmt: skip
"""Roles by how much a page may show them: each page is opened by the first two that may."""


def secrets(site: Web) -> list[bytes]:
    """Every key of the trial but those of subjects, the seed as it is sealed, the application's
    own secret."""
    (scheme,) = site.trial.log.read(types={"SchemeActivated"})
    found = [json.loads(scheme.body)["sealed_seed"], site.configuration.secret]
    names = [name for name in site.trial.keys.names() if not name.startswith("subject/")]
    assert any(name.startswith("seed") for name in names), names
    for name in names:
        secret = site.trial.keys.get(name).secret
        found += [secret.hex(), base64.b64encode(secret).decode()]
    return [each.encode() for each in found]


@pytest.mark.slow
@pytest.mark.requirement("UA1", "UA3", "RN1")
def test_every_answer_has_a_strict_policy_no_script_inside_and_no_seed_or_key(site: Web) -> None:
    site.trial.screened(NUMBER)
    site.trial.act("Randomise", {}, "nurse", subject=NUMBER)
    hidden, stranger, opened = secrets(site), Client(), 0
    last = str(site.trial.log.read(subject=NUMBER)[-1].seq)
    for each in every(seq=last):
        roles = [role for role in SEEING_MOST if role in each.roles][:2]
        for who, browser in [("nobody", stranger), *((r, site.client(r)) for r in roles)]:
            answer = browser.get(each.path)
            assert answer.status_code < 500, (who, each.path)
            check_headers(f"{who} {each.path}", answer)
            assert not any(secret in answer.content for secret in hidden), (who, each.path)
            opened += who != "nobody" and answer.status_code == 200
            if who == "nobody" and each.name not in WITHOUT_LOGIN:
                assert answer.status_code in (302, 401, 403, 404, 405), each
                assert "/accounts/login/" in answer.headers.get("Location", "/accounts/login/")
    assert opened > 60, "not only refusals were looked at"


@pytest.mark.requirement("RN1")
def test_a_program_reads_no_seed_and_no_key(site: Web) -> None:
    site.trial.screened(NUMBER)
    hidden = secrets(site)
    site.account("auditor")
    token = tokens.issue("auditor", Position("auditor", None), name="x", days=30, by="x")
    for address in ("/api/me", "/api/subjects", f"/api/subjects/{NUMBER}/events"):
        answer = Client().get(address, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200
        assert not any(secret in answer.content for secret in hidden), address


@pytest.mark.slow
@pytest.mark.requirement("UA1")
def test_nothing_is_changed_by_a_form_that_comes_from_elsewhere(site: Web) -> None:
    site.trial.screened(NUMBER)
    before = site.trial.log.head()
    for role in ("investigator", "administrator"):
        forged = Client(enforce_csrf_checks=True)
        forged.cookies = site.client(role).cookies
        for each in every():
            if each.path.startswith("/api/"):
                assert forged.post(each.path).status_code in (401, 403, 405), each
                continue
            for method in ("post", "put", "patch", "delete"):
                answer = getattr(forged, method)(each.path)
                assert answer.status_code in (403, 405), (role, method, each)
                check_headers(each.path, answer)
    assert site.trial.log.head() == before


def test_a_page_that_only_shows_takes_no_form(site: Web) -> None:
    browser = site.client("investigator")
    site.trial.screened(NUMBER)
    shows = [each for each in every() if not each.takes_post]
    assert len(shows) > 10
    for each in shows:
        assert browser.post(each.path).status_code in (403, 404, 405), each


@pytest.mark.requirement("UA3")
def test_passwords_are_not_tried_on_one_account_after_another(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "FORMS_A_MINUTE", 6)
    stranger, nurse = Client(), site.client("nurse")
    tried = [
        stranger.post("/accounts/login/", {"login": f"p{n}", "password": "spring"}).status_code
        for n in range(8)
    ]
    assert tried.count(200) >= 5 and tried[-1] == 429
    refused = stranger.post("/accounts/login/", {"login": "nurse", "password": "x"})
    assert refused.headers["Retry-After"] == "60"
    check_headers("too often", refused)
    assert nurse.get("/subjects/").status_code == 200, "whoever is in goes on"


def test_a_body_or_a_form_beyond_the_limits_is_not_read(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "LONGEST_BODY", 2000)
    browser = site.client("nurse")
    for address in ("/screen/", "/accounts/login/", "/api/actions/Correct"):
        answer = browser.post(address, {"text": "x" * 3000})
        assert answer.status_code == 413, address
        check_headers(address, answer)
    odd = browser.post("/screen/", CONTENT_LENGTH="many")
    assert odd.status_code == 413
    monkeypatch.setattr(settings, "LONGEST_BODY", 10_000_000)
    fields = {f"f{n}": "1" for n in range(settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1)}
    assert browser.post("/accounts/reauthenticate/", fields).status_code == 400
    monkeypatch.setattr(settings, "DATA_UPLOAD_MAX_MEMORY_SIZE", 100)
    long = browser.post(
        "/accounts/reauthenticate/", "password=" + "x" * 500,
        content_type="application/x-www-form-urlencoded",
    )  # fmt: skip
    assert long.status_code == 400


def test_an_error_of_ours_tells_nothing_of_how_we_are_made(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    from equipoise.web.pages import home

    def fails(*_: Any) -> None:
        raise RuntimeError("the secret of the day")

    browser = site.client("nurse")
    monkeypatch.setattr(home, "overview", fails)
    browser.raise_request_exception = False
    answer = browser.get("/")
    assert answer.status_code == 500
    assert "secret of the day" not in answer.content.decode()
    assert "Traceback" not in answer.content.decode()
    check_headers("/", answer)


def test_a_content_that_cannot_be_used_is_told_and_no_outage(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    from equipoise.web.pages import home

    browser, said = site.client("nurse"), "event 7: the body of a FormSaved is not JSON"
    browser.raise_request_exception = False
    told = {}
    for kind in (RecordError, StoreFailed):

        def fails(*_: Any, kind: type[RecordError] = kind) -> None:
            raise kind(said)

        monkeypatch.setattr(home, "overview", fails)
        answer = browser.get("/")
        told[answer.status_code] = said in answer.content.decode()
        assert ("Retry-After" in answer.headers) is (kind is StoreFailed)
    assert told == {500: True, 503: False}


@pytest.mark.requirement("UA3")
def test_outside_a_demonstration_everything_goes_by_tls_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DEMONSTRATION", "KEYS", "ACCOUNTS", "LOGINS"):
        monkeypatch.delenv(f"EQUIPOISE_{name}", raising=False)
    monkeypatch.setenv("EQUIPOISE_RECORD", str(tmp_path / "r.sqlite3"))
    monkeypatch.setenv("EQUIPOISE_SECRET", "s" * 60)
    monkeypatch.setenv("EQUIPOISE_HOSTS", "trial.example")
    found = runpy.run_path(application.__file__)
    assert found["ALLOWED_HOSTS"] == ["trial.example"] and found["DEBUG"] is False
    assert found["SECURE_SSL_REDIRECT"] and found["SECURE_HSTS_SECONDS"] >= 31_536_000
    assert found["SESSION_COOKIE_SECURE"] and found["CSRF_COOKIE_SECURE"]
    assert found["SECRET_KEY"] == "s" * 60, "from the environment, and from nowhere else"
    assert not found["MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN"]
    text = Path(application.__file__).read_text(encoding="utf-8")
    assert not re.search(r"SECRET_KEY\s*=\s*[\"']", text)
