"""The access matrix as a page: every page of the application, and the roles that may open it."""

from __future__ import annotations

from pathlib import Path

from tests.harness.web_settings import set_up

set_up()

from equipoise.study.access import ROLES, SITE_ROLES, VISIBLE  # noqa: E402
from equipoise.web import urls  # noqa: E402
from equipoise.web.page import ROUTES  # noqa: E402

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "access.md"
ABOUT = {"trial": "the trial", "site": "a hospital", "subject": "a subject", "person": "oneself"}
INTRODUCTION = """# Who may open what

Made from the route table by `python -m tests.harness.access`; a test compares it, and another opens
every page in every role, of the own and of another hospital, and searches its bytes
(`tests/interface/web/test_access_matrix.py`).

Investigator, nurse and pharmacist act at one hospital: what belongs to another is answered as a
number that nobody has. A dot: the page may be opened; `w`: it may change something, if the action
is the role's.
"""
SEES = """
## What a role sees of an entry

Items of an entry have a blinding class (`study/access.py`). A marker status is seen by a hospital
only where the study discloses it; a statistician sees allocations only once unblinded, by an act
that the record holds.
"""


def rendered() -> str:
    """The page as Markdown."""
    if not urls.urlpatterns:
        raise LookupError("the application has no pages")
    roles = sorted(ROLES, key=lambda role: (role not in SITE_ROLES, role))
    lines = [INTRODUCTION, _row("Address", "about", *(each.replace("_", " ") for each in roles))]
    lines.append(_row(*["---"] * (len(roles) + 2)))
    for route in sorted(ROUTES.values(), key=lambda each: each.address):
        sign = "w" if "POST" in route.methods else "·"
        held = [sign if role in route.roles else "" for role in roles]
        lines.append(_row(f"`/{route.address}`", ABOUT[route.about], *held))
    classes = sorted(set().union(*VISIBLE.values()))
    lines += [SEES, _row("Class", *(each.replace("_", " ") for each in roles))]
    lines.append(_row(*["---"] * (len(roles) + 1)))
    for each in classes:
        lines.append(_row(each, *("·" if each in VISIBLE[role] else "" for role in roles)))
    return "\n".join(lines) + "\n"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


if __name__ == "__main__":
    PAGE.write_text(rendered(), encoding="utf-8")
