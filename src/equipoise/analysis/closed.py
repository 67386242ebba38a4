"""The closed test of the plan: which null hypotheses are rejected together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from equipoise.analysis.result import Result, rounded
from equipoise.statistics.graphical_test import graphical_adjusted_p_batch
from equipoise.study.analysis_plan import ClosedTesting


def closed_graph(closed: ClosedTesting) -> tuple[list[str], list[float], list[list[float]]]:
    """The analyses in order, their weights, and the rows of transitions between them.

    >>> closed_graph(ClosedTesting(alpha="0.05", weights={"a": "1", "b": "0"},
    ...                            transitions={"a": {"b": "1"}}))
    (['a', 'b'], [1.0, 0.0], [[0.0, 1.0], [0.0, 0.0]])
    """
    names = list(closed.weights)
    rows = [
        [float(closed.transitions.get(name, {}).get(other, 0)) for other in names] for name in names
    ]
    return names, [float(weight) for weight in closed.weights.values()], rows


def adjusted_p(closed: ClosedTesting, p: Mapping[str, float | None]) -> dict[str, float]:
    """The adjusted P value of each analysis of the closed test, to the digits of results.json.

    At most `alpha` exactly where the null hypothesis is rejected. An analysis without a P value is
    not rejected: its P value counts as 1.

    >>> plan = ClosedTesting(alpha="0.05", weights={"a": "1", "b": "0"},
    ...                      transitions={"a": {"b": "1"}})
    >>> adjusted_p(plan, {"a": 0.03, "b": 0.01}), adjusted_p(plan, {"a": None, "b": 0.01})
    ({'a': 0.03, 'b': 0.03}, {'a': 1.0, 'b': 1.0})
    """
    names, weights, rows = closed_graph(closed)
    values = [1.0 if (each := p.get(name)) is None or math.isnan(each) else each for name in names]
    found = graphical_adjusted_p_batch([values], weights, rows)[0]
    return {name: rounded(float(each)) or 0.0 for name, each in zip(names, found, strict=True)}


def with_decisions(closed: ClosedTesting | None, rows: Sequence[Result]) -> list[Result]:
    """The results of a trial with the adjusted P value and the decision of each hypothesis.

    They stand in the row that has the P value: a test gives one, whatever its estimates.
    """
    if closed is None:
        return list(rows)
    tested = {row.analysis: row.p for row in rows if row.side != "none"}
    found, alpha = adjusted_p(closed, tested), float(closed.alpha)
    return [
        replace(row, adjusted_p=found[row.analysis], rejected=found[row.analysis] <= alpha)
        if row.side != "none" and row.analysis in found
        else row
        for row in rows
    ]


def rejected_by_closed_test(
    closed: ClosedTesting, p: Mapping[str, NDArray[np.float64]]
) -> NDArray[np.bool_]:
    """Whether the closed test rejects each hypothesis in each trial, shape (trials, hypotheses).

    `p` are the P values of each analysis, one a trial; nan counts as 1.

    >>> plan = ClosedTesting(alpha="0.05", weights={"a": "1", "b": "0"},
    ...                      transitions={"a": {"b": "1"}})
    >>> p = {"a": np.array([0.03, 0.2]), "b": np.array([0.01, 0.01])}
    >>> rejected_by_closed_test(plan, p).tolist()
    [[True, True], [False, False]]
    """
    names, weights, rows = closed_graph(closed)
    values = np.column_stack([p[name] for name in names])
    adjusted = graphical_adjusted_p_batch(np.where(np.isnan(values), 1.0, values), weights, rows)
    return np.asarray(adjusted <= float(closed.alpha), dtype=np.bool_)
