"""What a reading shows that the standard does not allow or does not foresee: for a query."""

from __future__ import annotations

import polars as pl

from equipoise.record.rule import KEY, SOURCES, Columns, Tables, no_rows
from equipoise.record.sources import row_sources
from equipoise.response.assessments import READER, at_rows, in_order
from equipoise.response.criteria import Criteria, criteria
from equipoise.response.plan import ResponsePlan
from equipoise.response.selection import FAULTS

READING_FINDING: Columns = {
    **KEY,
    "evaluator": pl.String,
    "assessment": pl.String,
    "lesion": pl.String,
    "point": pl.Int64,
    "finding": pl.String,
    "section": pl.String,
    "found": pl.Int64,
    "limit": pl.Int64,
    **SOURCES,
}

FINDINGS = {
    **FAULTS,
    "not_measured_at_baseline": (1, "3.1"),
    "below_measurable": (1, "3.1"),
    "method_does_not_measure": (1, "3.1"),
    "node_normal_at_baseline": (2, "3.1"),
    "cystic_target": (3, "3.1"),
    "method_changed": (13, "3.2"),
    "baseline_too_early": (13, "3.2"),
}
"""Every finding: the point of the checklist, and the section of the article."""

_WITH_SIZE = ["measured", "split"]
_NONE = pl.lit(None, pl.Int64)
_KEPT = (
    *READER, "assessment", "lesion", "finding", "found", "limit", "identified", "seq", "base_seq",
)  # fmt: skip


def reading_finding(tables: Tables, plan: ResponsePlan) -> pl.DataFrame:
    """What is to be asked of a reader, one row for each lesion and finding.

    The faults of `lesion_choice`; and of a lesion at a baseline: `not_measured_at_baseline` (a
    target, chosen by that day, without a diameter, also where nothing at all is told of it),
    `method_does_not_measure`, `below_measurable` (a diameter below that which the method and the
    thickness of the slices ask for, a target node below its short axis), `node_normal_at_baseline`
    (a non-target node whose short axis is normal), `cystic_target` (while a lesion of a kind that
    is preferred is non-target); later `method_changed`: measured otherwise than at baseline; and
    of an evaluator's baseline, without a lesion, `baseline_too_early`: longer before the first
    cycle than the plan allows. `found` and `limit`: sizes in hundredths of a millimetre, the number
    of targets, or days. Where no thickness is recorded, slices are taken as thin. Nothing here
    changes a sum: the reader's choice stands until it is corrected.

    Source: RECIST 1.1, sections 3.1, 3.2, 4.2 (recist_1_1.yaml). Sorted by replicate, subject,
    evaluator, assessment, lesion, finding. `sources`: identification, measurement, baseline's.
    """
    choice = tables["lesion_choice"]
    if choice.is_empty():
        return no_rows(READING_FINDING)
    found = criteria(plan)
    assessments = in_order(tables["tumour_assessed"], "modality", "slice_thickness")
    lesions = choice.select(*READER, "lesion", "role", "node", "kind", identified="event")
    parts = [_of_choice(choice, found), *_of_targets(tables, found, assessments, lesions)]
    parts.append(_of_nodes(tables, found, assessments, lesions))
    parts.append(_of_baselines(tables, plan, assessments))
    rows = pl.concat(parts, how="diagonal_relaxed")
    if rows.is_empty():
        return no_rows(READING_FINDING)
    by_name = {
        name: pl.col("finding").replace_strict(
            {code: each[place] for code, each in FINDINGS.items()}, return_dtype=dtype
        )
        for place, (name, dtype) in enumerate((("point", pl.Int64), ("section", pl.String)))
    }
    rows = rows.with_columns(**by_name)
    return (
        rows.with_columns(row_sources(rows["identified"], rows["seq"], rows["base_seq"]))
        .select(list(READING_FINDING))
        .cast(dict(READING_FINDING))  # type: ignore[arg-type]
        .sort(*READER, "assessment", "lesion", "finding")
    )


