"""Analyses at a cut-off: all arms together while blinded, by arm once the record says so."""

from __future__ import annotations

import hashlib
import io
import json
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.http import HttpResponse

from equipoise.cli.analyse import write_analysis
from equipoise.study.access import ROLES
from tests.harness.revealing import OWN, SECRETS, lived_through, revealing_study
from tests.harness.web import Web, hidden, text, web


@pytest.fixture
def revealing(tmp_path: Path) -> Iterator[Web]:
    """A trial in which every word that tells an arm is a word of no language."""
    with web(tmp_path, revealing_study(tmp_path / "study")) as served:
        lived_through(served.trial, OWN)
        yield served


def declared(site: Web) -> str:
    """The address of the analyses at a cut-off of today."""
    day = site.trial.today.isoformat()
    (event,) = site.trial.act(
        "CutOffDeclared", {"cut_off": "DMC-1", "cut": day, "as_of": site.trial.log.head().seq},
        "data_manager",
    )  # fmt: skip
    return f"/cut-offs/{event.seq}/analyses/"


def analysed(site: Web, address: str, role: str = "statistician") -> tuple[str, HttpResponse]:
    """Run the analyses and wait for what comes of them: address and page."""
    browser = site.client(role)
    begun = browser.post(address, hidden(browser.get(address).content.decode()))
    assert begun.status_code == 302, text(begun)
    for _ in range(600):
        answer = browser.get(begun["Location"])
        if "under way" not in text(answer):
            return begun["Location"], answer
        time.sleep(0.05)
    raise AssertionError("the analyses do not end")


def taken(site: Web, address: str) -> dict[str, bytes]:
    """The files that the statistician takes away."""
    answer = site.client("statistician").post(f"{address}take/")
    assert answer.status_code == 200, text(answer)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    event = site.trial.log.read(types={"Exported"})[-1]
    body = json.loads(event.body)
    assert body["content_sha256"] == hashlib.sha256(answer.content).hexdigest()
    assert (event.role, "cut DMC-1" in body["content"]) == ("statistician", True)
    return files


@pytest.mark.requirement("AT6", "RN2", "CO4")
def test_a_blinded_statistician_gets_all_arms_together_and_no_byte_of_an_arm(
    revealing: Web,
) -> None:
    address = declared(revealing)
    assert "blinded to the arms" in text(revealing.client("statistician").get(address))
    result, page = analysed(revealing, address)
    assert "All arms together" in text(page) and "results.json" in text(page), text(page)
    (event,) = revealing.trial.log.read(types={"AnalysisRun"})
    body = json.loads(event.body)
    assert (event.actor, body["cut_off"], body["by_arm"]) == ("stat", "DMC-1", False)
    files = taken(revealing, result)
    assert "report.html" not in files and "anchor.jsonl" not in files
    entries = revealing.client("statistician").get(f"{result}entries/1/")
    told = b"".join((page.content, entries.content, *files.values())).decode().lower()
    assert not [each for each in SECRETS["allocation"] if each in told]
    seqs = {seq for row in json.loads(files["results.json"]) for seq in row["sources"]}
    kinds = {each.type for each in revealing.trial.log.read() if each.seq in seqs}
    assert kinds and "DoseGiven" not in kinds


@pytest.mark.requirement("UA1", "CO4", "AT5")
def test_once_unblinded_the_results_by_arm_are_those_of_the_command_line(
    site: Web, tmp_path: Path
) -> None:
    trial = site.trial
    trial.screened(OWN)
    trial.act("Randomise", {}, "nurse", subject=OWN)
    address = declared(site)
    body = json.loads(trial.log.read(types={"CutOffDeclared"})[-1].body)
    blinded, _ = analysed(site, address)
    trial.act("PersonUnblinded", {"person": "stat", "by": "committee 9"}, "data_manager")
    (unblinded,) = trial.log.read(types={"PersonUnblinded"})
    said = text(site.client("statistician").get(address))
    assert f"by entry {unblinded.seq}" in said and "never blinded again" in said
    result, page = analysed(site, address)
    assert result != blinded and "By arm" in text(page), text(page)
    files = taken(site, result)
    write_analysis(
        site.configuration.record, out=tmp_path / "out", as_of=body["as_of"], cut=trial.today
    )
    for name in ("results.json", "report.html"):
        assert files[name] == (tmp_path / "out" / name).read_bytes(), name
    assert hashlib.sha256(files["results.json"]).hexdigest() in text(page)
    said = text(site.client("statistician").get(address))
    assert "All arms together" in said and "By arm" in said, "who ran what stands there"
    trial.act("GrantGiven", {"person": "stat2", "granted_role": "statistician"}, "administrator")
    other = site.client("stat2")
    assert other.get(result).status_code == 404, "another statistician is blinded still"
    assert other.post(f"{result}take/").status_code == 404
    assert other.get(f"{result}entries/1/").status_code == 404
    assert other.get(blinded).status_code == 200


@pytest.mark.requirement("UA1")
def test_nobody_but_a_statistician_reaches_the_analyses(site: Web) -> None:
    address = declared(site)
    for role in sorted(ROLES - {"statistician"}):
        browser = site.client(role)
        for place in (address, f"{address}{'0' * 24}/", f"{address}{'0' * 24}/entries/1/"):
            assert browser.get(place).status_code == 403, (role, place)
        for place in (address, f"{address}{'0' * 24}/take/"):
            assert browser.post(place).status_code == 403, (role, place)
    assert "/analyses/" not in site.client("data_manager").get("/cut-offs/").content.decode()
    assert address in site.client("statistician").get("/cut-offs/").content.decode()
    assert not site.trial.log.read(types={"AnalysisRun"})
    assert site.client("statistician").get("/cut-offs/1/analyses/").status_code == 404
