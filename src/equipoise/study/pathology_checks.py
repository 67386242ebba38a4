"""What must agree in how the study grades a tumour."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from decimal import Decimal

from equipoise.biomarker.events import ASSAY_PLACES
from equipoise.biomarker.plan import Classification, Limits, PathologyPlan
from equipoise.study.definition import Study
from equipoise.study.disagreement import Disagreement, Disagreements, repeated, unknown
from equipoise.study.marker_checks import contains
from equipoise.study.source import FieldPath

_PATH: FieldPath = ("biomarker", "pathology")
_MOST = {"ki67": Decimal(100), "mitoses": Decimal(10_000)}


def pathology_disagreements(study: Study) -> Disagreements:
    """The items of the local reading, the versions of the classification and their limits."""
    plan = study.biomarker.pathology
    if plan is None:
        return
    at = (*_PATH, "classifications")
    versions = [each.version for each in plan.classifications]
    yield from repeated(at, versions, "version", "classifications")
    yield from unknown((*_PATH, "in_force"), plan.in_force, versions, "a classification")
    yield from _items(study, plan)
    for number, each in enumerate(plan.classifications):
        yield from _classification(study, plan, each, (*at, number))


def _items(study: Study, plan: PathologyPlan) -> Disagreements:
    items = {item.code: item for form in study.visits.forms for item in form.items}
    wanted = {"grade": "code", "differentiation": "code", "ki67": "decimal", "mitoses": "decimal"}
    for field, kind in wanted.items():
        code = getattr(plan.local, field)
        if code is None:
            continue
        at = (*_PATH, "local", field)
        yield from unknown(at, code, items, "an item of a form")
        if code not in items:
            continue
        item = items[code]
        if item.type != kind:
            yield Disagreement(at, f"must be an item of type {kind}", item.type)
        elif item.places > ASSAY_PLACES:
            allowed = f"must be an item of at most {ASSAY_PLACES} decimal places"
            yield Disagreement(at, allowed, item.places)
        if field == "ki67" and item.type == kind and item.unit != "%":
            yield Disagreement(at, "must be an item in %", item.unit or "no unit")


def _classification(
    study: Study, plan: PathologyPlan, classification: Classification, path: FieldPath
) -> Disagreements:
    codes = [each.code for each in classification.grades]
    yield from repeated((*path, "grades"), codes, "code", "this classification")
    allowed = [
        code.code
        for form in study.visits.forms
        for item in form.items
        if item.code == plan.local.grade
        for code in item.codes
    ]
    for number, code in enumerate(codes):
        at = (*path, "grades", number, "code")
        yield from unknown(at, code, allowed, "a code of the item of the local grade")
    for name, most in _MOST.items():
        limits = [getattr(each, name) for each in classification.grades]
        yield from _cover(codes, limits, most, (*path, "grades"), name)


def _cover(
    codes: Sequence[str], limits: Sequence[Limits], most: Decimal, path: FieldPath, name: str
) -> Disagreements:
    """Values between two neighbouring limits are alike: one of each kind is tried."""
    marks = {Decimal(0), most}
    for each in limits:
        bounds = (each.at_least, each.above, each.below, each.at_most)
        marks.update(bound for bound in bounds if bound is not None)
    ordered = sorted(marks)
    between = [(a + b) / 2 for a, b in itertools.pairwise(ordered)]
    highest = 0
    for value in sorted([*ordered, *between]):
        holding = [code for code, each in zip(codes, limits, strict=True) if contains(each, value)]
        if len(holding) != 1:
            allowed = f"must give every {name} from 0 to {most} exactly one grade"
            given = " and ".join(holding) if holding else "no grade"
            yield Disagreement(path, allowed, f"{given} for {value}")
            return
        place = codes.index(holding[0])
        if place < highest:
            allowed = f"must list the grades by rising {name}, the lowest first"
            yield Disagreement(path, allowed, f"{codes[place]} after {codes[highest]}")
            return
        highest = place
