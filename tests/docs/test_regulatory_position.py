"""The page on the regulatory position: its four subjects, and that what it says is shown."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "regulatory-position.md").read_text(encoding="utf-8")
SUBJECTS = {
    "Dose and response calculation: medical-device status": "2017/745",
    "A marker that decides the allocation: in-vitro-diagnostic status": "2017/746",
    "Hosting of health data": "L. 1111-8",
    "Research reference methodology": "MR-001",
}
"""The subjects of requirement RG1, each with the text that it is about."""
SECTIONS = dict(re.findall(r"^## (.+)$\n((?:(?!^## ).*\n)+)", PAGE, re.MULTILINE))
ROW = re.compile(r"^\| .+ \| `(tests/[^`]+)::(test_\w+)` \|$", re.MULTILINE)


@pytest.mark.requirement("RG1")
@pytest.mark.parametrize("subject", SUBJECTS)
def test_each_subject_has_a_position_what_it_rests_on_and_what_is_left(subject: str) -> None:
    section = SECTIONS[subject]
    for part in ("*Texts:*", "*Position:*", "*Left to the sponsor:*"):
        assert section.count(part) == 1, part
    assert SUBJECTS[subject] in section
    shown = ROW.findall(section)
    assert len(shown) == section.count("\n| ") - 1 > 0
    for file, test in shown:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        assert test in {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}


def test_the_page_claims_no_review_and_names_rules_that_exist() -> None:
    assert "No authority or notified body has reviewed this software." in PAGE
    assert set(SECTIONS) == set(SUBJECTS)
    named = re.findall(r"`(equipoise[.\w]+):(\w+)`", PAGE)
    assert named
    for module, name in named:
        assert callable(getattr(import_module(module), name))
