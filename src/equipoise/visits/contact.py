"""Contacts that ask whether a subject lives: until when they are due, and what keeps them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from equipoise.record.rule import Tables
from equipoise.record.subject_rows import NONE, Flags, Numbers, SubjectRows, days, pack
from equipoise.visits.plan import VisitsPlan


class Signs(NamedTuple):
    """Days on which somebody heard that a subject lives, by subject and day: vital status by any
    source, and visits that took place. `rows` are those of the subjects, `seqs` of the entries."""

    rows: Numbers
    days: Numbers
    seqs: Numbers


def signs_of_life(subjects: SubjectRows, tables: Tables) -> Signs:
    """What a contact asks for, from the tables of vital status and of visits."""
    visits = tables["visit_recorded"].filter(pl.col("not_done").is_null())
    both = [
        (subjects.rows(frame), days(frame["occurred"]), frame["seq"].to_numpy())
        for frame in (tables["vital_status_recorded"], visits)
    ]
    rows, on, seqs = (np.concatenate(each) for each in zip(*both, strict=True))
    there = np.flatnonzero((rows >= 0) & (on != NONE))
    order = there[np.lexsort((seqs[there], on[there], rows[there]))]
    return Signs(rows[order], on[order], seqs[order])


def contacts_end(
    subjects: SubjectRows, tables: Tables, plan: VisitsPlan, signs: Signs, closed: Numbers
) -> Numbers:
    """The day after which a subject is not asked for any more: the earliest of `closed` (death,
    failure of screening), a withdrawal of a consent that randomisation requires with which vital
    status is not to be followed, and a loss to follow-up (the last one; none where somebody has
    heard of the subject later). Whoever comes to no visits is still asked for (CN1)."""
    never = np.iinfo(np.int64).max
    required = [each.code for each in plan.consents if each.required_for_randomisation]
    refused = tables["consent_withdrawn"].filter(
        pl.col("consent").is_in(required) & ~pl.col("vital_status_allowed")
    )
    ends = np.where(closed == NONE, never, closed)
    rows, on = subjects.rows(refused), days(refused["occurred"])
    known = (rows >= 0) & (on != NONE)
    np.minimum.at(ends, rows[known], on[known])
    heard = np.full(len(subjects), NONE)
    np.maximum.at(heard, signs.rows, signs.days)
    lost = subjects.last(subjects.dated(tables["lost_to_follow_up"])).day
    return np.minimum(ends, np.where((lost == NONE) | (heard > lost), never, lost))


def keeping(signs: Signs, rows: Numbers, since: Numbers, before: Numbers) -> tuple[Flags, Numbers]:
    """Whether there is a sign of life of each of `rows` from the day `since` on, earlier than the
    day `before`, and the place of the first of them in `signs`."""
    if not len(signs.rows):
        return np.zeros(len(rows), dtype=np.bool_), np.zeros(len(rows), dtype=np.int64)
    at = np.searchsorted(pack(signs.rows, signs.days), pack(rows, since))
    at = np.minimum(at, len(signs.rows) - 1)
    on = signs.days[at]
    found: Flags = (signs.rows[at] == rows) & (on >= since) & (on < before)
    return found, at
