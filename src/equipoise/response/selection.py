"""Which lesions may be targets: what they are, how many, how many in one organ."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from equipoise.record.rule import KEY, SOURCES, Columns, Tables
from equipoise.record.sources import row_sources
from equipoise.response.assessments import READER
from equipoise.response.criteria import Criteria, criteria
from equipoise.response.plan import ResponsePlan

LESION_CHOICE: Columns = {
    **KEY,
    "evaluator": pl.String,
    "lesion": pl.String,
    "role": pl.String,
    "node": pl.Boolean,
    "organ": pl.String,
    "kind": pl.String,
    "treated_before": pl.Boolean,
    "progressed_since": pl.Boolean,
    "event": pl.Int64,
    "target_number": pl.Int64,
    "organ_number": pl.Int64,
    "fault": pl.String,
    **SOURCES,
}

LYMPH_NODES = "lymph nodes"
"""All lymph nodes together: one organ."""

FAULTS: Mapping[str, tuple[int, str]] = {
    "not_malignant": (3, "3.1"),
    "kind_not_measurable": (3, "3.1"),
    "treated_not_progressed": (3, "3.1"),
    "too_many_targets": (1, "4.2"),
    "too_many_in_organ": (1, "4.2"),
}
"""Every fault of a choice: the point of the checklist, and the section of the article."""


def lesion_choice(tables: Tables, plan: ResponsePlan) -> pl.DataFrame:
    """Every lesion as its evaluator chose it, and what speaks against the choice.

    `organ`: in lower case without the side, so that a paired organ is one; `lymph nodes` for every
    node. `target_number`, `organ_number`: the how many-th target of its evaluator, and in that
    organ, it is (0: no target). `fault`, the first that holds, else null: `not_malignant` (a simple
    cyst, in any role); and of a target `kind_not_measurable`; `treated_not_progressed` (irradiated
    or treated locally before, and not known to have grown since); `too_many_targets`;
    `too_many_in_organ`.

    Source: RECIST 1.1, sections 3.1 and 4.2 (recist_1_1.yaml). Sorted by replicate, subject,
    evaluator, event. `sources`: the identification.
    """
    lesions = tables["lesion_identified"]
    if lesions.is_empty():
        return pl.DataFrame(schema=LESION_CHOICE)
    names = [name for name in LESION_CHOICE if name in lesions.columns]
    found = _choice_faults(lesions.select(*names, "seq"), plan)
    return found.with_columns(row_sources(found["seq"])).select(list(LESION_CHOICE))


def _choice_faults(lesions: pl.DataFrame, plan: ResponsePlan) -> pl.DataFrame:
    """`lesions` in order of event, with `organ`, the two numbers and `fault` of `lesion_choice`."""
    found = criteria(plan)
    limits, kinds = found.limits, found.lesion_kinds
    target, kind = pl.col("role") == "target", pl.col("kind")
    fault = (
        pl.when(kind.is_in(kinds.not_malignant))
        .then(pl.lit("not_malignant"))
        .when(target & kind.is_in(kinds.not_measurable))
        .then(pl.lit("kind_not_measurable"))
        .when(target & pl.col("treated_before") & ~pl.col("progressed_since").fill_null(False))
        .then(pl.lit("treated_not_progressed"))
        .when(pl.col("target_number") > limits.target_lesions.value)
        .then(pl.lit("too_many_targets"))
        .when(pl.col("organ_number") > limits.target_lesions_per_organ.value)
        .then(pl.lit("too_many_in_organ"))
    )
    begins = pl.any_horizontal(pl.col(name) != pl.col(name).shift() for name in READER)
    so_far = target.cast(pl.Int64).cum_sum()
    before = pl.when(begins.fill_null(True)).then(so_far - target).forward_fill()
    in_organ = so_far.over(begins.fill_null(True).cum_sum(), "organ")
    return (
        lesions.sort(*READER, "event")
        .with_columns(organ=organ_group(found))
        .with_columns(
            target_number=pl.when(target).then(so_far - before).otherwise(0),
            organ_number=pl.when(target).then(in_organ).otherwise(0),
        )
        .with_columns(fault=fault)
    )


def organ_group(found: Criteria) -> pl.Expr:
    """The organ that counts, of the columns `organ` and `node`.

    >>> from equipoise.response.criteria import standard
    >>> frame = pl.DataFrame({"organ": ["Left  kidney", "kidney, right", "Axilla"],
    ...                       "node": [False, False, True]})
    >>> frame.select(organ_group(standard("recist_1_1"))).to_series().to_list()
    ['kidney', 'kidney', 'lymph nodes']
    """
    sides = "|".join(found.organ_words.sides)
    name = (
        pl.col("organ")
        .str.to_lowercase()
        .str.replace_all(rf"\b({sides})\b|,", " ")
        .str.replace_all(r"\s+", " ")
        .str.strip_chars()
    )
    return pl.when("node").then(pl.lit(LYMPH_NODES)).otherwise(name)
