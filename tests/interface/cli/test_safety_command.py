"""equipoise safety: what is due on a day, and codes from a dictionary that the user gives.

The dictionary here is made up: MedDRA is licensed.
"""

from __future__ import annotations

import datetime
import json
import zoneinfo
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from equipoise.cli.main import main
from equipoise.cli.reading import events_of
from equipoise.cli.safety import day_of_trial
from equipoise.record.keys import KeyStore
from equipoise.record.sqlite import SqliteLog
from equipoise.safety.plan import MedicalDictionary
from equipoise.study.load import load_study
from tests.harness.trial import STUDY, Trial

HARM = {"adverse_event": "AE1", "term": "Vomiting", "grade": 3, "outcome": "not_recovered"}
DICTIONARY = (
    "code,term,preferred_code,preferred_term,system_organ_class\n7,VOMITING,70,Vomiting,Stomach\n"
)
WHO = ("--actor", "dm", "--role", "data_manager", "--organisation", "Sponsor")


def at_the_site() -> datetime.date:
    """The day in France, where the first site is."""
    return datetime.datetime.now(zoneinfo.ZoneInfo("Europe/Paris")).date()


@pytest.fixture
def record(memory_path: Path) -> Path:
    """A live trial: one event is serious, the report of it left in time; one is not."""
    study = load_study(STUDY)
    named = study.safety.model_copy(update={"dictionary": MedicalDictionary(name="D", version="1")})
    path = memory_path / "record.sqlite3"
    with (
        closing(SqliteLog.create(path, trial="T1")) as log,
        closing(KeyStore.create(f"{path}.keys")) as keys,
    ):
        trial = Trial.opened(log, keys, study=study.model_copy(update={"safety": named}))
        trial.act("SubjectScreened", {}, subject="A-001")
        trial.act("AdverseEventReported", HARM, subject="A-001")
        trial.act(
            "AdverseEventReported",
            {**HARM, "adverse_event": "AE2", "term": "Fatigue"},
            subject="A-001",
        )
        body = {
            "adverse_event": "AE1", "report": 1, "criteria": ["hospitalisation"],
            "aware": trial.today.isoformat(), "narrative": "Admitted in the night.",
        }  # fmt: skip
        trial.act("SeriousAdverseEventReported", body, "investigator", subject="A-001")
    return path


def told(capsys: pytest.CaptureFixture[str], record: Path, on: datetime.date) -> dict[str, Any]:
    status = main(["safety", "due", str(record), "--on", on.isoformat(), "--json"])
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert status == int(any(row["state"] == "overdue" for row in found["reports"]))
    return found


@pytest.mark.requirement("SA1")
def test_what_waits_on_a_day(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    today = at_the_site()
    found = told(capsys, record, today)
    (report,) = found["reports"]
    assert (report["report"], report["state"], report["certain"]) == ("other", "due", False)
    assert report["due"] == (today + datetime.timedelta(days=15)).isoformat()
    assert [row["adverse_event"] for row in found["opinions"]] == ["AE1"]
    assert [row["adverse_event"] for row in found["uncoded"]] == ["AE1", "AE2"]
    assert found["mode"] == "live"
    last_day, next_day = (today + datetime.timedelta(days=days) for days in (15, 16))
    assert told(capsys, record, last_day)["reports"][0]["state"] == "due"
    assert told(capsys, record, next_day)["reports"][0]["state"] == "overdue"
    before = told(capsys, record, today - datetime.timedelta(days=1))
    assert (before["reports"], before["opinions"]) == ([], [])


@pytest.mark.parametrize(
    ("now", "day"),
    [("2024-05-09T21:30", "2024-05-09"), ("2024-05-09T22:30", "2024-05-10")],
)
def test_the_day_is_that_of_the_sites(record: Path, now: str, day: str) -> None:
    """In France 10 May begins two hours before it does in UTC."""
    events = events_of(str(record), "equipoise", None)
    clock = datetime.datetime.fromisoformat(now).replace(tzinfo=datetime.UTC)
    assert day_of_trial(events, clock).isoformat() == day


def test_it_is_told_in_words(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    on = at_the_site() + datetime.timedelta(days=20)
    assert main(["safety", "due", str(record), "--on", on.isoformat()]) == 1
    printed = capsys.readouterr().out
    assert "overdue" in printed
    assert "A-001 AE1 (Vomiting), if the investigator sees a relation" in printed
    assert "A-001 AE1 (Vomiting), serious, known to the site since" in printed
    assert "without a code of the study's dictionary: 2" in printed


def test_codes_are_recorded_once_by_who_may(
    record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = tmp_path / "dictionary.csv"
    given.write_text(DICTIONARY, encoding="utf-8")
    asked = ["safety", "code", str(record), "--dictionary", str(given), "--name", "D"]
    for expected in (1, 0):
        assert main([*asked, "--version", "1", *WHO]) == 0
        assert f"{expected} adverse events coded in D 1" in capsys.readouterr().out
    today = at_the_site()
    assert [row["adverse_event"] for row in told(capsys, record, today)["uncoded"]] == ["AE2"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("--version", "2", *WHO), "the study names D 1"),
        (("--version", "1", *WHO[:3], "site_coordinator", *WHO[4:]), "site_coordinator"),
    ],
)
def test_what_is_refused_when_coding(
    record: Path,
    tmp_path: Path,
    changed: tuple[str, ...],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = tmp_path / "dictionary.csv"
    given.write_text(DICTIONARY, encoding="utf-8")
    asked = ["safety", "code", str(record), "--dictionary", str(given), "--name", "D"]
    assert main([*asked, *changed]) == 2
    assert said in capsys.readouterr().err


def test_a_day_that_is_none(record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["safety", "due", str(record), "--on", "2025-02-30"]) == 2
    assert "--on" in capsys.readouterr().err
