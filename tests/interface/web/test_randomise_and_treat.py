"""Randomisation with re-authentication, the regimens that are open, cycles with their doses."""

from __future__ import annotations

import json

import pytest

from tests.harness.web import Web, hidden, text

NUMBER = "X01-001"


@pytest.mark.requirement("RN3", "UA1")
def test_randomisation_asks_for_the_password_and_a_wrong_one_records_nothing(site: Web) -> None:
    site.trial.screened(NUMBER)
    address = f"/subjects/{NUMBER}/randomise/"
    before = site.trial.log.head().seq
    wrong = site.filled("investigator", address, {"password": "not mine"})
    assert wrong.status_code == 422 and "not your password" in text(wrong)
    assert site.trial.log.head().seq == before
    right = site.filled("investigator", address, {"password": site.passwords["inv"]})
    assert right.status_code == 302, text(right)
    (event,) = site.trial.log.read(types={"Randomised"})
    told = text(site.client("investigator").get(f"/subjects/{NUMBER}/"))
    arm = json.loads(event.body)["arm"]
    label = next(a.label.en for a in site.trial.study.randomisation.arms if a.code == arm)
    assert label in told


@pytest.mark.requirement("RN4")
def test_a_double_click_allocates_once(site: Web) -> None:
    site.trial.screened(NUMBER)
    browser, address = site.client("nurse"), f"/subjects/{NUMBER}/randomise/"
    entries = {**hidden(browser.get(address).content.decode()), "password": site.passwords["nurse"]}
    answers = [browser.post(address, entries) for _ in range(2)]
    assert [each.status_code for each in answers] == [302, 302]
    assert len(site.trial.log.read(types={"Randomised"})) == 1


@pytest.mark.requirement("RN3")
@pytest.mark.parametrize("without", ["consent", "assay", "confirmation", "status"])
def test_what_is_missing_is_named_before_anybody_clicks(site: Web, without: str) -> None:
    site.trial.screened(NUMBER, without=without)
    page = site.client("nurse").get(f"/subjects/{NUMBER}/randomise/")
    told = text(page)
    assert "Cannot be randomised yet" in told and "Way out" in told
    assert 'type="password"' not in page.content.decode()


@pytest.mark.requirement("RN2", "AT6")
def test_no_blinded_role_sees_the_arm_on_any_page_of_the_subject(site: Web) -> None:
    site.trial.screened(NUMBER)
    (event,) = site.trial.act("Randomise", {}, subject=NUMBER)
    body = json.loads(event.body)
    labels = {a.code: a.label.en for a in site.trial.study.randomisation.arms}
    site.trial.act("RegimenChosen", {"regimen": _first(site, body["arm"])}, subject=NUMBER)
    for role in ("laboratory", "reader", "statistician"):
        for address in (f"/subjects/{NUMBER}/", f"/subjects/{NUMBER}/entries/", "/subjects/", "/"):
            answer = site.client(role).get(address)
            bytes_ = answer.content.decode()
            assert body["arm"] not in bytes_, (role, address)
            assert labels[body["arm"]] not in bytes_, (role, address)


def _first(site: Web, arm: str) -> str:
    return next(a.regimens[0] for a in site.trial.study.randomisation.arms if a.code == arm)


@pytest.mark.requirement("PH1")
def test_a_cycle_shows_its_doses_before_it_begins_and_keeps_them(site: Web) -> None:
    number = next(
        n
        for n in (f"X01-{k:03}" for k in range(1, 30))
        if not site.trial.screened(n)
        and json.loads(site.trial.act("Randomise", {}, subject=n)[0].body)["arm"] == "CHEMO"
    )
    site.filled("investigator", f"/subjects/{number}/regimen/", {"regimen": "DOUBLET"})
    assert site.trial.log.read(subject=number, types={"RegimenChosen"})
    browser, address = site.client("investigator"), f"/subjects/{number}/cycles/new/"
    entries = {**hidden(browser.get(address).content.decode()), "height": "170", "weight": "70",
               "occurred": site.trial.today.isoformat()}  # fmt: skip
    before = site.trial.log.head().seq
    told = text(browser.post(f"/subjects/{number}/cycles/doses/", entries))
    assert "Decision" in told and "mg" in told
    assert site.trial.log.head().seq == before, "looking records nothing"
    answer = browser.post(address, entries)
    kept = site.trial.log.read(subject=number, types={"CycleStarted"})
    refused = "no signed source" in text(answer) or "PH1" in text(answer)
    assert (answer.status_code == 302 and kept) or (answer.status_code == 422 and refused)
