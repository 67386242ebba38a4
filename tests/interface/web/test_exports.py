"""Cut-offs, exports and hospitals: each an event, and no arm for whoever is blinded."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile

import pytest
from django.http import HttpResponse

from equipoise.exchange.archive import manifest_of
from equipoise.study.access import ROLES
from tests.harness.web import Web, hidden, text

NUMBER = "X01-001"


def lived(site: Web) -> None:
    """One subject, randomised."""
    site.trial.screened(NUMBER)
    site.trial.act("Randomise", {}, "nurse", subject=NUMBER)


def declared(site: Web, name: str, role: str = "data_manager") -> HttpResponse:
    """A cut-off of today at what is known now."""
    return site.filled(
        role, "/cut-offs/", {"cut_off": name, "cut": site.trial.today.isoformat()}
    )  # fmt: skip


def taken(site: Web, role: str, **asked: str) -> bytes:
    """An archive that somebody took away."""
    browser = site.client(role)
    found = hidden(browser.get("/exports/").content.decode())
    answer = browser.post("/exports/take/", {**found, "what": "data", **asked})
    assert answer.status_code == 200, text(answer)
    return bytes(answer.content)


def tables(made: bytes) -> dict[str, list[dict[str, str]]]:
    """The rows of each table of an archive."""
    with zipfile.ZipFile(io.BytesIO(made)) as packed:
        return {
            name.removesuffix(".csv"): [
                *csv.DictReader(io.StringIO(packed.read(name).decode("utf-8")))
            ]
            for name in packed.namelist()
            if name.endswith(".csv")
        }


@pytest.mark.requirement("CO4")
def test_a_cut_off_is_a_day_and_the_entry_that_the_page_was_made_at(site: Web) -> None:
    lived(site)
    head = site.trial.log.head()
    assert declared(site, "DMC-1").status_code == 302
    (event,) = site.trial.log.read(types={"CutOffDeclared"})
    body = json.loads(event.body)
    assert (body["cut_off"], body["as_of"], body["cut"]) == (
        "DMC-1", head.seq, site.trial.today.isoformat(),
    )  # fmt: skip
    told = text(site.client("auditor").get("/cut-offs/"))
    assert "DMC-1" in told and head.hash in told
    assert head.hash not in text(site.client("statistician").get("/cut-offs/"))
    again = declared(site, "DMC-1")
    assert again.status_code == 422 and "never moves" in text(again)
    assert len(site.trial.log.read(types={"CutOffDeclared"})) == 1
    late = site.filled("statistician", "/cut-offs/", {"cut_off": "DMC-2", "cut": "2099-01-01"})
    assert late.status_code == 422 and "a day up to today" in text(late)


@pytest.mark.requirement("CO4", "AT5")
def test_data_at_a_cut_off_are_the_same_bytes_whatever_is_recorded_later(site: Web) -> None:
    lived(site)
    declared(site, "DMC-1")
    before = taken(site, "data_manager", cut_off="DMC-1")
    other = "X01-002"
    site.trial.screened(other)
    assert taken(site, "data_manager", cut_off="DMC-1") == before
    now = tables(taken(site, "data_manager"))
    assert {row["subject"] for row in tables(before)["subject_screened"]} == {NUMBER}
    assert {row["subject"] for row in now["subject_screened"]} == {NUMBER, other}
    manifest = manifest_of(before)
    assert (manifest["cut_off"], manifest["zone"], manifest["role"]) == (
        "DMC-1", "UTC", "data_manager",
    )  # fmt: skip
    events = site.trial.log.read(types={"Exported"})
    assert len(events) == 3
    body = json.loads(events[0].body)
    assert body["content_sha256"] == hashlib.sha256(before).hexdigest()
    assert (body["content"], body["as_of"]) == ("data, cut DMC-1", manifest["as_of"])
    assert body["content_sha256"] in text(site.client("monitor").get("/exports/"))


@pytest.mark.requirement("AT6", "RN2", "UA1")
def test_files_of_a_blinded_statistician_tell_no_arm_and_no_hash_to_try_arms_with(
    site: Web,
) -> None:
    lived(site)
    (event,) = site.trial.log.read(types={"Randomised"})
    arm = json.loads(event.body)["arm"]
    blinded = {what: taken(site, "statistician", what=what) for what in ("data", "allocations")}
    for made in blinded.values():
        rows = tables(made)
        assert not any("arm" in row for each in rows.values() for row in each)
        assert "dose_given" not in rows and "regimen_chosen" not in rows
        manifest = manifest_of(made)
        assert "allocation" in manifest["left_out"] and "head" not in manifest
        assert event.hash not in json.dumps(manifest)
    assert tables(blinded["data"])["randomised"][0]["marker_status"]
    told = tables(taken(site, "data_manager"))["randomised"][0]
    assert (told["subject"], told["arm"]) == (NUMBER, arm)
    site.trial.act("PersonUnblinded", {"person": "stat", "by": "committee"}, "data_manager")
    assert tables(taken(site, "statistician", what="allocations"))["allocations"][0]["arm"] == arm


@pytest.mark.requirement("GD1", "AT7")
def test_an_export_holds_measured_values_and_texts_as_written_and_no_identity(site: Web) -> None:
    trial = site.trial
    trial.screened(NUMBER)
    trial.act("RecordIdentity", {"item": "name", "value": "Ada Example"}, subject=NUMBER)
    form = {"ecog_status": "1", "serum_creatinine": "81.5", "remark": "=tired since Monday"}
    trial.form(NUMBER, "status", form, "2")
    made = taken(site, "data_manager")
    values = {row["item"]: row["value"] for row in tables(made)["form_item"]}
    assert (values["serum_creatinine"], values["remark"]) == ("81.5", "'=tired since Monday")
    with zipfile.ZipFile(io.BytesIO(made)) as packed:
        assert not any(b"Ada Example" in packed.read(name) for name in packed.namelist())
        assert not any("identity" in name for name in packed.namelist())


@pytest.mark.requirement("UA1")
@pytest.mark.parametrize("role", sorted(ROLES))
def test_only_who_may_export_does(site: Web, role: str) -> None:
    may = role in ("data_manager", "statistician", "auditor")
    browser = site.client(role)
    expected = 200 if may or role == "monitor" else 403
    assert browser.get("/exports/").status_code == expected
    answer = browser.post("/exports/take/", {"what": "data"})
    assert answer.status_code == (200 if may else 403)
    assert len(site.trial.log.read(types={"Exported"})) == may


def test_what_is_asked_for_wrongly_is_not_taken(site: Web) -> None:
    manager = site.client("data_manager")
    assert manager.post("/exports/take/", {"what": "everything"}).status_code == 302
    assert manager.post("/exports/take/", {"what": "data", "cut_off": "none"}).status_code == 404
    assert not site.trial.log.read(types={"Exported"})


@pytest.mark.requirement("VA2")
def test_a_data_manager_opens_a_hospital_and_puts_a_version_in_force_there(site: Web) -> None:
    manager, version = site.client("data_manager"), site.trial.study.version
    assert "not opened" in text(manager.get("/sites/"))
    early = site.filled("data_manager", "/sites/X02/StudyVersionActivated/",
                        {"version": version, "approval": "committee 7"})  # fmt: skip
    assert early.status_code == 422 and "open the site first" in text(early)
    day = {"occurred": site.trial.today.isoformat()}
    opened = site.filled("data_manager", "/sites/X02/SiteOpened/", {"name": "South", **day})
    assert opened.status_code == 302, text(opened)
    site.filled("data_manager", "/sites/X02/StudyVersionActivated/",
                {"version": version, "approval": "committee 7", **day})  # fmt: skip
    found = [e for e in site.trial.log.read(site="X02") if e.type != "ActionRefused"]
    assert [event.type for event in found] == ["SiteOpened", "StudyVersionActivated"]
    told = text(site.client("monitor").get("/sites/"))
    assert "2 / 3 open" in told and "Close a hospital" not in told
    assert "Close a hospital" in text(manager.get("/sites/"))
    site.filled("data_manager", "/sites/X02/SiteClosed/", {"cause": "nobody left", **day})
    assert "closed" in text(manager.get("/sites/"))


@pytest.mark.requirement("UA1")
def test_nobody_else_changes_hospitals(site: Web) -> None:
    for role in sorted(ROLES - {"data_manager"}):
        assert site.client(role).get("/sites/X02/SiteOpened/").status_code == 403
    manager = site.client("data_manager")
    assert manager.get("/sites/X02/GrantGiven/").status_code == 404
    assert manager.get("/sites/X99/SiteOpened/").status_code == 404
    assert manager.get("/do/SiteOpened/").headers["Location"] == "/sites/"
