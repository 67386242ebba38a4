"""The stratum as randomised, and beside it as it would have been with what is known now (RN5).

An allocation is never edited and nobody is randomised again: a subject in the wrong stratum keeps
arm and place in the list, is analysed as randomised, and the departure is a deviation (ICH E9 5.7;
Kahan and Cro, Trials 2018;19:499, on errors in stratification).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from equipoise.randomisation.plan import SITE, RandomisationPlan
from equipoise.record.rule import KEY, SOURCES, Columns, TableRule, Tables, no_rows
from equipoise.record.subject_rows import (
    NONE,
    Numbers,
    SubjectRows,
    days,
    gathered,
    grouped_sources,
    pack,
    parent_rows,
)

STRATUM: Columns = {
    **KEY,
    "stratum": pl.String,
    "stratum_corrected": pl.String,
    "factors": pl.List(pl.String),
    "factors_corrected": pl.List(pl.String),
    "differs": pl.Boolean,
    "deviation_recorded": pl.Boolean,
    **SOURCES,
}


def stratum(tables: Tables, plan: RandomisationPlan) -> pl.DataFrame:
    """One row per allocated subject, sorted by replicate, subject: both strata, and the deviation.

    `stratum` and `factors` ("sex=F") are those of the allocation. The corrected ones are by the
    same version of the marker's rule and from the same runs and answers, those that the record held
    at the allocation, with every later correction of them and with what was said later of their
    samples, and by the marker's declared path (`marker_corrected`; `marker_path` of whom nothing
    came later); null where they are no longer known. `differs`: status or some factor is another
    one now, null while that cannot be told. `deviation_recorded`: a deviation of the category
    wrong_stratum stands in the record.
    """
    allocated = tables["randomised"].sort(*KEY)
    if allocated.is_empty():
        return no_rows(STRATUM)
    subjects = SubjectRows(allocated)
    every = np.arange(len(allocated))
    status, status_seqs = _status(allocated, tables["marker_path"], tables["marker_corrected"])
    factors = tables["randomised_factor"].sort("replicate", "event", "position")
    rows = subjects.rows(factors)
    levels, level_seqs = _levels(subjects, allocated, factors, rows, tables)
    joined = _joined(factors, rows, levels, len(allocated))
    recorded = tables["deviation_recorded"].filter(pl.col("category") == "wrong_stratum")
    deviations = subjects.rows(recorded)
    noted = np.zeros(len(allocated), dtype=np.bool_)
    noted[deviations[deviations >= 0]] = True
    groups = np.concatenate([every, status_seqs[0], rows, deviations])
    seqs = [allocated["seq"].to_numpy(), status_seqs[1], level_seqs, recorded["seq"].to_numpy()]
    frame = allocated.select(*KEY, "stratum", "marker_status").hstack([status]).hstack(joined)
    named = pl.concat_str("status", "factors_corrected_text", separator="/")
    plain = pl.col("stratum") == pl.col("marker_status")
    differs = (pl.col("status") != pl.col("marker_status")) | pl.col("factors_differ")
    return frame.select(
        *KEY,
        "stratum",
        pl.when(plain).then(pl.col("status")).otherwise(named).alias("stratum_corrected"),
        "factors",
        "factors_corrected",
        differs.alias("differs"),
        pl.Series("deviation_recorded", noted),
        grouped_sources(groups, np.concatenate(seqs), len(allocated)).alias("sources"),
    )


def _status(
    allocated: pl.DataFrame, paths: pl.DataFrame, corrected: pl.DataFrame
) -> tuple[pl.Series, tuple[Numbers, Numbers]]:
    """The status known at allocation by its rule, corrected; rows and seqs of its sources."""
    asked = allocated.select(*KEY, pl.col("status_rule").alias("rule"))
    known = paths.select(*KEY, "rule", "status", "sources")
    if not corrected.is_empty():
        corrected = corrected.select(known.columns)
        known = pl.concat([known.join(corrected, [*KEY, "rule"], "anti"), corrected])
    found = asked.join(known, on=[*KEY, "rule"], how="left", maintain_order="left")
    listed = found.select(pl.Series("row", np.arange(len(found))), "sources").explode("sources")
    listed = listed.drop_nulls()
    return found["status"], (listed["row"].to_numpy(), listed["sources"].to_numpy())


def _levels(
    subjects: SubjectRows,
    allocated: pl.DataFrame,
    factors: pl.DataFrame,
    rows: Numbers,
    tables: Tables,
) -> tuple[pl.Series, Numbers]:
    """The level of each factor of each allocation as corrected, and the seq that gave it (-1)."""
    forms = tables["form_saved"]
    level = pl.Series("level", allocated["site"].gather(rows))
    seqs = np.full(len(factors), -1, dtype=np.int64)
    for factor in factors["factor"].unique().to_list():
        if factor == SITE:
            continue
        mine = np.flatnonzero((factors["factor"] == factor).to_numpy())
        answers = tables["form_item"].filter(pl.col("item") == factor)
        parents = parent_rows(forms, answers)
        place = _last_before(subjects, allocated, forms, answers, parents)[rows[mine]]
        seq = np.maximum(answers["seq"].to_numpy(), forms["seq"].to_numpy()[parents])
        seqs[mine] = np.where(place >= 0, seq[place], -1) if len(seq) else -1
        level = level.scatter(mine, gathered(answers["value"], place))
    return level, seqs


def _last_before(
    subjects: SubjectRows,
    allocated: pl.DataFrame,
    forms: pl.DataFrame,
    answers: pl.DataFrame,
    parents: Numbers,
) -> Numbers:
    """For each subject the answer about the latest day among those the allocation could read."""
    row = subjects.rows(answers)
    event, limit = answers["event"].to_numpy(), allocated["event"].to_numpy()
    usable = (row >= 0) & (parents >= 0)
    usable &= event < limit[row]
    day = days(forms["occurred"])[parents]
    packed = pack(np.where(day == NONE, -(2**20), day), event)
    latest = np.full(len(subjects), np.iinfo(np.int64).min)
    np.maximum.at(latest, row[usable], packed[usable])
    chosen = np.flatnonzero(usable)[packed[usable] == latest[row[usable]]]
    place = np.full(len(subjects), -1, dtype=np.int64)
    place[row[chosen]] = chosen
    return place


def _joined(
    factors: pl.DataFrame, rows: Numbers, levels: pl.Series, number: int
) -> list[pl.Series]:
    """For each allocation its factors in words, as they were and as corrected, whether these
    differ, and the corrected ones as the name of a stratum has them."""
    if factors.is_empty():
        nothing = pl.DataFrame(schema={"list": pl.List(pl.String), "text": pl.String}).clear(number)
        return nothing.select(
            pl.col("list").fill_null([]).alias("factors"),
            pl.col("list").fill_null([]).alias("factors_corrected"),
            pl.lit(False).alias("factors_differ"),
            pl.col("text").alias("factors_corrected_text"),
        ).get_columns()
    words = pl.DataFrame(
        {"row": rows, "factor": factors["factor"], "level": factors["level"], "corrected": levels}
    ).select(
        "row",
        pl.concat_str("factor", "level", separator="=").alias("factors"),
        pl.concat_str("factor", "corrected", separator="=").alias("factors_corrected"),
        (pl.col("level") != pl.col("corrected")).alias("factors_differ"),
    )
    found = words.group_by("row").agg(
        "factors",
        "factors_corrected",
        pl.col("factors_differ").any(ignore_nulls=False),
        pl.when(pl.col("factors_corrected").is_not_null().all())
        .then(pl.col("factors_corrected").str.join("/"))
        .alias("factors_corrected_text"),
    )
    every = pl.DataFrame({"row": np.arange(number)})
    return (
        every.join(found, on="row", how="left", maintain_order="left")
        .select(
            pl.col("factors").fill_null([]),
            pl.col("factors_corrected").fill_null([]),
            pl.when(pl.col("factors").is_null())
            .then(False)
            .otherwise(pl.col("factors_differ"))
            .alias("factors_differ"),
            "factors_corrected_text",
        )
        .get_columns()
    )


_EVENT: Columns = {**KEY, "event": pl.Int64, "seq": pl.Int64}
_STATUS: Columns = {**KEY, "rule": pl.String, "status": pl.String, **SOURCES}

STRATUM_RULE = TableRule(
    produces="stratum",
    columns=STRATUM,
    requires={
        "randomised": {
            **_EVENT, "site": pl.String, "stratum": pl.String, "marker_status": pl.String,
            "status_rule": pl.String,
        },
        "randomised_factor": {
            **KEY, "event": pl.Int64, "position": pl.Int64, "factor": pl.String,
            "level": pl.String,
        },
        "marker_path": _STATUS,
        "marker_corrected": _STATUS,
        "form_saved": {**_EVENT, "occurred": pl.Date},
        "form_item": {**_EVENT, "item": pl.String, "value": pl.String},
        "deviation_recorded": {**KEY, "seq": pl.Int64, "category": pl.String},
    },
    plan="randomisation",
    rule=stratum,
)  # fmt: skip
