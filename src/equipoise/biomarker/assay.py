"""One run of one assay: the one value that it gives, and whether it can be interpreted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import polars as pl

from equipoise.biomarker.controls import SCALE, Failed, failed_controls
from equipoise.biomarker.events import ASSAY_PLACES
from equipoise.biomarker.plan import Assay, BiomarkerPlan
from equipoise.biomarker.steps import NEVER, sample_places
from equipoise.errors import BadInput
from equipoise.record.columns import among, filled, flags, named, optional, present, true
from equipoise.record.event import decimal_text
from equipoise.record.rule import KEY, SOURCES, Columns, Tables, no_rows
from equipoise.record.scaled import scaled_text
from equipoise.record.subject_rows import (
    Flags,
    Numbers,
    SubjectRows,
    coded,
    grouped_sources,
    in_order,
    parent_rows,
    whole,
)

WEIGHTS = {"negative": 0, "weak": 1, "moderate": 2, "strong": 3}
"""H-score = 1 x % weak + 2 x % moderate + 3 x % strong, from 0 to 300; with the share of negative
cells the percentages make WHOLE (McCarty et al., Arch Pathol Lab Med 1985;109:716-721)."""
WHOLE = 100

TENTHS = 10
"""Tumour cells stand in tables as tenths of a per cent."""

ASSAY_VALUE: Columns = {
    **KEY,
    "result": pl.String,
    "sample": pl.String,
    "assay": pl.String,
    "purpose": pl.String,
    "determination": pl.String,
    "occurred": pl.Date,
    "total": pl.Int64,
    "count": pl.Int64,
    "interpretable": pl.Boolean,
    "finding": pl.String,
    "invalidated": pl.Boolean,
    "event": pl.Int64,
    "invalidation": pl.Int64,
    **SOURCES,
}


def assay_value(tables: Tables, plan: BiomarkerPlan) -> pl.DataFrame:
    """The one value of each assay result, whether it can be interpreted, and why not.

    One row per result, sorted by replicate, subject and result. The value is total / count /
    10 ** ASSAY_PLACES in the assay's unit; both are null where none can be formed. Measurements
    without a value, or of a quality that the assay does not accept, do not count. A result cannot
    be interpreted when

    1. its assay is not declared by this version of the study,
    2. the laboratory found its sample, or one that it was made from, inadequate,
    3. the assay asks for a least content of tumour cells, and the sample has less or nobody says,
    4. the run failed technically,
    5. a control of the run (0, 50, 100 %, without template) reads something else than it has to,
       or is not given though obligatory,
    6. fewer measurements count than the assay needs (an H-score needs all four percentages),
    7. the percentages of an H-score do not sum to exactly 100,
    8. the assay needs an internal control and it is not positive. A positive internal control
       (stroma, endothelium) is needed before loss of staining counts; as no stratum may rest on
       the value that a run happens to have, it is asked of every value.

    `finding` names the first of these that applies. `invalidated` marks results that were
    withdrawn later, `invalidation` the event that did it; `event` is the result's permanent number.
    `determination` names the run's determination, of which the run may be one replicate of several.
    """
    results = tables["assay_result_recorded"]
    if results.is_empty():
        return no_rows(ASSAY_VALUE)
    results = _sorted(results)
    samples, sample = tables["sample_state"], sample_places(tables["sample_state"], results)
    asked = _asked(results, plan)
    counted = _counted(tables["assay_measurement"], results, plan)
    controls = failed_controls(tables["assay_control"], results, plan)
    finding = _finding(results, samples, sample, asked, counted, controls)
    has_value = (counted.number > 0) & (~asked.h_score | (counted.number >= asked.needed))
    result, invalidations = _invalidations(tables["assay_result_invalidated"], results)
    invalidation = np.full(len(results), NEVER)
    np.minimum.at(invalidation, result, invalidations["event"].to_numpy())
    own = (
        results["seq"].to_numpy(),
        _seqs(samples["judgement"], sample),
        np.where(asked.least_under > 0, _seqs(samples["content"], sample), -1),
        controls.seq,
    )
    groups = [counted.result, result, np.tile(np.arange(len(results)), len(own))]
    seqs = [counted.seq, invalidations["seq"].to_numpy(), *own]
    return pl.DataFrame(
        [
            *(results[name] for name in (*KEY, "result", "sample", "assay", "purpose")),
            filled(results["determination"], results["result"]),
            results["occurred"],
            optional("total", counted.total, has_value),
            optional("count", np.where(asked.mean, counted.number, 1), has_value),
            flags("interpretable", ~present(finding)),
            finding,
            flags("invalidated", invalidation != NEVER),
            results["event"],
            optional("invalidation", invalidation, invalidation != NEVER),
            grouped_sources(np.concatenate(groups), np.concatenate(seqs), len(results)),
        ]
    )


def _sorted(results: pl.DataFrame) -> pl.DataFrame:
    """Results in order of replicate, subject and result."""
    names, codes = coded(results["result"])
    return in_order(results, SubjectRows(results).rows(results) * len(names) + codes)


def _seqs(column: pl.Series, places: Numbers) -> Numbers:
    """The seq at each place; -1 where it is null, and for no place."""
    return np.append(whole(column, -1), -1)[places]


def _invalidations(
    invalidated: pl.DataFrame, results: pl.DataFrame
) -> tuple[Numbers, pl.DataFrame]:
    """Of each invalidation of one of `results` the row of the result, and the invalidations."""
    if invalidated.is_empty():
        return np.zeros(0, dtype=np.int64), invalidated
    key = ["replicate", "subject", "result"]
    rows = results.select(*key, pl.Series("row", np.arange(len(results))))
    found = invalidated.select(*key, "event", "seq").join(rows, key)
    return found["row"].to_numpy(), found


class _Asked(NamedTuple):
    """By result, what the plan asks of its assay: how runs become a value, how many measurements
    it has and needs, the least content of tumour cells as a fraction (over 0: none is asked for);
    and by assay that content in words."""

    assay: Numbers
    mean: Flags
    h_score: Flags
    declared: Numbers
    needed: Numbers
    control_needed: Flags
    least_over: Numbers
    least_under: Numbers
    least_text: Sequence[str]


def _asked(results: pl.DataFrame, plan: BiomarkerPlan) -> _Asked:
    """What the plan asks of the assay of each result; the place -1 for an assay not declared."""
    assays = plan.marker.assays
    places = {each.code: place for place, each in enumerate(assays)}
    names, codes = coded(results["assay"])
    assay = np.array([places.get(name, -1) for name in names], dtype=np.int64)[codes]
    least = [each.minimum_tumour_cells for each in assays]
    rows = [
        (
            each.summary == "mean",
            each.summary == "h_score",
            len(each.measurements),
            _needed(each),
            each.internal_control_needed,
            *(Fraction(content).as_integer_ratio() if content is not None else (0, 0)),
        )
        for each, content in zip(assays, least, strict=True)
    ]
    table = np.array([*rows, (0,) * 7], dtype=np.int64)[assay]
    mean, h_score, declared, needed, control, over, under = table.T
    texts = ["" if content is None else decimal_text(content) for content in least]
    return _Asked(assay, mean > 0, h_score > 0, declared, needed, control > 0, over, under, texts)


def _needed(assay: Assay) -> int:
    codes = {each.code for each in assay.measurements}
    if assay.summary != "h_score":
        return assay.minimum_measurements
    if codes != set(WEIGHTS):
        raise BadInput(
            f"an H-score is made of the measurements {', '.join(WEIGHTS)}",
            where=f"assay {assay.code}",
            field="measurements",
            found=", ".join(sorted(codes)),
        )
    return len(codes)


class _Counted(NamedTuple):
    """By result: how many measurements count, their weighted total, their plain sum. `result` and
    `seq` are those of every measurement that the assay declares."""

    number: Numbers
    total: Numbers
    sum: Numbers
    result: Numbers
    seq: Numbers


def _counted(measurements: pl.DataFrame, results: pl.DataFrame, plan: BiomarkerPlan) -> _Counted:
    result = parent_rows(results, measurements)
    value, known = whole(measurements["value"], 0), present(measurements["value"])
    counts = np.zeros(len(measurements), dtype=np.bool_)
    declared, weight = counts.copy(), np.zeros(len(measurements), dtype=np.int64)
    for assay in plan.marker.assays:
        of_assay = np.append(among(results["assay"], [assay.code]), False)[result]
        if not of_assay.any():
            continue
        counts |= of_assay & known & among(measurements["quality"], assay.accepted_qualities)
        for each in assay.measurements:
            mine = of_assay & among(measurements["measurement"], [each.code])
            declared |= mine
            weight[mine] = WEIGHTS.get(each.code, 0) if assay.summary == "h_score" else 1
    found = np.zeros((3, len(results)), dtype=np.int64)
    of, value, weight = (each[counts & declared] for each in (result, value, weight))
    for row, summed in enumerate((np.ones_like(value), value * weight, value)):
        np.add.at(found[row], of, summed)
    number, total, plain = found
    seq = measurements["seq"].to_numpy()
    return _Counted(number, total, plain, result[declared], seq[declared])


def _finding(
    results: pl.DataFrame,
    samples: pl.DataFrame,
    sample: Numbers,
    asked: _Asked,
    counted: _Counted,
    controls: Failed,
) -> pl.Series:
    """Why each result cannot be interpreted; null when it can. `sample`: the row of its sample."""
    cells, under = _seqs(samples["tumour_cells"], sample), asked.least_under
    problems = (
        asked.assay < 0,
        np.append(whole(samples["adequate"], 1), 1)[sample] == 0,
        (under > 0) & (cells < 0),
        (under > 0) & (cells * under < asked.least_over * TENTHS),
        ~true(results["technically_valid"]),
        (controls.control >= 0) & (controls.seq < 0),
        controls.control >= 0,
        counted.number < asked.needed,
        asked.h_score & (counted.sum != WHOLE * SCALE),
        asked.control_needed & ~among(results["internal_control"], ["positive"]),
    )
    problem = np.select(problems, np.arange(len(problems))[:, None], -1)
    there = problem >= 0
    if not there.any():
        return pl.Series("finding", [None], dtype=pl.String).new_from_index(0, len(results))
    facts = results.select("assay", "sample", "failure", "internal_control").hstack(
        [
            pl.Series("problem", problem),
            optional("cells", cells, there & (cells >= 0)),
            named("least", asked.least_text, asked.assay),
            named("control", controls.names, controls.control),
            pl.Series("read", controls.value),
            pl.Series("counted", counted.number),
            pl.Series("declared", asked.declared),
            pl.Series("needed", asked.needed),
            pl.Series("sum", counted.sum),
        ]
    )
    told, of = pl.lit(None, dtype=pl.String), pl.col("problem")
    for number, text in enumerate(_texts()):
        if (problem == number).any():
            told = pl.when(of == number).then(text).otherwise(told)
    return facts.select(told.alias("finding")).to_series()


def _texts() -> Iterator[pl.Expr]:
    """What is told of each problem, in the order in which they are looked for."""
    yield pl.format("the assay {} is not declared", "assay")
    yield pl.format("the sample {} is inadequate", "sample")
    yield pl.format("nobody says how many tumour cells the sample {} has", "sample")
    yield pl.format(
        "the sample {} has {} % tumour cells, {} % are needed",
        "sample", scaled_text(pl.col("cells"), 1), "least",
    )  # fmt: skip
    yield pl.lit("technical failure") + (pl.lit(": ") + pl.col("failure")).fill_null("")
    yield pl.format("the control {} of the run is not given", "control")
    yield pl.format(
        "the control {} of the run reads {}, outside its limits",
        "control", scaled_text(pl.col("read"), ASSAY_PLACES),
    )  # fmt: skip
    yield pl.format(
        "{} of {} measurements can be interpreted, {} are needed", "counted", "declared", "needed"
    )
    yield pl.format(
        "the percentages sum to {}, not to {}",
        scaled_text(pl.col("sum"), ASSAY_PLACES), pl.lit(WHOLE),
    )  # fmt: skip
    yield pl.format("the internal control is {}, not positive", "internal_control")
