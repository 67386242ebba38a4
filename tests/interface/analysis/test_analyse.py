"""`equipoise analyse`: a record, as of a position and up to a date, into results and a report."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import datetime
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from equipoise.analysis.result import Result
from equipoise.cli import analyse
from equipoise.cli.main import main
from equipoise.errors import BadInput, RecordError
from equipoise.record.event import Draft
from equipoise.record.sqlite import SqliteLog
from equipoise.workflow import analysing
from tests.harness.bridge import drawn, scenario_of, through_sqlite

STUDY = "lung-tmb"
REVIEWED = Draft(
    type="AuditTrailReviewed",
    type_version=1,
    body={"up_to": 400, "finding": "nothing to report"},
    actor="auditor",
    role="auditor",
    organisation="Sponsor",
    study_version="1.0",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rehearsed trial of twelve subjects in a record of its own."""
    made = tmp_path_factory.mktemp("rehearsal")
    log, keys, _ = through_sqlite(drawn(STUDY, scenario_of(STUDY, "planning", 12), 3), made)
    log.close()
    keys.close()
    return made


@pytest.fixture
def record(folder: Path) -> str:
    return str(folder / "record.sqlite3")


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    analyse.add(parser)
    return analyse.run(parser.parse_args(arguments))


def results(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert run(*arguments, "--json") == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def test_the_summary_names_study_position_cut_and_primary_result(
    record: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(record, "--cut", "2024-06-30") == 0
    said = capsys.readouterr().out
    assert said.startswith("REHEARSAL: synthetic patients, not a trial\n")
    assert "LUNG-TMB, version" in said and "cut 2024-06-30" in said and "as of event" in said
    assert " screened, " in said and "\nPrimary: " in said


@pytest.mark.requirement("SY1")
def test_json_is_the_results_alone_and_the_banner_goes_to_standard_error(
    record: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(record, "--json") == 0
    said = capsys.readouterr()
    assert {row["analysis"] for row in json.loads(said.out)} >= {"main_test"}
    assert "REHEARSAL" in said.err


@pytest.mark.requirement("CO4")
def test_a_cut_off_is_the_same_bytes_again_after_the_record_has_grown(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = str(tmp_path / "record.sqlite3")
    shutil.copy(folder / "record.sqlite3", record)
    first = _written(record, tmp_path / "first", "--as-of", "400", "--cut", "2030-01-01")
    with contextlib.closing(SqliteLog(record)) as log:
        log.append_many([REVIEWED])
    assert _written(record, tmp_path / "again", "--as-of", "400", "--cut", "2030-01-01") == first
    assert _written(record, tmp_path / "whole") != first
    capsys.readouterr()


def _written(record: str, out: Path, *more: str) -> tuple[str, str]:
    assert run(record, "--out", str(out), *more) == 0
    return (out / "results.json").read_text("utf-8"), (out / "report.html").read_text("utf-8")


def test_later_events_never_change_an_earlier_cut(
    record: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What was recorded after everybody's events of the cut were in cannot move the cut."""
    log = SqliteLog(record)
    events = log.read()
    log.close()
    middle = events[len(events) // 2]
    day = middle.recorded[:10]
    later = next(e.seq for e in events if e.recorded[:10] > day) - 1
    before = (datetime.date.fromisoformat(day) - datetime.timedelta(days=1)).isoformat()
    early = results(capsys, record, "--cut", before, "--as-of", str(later))
    assert results(capsys, record, "--cut", before) == early


def test_what_is_not_yet_known_at_a_position_is_not_counted(
    record: str, capsys: pytest.CaptureFixture[str]
) -> None:
    early = results(capsys, record, "--as-of", "400")
    late = results(capsys, record)
    total = [sum(sum(row["denominators"]) for row in rows) for rows in (early, late)]
    assert total[0] < total[1]
    assert all(seq <= 400 for row in early for seq in row["sources"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--as-of", "0"], "--as-of: found '0'; an event from 1 to"),
        (["--as-of", "99999999"], "an event from 1 to"),
        (["--cut", "2021-02-30"], "--cut: found '2021-02-30'; a date as YYYY-MM-DD"),
        (["--cut", "June"], "a date as YYYY-MM-DD"),
    ],
)
def test_a_position_or_date_that_does_not_exist_is_refused(
    record: str, arguments: list[str], said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        run(record, *arguments)


def test_before_a_study_was_adopted_there_is_nothing_to_analyse(record: str) -> None:
    with pytest.raises(RecordError, match="no study version up to event 1"):
        run(record, "--as-of", "1")


@pytest.mark.requirement("VA3")
def test_a_record_that_was_changed_is_analysed_with_a_warning_and_exit_code_1(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = tmp_path / "record.sqlite3"
    shutil.copy(folder / "record.sqlite3", changed)
    with sqlite3.connect(changed) as database:
        triggers = database.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall()
        for name, _ in triggers:
            database.execute(f'DROP TRIGGER "{name}"')
        database.execute("UPDATE event SET actor = 'nobody' WHERE seq = 30")
        for _, text in triggers:
            database.execute(text)
    database.close()
    assert run(str(changed), "--out", str(tmp_path)) == 1
    assert "event 30: altered" in capsys.readouterr().err
    assert "The record does not verify." in (tmp_path / "report.html").read_text("utf-8")


def test_no_result_of_a_rehearsed_trial_contradicts_itself(
    record: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(record, "--out", str(tmp_path)) == 0
    assert "No contradiction of estimate, interval, P and counts: " in capsys.readouterr().out
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "were checked against one another: no contradiction" in page
    assert main(["consistency", str(tmp_path / "results.json")]) == 0
    assert "IMPOSSIBLE" not in capsys.readouterr().out


def test_a_result_that_contradicts_itself_is_loud_everywhere(
    record: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = analysing.run

    def careless(*arguments: Any, **options: Any) -> list[Result]:
        found = honest(*arguments, **options)
        return [dataclasses.replace(each, p=0.5 if each.p else None) for each in found]

    monkeypatch.setattr(analysing, "run", careless)
    assert run(record, "--out", str(tmp_path)) == 1
    said = capsys.readouterr()
    assert said.out.startswith("REHEARSAL: synthetic patients, not a trial\n\nCONTRADICTION: ")
    assert "do not use them" in said.out.splitlines()[2]
    assert "CONTRADICTION in the results: " in said.err
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "The results contradict themselves; do not use them." in page
    assert run(record, "--json") == 1
