"""The calendar of cycles, their delays, and how much of the planned dose was given in what time."""

from __future__ import annotations

import numpy as np
import polars as pl

from equipoise.record.columns import firsts, optional
from equipoise.record.rule import KEY, SOURCES, Columns, Tables, no_rows
from equipoise.record.short_column import beside
from equipoise.record.sources import array_sources
from equipoise.record.subject_rows import (
    NONE,
    Numbers,
    SubjectRows,
    coded,
    dates,
    days,
    grouped_sources,
    in_order,
    pack,
)
from equipoise.treatment.dose_decision import regimen_places
from equipoise.treatment.plan import TreatmentPlan

SHARE_SCALE = 10_000
"""Shares are kept in 1/100 per cent."""

TREATMENT_CYCLE: Columns = {
    **KEY,
    "cycle": pl.Int64,
    "regimen": pl.String,
    "started": pl.Date,
    "due": pl.Date,
    "delay": pl.Int64,
    "next_due": pl.Date,
    "days": pl.Int64,
    "planned_days": pl.Int64,
    **SOURCES,
}
DOSE_INTENSITY: Columns = {
    **KEY,
    "cycle": pl.Int64,
    "drug": pl.String,
    "planned": pl.Int64,
    "administered": pl.Int64,
    "relative_dose": pl.Int64,
    "relative_intensity": pl.Int64,
    **SOURCES,
}
RELATIVE_DOSE_INTENSITY: Columns = {
    **KEY,
    "drug": pl.String,
    "cycles": pl.Int64,
    "planned": pl.Int64,
    "administered": pl.Int64,
    "days": pl.Int64,
    "planned_days": pl.Int64,
    "relative_dose": pl.Int64,
    "relative_intensity": pl.Int64,
    **SOURCES,
}
CYCLES: Columns = {
    **KEY,
    "occurred": pl.Date,
    "seq": pl.Int64,
    "cycle": pl.Int64,
    "regimen": pl.String,
}
PLANNED: Columns = {
    **KEY,
    "cycle": pl.Int64,
    "drug": pl.String,
    "cycle_amount": pl.Int64,
    **SOURCES,
}
GIVEN: Columns = {
    **KEY,
    "seq": pl.Int64,
    "cycle": pl.Int64,
    "drug": pl.String,
    "administrations": pl.Int64,
    "amount": pl.Int64,
}
"""What the rules read of other tables."""


def treatment_cycle(tables: Tables, plan: TreatmentPlan) -> pl.DataFrame:
    """When each cycle was due and began, sorted by replicate, subject, cycle.

    A cycle is due when the cycle before, as long as its regimen plans, is over; `due` and `delay`
    (days, negative when it came early) are null for the first one. `days` is how long the cycle
    lasted: to the start of the next one, and as planned where there is none. What rests on the
    length of a regimen that this version of the study does not have is null.
    """
    started = tables["cycle_started"]
    if started.is_empty():
        return no_rows(TREATMENT_CYCLE)
    subjects = SubjectRows(started)
    cycles = in_order(started, pack(subjects.rows(started), started["cycle"].to_numpy()))
    rows, on = subjects.rows(cycles), days(cycles["occurred"])
    lengths = [*(regimen.cycle_days for regimen in plan.regimens), NONE]
    length = np.array(lengths)[regimen_places(cycles["regimen"], plan)]
    over = np.where((length == NONE) | (on == NONE), NONE, on + length)
    again = np.concatenate((rows[1:] == rows[:-1], [False]))
    follows = np.concatenate(([False], again[:-1]))
    due = np.where(follows, np.roll(over, 1), NONE)
    following = np.where(again, np.roll(on, -1), over)
    return beside(
        [
            *(cycles[name] for name in (*KEY, "cycle", "regimen")),
            dates(on).alias("started"),
            dates(due).alias("due"),
            _difference("delay", on, due),
            dates(over).alias("next_due"),
            _difference("days", following, on),
            optional("planned_days", length, length != NONE),
            array_sources([cycles["seq"].to_numpy()]),
        ]
    )


