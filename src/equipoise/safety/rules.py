"""From reports of harm to one row per adverse event."""

from __future__ import annotations

import polars as pl

from equipoise.record.declaration import schema
from equipoise.record.partial_date import earliest_day, latest_day
from equipoise.record.rule import KEY, SOURCES, Columns, TableRule, Tables
from equipoise.record.sources import group_sources
from equipoise.safety.ctcae import ctcae_terms
from equipoise.safety.events import (
    AdverseEventFollowedUp,
    AdverseEventReported,
    CausalityAssessed,
    SeriousAdverseEventReported,
)
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
    reports = tables["adverse_event_reported"]
    later = (
        tables["adverse_event_followed_up"]
        .group_by(EVENT)
        .agg(pl.col("grade").max().alias("later"))
    )
    serious = tables["serious_adverse_event_reported"]
    opinions = tables["causality_assessed"]
    related = opinions.filter(pl.col("related") == "related").select(EVENT).unique()
    doses = (
        tables["exposure"]
        .group_by(SUBJECT)
        .agg(pl.col("first_dose").min(), pl.col("last_dose").max())
    )
    others = (tables["adverse_event_followed_up"], serious, opinions)
    sources = group_sources(
        pl.concat([frame.select(*EVENT, "seq") for frame in (reports, *others)]), EVENT
    )
    day, text = pl.col("occurred"), pl.col("occurred_partial")
    end = pl.col("last_dose") + pl.duration(days=plan.days_after_last_dose)
    after_first = latest_day(day, text).fill_null(pl.col("first_dose")) >= pl.col("first_dose")
    before_end = earliest_day(day, text).fill_null(pl.col("first_dose")) <= end
    return (
        reports.join(later, EVENT, "left")
        .join(serious.select(EVENT).unique().with_columns(sae=True), EVENT, "left")
        .join(related.with_columns(opinion=True), EVENT, "left")
        .join(doses, SUBJECT, "left")
        .join(_classes(), "term", "left")
        .join(sources, EVENT, "left")
        .select(
            *EVENT,
            "term",
            "system_organ_class",
            pl.max_horizontal("grade", "later").alias("grade"),
            (pl.col("serious") | pl.col("sae").fill_null(False)).alias("serious"),
            day.alias("onset"),
            (after_first & before_end).fill_null(False).alias("treatment_emergent"),
            pl.col("opinion").fill_null(False).alias("related"),
            "sources",
        )
        .sort(EVENT)
    )


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
)
