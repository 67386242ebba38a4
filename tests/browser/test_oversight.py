"""Verification, queries, signature, lock, code break in a browser: one application for all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.harness.served import Served

pytestmark = pytest.mark.slow
NUMBER = "X01-001"
WIDE = """[...document.querySelectorAll('main *')].filter(
  each => each.getBoundingClientRect().right > innerWidth).map(each => each.outerHTML.slice(0, 99))
"""
CREATININE = "items/serum_creatinine/value"


def prepared(application: Served) -> int:
    """A randomised subject; the seq of a form of theirs."""
    trial = application.trial
    trial.screened(NUMBER)
    trial.act("Randomise", {}, "nurse", subject=NUMBER)
    for event in trial.log.read(subject=NUMBER, types={"FormSaved"}):
        if "serum_creatinine" in event.body:
            return event.seq
    raise AssertionError("no form with a creatinine")


@pytest.mark.requirement("SG1", "SG3", "SG4", "AT5", "RN6")
def test_a_value_is_asked_about_verified_signed_changed_and_locked(application: Served) -> None:
    seq = prepared(application)
    address, subject = application.address, f"{application.address}/subjects/{NUMBER}"
    monitor, nurse = application.page("monitor"), application.page("nurse", language="fr")
    doctor, manager = application.page("investigator"), application.page("data_manager")

    monitor.goto(f"{subject}/entries/{seq}/")
    monitor.click("text=Verify every item")
    monitor.wait_for_selector(".message.recorded")
    monitor.click(f"a.ask[href*='item={CREATININE}']")
    monitor.keyboard.type("The source says 91?") if _focus(monitor, "#id_question") else None
    monitor.click("main button.main")
    monitor.wait_for_selector(f"[id='at-{CREATININE}'] a.tag.open")

    nurse.goto(f"{address}/queries/")
    nurse.click(f"text={NUMBER}-Q1")
    nurse.fill("#QueryAnswered-id_answer, [name=answer]", "91, corrigé")
    nurse.click("main button.main")
    nurse.wait_for_selector(".thread .QueryAnswered")
    assert "répondue" in nurse.inner_text("main h1")

    _sign(doctor, subject, application.passwords["inv"])
    body = {"target": seq, "item": CREATININE, "new": '"91"'}
    application.trial.act("Correct", body, "nurse", subject=NUMBER, reason="misread", occurred=None)
    doctor.goto(f"{subject}/signatures/")
    assert "broken" in doctor.inner_text("main") and "91" in doctor.inner_text("table.since ins")
    doctor.emulate_media(media="print")
    assert doctor.is_visible(".signature") and doctor.is_visible("table.since")
    doctor.emulate_media(media="screen")

    doctor.goto(f"{subject}/code-break/")
    doctor.fill("[name=circumstance]", "anaphylaxis")
    doctor.fill("[name=reason]", "antidote")
    doctor.fill("[name=password]", application.passwords["inv"])
    doctor.click("main button.danger")
    doctor.wait_for_selector(".broken-code .arm")

    manager.goto(f"{subject}/lock/")
    manager.click("main button.main")
    manager.wait_for_selector("section.locked")

    doctor.goto(f"{address}/copy/")
    with doctor.expect_download() as copied:
        doctor.click("main button.main")
    assert copied.value.suggested_filename.endswith(".zip")

    opened = {
        "monitor": monitor, "investigator": doctor, "data_manager": manager, "nurse": nurse,
    }  # fmt: skip
    _all_looked_at(address, seq, opened)
    assert application.told == []


def _all_looked_at(address: str, seq: int, opened: dict[str, Any]) -> None:
    pages = {
        "monitor": [f"/subjects/{NUMBER}/entries/{seq}/", "/verification/", "/queries/",
                    f"/subjects/{NUMBER}/verification/", f"/subjects/{NUMBER}/queries/{NUMBER}-Q1/",
                    f"/subjects/{NUMBER}/ask/?target={seq}&item={CREATININE}"],
        "investigator": [f"/subjects/{NUMBER}/sign/", f"/subjects/{NUMBER}/signatures/",
                         f"/subjects/{NUMBER}/code-break/", f"/subjects/{NUMBER}/", "/", "/copy/"],
        "data_manager": ["/locks/", "/locks/new/", f"/subjects/{NUMBER}/lock/"],
        "nurse": ["/queries/"],
    }  # fmt: skip
    for role, places in pages.items():
        for place in places:
            _looked_at(opened[role], f"{address}{place}", f"{role}{place}")


def _focus(page: Any, selector: str) -> bool:
    page.focus(selector)
    return True


def _sign(page: Any, subject: str, password: str) -> None:
    page.goto(f"{subject}/sign/")
    page.fill("[name=password]", password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/signatures/")
    assert "intact" in page.inner_text("main")


def _looked_at(page: Any, address: str, name: str) -> None:
    """No violation, nothing wider than the page, on a desk and on a tablet."""
    pictures = os.environ.get("EQUIPOISE_PICTURES")
    for width in (1280, 820):
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(address)
        if pictures:
            file = "".join(each if each.isalnum() else "-" for each in name)
            page.screenshot(path=Path(pictures) / f"{file}-{width}.png", full_page=True)
        found = Axe().run(page)
        assert found.violations_count == 0, (width, name, found.generate_report())
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, (width, name, wide, page.evaluate(WIDE))
