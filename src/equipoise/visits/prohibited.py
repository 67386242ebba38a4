"""What a subject was given although the protocol does not allow it beside the trial's treatment."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from equipoise.record.partial_date import stretch
from equipoise.record.plan import Plan
from equipoise.record.rule import KEY, SOURCES, Columns, Tables
from equipoise.record.sources import row_sources
from equipoise.visits.plan import ProhibitedTherapy

PROHIBITED_THERAPY: Columns = {
    **KEY,
    "prohibition": pl.String,
    "entry": pl.String,
    "code": pl.String,
    "day": pl.Date,
    "first": pl.Date,
    "last": pl.Date,
    "since": pl.Date,
    "until": pl.Date,
    **SOURCES,
}
_DATED: Columns = {**KEY, "occurred": pl.Date, "seq": pl.Int64}
REQUIRES: dict[str, Columns] = {
    "concomitant_medication_recorded": {
        **_DATED,
        "entry": pl.String,
        "drug_class": pl.String,
        "start": pl.String,
        "end": pl.String,
        "ongoing": pl.Boolean,
    },
    "subsequent_therapy_recorded": {**_DATED, "entry": pl.String, "therapy": pl.String},
    "procedure_recorded": {**_DATED, "entry": pl.String, "procedure": pl.String},
    "randomised": {**_DATED, "arm": pl.String},
    "cycle_started": {**_DATED, "regimen": pl.String},
    "disposition": {
        **KEY,
        "first_dose": pl.Date,
        "last_dose": pl.Date,
        "treatment_discontinued": pl.Date,
    },
    "progression": {
        **KEY,
        "evaluator": pl.String,
        "progressed": pl.Boolean,
        "progression": pl.Date,
        "last_adequate_assessment": pl.Date,
    },
}
"""The tables that the rule reads, with their columns."""


class ProhibitionPlan(Plan):
    """What is not allowed, and by whose reading of the tumour a subject has progressed."""

    prohibited: tuple[ProhibitedTherapy, ...] = ()
    evaluator: str = ""


def prohibited_therapy(tables: Tables, plan: ProhibitionPlan) -> pl.DataFrame:
    """One row per entry of a medicine, later therapy or procedure that a randomised subject had in
    a period in which the study file prohibits it, and per prohibition (`prohibition`: its code).

    `entry` and `code` say what was recorded, `day` the first day in the period on which it was
    given. A medicine was taken from `first` to `last`: from the first day that its start can mean,
    null for one that is not known, to the last that its end can mean, null while it goes on; one
    that ended on a day nobody knows was taken until that of its entry, and on its first day where
    that is later (DT1, as in rules on doses).
    Of a later therapy and of a procedure the day recorded counts alone; without one it is not known
    to be in the period.

    The period goes from `since` to `until`, both included; `until` is null while it goes on. It is
    that of `ProhibitedTherapy`. A progression of which the day is not known ends it with the last
    adequate assessment before.

    Sorted by replicate, subject, day, prohibition, entry. `sources`: the entry, the randomisation.
    ICH E3, 9.4.7 and 10.2: prior and concomitant therapy, prohibited treatment as a deviation.
    """
    randomised = tables["randomised"]
    parts = []
    for each in plan.prohibited if len(randomised) else ():
        given = [part for part in _given(tables, each) if len(part)]
        if not given:
            continue
        period = _period(tables, each, plan.evaluator)
        both = pl.concat(given).join(period, [*KEY], "inner")
        from_then = pl.max_horizontal("first", "since")
        inside = (pl.col("last").is_null() | (pl.col("last") >= pl.col("since"))) & (
            pl.col("until").is_null() | (from_then <= pl.col("until"))
        )
        found = both.filter(inside).with_columns(
            pl.lit(each.code).alias("prohibition"), from_then.alias("day")
        )
        seqs = row_sources(found["seq"], found["seq_randomised"])
        parts.append(found.with_columns(seqs.alias("sources")).select(*PROHIBITED_THERAPY))
    if not parts:
        return pl.DataFrame(schema=PROHIBITED_THERAPY)
    return pl.concat(parts).sort(*KEY, "day", "prohibition", "entry", maintain_order=True)


def _given(tables: Tables, each: ProhibitedTherapy) -> Iterator[pl.DataFrame]:
    """Medicines, later therapies and procedures of the codes, with their first and last day."""
    columns = [*KEY, "seq", "entry", "code", "first", "last"]
    first, last = stretch("start", "end", "ongoing", "occurred")
    if each.medication_classes:
        taken = tables["concomitant_medication_recorded"].filter(
            pl.col("drug_class").is_in(each.medication_classes)
        )
        yield taken.with_columns(
            pl.col("drug_class").alias("code"), first.alias("first"), last.alias("last")
        ).select(columns)
    for table, name, codes in (
        ("subsequent_therapy_recorded", "therapy", each.therapies),
        ("procedure_recorded", "procedure", each.procedures),
    ):
        if codes:
            done = tables[table].filter(
                pl.col(name).is_in(codes) & pl.col("occurred").is_not_null()
            )
            day = pl.col("occurred")
            yield done.with_columns(
                pl.col(name).alias("code"), day.alias("first"), day.alias("last")
            ).select(columns)


def _period(tables: Tables, each: ProhibitedTherapy, evaluator: str) -> pl.DataFrame:
    """The period of every randomised subject to whom the prohibition applies."""
    entered = tables["randomised"].select(
        *KEY,
        "arm",
        (pl.col("occurred") + pl.duration(days=1)).alias("since"),
        pl.col("seq").alias("seq_randomised"),
    )
    if each.arms:
        entered = entered.filter(pl.col("arm").is_in(each.arms))
    fate = tables["disposition"].select(*KEY, "first_dose", "last_dose", "treatment_discontinued")
    entered = entered.join(fate, [*KEY], "left")
    if each.since == "first_dose":
        entered = entered.with_columns(since="first_dose").filter(pl.col("since").is_not_null())
    if each.regimens:
        begun = tables["cycle_started"].filter(pl.col("regimen").is_in(each.regimens))
        begun = begun.group_by(*KEY).agg(pl.col("occurred").min().alias("begun"))
        entered = entered.join(begun, [*KEY], "inner").with_columns(
            pl.max_horizontal("since", "begun").alias("since")
        )
    before = pl.duration(days=1)
    if each.until == "progression":
        read = tables["progression"].filter(pl.col("evaluator") == evaluator, "progressed")
        read = read.select(*KEY, "progressed", "progression", "last_adequate_assessment")
        entered = entered.join(read, [*KEY], "left")
        known = pl.coalesce("last_adequate_assessment", pl.col("since") - before)
        until = pl.when("progressed").then(pl.coalesce(pl.col("progression") - before, known))
    else:
        stopped = pl.col("treatment_discontinued")
        treated = pl.col("last_dose") + pl.duration(days=each.days_after)
        until = pl.when(stopped.is_not_null()).then(pl.max_horizontal(stopped - before, treated))
    return entered.select(*KEY, "seq_randomised", "since", until.alias("until"))
