"""From runs to determinations: which runs count on which basis, and replicates as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import polars as pl

from equipoise.biomarker.controls import SCALE
from equipoise.biomarker.plan import BiomarkerPlan, Replicates
from equipoise.biomarker.steps import (
    BASES,
    NEVER,
    allocated_at,
    deadlines,
    declared_path,
    frozen_at,
    off_the_path,
    sample_places,
)
from equipoise.biomarker.touched import on_each_basis
from equipoise.record.columns import among, exploded, flags, named, optional, present
from equipoise.record.event import decimal_text
from equipoise.record.rule import KEY, SOURCES, Columns, Tables, no_rows
from equipoise.record.short_column import beside
from equipoise.record.subject_rows import (
    NONE,
    Flags,
    Numbers,
    SubjectRows,
    coded,
    dates,
    days,
    gathered,
    grouped_sources,
    pack,
    whole,
)

ASSAY_DETERMINATION: Columns = {
    **KEY,
    "basis": pl.String,
    "assay": pl.String,
    "purpose": pl.String,
    "determination": pl.String,
    "sample": pl.String,
    "occurred": pl.Date,
    "runs": pl.Int64,
    "readable": pl.Int64,
    "kept": pl.Int64,
    "spread": pl.Boolean,
    "total": pl.Int64,
    "count": pl.Int64,
    "interpretable": pl.Boolean,
    "finding": pl.String,
    "event": pl.Int64,
    **SOURCES,
}


def assay_determination(tables: Tables, plan: BiomarkerPlan) -> pl.DataFrame:
    """One row per basis and determination that has a run which counts on that basis.

    Which runs count: on no basis one on a sample of a material that is not of the declared path
    (blood, where the path reads the tumour). Of the others:

    - basis `randomisation`: runs for randomisation that stood in the record when the subject was
      randomised, or that stand now while it is not, of a day up to the deadline of the declared
      path: while one runs, a run without a day does not count.
    - basis `redetermination`: every run that was not invalidated. Once the re-determined status is
      frozen, the runs that stood in the record at the position of the freeze, and no others.

    Everything is read as the record had it at the allocation, or at the position of the freeze, and
    as it stands where there is none. What comes later (a run, an invalidation, a sample, what is
    said of one when it is received, a correction of any of these) moves neither status:
    `marker_touched` names whom it concerns, and `marker_corrected` says what comes of it.

    How the readable runs of one determination on one sample become one value (the study gives N,
    `most_apart`, and how many are `needed`):

    1. Fewer readable runs than are needed: the determination cannot be interpreted.
    2. The highest and the lowest value at most N apart: the mean of all of them.
    3. More than N apart: `spread` is true. Only the two nearest values are kept, and their mean
       counts; where both pairs of three runs are equally near, all three are. More than three there
       are none (MOST_REPLICATES): two nearest pairs far apart could not be told from one another.
    4. The nearest more than N apart as well: it cannot be interpreted.

    The mean is one of values, each of which weighs the same however many measurements it rests on;
    it is exact: value = total / count / 10 ** ASSAY_PLACES. `runs` count on the basis, `readable`
    ones can be interpreted, `kept` ones make the value. `occurred` is the day of the latest run,
    `event` the last of the runs in the record. Sorted by replicate, subject, basis, assay,
    purpose, sample and determination.

    The rule of spread is that of a public pipeline for pyrosequencing in triplicate, which flags
    more than 5 points and falls back on the two nearest (stephen-siecinski/SOARS-B,
    Q96_pyrosequencing/sample_QC.rmd). That pipeline calls R's `mean(a, b)`, which ignores b.
    """
    key = (*KEY, "basis", "assay", "purpose", "sample", "determination")
    return on_each_basis(_determined, tables, plan, key)


def _determined(tables: Tables, plan: BiomarkerPlan) -> pl.DataFrame:
    values = tables["assay_value"]
    if values.is_empty():
        return no_rows(ASSAY_DETERMINATION)
    subjects = SubjectRows(values)
    rows = subjects.rows(values)
    counts = _counting(subjects, rows, tables, values, plan)
    run = np.concatenate([np.flatnonzero(each) for each in counts])
    basis = np.repeat(np.arange(len(BASES)), [int(each.sum()) for each in counts])
    groups = _groups(values, rows, run, basis)
    found = _valued(values, plan, run, groups)
    first = run[groups.first]
    columns = [
        *(gathered(subjects.key[name], rows[first]) for name in KEY),
        named("basis", BASES, basis[groups.first]),
        *(gathered(values[name], first) for name in _SHARED),
        *found,
        _sources(values, run, groups, tables["assay_result_invalidated"]),
    ]
    by_name = {column.name: column for column in columns}
    return beside([by_name[name] for name in ASSAY_DETERMINATION])


_SHARED = ("assay", "purpose", "determination", "sample")


def basis_number(bases: pl.Series) -> Numbers:
    """The place among BASES of each basis."""
    return among(bases, BASES[1:]).astype(np.int64)


def _counting(
    subjects: SubjectRows,
    rows: Numbers,
    tables: Tables,
    values: pl.DataFrame,
    plan: BiomarkerPlan,
) -> tuple[Flags, Flags]:
    """Which runs count at all on each basis, whether they can be interpreted or not."""
    limit = allocated_at(subjects, tables["randomised"])[rows]
    invalidated = whole(values["invalidation"], NEVER)
    known = (values["event"].to_numpy() < limit) & (invalidated >= limit)
    day, deadline = days(values["occurred"]), deadlines(subjects, tables, plan)[rows]
    in_time = (deadline == NONE) | ((day != NONE) & (day <= deadline))
    as_randomised = known & in_time & among(values["purpose"], BASES[:1])
    until = frozen_at(tables["redetermination_frozen"], values)
    standing = (invalidated == NEVER) | (invalidated > until)
    again = standing & (values["event"].to_numpy() <= until)
    other = off_the_path(tables["sample_state"], declared_path(plan))
    if len(other):
        of_the_path = sample_places(other, values) < 0
        return as_randomised & of_the_path, again & of_the_path
    return as_randomised, again


@dataclass(frozen=True, slots=True)
class _Groups:
    """Runs by determination: the group of each, the first of each group, how many there are."""

    of: Numbers
    first: Numbers

    def __len__(self) -> int:
        return len(self.first)

    @property
    def single(self) -> bool:
        """Whether no determination has more than one run."""
        return len(self.of) == len(self.first)

    def most(self, numbers: Numbers) -> Numbers:
        """The greatest number of each group."""
        found = np.full(len(self), np.iinfo(np.int64).min, dtype=np.int64)
        np.maximum.at(found, self.of, numbers)
        return found

    def sums(self, numbers: Numbers | Flags) -> Numbers:
        """The sum over each group."""
        found = np.zeros(len(self), dtype=np.int64)
        np.add.at(found, self.of, numbers.astype(np.int64))
        return found


def _groups(values: pl.DataFrame, rows: Numbers, run: Numbers, basis: Numbers) -> _Groups:
    keys = [coded(values[name])[1][run] for name in ("determination", "sample", "purpose", "assay")]
    order = np.lexsort((values["event"].to_numpy()[run], *keys, basis, rows[run]))
    columns = [each[order] for each in (rows[run], basis, *keys)]
    heads = np.zeros(len(run), dtype=np.bool_)
    heads[:1] = True
    for each in columns:
        heads[1:] |= each[1:] != each[:-1]
    of = np.empty(len(run), dtype=np.int64)
    of[order] = np.cumsum(heads) - 1
    return _Groups(of, order[heads])


def _valued(
    values: pl.DataFrame, plan: BiomarkerPlan, run: Numbers, groups: _Groups
) -> list[pl.Series]:
    """The columns of ASSAY_DETERMINATION that follow from the runs of each determination."""
    day = days(values["occurred"])[run]
    readable = values["interpretable"].to_numpy()[run]
    runs, good = groups.sums(np.ones(len(run), dtype=np.bool_)), groups.sums(readable)
    total, count = whole(values["total"], 0)[run], whole(values["count"], 1)[run]
    limits = _limits(values, plan, run, groups)
    kept, spread, apart = _kept(total, count, readable, limits, groups)
    common = np.ones(len(groups), dtype=np.int64)
    np.lcm.at(common, groups.of[kept], count[kept])
    number = groups.sums(kept)
    summed = groups.sums(np.where(kept, total * (common[groups.of] // count), 0))
    interpretable = (good >= limits.needed) & ~apart
    alone = (runs == 1) & (limits.needed == 1)
    own = gathered(values["finding"], run[groups.first])
    shown = number * interpretable
    single = groups.sums(np.where(runs[groups.of] == 1, total, 0)), count[groups.first]
    has = present(values["total"])[run][groups.first] & (runs == 1)
    there = (shown > 0) | has
    totals = np.where(shown > 0, summed, single[0])
    parts = np.where(shown > 0, common * np.maximum(number, 1), single[1])
    return [
        dates(np.where((latest := groups.most(day)) == NONE, NONE, latest)).alias("occurred"),
        pl.Series("runs", runs),
        pl.Series("readable", good),
        pl.Series("kept", shown),
        flags("spread", spread),
        optional("total", totals, there),
        optional("count", parts, there),
        flags("interpretable", interpretable),
        _findings(runs, good, apart, limits, own, alone).alias("finding"),
        pl.Series("event", groups.most(values["event"].to_numpy()[run])),
    ]


@dataclass(frozen=True, slots=True)
class _Limits:
    """By determination: N as a fraction of scaled units (none: no limit), runs needed, N's text."""

    over: Numbers
    under: Numbers
    limited: Flags
    needed: Numbers
    text: pl.Series


