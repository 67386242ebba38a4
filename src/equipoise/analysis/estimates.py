"""From counts to estimate, interval and P value, with the method in words.

The mathematics is that of `equipoise.statistics`; here the analysis plan picks from it, and a
table that cannot answer says why instead of giving a number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from equipoise.analysis.table_tests import TABLE_TESTS
from equipoise.errors import BadInput
from equipoise.statistics.binomial_interval import PROPORTION_INTERVALS
from equipoise.statistics.kaplan_meier import kaplan_meier, survival_quantile
from equipoise.statistics.log_rank import log_rank
from equipoise.statistics.odds_ratio import ODDS_RATIO_INTERVALS
from equipoise.statistics.proportion import Estimate, Side
from equipoise.statistics.risk_difference import RISK_DIFFERENCE_INTERVALS
from equipoise.statistics.risk_ratio import RISK_RATIO_INTERVALS
from equipoise.study.analysis_plan import Analysis

TRANSFORM: Literal["log_log"] = "log_log"
"""The scale on which the limits of a median are found."""

CONTRASTS = {
    "odds_ratio": ODDS_RATIO_INTERVALS,
    "risk_difference": RISK_DIFFERENCE_INTERVALS,
    "risk_ratio": RISK_RATIO_INTERVALS,
}
UNASKED = {"odds_ratio": "woolf", "risk_difference": "newcombe", "risk_ratio": "katz"}
"""The intervals whose estimate is given where none is asked for."""
PER_GROUP = ("proportion", "median")
RATIOS = ("hazard_ratio", "ratio_of_odds_ratios", "ratio_of_hazard_ratios")
COMPARISONS = (*CONTRASTS, *RATIOS)
"""Estimates that compare groups."""
TESTS = {
    "fisher": "Fisher's exact test",
    "fisher_mid_p": "mid-P version of Fisher's exact test",
    "chi_square": "chi-square test without continuity correction",
    "chi_square_corrected": "chi-square test with continuity correction",
    "boschloo": "Boschloo's unconditional exact test",
    "barnard": "Barnard's unconditional exact test, pooled Z",
    "log_rank": "log-rank test",
    "wald": "Wald test",
    "likelihood_ratio": "likelihood ratio test",
    "score": "score test",
    "cmh": "Cochran–Mantel–Haenszel test without continuity correction",
    "cmh_exact": "exact conditional test of a common odds ratio of 1",
    "breslow_day": "Breslow–Day test of the same odds ratio in all strata",
}
MODELS = {
    "logistic": "logistic regression",
    "firth": "logistic regression with Firth's penalty",
    "cox": "proportional hazards (Cox) regression, Efron's ties",
}
SIDES = {
    "two_sided": "two-sided",
    "greater": "one-sided, first group greater",
    "less": "one-sided, first group less",
}
ESTIMATES = {
    "odds_ratio": "odds ratio",
    "risk_difference": "risk difference",
    "risk_ratio": "risk ratio",
    "proportion": "proportion",
    "median": "Kaplan–Meier median",
    "hazard_ratio": "hazard ratio",
    "ratio_of_odds_ratios": "ratio of odds ratios",
    "ratio_of_hazard_ratios": "ratio of hazard ratios",
}
INTERVALS = {
    "clopper_pearson": "exact interval (Clopper–Pearson)",
    "wilson": "score interval (Wilson)",
    "wilson_corrected": "score interval corrected for continuity (Wilson)",
    "jeffreys": "interval by Jeffreys' prior",
    "agresti_coull": "adjusted normal interval (Agresti–Coull)",
    "miettinen_nurminen": "score interval (Miettinen–Nurminen)",
    "mee": "score interval (Mee)",
    "newcombe": "hybrid score interval (Newcombe)",
    "newcombe_corrected": "hybrid score interval corrected for continuity (Newcombe)",
    "agresti_caffo": "adjusted normal interval (Agresti–Caffo)",
    "wald": "normal interval (Wald)",
    "woolf": "logit interval (Woolf)",
    "haldane_anscombe": "logit interval, half a subject added to each cell (Haldane–Anscombe)",
    "mid_p": "exact mid-P interval",
    "katz": "logarithmic interval (Katz)",
    "koopman": "score interval (Koopman)",
    "min_likelihood": "interval of the two-sided exact test (minimum likelihood)",
    "blaker": "exact interval (Blaker)",
    "conditional_exact": "exact conditional interval, estimate by conditional maximum likelihood",
    "profile": "profile likelihood interval",
    "robins_breslow_greenland": "interval (Robins–Breslow–Greenland)",
    "brookmeyer_crowley": "interval (Brookmeyer–Crowley, log-log scale)",
}
DENOMINATORS = {
    "evaluable": "subjects without an evaluable response left out",
    "all": "subjects without an evaluable response counted as not responding",
}


@dataclass(frozen=True, slots=True)
class Numbers:
    """What one row of results holds; `why` says what could not be given."""

    estimate: float | None = None
    lower: float | None = None
    upper: float | None = None
    p: float | None = None
    why: str = ""


def method_in_words(analysis: Analysis, denominator: str | None, estimate: str) -> str:
    """Test, side, model, strata, kind of estimate, interval with its level, and who is counted."""
    parts = []
    if has_test(analysis) and estimate not in PER_GROUP:
        name = TESTS[analysis.test or analysis.method]
        if analysis.interaction is not None:
            name += " of the interaction of arm and marker status"
        parts.append(f"{name}, {SIDES[analysis.side]}")
    if analysis.method in MODELS:
        adjusted = f", adjusted for {_items(analysis.adjust)}" if analysis.adjust else ""
        parts.append(MODELS[analysis.method] + adjusted)
    if analysis.stratify:
        parts.append(f"stratified by {_items(analysis.stratify)}")
    if estimate != "none":
        parts.append(ESTIMATES[estimate] + _interval_in_words(analysis))
    if denominator is not None:
        parts.append(DENOMINATORS[denominator])
    if analysis.adjust or analysis.stratify:
        items = _items((*analysis.adjust, *analysis.stratify))
        parts.append(f"subjects without {items} left out")
    text = "; ".join(parts)
    return text[:1].upper() + text[1:]


def has_test(analysis: Analysis) -> bool:
    """Whether the analysis gives a P value."""
    return analysis.method in TESTS or analysis.method in MODELS


def _items(items: Sequence[str]) -> str:
    return " and ".join(item.replace("_", " ") for item in items)


def _interval_in_words(analysis: Analysis) -> str:
    if analysis.interval == "none":
        return ""
    percent = f"{analysis.level * 100:f}".rstrip("0").rstrip(".")
    return f" with {percent}% {INTERVALS[analysis.interval]}"


def compared(analysis: Analysis, numerators: Sequence[int], denominators: Sequence[int]) -> Numbers:
    """Two proportions compared as `analysis` says: contrast, interval, and P of its test."""
    if empty := empty_groups(analysis, denominators):
        return Numbers(why=empty)
    table = (numerators[0], denominators[0], numerators[1], denominators[1])
    p = None
    if analysis.method in TABLE_TESTS:
        x1, n1, x2, n2 = (np.array([count], dtype=np.int64) for count in table)
        p = float(TABLE_TESTS[analysis.method](x1, n1, x2, n2, side_of_test(analysis))[0])
    if analysis.estimate not in CONTRASTS:
        return Numbers(p=p)
    return contrasted(analysis, *table, p=p)


def contrasted(
    analysis: Analysis, x1: int, n1: int, x2: int, n2: int, *, p: float | None = None
) -> Numbers:
    """The contrast of two proportions that the analysis estimates, with its interval; `p` beside
    it. Each group has a subject."""
    found = _contrast(analysis, x1, n1, x2, n2)
    why = ""
    if found.estimate is None:
        why = "not estimable: both groups have the same extreme proportion"
    elif math.isinf(found.estimate):
        why = f"the {ESTIMATES[analysis.estimate]} is infinite: a cell of the table is empty"
    elif found.upper == math.inf:
        why = "a cell of the table is empty: the interval has no upper limit"
    return _given(analysis, found, p, why)


def single_proportion(analysis: Analysis, numerator: int, denominator: int) -> Numbers:
    """One proportion with its interval."""
    if denominator == 0:
        return Numbers(why="not estimable: no subject counted")
    name = analysis.interval if analysis.interval != "none" else "clopper_pearson"
    return _given(
        analysis, PROPORTION_INTERVALS[name](numerator, denominator, float(analysis.level))
    )


def survival_times(analysis: Analysis, time: Sequence[float], event: Sequence[bool]) -> Numbers:
    """The Kaplan–Meier median of one group with its interval, in the unit of `time`."""
    if not len(time):
        return Numbers(why="not estimable: no subject counted")
    found = survival_quantile(
        kaplan_meier(time, event), level=float(analysis.level), transform=TRANSFORM
    )
    why = "" if found.estimate is not None else "median not reached"
    if not any(event):
        why = "median not reached: no event"
    if analysis.interval == "none":
        return Numbers(found.estimate, why=why)
    return Numbers(found.estimate, found.lower, found.upper, why=why)


def times_compared(
    analysis: Analysis, time: Sequence[float], event: Sequence[bool], group: Sequence[int]
) -> Numbers:
    """The log-rank test; `group` is each subject's place in the analysis's groups."""
    sizes = [sum(place == each for each in group) for place in range(len(analysis.groups))]
    if empty := empty_groups(analysis, sizes):
        return Numbers(why=empty)
    if not any(event):
        return Numbers(why="not estimable: no event in any group")
    return Numbers(p=log_rank(time, event, list(group)).p)


def _contrast(analysis: Analysis, x1: int, n1: int, x2: int, n2: int) -> Estimate:
    intervals = CONTRASTS[analysis.estimate]
    name = analysis.interval if analysis.interval != "none" else UNASKED[analysis.estimate]
    return intervals[name](x1, n1, x2, n2, float(analysis.level))


def _given(analysis: Analysis, found: Estimate, p: float | None = None, why: str = "") -> Numbers:
    """The numbers of `found`; without the interval where the plan asks for none."""
    if analysis.interval == "none":
        return Numbers(found.estimate, p=p, why=why)
    undefined = found.estimate is None
    lower, upper = (None, None) if undefined else (found.lower, found.upper)
    return Numbers(found.estimate, lower, upper, p, why)


def side_of_test(analysis: Analysis) -> Side:
    """The side of the analysis's test; BadInput where it has none."""
    if analysis.side == "none":
        raise BadInput("a side", where=f"analysis.analyses[{analysis.id}]", field="side")
    return analysis.side


def empty_groups(analysis: Analysis, denominators: Sequence[int]) -> str:
    """Which groups nobody is counted in, as a reason; empty where there is none."""
    names = [g.label for g, n in zip(analysis.groups, denominators, strict=True) if n == 0]
    return f"not estimable: no subject counted in {' and '.join(names)}" if names else ""
