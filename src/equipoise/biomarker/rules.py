"""From assay values to a marker status, by every version of the rule, without rounding errors.

A value is kept as two integers, `total` and `count`: value = total / count / 10 ** ASSAY_PLACES in
the assay's unit. A limit is compared by cross-multiplication: a mean of 9 % is `total >= 9 * 10**4
* count`, and 8.9999 % is below it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl

from equipoise.biomarker.assay import ASSAY_VALUE, assay_value
from equipoise.biomarker.controls import within
from equipoise.biomarker.determination import (
    ASSAY_DETERMINATION,
    assay_determination,
    basis_number,
)
from equipoise.biomarker.events import (
    ASSAY_PLACES,
    AssayControl,
    AssayMeasurement,
    AssayResultInvalidated,
    AssayResultRecorded,
    PathologyReviewed,
    SampleCollected,
    SampleDerived,
    SampleLabelled,
    SampleReceived,
    SampleShipped,
)
from equipoise.biomarker.grade import TUMOUR_GRADE, tumour_grade
from equipoise.biomarker.path import MARKER_PATH, marker_path
from equipoise.biomarker.plan import Assay, BiomarkerPlan, StatusRule
from equipoise.biomarker.sample import SAMPLE_STATE, sample_state
from equipoise.biomarker.steps import BASES, declared_path, step_of_sample, steps_of
from equipoise.biomarker.touched import (
    MARKER_EVENTS,
    MARKER_TOUCHED,
    marker_touched,
    of_touched,
    on_each_basis,
)
from equipoise.record.columns import among, exploded, kept, named, present
from equipoise.record.declaration import schema
from equipoise.record.event import Body
from equipoise.record.past import CORRECTED
from equipoise.record.rule import KEY, SOURCES, Columns, TableRule, Tables, no_rows
from equipoise.record.subject_rows import (
    NONE,
    Flags,
    Numbers,
    SubjectRows,
    days,
    gathered,
    grouped_sources,
    pack,
    whole,
)

MARKER_STATUS: Columns = {
    **KEY,
    "basis": pl.String,
    "rule": pl.String,
    "status": pl.String,
    "assay": pl.String,
    "sample": pl.String,
    "decided": pl.Date,
    "total": pl.Int64,
    "count": pl.Int64,
    **SOURCES,
}

MARKER_CORRECTED: Columns = {**KEY, "rule": pl.String, "status": pl.String, **SOURCES}


def marker_status(tables: Tables, plan: BiomarkerPlan) -> pl.DataFrame:
    """The status of every subject with a sample or a result, on both bases, by every rule.

    The steps of a rule are tried in order; the first whose assay has an interpretable
    determination decides. Of several determinations by one assay the latest counts (day of the
    result, then order of entry). On basis `randomisation` the first step of the declared path that
    gives a status decides: no later sample exchanges a status that an earlier one gave. If the
    assay is `rounded_to` some places its value is rounded half up before it is compared; `total`
    and `count` show it unrounded. `sample` and `decided` (the day of the result) are those of the
    determination that decided.

    On basis `redetermination` each step takes determinations of the redetermination where one can
    be interpreted, else those for randomisation. Which runs count on a basis is said by
    `assay_determination`.

    `status` is null when no step can be decided; `sources` then holds the results that were
    considered, or the samples where there is no result.
    """
    return on_each_basis(_statuses_now, tables, plan, (*KEY, "basis", "rule"))


def _statuses_now(tables: Tables, plan: BiomarkerPlan) -> pl.DataFrame:
    found = tables["assay_determination"]
    samples = tables["sample_collected"]
    if found.is_empty() and samples.is_empty():
        return no_rows(MARKER_STATUS)
    rules = sorted(plan.marker.rules, key=lambda rule: rule.version)
    subjects = SubjectRows(samples, found)
    rows = subjects.rows(found)
    basis_of = basis_number(found["basis"])
    names = sorted(
        {each.status for rule in rules for step in rule.steps for each in step.intervals}
    )
    statuses = _statuses(found, plan, rules, names)
    chosen = np.full((len(subjects), len(BASES), len(rules)), -1, dtype=np.int64)
    for place, counts in _in_turn(tables["sample_state"], plan, found, basis_of):
        latest = _latest(plan, found, rows, counts, len(subjects))
        for number, rule in enumerate(rules):
            for step in reversed(rule.steps):
                chosen[:, place, number] = np.where(
                    latest[step.assay] >= 0, latest[step.assay], chosen[:, place, number]
                )
    subject, basis, rule_number = (each.ravel() for each in np.indices(chosen.shape))
    result = chosen.ravel()
    why_not = _considered(subjects, samples, found, rows, basis_of)
    considered = len(found) + subject * len(BASES) + basis
    sources = pl.concat([found["sources"], why_not])
    return pl.DataFrame(
        [
            *(gathered(subjects.key[name], subject) for name in KEY),
            named("basis", BASES, basis),
            named("rule", [rule.version for rule in rules], rule_number),
            named("status", names, statuses[rule_number, result]),
            *(gathered(found[name], result) for name in ("assay", "sample")),
            gathered(found["occurred"], result).alias("decided"),
            *(gathered(found[name], result) for name in ("total", "count")),
            gathered(sources, np.where(result < 0, considered, result)),
        ]
    )


def marker_corrected(tables: Tables, plan: BiomarkerPlan) -> pl.DataFrame:
    """Status that the allocation would have had, had the record then said what it says now.

    Of each randomised subject of whom something came later (`marker_touched`), by each version of
    the rule: the runs that stood at the allocation, in time, and the path as it stood, but with
    every correction and with what was said later of their samples; null where these give none, and
    the study no stratum of its own. It never replaces the status as randomised: where it is another
    one, the subject was randomised in the wrong stratum (see the table `stratum`).
    """
    touched = kept(tables["marker_touched"], among(tables["marker_touched"]["basis"], BASES[:1]))
    if touched.is_empty():
        return no_rows(MARKER_CORRECTED)
    found = of_touched(tables, touched)
    found["assay_determination"] = assay_determination(found, plan)
    found["marker_status"] = marker_status(found, plan)
    return marker_path(found, plan).select(*MARKER_CORRECTED)


def _in_turn(
    samples: pl.DataFrame, plan: BiomarkerPlan, found: pl.DataFrame, basis: Numbers
) -> Iterator[tuple[int, Flags]]:
    """Bases by place, each with determinations that are asked together; what is asked later goes
    before what was asked earlier: of the randomisation the steps of the path, the last one first.
    """
    path = declared_path(plan)
    own = step_of_sample(samples, steps_of(samples, path), found)
    for step in reversed(np.unique(own).tolist()):
        yield 0, (basis == 0) & (own == step)
    yield 1, basis == 1


def _latest(
    plan: BiomarkerPlan, found: pl.DataFrame, rows: Numbers, counts: Flags, number: int
) -> dict[str, Numbers]:
    """By assay, for each subject the place of the determination that counts; -1 if there is none.

    Those of the redetermination go before those for randomisation, then the latest counts.
    """
    day = days(found["occurred"])
    again = among(found["purpose"], BASES[1:]).astype(np.int64)
    order = pack(
        again * _AGAIN + np.where(day == NONE, -_AGAIN // 4, day), found["event"].to_numpy()
    )
    readable = counts & found["interpretable"].to_numpy()
    best = {}
    for assay in plan.marker.assays:
        of_assay = np.flatnonzero(readable & among(found["assay"], [assay.code]))
        latest = np.full(number, np.iinfo(np.int64).min, dtype=np.int64)
        np.maximum.at(latest, rows[of_assay], order[of_assay])
        winners = of_assay[order[of_assay] == latest[rows[of_assay]]]
        best[assay.code] = np.full(number, -1, dtype=np.int64)
        best[assay.code][rows[winners]] = winners
    return best


_AGAIN = 2**21
"""More days than the calendar of dates has, twice."""


def _considered(
    subjects: SubjectRows, samples: pl.DataFrame, found: pl.DataFrame, rows: Numbers, basis: Numbers
) -> pl.Series:
    """For each subject and basis the sources of what counts there, or of its samples."""
    number = len(subjects) * len(BASES)
    of, deciding = exploded(found["sources"])
    groups, seqs = [(rows * len(BASES) + basis)[of]], [deciding]
    without = np.ones(number, dtype=np.bool_)
    without[groups[0]] = False
    sample_rows = subjects.rows(samples)
    for place in range(len(BASES)):
        group = sample_rows * len(BASES) + place
        groups.append(np.where(without[group], group, -1))
        seqs.append(samples["seq"].to_numpy())
    return grouped_sources(np.concatenate(groups), np.concatenate(seqs), number)


def _statuses(
    found: pl.DataFrame, plan: BiomarkerPlan, rules: Sequence[StatusRule], names: Sequence[str]
) -> Numbers:
    """For each rule (a row) the place among `names` of the status that it gives to each result by
    itself, a column each, and -1 after the last; -1 for none."""
    assays = {assay.code: assay for assay in plan.marker.assays}
    known = present(found["total"])
    total, count = whole(found["total"], 0), whole(found["count"], 1)
    chosen = np.full((len(rules), len(found) + 1), -1, dtype=np.int64)
    for row, rule in enumerate(rules):
        for step in rule.steps:
            mine = np.flatnonzero(known & among(found["assay"], [step.assay]))
            value = _rounded(assays[step.assay], total[mine], count[mine])
            for interval in step.intervals:
                chosen[row, mine[within(interval, *value)]] = names.index(interval.status)
    return chosen


def _rounded(assay: Assay, total: Numbers, count: Numbers) -> tuple[Numbers, Numbers]:
    """Total and count of results, rounded half up if the assay is."""
    if assay.rounded_to is None:
        return total, count
    step = 10 ** (ASSAY_PLACES - assay.rounded_to)
    return (2 * total + count * step) // (2 * count * step) * step, np.ones_like(count)


def _of(*classes: type[Body]) -> Mapping[str, Columns]:
    return {cls.TABLE: schema(cls) for cls in classes}


_AS_IT_WAS: Mapping[str, Columns] = {
    **MARKER_EVENTS,
    "marker_touched": MARKER_TOUCHED,
    "sample_state": SAMPLE_STATE,
    "assay_value": ASSAY_VALUE,
}
_OF_THE_PATH: Mapping[str, Columns] = {
    **_AS_IT_WAS,
    "assay_determination": ASSAY_DETERMINATION,
    "marker_status": MARKER_STATUS,
    "subject_screened": KEY,
}

RULES: tuple[TableRule, ...] = (
    TableRule(
        produces="sample_state",
        columns=SAMPLE_STATE,
        requires=_of(
            SampleCollected,
            SampleDerived,
            SampleLabelled,
            SampleShipped,
            SampleReceived,
            AssayResultRecorded,
        ),
        plan="biomarker",
        rule=sample_state,
    ),
    TableRule(
        produces="assay_value",
        columns=ASSAY_VALUE,
        requires={
            "sample_state": SAMPLE_STATE,
            **_of(AssayResultRecorded, AssayMeasurement, AssayControl, AssayResultInvalidated),
        },
        plan="biomarker",
        rule=assay_value,
    ),
    TableRule(
        produces="marker_touched",
        columns=MARKER_TOUCHED,
        requires=MARKER_EVENTS,
        plan="biomarker",
        rule=marker_touched,
    ),
    TableRule(
        produces="assay_determination",
        columns=ASSAY_DETERMINATION,
        requires=_AS_IT_WAS,
        plan="biomarker",
        rule=assay_determination,
    ),
    TableRule(
        produces="marker_status",
        columns=MARKER_STATUS,
        requires={**_AS_IT_WAS, "assay_determination": ASSAY_DETERMINATION},
        plan="biomarker",
        rule=marker_status,
    ),
    TableRule(
        produces="marker_path",
        columns=MARKER_PATH,
        requires=_OF_THE_PATH,
        plan="biomarker",
        rule=marker_path,
    ),
    TableRule(
        produces="marker_corrected",
        columns=MARKER_CORRECTED,
        requires=_OF_THE_PATH,
        plan="biomarker",
        rule=marker_corrected,
    ),
    TableRule(
        produces="tumour_grade",
        columns=TUMOUR_GRADE,
        requires={
            "subject_item": {**KEY, "item_sources": pl.Struct},
            "redetermination_frozen": MARKER_EVENTS["redetermination_frozen"],
            "corrected": CORRECTED,
            **_of(PathologyReviewed),
        },
        plan="biomarker",
        rule=tumour_grade,
    ),
)
