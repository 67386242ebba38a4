"""What a molecular laboratory has before it: each sample, how far it has come, until when.

Nothing is decided here that the declared path does not say: whether a sample can still give a
status is read off `marker_path`, whether it gave one off `assay_determination`.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from equipoise.biomarker.path import AWAITING_RESULT, TO_BEGIN, standing_on
from equipoise.biomarker.plan import BiomarkerPlan
from equipoise.biomarker.steps import BASES, declared_path
from equipoise.record.rule import KEY, Columns, Tables

EXPECTED, SENT, RECEIVED, IN_WORK, REPORTED, FAILED = (
    "expected", "sent", "received", "in_work", "reported", "failed",
)  # fmt: skip
OPEN = (EXPECTED, SENT, RECEIVED, IN_WORK)
"""States in which something is still to be done."""

SAMPLE_WORK: Columns = {
    **KEY,
    "sample": pl.String,
    "kind": pl.String,
    "step": pl.String,
    "state": pl.String,
    "received": pl.Date,
    "first_result": pl.Date,
    "days": pl.Int64,
    "runs": pl.Int64,
    "due": pl.Date,
    "late": pl.Int64,
    "deadline": pl.Date,
    "finding": pl.String,
}

REDETERMINATION_WORK: Columns = {
    **KEY,
    "samples": pl.List(pl.String),
    "runs": pl.Int64,
    "determined": pl.Boolean,
    "finding": pl.String,
}

Who = tuple[int, str]
"""Replicate and subject."""

_OVER = ("randomised", "screening_failed", "death_recorded", "lost_to_follow_up")


def sample_work(tables: Tables, plan: BiomarkerPlan, today: datetime.date) -> pl.DataFrame:
    """One row per sample of the declared path's steps, and per step for which one is expected.

    A row is a sample that was collected, or one that was made for a step of its own (a re-cut); of
    a subject in screening whose open step has no sample yet it is a row without a sample. `state`:

    - `expected`: no sample yet, or it is still at the hospital; `sent`: on its way,
    - `received`: in the laboratory, nothing made of it and no run on it,
    - `in_work`: something was made of it, or no run so far gives a status and the step is open,
    - `reported`: a determination on it, or on what was made of it, can be interpreted,
    - `failed`: it was found inadequate, or its runs give nothing and its step is spent.

    `runs` are those for randomisation that were not invalidated. `days` is the turnaround from
    reception (of what was made in the laboratory, from its making) to the first result, or to
    `today` where there is none. `due` is the last day of the path's open step if the sample is of
    it and still open, `late` the days by which `today` lies behind that (0: not), `deadline` the
    last day of the path; null where no days run. `finding` is the path's word on why there is no
    status. Sorted by replicate, subject, and the order of the steps.
    """
    paths = _paths(tables, plan, today)
    samples = tables["sample_state"].rows(named=True)
    found = [*_of_samples(samples, tables, plan, paths, today)]
    held = {(*_who(row), row["step"]) for row in found}
    over = {who for name in _OVER for who in tables[name].select(*KEY).iter_rows()}
    first = declared_path(plan).steps[0].code
    for who, path in paths.items():
        step = path["step"] or first
        waits = path["place"] in TO_BEGIN.values() and who not in over
        if waits and (*who, step) not in held:
            found.append(_row(path, None, path["step"], EXPECTED, path, today))
    order = {each.code: place for place, each in enumerate(declared_path(plan).steps)}
    found.sort(key=lambda row: (row["replicate"], row["subject"], order.get(row["step"], 0)))
    return pl.DataFrame(found, schema=dict(SAMPLE_WORK), orient="row")


def _who(row: Mapping[str, Any]) -> Who:
    return row["replicate"], row["subject"]


def _paths(tables: Tables, plan: BiomarkerPlan, today: datetime.date) -> dict[Who, Any]:
    """Where each subject stands today, by the rule in force."""
    path = tables["marker_path"].filter(rule=plan.marker.rule_in_force)
    on = pl.Series([today], dtype=pl.Date).new_from_index(0, len(path))
    return {_who(row): row for row in standing_on(path, on, plan).iter_rows(named=True)}


def _of_samples(
    samples: Sequence[Mapping[str, Any]], tables: Tables, plan: BiomarkerPlan,
    paths: Mapping[Who, Any], today: datetime.date,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    named = {(_who(row), row["sample"]): row for row in samples}
    first = declared_path(plan).steps[0].code
    chains: dict[tuple[Who, str], list[str]] = {}
    for row in samples:
        head = row
        while head["parent"] is not None:
            above = named.get((_who(head), head["parent"]))
            if above is None or above["step"] != head["step"]:
                break
            head = above
        chains.setdefault((_who(row), head["sample"]), []).append(row["sample"])
    runs, read = _runs(tables)
    for key, chain in chains.items():
        row, path = named[key], paths.get(key[0])
        members = [named[key[0], each] for each in chain]
        number = sum(runs.get((key[0], each), 0) for each in chain)
        readable = any((key[0], each) in read for each in chain)
        state = _state(row, members, number, readable, path, row["step"] or first)
        yield _row(row, row["sample"], row["step"] or first, state, path, today, runs=number)


def _runs(tables: Tables) -> tuple[dict[tuple[Who, str], int], set[tuple[Who, str]]]:
    """By subject and sample: runs for randomisation, and whether a determination can be read."""
    values = tables["assay_value"].filter(pl.col("purpose") == BASES[0], ~pl.col("invalidated"))
    counted = values.group_by(*KEY, "sample").len()
    found = tables["assay_determination"].filter(
        pl.col("basis") == BASES[0], pl.col("interpretable")
    )
    number = {((row[0], row[1]), row[2]): row[3] for row in counted.iter_rows()}
    return number, {((row[0], row[1]), row[2]) for row in found.select(*KEY, "sample").iter_rows()}


def _state(
    row: Mapping[str, Any], chain: Sequence[Mapping[str, Any]], runs: int, readable: bool,
    path: Mapping[str, Any] | None, step: str,
) -> str:  # fmt: skip
    if readable:
        return REPORTED
    if row["place"] == "transit":
        return SENT
    if row["place"] == "site":
        return EXPECTED
    if row["adequate"] is False and not any(each["adequate"] for each in chain):
        return FAILED
    if runs:
        open_ = path is not None and path["place"] == AWAITING_RESULT and path["step"] == step
        return IN_WORK if open_ else FAILED
    return IN_WORK if len(chain) > 1 else RECEIVED


def _row(
    of: Mapping[str, Any], sample: str | None, step: str | None, state: str,
    path: Mapping[str, Any] | None, today: datetime.date, *, runs: int = 0,
) -> dict[str, Any]:  # fmt: skip
    begun = of.get("received") or (of.get("taken") if of.get("parent") else None)
    days = of.get("days_to_result") if sample else None
    if days is None and begun is not None and state in (RECEIVED, IN_WORK):
        days = (today - begun).days
    open_ = state in OPEN and path is not None and path["step"] == step
    due = path["due"] if open_ and path else None
    return {
        **{name: of[name] for name in KEY},
        "sample": sample, "kind": of.get("kind"), "step": step, "state": state,
        "received": of.get("received") if sample else None,
        "first_result": of.get("first_result") if sample else None,
        "days": days, "runs": runs, "due": due,
        "late": max((today - due).days, 0) if due else 0,
        "deadline": path["deadline"] if path else None,
        "finding": path["finding"] if path else None,
    }  # fmt: skip


def redetermination_work(tables: Tables) -> pl.DataFrame:
    """One row per randomised subject with a sample: what was determined again, and what was not.

    `samples` are those in the laboratory that nobody found inadequate. `runs` are those for the
    redetermination that were not invalidated; `determined`: one determination of them can be
    interpreted, else `finding` says why the last cannot. Nothing tells an arm or an outcome (BM1).
    """
    again = BASES[1]
    values = tables["assay_value"].filter(pl.col("purpose") == again, ~pl.col("invalidated"))
    found = tables["assay_determination"].filter(
        pl.col("basis") == again, pl.col("purpose") == again
    )
    samples = tables["sample_state"].filter(
        pl.col("place") == "laboratory", pl.col("adequate").fill_null(True)
    )
    rows = []
    for row in tables["randomised"].sort("replicate", "subject").iter_rows(named=True):
        key = {name: row[name] for name in KEY}
        mine = [frame.filter(**key) for frame in (samples, values, found)]
        readable = mine[2].filter("interpretable")
        last = mine[2].sort("occurred", "event")["finding"]
        rows.append({
            **key, "samples": mine[0]["sample"].to_list(), "runs": len(mine[1]),
            "determined": len(readable) > 0,
            "finding": last[-1] if len(last) and not len(readable) else None,
        })  # fmt: skip
    return pl.DataFrame(rows, schema=dict(REDETERMINATION_WORK), orient="row")
