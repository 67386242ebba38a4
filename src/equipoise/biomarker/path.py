"""What is done when nothing can be read: where a subject stands on the declared path, until when.

The study declares the steps (first sample, re-cut, re-biopsy) in order, the days that each has, and
what holds at the end. A determination that comes after the deadline does not make a status.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl

from equipoise.biomarker.plan import BiomarkerPlan, Material
from equipoise.biomarker.steps import (
    BASES,
    NEVER,
    Path,
    allocated_at,
    declared_path,
    last_day,
    off_the_path,
    sample_places,
    start_of,
    step_of_sample,
    steps_of,
    without,
)
from equipoise.biomarker.touched import on_each_basis
from equipoise.record.columns import among, exploded, kept, named, present
from equipoise.record.rule import KEY, SOURCES, Columns, Tables, no_rows
from equipoise.record.subject_rows import (
    NONE,
    Flags,
    Found,
    Numbers,
    SubjectRows,
    coded,
    dates,
    days,
    gathered,
    grouped_sources,
    whole,
)

MARKER_PATH: Columns = {
    **KEY,
    "rule": pl.String,
    "place": pl.String,
    "status": pl.String,
    "step": pl.String,
    "due": pl.Date,
    "deadline": pl.Date,
    "decided": pl.Date,
    "finding": pl.String,
    **SOURCES,
}

DETERMINED, PAST, ENDED, AWAITING_RESULT = (
    "determined", "past_deadline", "ended", "awaiting_result",
)  # fmt: skip
TO_BEGIN: Mapping[Material, str] = {
    "first": "awaiting_sample",
    "recut": "to_be_recut",
    "rebiopsy": "to_be_rebiopsied",
}
"""Where a subject stands whose open step, by its material, has no sample yet."""
PLACES = (DETERMINED, PAST, ENDED, AWAITING_RESULT, *TO_BEGIN.values())


def marker_path(tables: Tables, plan: BiomarkerPlan) -> pl.DataFrame:
    """Where each subject stands, screened or with a sample, by each version of the marker's rule.

    A step of the declared path is spent when each of its assays was tried for randomisation on
    samples of that step (one determination that can be interpreted, or as many runs as one needs,
    together or apart, while none with a value waits for its second run), or when samples of that
    step were recorded and none is left that was not found inadequate (one of which another was made
    within the step does not count). The open step is the first that is not spent. The first sample
    is every sample that was not recorded for another step, nor made of one that was. Of a
    randomised subject the samples count that were recorded before, and always those of the
    materials that the path names. `place`:

    1. `determined`: the status is known as marker_status gives it on basis `randomisation`, to
       which no run after the deadline counts. `step` is that of the sample.
    2. `past_deadline`: there is none, and the randomisation came after the deadline, or a run for
       it that stood when the subject was randomised, or stands now while it is not. `step` is the
       open step, if there is one.
    3. `ended`: every step is spent and there is no status.
    4. `awaiting_result`: there is a sample of the open step.
    5. `awaiting_sample`, `to_be_recut`, `to_be_rebiopsied`: there is none; the step's material says
       which. `step` is the open step.

    `status` is the marker's at 1, the status of a stratum of its own at 2 and 3 if the study
    declares one, else null. The days of a step run from the consent that the study names (its first
    signature) or from the first reception of a sample; `due` is the last day of the open step (null
    at 1 to 3), `deadline` that of the last one, both null while nothing runs; `decided` the day of
    the result. `finding` says why there is no status. A study without a declared path has one step,
    `first`, and no deadline. Of a randomised subject everything is as the record had it at the
    allocation. Key and `rule`.
    """
    return on_each_basis(_standing_now, tables, plan, (*KEY, "rule"))


def _standing_now(tables: Tables, plan: BiomarkerPlan) -> pl.DataFrame:
    """The rows of `marker_path` from these tables alone, whenever what they hold was recorded."""
    screened, found = tables["subject_screened"], tables["assay_determination"]
    subjects = SubjectRows(screened, tables["sample_collected"], found)
    if not len(subjects):
        return no_rows(MARKER_PATH)
    path = declared_path(plan)
    state = _state(subjects, tables, path, plan)
    rules = sorted(rule.version for rule in plan.marker.rules)
    statuses = tables["marker_status"]
    statuses = kept(statuses, among(statuses["basis"], BASES[:1]))
    place_of = np.full((len(subjects), len(rules)), -1, dtype=np.int64)
    if not statuses.is_empty():
        names, code = coded(statuses["rule"])
        number = np.array([rules.index(name) for name in names])[code]
        place_of[subjects.rows(statuses), number] = np.arange(len(statuses))
    row, rule = (each.ravel() for each in np.indices(place_of.shape))
    runs = without(tables["assay_value"], off_the_path(tables["sample_state"], path))
    late = _late_runs(subjects, runs, tables["randomised"], state.deadline)
    return pl.DataFrame(
        [
            *(gathered(subjects.key[name], row) for name in KEY),
            named("rule", rules, rule),
            *_standing(subjects, state, path, statuses, place_of.ravel(), row, late),
        ]
    )


def standing_on(path: pl.DataFrame, on: pl.Series, plan: BiomarkerPlan) -> pl.DataFrame:
    """`path` as it stands on the days `on`, one for each row: who is past the deadline by then."""
    declared = plan.marker.path
    deadline = days(path["deadline"])
    late = (deadline != NONE) & (days(on) > deadline)
    late &= ~among(path["place"], [DETERMINED, PAST, ENDED])
    if not late.any():
        return path
    passed = pl.lit(pl.Series(late))
    return path.with_columns(
        place=pl.when(passed).then(pl.lit(PAST)).otherwise("place"),
        due=pl.when(~passed).then("due"),
        status=pl.when(passed)
        .then(pl.lit(declared and declared.status, dtype=pl.String))
        .otherwise("status"),
        finding=pl.when(passed).then(_no_status_by("deadline")).otherwise("finding"),
    )


def _no_status_by(deadline: str) -> pl.Expr:
    return pl.format("no status by the deadline {}", deadline)


@dataclass(frozen=True, slots=True)
class _State:
    """By subject: the place of the open step (after the last: none), whether it has a sample, the
    last days of it and of the path, the day of randomisation, why there is no status. `step_of`
    gives the step of the sample of each row of a table."""

    open_: Numbers
    begun: Flags
    due: Numbers
    deadline: Numbers
    randomised: Numbers
    step_of: Callable[[pl.DataFrame], Numbers]
    finding: pl.Series
    sources: pl.Series


def _state(subjects: SubjectRows, tables: Tables, path: Path, plan: BiomarkerPlan) -> _State:
    samples = tables["sample_state"]
    steps, number = len(path.steps), len(subjects)
    randomised = subjects.first(subjects.dated(tables["randomised"]))
    samples = _of_the_path(samples, subjects, tables["randomised"], path)
    step = steps_of(samples, path)
    rows = subjects.rows(samples)
    has = np.zeros((number, steps), dtype=np.bool_)
    has[rows, step] = True
    usable = _usable(samples, rows, step, has.shape)
    found = tables["assay_determination"]
    found = kept(found, among(found["basis"], BASES[:1]))
    own = step_of_sample(samples, step, found)
    tried = subjects.rows(found)
    spent = (has & ~usable) | _all_tried(found, own, tried, path, plan, number)
    open_ = np.where(spent.all(axis=1), steps, np.argmin(spent, axis=1))
    every = np.arange(number)
    last = np.minimum(open_, steps - 1)
    start = start_of(subjects, tables, path)
    unfit = whole(samples["judgement"], -1)
    return _State(
        open_=open_,
        begun=has[every, last] & (open_ < steps),
        due=last_day(start, np.array([each.days for each in path.steps])[last]),
        deadline=last_day(start, np.full(number, path.steps[-1].days)),
        randomised=randomised.day,
        step_of=partial(step_of_sample, samples, step),
        finding=_why(path, open_, has[every, last], found, own, tried),
        sources=_sources(found["sources"], tried, rows, unfit, start, number),
    )


def _of_the_path(
    samples: pl.DataFrame, subjects: SubjectRows, randomised: pl.DataFrame, path: Path
) -> pl.DataFrame:
    """The samples of the path's materials, of a randomised subject those recorded before."""
    samples = without(samples, off_the_path(samples, path))
    before = (
        samples["event"].to_numpy() < allocated_at(subjects, randomised)[subjects.rows(samples)]
    )
    return kept(samples, before)


