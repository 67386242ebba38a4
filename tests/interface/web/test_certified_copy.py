"""The hospital's certified copy: complete, blinded as the role is, the same bytes, recorded."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile

import pytest

from equipoise.exchange.archive import manifest_of
from equipoise.record.anchors import is_signed, read_anchors
from tests.harness.web import Web, hidden, text

NUMBER = "X01-001"
CREATININE = "items/serum_creatinine/value"


def prepared(site: Web) -> int:
    """A randomised subject, of whom one value was corrected and one identifier is kept."""
    trial = site.trial
    trial.screened(NUMBER)
    trial.act("RecordIdentity", {"item": "name", "value": "Jane Roe"}, subject=NUMBER)
    trial.act("Randomise", {}, "nurse", subject=NUMBER)
    seq = next(e.seq for e in trial.log.read(subject=NUMBER, types={"FormSaved"})
               if "serum_creatinine" in e.body)  # fmt: skip
    body = {"target": seq, "item": CREATININE, "new": '"91"'}
    trial.act("Correct", body, "nurse", subject=NUMBER, reason="misread", occurred=None)
    return seq


def copy(site: Web, **changed: str) -> bytes:
    browser = site.client("investigator")
    sent = {**hidden(browser.get("/copy/").content.decode()), **changed}
    answer = browser.post("/copy/", sent)
    assert answer.status_code == 200, text(answer)
    return answer.content


def table(made: bytes, name: str) -> list[dict[str, str]]:
    with zipfile.ZipFile(io.BytesIO(made)) as packed:
        return list(csv.DictReader(io.StringIO(packed.read(name).decode())))


@pytest.mark.requirement("CO2", "AT5", "VA3")
def test_a_hospital_takes_its_own_record_after_a_lock_with_history_and_a_signed_head(
    site: Web,
) -> None:
    seq = prepared(site)
    trial = site.trial
    trial.act("Locked", {"scope": "trial"}, "data_manager")
    made = copy(site)
    (event,) = trial.log.read(types={"CertifiedCopyMade"})
    body = json.loads(event.body)
    assert body["content_sha256"] == hashlib.sha256(made).hexdigest() and event.site == "X01"
    manifest = manifest_of(made)
    assert manifest["as_of"] == body["as_of"] == event.seq - 1
    names = {each["name"] for each in manifest["files"]}
    assert {"certified-copy.pdf", "items.csv", "entries.csv", "signatures.csv"} < names
    with zipfile.ZipFile(io.BytesIO(made)) as packed:
        (anchor,) = read_anchors(packed.read("anchor.jsonl").decode())
        assert packed.read("certified-copy.pdf").startswith(b"%PDF-1.7")
    assert is_signed(anchor) and anchor.hash == manifest["head"]
    row = next(
        r for r in table(made, "items.csv") if (r["entry"], r["path"]) == (str(seq), CREATININE)
    )
    assert (row["value"], row["changes"], row["name"]) == ("91", "1", "Creatinine")
    lacks = {r["path"]: (r["value"], r["missing"]) for r in table(made, "items.csv")}
    assert lacks["items/remark/value"] == ("", "not_done")
    entries = {each["type"] for each in table(made, "entries.csv")}
    recorded = {e.type for e in trial.log.read(site="X01", upto=manifest["as_of"])}
    assert recorded - entries == {"AssayResultRecorded"}, "the marker is not disclosed to sites"


@pytest.mark.requirement("CO2", "CO4")
def test_the_same_position_gives_the_same_bytes_whatever_came_since(site: Web) -> None:
    prepared(site)
    at = str(site.trial.log.head().seq)
    first = copy(site, as_of=at)
    site.trial.act("SubjectScreened", {}, subject="X01-002")
    again = copy(site, as_of=at)
    assert first == again and "X01-002" not in {r["subject"] for r in table(again, "items.csv")}
    assert b"X01-002" not in again


@pytest.mark.requirement("CO2", "AT6", "BM1", "GD1")
def test_the_copy_holds_what_its_taker_may_see_and_no_identity(site: Web) -> None:
    prepared(site)
    made = copy(site)
    with zipfile.ZipFile(io.BytesIO(made)) as packed:
        told = b"".join(packed.read(name) for name in packed.namelist())
    assert b"Jane Roe" not in told
    items = table(made, "items.csv")
    status = [r for r in items if (r["type"], r["path"]) == ("Randomised", "marker_status")]
    assert [(r["value"], r["state"]) for r in status] == [("", "hidden")]
    assert not [r for r in items if r["type"] == "AssayResultRecorded" and r["value"]]
    for row in table(made, "entries.csv"):
        assert not row["hash"] and not row["prev"]
    for role in ("nurse", "monitor", "reader", "data_manager"):
        assert site.client(role).get("/copy/").status_code == 403
        assert site.client(role).post("/copy/", {}).status_code == 403