def _of_choice(choice: pl.DataFrame, found: Criteria) -> pl.DataFrame:
    limits = found.limits
    at_fault = choice.filter(pl.col("fault").is_not_null())
    numbers = {
        "too_many_targets": ("target_number", limits.target_lesions.value),
        "too_many_in_organ": ("organ_number", limits.target_lesions_per_organ.value),
    }
    fault = pl.col("fault")
    number, limit = _NONE, _NONE
    for code, (column, allowed) in numbers.items():
        number = pl.when(fault == code).then(column).otherwise(number)
        limit = pl.when(fault == code).then(pl.lit(allowed, pl.Int64)).otherwise(limit)
    return at_fault.select(
        *READER,
        "lesion",
        assessment=pl.lit(None, pl.String),
        finding=fault,
        found=number,
        limit=limit,
        identified="event",
        seq=_NONE,
        base_seq=_NONE,
    )


def _of_targets(
    tables: Tables, found: Criteria, assessments: pl.DataFrame, lesions: pl.DataFrame
) -> list[pl.DataFrame]:
    """The findings of target lesions at the baseline in force, and later."""
    lesions = lesions.filter(role="target")
    first = _seen(tables, assessments.filter("baseline"), lesions)
    state, method = pl.col("state"), pl.col("method")
    unsized = ~state.is_in(_WITH_SIZE) | ((state == "measured") & pl.col("diameter").is_null())
    finding = (
        pl.when(unsized)
        .then(pl.lit("not_measured_at_baseline"))
        .when(~method.is_in(list(found.methods.limits)))
        .then(pl.lit("method_does_not_measure"))
        .when(pl.col("diameter") < _smallest(found))
        .then(pl.lit("below_measurable"))
    )
    faulty = first.with_columns(
        finding=finding, found="diameter", limit=_smallest(found), base_seq=_NONE
    ).filter(pl.col("finding").is_not_null())
    unseen = _not_looked_at(tables, assessments.filter("baseline"), lesions, first)
    asked = unseen.with_columns(
        finding=pl.lit("not_measured_at_baseline"), found=_NONE, limit=_smallest(found),
        base_seq=_NONE,
    )  # fmt: skip
    second = pl.concat([first, unseen], how="diagonal").filter(
        pl.col("kind").is_in(found.lesion_kinds.second_choice)
    )
    cystic = second.join(_passed_over(tables, found), READER, "semi").with_columns(
        finding=pl.lit("cystic_target"), found=_NONE, limit=_NONE, base_seq=_NONE
    )
    parts = [faulty.select(_KEPT), cystic.select(_KEPT), asked.select(_KEPT)]
    if _several_methods(tables, assessments):
        then = first.select("base", "lesion", first_method="method", base_seq="seq")
        later = _seen(tables, assessments.filter(~pl.col("baseline")), lesions)
        changed = later.filter(state.is_in([*_WITH_SIZE, "too_small"])).join(
            then, ["base", "lesion"]
        )
        parts.append(
            changed.filter(method != pl.col("first_method"))
            .with_columns(finding=pl.lit("method_changed"), found=_NONE, limit=_NONE)
            .select(_KEPT)
        )
    return parts


def _several_methods(tables: Tables, assessments: pl.DataFrame) -> bool:
    targets = tables["target_measured"]
    return assessments["modality"].n_unique() > 1 or targets["method"].null_count() < len(targets)


def _seen(tables: Tables, assessments: pl.DataFrame, lesions: pl.DataFrame) -> pl.DataFrame:
    """Every target at these assessments, with the method and the last event that says so."""
    at = at_rows(
        tables["target_measured"], assessments, "state", "diameter", "method", own_seq="seq"
    )
    items = assessments.select("row", *READER, "assessment", "modality", "slice_thickness", "seq")
    return (
        at.join(items, "row")
        .join(lesions, [*READER, "lesion"])
        .with_columns(
            method=pl.coalesce("method", "modality"), seq=pl.max_horizontal("own_seq", "seq")
        )
    )


