"""What must agree within the part on safety, and between it and other parts of a study file."""

from __future__ import annotations

from equipoise.errors import BadInput
from equipoise.safety.ctcae import ctcae_term
from equipoise.study.definition import Study
from equipoise.study.disagreement import Disagreement, Disagreements, repeated, unknown


def safety_disagreements(study: Study) -> Disagreements:
    """Everything on which the part on safety does not agree with the rest."""
    yield from _range_items(study)
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
