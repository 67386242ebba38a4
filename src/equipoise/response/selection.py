"""Which lesions may be targets: what they are, how many, how many in one organ."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import polars as pl

from equipoise.record.columns import among, named, true
from equipoise.record.rule import KEY, SOURCES, Columns, Tables, no_rows
from equipoise.record.short_column import beside
from equipoise.record.sources import array_sources
from equipoise.record.subject_rows import Flags, Numbers, SubjectRows, coded
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
        return no_rows(LESION_CHOICE)
    subjects = SubjectRows(lesions)
    evaluators, evaluator = coded(lesions["evaluator"])
    reader = subjects.rows(lesions) * len(evaluators) + evaluator
    order = np.lexsort((lesions["event"].to_numpy(), reader))
    if not (order == np.arange(len(order))).all():
        lesions, reader = lesions[order], reader[order]
    standard = criteria(plan)
    organs, organ = coded(organ_group(standard, lesions["organ"], lesions["node"]))
    target = among(lesions["role"], ["target"])
    numbers = _so_far(target, reader), _so_far(target, reader * (len(organs) + 1) + organ)
    kinds, limits = standard.lesion_kinds, standard.limits
    treated = true(lesions["treated_before"]) & ~true(lesions["progressed_since"])
    faults = (
        among(lesions["kind"], kinds.not_malignant),
        target & among(lesions["kind"], kinds.not_measurable),
        target & treated,
        numbers[0] > limits.target_lesions.value,
        numbers[1] > limits.target_lesions_per_organ.value,
    )
    fault = np.select(faults, [np.full(len(lesions), place) for place in range(len(FAULTS))], -1)
    columns = {
        **{name: lesions[name] for name in LESION_CHOICE if name in lesions.columns},
        "organ": named("organ", organs.to_list(), organ),
        "target_number": pl.Series("target_number", numbers[0]),
        "organ_number": pl.Series("organ_number", numbers[1]),
        "fault": named("fault", [*FAULTS], fault),
        "sources": array_sources([lesions["seq"].to_numpy()]),
    }
    return beside([columns[name] for name in LESION_CHOICE])


def _so_far(target: Flags, groups: Numbers) -> Numbers:
    """The how many-th target of its group each is, in order of rows; 0 for no target."""
    order = np.argsort(groups, kind="stable")
    counted = np.cumsum(target[order], dtype=np.int64)
    first = np.searchsorted(groups[order], groups[order], side="left")
    number = np.empty(len(order), dtype=np.int64)
    number[order] = counted - (counted - target[order])[first]
    return np.where(target, number, 0)


def organ_group(standard: Criteria, organs: pl.Series, nodes: pl.Series) -> pl.Series:
    """The organ that counts of each lesion.

    >>> from equipoise.response.criteria import standard
    >>> organs = pl.Series(["Left  kidney", "kidney, right", "Axilla"])
    >>> nodes = pl.Series([False, False, True])
    >>> organ_group(standard("recist_1_1"), organs, nodes).to_list()
    ['kidney', 'kidney', 'lymph nodes']
    """
    distinct, places = coded(organs)
    names = _without_side(standard.organ_words.sides, (*distinct.to_list(),))
    return named("organ", [*names, LYMPH_NODES], np.where(true(nodes), len(names), places))


@lru_cache(maxsize=1024)
def _without_side(sides: tuple[str, ...], organs: tuple[str, ...]) -> tuple[str, ...]:
    """The names of organs in lower case, without the words for sides."""
    name = (
        pl.Series(organs, dtype=pl.String)
        .str.to_lowercase()
        .str.replace_all(rf"\b({'|'.join(sides)})\b|,", " ")
        .str.replace_all(r"\s+", " ")
        .str.strip_chars()
    )
    return (*name.to_list(),)
