"""Reading a study: by name, by path, from the record's text; and files that are no study."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from equipoise.errors import BadInput
from equipoise.record.plan import Label
from equipoise.study import load
from equipoise.study.load import (
    bundled,
    load_study,
    parse_study,
    study_path,
    study_sha256,
    study_text,
)
from equipoise.study.source import MAXIMUM_BYTES, MAXIMUM_DEPTH

SITES = "code,name,city,country,time_zone\nX01,North,Northtown,France,Europe/Paris\n"


@pytest.fixture
def lung(tmp_path: Path) -> Path:
    """A copy of the smaller study."""
    folder = tmp_path / "copy"
    shutil.copytree(study_path("lung-tmb").parent, folder)
    return folder


def _told(path: Path | str) -> list[str]:
    with pytest.raises(BadInput) as told:
        load_study(path)
    return [str(problem) for problem in told.value.problems]


@pytest.mark.parametrize("name", bundled())
def test_the_records_text_gives_the_study_back(name: str) -> None:
    study = load_study(name)
    text = study_text(study)
    assert parse_study(text) == study
    assert study_text(parse_study(text)) == text
    assert re.fullmatch("[0-9a-f]{64}", study_sha256(study))
    assert not re.search(r":-?\d+\.\d", text), "a float in the text"


def test_a_study_is_found_by_name_by_folder_and_by_file(lung: Path) -> None:
    study = load_study("lung-tmb")
    assert load_study(lung) == load_study(str(lung)) == load_study(lung / "study.yaml") == study


def test_both_studies_are_bundled() -> None:
    assert bundled() == ["lung-tmb", "mgmt-net"]


def test_the_studies_of_an_installed_release_come_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a wheel they lie beside the packages; in a checkout two folders above."""
    package = tmp_path / "site-packages" / "equipoise"
    shutil.copytree(study_path("lung-tmb").parent, package / "studies" / "lung-tmb")
    monkeypatch.setattr(load, "__file__", str(package / "study" / "load.py"))
    assert bundled() == ["lung-tmb"]
    assert study_path("lung-tmb").is_relative_to(package)


def test_a_new_version_has_another_hash(lung: Path) -> None:
    study = load_study(lung)
    text = (lung / "study.yaml").read_text(encoding="utf-8")
    (lung / "study.yaml").write_text(text.replace('version: "1.0"', 'version: "1.1"'), "utf-8")
    assert study_sha256(load_study(lung)) != study_sha256(study)


def test_a_comment_changes_no_hash(lung: Path) -> None:
    before = study_sha256(load_study(lung))
    with (lung / "study.yaml").open("a", encoding="utf-8") as file:
        file.write("# a thought\n")
    assert study_sha256(load_study(lung)) == before


def test_a_number_may_be_written_with_trailing_zeros(lung: Path) -> None:
    before = study_sha256(load_study(lung))
    text = (lung / "study.yaml").read_text(encoding="utf-8")
    (lung / "study.yaml").write_text(text.replace('cap: "2.0"', "cap: 2.00"), "utf-8")
    assert study_sha256(load_study(lung)) == before


def test_no_such_study() -> None:
    (message,) = _told("mgmt-nett")
    assert "found 'mgmt-nett'" in message and "bundled study (lung-tmb, mgmt-net)" in message


@pytest.mark.parametrize("name", ["", "\0", "a" * 5000])
def test_names_that_no_file_can_have(name: str) -> None:
    assert _told(name)


def test_a_directory_without_a_study(tmp_path: Path) -> None:
    assert "bundled study" in _told(tmp_path)[0]


def test_a_directory_in_the_place_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").mkdir()
    assert _told(tmp_path)


def test_a_study_without_sites(lung: Path) -> None:
    (lung / "sites.csv").unlink()
    (message,) = _told(lung)
    assert "sites.csv" in message and "cannot be read" in message


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n", "null\n"])
def test_an_empty_file(lung: Path, text: str) -> None:
    (lung / "study.yaml").write_text(text, encoding="utf-8")
    assert _told(lung) == ["study.yaml: must hold a study, but it is empty."]


@pytest.mark.parametrize("text", ["a word\n...\n", "- a list\n...\n", "12\n...\n"])
def test_a_file_that_is_no_mapping(lung: Path, text: str) -> None:
    (lung / "study.yaml").write_text(text, encoding="utf-8")
    (message,) = _told(lung)
    assert message.startswith("study.yaml line 1 column 1") and "a mapping of fields" in message


