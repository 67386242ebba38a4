"""From an empty record to a trial that may allocate: every step a command or a page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from equipoise.cli.main import main
from equipoise.web.accounts import create_account
from equipoise.web.trial import trial
from tests.harness.trial import STUDY
from tests.harness.web import Web, hidden, serving, text

PEOPLE = {"dm": "data_manager", "stat": "statistician", "inv": "investigator"}


def evidence(capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    """What `equipoise randomisation evidence` says is to be activated."""
    capsys.readouterr()
    told = ["--trials", "200", "--seed", "7", "--json", "--accept", "few trials: a test"]
    assert main(["randomisation", "evidence", STUDY, *told, *more]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def logged_in(person: str) -> tuple[Client, str]:
    password = create_account(person, organisation="Sponsor", by="test", once=False)
    browser = Client()
    assert browser.post("/accounts/login/", {"login": person, "password": password}).url == "/"  # type: ignore[attr-defined]
    return browser, password


def filled(browser: Client, address: str, entries: dict[str, Any]) -> HttpResponse:
    found = hidden(browser.get(address).content.decode())
    return browser.post(address, {**found, **entries})


@pytest.mark.slow
@pytest.mark.requirement("RN1", "RN7", "UA1", "VA2")
def test_a_trial_is_opened_staffed_approved_and_goes_live(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "trial.sqlite3"
    who = ["--administrator", "marie", "--organisation", "Sponsor"]
    assert main(["open", STUDY, "--record", str(record), *who]) == 0
    checked = evidence(capsys)
    with serving(record):
        administrator, _ = logged_in("marie")
        for person, role in PEOPLE.items():
            where = "X01" if role == "investigator" else ""
            day = trial().ask.today(None).isoformat()
            entries = {"granted_role": role, "granted_site": where, "occurred": day}
            logged = {"person": person, "organisation": "Sponsor", "language": "en"}
            assert administrator.post("/people/new/", logged).status_code == 200
            answer = filled(administrator, f"/people/{person}/grant/", entries)
            assert answer.status_code == 302, text(answer)
        _staffed_and_live(checked)
        (scheme,) = trial().log.read(types={"SchemeActivated"})
        assert scheme.actor == "stat"
        assert json.loads(scheme.body)["dummy_sha256"] == checked["activate"]["dummy_sha256"]
    assert main(["verify", str(record)]) == 0


def _staffed_and_live(checked: dict[str, Any]) -> None:
    from django.contrib.auth import get_user_model

    get_user_model().objects.exclude(username="marie").delete()  # their passwords are known to them
    manager, _ = logged_in("dm")
    day = trial().ask.today("X01").isoformat()
    opened = filled(manager, "/sites/X01/SiteOpened/", {"name": "First", "occurred": day})
    assert opened.status_code == 302, text(opened)
    live = {"version": trial().ask.study("X01").version, "approval": "committee 1", "occurred": day}
    assert filled(manager, "/sites/X01/StudyVersionActivated/", live).status_code == 302
    statistician, password = logged_in("stat")
    assert "not yet active" in text(statistician.get("/scheme/"))
    asked = {name: value for name, value in checked["activate"].items() if value is not None}
    wrong = filled(statistician, "/scheme/", {**asked, "which": "check", "dummy_seed": 8})
    assert wrong.status_code == 422 and "another hash" in text(wrong)
    assert filled(statistician, "/scheme/", {**asked, "which": "check"}).status_code == 302
    page = statistician.get("/scheme/")
    assert checked["sign_sha256"] in text(page), "what the command said is to be signed"
    signs = {"which": "Signed", "password": "wrong"}
    assert filled(statistician, "/scheme/", signs).status_code == 422
    early = {"which": "ActivateScheme", "password": password}
    assert statistician.post("/scheme/", early).status_code == 200, "nothing before the signature"
    assert not trial().log.read(types={"Signed", "SchemeActivated"})
    assert filled(statistician, "/scheme/", {**signs, "password": password}).status_code == 302
    assert "Signed by stat" in re.sub(r"\s+", " ", text(statistician.get("/scheme/")))
    assert filled(statistician, "/scheme/", early).status_code == 302
    told = text(statistician.get("/scheme/"))
    assert "The scheme is active" in told and "not yet" not in told
    assert "active" in text(manager.get("/scheme/"))
    investigator, _ = logged_in("inv")
    assert investigator.get("/scheme/").status_code == 403, (
        "how arms are drawn is not for hospitals"
    )


@pytest.mark.requirement("RN2", "RN7")
def test_an_active_scheme_shows_its_evidence_and_neither_seed_nor_list(site: Web) -> None:
    for role in ("statistician", "data_manager", "auditor"):
        answer = site.client(role).get("/scheme/")
        assert answer.status_code == 200
        assert "active" in text(answer) and "Stratum" not in text(answer)
        (scheme,) = site.trial.log.read(types={"SchemeActivated"})
        assert json.loads(scheme.body)["sealed_seed"] not in answer.content.decode()
    for role in ("investigator", "nurse", "pharmacist", "laboratory", "reader", "monitor"):
        assert site.client(role).get("/scheme/").status_code == 403
