"""From reports of harm to one row per adverse event."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from equipoise.record.declaration import schema
from equipoise.record.partial_date import (
    earliest_day,
    imputation_flag,
    imputed_day,
    latest_day,
)
from equipoise.record.rule import KEY, SOURCES, Columns, TableRule, Tables
from equipoise.record.subject_rows import (
    NONE,
    Flags,
    Numbers,
    SubjectRows,
    days,
    gathered,
    grouped_sources,
)
from equipoise.safety.ctcae import ctcae_terms
from equipoise.safety.events import (
    AdverseEventCoded,
    AdverseEventFollowedUp,
    AdverseEventReported,
    CausalityAssessed,
    SeriousAdverseEventReported,
)
from equipoise.safety.laboratory_answer import RULE as LABORATORY_ANSWER
from equipoise.safety.laboratory_value import RULE as LABORATORY_VALUE
from equipoise.safety.plan import SafetyPlan
from equipoise.safety.serious import RULES as SERIOUS
from equipoise.safety.treatment_period import DoseDays, dose_days

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
    "onset_flag": pl.String,
    "worsened": pl.Boolean,
    "treatment_emergent": pl.Boolean,
    "related": pl.Boolean,
    "dictionary": pl.String,
    "code": pl.String,
    "preferred_term": pl.String,
    "preferred_class": pl.String,
    **SOURCES,
}


def adverse_event(tables: Tables, plan: SafetyPlan) -> pl.DataFrame:
    """One row per adverse event, sorted by replicate, subject, adverse_event.

    - `grade`: the worst of the report and its follow-ups; `system_organ_class` by CTCAE 5, null for
      a term that it does not have.
    - `serious`: reported as serious, at first or later.
    - `related`: true if any opinion on any drug is "related", the investigator's or the sponsor's:
      no opinion takes another back (ICH E2A; REQUIREMENTS SA1).
    - `onset`: the first day; where it is partly known, the day that the study file puts in for it
      (`partial_onset`), moved to the first dose if the event need not lie before it, and
      `onset_flag` says what was put in (D, M or Y).
    - `worsened`: a follow-up between the first dose and `days_after_last_dose` days after the last
      found a higher grade than any before the first dose, the report's included; a follow-up
      without a day may lie between. Only for what certainly began before the first dose.
    - `treatment_emergent`: `worsened`, or an onset on or after the first dose and at most
      `days_after_last_dose` days after the last one. An onset of which the day is not known counts
      unless every day that it can mean is excluded: what is put in for it decides nothing. Without
      any dose nothing is treatment-emergent.
    - `dictionary` (with version), `code`, `preferred_term`, `preferred_class`: the code that was
      recorded last; null without one.

    Source: ICH E9, glossary (treatment emergent); the period is the study file's.
    `sources` are reports, follow-ups, opinions and the code; the dose days' stand in `exposure`.
    """
    reports = tables["adverse_event_reported"].sort(EVENT)
    subjects = SubjectRows(reports)
    told = _told(tables, reports, subjects)
    dosed = dose_days(subjects, tables["exposure"]).at(subjects.rows(reports))
    text = pl.col("occurred"), pl.col("occurred_partial")
    need_not = pl.when(~pl.col("before")).then("first_dose")
    return (
        reports.with_columns(**dosed.columns())
        .with_columns(pl.Series("worse", _worse(reports, *told.later, dosed, plan)))
        .with_columns(_began_before().alias("before"), _new(plan).alias("new"))
        .join(_classes(), "term", "left", maintain_order="left")
        .select(
            *EVENT,
            "term",
            "system_organ_class",
            pl.Series("grade", told.grade),
            pl.col("serious") | pl.Series(told.serious),
            imputed_day(*text, plan.partial_onset, not_before=need_not).alias("onset"),
            imputation_flag(*text).alias("onset_flag"),
            (pl.col("before") & pl.col("worse")).alias("worsened"),
            (pl.col("new") | (pl.col("before") & pl.col("worse"))).alias("treatment_emergent"),
            pl.Series("related", told.related),
            *told.coded.get_columns(),
            told.sources,
        )
    )


class _Told(NamedTuple):
    """What was told of each report: arrays by report; the follow-ups, and of which each is."""

    grade: Numbers
    serious: Flags
    related: Flags
    later: tuple[pl.DataFrame, Numbers]
    coded: pl.DataFrame
    sources: pl.Series


def _told(tables: Tables, reports: pl.DataFrame, subjects: SubjectRows) -> _Told:
    numbers = reports.select(
        pl.Series("row", subjects.rows(reports)), "adverse_event"
    ).with_row_index("place")

    def of(name: str) -> tuple[pl.DataFrame, Numbers]:
        """Rows about events that were reported, and the place of the report of each."""
        frame = tables[name]
        placed = frame.with_columns(pl.Series("row", subjects.rows(frame))).join(
            numbers, ["row", "adverse_event"], "inner"
        )
        return placed, placed["place"].cast(pl.Int64).to_numpy()

    later, later_of = of("adverse_event_followed_up")
    serious, serious_of = of("serious_adverse_event_reported")
    opinions, opinions_of = of("causality_assessed")
    codes, codes_of = of("adverse_event_coded")
    code = np.full(len(reports), -1, dtype=np.int64)
    np.maximum.at(code, codes_of, np.arange(len(codes)))
    grade = reports["grade"].to_numpy().copy()
    np.maximum.at(grade, later_of, later["grade"].to_numpy())
    sae, related = (np.zeros(len(reports), dtype=np.bool_) for _ in range(2))
    sae[serious_of] = True
    related[opinions_of[(opinions["related"] == "related").to_numpy()]] = True
    stands = np.flatnonzero(code >= 0)
    places = [np.arange(len(reports)), later_of, serious_of, opinions_of, stands]
    seqs = [frame["seq"].to_numpy() for frame in (reports, later, serious, opinions)]
    seqs.append(codes["seq"].to_numpy()[code[stands]])
    sources = grouped_sources(np.concatenate(places), np.concatenate(seqs), len(reports))
    return _Told(grade, sae, related, (later, later_of), _code(codes, code), sources)


def _code(codes: pl.DataFrame, places: Numbers) -> pl.DataFrame:
    """The code of each event, from the row of `codes` at its place; null where that is -1."""
    columns = codes.select(
        pl.concat_str("dictionary", pl.lit(" "), "version").alias("dictionary"),
        "code",
        "preferred_term",
        pl.col("system_organ_class").alias("preferred_class"),
    )
    return pl.DataFrame([gathered(column, places) for column in columns.get_columns()])


def _worse(
    reports: pl.DataFrame, later: pl.DataFrame, of: Numbers, dosed: DoseDays, plan: SafetyPlan
) -> Flags:
    """Of each report whether a follow-up of the treated period is worse than all before it."""
    before = reports["grade"].to_numpy().copy()
    found, on = later["grade"].to_numpy(), days(later["occurred"])
    known, first = on != NONE, dosed.first[of]
    early = known & (on < first)
    np.maximum.at(before, of[early], found[early])
    inside = ~known | ((on >= first) & (on <= dosed.last[of] + plan.days_after_last_dose))
    worse = np.zeros(len(reports), dtype=np.bool_)
    worse[of[inside & (found > before[of])]] = True
    return worse


def _began_before() -> pl.Expr:
    """Whether every day that the onset can mean lies before the first dose."""
    last = latest_day(pl.col("occurred"), pl.col("occurred_partial"))
    return (last < pl.col("first_dose")).fill_null(False)


def _new(plan: SafetyPlan) -> pl.Expr:
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
                    AdverseEventCoded,
                )
            },
            "exposure": {**KEY, "first_dose": pl.Date, "last_dose": pl.Date},
        },
        plan="safety",
        rule=adverse_event,
    ),
    *SERIOUS,
    LABORATORY_VALUE,
)

FIRST_RULES: tuple[TableRule, ...] = (LABORATORY_ANSWER,)
"""Rules whose products the rules of other stages read."""
