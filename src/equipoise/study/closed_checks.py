"""What must agree within a closed test, and between it and the analyses."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from equipoise.study.definition import Study
from equipoise.study.disagreement import Disagreement, Disagreements, unknown
from equipoise.study.method_checks import COMPARING
from equipoise.study.source import FieldPath


def closed_disagreements(study: Study) -> Disagreements:
    """Hypotheses, weights and transitions of the closed test, if there is one."""
    closed = study.analysis.closed_testing
    if closed is None:
        return
    path: FieldPath = ("analysis", "closed_testing")
    analyses = {analysis.id: analysis for analysis in study.analysis.analyses}
    if not 0 < closed.alpha < 1:
        yield Disagreement((*path, "alpha"), "must lie between 0 and 1", closed.alpha)
    for name in closed.weights:
        at = (*path, "weights", name)
        yield from unknown(at, name, analyses, "an analysis")
        if name in analyses and analyses[name].method not in COMPARING:
            yield Disagreement(at, "must be an analysis that tests a hypothesis", name)
    yield from _shares(closed.weights, (*path, "weights"))
    if len(closed.weights) < 2:
        allowed = "must name two analyses or more"
        yield Disagreement((*path, "weights"), allowed, ", ".join(closed.weights) or "none")
    for name, shares in closed.transitions.items():
        at = (*path, "transitions", name)
        yield from unknown(at, name, closed.weights, "an analysis with a weight")
        others = [each for each in closed.weights if each != name]
        for other in shares:
            yield from unknown((*at, other), other, others, "another analysis with a weight")
        yield from _shares(shares, at)


def _shares(shares: Mapping[str, Decimal], path: FieldPath) -> Disagreements:
    for name, share in shares.items():
        if not 0 <= share <= 1:
            yield Disagreement((*path, name), "must be a share from 0 to 1", share)
    if sum(shares.values()) > 1:
        yield Disagreement(path, "must be shares whose sum is at most 1", sum(shares.values()))
