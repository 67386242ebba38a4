"""What end-point simulation tells of each trial, column by column, and what would be true.

P values come from the functions of the analysis: tests of counts from the counts of every trial,
log-rank and Wald's test of Cox from the statistics that the kernel's cores give.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from equipoise.analysis.counts import two_sided_p
from equipoise.analysis.estimates import CONTRASTS, side_of_test
from equipoise.analysis.models import STRATIFIED, counts_p
from equipoise.analysis.table_tests import TABLE_TESTS
from equipoise.simulation.endpoint_analyses import Compared, Counted
from equipoise.simulation.endpoint_column import Column
from equipoise.simulation.endpoint_estimates import (
    LOGARITHMIC,
    comparison_columns,
    contrast_limits,
    estimate_columns,
    estimate_values,
    model_limits,
    proportion_limits,
    regression_limits,
)
from equipoise.simulation.endpoint_listed import Listed, listed_described
from equipoise.simulation.endpoint_medians import Median, median_described
from equipoise.simulation.endpoint_truths import Truths
from equipoise.statistics.cox import wald_p
from equipoise.statistics.log_rank import log_rank_p_batch
from equipoise.statistics.proportion import normal_quantile
from equipoise.statistics.trial_tables import COMPARED

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_BESIDE = {"mid_p": "fisher_mid_p"}
"""Names of tests beside Fisher's where they are not those of the plan."""
_LOGISTIC = ("logistic", "firth")


def described(
    statuses: Sequence[str],
    arms: Sequence[str],
    counted: Sequence[Counted],
    compared: Sequence[Compared],
    listed: Sequence[Listed | Median],
    truths: Truths,
) -> tuple[Column, ...]:
    """Every column in order: the trial, its sizes, counts, comparisons, analyses of patients."""
    found = [
        Column("screened", "screened", "", "Subjects screened"),
        Column("randomised", "randomised", "", "Subjects randomised"),
        Column("duration_months", "duration_months", "", "Months from start to last follow-up"),
        Column("misclassified", "misclassified", "", "Share randomised by a false status"),
    ]  # fmt: skip
    for status in statuses:
        name = status or "unknown"
        found.append(Column(f"size/{name}", "mean_size", name, f"Subjects with status {name}"))
        found += [
            Column(f"size/{name}/{arm}", "mean_size", f"{name}/{arm}", f"Subjects {name}, {arm}")
            for arm in arms
        ]
    for each in counted:
        found += _counted(each, truths)
    for one in compared:
        found += _compared(one, truths)
    for mine in listed:
        if isinstance(mine, Median):
            found += median_described(mine)
        else:
            found += listed_described(mine, truths.null(mine.analysis))
    return tuple(found)


def _counted(each: Counted, truths: Truths) -> list[Column]:
    analysis = each.analysis
    name, label = analysis.id, analysis.label.en
    limit = 1 - float(analysis.level)
    found = []
    if analysis.method != "proportion":
        null = truths.null(analysis)
        for test in ("", *each.beside) if analysis.method in TABLE_TESTS else ("",):
            own = f"{name}/{test}" if test else name
            title = f"{label} ({test.replace('_', ' ')})" if test else label
            found.append(Column(f"{own}/p", "p", own, title, null=null, limit=limit))
    elif analysis.estimate == "proportion" or not each.interval:
        interval = each.interval and analysis.interval != "none"
        for group, rate in zip(analysis.groups, each.rates, strict=True):
            own, title = f"{name}/{group.label}", f"{label}: {group.label}"
            found += estimate_columns(own, own, title, rate, interval=interval)
        return found
    if _estimates(each):
        wald = analysis.method in _LOGISTIC and analysis.interval == "wald"
        found += comparison_columns(analysis, each.truth, interval=each.interval or wald)
    elif analysis.method in TABLE_TESTS:
        truth = each.rates[0] - each.rates[1]
        found.append(Column(f"{name}/difference", "estimate", name, f"{label}: difference", truth))
    return found


def _estimates(each: Counted) -> bool:
    """Whether the estimate of the plan is told; that of a regression comes with its P."""
    if each.analysis.estimate == "none":
        return False
    return each.interval or each.analysis.method in _LOGISTIC


def _compared(each: Compared, truths: Truths) -> list[Column]:
    analysis = each.analysis
    name, label, level = analysis.id, analysis.label.en, float(analysis.level)
    null = truths.null(analysis)
    found = [Column(f"{name}/p", "p", name, label, null=null, limit=1 - level)]
    if analysis.method == "cox":
        found += estimate_columns(
            f"{name}/log_hazard_ratio", name, f"{label}: log hazard ratio", each.truth,
            interval=True,
        )  # fmt: skip
    return found


Known = dict[tuple[object, ...], FloatArray]
"""Counts that were summed, by their table, and P of tests that were run, by table, test and side:
analyses of other estimates of one table share them."""


