"""The molecular laboratory's pages: what it does, and that it learns no arm and no outcome."""

from __future__ import annotations

import hashlib
import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from equipoise.biomarker.plan import RunControl
from equipoise.record.plan import Label
from equipoise.study.access import may_see_type
from equipoise.study.load import load_study
from equipoise.web import logins
from tests.harness.web import Web, hidden, text, web

NUMBER = "X01-001"
LAB = f"/laboratory/subjects/{NUMBER}/"
RUN = f"{LAB}result/panel/"


def entries(site: Web, **more: str) -> dict[str, str]:
    page = site.client("laboratory").get(RUN).content.decode()
    return {
        **hidden(page), "sample": f"S-{NUMBER}", "occurred": site.trial.today.isoformat(),
        "purpose": "randomisation", "result": "R-1", "technically_valid": "true",
        "measurements-0-value": "12,5", "measurements-0-quality": "passed", **more,
    }  # fmt: skip


@pytest.mark.requirement("BM1", "CO3")
def test_a_run_is_read_by_the_rules_before_it_is_recorded_and_after(site: Web) -> None:
    site.trial.screened(NUMBER, without="assay")
    browser = site.client("laboratory")
    queue = text(browser.get("/laboratory/"))
    assert NUMBER in queue and "received" in queue
    before = site.trial.log.head().seq
    told = text(browser.post(f"{RUN}check/", entries(site)))
    assert "interpretable" in told and "12.5 mut/Mb" in told
    assert {"Middle", "High"} & set(told.split()) or "status" in told
    assert site.trial.log.head().seq == before, "looking records nothing"
    answer = browser.post(RUN, entries(site))
    assert answer.status_code == 302, text(answer)
    (event,) = site.trial.log.read(types={"AssayResultRecorded"})
    body = json.loads(event.body)
    assert (body["assay"], body["measurements"][0]["value"]) == ("panel", "12.5")
    page = text(browser.get(LAB))
    statuses = {each.code: each.label.en for each in site.trial.study.biomarker.marker.statuses}
    assert statuses["MID"] in page and statuses["HIGH"] in page, "one for each version of the rule"
    assert "reported" in text(browser.get("/laboratory/?state=reported"))


@pytest.mark.requirement("BM1")
def test_what_cannot_be_read_says_why_and_what_is_next(site: Web) -> None:
    site.trial.screened(NUMBER, without="assay")
    browser = site.client("laboratory")
    invalid = {"technically_valid": "false", "failure": "no amplification"}
    told = text(browser.post(f"{RUN}check/", entries(site, **invalid)))
    assert "not interpretable" in told and "no amplification" in told
    browser.post(RUN, entries(site, **invalid))
    page = text(browser.get(LAB))
    assert "another biopsy is needed" in page and "until" in page
    assert "failed 1" in text(browser.get("/laboratory/"))
    nurse = text(site.client("nurse").get("/"))
    assert "Another biopsy is needed" in nurse


@pytest.mark.requirement("BM1", "AT6", "RN2")
def test_the_laboratory_learns_no_arm_no_treatment_and_no_outcome(site: Web) -> None:
    site.trial.screened(NUMBER)
    (event,) = site.trial.act("Randomise", {}, subject=NUMBER)
    arm = json.loads(event.body)["arm"]
    labels = {each.code: each.label.en for each in site.trial.study.randomisation.arms}
    plan = next(each for each in site.trial.study.randomisation.arms if each.code == arm)
    site.trial.act("RegimenChosen", {"regimen": plan.regimens[0]}, subject=NUMBER)
    report = {"adverse_event": "AE-1", "term": "Peripheral sensory neuropathy", "grade": 2,
              "outcome": "not_recovered"}  # fmt: skip
    site.trial.act("AdverseEventReported", report, subject=NUMBER)
    site.trial.act("VisitRecorded", {"visit": "scans"}, subject=NUMBER)
    dead = {"cause": "disease"}
    site.trial.act("DeathRecorded", dead, subject=NUMBER)
    browser = site.client("laboratory")
    told = {"DeathRecorded", "neuropathy", "Death", "died", arm, labels[arm], *plan.regimens}
    addresses = (
        "/", "/subjects/", f"/subjects/{NUMBER}/", f"/subjects/{NUMBER}/entries/",
        f"/subjects/{NUMBER}/forms/", "/laboratory/", "/laboratory/?state=all", LAB,
        "/laboratory/again/", "/laboratory/controls/", "/laboratory/freeze/",
    )  # fmt: skip
    for address in addresses:
        answer = browser.get(address, follow=True)
        assert answer.status_code == 200, address
        page = answer.content.decode()
        assert not {each for each in told if each in page}, (address, told)
    assert "Visit" not in text(browser.get(LAB)), "how long somebody comes tells how they fare"
    for event in site.trial.log.read(subject=NUMBER):
        answer = browser.get(f"/subjects/{NUMBER}/entries/{event.seq}/")
        own = may_see_type("laboratory", event.type)
        assert answer.status_code == (200 if own else 404), event.type
        assert not {each for each in told if each in answer.content.decode()}, event.type


@pytest.mark.requirement("BM1", "CO3")
def test_a_hospital_sees_the_status_where_the_study_discloses_it_only(tmp_path: Path) -> None:
    for told in (False, True):
        folder = tmp_path / str(told)
        folder.mkdir()
        with web(folder, _disclosed(told)) as site:
            site.trial.screened(NUMBER, burden="20")
            page = text(site.client("investigator").get(f"/subjects/{NUMBER}/"))
            marker = site.trial.study.biomarker.marker
            label = next(each.label.en for each in marker.statuses if each.code == "HIGH")
            assert (label in page) is told
            assert ("status available" in page) is not told
            manager = text(site.client("data_manager").get(f"/subjects/{NUMBER}/"))
            assert label in manager


