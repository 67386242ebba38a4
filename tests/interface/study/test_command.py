"""equipoise study: what each verb prints, and its exit code."""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from equipoise.cli import study as command
from equipoise.errors import BadInput
from equipoise.study.load import bundled, load_study, parse_study, study_path, study_sha256


def _run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    command.add(parser)
    return command.run(parser.parse_args(words))


def _json(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    assert _run(*words, "--json") == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    shutil.copytree(study_path("lung-tmb").parent, tmp_path, dirs_exist_ok=True)
    text = (tmp_path / "study.yaml").read_text(encoding="utf-8")
    text = text.replace("method: permuted_blocks", "method: coin").replace("cap:", "capp:")
    (tmp_path / "study.yaml").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", bundled())
def test_a_sound_study(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("check", name) == 0
    printed = capsys.readouterr().out
    assert f"{name} 1.0: sound" in printed
    assert study_sha256(load_study(name)) in printed
    assert "for rehearsal only" in printed


def test_the_faults_of_a_study_are_raised_for_the_command_to_print(faulty: Path) -> None:
    with pytest.raises(
        BadInput, match=r"(?s)'permuted_blocks', 'simple' or 'minimisation'.*perhaps cap is meant"
    ):
        _run("check", str(faulty))


def test_the_faults_of_a_study_as_json(faulty: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("check", str(faulty), "--json") == 2
    found = json.loads(capsys.readouterr().out)
    assert found["sound"] is False
    assert [problem["field"] for problem in found["problems"]] == [
        "randomisation.scheme.method",
        "treatment.body_surface_area.capp",
    ]
    assert all(problem["where"].startswith("study.yaml line") for problem in found["problems"])


def test_the_synopsis_of_mgmt_net(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("show", "mgmt-net") == 0
    printed = capsys.readouterr().out
    for expected in (
        "NCT03217097, 69HCL17_0284",
        "19 in France",
        "DEFICIENT: ALKY:OX 2:1",
        "PROFICIENT: ALKY:OX 1:1",
        "jco-2024 (in force): pyrosequencing: DEFICIENT >= 9; PROFICIENT < 9",
        "Capecitabine 750 mg/m2 x 2 daily, days 1 to 14",
        "104 planned: DEFICIENT 0.5 v PROFICIENT 0.15",
    ):
        assert expected in printed
    assert max(len(line) for line in printed.splitlines()) <= 96


def test_the_synopsis_tells_what_is_tested_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "closed"
    shutil.copytree(study_path("lung-tmb").parent, folder)
    text = (folder / "study.yaml").read_text("utf-8")
    graph = (
        "  closed_testing:\n    alpha: 0.05\n    weights: {main_test: 1, best_interaction: 0}\n"
        "    transitions: {main_test: {best_interaction: 1}}\n  sample_size:"
    )
    (folder / "study.yaml").write_text(text.replace("  sample_size:", graph), "utf-8")
    assert _run("show", str(folder / "study.yaml")) == 0
    printed = capsys.readouterr().out
    assert "CLOSED TEST     alpha 0.05; weights main_test 1, best_interaction 0" in printed
    assert "  main_test     passes on to best_interaction 1" in printed


def test_the_synopsis_tells_the_looks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Pocock's constant of two looks at a two-sided 5 % is 2.178 (Jennison and Turnbull, table
    2.1)."""
    folder = tmp_path / "looks"
    shutil.copytree(study_path("lung-tmb").parent, folder)
    text = (folder / "study.yaml").read_text("utf-8")
    looks = (
        "      denominator: evaluable\n      interims:\n        counted: evaluable\n"
        "        at: [40, 80]\n        side: two_sided\n        alpha: 0.05\n"
        "        efficacy: {family: pocock}\n        exact: nominal_p\n    - id: main_difference"
    )
    plain = "      denominator: evaluable\n    - id: main_difference"
    assert text.count(plain) == 1
    (folder / "study.yaml").write_text(text.replace(plain, looks), "utf-8")
    assert _run("show", str(folder / "study.yaml")) == 0
    printed = capsys.readouterr().out
    assert "INTERIM LOOKS   of main_test; two-sided, alpha 0.05" in printed
    assert "  look 1        40 evaluable: information 0.5, efficacy Z 2.178" in printed
    assert "  look 2        the end: information 1, rejects at 2.178" in printed
    assert "  stops         for efficacy: pocock" in printed
    assert _run("diff", "lung-tmb", str(folder / "study.yaml")) == 0
    assert "added     analysis.analyses[main_test].interims" in capsys.readouterr().out


def test_the_synopsis_of_the_invented_study_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("show", "lung-tmb") == 0
    printed = capsys.readouterr().out
    assert "Everything in this study is invented" in printed
    assert "HIGH: CHEMO:COMBI:ANTIBODY 1:2:1" in printed


def test_the_study_as_json_is_the_study(capsys: pytest.CaptureFixture[str]) -> None:
    found = _json(capsys, "show", "mgmt-net")
    assert parse_study(json.dumps(found)) == load_study("mgmt-net")


def test_assumptions_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    found = _json(capsys, "assumptions", "mgmt-net")
    assert len(found) > 90
    assert set(found[0]) == {"path", "value", "reason"}
    assert _run("assumptions", "mgmt-net") == 0
    printed = capsys.readouterr().out
    assert all(each["path"] in printed and each["reason"] in printed for each in found)
    assert printed.rstrip().endswith(f"{len(found)} assumptions")


def test_assumptions_of_a_scenario_are_listed_after_those_of_the_study(
    capsys: pytest.CaptureFixture[str],
) -> None:
    alone = _json(capsys, "assumptions", "mgmt-net")
    both = _json(capsys, "assumptions", "mgmt-net", "--scenario", "published")
    assert both[: len(alone)] == alone
    more = {each["path"]: each["reason"] for each in both[len(alone) :]}
    assert all(path.startswith("scenario published: ") for path in more)
    assert "Why 11 of 116 were not treated" in more["scenario published: enrolment"]


def test_differences_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(study_path("lung-tmb").parent, tmp_path, dirs_exist_ok=True)
    text = (tmp_path / "study.yaml").read_text(encoding="utf-8")
    (tmp_path / "study.yaml").write_text(text.replace("planned: 112\n...", "planned: 120\n..."))
    assert _json(capsys, "diff", "lung-tmb", str(tmp_path)) == [
        {"path": "analysis.sample_size.planned", "kind": "changed", "old": 112, "new": 120}
    ]
    assert _run("diff", "lung-tmb", str(tmp_path)) == 0
    assert capsys.readouterr().out.splitlines() == [
        "changed   analysis.sample_size.planned",
        "  old: 112",
        "  new: 120",
        "1 difference",
    ]
    assert _run("diff", "lung-tmb", "lung-tmb") == 0
    assert capsys.readouterr().out == "no difference\n"


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, part in value.items():
            if name == "$ref":
                yield part
            else:
                yield from _references(part)
    elif isinstance(value, list):
        for part in value:
            yield from _references(part)


def test_the_schema_describes_the_study_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("schema") == 0
    schema = json.loads(capsys.readouterr().out)
    written = json.loads(load_study("mgmt-net").model_dump_json(exclude={"sites"}))
    assert set(written) == set(schema["properties"])
    assert schema["additionalProperties"] is False
    references = set(_references(schema))
    assert references
    assert references == {f"#/$defs/{name}" for name in schema["$defs"]}
    block_sizes = schema["$defs"]["StratumRatio"]["properties"]["block_sizes"]
    assert block_sizes["type"] == "array"


def test_a_verb_is_needed() -> None:
    with pytest.raises(SystemExit) as told:
        _run()
    assert told.value.code == 2
