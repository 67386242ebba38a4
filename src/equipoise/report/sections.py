"""The analyses in the order in which they are read: by role, sensitivity analyses by what differs.

Among the sensitivity analyses come first those by the other version of the marker status, then
those with another denominator, then other definitions, last the reconstructions of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from equipoise.analysis.subjects import denominator_rule, end_point_of, estimand_of
from equipoise.report.findings import BASES, ResultView
from equipoise.study.analysis_plan import Analysis, AnalysisPlan, BinaryEndPoint

Block = list[ResultView]
"""The rows of one analysis."""

ROLES = {
    "primary": "Primary",
    "secondary": "Secondary",
    "sensitivity": "Sensitivity",
    "exploratory": "Exploratory",
}


@dataclass(frozen=True, slots=True)
class Section:
    """Analyses that belong together. `about` says what sensitivity analyses have in common."""

    role: str
    about: str
    blocks: list[Block]

    @property
    def heading(self) -> str:
        """The role, and what the analyses are about."""
        return f"{self.role}: {self.about}" if self.about else self.role


def analysis_sections(plan: AnalysisPlan, views: Sequence[ResultView]) -> list[Section]:
    """The rows of each analysis, in sections; none is empty."""
    sections = []
    for role, name in ROLES.items():
        blocks: dict[str, Block] = {}
        for view in views:
            if view.role == role:
                blocks.setdefault(view.analysis.id, []).append(view)
        if role == "sensitivity":
            sections += _by_what_differs(plan, name, list(blocks.values()))
        elif blocks:
            sections.append(Section(name, "", list(blocks.values())))
    return sections


def leading(plan: AnalysisPlan) -> Analysis:
    """The primary analysis; the first of the plan where none is primary."""
    return next((each for each in plan.analyses if each.role == "primary"), plan.analyses[0])


def _by_what_differs(plan: AnalysisPlan, role: str, blocks: Sequence[Block]) -> list[Section]:
    basis = estimand_of(plan, leading(plan)).status_basis
    other = next(words for code, words in BASES.items() if code != basis)
    order = [f"marker status {other}", *_KINDS]
    kinds = [_kind(plan, block[0].analysis, order[0]) for block in blocks]
    found = []
    for kind in order:
        mine = [block for block, its in zip(blocks, kinds, strict=True) if its == kind]
        if mine:
            found.append(Section(role, kind, mine))
    return found


_KINDS = (
    "other denominators",
    "another rule of the marker status",
    "other definitions and methods",
    "our reconstructions of published figures",
)


def _kind(plan: AnalysisPlan, analysis: Analysis, other_basis: str) -> str:
    """What distinguishes a sensitivity analysis from the main ones."""
    denominators, rule, rest, ours = _KINDS
    estimand, main = estimand_of(plan, analysis), estimand_of(plan, leading(plan))
    end_point = end_point_of(plan, analysis)
    if analysis.reconstruction:
        return ours
    own = end_point.denominator if isinstance(end_point, BinaryEndPoint) else "all"
    if denominator_rule(plan, analysis) != own:
        return denominators
    if estimand.status_basis != main.status_basis:
        return other_basis
    return rule if estimand.status_rule != main.status_rule else rest
