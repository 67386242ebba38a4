"""Assessments: two authors on one form; expiry while typing; paper; accessibility."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.harness.hospital_reads import at_baseline, hospital_study, read
from tests.harness.served import Served, served
from tests.harness.trial import Trial

pytestmark = pytest.mark.slow
NUMBER = "X01-001"
SUBJECT = f"/subjects/{NUMBER}/"
NEW = f"{SUBJECT}assessments/new/"
BEHIND = 70


def prepare(trial: Trial) -> None:
    """A subject whom hospital and committee read at baseline, the committee once more."""
    trial.act("SubjectScreened", {}, subject=NUMBER)
    trial.act("ConsentSigned", {"consent": "participation", "version": "1"}, subject=NUMBER)
    for evaluator, role in (("hospital", "investigator"), ("committee", "reader")):
        at_baseline(trial, NUMBER, day=trial.today.isoformat(), evaluator=evaluator, role=role)
    trial.wait(BEHIND - 2)
    sizes = {"T1": "40", "T2": "25", "T3": "18", "T4": "12", "T5": "20"}
    read(trial, NUMBER, sizes, day=trial.today.isoformat(), evaluator="committee", role="reader",
         name="A1", non_targets=[{"lesion": "N1", "state": "present"}])  # fmt: skip


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Served]:
    """LUNG-TMB with a reading at the hospital, served once for these tests."""
    folder: Path = tmp_path_factory.mktemp("response")
    with served(folder, chromium, hospital_study(), behind=BEHIND, prepare=prepare) as found:
        yield found


def assessments(running: Served) -> list[dict[str, Any]]:
    events = running.trial.log.read(subject=NUMBER, types={"TumourAssessed"})
    return [json.loads(each.body) for each in events if each.role != "reader"]


def test_of_two_authors_the_second_is_told_and_loses_nothing(running: Served) -> None:
    number = len(assessments(running))
    pages = [running.page(role) for role in ("nurse", "investigator")]
    for page, first in zip(pages, ("30", "31"), strict=True):
        page.goto(running.address + NEW)
        for place, size in enumerate((first, "20", "10", "8", "12"), 1):
            page.fill(f"#id_size-T{place}", size)
        page.select_option("#id_state-N1", "present")
        page.wait_for_load_state("networkidle")  # leaving while it is judged would be told as error
    pages[0].click("main button.main")
    pages[0].wait_for_url(f"**{SUBJECT}#response")
    pages[1].click("main button.main")
    pages[1].wait_for_selector(".refused.Conflict:focus")
    said = pages[1].inner_text(".refused")
    assert "recorded by nurse" in said and "Nothing of yours was saved" in said
    assert pages[1].input_value("#id_size-T1") == "31"
    assert len(assessments(running)) == number + 1
    pages[1].goto(running.address + NEW)
    pages[1].click("[data-discard]")
    pages[1].wait_for_function("document.querySelector('#id_size-T1').value === ''")
    assert running.told == []


def test_what_was_typed_survives_a_login_that_expires_while_typing(running: Served) -> None:
    page = running.page("investigator")
    page.goto(running.address + NEW)
    page.fill("#id_size-T1", "33")
    page.wait_for_selector("#judged dl")
    page.context.clear_cookies(name="equipoise_session")
    page.fill("#id_size-T2", "22")
    page.wait_for_url("**/accounts/login/**")
    page.fill("#id_login", "inv")
    page.fill("#id_password", running.passwords["inv"])
    page.click("main button.main")
    page.wait_for_url(f"**{NEW}**")
    assert page.input_value("#id_size-T1") == "33" and page.input_value("#id_size-T2") == "22"
    assert page.is_visible("[data-draft-note]")
    assert running.told == []


@pytest.mark.parametrize("width", [1280, 820])
def test_no_page_of_response_has_a_violation(running: Served, width: int) -> None:
    axe = Axe()
    reading = next(
        e.seq for e in running.trial.log.read(subject=NUMBER, types={"TumourAssessed"})
        if e.role != "reader"
    )  # fmt: skip
    places = {
        "nurse": (SUBJECT, NEW, f"{SUBJECT}assessments/{reading}/correct/"),
        "reader": (SUBJECT, NEW, "/readings/", "/"),
        "monitor": (SUBJECT, "/readings/differences/"),
    }
    for role, addresses in places.items():
        page = running.page(role)
        page.set_viewport_size({"width": width, "height": 900})
        for place in addresses:
            page.goto(running.address + place)
            page.wait_for_load_state("networkidle")
            found = axe.run(page)
            assert found.violations_count == 0, (role, place, found.generate_report())
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, (role, width, place, wide)
    assert running.told == []


def test_the_paper_shows_the_drawing_and_its_table(running: Served) -> None:
    page = running.page("monitor", language="fr")
    page.goto(running.address + SUBJECT)
    page.emulate_media(media="print")
    assert page.is_visible("section.response svg")
    assert page.locator("section.response table.course").first.is_visible()
    assert not page.is_visible("header.top")
    assert "Évolution tumorale" in page.inner_text("section.response")