def _limits(values: pl.DataFrame, plan: BiomarkerPlan, run: Numbers, groups: _Groups) -> _Limits:
    replicates: Mapping[str, Replicates | None] = {
        each.code: each.replicates for each in plan.marker.assays
    }
    names, codes = coded(values["assay"])
    rules = [replicates.get(name) for name in names]
    apart = [Fraction(each.most_apart) * SCALE if each else Fraction(0) for each in rules]
    code = codes[run[groups.first]]
    return _Limits(
        over=np.array([each.numerator for each in apart], dtype=np.int64)[code],
        under=np.array([each.denominator for each in apart], dtype=np.int64)[code],
        limited=np.array([each is not None for each in rules], dtype=np.bool_)[code],
        needed=np.array([each.needed if each else 1 for each in rules], dtype=np.int64)[code],
        text=named("text", [decimal_text(each.most_apart) if each else "" for each in rules], code),
    )


def _kept(
    total: Numbers, count: Numbers, readable: Flags, limits: _Limits, groups: _Groups
) -> tuple[Flags, Flags, Flags]:
    """Which runs make the value; by determination, whether the readable ones are spread, and
    whether even the
    nearest are too far apart."""
    spread, apart = (np.zeros(len(groups), dtype=np.bool_) for _ in range(2))
    kept = readable.copy()
    if groups.single:
        return kept, spread, apart
    common = np.ones(len(groups), dtype=np.int64)
    np.lcm.at(common, groups.of[readable], count[readable])
    value = total * (common[groups.of] // count)
    places = np.flatnonzero(readable)
    places = places[np.lexsort((value[places], groups.of[places]))]
    of, sorted_ = groups.of[places], value[places]
    pair = of[1:] == of[:-1]
    gap = sorted_[1:] - sorted_[:-1]
    nearest = np.full(len(groups), NEVER, dtype=np.int64)
    np.minimum.at(nearest, of[1:][pair], gap[pair])
    width = _width(sorted_, of, len(groups))
    bound = limits.over * common

    def beyond(distance: Numbers) -> Flags:
        far: Flags = limits.limited & (distance * limits.under > bound)
        return far

    spread = beyond(width)
    apart = spread & beyond(np.where(nearest == NEVER, 0, nearest))
    near = np.zeros(len(places), dtype=np.bool_)
    nearly = pair & (gap == nearest[of[1:]])
    near[1:] |= nearly
    near[:-1] |= nearly
    kept[places] = ~spread[of] | near
    return kept, spread, apart


def _width(values: Numbers, of: Numbers, number: int) -> Numbers:
    """Highest less lowest value of each of `number` groups; 0 where there is none."""
    high, low = np.full(number, -NEVER, dtype=np.int64), np.full(number, NEVER, dtype=np.int64)
    np.maximum.at(high, of, values)
    np.minimum.at(low, of, values)
    return np.where(high < low, 0, high - low)


def _findings(
    runs: Numbers, good: Numbers, apart: Flags, limits: _Limits, own: pl.Series, alone: Flags
) -> pl.Series:
    """Why a determination cannot be interpreted; null when it can."""
    if alone.all():
        return own
    frame = pl.DataFrame(
        {"runs": runs, "good": good, "needed": limits.needed, "text": limits.text, "own": own}
    )
    far = pl.format("the nearest replicates lie more than {} apart", "text")
    few = pl.format(
        "{} of {} replicates can be interpreted, {} are needed", "good", "runs", "needed"
    )
    return frame.select(
        pl.when(pl.Series(alone))
        .then("own")
        .when(pl.col("good") < pl.col("needed"))
        .then(few)
        .when(pl.Series(apart))
        .then(far)
        .alias("finding")
    ).to_series()


def _sources(
    values: pl.DataFrame, run: Numbers, groups: _Groups, invalidated: pl.DataFrame
) -> pl.Series:
    """The sources of all runs of each determination that count; none of these was invalidated by
    then, and what invalidated one later decided nothing."""
    if groups.single and invalidated.is_empty():
        return gathered(values["sources"], run[groups.first])
    of, deciding = exploded(gathered(values["sources"], run))
    if not invalidated.is_empty():
        later = np.isin(
            pack(values["replicate"].to_numpy().astype(np.int64)[run][of], deciding),
            pack(
                invalidated["replicate"].to_numpy().astype(np.int64), invalidated["seq"].to_numpy()
            ),
        )
        of, deciding = of[~later], deciding[~later]
    return grouped_sources(groups.of[of], deciding, len(groups))
