"""A laboratory enters a run and a pharmacist a cycle in chromium; their pages have no violation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.harness.dosed import allocated, signed
from tests.harness.served import Served, served
from tests.harness.trial import Trial
from tests.interface.conduct.test_dosing import CYCLE, status

pytestmark = pytest.mark.slow
SCREENED = "X01-900"
TREATED: list[str] = []


def _prepared(trial: Trial) -> None:
    """One subject whose sample waits for a run, one whose first cycle of the doublet has begun."""
    trial.screened(SCREENED, without="assay")
    subject = allocated(trial)
    TREATED.append(subject)
    trial.act("RegimenChosen", {"regimen": "DOUBLET"}, subject=subject)
    status(trial, subject, "2", ecog_status="1", serum_creatinine="80")
    trial.act("CycleStarted", CYCLE, subject=subject)


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Served]:
    """One application for all tests here; the study wants two pharmacists to verify a dose."""
    study = signed()
    plan = study.treatment.model_copy(update={"verified_by": 2})
    folder = tmp_path_factory.mktemp("benches")
    study = study.model_copy(update={"treatment": plan})
    with served(folder, chromium, study, behind=90, prepare=_prepared) as running:
        yield running
        assert running.told == []


def seen(page: Any, address: str) -> None:
    """Open a page at both widths: nothing violated, nothing beside the window."""
    for width in (1280, 820):
        page.set_viewport_size({"width": width, "height": 800})
        answer = page.goto(address)
        page.wait_for_load_state("networkidle")
        assert answer.status == 200, address
        found = Axe().run(page)
        assert found.violations_count == 0, (address, width, found.generate_report())
        beside = "document.documentElement.scrollWidth - window.innerWidth"
        assert page.evaluate(beside) <= 0, (address, width)


@pytest.mark.requirement("BM1", "CO3")
def test_a_run_is_typed_and_read_while_typing(application: Served) -> None:
    page = application.page("laboratory")
    page.click("text=Analyse the sample >> xpath=ancestor::tr >> a")
    page.click("section[aria-labelledby=actions] a")
    page.wait_for_selector("#check section")
    page.fill("input[name=measurements-0-value]", "12.5")
    page.keyboard.press("Tab")
    page.wait_for_selector("#check :text('12.5')")
    assert application.trial.log.read(types={"AssayResultRecorded"})[-1].subject != SCREENED
    page.press("input[name=measurements-0-value]", "Enter")
    page.wait_for_selector("text=Run recorded")
    event = application.trial.log.read(types={"AssayResultRecorded"})[-1]
    assert (event.subject, json.loads(event.body)["measurements"][0]["value"]) == (SCREENED, "12.5")


@pytest.mark.requirement("PH1", "SG1")
def test_a_dose_is_released_and_a_held_one_is_told(application: Served) -> None:
    (subject,) = TREATED
    page = application.page("pharmacist")
    page.goto(f"{application.address}/pharmacy/subjects/{subject}/cycles/1/")
    page.fill("#fictabine-password", application.passwords["pharm"])
    page.press("#fictabine-password", "Enter")
    page.wait_for_selector("section[aria-labelledby=drug-fictabine] .check .tag.good")
    (event,) = application.trial.log.read(types={"DoseVerified"})
    assert json.loads(event.body)["verdict"] == "released", "Enter releases what is shown"
    card = page.locator("section.dose", has_text="Exemplatin")
    card.locator("summary").click()
    card.locator("textarea, input[name=remark]").first.fill("creatinine of today?")
    card.locator("input[name=password]").fill(application.passwords["pharm"])
    card.locator("button[value=held]").click()
    page.wait_for_selector("q:text('creatinine of today?')")
    assert "held" in card.inner_text()


def test_the_pages_of_laboratory_and_pharmacy_have_no_violation(application: Served) -> None:
    (subject,) = TREATED
    pages = {
        "laboratory": ("/laboratory/?state=all", "/laboratory/again/", "/laboratory/controls/",
                       "/laboratory/freeze/", f"/laboratory/subjects/{subject}/",
                       f"/laboratory/subjects/{subject}/result/panel/"),
        "pharmacist": ("/pharmacy/", "/pharmacy/lots/", f"/pharmacy/subjects/{subject}/",
                       f"/pharmacy/subjects/{subject}/cycles/1/",
                       f"/pharmacy/subjects/{subject}/cycles/1/dispense/fictabine/"),
    }  # fmt: skip
    for role, addresses in pages.items():
        page = application.page(role, language="fr")
        for address in addresses:
            seen(page, f"{application.address}{address}")
            assert page.get_attribute("html", "lang") == "fr"
    page.goto(f"{application.address}/pharmacy/subjects/{subject}/cycles/1/")
    page.emulate_media(media="print")
    assert not page.is_visible("nav") and not page.is_visible("form.verify")
    assert page.is_visible("section.dose")
