"""Second factors and the administrator's pages in a browser: no library, no violation, no trace."""

from __future__ import annotations

from typing import Any

import pytest

from tests.harness.one_time import totp
from tests.harness.served import Served

pytestmark = pytest.mark.slow

KEY = {
    "protocol": "ctap2", "transport": "usb", "hasResidentKey": False, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip
"""A security key that answers by itself."""


def clean(page: Any, width: int = 1280) -> None:
    """No violation of accessibility, nothing wider than the page."""
    from axe_playwright_python.sync_playwright import Axe

    page.set_viewport_size({"width": width, "height": 900})
    found = Axe().run(page).response["violations"]
    assert [(each["id"], each["nodes"][0]["target"]) for each in found] == [], page.url
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not page.evaluate(wide), page.url


def send(page: Any, button: str = "main button.main") -> None:
    page.click(button)
    page.wait_for_load_state()


def log_in(page: Any, application: Served, person: str) -> None:
    page.goto(f"{application.address}/accounts/login/")
    page.fill("#id_login", person)
    page.fill("#id_password", application.passwords[person])
    send(page)


def log_out(page: Any, application: Served) -> None:
    page.goto(f"{application.address}/accounts/logout/")
    send(page)


@pytest.mark.requirement("UA2", "UA3")
def test_a_telephone_and_a_key_are_set_up_and_each_opens_the_account_alone(
    application: Served,
) -> None:
    application.address = application.address.replace("127.0.0.1", "localhost")  # a key's domain
    page = application.page("nurse")
    page.goto(f"{application.address}/accounts/2fa/totp/activate/")
    clean(page)
    page.fill("#id_password", application.passwords["nurse"])
    send(page)
    clean(page, 820)
    secret = page.inner_text("#authenticator_secret")
    page.fill("#id_code", totp(secret))
    send(page)
    codes = page.locator(".codes code").all_inner_texts()
    assert len(codes) == 10
    clean(page)
    keys = page.context.new_cdp_session(page)
    keys.send("WebAuthn.enable")
    keys.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
    page.goto(f"{application.address}/accounts/2fa/webauthn/add/")
    page.fill("#id_name", "blue key")
    page.click("#mfa_webauthn_add")
    page.wait_for_url("**/accounts/2fa/")
    clean(page, 820)
    log_out(page, application)
    log_in(page, application, "nurse")
    clean(page)
    page.click("#mfa_webauthn_authenticate")
    page.wait_for_url(f"{application.address}/")
    log_out(page, application)
    log_in(page, application, "nurse")
    page.fill("#id_code", codes[0])
    send(page)
    assert page.url == f"{application.address}/"
    _administrator(application)
    assert application.told == []


def _administrator(application: Served) -> None:
    """A person gets account and role, access is reviewed: by keyboard, and nothing stays typed."""
    page = application.page("administrator")
    assert page.url.endswith("/people/")
    clean(page, 820)
    page.goto(f"{application.address}/people/new/")
    page.fill("[name=person]", "paul.martin")
    page.fill("[name=organisation]", "Hospital of Lyon")
    page.keyboard.press("Enter")
    page.wait_for_selector(".secret code")
    clean(page, 820)
    page.goto(f"{application.address}/people/paul.martin/grant/")
    clean(page)
    page.select_option("[name=granted_role]", "pharmacist")
    page.select_option("[name=granted_site]", "X01")
    send(page, "main .action button.main")
    assert "Pharmacist · X01" in page.inner_text("main")
    page.goto(f"{application.address}/access-review/")
    clean(page, 820)
    page.fill("[name=finding]", "All roles are needed.")
    send(page, "main .action button.main")
    assert "All roles are needed." in page.inner_text("main")
    assert page.input_value("[name=finding]") == "", "what was recorded is no draft any more"