def _all_tried(
    found: pl.DataFrame, own: Numbers, tried: Numbers, path: Path, plan: BiomarkerPlan, number: int
) -> Flags:
    """By subject and step, whether each of its assays was tried: with a determination that can be
    interpreted, or with as many runs as one needs and none that waits for a second run."""
    needed = {
        each.code: each.replicates.needed if each.replicates else 1 for each in plan.marker.assays
    }
    runs, good = found["runs"].to_numpy(), found["interpretable"].to_numpy()
    begun = ~good & (found["readable"].to_numpy() > 0)
    result = np.ones((number, len(path.steps)), dtype=np.bool_)
    for place, each in enumerate(path.steps):
        for assay in each.assays:
            mine = (own == place) & among(found["assay"], [assay])
            attempts = np.zeros(number, dtype=np.int64)
            np.add.at(attempts, tried[mine], runs[mine])
            enough = attempts >= needed[assay]
            enough[tried[mine & begun & (runs < needed[assay])]] = False
            enough[tried[mine & good]] = True
            result[:, place] &= enough
    return result


def _usable(samples: pl.DataFrame, rows: Numbers, step: Numbers, shape: tuple[int, int]) -> Flags:
    """By subject and step: a sample not found inadequate, of which none was made in that step."""
    last = np.ones(len(samples), dtype=np.bool_)
    if samples["parent"].null_count() < len(samples):
        parent = sample_places(samples, samples, "parent")
        within = (parent >= 0) & (step[parent] == step)
        last[parent[within]] = False
    fit = whole(samples["adequate"], 1) > 0
    usable = np.zeros(shape, dtype=np.bool_)
    usable[rows[last & fit], step[last & fit]] = True
    return usable


