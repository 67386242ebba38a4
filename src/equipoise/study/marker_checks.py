"""What must agree in marker and treatment."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from decimal import Decimal

from equipoise.biomarker.plan import MOST_REPLICATES, Assay, Limits, Marker, StatusInterval
from equipoise.study.definition import Study
from equipoise.study.disagreement import Disagreement, Disagreements, repeated, unknown
from equipoise.study.path_checks import path_disagreements
from equipoise.study.source import FieldPath

H_SCORE_MEASUREMENTS = ("negative", "weak", "moderate", "strong")
H_SCORE_RANGE = (Decimal(0), Decimal(300))


def marker_disagreements(study: Study) -> Disagreements:
    """Statuses, assays and the versions of the rule."""
    marker, path = study.biomarker.marker, ("biomarker", "marker")
    if len(marker.statuses) < 2:
        found = f"{len(marker.statuses)} statuses"
        yield Disagreement((*path, "statuses"), "must list at least two statuses", found)
    yield from repeated((*path, "statuses"), [s.code for s in marker.statuses], "code", "statuses")
    yield from repeated((*path, "assays"), [a.code for a in marker.assays], "code", "assays")
    yield from repeated((*path, "rules"), [r.version for r in marker.rules], "version", "rules")
    versions = [rule.version for rule in marker.rules]
    yield from unknown((*path, "rule_in_force"), marker.rule_in_force, versions, "a rule")
    for position, assay in enumerate(marker.assays):
        yield from _assay(assay, (*path, "assays", position))
    for position, rule in enumerate(marker.rules):
        at: FieldPath = (*path, "rules", position)
        yield from repeated((*at, "steps"), [s.assay for s in rule.steps], "assay", "this rule")
        if not rule.steps:
            yield Disagreement((*at, "steps"), "must have at least one step", "no step")
        for number, step in enumerate(rule.steps):
            yield from _step(marker, step.assay, step.intervals, (*at, "steps", number))
    if marker.path is not None:
        yield from path_disagreements(study, marker, marker.path)


def _assay(assay: Assay, path: FieldPath) -> Disagreements:
    names = [measurement.code for measurement in assay.measurements]
    yield from repeated((*path, "measurements"), names, "code", "this assay")
    for position, measurement in enumerate(assay.measurements):
        at = (*path, "measurements", position)
        if measurement.minimum >= measurement.maximum:
            allowed = f"must exceed the minimum {measurement.minimum}"
            yield Disagreement((*at, "maximum"), allowed, measurement.maximum)
        if assay.summary != "h_score" and measurement.unit != assay.unit:
            allowed = f"must be the unit of the assay, {assay.unit}"
            yield Disagreement((*at, "unit"), allowed, measurement.unit)
    if not names:
        yield Disagreement((*path, "measurements"), "must list what the assay reports", "nothing")
    if assay.summary == "h_score" and sorted(names) != sorted(H_SCORE_MEASUREMENTS):
        allowed = f"must be {', '.join(H_SCORE_MEASUREMENTS)}, which an H-score is made of"
        yield Disagreement((*path, "measurements"), allowed, ", ".join(names))
    if assay.summary == "single" and len(names) > 1:
        allowed = "must be one measurement, because the summary is single"
        yield Disagreement((*path, "measurements"), allowed, ", ".join(names))
    controls = [control.code for control in assay.controls]
    yield from repeated((*path, "controls"), controls, "code", "this assay")
    for position, control in enumerate(assay.controls):
        at = (*path, "controls", position)
        yield from _both(control, at)
        bounds = (control.at_least, control.above, control.below, control.at_most)
        if all(bound is None for bound in bounds):
            yield Disagreement(at, "must have a limit, or the control says nothing", control.code)
    if assay.replicates and assay.replicates.at_most > MOST_REPLICATES:
        allowed = (
            f"must be at most {MOST_REPLICATES}: of four runs two pairs may be equally near and "
            "far apart, and no rule says which of them counts"
        )
        yield Disagreement((*path, "replicates", "at_most"), allowed, assay.replicates.at_most)
    if assay.replicates and assay.replicates.needed > assay.replicates.at_most:
        allowed = f"must be at most {assay.replicates.at_most}, the number of replicates"
        yield Disagreement((*path, "replicates", "needed"), allowed, assay.replicates.needed)
    if assay.minimum_measurements > max(len(names), 1):
        allowed = f"must be at most the number of measurements, {len(names)}"
        yield Disagreement((*path, "minimum_measurements"), allowed, assay.minimum_measurements)


def _step(
    marker: Marker, code: str, intervals: Sequence[StatusInterval], path: FieldPath
) -> Disagreements:
    statuses = [status.code for status in marker.statuses]
    assays = {assay.code: assay for assay in marker.assays}
    yield from unknown((*path, "assay"), code, assays, "an assay")
    usable = True
    for position, interval in enumerate(intervals):
        at = (*path, "intervals", position)
        yield from unknown((*at, "status"), interval.status, statuses, "a status")
        both = list(_both(interval, at))
        yield from both
        usable = usable and not both
    if usable and code in assays and assays[code].measurements:
        yield from _cover(intervals, assay_range(assays[code]), (*path, "intervals"))


def _both(limits: Limits, at: FieldPath) -> Disagreements:
    """A limit that is given twice on one side."""
    if limits.at_least is not None and limits.above is not None:
        yield Disagreement(at, "must have at_least or above, not both")
    if limits.at_most is not None and limits.below is not None:
        yield Disagreement(at, "must have at_most or below, not both")


def assay_range(assay: Assay) -> tuple[Decimal, Decimal]:
    """The smallest and the largest value that the assay can have, in its unit."""
    if assay.summary == "h_score":
        return H_SCORE_RANGE
    return (
        min(measurement.minimum for measurement in assay.measurements),
        max(measurement.maximum for measurement in assay.measurements),
    )


def _cover(
    intervals: Sequence[StatusInterval], limits: tuple[Decimal, Decimal], path: FieldPath
) -> Disagreements:
    """Values between two neighbouring limits are alike: one of each kind is tried."""
    low, high = limits
    marks = {low, high}
    for interval in intervals:
        bounds = (interval.at_least, interval.above, interval.below, interval.at_most)
        marks.update(bound for bound in bounds if bound is not None and low <= bound <= high)
    ordered = sorted(marks)
    between = [(a + b) / 2 for a, b in itertools.pairwise(ordered)]
    for value in sorted([*ordered, *between]):
        holding = [interval.status for interval in intervals if contains(interval, value)]
        if len(holding) != 1:
            allowed = f"must give every value from {low} to {high} exactly one status"
            given = " and ".join(holding) if holding else "no status"
            yield Disagreement(path, allowed, f"{given} for {value}")
            return


def contains(interval: Limits, value: Decimal) -> bool:
    """Whether `value` lies between the limits."""
    return (
        (interval.at_least is None or value >= interval.at_least)
        and (interval.above is None or value > interval.above)
        and (interval.below is None or value < interval.below)
        and (interval.at_most is None or value <= interval.at_most)
    )


def treatment_disagreements(study: Study) -> Disagreements:
    """Regimens: drugs, days, and that some arm gives each of them."""
    path: FieldPath = ("treatment", "regimens")
    regimens = study.treatment.regimens
    given = {regimen for arm in study.randomisation.arms for regimen in arm.regimens}
    yield from repeated(path, [regimen.code for regimen in regimens], "code", "regimens")
    for position, regimen in enumerate(regimens):
        at = (*path, position)
        if regimen.code not in given:
            yield Disagreement((*at, "code"), "must be a regimen of some arm", regimen.code)
        if not regimen.doses:
            yield Disagreement((*at, "doses"), "must list at least one drug", "none")
        drugs = [dose.drug for dose in regimen.doses]
        yield from repeated((*at, "doses"), drugs, "drug", "this regimen")
        for number, dose in enumerate(regimen.doses):
            days, on = dose.days, (*at, "doses", number, "days")
            fits = days and 1 <= days[0] and days[-1] <= regimen.cycle_days
            if not fits or any(b <= a for a, b in itertools.pairwise(days)):
                allowed = f"must be rising days from 1 to {regimen.cycle_days}, the cycle's length"
                yield Disagreement(on, allowed, ", ".join(map(str, days)) or "none")
    cap = study.treatment.body_surface_area.cap
    if cap is not None and not 1 <= cap <= 3:
        at = ("treatment", "body_surface_area", "cap")
        yield Disagreement(at, "must lie between 1 and 3 m2", cap)
