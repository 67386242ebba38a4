"""Whether every expression of a study file is a condition over items and codes that there are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import Any

import polars as pl

from equipoise.errors import BadInput
from equipoise.record.condition import COMPARISONS, Constant, Item, Operation, Tree, parsed
from equipoise.record.expression import Expression
from equipoise.study.analysis_plan import POPULATION_ITEMS
from equipoise.study.definition import Study
from equipoise.study.disagreement import Disagreement, Disagreements, one_of, unknown
from equipoise.study.form_checks import items
from equipoise.study.source import FieldPath
from equipoise.visits.subject_item import SUBJECT_ITEM, item_type

Codes = Mapping[str, Collection[str]]
"""Coded items with the answers that there are."""


def subject_item_types(study: Study) -> dict[str, Any]:
    """Names and types of what criteria and checks may read: the columns of `subject_item`."""
    types: dict[str, Any] = {
        name: kind for name, kind in SUBJECT_ITEM.items() if kind in (pl.Date, pl.Boolean)
    }
    for consent in study.visits.consents:
        types[f"consent_{consent.code}"] = pl.Boolean
        types[f"consent_{consent.code}_date"] = pl.Date
    return types | {item.code: item_type(item) for _, item in items(study)}


def name_disagreements(study: Study) -> Disagreements:
    """Codes of items and consents that an expression could not read."""
    named: list[tuple[FieldPath, str, str]] = [
        ((*path, "code"), item.code, item.code) for path, item in items(study)
    ]
    for number, consent in enumerate(study.visits.consents):
        at: FieldPath = ("visits", "consents", number, "code")
        named.append((at, consent.code, f"consent_{consent.code}"))
    for path, code, name in named:
        if not _readable(name):
            allowed = "must be a name for expressions: letters, digits and _, and no word of SQL"
            yield Disagreement(path, allowed, code)


def _readable(name: str) -> bool:
    try:
        return Expression(f"{name} IS NULL").items == (name,)
    except BadInput:
        return False


def expression_disagreements(study: Study) -> Disagreements:
    """Expressions that are no condition, or read what there is not."""
    readable = pl.DataFrame(schema=subject_item_types(study))
    codes = {item.code: [c.code for c in item.codes] for _, item in items(study) if item.codes}
    for number, criterion in enumerate(study.eligibility.criteria):
        path: FieldPath = ("eligibility", "criteria", number, "expression")
        yield from _expression(criterion.expression, readable, codes, path)
    for number, form in enumerate(study.visits.forms):
        for position, check in enumerate(form.checks):
            path = ("visits", "forms", number, "checks", position, "expression")
            yield from _expression(check.expression, readable, codes, path)
    arms = [arm.code for arm in study.randomisation.arms]
    statuses = [status.code for status in study.biomarker.marker.statuses]
    coded = {"arm": arms, "status_as_randomised": statuses, "status_as_redetermined": statuses}
    flags = pl.DataFrame(
        schema={**dict.fromkeys(POPULATION_ITEMS, pl.Boolean), **dict.fromkeys(coded, pl.String)}
    )
    for number, population in enumerate(study.analysis.populations):
        path = ("analysis", "populations", number, "expression")
        yield from _expression(population.expression, flags, coded, path)


def window_disagreements(study: Study) -> Disagreements:
    """Windows of items that no criterion reads."""
    read: set[str] = set()
    for criterion in study.eligibility.criteria:
        with suppress(BadInput):
            read.update(Expression(criterion.expression).items)
    for path, item in items(study):
        if item.entry_window is not None and item.code not in read:
            allowed = "must be left out: no criterion of eligibility reads the item"
            yield Disagreement((*path, "entry_window"), allowed, item.entry_window)
        if item.entry_window_of and item.entry_window is None:
            allowed = "must be left out without an entry_window"
            yield Disagreement((*path, "entry_window_of"), allowed, item.entry_window_of[0])
        codes = [each.code for each in item.codes]
        for place, code in enumerate(item.entry_window_of):
            yield from unknown((*path, "entry_window_of", place), code, codes, "a code of the item")


def provisional_disagreements(study: Study) -> Disagreements:
    """Criteria judged provisionally that read what is asked again and again.

    Such a criterion is asked at randomisation and on the first day of treatment, and one answer has
    to serve both: of a form that repeats, or of a laboratory, the second time has another.
    """
    again = {
        item.code
        for form in study.visits.forms
        for item in form.items
        if form.repeating or item.analyte is not None
    }
    for number, criterion in enumerate(study.eligibility.criteria):
        if not criterion.provisional:
            continue
        with suppress(BadInput):
            read = [name for name in Expression(criterion.expression).items if name in again]
            if read:
                path: FieldPath = ("eligibility", "criteria", number, "expression")
                allowed = (
                    "must not read what a repeating form or a laboratory answers, as it is judged "
                    "provisionally: ask for it on a form that is filled once"
                )
                yield Disagreement(path, allowed, ", ".join(read))


def _expression(text: str, readable: pl.DataFrame, codes: Codes, path: FieldPath) -> Disagreements:
    try:
        expression = Expression(text)
    except BadInput as error:
        yield Disagreement(path, _as_rule(error.allowed), text)
        return
    strange = [name for name in expression.items if name not in readable.columns]
    if strange:
        allowed = f"must read items that there are: {one_of(sorted(readable.columns))}"
        yield Disagreement(path, allowed, ", ".join(strange))
        return
    if not expression.items:
        yield Disagreement(path, "must read at least one item", text)
        return
    try:
        expression.evaluate(readable)
    except BadInput as error:
        yield Disagreement(path, _as_rule(error.allowed), text)
        return
    for name, code in compared_codes(parsed(text)):
        if name in codes and code not in codes[name]:
            allowed = f"must compare {name} with an answer to it: {one_of(codes[name])}"
            yield Disagreement(path, allowed, code)


def compared_codes(tree: Tree) -> Iterator[tuple[str, str]]:
    """Pairs of an item and a text that the condition compares it with.

    >>> list(compared_codes(parsed("grade IN ('G1', 'G2') AND NOT 'WELL' = differentiation")))
    [('grade', 'G1'), ('grade', 'G2'), ('differentiation', 'WELL')]
    """
    if not isinstance(tree, Operation):
        return
    if tree.sign in COMPARISONS:
        for one, other in (tree.operands, tree.operands[::-1]):
            text = other.value if isinstance(other, Constant) else None
            if isinstance(one, Item) and isinstance(text, str):
                yield one.name, text
    for operand in tree.operands:
        yield from compared_codes(operand)


def _as_rule(allowed: str) -> str:
    return allowed if allowed.startswith("must") else f"must be a condition: {allowed}"
