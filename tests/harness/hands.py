"""What a person does at a page, counted: keys, clicks, seconds of the machine."""

from __future__ import annotations

import time
from typing import Any

KEY_SECONDS, POINT_SECONDS = 0.28, 1.1
"""A key or a button by somebody who types 40 words a minute; pointing at something. Card SK, Moran
TP, Newell A. Commun ACM 1980;23:396-410 (keystroke-level model), as generally cited."""


class Hands:
    """What a person does at a page: keys, clicks, seconds of the machine and of the hands."""

    def __init__(self, page: Any) -> None:
        self.page, self.keys, self.clicks = page, 0, 0
        self.begun = time.monotonic()

    def click(self, selector: str) -> None:
        self.clicks += 1
        self.page.click(selector)

    def double_click(self, selector: str) -> None:
        self.clicks += 2
        self.page.dblclick(selector)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.keys += 1
            self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.keys += len(text)
        self.page.keyboard.type(text)

    def told(self, task: str) -> None:
        seconds = time.monotonic() - self.begun
        hands = KEY_SECONDS * (self.keys + self.clicks) + POINT_SECONDS * self.clicks
        print(
            f"{task}: {self.clicks} clicks, {self.keys} keys, {seconds:.1f} s of the machine, "
            f"about {hands:.0f} s of the hands, without reading and thinking"
        )
