"""Regressions, interactions and stratified tests of the plan: P of many trials, numbers of one.

One trial is fitted by the same functions as many; only its interval and the words about what the
data do not determine are asked for it alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from equipoise.analysis.estimates import ESTIMATES, Numbers
from equipoise.analysis.grid import Grid, times_in_groups
from equipoise.analysis.model_data import Coded, Design, ModelData, design_of
from equipoise.statistics.cox import HazardEffect, cox_effect, cox_p_batch
from equipoise.statistics.effects import Effects
from equipoise.statistics.logistic import (
    Effect,
    logistic_effect,
    logistic_effect_batch,
    logistic_p_batch,
)
from equipoise.statistics.proportion import Estimate
from equipoise.statistics.stratified import (
    breslow_day,
    breslow_day_p_batch,
    exact_stratified_p,
    mantel_haenszel,
    mantel_haenszel_p_batch,
    odds_ratio_stratified,
)
from equipoise.study.analysis_plan import Analysis, AnalysisPlan

FloatArray = NDArray[np.float64]
REGRESSIONS = ("logistic", "firth", "cox")
STRATIFIED = ("cmh", "cmh_exact", "breslow_day")


def model_p(
    plan: AnalysisPlan, subjects: pl.DataFrame, analysis: Analysis, grid: Grid
) -> FloatArray:
    """P of a regression or a stratified test in each replicate; nan where nothing can be tested."""
    data = ModelData(plan, subjects, analysis, grid)
    if analysis.method == "cox":
        time, event, covariates, stratum, design = _times(plan, subjects, analysis, grid, data)
        tested = [column - 1 for column in design.tested]
        return cox_p_batch(time, event, covariates, stratum, tested, test=analysis.test or "wald")
    return counts_p(analysis, *data.counts(), data)


def counts_p(
    analysis: Analysis, events: NDArray[np.int64], sizes: NDArray[np.int64], codes: Coded
) -> FloatArray:
    """P of a regression or a stratified test of counts, (replicates, groups, combinations) each."""
    if analysis.method in STRATIFIED:
        return _STRATIFIED_P[analysis.method](_tables(events, sizes), analysis)
    design = design_of(codes, analysis)
    return logistic_p_batch(
        design.rows,
        *_cells(events, sizes),
        design.tested,
        test=analysis.test or "wald",
        penalised=analysis.method == "firth",
    )


def counts_effects(
    analysis: Analysis, events: NDArray[np.int64], sizes: NDArray[np.int64], codes: Coded
) -> Effects:
    """Coefficient, standard error and P of a logistic regression of counts, as to `counts_p`."""
    design = design_of(codes, analysis)
    return logistic_effect_batch(
        design.rows,
        *_cells(events, sizes),
        design.tested,
        test=analysis.test or "wald",
        penalised=analysis.method == "firth",
    )


def model_numbers(
    plan: AnalysisPlan, subjects: pl.DataFrame, analysis: Analysis, grid: Grid
) -> Numbers:
    """Estimate, interval and P of one trial, with what the data do not determine in words."""
    data = ModelData(plan, subjects, analysis, grid)
    if analysis.method == "cox":
        time, event, covariates, stratum, design = _times(plan, subjects, analysis, grid, data)
        inside = stratum[0] >= 0
        if not event[0][inside].any():
            return Numbers(why="not estimable: no event in any group")
        hazard = cox_effect(
            time[0][inside],
            event[0][inside],
            covariates[0][inside],
            [column - 1 for column in design.tested],
            strata=stratum[0][inside],
            test=analysis.test or "wald",
            level=float(analysis.level),
        )
        return _ratio(analysis, hazard, monotone_in_words(design, hazard))
    return counts_numbers(analysis, *data.counts(), data)


def counts_numbers(
    analysis: Analysis, events: NDArray[np.int64], sizes: NDArray[np.int64], codes: Coded
) -> Numbers:
    """Estimate, interval and P of one trial from its counts, (1, groups, combinations) each."""
    if analysis.method in STRATIFIED:
        return _stratified(analysis, _tables(events, sizes))
    design = design_of(codes, analysis)
    cells = _cells(events, sizes)
    interval = analysis.interval
    found = logistic_effect(
        design.rows,
        *cells,
        design.tested,
        test=analysis.test or "wald",
        interval="wald" if interval == "wald" else "profile" if interval == "profile" else "none",
        level=float(analysis.level),
        penalised=analysis.method == "firth",
    )
    return _ratio(analysis, found, separation_in_words(analysis, codes, *cells, found))


def separation_in_words(
    analysis: Analysis, data: Coded, events: FloatArray, sizes: FloatArray, found: Effect
) -> str:
    """Which cells predict their outcome without exception; empty where none does.

    A code of a covariate is named where all its cells do so, else the group with its codes.
    """
    if not found.separated:
        return ""
    labels = [each.label for each in analysis.groups]
    width = len(data.combinations)
    present = np.flatnonzero(sizes[0] > 0).tolist()
    responders = [cell for cell in found.separated if events[0, cell] > 0]
    parts = []
    for cells, outcome in (
        ([cell for cell in found.separated if cell not in responders], "nobody"),
        (responders, "everybody"),
    ):
        codes = [place for place in range(width) if _whole(place, width, cells, present)]
        named = [_codes_in_words(analysis, data.combinations[place]) for place in codes]
        named += [
            _cell_in_words(analysis, data, labels[cell // width], cell % width)
            for cell in cells
            if cell % width not in codes
        ]
        if named:
            parts.append(f"{outcome} responded in {', '.join(named)}")
    kind = "separation" if len(found.separated) == len(present) else "quasi-separation"
    return f"{kind}: {'; '.join(parts)}, so that the model has no finite coefficient there"


def monotone_in_words(design: Design, found: HazardEffect) -> str:
    """Which coefficients the events push to infinity; empty where none."""
    if not found.diverging:
        return ""
    named = ", ".join(design.names[column + 1] for column in found.diverging)
    return f"monotone likelihood: no finite coefficient of {named}"


def _whole(place: int, width: int, cells: Iterable[int], present: Sequence[int]) -> bool:
    """Whether all subjects with a combination of codes are in `cells`, and there are any."""
    mine = {cell for cell in present if cell % width == place}
    return width > 1 and bool(mine) and mine <= set(cells)


def _cell_in_words(analysis: Analysis, data: Coded, label: str, place: int) -> str:
    codes = _codes_in_words(analysis, data.combinations[place])
    return f"{label} ({codes})" if codes else label


def _codes_in_words(analysis: Analysis, codes: Sequence[str]) -> str:
    return ", ".join(
        f"{item.replace('_', ' ')} {code}"
        for item, code in zip(analysis.adjust, codes, strict=True)
    )


def _ratio(analysis: Analysis, found: Effect | HazardEffect, diagnosis: str) -> Numbers:
    """The ratio that the tested coefficient is the logarithm of."""
    why = [diagnosis] if diagnosis else []
    if found.degrees_of_freedom == 0:
        why.append("not estimable: the data do not determine what is tested")
    elif analysis.estimate != "none" and found.standard_error is None:
        why.append(f"the {ESTIMATES[analysis.estimate]} has no finite estimate")
    if analysis.estimate == "none":
        return Numbers(p=found.p, why="; ".join(why))
    limits = (None, None) if analysis.interval == "none" else (found.lower, found.upper)
    return Numbers(_exp(found.estimate), _exp(limits[0]), _exp(limits[1]), found.p, "; ".join(why))


def _exp(value: float | None) -> float | None:
    if value is None:
        return None
    return math.exp(value) if value < 700 else math.inf


def _times(
    plan: AnalysisPlan, subjects: pl.DataFrame, analysis: Analysis, grid: Grid, data: ModelData
) -> tuple[FloatArray, NDArray[np.bool_], FloatArray, NDArray[np.int64], Design]:
    """Days, events, covariates and strata (negative: not in the analysis) of every trial."""
    time, event, group = times_in_groups(plan, subjects, analysis, grid)
    adjusting = grid.spread(data.adjusting_place, -1)
    stratum = grid.spread(data.stratum, -1)
    inside = (group >= 0) & (adjusting >= 0) & (stratum >= 0)
    design = design_of(data, analysis)
    cell = np.where(inside, group * len(data.combinations) + adjusting, 0)
    return time, event, design.rows[cell][:, :, 1:], np.where(inside, stratum, -1), design


def _cells(events: NDArray[np.int64], sizes: NDArray[np.int64]) -> tuple[FloatArray, FloatArray]:
    """Counts with one axis for all cells, groups first."""
    flat = (len(events), -1)
    return events.reshape(flat).astype(np.float64), sizes.reshape(flat).astype(np.float64)


Tables = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def _tables(events: NDArray[np.int64], sizes: NDArray[np.int64]) -> Tables:
    """x1, n1, x2, n2, each of shape (replicates, strata)."""
    return events[:, 0], sizes[:, 0], events[:, 1], sizes[:, 1]


def _exact(tables: Tables, analysis: Analysis) -> FloatArray:
    side = "two_sided" if analysis.side == "none" else analysis.side
    return np.array([exact_stratified_p(*each, side=side) for each in zip(*tables, strict=True)])


_STRATIFIED_P: dict[str, Callable[[Tables, Analysis], FloatArray]] = {
    "cmh": lambda tables, _: mantel_haenszel_p_batch(*tables),
    "cmh_exact": _exact,
    "breslow_day": lambda tables, _: breslow_day_p_batch(*tables),
}


def _stratified(analysis: Analysis, tables: Tables) -> Numbers:
    one: Tables = (tables[0][0], tables[1][0], tables[2][0], tables[3][0])
    if analysis.method == "breslow_day":
        p = breslow_day(*one).p
        return Numbers(p=p, why="" if p is not None else "not estimable: fewer than two strata")
    p = float(_STRATIFIED_P[analysis.method](tables, analysis)[0])
    if analysis.estimate == "none":
        return Numbers(p=p)
    level = float(analysis.level)
    exact = analysis.method == "cmh_exact"
    common: Estimate = (odds_ratio_stratified if exact else mantel_haenszel)(*one, level)
    if common.estimate is None:
        return Numbers(p=p, why="not estimable: no stratum has both outcomes in its groups")
    why = "the common odds ratio is infinite" if math.isinf(common.estimate) else ""
    if analysis.interval == "none":
        return Numbers(common.estimate, p=p, why=why)
    return Numbers(common.estimate, common.lower, common.upper, p, why)