def counted_columns(each: Counted, raw: FloatArray, known: Known) -> list[FloatArray]:
    """The columns of an analysis of counts, for every trial; what is `known` is not run again."""
    analysis, groups = each.analysis, len(each.analysis.groups)
    table = each.columns, each.sums.tobytes()
    if table not in known:
        known[table] = each.sums.T @ raw[:, slice(*each.columns)].T
    sums = known[table].astype(np.int64)
    events, subjects = sums.reshape(2, groups, -1, len(raw))
    comparable = (subjects.sum(axis=1) > 0).all(axis=0)
    if analysis.method in _LOGISTIC or analysis.method in STRATIFIED:
        rows = [np.ascontiguousarray(np.moveaxis(one, -1, 0)) for one in (events, subjects)]
        return _modelled(each, rows[0], rows[1], comparable)
    events, subjects = events[:, 0], subjects[:, 0]
    found = []
    if analysis.method in TABLE_TESTS:
        (x1, x2), (n1, n2), side = events, subjects, side_of_test(analysis)
        tests = (analysis.method, *(_BESIDE.get(test, test) for test in each.beside))
        for test in tests:
            if (test, side, *table) not in known:
                p = TABLE_TESTS[test](x1, n1, x2, n2, side, True)
                known[(test, side, *table)] = np.where(comparable, p, np.nan)
            found.append(known[(test, side, *table)])
    elif analysis.estimate == "proportion" or not each.interval:
        return _proportions(each, events, subjects)
    if each.interval and analysis.estimate in CONTRASTS:
        tables = np.stack([events, subjects], axis=1).reshape(-1, len(raw)).T
        return found + estimate_values(
            contrast_limits(analysis, tables), each.truth, interval=analysis.interval != "none",
            logarithmic=analysis.estimate in LOGARITHMIC,
        )  # fmt: skip
    first, second = _rates(events[:2], subjects[:2])
    return [*found, first - second]


def _rates(events: IntArray, subjects: IntArray) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(events / subjects)


def _proportions(each: Counted, events: IntArray, subjects: IntArray) -> list[FloatArray]:
    """Each group's proportion, with its interval where that is asked for."""
    if not each.interval or each.analysis.interval == "none":
        return list(_rates(events, subjects))
    found = []
    for group, rate in enumerate(each.rates):
        counts = np.column_stack([events[group], subjects[group]])
        limits = proportion_limits(each.analysis, counts)
        limits[subjects[group] == 0] = np.nan
        found += estimate_values(limits, rate, interval=True)
    return found


def _modelled(
    each: Counted, events: IntArray, subjects: IntArray, comparable: NDArray[np.bool_]
) -> list[FloatArray]:
    """P of a regression or a stratified test, and its estimate."""
    analysis = each.analysis
    profile = each.interval and analysis.interval == "profile"
    if profile or analysis.method not in _LOGISTIC or not _estimates(each):
        p = counts_p(analysis, events, subjects, each)
        found = [np.where(comparable, p, np.nan)]
        if _estimates(each):
            limits = model_limits(analysis, events, subjects, each)
            interval = analysis.interval != "none"
            found += estimate_values(limits, each.truth, interval=interval, logarithmic=True)
        return found
    p, limits = regression_limits(analysis, events, subjects, each)
    limits[~comparable] = np.nan
    found = [np.where(comparable, p, np.nan)]
    return found + estimate_values(limits, each.truth, interval=analysis.interval == "wald")


def compared_columns(each: Compared, raw: FloatArray, comparing: int) -> list[FloatArray]:
    """The columns of an analysis of times, for every trial."""
    begin, many = comparing + each.column, len(each.analysis.groups)
    if many > 2:
        own = raw[:, begin : begin + (3 + many) * many].reshape(len(raw), 3 + many, many)
        comparable = (own[:, 0] > 0).all(axis=1) & (own[:, 1].sum(axis=1) > 0)
        return [np.where(comparable, log_rank_p_batch(own[:, 2], own[:, 3:]), np.nan)]
    mine = raw[:, begin : begin + COMPARED].T
    comparable = (mine[0] > 0) & (mine[1] > 0) & (mine[2] + mine[3] > 0)
    if each.analysis.method == "log_rank":
        z = np.divide(mine[4], np.sqrt(mine[5]), out=np.zeros(len(raw)), where=mine[5] > 0)
        return [np.where(comparable, two_sided_p(z), np.nan)]
    beta, variance = mine[6], 1 / mine[7]
    reach = normal_quantile(float(each.analysis.level)) * np.sqrt(variance)
    limits = np.array([beta, beta - reach, beta + reach]).T
    found = [np.where(comparable, wald_p(beta, variance), np.nan)]
    return found + estimate_values(limits, each.truth, interval=True)
