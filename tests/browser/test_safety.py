"""A nurse reports a serious adverse event by keyboard; the pages of safety have no violation."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.harness.hands import Hands
from tests.harness.served import Served

pytestmark = pytest.mark.slow
NUMBER = "X01-001"
PLACE = f"/subjects/{NUMBER}/adverse-events/"


def test_a_nurse_reports_a_serious_adverse_event(application: Served) -> None:
    application.trial.screened(NUMBER)
    page = application.page("nurse")
    page.goto(f"{application.address}/subjects/{NUMBER}/")
    hands = Hands(page)
    hands.click("ul.actions >> text=Report an adverse event")
    page.wait_for_selector("#id_term:focus")
    hands.type("pneumon")
    page.wait_for_selector("#terms [role=option]:has-text('Pneumonitis')")
    while page.get_attribute("#terms [aria-selected=true]", "data-value") != "Pneumonitis":
        hands.press("ArrowDown")
    hands.press("Enter")
    page.wait_for_selector(".grades input[type=radio]:focus")
    hands.press("ArrowDown", "ArrowDown")
    assert page.is_checked(".grades input[value='3']")
    hands.click("#id_occurred")
    hands.type(application.trial.today.isoformat())
    hands.press("Tab", "Tab")
    hands.type("not")
    hands.press("Tab", "Space", "Enter")
    page.wait_for_url("**/serious/")
    hands.click("text=hospitalisation or prolongation of it")
    hands.click("#id_narrative")
    hands.type("Dyspnoea, admitted, oxygen, steroids.")
    hands.click("main button.main")
    page.wait_for_url(f"**{PLACE}AE1/")
    hands.told("report an SAE")
    kinds = [e.type for e in application.trial.log.read(subject=NUMBER)][-2:]
    assert kinds == ["AdverseEventReported", "SeriousAdverseEventReported"]
    assert "in time" in page.inner_text("main")
    _no_violation(application, page)


def _no_violation(application: Served, page: Any) -> None:
    axe = Axe()
    for width in (1280, 820):
        page.set_viewport_size({"width": width, "height": 900})
        for place in ("", "new/", "AE1/", "AE1/serious/", "AE1/follow-up/"):
            page.goto(application.address + PLACE + place)
            found = axe.run(page)
            assert found.violations_count == 0, (width, place, found.generate_report())
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, (width, place, wide)
        for place in ("/safety/", f"/subjects/{NUMBER}/", "/"):
            page.goto(application.address + place)
            found = axe.run(page)
            assert found.violations_count == 0, (width, place, found.generate_report())
    page.goto(f"{application.address}{PLACE}new/")
    page.fill("#id_term", "")
    page.type("#id_term", "naus")
    page.wait_for_selector("#terms [role=option]")
    found = axe.run(page)
    assert found.violations_count == 0, found.generate_report()
    assert application.told == []
