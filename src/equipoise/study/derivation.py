"""The only order of rules: from event tables to every derived table.

`conduct`, the simulator and the analysis call `derive`, the first two up to the table they need.
Stages meet here and only in tables: what a rule requires is an event table or the product of a
rule that stands before it.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

import polars as pl

from equipoise.biomarker import rules as biomarker
from equipoise.eligibility import rules as eligibility
from equipoise.oversight import rules as oversight
from equipoise.randomisation import rules as randomisation
from equipoise.record.rule import TableRule, Tables
from equipoise.response import rules as response
from equipoise.safety import rules as safety
from equipoise.study.definition import Study
from equipoise.treatment import rules as treatment
from equipoise.visits import rules as visits

ORDER: tuple[TableRule, ...] = (
    *safety.FIRST_RULES,
    *visits.RULES,
    *eligibility.RULES,
    *biomarker.RULES,
    *randomisation.RULES,
    *treatment.RULES,
    *response.RULES,
    *safety.RULES,
    *visits.LAST_RULES,
    *oversight.RULES,
)


def derive(tables: Tables, study: Study, *, upto: str | None = None) -> dict[str, pl.DataFrame]:
    """`tables` and the derived tables of `study`, all of them or what `upto` needs.

    The argument is not changed. A derived table that is among `tables` is taken as it is, so that
    a caller who asks for one table after another derives each once. Raises KeyError when `upto` is
    no derived table.

    >>> [rule.produces for rule in needed("eligibility")]
    ['laboratory_answer', 'item', 'subject_item', 'criterion_verdict', 'eligibility']
    """
    done = dict(tables)
    for rule in ORDER if upto is None else needed(upto):
        if rule.produces not in done:
            done[rule.produces] = rule.rule(done, getattr(study, rule.plan))
    return done


def spent(
    tables: dict[str, pl.DataFrame], study: Study, wanted: Collection[str]
) -> dict[str, pl.DataFrame]:
    """The tables `wanted`, by the rules that lead to them; all others are let go on the way.

    What `derive` gives under these names, for a caller who has no use for the rest: no rule runs
    of which nothing wanted depends, and a table goes after the last rule that reads it, so that
    many trials fit into memory. `tables`, at least those of `read_for`, is left empty.
    """
    done = dict(tables)
    tables.clear()
    rules = leading_to(frozenset(wanted))
    last = {name: place for place, rule in enumerate(rules) for name in rule.requires}
    for place, rule in enumerate(rules):
        done[rule.produces] = rule.rule(done, getattr(study, rule.plan))
        for name in {name for name in rule.requires if last[name] <= place}.difference(wanted):
            del done[name]
    return {name: done[name] for name in wanted}


@cache
def needed(table: str) -> tuple[TableRule, ...]:
    """The rules that lead to the derived table `table`, in order."""
    produced = {rule.produces for rule in ORDER}
    if table not in produced:
        raise KeyError(f"no rule produces the table {table!r}; there are {sorted(produced)}")
    return leading_to(frozenset([table]))


@cache
def leading_to(tables: frozenset[str]) -> tuple[TableRule, ...]:
    """The rules without which one of `tables` could not be derived, in order; none leads to a
    table of events."""
    wanted = set(tables)
    for rule in reversed(ORDER):
        if rule.produces in wanted:
            wanted.update(rule.requires)
    return tuple(rule for rule in ORDER if rule.produces in wanted)


@cache
def read_for(tables: frozenset[str]) -> dict[str, frozenset[str] | None]:
    """The tables of events that the rules which lead to `tables` read, and which of their columns.

    None, every column, for those that are among `tables` themselves.

    >>> sorted(read_for(frozenset(["allocation"])))
    ['randomised']
    """
    rules = leading_to(tables)
    produced = {rule.produces for rule in rules}
    found: dict[str, frozenset[str] | None] = {}
    for rule in rules:
        for name, columns in rule.requires.items():
            before = found.get(name) or frozenset()
            found[name] = before | columns.keys()
    found |= dict.fromkeys(tables)
    return {name: columns for name, columns in found.items() if name not in produced}
