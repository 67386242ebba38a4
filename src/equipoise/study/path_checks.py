"""What must agree in what the study declares for a marker that cannot be read."""

from __future__ import annotations

import itertools

from equipoise.biomarker.plan import DeclaredPath, Marker
from equipoise.study.definition import Study
from equipoise.study.disagreement import Disagreement, Disagreements, repeated, unknown
from equipoise.study.source import FieldPath

_PATH: FieldPath = ("biomarker", "marker", "path")


def path_disagreements(study: Study, marker: Marker, path: DeclaredPath) -> Disagreements:
    """Steps in order with rising days, the consent that they run from, the status at the end."""
    assays = [assay.code for assay in marker.assays]
    if not path.steps:
        yield Disagreement((*_PATH, "steps"), "must list at least one step", "none")
    yield from repeated((*_PATH, "steps"), [each.code for each in path.steps], "code", "the path")
    for number, step in enumerate(path.steps):
        at = (*_PATH, "steps", number)
        if (step.material == "first") != (number == 0):
            allowed = "must be first in the first step, and recut or rebiopsy in every other"
            yield Disagreement((*at, "material"), allowed, step.material)
        yield from repeated((*at, "assays"), list(step.assays), None, "this step")
        if not step.assays:
            yield Disagreement((*at, "assays"), "must list at least one assay", "none")
        for position, assay in enumerate(step.assays):
            yield from unknown((*at, "assays", position), assay, assays, "an assay")
    tried = {assay for step in path.steps for assay in step.assays}
    in_force = [rule for rule in marker.rules if rule.version == marker.rule_in_force]
    for asked in [step.assay for rule in in_force for step in rule.steps]:
        if asked not in tried:
            allowed = f"must try {asked}, which the rule in force reads, at one step"
            yield Disagreement((*_PATH, "steps"), allowed, ", ".join(sorted(tried)) or "none")
    for number, (one, other) in enumerate(itertools.pairwise(path.steps), start=1):
        if other.within_days <= one.within_days:
            at = (*_PATH, "steps", number, "within_days")
            allowed = f"must be more than the {one.within_days} days of the step before"
            yield Disagreement(at, allowed, other.within_days)
    yield from _counted_from(study, path)
    yield from _afterwards(marker, path)


def _counted_from(study: Study, path: DeclaredPath) -> Disagreements:
    at = (*_PATH, "consent")
    if path.counted_from != "consent":
        if path.consent is not None:
            allowed = "must be left out where the days run from the reception of a sample"
            yield Disagreement(at, allowed, path.consent)
    elif path.consent is None:
        yield Disagreement(at, "must name the consent that the days run from", "none")
    else:
        known = [each.code for each in study.visits.consents]
        yield from unknown(at, path.consent, known, "a consent")


def _afterwards(marker: Marker, path: DeclaredPath) -> Disagreements:
    at = (*_PATH, "status")
    if path.then == "not_randomised":
        if path.status is not None:
            yield Disagreement(at, "must be left out: nobody is randomised with it", path.status)
        return
    if path.status is None:
        yield Disagreement(at, "must name the status of a stratum of its own", "none")
        return
    yield from unknown(at, path.status, [each.code for each in marker.statuses], "a status")
    given = {
        interval.status
        for rule in marker.rules
        for step in rule.steps
        for interval in step.intervals
    }
    if path.status in given:
        yield Disagreement(at, "must be a status that no value of an assay gives", path.status)
