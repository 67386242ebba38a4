"""From forms to the latest answers, and from what happened to where each subject stands."""

from __future__ import annotations

from functools import reduce

import polars as pl

from equipoise.record.declaration import schema
from equipoise.record.event import Body
from equipoise.record.partial_date import latest_day
from equipoise.record.rule import KEY, SOURCES, Columns, TableRule, Tables
from equipoise.record.sources import row_sources
from equipoise.visits.days import first_day, given_dose, last_day
from equipoise.visits.events import (
    ConsentSigned,
    ConsentWithdrawn,
    DeathRecorded,
    FormItem,
    FormSaved,
    LostToFollowUp,
    ScreeningFailed,
    SubjectScreened,
    SubsequentTherapyRecorded,
    TreatmentDiscontinued,
    VisitRecorded,
    VisitsDiscontinued,
    VitalStatusRecorded,
)
from equipoise.visits.plan import VisitsPlan
from equipoise.visits.subject_item import SUBJECT_ITEM, subject_item

SUBJECT = tuple(KEY)

ITEM: Columns = {
    **KEY,
    "form": pl.String,
    "item": pl.String,
    "value": pl.String,
    "value_missing": pl.String,
    "occurred": pl.Date,
    **SOURCES,
}
DISPOSITION: Columns = {
    **KEY,
    "site": pl.String,
    "screened": pl.Date,
    "screening_failed": pl.Date,
    "consented": pl.Date,
    "randomised": pl.Date,
    "first_dose": pl.Date,
    "last_dose": pl.Date,
    "treatment_discontinued": pl.Date,
    "visits_discontinued": pl.Date,
    "consent_withdrawn": pl.Date,
    "lost": pl.Date,
    "death": pl.Date,
    "death_text": pl.String,
    "subsequent_therapy": pl.Date,
    "last_known_alive": pl.Date,
    **SOURCES,
}
UNKNOWN_DATE = "date unknown"
"""The text of a death of which nothing but the fact is known."""

_DATED: Columns = {**KEY, "occurred": pl.Date, "seq": pl.Int64}


def item(tables: Tables, plan: VisitsPlan) -> pl.DataFrame:
    """The latest answer to each item of each form, sorted by replicate, subject, form, item.

    Of a repeating form the instance that speaks about the latest day counts (on a tie, or without
    a complete day, the one saved last), whole: an item that it leaves open is open. The source is
    the event that gave the answer, or the later correction of the answer or of the form's day.
    """
    forms = tables["form_saved"].select(*SUBJECT, "form", "occurred", "event", "seq")
    if forms.select(*SUBJECT, "form").is_duplicated().any():
        forms = forms.sort("occurred", "event").unique([*SUBJECT, "form"], keep="last")
    latest = forms.lazy().select("replicate", "event", "form", pl.col("seq").alias("form_seq"))
    return (
        tables["form_item"]
        .lazy()
        .join(latest, on=["replicate", "event"])
        .select(
            *(name for name in ITEM if name != "sources"),
            pl.concat_list(pl.max_horizontal("seq", "form_seq")).alias("sources"),
        )
        .sort(*SUBJECT, "form", "item")
        .collect()
    )


def disposition(tables: Tables, plan: VisitsPlan) -> pl.DataFrame:
    """Where each screened subject stands: one row each, sorted by replicate, subject.

    Each column is the first day of what it names, except `last_dose` and `last_known_alive`.

    - `consented`: the day on which the last of the consents that randomisation requires was signed
      (in any version); `consent_withdrawn`: the first withdrawal of one of these.
    - `first_dose`, `last_dose`: the first and last day on which a dose record with an amount
      begins. For a drug taken at home over days `exposure` computes the last day of intake.
    - `death` is null while the day is not complete; `death_text` is then what is known of it
      (YYYY or YYYY-MM), else the complete date. It is null exactly for those not known dead.
    - `last_known_alive`: the latest day of anything that shows the subject alive: screening,
      consent, randomisation, visits that took place, forms, tumour assessments, cycles, doses,
      contacts about vital status. Nothing counts that is later than the (latest possible) day of
      death.

    The four withdrawals (treatment, visits, consent, lost) stay apart (ICH E6(R3); CN1).
    """
    base = tables["subject_screened"].select(
        *SUBJECT, "site", pl.col("occurred").alias("screened"), pl.col("seq").alias("seq/screened")
    )
    required = [each.code for each in plan.consents if each.required_for_randomisation]
    dead = tables["death_recorded"].select(
        *SUBJECT,
        pl.col("occurred").alias("death"),
        pl.coalesce(
            pl.col("occurred").dt.to_string("%Y-%m-%d"), "occurred_partial", pl.lit(UNKNOWN_DATE)
        ).alias("death_text"),
        pl.col("seq").alias("seq/death"),
    )
    withdrawn = pl.col("consent").is_in(required)
    given = tables["dose_given"].filter(given_dose())
    facts = {
        "screening_failed": first_day(tables["screening_failed"]),
        "consented": _consented(tables["consent_signed"], required),
        "randomised": first_day(tables["randomised"]),
        "first_dose": first_day(given),
        "last_dose": last_day(given),
        "treatment_discontinued": first_day(tables["treatment_discontinued"]),
        "visits_discontinued": first_day(tables["visits_discontinued"]),
        "consent_withdrawn": first_day(tables["consent_withdrawn"].filter(withdrawn)),
        "lost": first_day(tables["lost_to_follow_up"]),
        "subsequent_therapy": first_day(tables["subsequent_therapy_recorded"]),
    }
    named = [
        fact.select(*SUBJECT, pl.col("occurred").alias(name), pl.col("seq").alias(f"seq/{name}"))
        for name, fact in facts.items()
    ]
    alive = _last_known_alive(tables, dead)
    found = reduce(
        lambda left, right: left.join(right, SUBJECT, "left", maintain_order="left"),
        (dead, alive, *named),
        base.sort(SUBJECT),
    )
    seqs = [found[name] for name in found.columns if name.startswith("seq/")]
    return found.with_columns(sources=row_sources(*seqs)).select(*DISPOSITION)