def _why(
    path: Path,
    open_: Numbers,
    begun: Flags,
    found: pl.DataFrame,
    own: Numbers,
    tried: Numbers,
) -> pl.Series:
    """Why there is no status: what the last spent step came to, else what the first one lacks."""
    why = [f"there is no sample of the step {path.steps[0].code}"]
    why += [
        f"not every assay of the step {each.code} has been tried on a sample that is adequate: "
        + ", ".join(each.assays)
        for each in path.steps[:1]
    ]
    why += [f"no sample of the step {each.code} is adequate" for each in path.steps]
    why.append("no version of the rule reads it")
    code = np.where(open_ > 0, 1 + open_, begun.astype(np.int64))
    event = found["event"].to_numpy()
    latest = np.full(len(open_), -1, dtype=np.int64)
    last = own == open_[tried] - 1
    np.maximum.at(latest, tried[last], event[last])
    winners = np.flatnonzero(last & (event == latest[tried]))
    place = np.full(len(open_), -1, dtype=np.int64)
    place[tried[winners]] = winners
    code[place >= 0] = len(why) - 1
    told = np.append(present(found["finding"]), False)[place]
    texts = pl.concat([pl.Series("finding", why, dtype=pl.String), found["finding"]])
    return gathered(texts, np.where(told, len(why) + place, code))


def _late_runs(
    subjects: SubjectRows, values: pl.DataFrame, randomised: pl.DataFrame, deadline: Numbers
) -> Flags:
    """Whether a subject has a run for randomisation that came after the deadline, and that stood
    when the subject was randomised, or stands now while it is not."""
    rows, day = subjects.rows(values), days(values["occurred"])
    last, at = deadline[rows], allocated_at(subjects, randomised)[rows]
    late = (last != NONE) & (day > last) & among(values["purpose"], BASES[:1])
    invalidated = whole(values["invalidation"], NEVER)
    stood = (values["event"].to_numpy() <= at) & (invalidated >= at)
    found = np.zeros(len(subjects), dtype=np.bool_)
    found[rows[late & stood]] = True
    return found


def _sources(
    lists: pl.Series, tried: Numbers, rows: Numbers, judged: Numbers, start: Found, number: int
) -> pl.Series:
    """Of each subject what was tried, what found a sample inadequate, what the days run from."""
    of, deciding = exploded(lists)
    groups = [tried[of], rows, np.arange(number)]
    seqs = [deciding, judged, start.seq]
    return grouped_sources(np.concatenate(groups), np.concatenate(seqs), number)


def _standing(
    subjects: SubjectRows,
    state: _State,
    path: Path,
    statuses: pl.DataFrame,
    place_of: Numbers,
    row: Numbers,
    late: Flags,
) -> list[pl.Series]:
    """The columns of MARKER_PATH of each subject and rule, from `place` on."""
    status = gathered(statuses["status"], place_of)
    known = present(status)
    late = late | ((state.deadline != NONE) & (state.randomised > state.deadline))
    gone = ~known & late[row]
    ended = ~known & ~gone & (state.open_[row] == len(path.steps))
    over = gone | ended
    begins = [TO_BEGIN[step.material] for step in path.steps]
    place = np.where(state.begun[row], 3, 4 + state.open_[row])
    place[known], place[gone], place[ended] = 0, 1, 2
    if path.status is not None and over.any():
        own = pl.Series("status", [path.status], dtype=pl.String)
        status = gathered(
            pl.concat([status, own]), np.where(over, len(status), np.arange(len(status)))
        )
    step = state.open_[row]
    step[known] = state.step_of(statuses)[place_of[known]]
    deadline = state.deadline[row]
    finding = gathered(state.finding, np.where(known, -1, row))
    if gone.any():
        passed = pl.DataFrame({"deadline": dates(deadline), "finding": finding})
        told = pl.when(pl.Series(gone)).then(_no_status_by("deadline")).otherwise("finding")
        finding = passed.select(told).to_series()
    sources = pl.concat([state.sources, statuses["sources"]])
    return [
        named("place", [DETERMINED, PAST, ENDED, AWAITING_RESULT, *begins], place),
        status.alias("status"),
        named("step", [*(each.code for each in path.steps), None], step),
        dates(np.where(known | over, NONE, state.due[row])).alias("due"),
        dates(deadline).alias("deadline"),
        gathered(statuses["decided"], place_of).alias("decided"),
        finding.alias("finding"),
        gathered(sources, np.where(known, len(subjects) + place_of, row)).alias("sources"),
    ]
