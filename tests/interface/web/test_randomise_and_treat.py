"""Randomisation with re-authentication, the regimens that are open, cycles with their doses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from equipoise.study.load import load_study
from equipoise.web.treatment_view import decided
from tests.harness.dosed import signed
from tests.harness.web import Web, hidden, text, web

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


def _in_the_doublet(site: Web) -> str:
    """The first subject who is allocated to chemotherapy, with the doublet chosen on its page."""
    for number in (f"X01-{each:03}" for each in range(1, 30)):
        site.trial.screened(number)
        (event,) = site.trial.act("Randomise", {}, subject=number)
        if json.loads(event.body)["arm"] == "CHEMO":
            chosen = {"regimen": "DOUBLET"}
            site.filled("investigator", f"/subjects/{number}/regimen/", chosen)
            assert site.trial.log.read(subject=number, types={"RegimenChosen"})
            return number
    raise AssertionError


@pytest.mark.requirement("PH1")
def test_a_cycle_shows_its_doses_before_it_begins_and_keeps_them(tmp_path: Path) -> None:
    with web(tmp_path, signed()) as site:
        _begins_a_cycle(site)


def _begins_a_cycle(site: Web) -> None:
    number = _in_the_doublet(site)
    browser, address = site.client("investigator"), f"/subjects/{number}/cycles/new/"
    entries = {**hidden(browser.get(address).content.decode()), "height": "170", "weight": "70",
               "occurred": site.trial.today.isoformat()}  # fmt: skip
    before = site.trial.log.head().seq
    told = text(browser.post(f"/subjects/{number}/cycles/doses/", entries))
    assert "Decision" in told and "mg" in told
    assert site.trial.log.head().seq == before, "looking records nothing"
    answer = browser.post(address, entries)
    assert answer.status_code == 302, text(answer)
    (kept,) = site.trial.log.read(subject=number, types={"CycleStarted"})
    assert json.loads(kept.body)["weight"] == "70"


@pytest.mark.requirement("PH1")
def test_a_dose_without_a_signed_source_begins_no_cycle(site: Web) -> None:
    number = _in_the_doublet(site)
    entries = {"height": "170", "weight": "70", "occurred": site.trial.today.isoformat()}
    answer = site.filled("investigator", f"/subjects/{number}/cycles/new/", entries)
    assert answer.status_code == 422 and "PH1" in text(answer)
    assert site.trial.log.read(types={"CycleStarted"}) == []


@pytest.mark.parametrize(
    ("decision", "shown"),
    [("full", "1850"), ("reduce", "1850"), ("undecided", None), ("delay", None)],
)
def test_no_amount_stands_where_nothing_may_be_given_yet(decision: str, shown: str | None) -> None:
    row = {"regimen": "CAPOX", "drug": "capecitabine", "decision": decision, "amount": 182550,
           "dispensed": 185000, "rule": None, "missing": None, "doubtful": False,
           "off_label": False}  # fmt: skip
    (found,) = decided(load_study("mgmt-net"), [row])
    assert found.dispensed == shown