def _disclosed(told: bool):  # type: ignore[no-untyped-def]
    study = load_study("lung-tmb")
    plan = study.biomarker.model_copy(update={"disclosed_to_sites": told})
    return study.model_copy(update={"biomarker": plan})


def test_a_raw_file_is_kept_by_its_hash_and_given_back_unchanged(site: Web) -> None:
    site.trial.screened(NUMBER, without="assay")
    browser = site.client("laboratory")
    content = b"position,reads\n1,200\n"
    file = SimpleUploadedFile("Jane Doe.csv", content)
    answer = browser.post(RUN, {**entries(site), "file": file})
    assert answer.status_code == 302, text(answer)
    (event,) = site.trial.log.read(types={"AssayResultRecorded"})
    name = hashlib.sha256(content).hexdigest()
    assert json.loads(event.body)["raw_file"] == name
    back = browser.get(f"{LAB}files/{name}/")
    assert back.content == content and "attachment" in back["Content-Disposition"]
    folder = Path(f"{site.configuration.logins}.files")
    assert [each.name for each in folder.iterdir()] == [name]
    (folder / name).write_bytes(b"something else")
    assert browser.get(f"{LAB}files/{name}/").status_code == 404, "its hash no longer fits"
    assert site.client("investigator").get(f"{LAB}files/{name}/").status_code == 403
    (kept,) = [each for each in logins.chain().read() if each.type == "FileTaken"]
    assert (kept.actor, json.loads(kept.body)["file"]) == ("lab", name)
    assert NUMBER not in kept.body, "whoever reads the logins learns of no subject"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [("run.exe", b"MZ", "type exe"), ("run.pdf", b"no pdf", "type pdf"), ("run.csv", b"", "empty")],
)
def test_a_file_that_is_not_taken_in_records_nothing(
    site: Web, name: str, content: bytes, told: str
) -> None:
    site.trial.screened(NUMBER, without="assay")
    before = site.trial.log.head().seq
    posted = {**entries(site), "file": SimpleUploadedFile(name, content)}
    answer = site.client("laboratory").post(RUN, posted)
    assert answer.status_code == 422 and told in text(answer)
    assert site.trial.log.head().seq == before


@pytest.mark.requirement("BM1", "SG1")
def test_the_re_determination_is_signed_with_a_password_and_frozen_once(site: Web) -> None:
    site.trial.screened(NUMBER)
    site.trial.act("Randomise", {}, subject=NUMBER)
    browser, address = site.client("statistician"), "/laboratory/freeze/"
    assert "to do" in text(browser.get("/laboratory/again/"))

    def post(which: str, **more: str):  # type: ignore[no-untyped-def]
        page = browser.get(address).content.decode()
        part = page[page.index('value="sign"' if which == "sign" else 'value="freeze"') :]
        found = hidden("<main" + part[: part.index("</form>")])
        return browser.post(address, {**found, "which": which, **more})

    unsigned = post("freeze")
    assert unsigned.status_code == 409 or "not signed" in text(unsigned)
    assert post("sign", password="wrong").status_code == 422
    assert site.trial.log.read(types={"RedeterminationFrozen"}) == []
    assert post("sign", password=site.passwords["stat"]).status_code == 302
    assert "holds" in text(browser.get(address))
    assert post("freeze").status_code == 302
    (frozen,) = site.trial.log.read(types={"RedeterminationFrozen"})
    assert str(json.loads(frozen.body)["as_of"]) in text(browser.get(address))
    assert "Freeze the" not in text(site.client("laboratory").get(address))


def test_a_laboratory_works_in_french(site: Web) -> None:
    site.trial.screened(NUMBER, without="assay")
    site.account("lab", language="fr")
    page = text(site.client("laboratory").get("/laboratory/"))
    assert "Échantillons" in page and "reçu" in page
    assert "Enregistrer l’analyse" in text(site.client("laboratory").get(RUN))


def test_a_chart_of_controls_is_drawn_in_both_languages(tmp_path: Path) -> None:
    """Two runs of a control at 98 and 80 (at least 90): a decimal comma would draw nothing."""
    study = load_study("lung-tmb")
    control = RunControl(code="FULL", label=Label(en="Full"), unit="%", at_least=Decimal(90))
    marker = study.biomarker.marker
    assay = marker.assays[0].model_copy(update={"controls": (control,)})
    marker = marker.model_copy(update={"assays": (assay, *marker.assays[1:])})
    plan = study.biomarker.model_copy(update={"marker": marker})
    with web(tmp_path, study.model_copy(update={"biomarker": plan})) as site:
        site.trial.screened(NUMBER, without="assay")
        measured = [{"measurement": "burden", "value": "20", "quality": "passed"}]
        for number, value in enumerate(("98", "80")):
            body = {
                "result": f"R-{number}", "sample": f"S-{NUMBER}", "assay": assay.code,
                "purpose": "randomisation", "technically_valid": True, "measurements": measured,
                "controls": [{"control": "FULL", "value": value}],
            }  # fmt: skip
            site.trial.act("AssayResultRecorded", body, "laboratory", subject=NUMBER)
        drawn = {}
        for person, language in (("laboratory", "fr"), ("data_manager", "en")):
            browser = site.client(person, language=language)
            page = browser.get("/laboratory/controls/").content.decode()
            drawn[language] = re.findall(r'<circle class="(\w+)" cx="([\d.]+)" cy="([\d.]+)"', page)
        assert drawn["fr"] == drawn["en"]
        assert [kind for kind, _, _ in drawn["fr"]] == ["inside", "outside"]
