"""Progress on standard error, for what takes longer than a second."""

from __future__ import annotations

import sys
import time


class Progress:
    """Tells how much of `what` is done, and about how long the rest takes."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.began = self.told = time.monotonic()
        self.first: tuple[float, int] | None = None

    def say(self, text: str) -> None:
        """A step that begins."""
        print(f"[{time.monotonic() - self.began:5.1f} s] {text}", file=sys.stderr, flush=True)

    def step(self, done: int, total: int, before: int = 0) -> None:
        """So many of so many are done, `before` of them earlier; told once a second."""
        now = time.monotonic()
        if done == before:
            self.began = self.told = now
            self.first = now, done
            return
        if self.first is None:  # what came before the first one says nothing of the others
            self.first = now, done
        if now - self.told >= 1 or (done == total and now - self.began >= 1):
            self.told = now
            since, at = self.first
            rest = ""
            if done > at:
                rest = f", about {(now - since) / (done - at) * (total - done):.0f} s left"
            self.say(f"{done} of {total} {self.what}{rest}")
