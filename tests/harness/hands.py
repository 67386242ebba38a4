"""What a person does at a page, counted: keys, clicks, seconds of the machine."""

from __future__ import annotations

import time
from typing import Any


class Hands:
    """What a person does at a page: keys, clicks, seconds of the machine."""

    def __init__(self, page: Any) -> None:
        self.page, self.keys, self.clicks = page, 0, 0
        self.begun = time.monotonic()

    def click(self, selector: str) -> None:
        self.clicks += 1
        self.page.click(selector)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.keys += 1
            self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.keys += len(text)
        self.page.keyboard.type(text)

    def told(self, task: str) -> None:
        seconds = time.monotonic() - self.begun
        print(f"{task}: {self.clicks} clicks, {self.keys} keys, {seconds:.1f} s of the machine")
