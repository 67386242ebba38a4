"""The database is gone while somebody saves: what they see, and what comes of what they typed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.harness.failing import SUBJECT, on_postgres
from tests.harness.postgresql import Cluster
from tests.harness.served import Served

pytestmark = pytest.mark.slow
PLACE = f"/subjects/{SUBJECT}/do/ConcomitantMedicationRecorded/"


def typed(page: Any, entry: str, day: str) -> None:
    page.fill("#id_occurred", day)
    page.fill("#id_entry", entry)
    page.fill("#id_drug", "octreotide")
    page.select_option("#id_drug_class", "other")
    page.select_option("#id_ongoing", "true")


def entries(served: Served) -> list[str]:
    found = served.trial.log.read(types={"ConcomitantMedicationRecorded"})
    return [str(each.idempotency_key) for each in found]


@pytest.mark.requirement("VA4")
def test_what_was_typed_is_sent_again_or_found_again_and_lands_once(
    postgres_server: Cluster, tmp_path: Path, chromium: Browser
) -> None:
    with on_postgres(postgres_server, tmp_path) as (trial, address, people):
        application = Served(trial, address, people, chromium)
        page = application.page("nurse", language="fr")
        day = trial.today.isoformat()
        page.goto(address + PLACE)
        typed(page, "M-1", day)
        key = page.input_value("#id_key")
        postgres_server.kill()
        page.click("main button.main")
        assert page.locator("h1").inner_text() == "Indisponible pour le moment"
        assert page.locator("section[lang=en] h2").inner_text() == "Not available just now"
        assert Axe().run(page).violations_count == 0
        if folder := os.environ.get("PICTURES"):
            for width in (1280, 820):
                page.set_viewport_size({"width": width, "height": 800})
                page.screenshot(path=f"{folder}/outage-{width}.png")
        postgres_server.start()
        page.click("text=Renvoyer")
        page.wait_for_url(f"**/subjects/{SUBJECT}/")
        assert entries(application) == [key]

        page.goto(address + PLACE)
        assert page.input_value("#id_drug") == "", "the draft ended with what was recorded"
        typed(page, "M-2", day)
        second = page.input_value("#id_key")
        postgres_server.kill()
        page.click("main button.main")
        postgres_server.start()
        page.goto(address + PLACE)
        assert page.input_value("#id_drug") == "octreotide", "what was typed is a draft"
        assert page.input_value("#id_key") == second, "and is still the same sending"
        page.click("main button.main")
        page.wait_for_url(f"**/subjects/{SUBJECT}/")
        assert entries(application) == [key, second]
        assert [each for each in application.told if "503" not in each] == []
