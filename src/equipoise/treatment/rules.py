"""From body measures to doses, and from doses given to exposure, in whole numbers.

Body surface area is an integer of 1/10000 m2, an amount an integer of 1/100 mg; both are rounded
half up, once each, and nothing is compared or summed as a binary fraction.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import polars as pl

from equipoise.record.declaration import schema
from equipoise.record.rule import KEY, SOURCES, Columns, TableRule, Tables
from equipoise.record.subject_rows import (
    NONE,
    Numbers,
    SubjectRows,
    coded,
    dates,
    days,
    grouped_sources,
    pack,
)
from equipoise.treatment.accountability import ACCOUNTABILITY, REQUIRES, accountability
from equipoise.treatment.amount import AMOUNT_SCALE, AREA_SCALE
from equipoise.treatment.answers import DOSING_ANSWER, FORM_ITEM, dosing_answer
from equipoise.treatment.area import body_surface_area
from equipoise.treatment.departure import REQUIRES as DEPARTED_FROM
from equipoise.treatment.departure import TREATMENT_DEPARTURE, treatment_departure
from equipoise.treatment.dose_decision import CYCLE_STARTED, DOSE_DECISION, dose_decision
from equipoise.treatment.events import CycleStarted, DoseGiven
from equipoise.treatment.intensity import (
    CYCLES,
    DOSE_INTENSITY,
    GIVEN,
    PLANNED,
    RELATIVE_DOSE_INTENSITY,
    TREATMENT_CYCLE,
    dose_intensity,
    relative_dose_intensity,
    treatment_cycle,
)
from equipoise.treatment.medication import TAKEN
from equipoise.treatment.options import RANDOMISED, REGIMEN_OPTION, regimen_option
from equipoise.treatment.plan import Dose, TreatmentPlan
from equipoise.treatment.toxicity import FOLLOWED_UP, REPORTED

SUBJECT = tuple(KEY)
CYCLE = (*SUBJECT, "cycle")
DRUG = (*SUBJECT, "drug")

WAS_GIVEN = (pl.col("amount") > 0) & (pl.col("administrations") > 0)
"""Whether something was given of a dose: a row of `dose_given`."""

PLANNED_DOSE: Columns = {
    **KEY,
    "cycle": pl.Int64,
    "regimen": pl.String,
    "drug": pl.String,
    "occurred": pl.Date,
    "body_surface_area": pl.Int64,
    "amount": pl.Int64,
    "times_per_day": pl.Int64,
    "administrations": pl.Int64,
    "cycle_amount": pl.Int64,
    "released": pl.Boolean,
    **SOURCES,
}
_NEVER = np.iinfo(np.int64).max

EXPOSURE: Columns = {
    **KEY,
    "drug": pl.String,
    "cycles": pl.Int64,
    "administered": pl.Int64,
    "planned": pl.Int64,
    "first_dose": pl.Date,
    "last_dose": pl.Date,
    **SOURCES,
}


def planned_dose(tables: Tables, plan: TreatmentPlan) -> pl.DataFrame:
    """What each cycle that was started plans of each drug, sorted by replicate, subject, cycle,
    regimen, drug.

    `amount` per administration = dose in mg/m2 x body surface area, or a fixed dose in mg, rounded
    half up to 1/100 mg. `administrations` = days x times a day; `cycle_amount` is their product.
    `released` is true when the dose has a source signed by pharmacist and investigator; without it
    the amount serves rehearsal only (REQUIREMENTS PH1). A cycle of a regimen that this version of
    the study does not have plans nothing here: a table holds one version.
    """
    cycles = tables["cycle_started"]
    subjects = SubjectRows(cycles)
    order = np.argsort(pack(subjects.rows(cycles), cycles["cycle"].to_numpy()), kind="stable")
    height, weight = cycles["height"].to_numpy(), cycles["weight"].to_numpy()
    area = pl.Series(body_surface_area(height, weight, plan.body_surface_area), dtype=pl.Int64)
    per_area = pl.col("numerator") * pl.col("body_surface_area")
    divisor = pl.col("denominator") * AREA_SCALE
    amount = (
        pl.when("by_area")
        .then((2 * per_area + divisor) // (2 * divisor))
        .otherwise((2 * pl.col("numerator") + pl.col("denominator")) // (2 * pl.col("denominator")))
    )
    return (
        cycles.select(
            *CYCLE,
            "regimen",
            "occurred",
            area.alias("body_surface_area"),
            pl.concat_list("seq").alias("sources"),
        )[order]
        .lazy()
        .join(_doses(plan).lazy(), on="regimen", maintain_order="left_right")
        .with_columns(amount=amount)
        .with_columns(cycle_amount=pl.col("amount") * pl.col("administrations"))
        .select(pl.col(name).cast(dtype) for name, dtype in PLANNED_DOSE.items())
        .collect()
    )


def _doses(plan: TreatmentPlan) -> pl.DataFrame:
    """Doses of every regimen: numerator / denominator is the dose in 1/100 mg or 1/100 mg/m2."""
    rows = []
    for regimen in plan.regimens:
        for dose in regimen.doses:
            scaled = Fraction(dose.amount) * AMOUNT_SCALE
            rows.append(
                (
                    regimen.code,
                    dose.drug,
                    dose.unit == "mg/m2",
                    scaled.numerator,
                    scaled.denominator,
                    dose.times_per_day,
                    len(dose.days) * dose.times_per_day,
                    released(dose),
                )
            )
    columns = {
        "regimen": pl.String,
        "drug": pl.String,
        "by_area": pl.Boolean,
        "numerator": pl.Int64,
        "denominator": pl.Int64,
        "times_per_day": pl.Int64,
        "administrations": pl.Int64,
        "released": pl.Boolean,
    }
    return pl.DataFrame(rows, schema=columns, orient="row").sort("drug", maintain_order=True)


def released(dose: Dose) -> bool:
    """Whether `dose` has a source that pharmacist and investigator signed (REQUIREMENTS PH1).

    >>> from equipoise.record.plan import Label
    >>> released(Dose(drug="gemcitabine", label=Label(en="Gemcitabine"), amount=1000,
    ...               unit="mg/m2", days=(1,), route="intravenous_infusion"))
    False
    """
    source = dose.release
    return source is not None and bool(source.pharmacist) and bool(source.investigator)


def exposure(tables: Tables, plan: TreatmentPlan) -> pl.DataFrame:
    """What each subject received of each drug beside what was planned, in 1/100 mg.

    Sorted by replicate, subject, drug. `administered` sums amount x administrations of the doses
    given, `planned` the cycles that were started; `cycles` counts those with something given.
    `first_dose` is the first day that something was given. `last_dose` is the day of the last
    administration: doses recorded once for several days are counted off along the days of the
    regimen from the day they begin.
    """
    given = tables["dose_given"].filter(WAS_GIVEN)
    planned = tables["planned_dose"]
    subjects = SubjectRows(given, planned)
    drugs, codes = coded(pl.concat([given["drug"], planned["drug"]]))
    rows = np.concatenate([subjects.rows(given), subjects.rows(planned)])
    groups = rows * len(drugs) + codes
    of_given, of_planned = groups[: len(given)], groups[len(given) :]
    number = len(subjects) * len(drugs)
    there = np.flatnonzero(np.bincount(groups, minlength=number))

    def total(of: Numbers, values: pl.Series) -> Numbers:
        sums = np.zeros(number, dtype=np.int64)
        np.add.at(sums, of, values.to_numpy())
        return sums[there]

    begins = days(given["occurred"])
    ends = begins + _days_after(given, tables["cycle_started"], plan)
    dated = begins != NONE
    first = np.full(number, _NEVER, dtype=np.int64)
    np.minimum.at(first, of_given[dated], begins[dated])
    last = np.full(number, NONE, dtype=np.int64)
    np.maximum.at(last, of_given[dated], ends[dated])
    first[first == _NEVER] = NONE
    seqs = np.concatenate([given["seq"].to_numpy(), planned["sources"].list.first().to_numpy()])
    amounts = given["amount"] * given["administrations"]
    return subjects.key[there // max(len(drugs), 1)].with_columns(
        drugs.gather(there % max(len(drugs), 1)).alias("drug"),
        pl.Series("cycles", _cycles(of_given, given["cycle"], number)[there]),
        pl.Series("administered", total(of_given, amounts)),
        pl.Series("planned", total(of_planned, planned["cycle_amount"])),
        dates(first[there]).alias("first_dose"),
        dates(last[there]).alias("last_dose"),
        grouped_sources(groups, seqs, number).gather(there),
    )


def _cycles(groups: Numbers, cycles: pl.Series, number: int) -> Numbers:
    """In how many cycles each group has a row."""
    width = int(cycles.max() or 0) + 1  # type: ignore[arg-type]
    seen = np.zeros(number * width, dtype=np.bool_)
    seen[groups * width + cycles.to_numpy()] = True
    counts: Numbers = seen.reshape(number, width).sum(axis=1)
    return counts


def _days_after(given: pl.DataFrame, cycles: pl.DataFrame, plan: TreatmentPlan) -> Numbers:
    """For each row of doses the days from its first to its last administration.

    A drug that the regimen of the cycle does not plan on that day is taken to be given daily. More
    administrations than the regimen has left go on daily after the last of its days.
    """
    after = np.zeros(len(given), dtype=np.int64)
    several = np.flatnonzero((given["administrations"] > 1).to_numpy())
    if not len(several):
        return after
    started = cycles.select(*CYCLE, "regimen").unique(CYCLE)
    calendar = _calendar(plan)
    longest = calendar.group_by(_CALENDAR_KEY[:-1]).agg(
        pl.col("after").max().alias("longest"), pl.col("administrations").max().alias("fits")
    )
    daily = (pl.col("administrations") - 1) // pl.col("times_per_day").fill_null(1)
    more = -((pl.col("fits") - pl.col("administrations")) // pl.col("times_per_day"))
    last = pl.coalesce("after", pl.col("longest") + more, daily)
    found = (
        given.lazy()
        .select(*DRUG, "cycle", "day", "administrations")
        .collect()[several]
        .lazy()
        .join(started.lazy(), CYCLE, "left", maintain_order="left")
        .join(calendar.lazy(), _CALENDAR_KEY, "left", maintain_order="left")
        .join(longest.lazy(), _CALENDAR_KEY[:-1], "left", maintain_order="left")
        .join(_times_per_day(plan).lazy(), ["regimen", "drug"], "left", maintain_order="left")
        .select(last)
        .collect()
    )
    after[several] = found.to_series().to_numpy()
    return after


_CALENDAR_KEY = ["regimen", "drug", "day", "administrations"]


def _calendar(plan: TreatmentPlan) -> pl.DataFrame:
    """From a planned day on, how many days `after` it the n-th administration comes."""
    rows = {
        (regimen.code, dose.drug, start, times * dose.times_per_day - part): day - start
        for regimen in plan.regimens
        for dose in regimen.doses
        for start, rest in _tails(sorted(set(dose.days)))
        for times, day in enumerate(rest, start=1)
        for part in range(dose.times_per_day)
    }
    columns = dict(zip(_CALENDAR_KEY, (pl.String, pl.String, pl.Int64, pl.Int64), strict=True))
    frame = [(*key, after) for key, after in rows.items()]
    return pl.DataFrame(frame, schema={**columns, "after": pl.Int64}, orient="row")


def _times_per_day(plan: TreatmentPlan) -> pl.DataFrame:
    rows = {
        (regimen.code, dose.drug): dose.times_per_day
        for regimen in plan.regimens
        for dose in regimen.doses
    }
    columns = {"regimen": pl.String, "drug": pl.String, "times_per_day": pl.Int64}
    return pl.DataFrame([(*key, n) for key, n in rows.items()], schema=columns, orient="row")


def _tails(days: Sequence[int]) -> list[tuple[int, Sequence[int]]]:
    return [(day, days[place:]) for place, day in enumerate(days)]


_MEASURES: Columns = schema(CycleStarted)

RULES: tuple[TableRule, ...] = (
    TableRule(
        produces="dosing_answer",
        columns=DOSING_ANSWER,
        requires={"form_item": FORM_ITEM, "laboratory_answer": DOSING_ANSWER},
        plan="treatment",
        rule=dosing_answer,
    ),
    TableRule(
        produces="regimen_option",
        columns=REGIMEN_OPTION,
        requires={"randomised": RANDOMISED, "dosing_answer": DOSING_ANSWER},
        plan="treatment",
        rule=regimen_option,
    ),
    TableRule(
        produces="dose_decision",
        columns=DOSE_DECISION,
        requires={
            CycleStarted.TABLE: CYCLE_STARTED,
            "dosing_answer": DOSING_ANSWER,
            "adverse_event_reported": REPORTED,
            "adverse_event_followed_up": FOLLOWED_UP,
            "concomitant_medication_recorded": TAKEN,
        },
        plan="treatment",
        rule=dose_decision,
    ),
    TableRule(
        produces="planned_dose",
        columns=PLANNED_DOSE,
        requires={CycleStarted.TABLE: _MEASURES},
        plan="treatment",
        rule=planned_dose,
    ),
    TableRule(
        produces="treatment_cycle",
        columns=TREATMENT_CYCLE,
        requires={CycleStarted.TABLE: CYCLES},
        plan="treatment",
        rule=treatment_cycle,
    ),
    TableRule(
        produces="treatment_departure",
        columns=TREATMENT_DEPARTURE,
        requires=DEPARTED_FROM,
        plan="departures",
        rule=treatment_departure,
    ),
    TableRule(
        produces="dose_intensity",
        columns=DOSE_INTENSITY,
        requires={
            "planned_dose": PLANNED,
            "treatment_cycle": TREATMENT_CYCLE,
            DoseGiven.TABLE: GIVEN,
        },
        plan="treatment",
        rule=dose_intensity,
    ),
    TableRule(
        produces="relative_dose_intensity",
        columns=RELATIVE_DOSE_INTENSITY,
        requires={"dose_intensity": DOSE_INTENSITY, "treatment_cycle": TREATMENT_CYCLE},
        plan="treatment",
        rule=relative_dose_intensity,
    ),
    TableRule(
        produces="accountability",
        columns=ACCOUNTABILITY,
        requires=REQUIRES,
        plan="treatment",
        rule=accountability,
    ),
    TableRule(
        produces="exposure",
        columns=EXPOSURE,
        requires={
            "planned_dose": PLANNED_DOSE,
            CycleStarted.TABLE: _MEASURES,
            DoseGiven.TABLE: schema(DoseGiven),
        },
        plan="treatment",
        rule=exposure,
    ),
)
