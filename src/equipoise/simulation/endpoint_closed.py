"""The closed test of the plan in end-point simulation: adjusted P values of every trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from equipoise.analysis.closed import closed_graph
from equipoise.simulation.endpoint_column import Column
from equipoise.statistics.graphical_test import graphical_adjusted_p_batch
from equipoise.study.analysis_plan import AnalysisPlan

FloatArray = NDArray[np.float64]

SKIPPED = "closed_testing"


@dataclass(frozen=True, slots=True)
class Closed:
    """The graph, and which columns of a trial hold the P values of its hypotheses.

    `null` says which of them are true in the scenario.
    """

    columns: tuple[int, ...]
    weights: tuple[float, ...]
    transitions: tuple[tuple[float, ...], ...]
    alpha: float
    null: tuple[bool, ...]


def closed_test(plan: AnalysisPlan, columns: Sequence[Column]) -> tuple[Closed | None, str]:
    """The closed test of the plan on these columns; or None, and why it cannot be simulated."""
    if plan.closed_testing is None:
        return None, ""
    names, weights, rows = closed_graph(plan.closed_testing)
    places = {each.subject: place for place, each in enumerate(columns) if each.measure == "p"}
    missing = [name for name in names if name not in places]
    if missing:
        return None, f"the analysis {missing[0]} is not simulated"
    held = tuple(places[name] for name in names)
    return (
        Closed(
            held,
            tuple(weights),
            tuple(tuple(row) for row in rows),
            float(plan.closed_testing.alpha),
            tuple(columns[place].null for place in held),
        ),
        "",
    )


def closed_described(closed: Closed, columns: Sequence[Column]) -> list[Column]:
    """The columns that the closed test adds: adjusted P values, and what is rejected at all."""
    own = [columns[place] for place in closed.columns]
    found = [
        Column(
            f"{each.subject}/closed/p",
            "p",
            f"{each.subject}/closed test",
            f"{each.label} (closed test)",
            null=each.null,
            limit=closed.alpha,
        )
        for each in own
    ]
    found.append(
        Column("closed/any", "any_rejected", "", "Closed test: some null hypothesis rejected")
    )
    if any(closed.null):
        label = "Closed test: a true null hypothesis rejected"
        found.append(Column("closed/error", "familywise_error", "", label))
    return found


def closed_columns(closed: Closed, trials: FloatArray) -> FloatArray:
    """The values of `closed_described`; a trial in which a P value is missing rejects it not."""
    p = trials[:, list(closed.columns)]
    adjusted = graphical_adjusted_p_batch(
        np.where(np.isnan(p), 1.0, p), closed.weights, closed.transitions
    )
    rejected: NDArray[np.bool_] = np.asarray(adjusted <= closed.alpha)
    found = [adjusted, np.any(rejected, axis=1, keepdims=True)]
    if any(closed.null):
        found.append(np.any(rejected[:, list(closed.null)], axis=1, keepdims=True))
    return np.column_stack(found)
