"""The page of logins: what it shows, to whom, and how it is taken away."""

from __future__ import annotations

import csv
import io
import json
import zipfile

import pytest
from django.test import Client

from equipoise.web import logins
from equipoise.web.pages.logins import A_PAGE
from equipoise.web.wording import wording
from tests.harness.web import Web, text


def failed(site: Web, number: int) -> None:
    for n in range(number):
        logins.keep("LoginFailed", "nurse", {"address": f"192.0.2.{n % 250}"})


@pytest.mark.requirement("AT5", "AT8")
def test_logins_refusals_and_lockouts_are_found_by_kind_person_and_day(site: Web) -> None:
    stranger = Client()
    site.account("nurse")
    for _ in range(5):
        stranger.post("/accounts/login/", {"login": "nurse", "password": "wrong"})
    site.client("monitor").get("/people/")
    auditor = site.client("auditor")
    page = text(auditor.get("/logins/"))
    for each in ("Login failed", "Locked out", "Page refused", "Account made", "127.0.0.1"):
        assert each in page, each
    refused = text(auditor.get("/logins/?kind=PageRefused"))
    assert "people" in refused and refused.count("monitor") == 2
    alone = auditor.get("/logins/?person=nurse").content.decode()
    assert "<td>nurse</td>" in alone and "<td>monitor</td>" not in alone
    assert "<td>nurse</td>" not in auditor.get("/logins/?until=2020-01-01").content.decode()
    assert auditor.get("/logins/?since=never").status_code == 422
    assert site.client("administrator").get("/logins/").status_code == 200
    for role in ("investigator", "data_manager", "monitor", "statistician"):
        assert site.client(role).get("/logins/").status_code == 403


def test_pages_lead_on_to_the_first_login(site: Web) -> None:
    failed(site, 2 * A_PAGE + 3)
    auditor, seen = site.client("auditor"), 0
    address = "/logins/?kind=LoginFailed"
    for _ in range(4):
        page = auditor.get(address).content.decode()
        seen += page.count("<td>Login failed</td>")
        if "before=" not in page:
            break
        address = "/logins/" + page.split('<p class="do"><a href="')[-1].split('"')[0].replace(
            "&amp;", "&"
        )
    assert seen == 2 * A_PAGE + 3


@pytest.mark.requirement("AT5", "AT8")
def test_the_auditor_takes_logins_away_with_hashes_and_the_export_is_recorded(site: Web) -> None:
    failed(site, 3)
    auditor = site.client("auditor")
    answer = auditor.post("/logins/export/", {"kind": "LoginFailed", "key": "k-1"})
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("logins.csv").decode())))
    assert [row["kind"] for row in rows] == ["LoginFailed"] * 3
    chain = {event.seq: event for event in logins.chain().read()}
    assert all(chain[int(row["seq"])].hash == row["hash"] for row in rows)
    (event,) = site.trial.log.read(types={"Exported"})
    assert (event.actor, json.loads(event.body)["content"]) == ("auditor", "chain of logins")
    assert site.client("administrator").post("/logins/export/").status_code == 403


def test_no_spreadsheet_takes_a_name_typed_by_a_stranger_for_a_formula(site: Web) -> None:
    Client().post("/accounts/login/", {"login": "=HYPERLINK(1)", "password": "x"})
    answer = site.client("auditor").post("/logins/export/", {"kind": "LoginFailed", "key": "k-1"})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        (row,) = csv.DictReader(io.StringIO(archive.read("logins.csv").decode()))
    assert row["person"] == "'=HYPERLINK(1)"


def test_every_kind_of_entry_has_its_name(site: Web) -> None:
    assert {f"login.{each}" for each in logins.TYPES} <= set(wording("en"))
