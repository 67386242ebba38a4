"""The main menu: every entry has its place in it, and no role has more than fits beside another."""

from __future__ import annotations

import pytest

from equipoise.study.access import ROLES
from equipoise.web import urls
from equipoise.web.page import GROUPS, MENU, ROUTES, menu
from equipoise.web.wording import wording

MOST_SIDE_BY_SIDE = 9
"""Parts that stand beside one another at 1280 px."""


def test_every_entry_of_the_menu_stands_in_one_group() -> None:
    assert urls.urlpatterns
    placed = [name for _, names in GROUPS for name in names]
    assert sorted(placed) == sorted({*placed})
    assert {name for _, name in MENU} <= {*placed}
    assert {*placed} <= {*ROUTES}, "a group names a page that is not there"


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_role_finds_all_that_it_may_open_in_few_parts(role: str) -> None:
    parts = menu(role)
    keys = [key for part in parts for key, _ in part.entries]
    assert len(keys) == len({*keys}) and keys
    assert len(parts) <= MOST_SIDE_BY_SIDE
    for part in parts:
        assert (part.name is None) == (len(part.entries) == 1)
    for language in ("en", "fr"):
        words = wording(language)
        assert all(words[key] for key in [*keys, *(part.name for part in parts if part.name)])