def _not_looked_at(
    tables: Tables, baselines: pl.DataFrame, lesions: pl.DataFrame, seen: pl.DataFrame
) -> pl.DataFrame:
    """Every target that its evaluator had chosen by the day of a baseline which tells nothing of
    it; to be measured by the baseline's modality."""
    chosen = tables["lesion_identified"].select(*KEY, identified="event", since="occurred")
    return (
        lesions.join(chosen, [*KEY, "identified"])
        .join(baselines, READER)
        .filter(pl.col("since") <= pl.col("occurred"))
        .join(seen, ["row", "lesion"], how="anti")
        .with_columns(method="modality")
    )


def _passed_over(tables: Tables, found: Criteria) -> pl.DataFrame:
    """Evaluators with a non-target lesion of a kind that is a target's first choice."""
    kinds = found.lesion_kinds
    first_choice = [each for each in kinds.measurable if each not in kinds.second_choice]
    return (
        tables["lesion_choice"]
        .filter(pl.col("role") == "non_target", pl.col("kind").is_in(first_choice))
        .select(READER)
    )


def _smallest(found: Criteria) -> pl.Expr:
    """The smallest diameter that is measurable, of `node`, `method` and `slice_thickness`."""
    limits, methods = found.limits, found.methods
    by_method = {name: getattr(limits, limit).scaled for name, limit in methods.limits.items()}
    thickness = pl.col("slice_thickness")
    thick = pl.col("method").is_in(methods.sliced) & (thickness > limits.slice_thickness.scaled)
    return (
        pl.when("node")
        .then(pl.lit(limits.measurable_node.scaled, pl.Int64))
        .when(thick.fill_null(False))
        .then(thickness * limits.slice_multiple.value)
        .otherwise(pl.col("method").replace_strict(by_method, default=None, return_dtype=pl.Int64))
    )


def _of_nodes(
    tables: Tables, found: Criteria, assessments: pl.DataFrame, lesions: pl.DataFrame
) -> pl.DataFrame:
    """Non-target nodes that are no disease at baseline."""
    normal = found.limits.normal_node_below.scaled
    sized = tables["non_target_observed"].filter(pl.col("diameter") < normal)
    return (
        at_rows(sized, assessments, "diameter", "seq")
        .join(assessments.filter("baseline").select("row", *READER, "assessment"), "row")
        .join(lesions.filter(pl.col("role") == "non_target", "node"), [*READER, "lesion"])
        .select(
            *READER, "assessment", "lesion", "identified", "seq", found="diameter",
            finding=pl.lit("node_normal_at_baseline"), limit=pl.lit(normal, pl.Int64),
            base_seq=pl.lit(None, pl.Int64),
        )
    )  # fmt: skip


def _of_baselines(tables: Tables, plan: ResponsePlan, assessments: pl.DataFrame) -> pl.DataFrame:
    """The last baseline before the first cycle, where that is too long before it."""
    limit, day = plan.baseline_days_before_first_dose, pl.col("occurred")
    first = tables["cycle_started"].group_by(*KEY).agg(begins=day.min())
    return (
        assessments.filter("baseline")
        .join(first, list(KEY))
        .filter(day <= pl.col("begins"))
        .sort("row")
        .unique(READER, keep="last", maintain_order=True)
        .with_columns(found=(pl.col("begins") - day).dt.total_days())
        .filter(pl.col("found") > limit)
        .select(
            *READER, "assessment", "found", "seq", lesion=pl.lit(None, pl.String),
            finding=pl.lit("baseline_too_early"), limit=pl.lit(limit, pl.Int64),
            identified=_NONE, base_seq=_NONE,
        )
    )  # fmt: skip
