"""Does the marker predict who benefits? The analyses that speak to it, by end point and status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from equipoise.analysis.subjects import end_point_of, estimand_of
from equipoise.report.claims import predictive
from equipoise.report.findings import BASES, ResultView
from equipoise.report.layout import arm_label, status_label
from equipoise.study.definition import Study

INTRODUCTION = (
    "Only the analyses of this section speak to prediction: they ask whether the effect of "
    "treatment differs between the marker statuses, and compare arms that were randomised within "
    "each status. A difference between statuses under one treatment is an association of the "
    "marker with the outcome, whatever its P value. And a small P value in one status beside a "
    "larger one in another is no evidence that the effects differ: that is what these ask."
)


@dataclass(frozen=True, slots=True)
class Cell:
    """Subjects of one arm and one status: outcome / counted, its share, its list of events."""

    count: str
    share: str
    sources: str


@dataclass(frozen=True, slots=True)
class Question:
    """One end point by one version of the marker status: its cells, and what tests them.

    `cells` has a row for each arm and a column for each status, both in words; it is empty where
    the plan names no interaction but only a test of homogeneity.
    """

    title: str
    counts: str
    statuses: tuple[str, ...]
    cells: tuple[tuple[str, tuple[Cell, ...]], ...]
    rows: tuple[ResultView, ...]


def questions(study: Study, views: Sequence[ResultView]) -> list[Question]:
    """The end points whose interaction with the marker is tested, in plan order."""
    plan = study.analysis
    found: dict[tuple[str, str, str], list[ResultView]] = {}
    for view in views:
        if predictive(view.analysis):
            estimand = estimand_of(plan, view.analysis)
            key = (estimand.end_point, estimand.status_basis, estimand.status_rule)
            found.setdefault(key, []).append(view)
    order = list(dict.fromkeys(end_point for end_point, _, _ in found))
    keys = sorted(found, key=lambda key: order.index(key[0]))
    return [_question(study, found[key]) for key in keys]


def _question(study: Study, rows: list[ResultView]) -> Question:
    plan = study.analysis
    analysis = rows[0].analysis
    end_point, estimand = end_point_of(plan, analysis), estimand_of(plan, analysis)
    crossed = next((row for row in rows if row.analysis.interaction is not None), None)
    rules = {each.status_rule for each in plan.estimands}
    basis = BASES[estimand.status_basis]
    rule = f", rule {estimand.status_rule}" if len(rules) > 1 else ""
    return Question(
        title=f"{end_point.label.en}, marker status {basis}{rule}",
        counts="with the outcome / counted" if end_point.kind == "binary" else "events / subjects",
        statuses=_statuses(study, crossed),
        cells=_cells(study, crossed) if crossed is not None else (),
        rows=tuple(rows),
    )


def _statuses(study: Study, row: ResultView | None) -> tuple[str, ...]:
    if row is None or row.analysis.interaction is None:
        return ()
    return tuple(status_label(study, code) for code in row.analysis.interaction.statuses)


def _cells(study: Study, row: ResultView) -> tuple[tuple[str, tuple[Cell, ...]], ...]:
    """The groups of an interaction as a table: arms down, statuses across."""
    interaction = row.analysis.interaction
    if interaction is None:
        return ()
    places = {
        (arm, status): place
        for place, group in enumerate(row.analysis.groups)
        for arm in group.arms
        for status in group.statuses
    }
    lines = []
    for arm in interaction.arms:
        groups = [row.groups[places[arm, status]] for status in interaction.statuses]
        cells = tuple(Cell(group.count, group.share, row.sources) for group in groups)
        lines.append((arm_label(study, arm), cells))
    return tuple(lines)
