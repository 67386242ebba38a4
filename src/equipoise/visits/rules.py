"""The rules of visits, and where each subject stands by what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from equipoise.record.columns import kept, present
from equipoise.record.declaration import schema
from equipoise.record.event import Body
from equipoise.record.partial_date import latest_day
from equipoise.record.rule import KEY, SOURCES, Columns, TableRule, Tables
from equipoise.record.sources import array_sources
from equipoise.record.subject_rows import (
    NONE,
    Dated,
    Found,
    Numbers,
    SubjectRows,
    days,
    gathered,
    pack,
    parent_rows,
    unpacked,
)
from equipoise.visits.answer_discrepancy import (
    ANSWER_DISCREPANCY,
    ANSWERS,
    answer_discrepancy,
)
from equipoise.visits.consent_missing import CONSENT_MISSING, consent_missing
from equipoise.visits.consent_missing import REQUIRES as CONSENT_REQUIRES
from equipoise.visits.entry_item import entry_item
from equipoise.visits.events import (
    ConcomitantMedicationRecorded,
    ConsentSigned,
    ConsentWithdrawn,
    DeathRecorded,
    FormItem,
    FormSaved,
    LostToFollowUp,
    MedicalHistoryRecorded,
    PriorTherapyRecorded,
    ProcedureRecorded,
    ScreeningFailed,
    SubjectScreened,
    SubsequentTherapyRecorded,
    TreatmentDiscontinued,
    VisitRecorded,
    VisitsDiscontinued,
    VitalStatusRecorded,
)
from equipoise.visits.latest import ITEM, MEASURED, item
from equipoise.visits.plan import VisitsPlan
from equipoise.visits.prohibited import PROHIBITED_THERAPY, prohibited_therapy
from equipoise.visits.prohibited import REQUIRES as PROHIBITED_REQUIRES
from equipoise.visits.questionnaire import QUESTIONNAIRE_SCORE, questionnaire_score
from equipoise.visits.subject_item import SUBJECT_ITEM, doses_given, subject_item
from equipoise.visits.timeline import VISIT_TIMELINE, visit_timeline

SUBJECT = tuple(KEY)

DISPOSITION: Columns = {
    **KEY,
    "site": pl.String,
    "rescreening_of": pl.String,
    "screened": pl.Date,
    "screening_failed": pl.Date,
    "failure_cause": pl.String,
    "failed_criteria": pl.List(pl.String),
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


def disposition(tables: Tables, plan: VisitsPlan) -> pl.DataFrame:
    """Where each screened subject stands: one row each, sorted by replicate, subject.

    Each column is the first day of what it names, except `last_dose` and `last_known_alive`. A
    subsequent therapy that was taken back is none.

    - `rescreening_of`: the former number of a person who is screened again. `failure_cause` and
      `failed_criteria`: why screening failed, and the criteria that were not met; null for others.
    - `consented`: the day on which the last of the consents that randomisation requires was signed
      (in any version); `consent_withdrawn`: the first withdrawal of one of these.
    - `first_dose`, `last_dose`: the first and last day on which a dose record with an amount
      begins. For a drug taken at home over days `exposure` computes the last day of intake.
    - `death` is null while the day is not complete; `death_text` is then what is known of it
      (YYYY or YYYY-MM), else the complete date. It is null exactly for those not known dead.
    - `last_known_alive`: the latest day of anything that shows the subject alive: screening,
      consent, randomisation, visits that took place, forms, tumour assessments, cycles, doses,
      contacts about vital status, the draws of laboratory reports with a value. Nothing counts that
      is later than the (latest possible) day of death.

    The four withdrawals (treatment, visits, consent, lost) stay apart (ICH E6(R3); CN1).
    """
    screened = tables["subject_screened"].sort(SUBJECT)
    subjects = SubjectRows(screened)
    events = {name: subjects.dated(tables[name]) for name in _DATED_EVENTS}
    doses = subjects.dated(doses_given(tables["dose_given"]))
    required = [each.code for each in plan.consents if each.required_for_randomisation]
    withdrawn = tables["consent_withdrawn"]["consent"].is_in(required).to_numpy()
    facts = {
        "screened": subjects.first(events["subject_screened"]),
        "screening_failed": subjects.first(events["screening_failed"]),
        "consented": _consented(subjects, tables["consent_signed"], events, required),
        "randomised": subjects.first(events["randomised"]),
        "first_dose": subjects.first(doses),
        "last_dose": subjects.last(doses),
        "treatment_discontinued": subjects.first(events["treatment_discontinued"]),
        "visits_discontinued": subjects.first(events["visits_discontinued"]),
        "consent_withdrawn": subjects.first(events["consent_withdrawn"], withdrawn),
        "lost": subjects.first(events["lost_to_follow_up"]),
        "subsequent_therapy": subjects.first(
            events["subsequent_therapy_recorded"],
            present(tables["subsequent_therapy_recorded"]["therapy"]),
        ),
    }
    dead, limits = _deaths(subjects, tables["death_recorded"])
    done = tables["visit_recorded"].filter(pl.col("not_done").is_null())
    drawn = subjects.dated(_drawn(tables["laboratory_reported"], tables["laboratory_result"]))
    signs = [*(events[name] for name in _SIGNS_OF_LIFE), subjects.dated(done), doses, drawn]
    facts["last_known_alive"] = _last_sign(subjects, signs, limits)
    seqs = [dead["seq"].to_numpy(), *(found.seq for found in facts.values())]
    return subjects.key.hstack(
        [
            screened["site"],
            screened["rescreening_of"],
            *_failures(subjects, tables["screening_failed"]),
            dead["death"],
            dead["death_text"],
            *(found.date.alias(name) for name, found in facts.items()),
            array_sources(seqs),
        ]
    ).select(*DISPOSITION)


def _consented(
    subjects: SubjectRows,
    signed: pl.DataFrame,
    events: Mapping[str, Dated],
    required: list[str],
) -> Found:
    """The signature that completed the consents required; the first of any if none is required."""
    signatures = events["consent_signed"]
    firsts = [
        subjects.first(signatures, (signed["consent"] == code).to_numpy()) for code in required
    ]
    if not firsts:
        return subjects.first(signatures)
    complete = np.all([first.seq >= 0 for first in firsts], axis=0)
    packed = [pack(np.where(first.seq >= 0, first.day, 0), first.seq) for first in firsts]
    return unpacked(np.max(packed, axis=0), complete)


def _failures(subjects: SubjectRows, failed: pl.DataFrame) -> list[pl.Series]:
    """The cause of each subject's failure of screening, and the criteria not met."""
    places = np.full(len(subjects), -1, dtype=np.int64)
    rows = subjects.rows(failed)
    places[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
    named = {"cause": "failure_cause", "criteria": "failed_criteria"}
    return [gathered(failed[name], places).alias(column) for name, column in named.items()]


def _deaths(subjects: SubjectRows, deaths: pl.DataFrame) -> tuple[pl.DataFrame, Numbers]:
    """Per subject death, death_text and seq; and the last day on which it can have happened."""
    day, partial = pl.col("occurred"), pl.col("occurred_partial")
    text = pl.coalesce(day.dt.to_string("%Y-%m-%d"), partial, pl.lit(UNKNOWN_DATE))
    known = deaths.select(
        day.alias("death"), text.alias("death_text"), "seq", latest_day(day, partial).alias("limit")
    )
    places = np.full(len(subjects), -1, dtype=np.int64)
    rows = subjects.rows(deaths)
    places[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
    found = [gathered(known[name], places).alias(name) for name in ("death", "death_text", "seq")]
    limits = days(gathered(known["limit"], places))
    return pl.DataFrame(found).with_columns(pl.col("seq").fill_null(-1)), limits


def _drawn(reports: pl.DataFrame, results: pl.DataFrame) -> pl.DataFrame:
    """The reports with a value: without one, nothing shows that blood was drawn."""
    valued = present(results["value"])
    if valued.all():
        return reports
    shown = np.zeros(len(reports) + 1, dtype=np.bool_)
    shown[parent_rows(reports, kept(results, valued))] = True
    return kept(reports, shown[:-1])


def _last_sign(subjects: SubjectRows, signs: Sequence[Dated], limits: Numbers) -> Found:
    """The last day of any sign of life that is not later than death can have been."""
    every = Dated(*(np.concatenate(parts) for parts in zip(*signs, strict=True)))
    limit = np.where(limits == NONE, np.iinfo(np.int64).max, limits)
    return subjects.last(every, every.days <= limit[every.rows] if len(limit) else None)


_DATED_EVENTS = (
    "subject_screened",
    "consent_signed",
    "screening_failed",
    "randomised",
    "form_saved",
    "tumour_assessed",
    "cycle_started",
    "vital_status_recorded",
    "treatment_discontinued",
    "visits_discontinued",
    "consent_withdrawn",
    "lost_to_follow_up",
    "subsequent_therapy_recorded",
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


ENTRIES = (
    PriorTherapyRecorded,
    ProcedureRecorded,
    ConcomitantMedicationRecorded,
    MedicalHistoryRecorded,
)
"""What may answer the question of a form."""

_ENTRY = {"screening_failed": _DATED, "randomised": _DATED, "eligibility_confirmed": _DATED}

RULES: tuple[TableRule, ...] = (
    TableRule(
        produces="item",
        columns=ITEM,
        requires={
            **_events(FormSaved, FormItem, *ENTRIES),
            "laboratory_answer": MEASURED,
            **_ENTRY,
        },
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
        produces="entry_item",
        columns=SUBJECT_ITEM,
        requires={
            "subject_item": SUBJECT_ITEM,
            "laboratory_answer": {**MEASURED, "reported": pl.Boolean},
            **_events(SubjectScreened, ConsentSigned, FormSaved, FormItem),
            **_events(*ENTRIES),
            **_ENTRY,
            "cycle_started": _DATED,
            "dose_given": {**_DATED, "amount": pl.Int64, "administrations": pl.Int64},
        },
        plan="entry",
        rule=entry_item,
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
            "laboratory_reported": {**_DATED, "event": pl.Int64},
            "laboratory_result": {"replicate": pl.Int32, "event": pl.Int64, "value": pl.Int64},
        },
        plan="visits",
        rule=disposition,
    ),
)

LAST_RULES: tuple[TableRule, ...] = (
    TableRule(
        produces="consent_missing",
        columns=CONSENT_MISSING,
        requires=CONSENT_REQUIRES,
        plan="visits",
        rule=consent_missing,
    ),
    TableRule(
        produces="answer_discrepancy",
        columns=ANSWER_DISCREPANCY,
        requires={
            "laboratory_answer": ANSWERS,
            **_events(FormSaved, FormItem, *ENTRIES),
            **_ENTRY,
        },
        plan="visits",
        rule=answer_discrepancy,
    ),
    TableRule(
        produces="questionnaire_score",
        columns=QUESTIONNAIRE_SCORE,
        requires=_events(FormSaved, FormItem),
        plan="visits",
        rule=questionnaire_score,
    ),
    TableRule(
        produces="visit_timeline",
        columns=VISIT_TIMELINE,
        requires={
            "disposition": DISPOSITION,
            "progression": {**KEY, "progression": pl.Date},
            **_events(VisitRecorded, LostToFollowUp, VitalStatusRecorded, ConsentWithdrawn),
            "cycle_started": {**_DATED, "cycle": pl.Int64},
        },
        plan="visits",
        rule=visit_timeline,
    ),
    TableRule(
        produces="prohibited_therapy",
        columns=PROHIBITED_THERAPY,
        requires=PROHIBITED_REQUIRES,
        plan="prohibitions",
        rule=prohibited_therapy,
    ),
)
"""Rules that read what the rules of other stages derive."""
