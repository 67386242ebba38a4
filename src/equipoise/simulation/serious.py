"""What is told of serious adverse events: to the sponsor, by the investigator, to the authority."""

from __future__ import annotations

import numpy as np
import polars as pl

from equipoise.record.rule import KEY
from equipoise.record.subject_rows import days
from equipoise.safety.events import (
    AdverseEventReported,
    CausalityAssessed,
    SeriousAdverseEventReported,
    SusarSubmitted,
)
from equipoise.simulation.answers import Texts, text_where
from equipoise.simulation.entries import Entries
from equipoise.simulation.nature import Bools, Ints, Nature
from equipoise.simulation.recruitment import places
from equipoise.simulation.scenario import Scenario
from equipoise.study.definition import Study
from equipoise.study.derivation import derive, read_for
from equipoise.treatment.events import RegimenChosen

FATAL, THREATENING = 5, 4
"""Grades of CTCAE that are a death, and life-threatening."""

_SENT = {
    "other": ("initial", 1, 12),
    "fatal_or_life_threatening": ("initial", 1, 6),
    "fatal_follow_up": ("follow_up", 8, 14),
}
"""What is sent of each report that is due, and how many days after day 0."""


def notified(study: Study, scenario: Scenario, nature: Nature, entries: Entries) -> None:
    """Enter a report and an opinion on the first drug of the regimen for every serious event.

    The site knows after some days, and the sponsor soon after; the harms of a scenario come in the
    order in which they were entered.
    """
    drug = _first_drug(study, entries)
    size = entries.subject_names.shape[1]
    events = list(entries.of(AdverseEventReported))
    for harm, (heads, items) in zip(scenario.harms, events, strict=True):
        serious = np.flatnonzero(items["serious"])
        at = heads.replicate[serious], heads.subject[serious]
        grade = items["grade"][serious]
        aware = heads.day[serious] + nature.integer(f"aware/{harm.term}", 0, 2, size)[at]
        received = aware + nature.chance(f"notice/{harm.term}", 0.5, size)[at]
        name = {"adverse_event": items["adverse_event"]}
        entries.add(
            SeriousAdverseEventReported, *at, received,
            {**name, "report": 1, "criteria": _criteria(grade), "aware": _dates(aware),
             **_times(nature, harm.term, size, at, received > aware),
             "narrative": f"A simulated event: {harm.term}."},
        )  # fmt: skip
        related = nature.chance(f"related/{harm.term}", float(harm.related), size)[at]
        entries.add(
            CausalityAssessed, *at, received,
            {**name, "opinion_of": "investigator", "drug": drug[at],
             "related": text_where(related, "related", "not_related")},
        )  # fmt: skip


def submitted(study: Study, scenario: Scenario, nature: Nature, entries: Entries) -> None:
    """Enter what leaves for the authority: the rule says what is due, nature when it is sent."""
    told = entries.only(
        AdverseEventReported.TYPE, SeriousAdverseEventReported.TYPE, CausalityAssessed.TYPE
    )
    name = "expedited_report"
    due = derive(told.tables(read_for(frozenset([name]))), study, upto=name)[name]
    due = due.filter("certain").join(places(entries), list(KEY))
    size = entries.subject_names.shape[1]
    names = [items["adverse_event"] for _, items in entries.of(AdverseEventReported)]
    for report, (kind, low, high) in _SENT.items():
        for harm, name in zip(scenario.harms, names, strict=True):
            mine = due.filter(report=report, adverse_event=name)
            at = np.divmod(mine["_place"].to_numpy(), size)
            lag = nature.integer(f"sent/{report}/{harm.term}", low, high, size)[at]
            number = pl.Series([f"{each}/{name}" for each in mine["subject"]], dtype=pl.String)
            entries.add(
                SusarSubmitted, *at, days(mine["start"]) + lag,
                {"adverse_event": name, "kind": kind, "number": number},
            )  # fmt: skip


def _criteria(grade: Ints) -> pl.Series:
    severe = np.where(grade >= THREATENING, "life_threatening", "medically_important")
    named = np.where(grade >= FATAL, "death", severe)
    return pl.Series([[each] for each in named.tolist()], dtype=pl.List(pl.String))


def _times(
    nature: Nature, term: str, size: int, at: tuple[Ints, Ints], next_day: Bools
) -> dict[str, pl.Series]:
    """The time at which the site knew, and that of the report: later on the same day, or on the
    next by an hour more than a day after, so that a few come late."""
    knew = nature.integer(f"aware time/{term}", 0, MINUTES - 1, size)[at]
    wait = nature.uniform(f"notice time/{term}", size)[at]
    least = np.where(next_day, 0, knew)
    most = np.where(next_day, np.minimum(knew + 60, MINUTES - 1), MINUTES - 1)
    reached = least + np.floor(wait * (most - least)).astype(np.int64)
    return {"aware_time": _clock(knew), "received_time": _clock(reached)}


MINUTES = 24 * 60


def _clock(minutes: Ints) -> pl.Series:
    """Minutes of a day as HH:MM."""
    told = [f"{each // 60:02}:{each % 60:02}" for each in minutes.tolist()]
    return pl.Series(told, dtype=pl.String)


def _dates(days: Ints) -> pl.Series:
    return pl.Series(days.astype(np.int32)).cast(pl.Date)


def _first_drug(study: Study, entries: Entries) -> Texts:
    """The first drug of the regimen of every candidate."""
    first = {each.code: each.doses[0].drug for each in study.treatment.regimens}
    drug: Texts = np.full(entries.subject_names.shape, None, dtype=object)
    for heads, items in entries.of(RegimenChosen):
        for regimen, name in first.items():
            mine = items["regimen"] == regimen
            drug[heads.replicate[mine], heads.subject[mine]] = name
    return drug
