"""`studies/<name>/expected`: what a seeded rehearsal of each bundled study gives, and gave before.

A snapshot and no proof: it tells a change of any rule, from entry to analysis, that moves a result.
`make expected` writes it anew; the difference belongs into the changelog.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from equipoise.cli.main import main

ROOT = Path(__file__).parents[3]
WRITTEN = sorted(ROOT.glob("studies/*/expected/characteristics.json"))
COMMAND = re.compile(r"equipoise (rehearse \$\$study .*) --out studies/\$\$study/expected")
"""As the Makefile has it."""


def test_every_bundled_study_has_expected_results() -> None:
    studies = {each.parent for each in ROOT.glob("studies/*/study.yaml")}
    assert {each.parents[1] for each in WRITTEN} == studies
    (named,) = re.findall(r"^STUDIES := (.+)$", (ROOT / "Makefile").read_text("utf-8"), re.M)
    assert sorted(named.split()) == sorted(each.name for each in studies)


@pytest.mark.slow
@pytest.mark.parametrize("written", WRITTEN, ids=lambda path: path.parents[1].name)
def test_a_rehearsal_gives_what_is_expected(written: Path, tmp_path: Path) -> None:
    (told,) = COMMAND.findall((ROOT / "Makefile").read_text("utf-8"))
    arguments = told.replace("$$study", written.parents[1].name).split()
    assert main([*arguments, "--out", str(tmp_path)]) == 0
    found = json.loads((tmp_path / written.name).read_text("utf-8"))
    expected = json.loads(written.read_text("utf-8"))
    assert [each["analysis"] for each in found] == [each["analysis"] for each in expected]
    for mine, its in zip(found, expected, strict=True):
        for name, value in its.items():
            exactly = value is None or name not in NUMBERS
            assert mine[name] == (value if exactly else pytest.approx(value, rel=1e-9)), name


NUMBERS = (
    "mean_denominators", "proportions", "rejection", "standard_error",
    "closed_rejection", "closed_standard_error",
)  # fmt: skip
"""What is divided; everything else is the same to the letter."""