def test_a_truncated_file_is_never_half_a_study(lung: Path) -> None:
    data = (lung / "study.yaml").read_bytes()
    last_lines = range(len(data) - 400, len(data) - 4)
    for length in (*range(0, len(data) - 4, len(data) // 30), *last_lines[::25], len(data) - 4):
        (lung / "study.yaml").write_bytes(data[:length])
        assert _told(lung)


def test_a_file_that_is_not_utf8(lung: Path) -> None:
    text = (lung / "study.yaml").read_text(encoding="utf-8")
    (lung / "study.yaml").write_bytes(text.encode("latin-1"))
    (message,) = _told(lung)
    line = text[: next(i for i, c in enumerate(text) if ord(c) > 127)].count("\n") + 1
    assert message.startswith(f"study.yaml line {line}: found 'byte 0x")
    assert "must be UTF-8 text" in message


def test_a_file_in_another_unicode(lung: Path) -> None:
    text = (lung / "study.yaml").read_text(encoding="utf-8")
    (lung / "study.yaml").write_bytes(text.encode("utf-16"))
    assert "must be UTF-8 text" in _told(lung)[0]


def test_a_byte_order_mark_is_no_fault(lung: Path) -> None:
    data = (lung / "study.yaml").read_bytes()
    (lung / "study.yaml").write_bytes(b"\xef\xbb\xbf" + data)
    assert load_study(lung) == load_study("lung-tmb")


def test_a_huge_file_is_not_even_read(lung: Path) -> None:
    with (lung / "study.yaml").open("wb") as file:
        file.truncate(MAXIMUM_BYTES * 1000)
    (message,) = _told(lung)
    assert f"must have at most {MAXIMUM_BYTES} bytes" in message


def test_aliases_cannot_unfold(lung: Path) -> None:
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    bomb = "a0: &a0 lol\n" + "\n".join(levels)
    (lung / "study.yaml").write_text(bomb, encoding="utf-8")
    (message,) = _told(lung)
    assert "no YAML anchors" in message


def test_nesting_has_an_end(lung: Path) -> None:
    (lung / "study.yaml").write_text("a: " + "[" * 100_000, encoding="utf-8")
    (message,) = _told(lung)
    assert f"nested more than {MAXIMUM_DEPTH} deep" in message


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\ufffe"])
def test_a_character_that_no_text_has(lung: Path, character: str) -> None:
    text = (lung / "study.yaml").read_text(encoding="utf-8")
    changed = text.replace("A scan at most", f"A scan{character} at most")
    (lung / "study.yaml").write_text(changed, encoding="utf-8")
    (message,) = _told(lung)
    line = text[: text.index("A scan at most")].count("\n") + 1
    assert f"study.yaml line {line}" in message


def test_every_fault_is_told_at_once_and_many_are_counted(lung: Path) -> None:
    text = (lung / "study.yaml").read_text(encoding="utf-8")
    (lung / "study.yaml").write_text(text.replace("fr:", "fra:"), encoding="utf-8")
    with pytest.raises(BadInput) as told:
        load_study(lung)
    assert len(told.value.problems) == text.count("fr:") > 60
    lines = str(told.value).splitlines()
    assert len(lines) == 51 and lines[-1].startswith("... and ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "sites.csv: found ''; must have the header code,name,city,country,time_zone."),
        ("name,code\n", "sites.csv line 1: found 'name,code'; must have the header"),
        (SITES + "X02,South\n", "sites.csv line 3: found '2 columns'; must have 5 columns"),
        (
            SITES + "X01,South,Southtown,France,Europe/Paris\n",
            "sites.csv line 3, sites[1].code: found 'X01'",
        ),
        (
            SITES + "1 2,South,Southtown,France,Europe/Paris\n",
            "sites.csv line 3, sites[1].code: found '1 2'",
        ),
        (
            SITES + "X02,,Southtown,France,Europe/Paris\n",
            "sites.csv line 3, sites[1].name: found ''",
        ),
        (
            SITES + "X02,South,Southtown,Atlantis,Europe/Paris\n",
            "sites.csv line 3, sites[1].country",
        ),
        (
            SITES + "X02,South,Southtown,France,CET+1\n",
            "sites.csv line 3, sites[1].time_zone: found",
        ),
        (
            SITES + "X02,South,Southtown,France,../x\n",
            "sites.csv line 3, sites[1].time_zone: found",
        ),
        (SITES + "X02,South,Southtown,France,\n", "sites.csv line 3, sites[1].time_zone: found "),
        (SITES + 'X02,"South,Southtown,France\n', "sites.csv line 3: must be CSV"),
        (
            "code,name,city,country,time_zone\n",
            "sites.csv line 1, sites: found 'none'; must list",
        ),
    ],
)
def test_mistakes_in_the_list_of_sites(lung: Path, text: str, expected: str) -> None:
    (lung / "sites.csv").write_text(text, encoding="utf-8")
    assert any(message.startswith(expected) for message in _told(lung)), _told(lung)


def test_sites_and_study_are_told_together(lung: Path) -> None:
    (lung / "sites.csv").write_text(SITES + "X02,South\n", encoding="utf-8")
    text = (lung / "study.yaml").read_text(encoding="utf-8")
    (lung / "study.yaml").write_text(text.replace("method: simple", "method: x"), "utf-8")
    assert any("sites.csv line 3" in message for message in _told(lung))


def test_a_site_name_may_hold_a_line_break(lung: Path) -> None:
    (lung / "sites.csv").write_text(
        SITES + 'X02,"South\nWing",Southtown,France\nX02,West,Westtown,France\n', encoding="utf-8"
    )
    assert any(message.startswith("sites.csv line 5") for message in _told(lung))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"id": "x"}',
        '{"id": NaN}',
        "[" * 100_000,
        '{"analysis": {"sample_size": {"alpha": 0.05}}}',
    ],
)
def test_text_of_a_record_that_is_no_study(text: str) -> None:
    with pytest.raises(BadInput):
        parse_study(text)


def test_a_float_in_the_records_text_is_refused() -> None:
    value = json.loads(study_text(load_study("lung-tmb")))
    value["analysis"]["sample_size"]["alpha"] = 0.05
    with pytest.raises(BadInput, match=r"a decimal number must be a string, found 0\.05"):
        parse_study(json.dumps(value))


def test_labels_keep_their_languages() -> None:
    study = load_study("mgmt-net")
    assert study.biomarker.marker.statuses[0].label == Label(
        en="MGMT-deficient (methylated promoter)", fr="MGMT déficient (promoteur méthylé)"
    )
