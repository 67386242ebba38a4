"""What must agree in the allocation: arms, ratios, blocks, factors, minimisation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal

from equipoise.randomisation.plan import SITE, Scheme, StratumRatio
from equipoise.study.definition import Study
from equipoise.study.disagreement import Disagreement, Disagreements, repeated, unknown
from equipoise.study.source import FieldPath
from equipoise.visits.plan import VisitsPlan

LARGEST_BLOCK = 100
LARGEST_WEIGHT = 1000
BLOCKLESS = {"simple": "simple allocation", "minimisation": "minimisation"}


def allocation_disagreements(study: Study) -> Disagreements:
    """Arms, their regimens, and the scheme's ratios, blocks and factors."""
    plan, path = study.randomisation, ("randomisation",)
    arms = [arm.code for arm in plan.arms]
    regimens = [regimen.code for regimen in study.treatment.regimens]
    yield from repeated((*path, "arms"), arms, "code", "arms")
    if len(arms) < 2:
        yield Disagreement((*path, "arms"), "must list at least two arms", f"{len(arms)} arms")
    for position, arm in enumerate(plan.arms):
        at: FieldPath = (*path, "arms", position, "regimens")
        yield from repeated(at, arm.regimens, None, "this arm")
        if not arm.regimens:
            yield Disagreement(at, "must list at least one regimen", "none")
        for number, regimen in enumerate(arm.regimens):
            yield from unknown((*at, number), regimen, regimens, "a regimen")
    statuses = [status.code for status in study.biomarker.marker.statuses]
    at = (*path, "scheme", "ratios")
    yield from repeated(at, [ratio.status for ratio in plan.scheme.ratios], "status", "ratios")
    missing = set(statuses) - {ratio.status for ratio in plan.scheme.ratios}
    for status in sorted(missing):
        yield Disagreement(at, "must give a ratio for every status", f"none for {status}")
    for position, ratio in enumerate(plan.scheme.ratios):
        yield from unknown((*at, position, "status"), ratio.status, statuses, "a status")
        yield from _ratio(ratio, arms, plan.scheme.method, (*at, position))
    yield from _factors(plan.scheme.factors, study.visits, (*path, "scheme", "factors"))
    yield from _minimisation(plan.scheme, (*path, "scheme"))


def _ratio(ratio: StratumRatio, arms: Sequence[str], method: str, path: FieldPath) -> Disagreements:
    if set(ratio.ratio) != set(arms):
        allowed = f"must give a weight to every arm: {', '.join(arms)}"
        yield Disagreement((*path, "ratio"), allowed, ", ".join(ratio.ratio))
    for arm, weight in ratio.ratio.items():
        if weight < 1:
            yield Disagreement((*path, "ratio", arm), "must be at least 1", weight)
    total, at = sum(ratio.ratio.values()), (*path, "block_sizes")
    if method != "permuted_blocks":
        if ratio.block_sizes:
            found = f"{len(ratio.block_sizes)} sizes"
            allowed = f"must be empty: {BLOCKLESS[method]} has no blocks"
            yield Disagreement(at, allowed, found)
        return
    if len(ratio.block_sizes) < 2:
        allowed = "must list at least two sizes, so that no block's end is known in advance"
        yield Disagreement(at, allowed, f"{len(ratio.block_sizes)} sizes")
    yield from repeated(at, [str(size) for size in ratio.block_sizes], None, "this stratum")
    for position, size in enumerate(ratio.block_sizes):
        if total < 1 or size < total or size % total or size > LARGEST_BLOCK:
            allowed = f"must be a multiple of the ratio's sum {total}, at most {LARGEST_BLOCK}"
            yield Disagreement((*at, position), allowed, size)


def _factors(factors: Sequence[str], plan: VisitsPlan, path: FieldPath) -> Disagreements:
    coded = [item.code for form in plan.forms for item in form.items if item.type == "code"]
    yield from repeated(path, factors, None, "factors")
    for position, factor in enumerate(factors):
        yield from unknown((*path, position), factor, [*coded, SITE], "a coded item, or the site")


def _minimisation(scheme: Scheme, path: FieldPath) -> Disagreements:
    at, rule = (*path, "minimisation"), scheme.minimisation
    if scheme.method != "minimisation":
        if rule is not None:
            yield Disagreement(at, f"must be left out: the method is {scheme.method}", "given")
        return
    if not scheme.factors:
        allowed = "must list at least one factor, which minimisation balances"
        yield Disagreement((*path, "factors"), allowed, "none")
    if rule is None:
        yield Disagreement(at, "must be given: the method is minimisation", "none")
        return
    if set(rule.weights) != set(scheme.factors):
        allowed = f"must give a weight to every factor: {', '.join(scheme.factors)}"
        yield Disagreement((*at, "weights"), allowed, ", ".join(rule.weights))
    for factor, weight in rule.weights.items():
        if not 1 <= weight <= LARGEST_WEIGHT:
            allowed = f"must lie between 1 and {LARGEST_WEIGHT}"
            yield Disagreement((*at, "weights", factor), allowed, weight)
    for ratio in scheme.ratios:
        weights = ratio.ratio.values()
        if not weights or min(weights) < 1:
            continue
        notional = sum(weights) // math.gcd(*weights)
        if not Decimal(1) / notional < rule.probability < 1:
            allowed = (
                f"must exceed 1/{notional}, the chance of each of the {notional} notional arms of "
                f"{ratio.status}, and be less than 1, so that no arm is certain"
            )
            yield Disagreement((*at, "probability"), allowed, rule.probability)
            return
