"""What must agree within the part on safety, and between it and other parts of a study file."""

from __future__ import annotations

from equipoise.errors import BadInput
from equipoise.safety.ctcae import ctcae_term
from equipoise.safety.laboratory import analytes, units
from equipoise.study.definition import Study
from equipoise.study.disagreement import Disagreement, Disagreements, one_of, repeated, unknown
from equipoise.study.form_checks import items


def safety_disagreements(study: Study) -> Disagreements:
    """Everything on which the part on safety does not agree with the rest."""
    yield from _range_items(study)
    yield from _answered_items(study)
    yield from _expected_reactions(study)


def _expected_reactions(study: Study) -> Disagreements:
    """Expected reactions to no drug of the study, of no term, or listed twice."""
    listing = study.safety.reference_safety_information
    reactions = listing.reactions if listing else ()
    drugs = sorted({dose.drug for each in study.treatment.regimens for dose in each.doses})
    path = ("safety", "reference_safety_information", "reactions")
    for number, reaction in enumerate(reactions):
        yield from unknown((*path, number, "drug"), reaction.drug, drugs, "a drug")
        try:
            ctcae_term(reaction.term)
        except BadInput as error:
            yield Disagreement((*path, number, "term"), error.allowed, reaction.term)
    pairs = [f"{reaction.drug} and {reaction.term}" for reaction in reactions]
    yield from repeated(path, pairs, None, "reactions (drug and term)")


def _range_items(study: Study) -> Disagreements:
    """Items that choose a reference range and are none, or not of a fitting type."""
    items = {item.code: item.type for form in study.visits.forms for item in form.items}
    plan = study.safety.laboratory
    for field, name, types in (
        ("sex_item", plan.sex_item, ("code",)),
        ("age_item", plan.age_item, ("integer", "decimal")),
    ):
        if name is None:
            continue
        path = ("safety", "laboratory", field)
        yield from unknown(path, name, items, "an item")
        if name in items and items[name] not in types:
            yield Disagreement(path, f"must be an item of type {' or '.join(types)}", name)


def _answered_items(study: Study) -> Disagreements:
    """Items that a laboratory cannot answer: of no analyte, no decimal, in a unit of something
    else, asked for all the same, or two of one analyte."""
    seen: dict[str, str] = {}
    for path, item in items(study):
        if item.analyte is None:
            continue
        at = (*path, "analyte")
        if item.analyte not in analytes():
            allowed = f"must be an analyte of laboratory_analytes.csv: {', '.join(analytes())}"
            yield Disagreement(at, allowed, item.analyte)
            continue
        known = [unit for analyte, unit in units() if analyte == item.analyte]
        if item.unit not in known:
            allowed = f"must be a unit of the analyte {item.analyte}: {one_of(known)}"
            yield Disagreement((*path, "unit"), allowed, item.unit or "nothing")
        if item.type != "decimal":
            allowed = "must be decimal: a laboratory value may have places"
            yield Disagreement((*path, "type"), allowed, item.type)
        if item.required:
            allowed = "must be false: where a laboratory report has the answer, the form stays open"
            yield Disagreement((*path, "required"), allowed, "true")
        if item.analyte in seen:
            allowed = f"must answer one item, and answers {seen[item.analyte]} already"
            yield Disagreement(at, allowed, item.analyte)
        seen.setdefault(item.analyte, item.code)
