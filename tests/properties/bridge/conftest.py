"""The heaviest tests of the bridge first, so that two processes have done at the same time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.bridge import STUDIES

HEAVIEST_FIRST = ("test_full_size", "test_small_trials", "test_amended")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of each half of the tests here, with which a process begins, the heaviest come first.

    A process that has done takes over from the end of the other's half, where what is left is
    light.
    """
    here = Path(__file__).parent
    places = [place for place, item in enumerate(items) if item.path.parent == here]
    ordered = sorted((items[place] for place in places), key=_order)
    for place, item in zip(places, [*ordered[::2], *ordered[1::2]], strict=True):
        items[place] = item


def _order(item: pytest.Item) -> tuple[int, int]:
    name, _, rest = item.name.partition("[")
    kind = HEAVIEST_FIRST.index(name) if name in HEAVIEST_FIRST else len(HEAVIEST_FIRST)
    return kind, next((n for n, study in enumerate(STUDIES) if study in rest), len(STUDIES))
