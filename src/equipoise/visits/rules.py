"""From forms to the latest answers, and from what happened to where each subject stands."""

from __future__ import annotations

import datetime

import numpy as np
import polars as pl

from equipoise.record.declaration import schema
from equipoise.record.event import Body
from equipoise.record.partial_date import latest_day
from equipoise.record.rule import KEY, SOURCES, Columns, TableRule, Tables
from equipoise.record.sources import row_sources
from equipoise.record.subject_rows import (
    Flags,
    Found,
    Numbers,
    SubjectRows,
    coded,
    gathered,
    pack,
    parent_rows,
    unpacked,
)
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
from equipoise.visits.subject_item import SUBJECT_ITEM, given_dose, subject_item

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
    forms, answers = tables["form_saved"], tables["form_item"]
    if forms.is_empty() or answers.is_empty():
        return pl.DataFrame(schema=ITEM)
    subjects = SubjectRows(forms)
    rows = subjects.rows(forms)
    form_names, form_codes = coded(forms["form"])
    item_names, item_codes = coded(answers["item"])
    counts = _latest_instances(forms, rows * len(form_names) + form_codes)
    parents = parent_rows(forms, answers)
    kept = np.flatnonzero(counts[parents] & (parents >= 0))
    parents = parents[kept]
    pair = form_codes[parents] * len(item_names) + item_codes[kept]
    used = np.zeros(len(form_names) * len(item_names), dtype=np.int64)
    used[pair] = 1
    place = rows[parents] * int(used.sum()) + (np.cumsum(used) - 1)[pair]
    order = np.full(len(subjects) * int(used.sum()), -1, dtype=np.int64)
    order[place] = np.arange(len(kept))
    order = order[order >= 0]
    found = answers.select(*(name for name in ITEM if name in answers.columns), "seq")[kept[order]]
    seqs = np.maximum(found["seq"].to_numpy(), forms["seq"].to_numpy()[parents[order]])
    return found.with_columns(
        form_names.gather(form_codes[parents[order]]).alias("form"),
        row_sources(pl.Series(seqs)).alias("sources"),
    ).select(*ITEM)


def _latest_instances(forms: pl.DataFrame, groups: Numbers) -> Flags:
    """Whether each form saved is the instance of its group that counts."""
    days = forms["occurred"].to_physical().cast(pl.Int64).fill_null(-(2**20)).to_numpy()
    packed = pack(days, forms["event"].to_numpy())
    latest = np.full(int(groups.max()) + 1, np.iinfo(np.int64).min)
    np.maximum.at(latest, groups, packed)
    counts: Flags = packed == latest[groups]
    return counts


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
    screened = tables["subject_screened"].sort(SUBJECT)
    subjects = SubjectRows(screened)
    required = [each.code for each in plan.consents if each.required_for_randomisation]
    doses = tables["dose_given"].filter(given_dose())
    dose_rows = subjects.rows(doses)
    withdrawn = tables["consent_withdrawn"].filter(pl.col("consent").is_in(required))
    facts = {
        "screened": subjects.first(screened),
        "screening_failed": subjects.first(tables["screening_failed"]),
        "consented": _consented(subjects, tables["consent_signed"], required),
        "randomised": subjects.first(tables["randomised"]),
        "first_dose": subjects.first(doses, dose_rows),
        "last_dose": subjects.last(doses, dose_rows),
        "treatment_discontinued": subjects.first(tables["treatment_discontinued"]),
        "visits_discontinued": subjects.first(tables["visits_discontinued"]),
        "consent_withdrawn": subjects.first(withdrawn),
        "lost": subjects.first(tables["lost_to_follow_up"]),
        "subsequent_therapy": subjects.first(tables["subsequent_therapy_recorded"]),
    }
    dead = _deaths(subjects, tables["death_recorded"])
    signs = [(sign, subjects.rows(sign)) for sign in _signs_of_life(tables)]
    facts["last_known_alive"] = _last_sign(subjects, [*signs, (doses, dose_rows)], dead)
    sources = row_sources(dead["seq"], *(found.seq for found in facts.values()))
    return (
        subjects.key.with_columns(screened["site"], *dead.select("death", "death_text"))
        .with_columns(found.day.alias(name) for name, found in facts.items())
        .with_columns(sources.alias("sources"))
        .select(*DISPOSITION)
    )


def _consented(subjects: SubjectRows, signed: pl.DataFrame, required: list[str]) -> Found:
    """The signature that completed the consents required; the first of any if none is required."""
    firsts = [subjects.first(signed.filter(pl.col("consent") == code)) for code in required]
    if not firsts:
        return subjects.first(signed)
    packed = [
        pack(first.day.to_physical().cast(pl.Int64).fill_null(0).to_numpy(),
             first.seq.fill_null(0).to_numpy())
        for first in firsts
    ]  # fmt: skip
    complete = np.all([first.seq.is_not_null().to_numpy() for first in firsts], axis=0)
    return unpacked(np.max(packed, axis=0), complete)


def _deaths(subjects: SubjectRows, deaths: pl.DataFrame) -> pl.DataFrame:
    """Per subject death, death_text, seq and limit, the last day on which it can have happened."""
    text = pl.coalesce(
        pl.col("occurred").dt.to_string("%Y-%m-%d"), "occurred_partial", pl.lit(UNKNOWN_DATE)
    )
    known = deaths.select(
        pl.col("occurred").alias("death"),
        text.alias("death_text"),
        "seq",
        latest_day(pl.col("occurred"), pl.col("occurred_partial")).alias("limit"),
    )
    places = np.full(len(subjects), -1, dtype=np.int64)
    rows = subjects.rows(deaths)
    places[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
    return pl.DataFrame([gathered(column, places) for column in known.get_columns()])


def _signs_of_life(tables: Tables) -> list[pl.DataFrame]:
    visits = tables["visit_recorded"].filter(pl.col("not_done").is_null())
    return [*(tables[name] for name in _SIGNS_OF_LIFE), visits]


def _last_sign(
    subjects: SubjectRows, signs: list[tuple[pl.DataFrame, Numbers]], dead: pl.DataFrame
) -> Found:
    """The last day of any sign of life that is not later than death can have been."""
    never = pl.Series([datetime.date.max])
    limits = dead["limit"].fill_null(never[0]).to_physical().cast(pl.Int64).to_numpy()
    last = np.full(len(subjects), np.iinfo(np.int64).min)
    for sign, rows in signs:
        days = sign["occurred"].to_physical().cast(pl.Int64).fill_null(_NO_DAY).to_numpy()
        counts = (rows >= 0) & (days != _NO_DAY) & (days <= limits[rows])
        np.maximum.at(last, rows[counts], pack(days[counts], sign["seq"].to_numpy()[counts]))
    return unpacked(last, last != np.iinfo(np.int64).min)


_NO_DAY = np.iinfo(np.int32).max
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
