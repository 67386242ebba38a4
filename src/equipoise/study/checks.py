"""What must agree among the parts of a study file, told with the place of each disagreement."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import BaseModel

from equipoise.record.plan import Plan
from equipoise.study.allocation_checks import allocation_disagreements
from equipoise.study.analysis_checks import analysis_disagreements
from equipoise.study.definition import Study
from equipoise.study.disagreement import Disagreement, Disagreements, one_of, repeated, unknown
from equipoise.study.dosing_checks import dosing_disagreements
from equipoise.study.expression_checks import (
    expression_disagreements,
    name_disagreements,
    provisional_disagreements,
    window_disagreements,
)
from equipoise.study.form_checks import (
    criterion_disagreements,
    form_disagreements,
    unit_disagreements,
    visit_disagreements,
)
from equipoise.study.marker_checks import marker_disagreements, treatment_disagreements
from equipoise.study.pathology_checks import pathology_disagreements
from equipoise.study.questionnaire_checks import questionnaire_disagreements
from equipoise.study.safety_checks import safety_disagreements
from equipoise.study.source import FieldPath
from equipoise.study.therapy_checks import therapy_disagreements

CHECKS = (
    marker_disagreements,
    pathology_disagreements,
    allocation_disagreements,
    treatment_disagreements,
    dosing_disagreements,
    form_disagreements,
    unit_disagreements,
    visit_disagreements,
    questionnaire_disagreements,
    therapy_disagreements,
    safety_disagreements,
    criterion_disagreements,
    name_disagreements,
    expression_disagreements,
    provisional_disagreements,
    window_disagreements,
    analysis_disagreements,
)


def disagreements(study: Study) -> list[Disagreement]:
    """Everything on which the parts of `study` do not agree; empty for a sound study."""
    found = [*_sites(study), *_registration(study), *_sources(study)]
    for check in CHECKS:
        found.extend(check(study))
    return found


def _sites(study: Study) -> Disagreements:
    if not study.sites:
        yield Disagreement(("sites",), "must list at least one site", "none")
    yield from repeated(("sites",), [site.code for site in study.sites], "code", "sites.csv")
    countries = study.registration.countries
    for number, site in enumerate(study.sites):
        for field in ("name", "city"):
            if not getattr(site, field).strip():
                yield Disagreement(("sites", number, field), "must not be empty", "")
        at = ("sites", number, "country")
        yield from unknown(at, site.country, countries, "a country")


def _registration(study: Study) -> Disagreements:
    registration, path = study.registration, ("registration",)
    arms = [arm.code for arm in study.randomisation.arms]
    statuses = [status.code for status in study.biomarker.marker.statuses]
    names = [intervention.name for intervention in registration.interventions]
    yield from repeated((*path, "interventions"), names, "name", "interventions")
    for number, intervention in enumerate(registration.interventions):
        yield from unknown(
            (*path, "interventions", number, "arm"), intervention.arm, arms, "an arm"
        )
    groups = registration.groups
    yield from repeated((*path, "groups"), [group.label for group in groups], "label", "groups")
    cells = [f"{group.status} and {group.arm}" for group in groups]
    yield from repeated((*path, "groups"), cells, None, "groups (status and arm)")
    for number, group in enumerate(groups):
        at = (*path, "groups", number)
        yield from unknown((*at, "status"), group.status, statuses, "a status")
        yield from unknown((*at, "arm"), group.arm, arms, "an arm")
        for position, name in enumerate(group.interventions):
            yield from unknown((*at, "interventions", position), name, names, "an intervention")
    dates = registration.dates
    if dates.start and dates.completion and dates.completion < dates.start:
        allowed = f"must not precede the start, {dates.start}"
        yield Disagreement((*path, "dates", "completion"), allowed, dates.completion)
    ages = registration.ages
    if ages.minimum is not None and ages.maximum is not None and ages.maximum < ages.minimum:
        allowed = f"must be at least the minimum, {ages.minimum}"
        yield Disagreement((*path, "ages", "maximum"), allowed, ages.maximum)


def _sources(study: Study) -> Disagreements:
    codes = [document.code for document in study.documents]
    yield from repeated(("documents",), codes, "code", "documents")
    for path, plan in _plans(study, ()):
        if plan.source is not None:
            first = re.split(r"[\s,;:]", plan.source, maxsplit=1)[0]
            if first not in codes:
                allowed = f"must begin with the code of a document: {one_of(codes)}"
                yield Disagreement((*path, "source"), allowed, plan.source)
        for field in ("source", "assumption"):
            if (text := getattr(plan, field)) is not None and not text.strip():
                yield Disagreement((*path, field), "must say something, or be left out", text)


def _plans(value: object, path: FieldPath) -> Iterator[tuple[FieldPath, Plan]]:
    if isinstance(value, Plan):
        yield path, value
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _plans(getattr(value, name), (*path, name))
    elif isinstance(value, tuple):
        for number, item in enumerate(value):
            yield from _plans(item, (*path, number))
