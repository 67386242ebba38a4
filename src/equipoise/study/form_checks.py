"""What must agree among forms, items, units, visits, criteria and their expressions."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files

from equipoise.study.definition import Study
from equipoise.study.disagreement import Disagreement, Disagreements, one_of, repeated, unknown
from equipoise.study.source import FieldPath
from equipoise.visits.plan import Form, Item
from equipoise.visits.subject_item import SUBJECT_ITEM

BUILT_IN = frozenset(SUBJECT_ITEM) | {"item_windows"}
"""Columns of `subject_item` that are no items; `consent_<code>` and its date come in addition."""

PREFIXES = ("consent_",)
"""How built-in columns of `subject_item` may begin."""


@cache
def units() -> Mapping[str, str]:
    """Every unit that a study file may use, with its UCUM code (units.csv).

    >>> units()["mmHg"]
    'mm[Hg]'
    """
    text = files("equipoise.study").joinpath("units.csv").read_text("utf-8")
    return {row["unit"]: row["ucum"] for row in csv.DictReader(text.splitlines())}


def unit_disagreements(study: Study) -> Disagreements:
    """Units that are not in the list."""
    for path, unit in _units(study):
        if unit is not None and unit not in units():
            yield Disagreement(path, f"must be a unit of units.csv: {one_of(units())}", unit)


def _units(study: Study) -> Iterator[tuple[FieldPath, str | None]]:
    for number, assay in enumerate(study.biomarker.marker.assays):
        path: FieldPath = ("biomarker", "marker", "assays", number)
        yield (*path, "unit"), assay.unit
        for position, measurement in enumerate(assay.measurements):
            yield (*path, "measurements", position, "unit"), measurement.unit
    for path, item in items(study):
        yield (*path, "unit"), item.unit


def items(study: Study) -> Iterator[tuple[FieldPath, Item]]:
    """Every item of every form with its path."""
    for number, form in enumerate(study.visits.forms):
        for position, item in enumerate(form.items):
            yield ("visits", "forms", number, "items", position), item


def form_disagreements(study: Study) -> Disagreements:
    """Forms, items and their limits."""
    forms: FieldPath = ("visits", "forms")
    yield from repeated(forms, [form.code for form in study.visits.forms], "code", "forms")
    yield from _unique_items(study)
    for path, item in items(study):
        yield from _item(item, path)
    yield from _unique_checks(study.visits.forms, forms)
    for number, form in enumerate(study.visits.forms):
        if not form.items:
            yield Disagreement((*forms, number, "items"), "must list at least one item", "none")


def _unique_items(study: Study) -> Disagreements:
    seen: dict[str, str] = {}
    for path, item in items(study):
        name, form = item.code.lower(), study.visits.forms[int(path[2])].code
        if name in BUILT_IN or name.startswith(PREFIXES):
            allowed = "must not be the name of a built-in item, nor begin with consent_"
            yield Disagreement((*path, "code"), allowed, item.code)
        if name in seen:
            allowed = f"must be unique over all forms, and form {seen[name]} has it already"
            yield Disagreement((*path, "code"), allowed, item.code)
        seen.setdefault(name, form)


def _unique_checks(forms: Sequence[Form], path: FieldPath) -> Disagreements:
    seen: set[str] = set()
    for number, form in enumerate(forms):
        for position, check in enumerate(form.checks):
            if check.id in seen:
                at = (*path, number, "checks", position, "id")
                yield Disagreement(at, "must be unique over all forms", check.id)
            seen.add(check.id)


def _item(item: Item, path: FieldPath) -> Disagreements:
    coded = item.type == "code"
    if coded != bool(item.codes):
        allowed = "must list answers" if coded else "must be empty: only a code has answers"
        yield Disagreement((*path, "codes"), allowed, f"{len(item.codes)} answers")
    yield from repeated((*path, "codes"), [code.code for code in item.codes], "code", "answers")
    number = item.type in ("decimal", "integer")
    if item.places and item.type != "decimal":
        yield Disagreement((*path, "places"), "must be 0: only a decimal has places", item.places)
    if item.unit is not None and not number:
        yield Disagreement((*path, "unit"), "must be left out: only a number has one", item.unit)
    limits = ("minimum", "expected_minimum", "expected_maximum", "maximum")
    given = [(name, value) for name in limits if (value := getattr(item, name)) is not None]
    for name, value in given:
        if not number:
            yield Disagreement((*path, name), "must be left out: only a number has one", value)
        elif value != round(value, item.places):
            yield Disagreement((*path, name), f"must have at most {item.places} places", value)
    for (low, least), (high, most) in itertools.pairwise(given):
        if least > most:
            yield Disagreement((*path, high), f"must be at least the {low}, {least}", most)


def visit_disagreements(study: Study) -> Disagreements:
    """Visits, consents, readers and response windows."""
    visits, consents = study.visits.visits, study.visits.consents
    forms = [form.code for form in study.visits.forms]
    yield from repeated(("visits", "visits"), [v.code for v in visits], "code", "visits")
    yield from repeated(("visits", "consents"), [c.code for c in consents], "code", "consents")
    for number, visit in enumerate(visits):
        for position, form in enumerate(visit.forms):
            at: FieldPath = ("visits", "visits", number, "forms", position)
            yield from unknown(at, form, forms, "a form")
    asked = {form for visit in visits for form in visit.forms}
    for number, code in enumerate(forms):
        if code not in asked:
            path: FieldPath = ("visits", "forms", number, "code")
            yield Disagreement(path, "must be a form of some visit", code)
    care = study.visits.standard_of_care
    planned = [visit.code for visit in visits]
    for field, named, known in (
        ("forms", care.forms, forms),
        ("visits", care.visits, planned),
    ):
        for number, code in enumerate(named):
            at = ("visits", "standard_of_care", field, number)
            yield from unknown(at, code, known, f"a {field.removesuffix('s')}")
    evaluators = [evaluator.code for evaluator in study.response.evaluators]
    yield from repeated(("response", "evaluators"), evaluators, "code", "evaluators")
    primary = study.response.primary_evaluator
    yield from unknown(("response", "primary_evaluator"), primary, evaluators, "an evaluator")
    windows = study.response.windows
    yield from repeated(("response", "windows"), [w.code for w in windows], "code", "windows")
    for number, window in enumerate(windows):
        path = ("response", "windows", number)
        if not 0 <= window.first_day <= window.target_day <= window.last_day:
            days = f"{window.first_day}, {window.target_day}, {window.last_day}"
            allowed = "must have 0 <= first_day <= target_day <= last_day"
            yield Disagreement(path, allowed, days)
        elif not _imaged(study, window.first_day, window.last_day):
            allowed = "must hold a planned visit with imaging, counted from randomisation"
            days = f"days {window.first_day} to {window.last_day}"
            yield Disagreement(path, allowed, days)


def _imaged(study: Study, first: int, last: int) -> bool:
    for visit in study.visits.visits:
        if visit.imaging and visit.anchor == "randomisation":
            step = visit.repeat_every
            if step is None or visit.day >= first:
                day = visit.day
            else:
                day = visit.day - (visit.day - first) // step * step
            if first <= day <= last:
                return True
    return False


def criterion_disagreements(study: Study) -> Disagreements:
    """Criteria, and the registered lines that they judge."""
    criteria = {criterion.id: criterion for criterion in study.eligibility.criteria}
    ids = [criterion.id for criterion in study.eligibility.criteria]
    yield from repeated(("eligibility", "criteria"), ids, "id", "criteria")
    registered = study.registration.criteria
    for number, line in enumerate(registered):
        for position, code in enumerate(line.criteria):
            at: FieldPath = ("registration", "criteria", number, "criteria", position)
            yield from unknown(at, code, criteria, "a criterion")
            if code in criteria and criteria[code].kind != line.kind:
                yield Disagreement(at, f"must be a criterion of the kind {line.kind}", code)
    judged = {code for line in registered for code in line.criteria}
    for number, criterion in enumerate(study.eligibility.criteria):
        if registered and criterion.id not in judged:
            at = ("eligibility", "criteria", number, "id")
            yield Disagreement(at, "must be named by a line of registration.criteria", criterion.id)
