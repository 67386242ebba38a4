"""The audit trail as each role sees it: searched, sorted, taken away, signed off."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import zipfile

import pytest

from equipoise.exchange.archive import manifest_of
from equipoise.record.anchors import is_signed, read_anchors
from tests.harness.web import Web, hidden, text

NUMBER = "X01-001"


@pytest.mark.requirement("AT8", "AT5")
def test_the_trail_is_searched_by_kind_person_subject_day_and_text(site: Web) -> None:
    site.trial.screened(NUMBER)
    auditor = site.client("auditor")
    for asked, kinds in (
        ("type=ConsentSigned", {"ConsentSigned"}),
        (f"subject={NUMBER}&text=frozen", set()),
        ("person=lab", {"SampleReceived", "AssayResultRecorded"}),
        (f"until=2020-01-01&subject={NUMBER}", set()),
        (f"subject={NUMBER}&text=adenocarcinoma", {"FormSaved"}),
    ):
        page = auditor.get(f"/audit/?{asked}").content.decode()
        rows = [line for line in page.split("<tr") if 'id="entry-' in line]
        seqs = {int(line.split('id="entry-')[1].split('"')[0]) for line in rows}
        found = {event.type for event in site.trial.log.read() if event.seq in seqs}
        assert found == kinds, asked


@pytest.mark.requirement("AT6", "RN2")
def test_what_is_hidden_is_not_found_by_searching_for_it(site: Web) -> None:
    trial = site.trial
    trial.screened(NUMBER)
    trial.act("Randomise", {}, "nurse", subject=NUMBER)
    (event,) = trial.log.read(subject=NUMBER, types={"Randomised"})
    arm, status = (json.loads(event.body)[name] for name in ("arm", "marker_status"))
    seen = {"investigator": (True, False), "statistician": (False, True), "reader": (False, False),
            "laboratory": (False, True), "data_manager": (True, True)}  # fmt: skip
    for role, expected in seen.items():
        told = tuple(
            f'id="entry-{event.seq}"' in site.client(role).get(
                f"/audit/?type=Randomised&text={each}"
            ).content.decode()
            for each in (arm, status)
        )  # fmt: skip
        assert told == expected, role


@pytest.mark.requirement("AT6", "RN2")
def test_why_an_allocation_was_refused_is_read_by_whom_nothing_is_hidden_from(site: Web) -> None:
    trial = site.trial
    trial.screened(NUMBER, without="assay")
    with pytest.raises(Exception, match="no valid TMB status"):
        trial.act("Randomise", {}, "nurse", subject=NUMBER)
    for role, told in (
        ("laboratory", False),
        ("reader", False),
        ("nurse", True),
        ("auditor", True),
    ):
        answer = text(site.client(role).get("/audit/?type=ActionRefused"))
        assert "Randomise" in answer and ("no valid TMB status" in answer) is told, role


@pytest.mark.requirement("AT8", "AT5", "VA3")
def test_an_export_holds_what_was_looked_for_with_rows_hashes_zone_and_a_signed_head(
    site: Web,
) -> None:
    site.trial.screened(NUMBER)
    auditor = site.client("auditor")
    page = hidden(auditor.get(f"/audit/?subject={NUMBER}&order=earliest").content.decode())
    asked = {**page, "subject": NUMBER, "order": "earliest"}
    answer = auditor.post("/audit/export/", asked)
    assert answer.status_code == 200 and answer["Content-Type"] == "application/zip"
    manifest = manifest_of(answer.content)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        rows = list(csv.DictReader(io.StringIO(packed.read("audit-trail.csv").decode())))
        (anchor,) = read_anchors(packed.read("anchor.jsonl").decode())
    events = site.trial.log.read(subject=NUMBER)
    assert [int(each["seq"]) for each in rows] == [event.seq for event in events]
    assert [each["hash"] for each in rows] == [event.hash for event in events]
    listed = {each["name"]: each["rows"] for each in manifest["files"]}
    assert listed["audit-trail.csv"] == len(events) and manifest["zone"] == "UTC"
    assert is_signed(anchor) and (anchor.seq, anchor.hash) == (manifest["as_of"], manifest["head"])
    (recorded,) = site.trial.log.read(types={"Exported"})
    body = json.loads(recorded.body)
    assert body["content_sha256"] == hashlib.sha256(answer.content).hexdigest()
    assert (body["rows"], recorded.actor, recorded.role) == (len(events), "auditor", "auditor")
    again = auditor.post("/audit/export/", asked)
    assert again.content == answer.content, "a second click gives the same bytes"
    assert len(site.trial.log.read(types={"Exported"})) == 1, "and counts once"


@pytest.mark.requirement("AT8")
def test_a_review_of_the_trail_is_signed_off_up_to_what_was_shown(site: Web) -> None:
    head = site.trial.log.head().seq
    answer = site.filled("monitor", f"/audit/review/?up_to={head - 2}", {"finding": "complete"})
    assert answer.status_code == 302, text(answer)
    (event,) = site.trial.log.read(types={"AuditTrailReviewed"})
    assert json.loads(event.body) == {"up_to": head - 2, "finding": "complete"}
    assert f"up to entry {head - 2}" in text(site.client("auditor").get("/audit/"))
    assert site.client("nurse").get("/audit/review/").status_code == 403


@pytest.mark.requirement("UA1", "AT6")
def test_a_hospital_sees_the_trail_of_its_own_entries_and_an_administrator_none(site: Web) -> None:
    site.trial.screened(NUMBER)
    told = text(site.client("nurse").get("/audit/"))
    assert NUMBER in told and "Permission" not in told and "Grant" not in told
    assert site.client("administrator").get("/audit/").status_code == 403
    assert site.client("nurse").post("/audit/export/", {}).status_code == 403


@pytest.mark.requirement("AT6", "RN2")
def test_no_hash_lets_a_blinded_statistician_try_which_arm_fits(site: Web) -> None:
    site.trial.screened(NUMBER)
    site.trial.act("Randomise", {}, "nurse", subject=NUMBER)
    hashes = {event.hash for event in site.trial.log.read(subject=NUMBER)}
    for role, told in (("statistician", False), ("auditor", True)):
        browser = site.client(role)
        asked = hidden(browser.get(f"/audit/?subject={NUMBER}").content.decode())
        answer = browser.post("/audit/export/", {**asked, "subject": NUMBER})
        with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
            written = packed.read("audit-trail.csv").decode()
        assert NUMBER in written and any(each in written for each in hashes) is told, role


@pytest.mark.requirement("AT8")
def test_in_any_order_the_pages_together_hold_every_entry_once(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("equipoise.web.pages.audit.A_PAGE", 7)
    site.trial.screened(NUMBER)
    events = site.trial.log.read()
    auditor = site.client("auditor")
    for order in ("latest", "earliest", "person", "entry", "subject"):
        seqs: list[int] = []
        address: str | None = f"?order={order}"
        while address is not None:
            page = auditor.get(f"/audit/{address}").content.decode()
            seqs += [int(each) for each in re.findall(r'id="entry-(\d+)"', page)]
            older = re.search(r'<p class="do"><a href="(\?[^"]*)">Older', page)
            address = older[1].replace("&amp;", "&") if older else None
        assert sorted(seqs) == [event.seq for event in events], order
        if order in ("latest", "earliest"):
            assert seqs == sorted(seqs, reverse=order == "latest")
        if order == "person":
            people = {event.seq: event.actor for event in events}
            assert [people[seq] for seq in seqs] == sorted(people[seq] for seq in seqs)


@pytest.mark.requirement("AT8")
@pytest.mark.parametrize("typed", ["=HYPERLINK(1)", "+1+1", "-1+1", "@SUM(A1)", "\t=1", " =1"])
def test_no_spreadsheet_takes_a_reason_for_a_formula(site: Web, typed: str) -> None:
    trial = site.trial
    trial.screened(NUMBER)
    form = next(e for e in trial.log.read(subject=NUMBER) if "serum_creatinine" in e.body)
    body = {"target": form.seq, "item": "items/serum_creatinine/value", "new": '"91"'}
    trial.act("Correct", body, "nurse", subject=NUMBER, reason=typed, occurred=None)
    browser = site.client("auditor")
    page = hidden(browser.get(f"/audit/?subject={NUMBER}&type=Corrected").content.decode())
    answer = browser.post("/audit/export/", {**page, "subject": NUMBER, "type": "Corrected"})
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        (row,) = csv.DictReader(io.StringIO(packed.read("audit-trail.csv").decode()))
    assert row["reason"] == f"'{typed}"
