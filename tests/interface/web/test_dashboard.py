"""The dashboard: each number leads to the list behind it; balance by arm is told to few."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

import pytest
from django.http import HttpResponse

from equipoise.study.access import ROLES
from tests.harness.revealing import opened_second_site
from tests.harness.web import Web, text

SEES = {"investigator", "nurse", "data_manager", "monitor", "statistician", "safety_officer",
        "auditor"}  # fmt: skip
LINK = re.compile(r'<a(?: class="[^"]*")? href="(/dashboard/list/\?[^"]*)"[^>]*>(.*?)</a>', re.S)


def lived(site: Web) -> None:
    """Two randomised at one hospital, at the other one who failed screening."""
    trial = site.trial
    for number in ("X01-001", "X01-002"):
        trial.screened(number)
        trial.act("Randomise", {}, "nurse", subject=number)
    other = opened_second_site(trial)
    other.screened("X02-001", without="assay")
    body = {"cause": "declined", "criteria": [], "pending": []}
    other.act("ScreeningFailed", body, "nurse", subject="X02-001")


def numbers(page: str) -> Iterator[tuple[str, int]]:
    """The links of a dashboard with the number that each of them says."""
    for address, said in LINK.findall(page):
        told = re.search(r"(?:^|<b>)\s*(\d+)\s*(?:<|$)", said.strip())
        if told and "state=missing" not in address:
            yield html.unescape(address), int(told[1])


def listed(answer: HttpResponse) -> set[str]:
    """The subjects of a list."""
    return set(re.findall(r'<th scope="row"><a href="[^"]*">([^<]+)</a>', answer.content.decode()))


@pytest.mark.requirement("RN2")
def test_each_number_leads_to_so_many_rows(site: Web) -> None:
    lived(site)
    manager = site.client("data_manager")
    page = manager.get("/dashboard/").content.decode()
    found = dict(numbers(page))
    assert len(found) > 12
    for address, number in found.items():
        answer = manager.get(address)
        rows = answer.content.decode().count('<th scope="row">')
        subjects = len(listed(answer))
        assert number in (rows, subjects), (address, number, rows)
    assert "2 / 112 Randomised" in text(manager.get("/dashboard/"))


@pytest.mark.requirement("RN2", "AT6")
@pytest.mark.parametrize("role", sorted(ROLES))
def test_balance_by_arm_is_shown_to_unblinded_roles_of_the_sponsor_alone(
    site: Web, role: str
) -> None:
    lived(site)
    browser = site.client(role)
    answer, by_arm = browser.get("/dashboard/"), "/dashboard/list/?of=allocations"
    assert answer.status_code == (200 if role in SEES else 403)
    sees = role in ("data_manager", "auditor")
    assert ("by arm" in text(answer)) is sees
    assert browser.get(by_arm).status_code == (200 if sees else 404 if role in SEES else 403)
    if role in SEES and not sees:
        arms = {arm.label.en for arm in site.trial.study.randomisation.arms}
        assert not any(arm in answer.content.decode() for arm in arms)


@pytest.mark.requirement("RN2", "UA1")
def test_a_statistician_sees_balance_once_unblinded_and_only_then(site: Web) -> None:
    lived(site)
    statistician = site.client("statistician")
    assert statistician.get("/dashboard/list/?of=allocations").status_code == 404
    body = {"person": "stat", "by": "interim analysis"}
    site.trial.act("PersonUnblinded", body, "data_manager")
    assert statistician.get("/dashboard/list/?of=allocations").status_code == 200
    assert "by arm" in text(statistician.get("/dashboard/"))


@pytest.mark.requirement("UA1", "BM1")
def test_a_hospital_sees_its_own_numbers_and_nothing_of_assays(site: Web) -> None:
    lived(site)
    nurse = site.client("nurse")
    told = text(nurse.get("/dashboard/"))
    assert "X02" not in told and "This hospital" in told and "Planned" not in told
    assert "2 Randomised" in told and "From sample to marker status" not in told
    assert listed(nurse.get("/dashboard/list/?of=screened")) == {"X01-001", "X01-002"}
    assert not listed(nurse.get("/dashboard/list/?of=screened&site=X02"))
    assert nurse.get("/dashboard/list/?of=assays").status_code == 404
    assert site.client("monitor").get("/dashboard/list/?of=assays").status_code == 404
    assert listed(site.client("statistician").get("/dashboard/list/?of=assays"))


def test_what_is_asked_for_wrongly_is_not_there(site: Web) -> None:
    manager = site.client("data_manager")
    assert manager.get("/dashboard/list/?of=everything").status_code == 404
    assert manager.get("/dashboard/list/").status_code == 404
    assert manager.get("/dashboard/list/?of=screened&month=never").status_code == 200
    assert "Nobody has been randomised" in text(manager.get("/dashboard/"))


def test_in_french(site: Web) -> None:
    lived(site)
    told = text(site.client("monitor", language="fr").get("/dashboard/"))
    assert "Tableau de bord" in told and "Échecs de screening par critère" in told
