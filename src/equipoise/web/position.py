"""In which role a person acts, at which hospital: one grant of the record, chosen after login."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass

from equipoise.study.access import SITE_ROLES, Grant


@dataclass(frozen=True, slots=True)
class Position:
    """A role, at one hospital or (None) everywhere."""

    role: str
    site: str | None

    @property
    def key(self) -> str:
        """How the position is named in a session and a form.

        >>> Position("nurse", "FR01").key, Position("monitor", None).key
        ('nurse@FR01', 'monitor@')
        """
        return f"{self.role}@{self.site or ''}"

    @property
    def at_site(self) -> bool:
        """Whether it is a hospital's role."""
        return self.role in SITE_ROLES

    def covers(self, site: str | None) -> bool:
        """Whether what belongs to a hospital may be looked at from here."""
        return self.site is None or self.site == site


def positions(grants: Iterable[Grant], person: str, on: datetime.date) -> list[Position]:
    """The positions that a person holds on a day, each once, in the order of their grants.

    >>> day = datetime.date(2026, 1, 1)
    >>> held = [Grant(3, "a", "nurse", "LYO", day, None), Grant(4, "b", "monitor", None, day, None)]
    >>> positions(held, "a", day)
    [Position(role='nurse', site='LYO')]
    """
    found: dict[Position, None] = {}
    for grant in grants:
        if (
            grant.person == person
            and grant.since <= on
            and (grant.until is None or on <= grant.until)
        ):
            found[Position(grant.role, grant.site)] = None
    return list(found)
