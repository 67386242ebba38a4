"""Progress on standard error, for what takes longer than a second."""

from __future__ import annotations

import sys
import time


class Progress:
    """Tells how much of `what` is done, and about how long the rest takes."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.began = self.told = time.monotonic()

    def say(self, text: str) -> None:
        """A step that begins."""
        print(f"[{time.monotonic() - self.began:5.1f} s] {text}", file=sys.stderr, flush=True)

    def step(self, done: int, total: int, before: int = 0) -> None:
        """So many of so many are done, `before` of them earlier; told once a second."""
        now = time.monotonic()
        if done == before:
            self.began = self.told = now
            return
        if now - self.told >= 1 or (done == total and now - self.began >= 1):
            self.told = now
            left = (now - self.began) / (done - before) * (total - done)
            self.say(f"{done} of {total} {self.what}, about {left:.0f} s left")
