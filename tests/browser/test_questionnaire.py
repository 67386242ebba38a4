"""A hospital gives a code; a patient answers in French on a phone; it opens nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.harness.questionnaires import study_with_a_questionnaire
from tests.harness.served import served
from tests.harness.trial import Trial

pytestmark = pytest.mark.slow
NUMBER = "X01-001"
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


def _takes_part(trial: Trial) -> None:
    trial.act("SubjectScreened", {}, subject=NUMBER)
    consent = {"consent": "participation", "version": "1"}
    trial.act("ConsentSigned", consent, subject=NUMBER)


def clean(page: Any, *widths: int) -> None:
    """No violation of accessibility, nothing beside the window."""
    before = page.viewport_size
    for width in widths or (before["width"],):
        page.set_viewport_size({"width": width, "height": 844})
        found = Axe().run(page)
        assert found.violations_count == 0, (page.url, width, found.generate_report())
        beside = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert page.evaluate(beside) <= 0, (page.url, width)
    page.set_viewport_size(before)


def enter(phone: Any, code: str, year: str = "1961") -> None:
    phone.fill("#id_code", code)
    phone.fill("#id_birth_year", year)
    with phone.expect_navigation():
        phone.locator("form.code button").tap()


def test_a_patient_answers_in_french_on_a_phone(
    tmp_path_factory: pytest.TempPathFactory, chromium: Browser
) -> None:
    folder = tmp_path_factory.mktemp("questionnaire")
    study = study_with_a_questionnaire()
    with served(folder, chromium, study, behind=5, prepare=_takes_part) as application:
        nurse = application.page("nurse", language="fr")
        nurse.goto(f"{application.address}/subjects/{NUMBER}/questionnaires/new/")
        clean(nurse, 1280, 820)
        nurse.fill("#id_birth_year", "1961")
        nurse.press("#id_birth_year", "Enter")
        nurse.wait_for_selector("strong.code")
        clean(nurse, 1280, 820)
        code = nurse.inner_text("strong.code")
        nurse.emulate_media(media="print")
        assert nurse.is_visible("strong.code") and not nurse.is_visible(".notice")

        phone = chromium.new_context(locale="fr-FR", **PHONE).new_page()
        phone.goto(nurse.inner_text("strong.address"))
        assert phone.get_attribute("html", "lang") == "fr", "the language of the phone"
        clean(phone, 390, 820, 1280)
        enter(phone, code, "1962")
        assert "n’ouvrent aucun questionnaire" in phone.inner_text("main")
        clean(phone)
        enter(phone, code.lower().replace("-", " "))
        clean(phone, 390, 820, 1280)
        _answered(phone)
        assert "Merci" in phone.inner_text("main")
        clean(phone, 390, 820)
        (event,) = application.trial.log.read(subject=NUMBER, types={"FormSaved"})
        items = {each["item"]: each for each in json.loads(event.body)["items"]}
        assert (items["q1"]["value"], items["q30"]["value"]) == ("1", "7")
        assert items["q2"]["value_missing"] == "not_done" and event.role == "participant"
        _nothing_else(application, phone, code)
        nurse.emulate_media(media="screen")
        nurse.goto(f"{application.address}/subjects/{NUMBER}/")
        assert "100,0" in nurse.inner_text("main")
        assert application.told == []


def _answered(phone: Any) -> None:
    """Everything but one question: that is told once, and then taken."""
    for number in range(1, 31):
        if number != 2:
            last = 6 if number > 28 else 0
            phone.locator(f"label[for=id_q{number}_{last}]").tap()
    phone.locator("button.main").tap()
    phone.wait_for_selector("[role=alert]")
    assert phone.locator(".left-out").count() == 1 and phone.is_checked("#id_q30_6")
    clean(phone)
    with phone.expect_navigation():
        phone.locator("button.main").tap()


def _nothing_else(application: Any, phone: Any, code: str) -> None:
    """The code is used up, going back shows nothing, every page asks for a login."""
    for place in ("/", f"/subjects/{NUMBER}/", "/subjects/", "/audit/", "/api/subjects"):
        answer = phone.goto(application.address + place)
        assert "/accounts/login/" in phone.url or answer.status in (401, 403, 404), place
    phone.goto(f"{application.address}/questionnaire/")
    enter(phone, code)
    assert "n’ouvrent aucun questionnaire" in phone.inner_text("main")
    assert len(application.trial.log.read(subject=NUMBER, types={"FormSaved"})) == 1
    names = {each["name"] for each in phone.context.cookies()}
    assert "equipoise_session" not in names
