"""A scheme as it is to be activated: its list on the dummy seed, and the hash that is signed.

Nothing of the live seed stands here: it is drawn when the scheme is activated, and seen by nobody.
"""

from __future__ import annotations

from dataclasses import dataclass

from equipoise.randomisation.approval import Listed, approval_sha256, dummy_list, list_sha256
from equipoise.randomisation.events import ActivateScheme
from equipoise.study.definition import Study
from equipoise.study.factor_levels import factor_levels


@dataclass(frozen=True, slots=True)
class SchemeAsAsked:
    """What a statistician signs: the dummy list of `asked`, whether its hash is the one that was
    checked elsewhere, and the hash of all of it."""

    rows: tuple[Listed, ...]
    agrees: bool
    sha256: str

    @property
    def strata(self) -> dict[str, list[str]]:
        """The arms of each stratum in their order."""
        found: dict[str, list[str]] = {}
        for each in self.rows:
            found.setdefault(each.stratum, []).append(each.arm)
        return found


def scheme_as_asked(study: Study, asked: ActivateScheme) -> SchemeAsAsked:
    """The scheme of a study as `asked` would activate it."""
    plan, levels = study.randomisation, factor_levels(study)
    return SchemeAsAsked(
        rows=tuple(dummy_list(plan, levels, asked.dummy_seed)),
        agrees=asked.dummy_sha256 == list_sha256(plan, levels, asked.dummy_seed),
        sha256=approval_sha256(plan, asked),
    )