def dose_intensity(tables: Tables, plan: TreatmentPlan) -> pl.DataFrame:
    """What was given of each drug in each cycle beside what the regimen plans, in 1/100 mg.

    Sorted by replicate, subject, cycle, drug. `planned` is the regimen's own dose, before any
    modification. `relative_dose` = administered / planned; `relative_intensity` = the same per day:
    (administered / days) / (planned / planned days); both in 1/100 %, rounded half up (Hryniuk W,
    Bush H, J Clin Oncol 1984;2:1281). The intensity is null where the length of the cycle is not
    known or nothing.
    """
    planned, given = tables["planned_dose"], tables["dose_given"]
    if planned.is_empty():
        return no_rows(DOSE_INTENSITY)
    subjects = SubjectRows(planned)
    drugs, codes = coded(pl.concat([planned["drug"], given["drug"]]))
    width = int(planned["cycle"].max()) + 1  # type: ignore[arg-type]
    of_planned = _place(subjects, planned, codes[: len(planned)], width, len(drugs))
    order = np.argsort(of_planned, kind="stable")
    planned, of_planned = planned[order], of_planned[order]
    of_given = _place(subjects, given, codes[len(planned) :], width, len(drugs))
    at = np.minimum(np.searchsorted(of_planned, of_given), len(of_planned) - 1)
    there = np.flatnonzero((of_planned[at] == of_given) & given["amount"].is_not_null().to_numpy())
    amounts = (given["amount"] * given["administrations"]).fill_null(0).to_numpy()
    administered = np.zeros(len(planned), dtype=np.int64)
    np.add.at(administered, at[there], amounts[there])
    wanted = planned["cycle_amount"].to_numpy()
    lasted, length = _lengths(tables["treatment_cycle"], subjects, planned)
    groups = np.concatenate([np.arange(len(planned)), at[there]])
    cycle_seq = firsts(planned["sources"])
    seqs = np.concatenate([cycle_seq, given["seq"].to_numpy()[there]])
    return planned.select(*KEY, "cycle", "drug").hstack(
        [
            pl.Series("planned", wanted),
            pl.Series("administered", administered),
            _share("relative_dose", administered, wanted),
            _share("relative_intensity", administered * length, wanted * lasted),
            grouped_sources(groups, seqs, len(planned)),
        ]
    )


def relative_dose_intensity(tables: Tables, plan: TreatmentPlan) -> pl.DataFrame:
    """The same of each drug over all cycles, sorted by replicate, subject, drug.

    Sums go over the cycles that plan the drug: relative intensity = (sum administered / sum of
    days) / (sum planned / sum of planned days), so that delays of whole cycles lower it.
    """
    found = tables["dose_intensity"]
    if found.is_empty():
        return no_rows(RELATIVE_DOSE_INTENSITY)
    subjects = SubjectRows(found)
    drugs, codes = coded(found["drug"])
    rows = subjects.rows(found)
    groups = rows * len(drugs) + codes
    number = len(subjects) * len(drugs)
    there = np.flatnonzero(np.bincount(groups, minlength=number))
    lasted, length = _lengths(tables["treatment_cycle"], subjects, found)

    def total(values: Numbers) -> Numbers:
        sums = np.zeros(number, dtype=np.int64)
        np.add.at(sums, groups, values)
        return sums[there]

    planned, administered = (total(found[name].to_numpy()) for name in ("planned", "administered"))
    spent, meant = total(lasted), total(length)
    sources = found["sources"]
    return subjects.key[there // len(drugs)].hstack(
        [
            drugs.gather(there % len(drugs)).alias("drug"),
            pl.Series("cycles", np.bincount(groups, minlength=number)[there]),
            pl.Series("planned", planned),
            pl.Series("administered", administered),
            pl.Series("days", spent),
            pl.Series("planned_days", meant),
            _share("relative_dose", administered, planned),
            _share("relative_intensity", administered * meant, planned * spent),
            grouped_sources(
                np.repeat(groups, sources.list.len().to_numpy()),
                sources.list.explode(keep_nulls=False, empty_as_null=False).to_numpy(),
                number,
            ).gather(there),
        ]
    )


def _place(
    subjects: SubjectRows, frame: pl.DataFrame, drug: Numbers, width: int, drugs: int
) -> Numbers:
    """One number for each subject, cycle and drug, in this order; -1 for a subject or cycle that
    plans nothing."""
    rows, cycle = subjects.rows(frame), frame["cycle"].to_numpy()
    return np.where((rows >= 0) & (cycle < width), (rows * width + cycle) * drugs + drug, -1)


def _lengths(
    cycles: pl.DataFrame, subjects: SubjectRows, frame: pl.DataFrame
) -> tuple[Numbers, Numbers]:
    """Of the cycle of each row, how many days it lasted and how many it was planned for."""
    width = int(cycles["cycle"].max()) + 1  # type: ignore[arg-type]
    keys = subjects.rows(cycles) * width + cycles["cycle"].to_numpy()
    wanted = subjects.rows(frame) * width + frame["cycle"].to_numpy()
    order = np.argsort(keys, kind="stable")
    at = order[np.searchsorted(keys[order], wanted)]
    lasted, length = (cycles[name].fill_null(0).to_numpy()[at] for name in ("days", "planned_days"))
    return lasted, length


def _difference(name: str, later: Numbers, earlier: Numbers) -> pl.Series:
    known = (later != NONE) & (earlier != NONE)
    return optional(name, np.where(known, later, 0) - np.where(known, earlier, 0), known)


def _share(name: str, part: Numbers, whole: Numbers) -> pl.Series:
    """`part` of `whole` in 1/100 %, rounded half up; null where `whole` is nothing."""
    known = whole > 0
    divisor = np.where(known, whole, 1)
    found = (2 * SHARE_SCALE * part + divisor) // (2 * divisor)
    return optional(name, found, known)
