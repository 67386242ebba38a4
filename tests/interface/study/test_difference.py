"""What changed between two versions of a study is told path by path."""

from __future__ import annotations

import shutil
from pathlib import Path

from equipoise.study.definition import Study
from equipoise.study.difference import Change, differences
from equipoise.study.load import load_study, study_path


def _changed(folder: Path, *changes: tuple[str, str]) -> Study:
    study = study_path("lung-tmb")
    shutil.copy(study.with_name("sites.csv"), folder)
    text = study.read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    (folder / "study.yaml").write_text(text, encoding="utf-8")
    return load_study(folder)


def test_a_study_does_not_differ_from_itself() -> None:
    assert differences(load_study("lung-tmb"), load_study("lung-tmb")) == []


def test_every_change_of_an_amendment_is_told(tmp_path: Path) -> None:
    new = _changed(
        tmp_path,
        ('version: "1.0"', 'version: "2.0"'),
        ("expression: ecog_status > 2", "expression: ecog_status > 1"),
        ('cap: "2.0"', "cap: 2.2"),
        ("first_day: 70", "first_day: 77"),
    )
    assert differences(load_study("lung-tmb"), new) == [
        Change("version", "changed", "1.0", "2.0"),
        Change(
            "eligibility.criteria[EX1].expression", "changed", "ecog_status > 2", "ecog_status > 1"
        ),
        Change("treatment.body_surface_area.cap", "changed", "2", "2.2"),
        Change("response.windows[week_12].first_day", "changed", 70, 77),
    ]


def test_an_inserted_criterion_is_one_addition(tmp_path: Path) -> None:
    new = _changed(
        tmp_path,
        (
            "    - id: IN2\n",
            "    - {id: IN1b, kind: inclusion, wording: {en: New}, expression: measurable}\n"
            "    - id: IN2\n",
        ),
        ("criteria: [IN1]", "criteria: [IN1, IN1b]"),
    )
    first, second = differences(load_study("lung-tmb"), new)
    assert (first.path, first.kind) == ("registration.criteria[0].criteria", "changed")
    assert (second.path, second.kind) == ("eligibility.criteria[IN1b]", "added")
    assert second.new["expression"] == "measurable"


def test_removed_and_reordered_items_are_told(tmp_path: Path) -> None:
    new = _changed(
        tmp_path,
        ("    - {category: wrong_stratum}\n    - {category: dose}\n", "    - {category: dose}\n"),
        (
            "block_sizes: [4, 8]}\n      - {status: MID",
            "block_sizes: [8, 4]}\n      - {status: MID",
        ),
    )
    found = {change.path: change for change in differences(load_study("lung-tmb"), new)}
    assert found["oversight.important_deviations[wrong_stratum]"].kind == "removed"
    blocks = found["randomisation.scheme.ratios[LOW].block_sizes"]
    assert (blocks.old, blocks.new) == ([4, 8], [8, 4])


def test_the_order_of_arms_matters(tmp_path: Path) -> None:
    old = load_study("lung-tmb")
    arms = old.randomisation.arms
    turned = old.randomisation.model_copy(update={"arms": arms[::-1]})
    (change,) = differences(old, old.model_copy(update={"randomisation": turned}))
    assert (change.path, change.kind) == ("randomisation.arms", "reordered")
    assert change.old == ["CHEMO", "COMBI", "ANTIBODY"]


def test_a_site_more(tmp_path: Path) -> None:
    new = _changed(tmp_path)
    with (tmp_path / "sites.csv").open("a", encoding="utf-8") as file:
        file.write("X04,West,Westtown,France,Europe/Paris\n")
    new = load_study(tmp_path)
    assert [change.path for change in differences(load_study("lung-tmb"), new)] == ["sites[X04]"]
