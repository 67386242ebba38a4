"""Criteria of entry asked again: on the first day of treatment, and when the record has changed."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from equipoise.conduct.context import Context
from equipoise.eligibility.plan import Criterion
from equipoise.randomisation.events import Randomised
from equipoise.treatment.events import CycleStarted


def criteria_against(context: Context, body: CycleStarted) -> dict[str, str]:
    """The criteria judged provisionally that are not met or not known once the first cycle begins,
    each in words; none of a later cycle."""
    provisional = _provisional(context)
    if body.cycle != 1 or not provisional:
        return {}
    verdicts = context.derived_with("criterion_verdict", body).filter(
        pl.col("criterion").is_in(list(provisional)), pl.col("met").fill_null(False).not_()
    )
    return {
        row["criterion"]: _told(provisional[row["criterion"]], row["met"], row["missing_items"])
        for row in verdicts.iter_rows(named=True)
    }


def criteria_now_against(context: Context) -> Iterable[str]:
    """The same of a subject whose first cycle has begun, by what the record says now."""
    provisional = _provisional(context)
    for row in context.derived("entry_eligibility").iter_rows(named=True) if provisional else ():
        for name, criterion in provisional.items():
            if name in row["unmet_now"]:
                yield _told(criterion, False, ())
            elif name in row["pending_now"]:
                yield _told(criterion, None, ())


def entry_now_against(context: Context) -> Iterable[str]:
    """The criteria not judged provisionally that a randomised subject did not meet, by what the
    record says now of the time up to then; each in words."""
    if not any(event.type == Randomised.TYPE for event in context.events):
        return
    for row in context.derived("entry_eligibility").iter_rows(named=True):
        for criterion in context.study.eligibility.criteria:
            if criterion.id in row["unmet_now"] and not criterion.provisional:
                yield _told(criterion, False, ())


def _provisional(context: Context) -> dict[str, Criterion]:
    return {each.id: each for each in context.study.eligibility.criteria if each.provisional}


def _told(criterion: Criterion, met: bool | None, missing: Iterable[str]) -> str:
    if met is None:
        items = ", ".join(missing)
        return f"criterion {criterion.id} is not known" + (f" ({items})" if items else "")
    return f"criterion {criterion.id} is not met: {criterion.wording.en.rstrip('.')}"