def _consented(signed: pl.DataFrame, required: list[str]) -> pl.DataFrame:
    """The signature that completed the consents required; any consent if none is required."""
    kinds = [first_day(signed.filter(pl.col("consent") == code)) for code in required]
    if not kinds:
        return first_day(signed)
    return last_day(pl.concat(kinds)).join(
        reduce(lambda left, right: left.join(right, SUBJECT, "semi"), kinds), SUBJECT, "semi"
    )


def _last_known_alive(tables: Tables, dead: pl.DataFrame) -> pl.DataFrame:
    """The last day of a sign of life that is not later than death, and its seq."""
    signs = [
        *(tables[name] for name in _SIGNS_OF_LIFE),
        tables["visit_recorded"].filter(pl.col("not_done").is_null()),
        tables["dose_given"].filter(given_dose()),
    ]
    last = last_day(pl.concat([last_day(sign) for sign in signs]))
    limit = latest_day(pl.col("death"), pl.col("death_text"))
    late = last.join(dead.with_columns(limit=limit), SUBJECT).filter(
        pl.col("occurred") > pl.col("limit")
    )
    if len(late):
        known = late.select(*SUBJECT, "limit")
        kept = [
            sign.join(known, SUBJECT).filter(pl.col("occurred") <= pl.col("limit"))
            for sign in signs
        ]
        again = last_day(pl.concat([last_day(sign) for sign in kept]))
        last = pl.concat([last.join(known, SUBJECT, "anti"), again])
    return last.select(
        *SUBJECT,
        pl.col("occurred").alias("last_known_alive"),
        pl.col("seq").alias("seq/last_known_alive"),
    )


_SIGNS_OF_LIFE = (
    "subject_screened",
    "consent_signed",
    "randomised",
    "form_saved",
    "tumour_assessed",
    "cycle_started",
    "vital_status_recorded",
)


def _events(*classes: type[Body]) -> dict[str, Columns]:
    return {cls.TABLE: schema(cls) for cls in classes}


RULES: tuple[TableRule, ...] = (
    TableRule(
        produces="item",
        columns=ITEM,
        requires=_events(FormSaved, FormItem),
        plan="visits",
        rule=item,
    ),
    TableRule(
        produces="subject_item",
        columns=SUBJECT_ITEM,
        requires={
            "item": ITEM,
            **_events(SubjectScreened, ConsentSigned),
            "cycle_started": _DATED,
            "dose_given": {**_DATED, "amount": pl.Int64, "administrations": pl.Int64},
        },
        plan="visits",
        rule=subject_item,
    ),
    TableRule(
        produces="disposition",
        columns=DISPOSITION,
        requires={
            **_events(
                SubjectScreened,
                ConsentSigned,
                ConsentWithdrawn,
                ScreeningFailed,
                FormSaved,
                VisitRecorded,
                VitalStatusRecorded,
                TreatmentDiscontinued,
                VisitsDiscontinued,
                LostToFollowUp,
                SubsequentTherapyRecorded,
                DeathRecorded,
            ),
            "randomised": _DATED,
            "tumour_assessed": _DATED,
            "cycle_started": _DATED,
            "dose_given": {**_DATED, "amount": pl.Int64, "administrations": pl.Int64},
        },
        plan="visits",
        rule=disposition,
    ),
)
