"""What must agree among dosing rules, regimens, forms and the terms of adverse events."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from equipoise.safety.ctcae import ctcae_terms
from equipoise.study.definition import Study
from equipoise.study.disagreement import Disagreement, Disagreements, repeated, unknown
from equipoise.study.source import FieldPath
from equipoise.treatment.plan import ModificationRule, RuleSet
from equipoise.visits.plan import Item

RENAL_UNITS = {"creatinine": "µmol/L", "weight": "kg", "age": "years"}
MODIFICATIONS: FieldPath = ("treatment", "modifications")


def dosing_disagreements(study: Study) -> Disagreements:
    """Renal function, the sets of modification rules, and which of them are in force."""
    items = {item.code: item for form in study.visits.forms for item in form.items}
    yield from _renal(study, items)
    plan = study.treatment.modifications
    sets = plan.rule_sets
    path = (*MODIFICATIONS, "rule_sets")
    yield from repeated(path, [each.code for each in sets], "code", "rule sets")
    yield from repeated((*MODIFICATIONS, "in_force"), plan.in_force, None, "in_force")
    known = [each.code for each in sets]
    for number, code in enumerate(plan.in_force):
        yield from unknown((*MODIFICATIONS, "in_force", number), code, known, "a rule set")
    for position, rule_set in enumerate(sets):
        yield from _rule_set(study, items, rule_set, (*path, position))
    yield from _two_labels(study)


def _renal(study: Study, items: dict[str, Item]) -> Disagreements:
    plan, path = study.treatment.renal_function, ("treatment", "renal_function")
    if plan is None:
        return
    for name, unit in RENAL_UNITS.items():
        code = getattr(plan, name)
        yield from unknown((*path, name), code, items, "an item")
        item = items.get(code)
        if item is not None and (item.type not in ("decimal", "integer") or item.unit != unit):
            yield Disagreement((*path, name), f"must be a number in {unit}", f"{code}: {item.unit}")
    yield from unknown((*path, "sex"), plan.sex, items, "an item")
    if plan.sex in items:
        codes = [each.code for each in items[plan.sex].codes]
        for name in ("male", "female"):
            yield from unknown((*path, name), getattr(plan, name), codes, f"a code of {plan.sex}")


def _rule_set(
    study: Study, items: dict[str, Item], rule_set: RuleSet, path: FieldPath
) -> Disagreements:
    regimens = study.treatment.regimens
    drugs = {dose.drug for regimen in regimens for dose in regimen.doses}
    codes = [regimen.code for regimen in regimens]
    for number, drug in enumerate(rule_set.drugs):
        yield from unknown((*path, "drugs", number), drug, sorted(drugs), "a drug")
    for number, regimen in enumerate(rule_set.regimens):
        yield from unknown((*path, "regimens", number), regimen, codes, "a regimen")
    for field in ("drugs", "rules"):
        if not getattr(rule_set, field):
            yield Disagreement((*path, field), "must not be empty", "nothing")
    rules = [each.code for each in rule_set.rules]
    yield from repeated((*path, "rules"), rules, "code", "this set")
    for number, rule in enumerate(rule_set.rules):
        at: FieldPath = (*path, "rules", number)
        if rule.clearance and study.treatment.renal_function is None:
            yield Disagreement((*at, "clearance"), "needs renal_function to be computed", "nothing")
        yield from _rule(items, rule, at)
        classes = [each.code for each in study.visits.medication_classes]
        for place, name in enumerate(rule.medication.classes if rule.medication else ()):
            yield from unknown((*at, "medication", "classes", place), name, classes, "a class")


def _rule(items: dict[str, Item], rule: ModificationRule, path: FieldPath) -> Disagreements:
    for field in ("values", "nadirs"):
        for number, limits in enumerate(getattr(rule, field)):
            at = (*path, field, number, "item")
            yield from unknown(at, limits.item, items, "an item")
            if limits.item in items and items[limits.item].type not in ("decimal", "integer"):
                yield Disagreement(at, "must be a number", items[limits.item].type)
    if rule.toxicity is None:
        return
    terms = ctcae_terms()
    for field in ("terms", "except_terms"):
        for number, term in enumerate(getattr(rule.toxicity, field)):
            if term not in terms:
                at = (*path, "toxicity", field, number)
                yield Disagreement(at, "must be a term of the grading standard", term)
    grades = rule.toxicity.grades
    if not grades or not set(grades) <= set(range(1, 6)):
        found = ", ".join(map(str, grades)) or "none"
        yield Disagreement((*path, "toxicity", "grades"), "must be grades from 1 to 5", found)


def _two_labels(study: Study) -> Iterator[Disagreement]:
    """No drug has rules on creatinine clearance of two labels in force at once."""
    plan = study.treatment.modifications
    renal = [each for each in plan.sets_in_force if any(rule.clearance for rule in each.rules)]
    for one, other in itertools.combinations(renal, 2):
        shared = set(one.drugs) & set(other.drugs)
        apart = one.regimens and other.regimens and not set(one.regimens) & set(other.regimens)
        if shared and not apart:
            yield Disagreement(
                (*MODIFICATIONS, "in_force"),
                "must name one label on creatinine clearance for each drug",
                f"{one.code} and {other.code} for {', '.join(sorted(shared))}",
            )
