"""Adverse events coded in a dictionary that the user gives: the file, what is refused, the table.

The dictionaries here are made up: MedDRA is licensed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from equipoise.errors import BadInput, Refused
from equipoise.exchange.dictionary import read_dictionary
from equipoise.record.event import Event
from equipoise.record.keys import KeyStore
from equipoise.record.log import Log
from equipoise.record.sqlite import SqliteLog
from equipoise.record.tables import tables
from equipoise.safety.plan import MedicalDictionary
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.definition import Study
from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from equipoise.workflow.coding import coded
from tests.harness.trial import STUDY, Trial

HEADER = "code,term,preferred_code,preferred_term,system_organ_class\n"
LINES = HEADER + "1,NAUSEA,10,Nausea,Stomach\n2,Feeling sick,10,Nausea,Stomach\n"


def _study() -> Study:
    """The study with a dictionary of its own."""
    study = load_study(STUDY)
    named = study.safety.model_copy(update={"dictionary": MedicalDictionary(name="D", version="1")})
    return study.model_copy(update={"safety": named})


@pytest.fixture
def trial(memory_path: Path) -> Trial:
    """A trial whose study names a dictionary, with a subject who was sick and tired."""
    log: Log = SqliteLog.create(memory_path / "record.sqlite3", trial="T1")
    keys = KeyStore.create(memory_path / "record.sqlite3.keys")
    trial = Trial.opened(log, keys, study=_study())
    trial.act("SubjectScreened", {}, subject="A-001")
    for number, term in enumerate(("Nausea", "Fatigue"), start=1):
        body = {"adverse_event": f"AE{number}", "term": term, "grade": 1, "outcome": "unknown"}
        trial.act("AdverseEventReported", body, subject="A-001")
    return trial


def _given(folder: Path, lines: str = LINES) -> Path:
    path = folder / "dictionary.csv"
    path.write_text(lines, encoding="utf-8")
    return path


def _coded(trial: Trial, path: Path, version: str = "1") -> list[Event]:
    given = read_dictionary(path, "D", version)
    who = {"actor": "dm", "role": "data_manager", "organisation": "Sponsor"}
    return coded(trial.conductor, given, **who)


def test_what_the_dictionary_knows_is_coded_once(trial: Trial, tmp_path: Path) -> None:
    path = _given(tmp_path)
    assert len(_coded(trial, path)) == 1
    assert _coded(trial, path) == []
    found = derive(tables(trial.log.read(), CATALOGUE), trial.study, upto="adverse_event")
    sick, tired = found["adverse_event"].iter_rows(named=True)
    assert (sick["dictionary"], sick["code"], sick["preferred_term"]) == ("D 1", "1", "Nausea")
    assert sick["preferred_class"] == "Stomach"
    assert sick["sources"][-1] == trial.log.head().seq
    assert tired["code"] is None


def test_the_latest_code_stands(trial: Trial, tmp_path: Path) -> None:
    _coded(trial, _given(tmp_path))
    body = {
        "adverse_event": "AE1", "dictionary": "D", "version": "1", "code": "2",
        "term": "Feeling sick", "preferred_code": "10", "preferred_term": "Nausea",
        "system_organ_class": "Stomach",
    }  # fmt: skip
    trial.act("AdverseEventCoded", body, "safety_officer", subject="A-001")
    found = derive(tables(trial.log.read(), CATALOGUE), trial.study, upto="adverse_event")
    assert found["adverse_event"]["code"].to_list() == ["2", None]


def test_another_version_than_the_studys_is_refused(trial: Trial, tmp_path: Path) -> None:
    with pytest.raises(Refused) as refusal:
        _coded(trial, _given(tmp_path), version="2")
    for part in ("A-001", "AE1 cannot be coded in D 2", "the study names D 1"):
        assert part in str(refusal.value)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (HEADER, "at least one term"),
        (HEADER.replace("preferred_code,", ""), "PREFERRED_CODE"),
        (LINES + "3,,10,Nausea,Stomach\n", "line 4, TERM: found ''; must not be empty"),
        (LINES + "3,Nausea,10,Nausea,Stomach\n", "line 4"),
    ],
)
def test_a_file_that_is_no_dictionary(tmp_path: Path, lines: str, told: str) -> None:
    with pytest.raises(BadInput) as refusal:
        read_dictionary(_given(tmp_path, lines), "D", "1")
    assert told in str(refusal.value)
