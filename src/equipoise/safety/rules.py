"""From reports of harm to one row per adverse event."""

from __future__ import annotations

import numpy as np
import polars as pl

from equipoise.record.declaration import schema
from equipoise.record.partial_date import earliest_day, latest_day
from equipoise.record.rule import KEY, SOURCES, Columns, TableRule, Tables
from equipoise.record.subject_rows import Numbers, SubjectRows, grouped_sources
from equipoise.safety.ctcae import ctcae_terms
from equipoise.safety.events import (
    AdverseEventFollowedUp,
    AdverseEventReported,
    CausalityAssessed,
    SeriousAdverseEventReported,
)
from equipoise.safety.laboratory_value import RULE as LABORATORY_VALUE
from equipoise.safety.plan import SafetyPlan

SUBJECT = tuple(KEY)
EVENT = (*SUBJECT, "adverse_event")

ADVERSE_EVENT: Columns = {
    **KEY,
    "adverse_event": pl.String,
    "term": pl.String,
    "system_organ_class": pl.String,
    "grade": pl.Int64,
    "serious": pl.Boolean,
    "onset": pl.Date,
    "treatment_emergent": pl.Boolean,
    "related": pl.Boolean,
    **SOURCES,
}


def adverse_event(tables: Tables, plan: SafetyPlan) -> pl.DataFrame:
    """One row per adverse event, sorted by replicate, subject, adverse_event.

    - `grade`: the worst of the report and its follow-ups; `system_organ_class` by CTCAE 5, null for
      a term that it does not have.
    - `serious`: reported as serious, at first or later.
    - `related`: true if any opinion on any drug is "related", the investigator's or the sponsor's:
      no opinion takes another back (ICH E2A; REQUIREMENTS SA1).
    - `onset` is null while its day is not complete. `treatment_emergent`: onset on or after the
      first dose, and at most `days_after_last_dose` days after the last one. An onset of which the
      day is not known counts as treatment-emergent unless every day that it can mean is excluded;
      without any dose nothing is treatment-emergent. An event that began before treatment and grew
      worse under it is not: it would be reported anew.

    `sources` are the reports, follow-ups and opinions; those of the dose days stand in `exposure`.
    """
    reports = tables["adverse_event_reported"].sort(EVENT)
    subjects = SubjectRows(reports)
    numbers = reports.select(
        pl.Series("row", subjects.rows(reports)), "adverse_event"
    ).with_row_index("report")

    def of(name: str) -> tuple[pl.DataFrame, Numbers]:
        """Rows about events that were reported, and the place of the report of each."""
        frame = tables[name]
        placed = frame.with_columns(pl.Series("row", subjects.rows(frame))).join(
            numbers, ["row", "adverse_event"], "inner"
        )
        return placed, placed["report"].cast(pl.Int64).to_numpy()

    later, later_of = of("adverse_event_followed_up")
    serious, serious_of = of("serious_adverse_event_reported")
    opinions, opinions_of = of("causality_assessed")
    grade = reports["grade"].to_numpy().copy()
    np.maximum.at(grade, later_of, later["grade"].to_numpy())
    sae, related = (np.zeros(len(reports), dtype=np.bool_) for _ in range(2))
    sae[serious_of] = True
    related[opinions_of[(opinions["related"] == "related").to_numpy()]] = True
    places = np.concatenate([np.arange(len(reports)), later_of, serious_of, opinions_of])
    seqs = np.concatenate(
        [frame["seq"].to_numpy() for frame in (reports, later, serious, opinions)]
    )
    return (
        reports.join(_doses(tables["exposure"]), SUBJECT, "left", maintain_order="left")
        .join(_classes(), "term", "left", maintain_order="left")
        .select(
            *EVENT,
            "term",
            "system_organ_class",
            pl.Series("grade", grade),
            pl.col("serious") | pl.Series(sae),
            pl.col("occurred").alias("onset"),
            _treatment_emergent(plan).alias("treatment_emergent"),
            pl.Series("related", related),
            grouped_sources(places, seqs, len(reports)),
        )
    )


def _doses(exposure: pl.DataFrame) -> pl.DataFrame:
    """First and last dose of any drug."""
    return exposure.group_by(SUBJECT).agg(pl.col("first_dose").min(), pl.col("last_dose").max())


def _treatment_emergent(plan: SafetyPlan) -> pl.Expr:
    """Whether the onset can lie between the first dose and the end of the reporting period."""
    day, text, first = pl.col("occurred"), pl.col("occurred_partial"), pl.col("first_dose")
    end = pl.col("last_dose") + pl.duration(days=plan.days_after_last_dose)
    after_first = latest_day(day, text).fill_null(first) >= first
    before_end = earliest_day(day, text).fill_null(first) <= end
    return (after_first & before_end).fill_null(False)


def _classes() -> pl.DataFrame:
    terms = ctcae_terms().values()
    rows = [(term.term, term.system_organ_class) for term in terms]
    columns = {"term": pl.String, "system_organ_class": pl.String}
    return pl.DataFrame(rows, schema=columns, orient="row")


RULES: tuple[TableRule, ...] = (
    TableRule(
        produces="adverse_event",
        columns=ADVERSE_EVENT,
        requires={
            **{
                cls.TABLE: schema(cls)
                for cls in (
                    AdverseEventReported,
                    AdverseEventFollowedUp,
                    SeriousAdverseEventReported,
                    CausalityAssessed,
                )
            },
            "exposure": {**KEY, "first_dose": pl.Date, "last_dose": pl.Date},
        },
        plan="safety",
        rule=adverse_event,
    ),
    LABORATORY_VALUE,
)
