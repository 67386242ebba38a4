"""Log in, find what is due, screen a patient: the first minute of a nurse."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.harness.served import Served

pytestmark = pytest.mark.slow
axe = Axe()


def test_a_nurse_screens_a_patient(application: Served) -> None:
    page = application.page("nurse")
    assert page.locator("h1").inner_text().startswith("What there is to do")
    page.click("text=Screen a patient")
    number = page.input_value("#id_subject")
    assert number == "X01-001"
    page.fill("#id_occurred", application.trial.today.isoformat())
    page.click("main button.main")
    page.wait_for_url("**/subjects/X01-001/")
    assert [e.type for e in application.trial.log.read(subject=number)] == ["SubjectScreened"]
    assert application.told == []


def test_what_was_typed_survives_an_expired_login(application: Served) -> None:
    application.trial.screened("X01-001")
    page = application.page("nurse")
    address = f"{application.address}/subjects/X01-001/do/ConcomitantMedicationRecorded/"
    page.goto(address)
    page.fill("#id_drug", "octreotide")
    page.context.clear_cookies(name="equipoise_session")
    page.click("main button.main")
    page.wait_for_url("**/accounts/login/**")
    page.fill("#id_login", "nurse")
    page.fill("#id_password", application.passwords["nurse"])
    page.click("main button.main")
    page.goto(address)
    assert page.input_value("#id_drug") == "octreotide"


def test_pages_have_no_violation_of_accessibility(application: Served) -> None:
    application.trial.screened("X01-001")
    page = application.page("investigator")
    for place in ("/", "/subjects/", "/subjects/new/", "/subjects/X01-001/", "/position/",
                  "/subjects/X01-001/do/TumourAssessed/"):  # fmt: skip
        page.goto(application.address + place)
        found = axe.run(page)
        assert found.violations_count == 0, (place, found.generate_report())
    assert application.told == []
