"""Which regimens are open to a patient, and what closes the others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from equipoise.record.columns import flags, named
from equipoise.record.declaration import COMMON
from equipoise.record.rule import KEY, SOURCES, Columns, Tables, no_rows
from equipoise.record.sources import array_sources
from equipoise.record.subject_rows import Numbers, SubjectRows
from equipoise.treatment.answers import Answers, missing_text, standing_measures
from equipoise.treatment.decision import (
    DECISIONS,
    Pair,
    closing,
    decisions,
    inputs,
    standing_rules,
)
from equipoise.treatment.plan import TreatmentPlan

REGIMEN_OPTION: Columns = {
    **KEY,
    "regimen": pl.String,
    "open": pl.Boolean,
    "drug": pl.String,
    "decision": pl.String,
    "rule": pl.String,
    "missing": pl.String,
    "doubtful": pl.Boolean,
    **SOURCES,
}
RANDOMISED: Columns = {**KEY, "seq": COMMON["seq"]}


def regimen_option(tables: Tables, plan: TreatmentPlan) -> pl.DataFrame:
    """Whether each regimen of the study is open to each randomised subject, by what is known now.

    Sorted by replicate, subject and place of the regimen in the study file. A regimen is closed by
    its first drug (in order of name) that the standing rules omit or stop, or on which they cannot
    decide because something is `missing`; `decision` and `rule` are those of that drug, null for
    an open regimen. `doubtful`: a finding behind any drug's decision is possibly false.
    """
    randomised = tables["randomised"]
    if randomised.is_empty():
        return no_rows(REGIMEN_OPTION)
    subjects = SubjectRows(randomised)
    number = len(plan.regimens)
    rows = np.repeat(np.arange(len(subjects)), number)
    regimen = np.tile(np.arange(number), len(subjects))
    answers = Answers(subjects, tables["dosing_answer"])
    rules = standing_rules(plan)
    asked = standing_measures(answers, plan, rows, regimen)
    drug = np.full(len(rows), -1, dtype=np.int64)
    decision, rule = drug.copy(), drug.copy()
    missing = np.zeros(len(rows), dtype=np.int64)
    doubtful = np.zeros(len(rows), dtype=np.bool_)
    found = decisions(asked.measures, plan, rules)
    for place, each in enumerate(found):
        doubtful[each.row] |= each.doubtful
        first = closing(each.decision) & (drug[each.row] < 0)
        row = each.row[first]
        drug[row], decision[row] = place, each.decision[first]
        rule[row], missing[row] = each.rule[first], each.missing[first]
    return subjects.key[rows].hstack(
        [
            named("regimen", [each.code for each in plan.regimens], regimen),
            flags("open", drug < 0),
            named("drug", [each.drug for each in found], drug),
            named("decision", DECISIONS, decision),
            named("rule", rule_names(rules), rule),
            missing_column(plan, rules, missing),
            flags("doubtful", doubtful),
            array_sources(asked.seqs or [np.full(len(rows), -1, dtype=np.int64)]),
        ]
    )


def rule_names(rules: Sequence[Pair]) -> list[str]:
    """How tables name rules: code of the set, code of the rule."""
    return [f"{rule_set.code}/{rule.code}" for rule_set, rule in rules]


def missing_column(plan: TreatmentPlan, rules: list[Pair], bits: Numbers) -> pl.Series:
    """What is missing in each row, in words, null where nothing is."""
    if not bits.any():
        return pl.Series("missing", [None], dtype=pl.String).new_from_index(0, len(bits))
    names = inputs(rules)
    distinct, place = np.unique(bits, return_inverse=True)
    texts = [missing_text(plan, names, int(each)) for each in distinct]
    return named("missing", texts, place)
