"""A look at a trial before its end: what is known at the cut, and what the limits say of it.

The statistic is that of simulated looks, the limits are those of the plan. A response counts once
its window has closed, so that those who fail early do not count before those who respond.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from equipoise.analysis.counts import group_counts, p_values
from equipoise.analysis.grid import Grid, times_in_groups
from equipoise.analysis.models import model_numbers
from equipoise.analysis.populations import KEY
from equipoise.analysis.subjects import analysed_subjects, end_point_of, end_point_tables
from equipoise.errors import BadInput
from equipoise.record.rule import Tables
from equipoise.statistics.interim import (
    conditional_power,
    monitored_critical_values,
    stopping_look,
)
from equipoise.statistics.log_rank import log_rank_z_batch
from equipoise.statistics.spending import SPENDING
from equipoise.study.analysis_plan import Analysis, AnalysisPlan, BinaryEndPoint
from equipoise.study.definition import Study
from equipoise.study.interim_limits import InterimLimits, interim_limits

FloatArray = NDArray[np.float64]

_LEAST_P = 1e-300
"""No P value is told from a smaller one."""
DECISIONS = {1: "stop for efficacy", -1: "stop for futility", 0: "go on"}


@dataclass(frozen=True, slots=True)
class LookResult:
    """A look, from 1, and what follows from it.

    `known` are final outcomes or events, `information` their share of the full information (of the
    randomised where the looks wait for them; None where they come by the calendar), `planned` that
    of the plan. `z` is directed by the side of the boundary; `critical`, its two- or one-sided
    `nominal_p` and `futility` are the limits of the plan, None where nothing stops. `monitored` is
    what the spending function gives at the information that the look really has.
    `conditional_power` is under the trend of the data. `decision` is one of DECISIONS, or at the
    last look `rejected` or `not rejected`.
    """

    analysis: str
    look: int
    looks: int
    randomised: int
    known: int
    information: float | None
    planned: float
    groups: tuple[str, ...]
    numerators: tuple[int, ...]
    denominators: tuple[int, ...]
    p: float | None
    z: float | None
    critical: float | None
    nominal_p: float | None
    futility: float | None
    monitored: float | None
    conditional_power: float | None
    decision: str


def directed_z(analysis: Analysis, side: str, p: FloatArray, sign: FloatArray) -> FloatArray:
    """Z by which limits judge: great where the first group does better, by the side of the looks.

    It is the normal number of the P value; where the test is two-sided, with the sign of the
    estimate (of a difference of rates, or a log hazard ratio).
    """
    from scipy.special import ndtri

    kept = np.maximum(p, _LEAST_P)
    if analysis.side != "two_sided":
        return np.asarray(-ndtri(kept))
    size = -ndtri(kept / 2)
    return np.asarray(-size * sign if side == "less" else size * sign)


def look_result(
    tables: Tables, study: Study, look: int, *, cut: datetime.date, replicate: int = 0
) -> LookResult:
    """The look at what was known at the cut. `tables` were cut before they were derived.

    Raises BadInput for a study without looks, or a look that it does not have.
    """
    analysis = next((a for a in study.analysis.analyses if a.interims is not None), None)
    if analysis is None or analysis.interims is None:
        raise BadInput("a study file in which an analysis has interims", field="look", found=look)
    limits = interim_limits(analysis.interims)
    looks = len(limits.critical)
    if not 1 <= look <= looks:
        raise BadInput(f"one of the looks 1 to {looks}", field="look", found=look)
    mine = {name: table.filter(replicate=replicate) for name, table in tables.items()}
    plan = study.analysis.model_copy(update={"analyses": (analysis,)})
    alone = study.model_copy(update={"analysis": plan})
    end_points = end_point_tables(mine, alone, cut=cut, with_sources=False)
    subjects = analysed_subjects(mine, alone, end_points)
    if look < looks:
        subjects = _final(mine, study, analysis, subjects, cut)
    (counts,) = group_counts(subjects, plan, [replicate])
    grid = Grid(subjects, [replicate])
    p = float(p_values(plan, subjects, counts, grid)[0])
    numerators, denominators = counts.numerators[0], counts.denominators[0]
    binary = isinstance(end_point_of(plan, analysis), BinaryEndPoint)
    if binary:
        sign = float(np.sign(numerators[0] * denominators[1] - numerators[1] * denominators[0]))
    else:
        sign = _hazard_sign(plan, subjects, analysis, grid)
    z = float(directed_z(analysis, analysis.interims.side, np.array(p), np.array(sign)))
    randomised = len(mine["allocation"])
    known = int(denominators.sum() if binary else numerators.sum())
    waited, greatest = known, analysis.interims.greatest
    if analysis.interims.counted == "subjects":
        waited = randomised
    share = None if greatest is None else waited / greatest
    return LookResult(
        analysis=analysis.id,
        look=look,
        looks=looks,
        randomised=randomised,
        known=known,
        information=share,
        planned=limits.information[look - 1],
        groups=tuple(group.label for group in analysis.groups),
        numerators=tuple(numerators.tolist()),
        denominators=tuple(denominators.tolist()),
        **_judged(limits, look, None if math.isnan(p) else p, z),
        monitored=None if share is None else _monitored(analysis, limits, look, share),
    )


def _final(
    tables: Tables, study: Study, analysis: Analysis, subjects: pl.DataFrame, cut: datetime.date
) -> pl.DataFrame:
    """The subjects whose response can no longer change; all of them where times are compared."""
    end_point = end_point_of(study.analysis, analysis)
    if not isinstance(end_point, BinaryEndPoint) or end_point.read != "response_window":
        return subjects
    window = next(each for each in study.response.windows if each.code == end_point.window)
    closed = tables["allocation"].filter(
        pl.col("randomised") <= cut - datetime.timedelta(days=window.last_day)
    )
    return subjects.join(closed.select(KEY), on=KEY, how="semi", maintain_order="left")


def _hazard_sign(
    plan: AnalysisPlan, subjects: pl.DataFrame, analysis: Analysis, grid: Grid
) -> float:
    """The sign of the log hazard ratio: of the Cox model, or of observed less expected events."""
    if analysis.method == "cox":
        ratio = model_numbers(plan, subjects, analysis, grid).estimate
        if ratio is not None and ratio > 0:
            return float(np.sign(math.log(ratio)))
    return float(np.sign(log_rank_z_batch(*times_in_groups(plan, subjects, analysis, grid))[0]))


def _judged(limits: InterimLimits, look: int, p: float | None, z: float) -> dict[str, Any]:
    """What the limits of the look say of Z; a test without an answer stops nothing."""
    critical, last = limits.critical[look - 1], look == len(limits.critical)
    futility = None if last or limits.futility is None else limits.futility[look - 1]
    told: dict[str, Any] = {
        "p": p,
        "z": None if p is None else z,
        "critical": None if math.isinf(critical) else critical,
        "nominal_p": None if math.isinf(critical) else limits.nominal[look - 1],
        "futility": futility,
        "conditional_power": None,
        "decision": "not rejected" if last else DECISIONS[0],
    }
    if p is None:
        return told
    judged = abs(z) if limits.sides == 2 else z
    if last:
        told["decision"] = "rejected" if stopping_look([judged], [critical]) else "not rejected"
        return told
    lower = None if futility is None else [futility]
    told["decision"] = DECISIONS[stopping_look([judged, 0.0], [critical, math.inf], futility=lower)]
    upper = _finite(limits.critical)
    told["conditional_power"] = conditional_power(
        judged, look, limits.information, upper, sides=limits.sides
    )
    return told


def _monitored(
    analysis: Analysis, limits: InterimLimits, look: int, information: float
) -> float | None:
    """The critical value that the spending function gives at this information, if it can."""
    interims = analysis.interims
    assert interims is not None
    efficacy = interims.efficacy
    if efficacy is None or efficacy.family not in SPENDING:
        return None
    shares = (*limits.information[: look - 1], information)
    parameter = None if efficacy.parameter is None else float(efficacy.parameter)
    try:
        return monitored_critical_values(
            shares, alpha=float(interims.alpha), sides=limits.sides, efficacy=efficacy.family,
            parameter=parameter, last=look == len(limits.critical),
        )[-1]  # fmt: skip
    except BadInput:
        return None


def _finite(critical: Sequence[float]) -> list[float]:
    return [min(each, 40.0) for each in critical]
