"""Whether an analysis gives its method what it needs: test, side, groups, covariates, strata."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from equipoise.study.analysis_plan import MARKER_STATUS, Analysis, Interaction
from equipoise.study.definition import Study
from equipoise.study.disagreement import Disagreement, Disagreements, one_of, repeated, unknown
from equipoise.study.source import FieldPath

_LIKELIHOOD = ("wald", "profile", "none")
_OF_ODDS = (
    "conditional_exact",
    "mid_p",
    "min_likelihood",
    "blaker",
    "woolf",
    "haldane_anscombe",
    "miettinen_nurminen",
    "none",
)
_OF_DIFFERENCE = (
    "miettinen_nurminen",
    "mee",
    "newcombe",
    "newcombe_corrected",
    "agresti_caffo",
    "none",
)
_OF_ONE = (
    "clopper_pearson",
    "blaker",
    "mid_p",
    "wilson",
    "wilson_corrected",
    "jeffreys",
    "agresti_coull",
    "none",
)

_CONTRASTS = ("odds_ratio", "risk_difference", "risk_ratio")
_OF_RATIO = ("katz", "miettinen_nurminen", "koopman", "none")

TABLE_TESTS = (
    "fisher",
    "fisher_mid_p",
    "chi_square",
    "chi_square_corrected",
    "boschloo",
    "barnard",
)
"""Tests of two proportions from their counts alone."""

INTERVALS = {
    **{(test, "odds_ratio"): _OF_ODDS for test in TABLE_TESTS},
    **{(test, "risk_difference"): _OF_DIFFERENCE for test in TABLE_TESTS},
    **{(test, "risk_ratio"): _OF_RATIO for test in TABLE_TESTS},
    **{(test, "none"): ("none",) for test in TABLE_TESTS},
    ("proportion", "proportion"): _OF_ONE,
    ("proportion", "odds_ratio"): _OF_ODDS,
    ("proportion", "risk_difference"): _OF_DIFFERENCE,
    ("proportion", "risk_ratio"): _OF_RATIO,
    ("kaplan_meier", "median"): ("brookmeyer_crowley", "none"),
    ("log_rank", "none"): ("none",),
    ("logistic", "odds_ratio"): _LIKELIHOOD,
    ("logistic", "ratio_of_odds_ratios"): _LIKELIHOOD,
    ("logistic", "none"): ("none",),
    ("firth", "odds_ratio"): _LIKELIHOOD,
    ("firth", "ratio_of_odds_ratios"): _LIKELIHOOD,
    ("firth", "none"): ("none",),
    ("cox", "hazard_ratio"): ("wald", "none"),
    ("cox", "ratio_of_hazard_ratios"): ("wald", "none"),
    ("cox", "none"): ("none",),
    ("cmh", "odds_ratio"): ("robins_breslow_greenland", "none"),
    ("cmh", "none"): ("none",),
    ("cmh_exact", "odds_ratio"): ("conditional_exact", "none"),
    ("cmh_exact", "none"): ("none",),
    ("breslow_day", "none"): ("none",),
}
"""Estimates that a method can give, and the intervals that an estimate can have."""

STATISTICS = {
    "logistic": ("wald", "likelihood_ratio", "score"),
    "firth": ("wald", "likelihood_ratio"),
    "cox": ("wald", "likelihood_ratio", "score"),
}
"""The tests of a model, one of which gives P."""

INTERVAL_OF_TEST = {"wald": ("wald", "none"), "likelihood_ratio": ("profile", "none")}
"""Intervals that leave out no effect exactly where the test rejects it."""

STRATIFIED = ("cmh", "cmh_exact", "breslow_day")
ONE_SIDED = ("fisher", "fisher_mid_p", "boschloo", "barnard", "cmh_exact")
TESTING = (*TABLE_TESTS, "log_rank", *STATISTICS, *STRATIFIED)
COMPARING = TESTING
"""Methods whose groups may share no subjects."""
OF_RESPONSES = (*TABLE_TESTS, "proportion", "logistic", "firth", *STRATIFIED)
ADJUSTING = tuple(STATISTICS)
STRATIFYING = (*STRATIFIED, "cox")


def method_disagreements(study: Study, analysis: Analysis, path: FieldPath) -> Disagreements:
    """Estimate, interval, test, side, groups, covariates, strata, interaction, flags."""
    yield from _estimate(analysis, path)
    yield from _test(analysis, path)
    yield from _side(analysis, path)
    yield from _number_of_groups(analysis, (*path, "groups"))
    yield from _covariates(study, analysis, path)
    if analysis.interaction is not None:
        yield from _interaction(study, analysis, analysis.interaction, (*path, "interaction"))
    for flag in ("post_hoc", "reconstruction"):
        if getattr(analysis, flag) and analysis.role != "sensitivity":
            allowed = "must be left out: only a sensitivity analysis can be one"
            yield Disagreement((*path, flag), allowed, f"the role {analysis.role}")


def _estimate(analysis: Analysis, path: FieldPath) -> Disagreements:
    method, estimate = analysis.method, analysis.estimate
    estimates = [possible for name, possible in INTERVALS if name == method]
    if method in STATISTICS:
        crossed = analysis.interaction is not None
        estimates = [each for each in estimates if each == "none" or crossed == ("of" in each)]
        wide = crossed and len(analysis.groups) != 4
        estimates = ["none"] if wide else estimates
    if estimate not in estimates:
        allowed = f"must be {one_of(estimates)} with the method {method}"
        if method in STATISTICS:
            allowed += f" {'and' if analysis.interaction else 'without'} an interaction"
            allowed += f" of {len(analysis.groups)} groups" if analysis.interaction else ""
        yield Disagreement((*path, "estimate"), allowed, estimate)
    elif analysis.interval not in INTERVALS[method, estimate]:
        allowed = f"must be {one_of(INTERVALS[method, estimate])} with the estimate {estimate}"
        yield Disagreement((*path, "interval"), allowed, analysis.interval)


def _test(analysis: Analysis, path: FieldPath) -> Disagreements:
    tests = STATISTICS.get(analysis.method, ())
    if not tests:
        if analysis.test is not None:
            allowed = f"must be left out: the method {analysis.method} has one test only"
            yield Disagreement((*path, "test"), allowed, analysis.test)
    elif analysis.test not in tests:
        allowed = f"must be {one_of(tests)} with the method {analysis.method}"
        yield Disagreement((*path, "test"), allowed, analysis.test or "nothing")
    else:
        intervals = INTERVAL_OF_TEST.get(analysis.test, ("none",))
        if analysis.interval not in intervals:
            allowed = f"must be {one_of(intervals)}, to agree with the test {analysis.test}"
            yield Disagreement((*path, "interval"), allowed, analysis.interval)


def _side(analysis: Analysis, path: FieldPath) -> Disagreements:
    tests = analysis.method in TESTING
    if tests != (analysis.side != "none"):
        allowed = "must say the side of the test" if tests else "must be none: this is no test"
        yield Disagreement((*path, "side"), allowed, analysis.side)
    elif tests and analysis.method not in ONE_SIDED and analysis.side != "two_sided":
        name = analysis.method.replace("_", "-")
        allowed = f"must be two_sided: this {name} test has no direction"
        yield Disagreement((*path, "side"), allowed, analysis.side)


def _number_of_groups(analysis: Analysis, path: FieldPath) -> Disagreements:
    number = len(analysis.groups)
    pairs = (*TABLE_TESTS, *STATISTICS, *STRATIFIED)
    if analysis.interaction is not None and analysis.method in STATISTICS:
        return
    if analysis.method in pairs or analysis.estimate in _CONTRASTS:
        needed, fits = "two groups, the first compared with the second", number == 2
    elif analysis.method == "log_rank":
        needed, fits = "two groups or more", number >= 2
    else:
        needed, fits = "one group or more", number >= 1
    if not fits:
        yield Disagreement(path, f"must be {needed}", f"{number} groups")


def _covariates(study: Study, analysis: Analysis, path: FieldPath) -> Disagreements:
    both = (*analysis.adjust, *analysis.stratify)
    for field, methods in (("adjust", ADJUSTING), ("stratify", STRATIFYING)):
        items: Sequence[str] = getattr(analysis, field)
        at = (*path, field)
        if items and analysis.method not in methods:
            allowed = f"must be left out: only {one_of(methods)} can {field}"
            yield Disagreement(at, allowed, analysis.method)
            continue
        yield from repeated(at, items, None, "this list")
        for place, item in enumerate(items):
            yield from _covariate(study, analysis, item, (*at, place))
    if analysis.method in STRATIFIED and not analysis.stratify:
        allowed = f"must list at least one item: the method {analysis.method} compares in strata"
        yield Disagreement((*path, "stratify"), allowed, "none")
    for place, item in enumerate(analysis.stratify):
        if both.count(item) > 1 and item in analysis.adjust:
            allowed = "must not be adjusted for as well"
            yield Disagreement((*path, "stratify", place), allowed, item)


def _covariate(study: Study, analysis: Analysis, item: str, path: FieldPath) -> Disagreements:
    """A coded item of which one answer is known at entry, or the status where no group names it."""
    if item == MARKER_STATUS:
        if any(group.statuses for group in analysis.groups):
            allowed = "must be left out where the groups name statuses"
            yield Disagreement(path, allowed, item)
        return
    entry = [
        each.code
        for form in study.visits.forms
        if not form.repeating
        for each in form.items
        if each.type == "code"
    ]
    what = "a coded item of a form that is filled once"
    yield from unknown(path, item, [*entry, MARKER_STATUS], what)
    taken = MARKER_STATUS in entry
    if taken:
        allowed = f"must be unmistakable: an item of a form has the code {MARKER_STATUS}"
        yield Disagreement(path, allowed, item)


def _interaction(
    study: Study, analysis: Analysis, crossed: Interaction, path: FieldPath
) -> Disagreements:
    arms = [arm.code for arm in study.randomisation.arms]
    statuses = [status.code for status in study.biomarker.marker.statuses]
    if analysis.method not in STATISTICS:
        allowed = f"must be left out: only {one_of(STATISTICS)} has one"
        yield Disagreement(path, allowed, analysis.method)
        return
    known = (("arms", arms, "an arm"), ("statuses", statuses, "a status"))
    for field, codes, what in known:
        named: Sequence[str] = getattr(crossed, field)
        yield from repeated((*path, field), named, None, "this interaction")
        for place, code in enumerate(named):
            yield from unknown((*path, field, place), code, codes, what)
        if len(named) < 2:
            yield Disagreement((*path, field), "must list at least two", f"{len(named)}")
    cells = list(itertools.product(crossed.arms, crossed.statuses))
    found = [
        (group.arms[0], group.statuses[0])
        if len(group.arms) == len(group.statuses) == 1
        else (group.label, "")
        for group in analysis.groups
    ]
    if sorted(found) != sorted(cells):
        allowed = (
            f"must be the {len(cells)} cells of the interaction, each with one arm and one status"
        )
        at = (*path[:-1], "groups")
        yield Disagreement(at, allowed, f"{len(found)} groups: {one_of(map(' '.join, found))}")
