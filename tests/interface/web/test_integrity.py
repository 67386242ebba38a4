"""Verification from the application: intact, tampered with, cut; what is proved and up to where."""

from __future__ import annotations

import io
import sqlite3
import time
import zipfile

import pytest
from django.http import HttpResponse

from equipoise.study.access import ROLES
from tests.harness.web import Web, hidden, text

NUMBER = "X01-001"


def verified(site: Web, role: str = "auditor", **asked: object) -> HttpResponse:
    """Begin a verification and wait for what comes of it."""
    browser = site.client(role)
    begun = browser.post("/integrity/", {**asked})
    assert begun.status_code == 302, text(begun)
    for _ in range(300):
        answer = browser.get(begun["Location"])
        if "under way" not in text(answer):
            return answer
        time.sleep(0.1)
    raise AssertionError("the verification does not end")


def anchors(site: Web) -> io.BytesIO:
    """The signed head of an export that the auditor took."""
    browser = site.client("auditor")
    found = hidden(browser.get("/audit/").content.decode())
    made = browser.post("/audit/export/", found).content
    with zipfile.ZipFile(io.BytesIO(made)) as packed:
        file = io.BytesIO(packed.read("anchor.jsonl"))
    file.name = "anchor.jsonl"
    return file


def tampered(site: Web, *statements: str) -> None:
    """Change the file of the record as somebody who owns it may: its protections are taken away,
    and put back afterwards."""
    record = sqlite3.connect(site.configuration.record)
    protections = record.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    ).fetchall()
    assert protections
    for name, _ in protections:
        record.execute(f"DROP TRIGGER {name}")
    for statement in (*statements, *(sql for _, sql in protections)):
        record.execute(statement)
    record.commit()
    record.close()


@pytest.mark.requirement("VA3")
def test_an_intact_record_is_proved_up_to_its_head(site: Web) -> None:
    site.trial.screened(NUMBER)
    file = anchors(site)
    head = site.trial.log.head()
    told = text(verified(site, anchors=file))
    assert "The record is intact" in told and head.hash in told
    assert "fits the signed heads that were given: 1" in told
    assert "Last verified" in text(site.client("auditor").get("/integrity/"))
    assert "No signed head was given" in text(verified(site))


@pytest.mark.requirement("VA3")
def test_a_changed_entry_is_told_by_its_number(site: Web) -> None:
    site.trial.screened(NUMBER)
    seq = site.trial.log.read(subject=NUMBER)[0].seq
    tampered(site, f"UPDATE event SET actor = 'nobody' WHERE seq = {seq}")
    told = text(verified(site, "data_manager"))
    assert "not what was written" in told and f"Record {seq}" in told


@pytest.mark.requirement("VA3")
def test_a_tail_cut_off_is_seen_by_a_head_that_left_before(site: Web) -> None:
    site.trial.screened(NUMBER)
    file = anchors(site)
    last = site.trial.log.head().seq
    tampered(
        site,
        f"DELETE FROM event WHERE seq > {last - 3}",
        f"DELETE FROM guard WHERE seq > {last - 3}",
    )
    told = text(verified(site, anchors=file))
    assert "not what was written" in told


@pytest.mark.requirement("VA3", "UA1")
def test_only_who_inspects_verifies_and_a_file_that_is_no_anchors_is_told(site: Web) -> None:
    for role in sorted(ROLES - {"auditor", "data_manager"}):
        assert site.client(role).get("/integrity/").status_code == 403, role
    file = io.BytesIO(b"not an anchor")
    file.name = "anchor.jsonl"
    answer = site.client("auditor").post("/integrity/", {"anchors": file})
    assert answer.status_code == 422 and "anchor" in text(answer)
    assert site.client("auditor").get("/integrity/000000000000000000000000/").status_code == 404
