"""The course of the tumour on the subject's page; differences between readers, and who is told."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

import pytest

from tests.harness.hospital_reads import at_baseline, hospital_study, read
from tests.harness.web import Web, text, web

NUMBER = "X01-001"
PAGE = f"/subjects/{NUMBER}/"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A subject whom the hospital and the committee have read at baseline and twice later.

    Hospital: 115, 80 (-30.4 %), 90 mm (+12.5 %): PR, SD. Committee: 115, 92 (-20 %), 115 mm
    (+25 %): SD, PD. Limits at the hospital's last scan: 115 * 0.7 = 80.5 and 80 * 1.2 = 96 mm.
    """
    with web(tmp_path_factory.mktemp("response"), hospital_study(), behind=200) as served:
        trial = served.trial
        trial.act("SubjectScreened", {}, subject=NUMBER)
        consent = {"consent": "participation", "version": "1"}
        trial.act("ConsentSigned", consent, subject=NUMBER)
        for evaluator, role in (("hospital", "investigator"), ("committee", "reader")):
            at_baseline(trial, NUMBER, day=trial.today.isoformat(), evaluator=evaluator, role=role)
        trial.wait(60)
        _scan(
            trial.today, served, "A1", ("20", "20", "12", "8", "20"), ("32", "20", "12", "8", "20")
        )
        trial.wait(60)
        _scan(
            trial.today, served, "A2", ("30", "20", "12", "8", "20"), ("40", "25", "18", "12", "20")
        )
        yield served


def _scan(day: datetime.date, served: Web, name: str, *sizes: tuple[str, ...]) -> None:
    readers = (("hospital", "investigator"), ("committee", "reader"))
    for (evaluator, role), each in zip(readers, sizes, strict=True):
        found = {f"T{n}": size for n, size in enumerate(each, 1)}
        rest = [{"lesion": "N1", "state": "present"}]
        read(served.trial, NUMBER, found, day=day.isoformat(), evaluator=evaluator, role=role,
             name=name, non_targets=rest)  # fmt: skip


def panel(site: Web, role: str) -> str:
    page = site.client(role).get(PAGE).content.decode()
    found = re.search(r'<section aria-labelledby="response".*?</section>', page, re.S)
    return found[0] if found else ""


def test_a_hospital_sees_its_own_sums_limits_and_responses(site: Web) -> None:
    shown = panel(site, "investigator")
    said = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", shown))
    for told in ("115", "80", "90", "−30.4", "+12.5", "80.5", "96", "PR", "SD"):
        assert told in said, (told, said)
    assert shown.count("<svg") == 1 and "committee" not in shown and "92" not in said
    assert 'role="img"' in shown and "<desc" in shown and "<table" in shown


@pytest.mark.requirement("BM1")
def test_a_central_reader_sees_the_course_that_they_read_and_no_difference(site: Web) -> None:
    shown = panel(site, "reader")
    assert shown.count("<svg") == 1 and "committee" in shown
    assert "hospital" not in shown and ">80<" not in shown and "differ" not in shown
    for role in ("reader", "investigator", "nurse", "pharmacist", "laboratory", "administrator"):
        assert site.client(role).get("/readings/differences/").status_code == 403, role
        assert 'id="differ"' not in panel(site, role)


@pytest.mark.requirement("BM1")
def test_a_laboratory_and_a_pharmacist_are_told_nothing_of_the_course(site: Web) -> None:
    assert panel(site, "laboratory") == panel(site, "pharmacist") == ""


@pytest.mark.parametrize("role", ["data_manager", "monitor", "statistician", "auditor"])
def test_who_oversees_is_told_where_readers_differ(site: Web, role: str) -> None:
    shown = panel(site, role)
    assert shown.count("<svg") == 2 and 'id="differ"' in shown
    page = text(site.client(role).get("/readings/differences/"))
    assert "more than one evaluator: 1" in page and NUMBER in page
    assert re.search(r"Response at one date \S+ SD Reading committee PR Hospital", page), page


def test_differences_follow_a_correction(site: Web) -> None:
    """The hospital's second sum becomes 92: both readers say SD there."""
    event = next(
        e for e in site.trial.log.read(subject=NUMBER, types={"TumourAssessed"})
        if e.role == "investigator" and '"A1"' in e.body
    )  # fmt: skip
    body = {"target": event.seq, "item": "targets/T1/diameter", "new": '"32"', "new_missing": None}
    site.trial.act("Correct", body, subject=NUMBER, reason="measured again")
    page = text(site.client("data_manager").get("/readings/differences/"))
    assert "PR Hospital" not in page


def test_the_panel_and_the_list_speak_french(site: Web) -> None:
    browser = site.client("safety_officer", language="fr")
    said = panel(site, "safety_officer")
    assert "Évolution tumorale" in said and "−20,0" in said
    assert "Écarts de lecture" in text(browser.get("/readings/differences/"))
