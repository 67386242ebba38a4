"""`equipoise analyse --compare`: what changed in every result, and by which events."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from equipoise.cli.main import main
from equipoise.record.event import Event, content
from equipoise.record.sqlite import SqliteLog
from tests.harness.bridge import drawn, scenario_of, through_sqlite
from tests.harness.correcting import correct

STUDY = "lung-tmb"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A rehearsed trial of twelve subjects in a record of its own."""
    made = tmp_path_factory.mktemp("rehearsal")
    log, keys, _ = through_sqlite(drawn(STUDY, scenario_of(STUDY, "planning", 12), 3), made)
    log.close()
    keys.close()
    return made


@pytest.fixture
def record(folder: Path, tmp_path: Path) -> str:
    copy = tmp_path / "record.sqlite3"
    shutil.copy(folder / "record.sqlite3", copy)
    return str(copy)


def changes(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main(["analyse", *arguments, "--json"]) == 0
    said = capsys.readouterr()
    assert "REHEARSAL" in said.err
    found: dict[str, Any] = json.loads(said.out)
    return found


def of(found: dict[str, Any], analysis: str) -> dict[str, Any]:
    (row,) = [each for each in found["changes"] if each["analysis"] == analysis]
    return dict(row)


def events_of(record: str) -> list[Event]:
    with contextlib.closing(SqliteLog(record)) as log:
        return log.read()


def single_lesion_responder(record: str, capsys: pytest.CaptureFixture[str]) -> tuple[str, int]:
    """A subject of the main test who responded with one target, and the seq of its baseline."""
    row = of(changes(capsys, record, "--compare", "2020-01-01"), "main_test")
    responded = {each["subject"] for each in row["subjects"] if each["after"] == "responded"}
    baselines = [
        event
        for event in events_of(record)
        if event.type == "TumourAssessed" and event.subject in responded
        if content(event)["baseline"] and len(content(event)["targets"]) == 1
        if content(event)["evaluator"] == "committee"
    ]
    assert baselines and baselines[0].subject
    return baselines[0].subject, baselines[0].seq


@pytest.fixture
def corrected(record: str, capsys: pytest.CaptureFixture[str]) -> tuple[str, str, int, int]:
    """A record whose last event makes a responder a non-responder by the sum of the baseline.

    13 mm after 27 mm was a response; after 18.5 mm it is a fall of 29.7 %, which is none.
    """
    subject, baseline = single_lesion_responder(record, capsys)
    return record, subject, baseline, correct(record, baseline, "18.5")


@pytest.mark.requirement("CO4", "AT3")
def test_a_correction_that_moves_one_sum_is_named_as_the_cause(
    corrected: tuple[str, str, int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    record, subject, baseline, seq = corrected
    found = changes(capsys, record, "--compare", f"@{seq - 1}")
    assert (found["from"]["as_of"], found["to"]["as_of"]) == (seq - 1, seq)
    assert found["patients"].startswith("synthetic patients")
    row = of(found, "main_test")
    before, after = (row["figures"]["numerators"][each] for each in ("before", "after"))
    assert sum(before) - sum(after) == 1
    assert "denominators" not in row["figures"]
    (changed,) = [each for each in row["subjects"] if each["changed"]]
    assert (changed["subject"], changed["before"], changed["after"]) == (
        subject, "responded", "did not respond",
    )  # fmt: skip
    (cause,) = changed["events"]
    assert (cause["seq"], cause["type"], cause["why"]) == (seq, "Corrected", "recorded since")
    assert cause["corrects"] == {
        "event": baseline,
        "type": "TumourAssessed",
        "occurred": cause["corrects"]["occurred"],
        "item": "targets/T1/diameter",
        "old": '"27"',
        "new": '"18.5"',
    }


def test_the_text_says_the_same_in_words(
    corrected: tuple[str, str, int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    record, subject, baseline, seq = corrected
    assert main(["analyse", record, "--compare", f"@{seq - 1}"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("REHEARSAL: synthetic patients, not a trial\n")
    assert f"From: as of event {seq - 1}, no data cut, study version 1.0" in said
    assert f"{subject} (HIGH, COMBI): responded → did not respond; by event {seq}" in said
    assert f"\n  {subject}\n    event " in said
    assert f"    event {seq} Corrected, recorded " in said
    assert f"event {baseline} TumourAssessed, " in said
    assert 'targets/T1/diameter "27" → "18.5"' in said
    assert "results changed; " in said


def test_a_correction_that_changes_no_result_is_no_change(
    record: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """13 mm after 18.6 mm is a fall of 30.1 %: the response stands, by another event."""
    _, baseline = single_lesion_responder(record, capsys)
    seq = correct(record, baseline, "18.6")
    assert changes(capsys, record, "--compare", f"@{seq - 1}")["changes"] == []


def test_a_correction_that_takes_somebody_out_of_a_group_is_the_cause_in_both(
    record: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A marker value that was lower: by status as re-determined the subject is in the other group;
    as randomised nothing changes."""
    subject, _ = single_lesion_responder(record, capsys)
    assay = next(
        event.seq
        for event in events_of(record)
        if event.type == "AssayResultRecorded" and event.subject == subject
    )
    seq = correct(record, assay, "3", item="measurements/burden/value")
    found = changes(capsys, record, "--compare", f"@{seq - 1}")
    assert "main_test" not in {row["analysis"] for row in found["changes"]}
    row = of(found, "main_later")
    moves = {each["group"]: each for each in row["subjects"]}
    assert moves["HIGH, COMBI"]["before"] == moves["LOW, COMBI"]["after"] == "responded"
    assert moves["HIGH, COMBI"]["after"] == moves["LOW, COMBI"]["before"] == "not in the group"
    for move in moves.values():
        assert (move["subject"], [each["seq"] for each in move["events"]]) == (subject, [seq])
    assert row["figures"]["numerators"] == {"before": [1, 0], "after": [0, 1]}


def test_nothing_changed_says_so(record: str, capsys: pytest.CaptureFixture[str]) -> None:
    head = len(events_of(record))
    for same in (f"@{head}", "2099-12-31", f"2099-12-31@{head}"):
        assert main(["analyse", record, "--compare", same]) == 0
        said = capsys.readouterr().out
        assert "Nothing changed: " in said and "subject by subject." in said
    assert changes(capsys, record, "--compare", f"@{head}")["changes"] == []


def test_events_between_two_cuts_are_named_by_subject(
    record: str, capsys: pytest.CaptureFixture[str]
) -> None:
    events = {event.seq: event for event in events_of(record)}
    found = changes(capsys, record, "--cut", "2025-12-31", "--compare", "2025-03-31")
    assert (found["from"]["cut"], found["to"]["cut"]) == ("2025-03-31", "2025-12-31")
    assert found["changes"]
    for row in found["changes"]:
        for subject in row["subjects"]:
            for cause in subject["events"]:
                assert events[cause["seq"]].subject == subject["subject"]
                if cause["why"] == "after the earlier cut":
                    assert "2025-03-31" < cause["occurred"] <= "2025-12-31"
                assert cause["why"] != "recorded since"
    entered = [
        each
        for row in found["changes"]
        for each in row["subjects"]
        if each["before"] == "not evaluable" and each["after"] == "responded"
    ]
    assert entered


def test_the_same_events_are_named_in_both_directions(
    record: str, capsys: pytest.CaptureFixture[str]
) -> None:
    head = str(len(events_of(record)))
    there = changes(capsys, record, "--compare", "@400")
    back = changes(capsys, record, "--as-of", "400", "--compare", f"@{head}")

    def named(found: dict[str, Any]) -> list[tuple[Any, ...]]:
        return sorted(
            (row["analysis"], each["subject"], each["group"], cause["seq"])
            for row in found["changes"]
            for each in row["subjects"]
            for cause in each["events"]
        )

    assert named(there) == named(back) != []
    whys = {c["why"] for row in back["changes"] for s in row["subjects"] for c in s["events"]}
    assert whys == {"counts no longer", "counts now"}


def test_every_difference_of_two_analyses_is_told(
    record: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Against results.json of each: no figure differs without being told, and none is made up."""
    rows = []
    for more in (["--as-of", "500"], []):
        assert main(["analyse", record, *more, "--json"]) == 0
        rows.append(json.loads(capsys.readouterr().out))
    found = changes(capsys, record, "--compare", "@500")
    told = {(row["analysis"], tuple(row["groups"])): row["figures"] for row in found["changes"]}
    for before, after in zip(*rows, strict=True):
        names = ("numerators", "denominators", "estimate", "lower", "upper", "p")
        differing = {
            name: {"before": before[name], "after": after[name]}
            for name in names
            if before[name] != after[name]
        }
        figures = told.get((after["analysis"], tuple(after["groups"])), {})
        assert {name: figures[name] for name in figures if name in names} == differing
    assert found["unchanged"] + len(found["changes"]) == len(rows[1])


def test_subjects_account_for_every_change_of_a_count(
    record: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = changes(capsys, record, "--compare", "@500")
    counted = 0
    for row in found["changes"]:
        before, after = row["figures"].get("numerators", {"before": 0, "after": 0}).values()
        for place, group in enumerate(row["groups"]):
            moves = [each for each in row["subjects"] if each["group"] == group]
            hits = [
                sum(each[when].startswith(("responded", "event")) for each in moves)
                for when in ("before", "after")
            ]
            moved = after[place] - before[place] if after else 0
            assert hits[1] - hits[0] == moved, (row["analysis"], group)
            counted += moved != 0
    assert counted > 5


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("", "--compare: found ''; a cut and a position as DATE, @SEQ or DATE@SEQ."),
        ("@", "--compare: found '@'; a cut and a position"),
        ("@last", "--compare: found '@last'; a cut and a position"),
        ("2025-01-01@", "--compare: found '2025-01-01@'; a cut and a position"),
        ("@-1", "--compare: found '@-1'; a cut and a position"),
        ("@１", "--compare: found '@１'; a cut and a position"),
        ("2025-02-30", "--compare: found '2025-02-30'; a date as YYYY-MM-DD"),
        ("400", "--compare: found '400'; a date as YYYY-MM-DD"),
        ("@0", "--compare: found '0'; an event from 1 to"),
        ("@99999999", "--compare: found '99999999'; an event from 1 to"),
        ("@1", "no study version up to event 1"),
    ],
)
def test_a_cut_or_position_that_is_none_is_refused(
    asked: str, said: str, record: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyse", record, "--compare", asked]) == 2
    told = capsys.readouterr()
    assert said in told.err and told.out == ""
