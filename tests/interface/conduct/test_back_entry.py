"""What is entered after an outage of what happened during it says why, and is listed (VA4)."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest

from equipoise.cli.main import main
from equipoise.errors import BadInput, Refused
from equipoise.workflow.back_entry import back_entries
from tests.harness.trial import ANSWERS, Trial

PAPER = "paper form of 3 May, nurse B. Martin"


def ago(trial: Trial, days: int) -> str:
    return (trial.today - datetime.timedelta(days=days)).isoformat()


def declared(trial: Trial, first: int, last: int, site: str | None = None) -> None:
    body = {"first_day": ago(trial, first), "last_day": ago(trial, last), "cause": "power cut"}
    trial.act("OutageDeclared", body, "data_manager", site=site)


def screened(trial: Trial, subject: str = "A-001") -> None:
    trial.act("SubjectScreened", {}, subject=subject, occurred=ago(trial, 9))
    consent = {"consent": "participation", "version": "1"}
    trial.act("ConsentSigned", consent, subject=subject, occurred=ago(trial, 9))


@pytest.mark.requirement("VA4")
def test_a_back_entry_says_why_and_is_listed(
    embedded: Trial, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    screened(embedded)
    visit = {"visit": "day_1"}
    embedded.act("VisitRecorded", visit, subject="A-001", occurred=ago(embedded, 4))
    declared(embedded, 4, 2)
    person = ANSWERS["person"]
    for day in (4, 3, 2):
        for reason in (None, "  "):
            with pytest.raises(Refused, match="has a back-entry, FormSaved of") as error:
                embedded.form("A-001", "person", person, occurred=ago(embedded, day), reason=reason)
            assert "where it was written down" in str(error.value)
            assert (error.value.rule, error.value.subject) == ("VA4", "A-001")
    for day in (5, 1):
        name = f"on-{day}"
        embedded.form("A-001", "status", ANSWERS["status"], name, occurred=ago(embedded, day))
    (entered,) = embedded.form("A-001", "person", person, occurred=ago(embedded, 3), reason=PAPER)
    blood = {"sample": "B1", "material": "blood"}
    month = ago(embedded, 3)[:7]
    (partial,) = embedded.act(
        "SampleCollected", blood, subject="A-001", occurred=month, reason=PAPER
    )
    found = back_entries(embedded.log)
    assert [(each.seq, each.type, each.reason) for each in found] == [
        (entered.seq, "FormSaved", PAPER), (partial.seq, "SampleCollected", PAPER)
    ]  # fmt: skip
    assert found[0].occurred == ago(embedded, 3) and found[0].actor == "inv"
    record = str(tmp_path / "record.sqlite3")
    assert main(["outage", record]) == 0
    said = capsys.readouterr().out
    assert f"reason: {PAPER}" in said and "2 back-entries" in said
    assert main(["outage", record, "--json"]) == 0
    assert [each["seq"] for each in json.loads(capsys.readouterr().out)] == [
        entered.seq, partial.seq
    ]  # fmt: skip


@pytest.mark.requirement("VA4")
def test_an_outage_of_another_site_concerns_nobody_here(embedded: Trial) -> None:
    other = embedded.study.sites[1].code
    embedded.act("SiteOpened", {"name": "Second"}, "data_manager", site=other)
    screened(embedded)
    declared(embedded, 4, 2, other)
    embedded.form("A-001", "person", ANSWERS["person"], occurred=ago(embedded, 3))
    assert back_entries(embedded.log) == []
    declared(embedded, 4, 2, embedded.site)
    with pytest.raises(Refused, match="has a back-entry"):
        embedded.form("A-001", "scan", ANSWERS["scan"], occurred=ago(embedded, 3))


@pytest.mark.requirement("VA4")
def test_a_decision_that_is_made_now_is_no_back_entry(embedded: Trial) -> None:
    """An allocation is of the day on which it is asked for, also on the last day of an outage."""
    embedded.screened("A-001")
    declared(embedded, 3, 0)
    embedded.act("Randomise", {}, subject="A-001")
    with pytest.raises(BadInput, match="it is decided when it is asked for"):
        embedded.act("Randomise", {}, subject="A-001", occurred=ago(embedded, 1), reason=PAPER)
    assert back_entries(embedded.log) == []


@pytest.mark.requirement("VA4")
def test_what_is_no_outage(embedded: Trial) -> None:
    for first, last in ((2, 4), (2, -1)):
        with pytest.raises(BadInput, match="a last day from"):
            declared(embedded, first, last)
    with pytest.raises(BadInput, match="an open site or none"):
        declared(embedded, 2, 1, "X99")
    with pytest.raises(Refused, match="may not do OutageDeclared"):
        body = {"first_day": ago(embedded, 2), "last_day": ago(embedded, 1), "cause": "flood"}
        embedded.act("OutageDeclared", body, "investigator", site=embedded.site)
