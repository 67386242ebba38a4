"""What must agree within the looks of an analysis, and between them and its test and end point."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

from equipoise.errors import BadInput
from equipoise.study.analysis_plan import Analysis
from equipoise.study.definition import Study
from equipoise.study.disagreement import Disagreement, Disagreements, one_of
from equipoise.study.interim_limits import interim_limits
from equipoise.study.interim_plan import FutilityBoundary, Interims
from equipoise.study.source import FieldPath

NORMAL = ("chi_square", "chi_square_corrected", "log_rank", "cox")
"""Methods whose statistic is compared with a limit of Z."""
EXACT = ("fisher", "fisher_mid_p", "boschloo", "barnard")
"""Methods that reject by a nominal P value."""


def interim_disagreements(study: Study) -> Disagreements:
    """Looks, their times, boundaries and the test that they are of."""
    having = []
    for number, analysis in enumerate(study.analysis.analyses):
        if analysis.interims is None:
            continue
        having.append(analysis.id)
        path: FieldPath = ("analysis", "analyses", number, "interims")
        if len(having) > 1:
            allowed = f"must be left out: a trial stops by one analysis, and {having[0]} has looks"
            yield Disagreement(path, allowed, analysis.id)
        yield from _test(study, analysis, analysis.interims, path)
        wrong = [
            *_looks(analysis.interims, path),
            *_stopping(analysis.interims, path),
        ]
        yield from wrong
        if not wrong:
            yield from _limits(analysis.interims, path)


def _test(study: Study, analysis: Analysis, interims: Interims, path: FieldPath) -> Disagreements:
    method = analysis.method
    if method not in (*NORMAL, *EXACT) or len(analysis.groups) != 2 or analysis.interaction:
        allowed = (
            f"must be left out: only a comparison of two groups by {one_of((*NORMAL, *EXACT))} "
            "has looks"
        )
        yield Disagreement(path, allowed, method.replace("_", " "))
        return
    if method in EXACT and interims.exact is None:
        allowed = f"must be nominal_p: the test {method} has no normal statistic"
        yield Disagreement((*path, "exact"), allowed, "nothing")
    if method in NORMAL and interims.exact is not None:
        allowed = f"must be left out: the test {method} has a normal statistic"
        yield Disagreement((*path, "exact"), allowed, interims.exact)
    if analysis.side not in ("two_sided", interims.side):
        allowed = f"must be {analysis.side}, the side of the analysis"
        yield Disagreement((*path, "side"), allowed, interims.side)
    error = 1 - analysis.level
    if analysis.side == "two_sided" != interims.side:
        error /= 2
    if interims.alpha > error:
        allowed = f"must be at most {error.normalize():f}, the error of the analysis there"
        yield Disagreement((*path, "alpha"), allowed, interims.alpha)
    estimands = {each.code: each.end_point for each in study.analysis.estimands}
    kinds = {each.code: each.kind for each in study.analysis.end_points}
    kind = kinds.get(estimands.get(analysis.estimand, ""))
    if interims.counted == "events" and kind == "binary":
        allowed = "must be subjects, evaluable or months: a yes/no end point has no events"
        yield Disagreement((*path, "counted"), allowed, interims.counted)
    if interims.counted == "evaluable" and kind == "time_to_event":
        allowed = "must be subjects, events or months: a time to an event is never final"
        yield Disagreement((*path, "counted"), allowed, interims.counted)


def _looks(interims: Interims, path: FieldPath) -> Disagreements:
    shares, at, months = interims.information, interims.at, interims.counted == "months"
    if months and not (shares and len(at) == len(shares) - 1):
        allowed = "must be the month of each look but the last, of which information has the shares"
        yield Disagreement((*path, "at"), allowed, _listed(at))
    if not months and bool(shares) == bool(at):
        allowed = "must be given, or information and full in its place, but not both"
        yield Disagreement((*path, "at"), allowed, _listed(at))
    if not months and bool(shares) != (interims.full is not None):
        allowed = "must go together with information: the count of which it has shares"
        yield Disagreement((*path, "full"), allowed, interims.full or "nothing")
    if months and interims.full is not None:
        allowed = "must be left out: months have no greatest one"
        yield Disagreement((*path, "full"), allowed, interims.full)
    if at and not all(a < b for a, b in pairwise((0, *at))):
        yield Disagreement((*path, "at"), "must rise from above 0", _listed(at))
    if shares and not all(a < b for a, b in pairwise((Decimal(0), *shares))):
        yield Disagreement((*path, "information"), "must rise from above 0", _listed(shares))
    if shares and shares[-1] != 1:
        allowed = "must end with 1, the information of the last look"
        yield Disagreement((*path, "information"), allowed, _listed(shares))
    if max(len(shares), len(at)) < (1 if months else 2):
        field = "information" if shares else "at"
        allowed = "must list at least two looks, the last of which is the analysis at the end"
        yield Disagreement((*path, field), allowed, _listed(shares or at))


def _stopping(interims: Interims, path: FieldPath) -> Disagreements:
    if interims.efficacy is None and interims.futility is None:
        allowed = "must have efficacy, futility or both: else nothing stops"
        yield Disagreement(path, allowed, "neither")
    if interims.futility is not None:
        if interims.side == "two_sided":
            allowed = "must be greater or less: futility is for boundaries of one side"
            yield Disagreement((*path, "side"), allowed, interims.side)
        yield from _futility(interims, interims.futility, (*path, "futility"))


def _futility(interims: Interims, futility: FutilityBoundary, path: FieldPath) -> Disagreements:
    spends = futility.rule == "beta_spending"
    planned = futility.under == "planned_effect"
    for field, needed in (
        ("family", spends),
        ("power", spends or planned),
        ("threshold", not spends),
        ("under", not spends),
    ):
        given = getattr(futility, field)
        if needed and given is None:
            allowed = f"must be given with the rule {futility.rule}"
            yield Disagreement((*path, field), allowed, "nothing")
        if not needed and given is not None:
            allowed = f"must be left out with the rule {futility.rule}"
            yield Disagreement((*path, field), allowed, given)
    if not spends and futility.parameter is not None:
        allowed = f"must be left out with the rule {futility.rule}"
        yield Disagreement((*path, "parameter"), allowed, futility.parameter)
    if futility.binding and (not spends or interims.efficacy is None):
        allowed = "must be false: only beta spending beside an efficacy boundary can be binding"
        yield Disagreement((*path, "binding"), allowed, "true")


def _limits(interims: Interims, path: FieldPath) -> Disagreements:
    """What the boundary itself finds impossible."""
    try:
        interim_limits(interims)
    except BadInput as error:
        about = f"{error.field}: " if error.field else ""
        allowed = f"must have limits that can be; {about}{error.allowed}"
        yield Disagreement(path, allowed, error.found)


def _listed(values: tuple[object, ...]) -> str:
    return ", ".join(str(each) for each in values) or "nothing"
