"""What the marker's rules say of samples, put together for the laboratory's pages.

Everything here is a row of a derived table; nothing tells an arm, a dose or an outcome.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import polars as pl

from equipoise.biomarker.events import ASSAY_PLACES
from equipoise.biomarker.path import standing_on
from equipoise.biomarker.plan import Assay, BiomarkerPlan
from equipoise.biomarker.quality import RUN_CONTROL, RUN_QUALITY, run_controls, run_quality
from equipoise.biomarker.work import redetermination_work, sample_work
from equipoise.conduct.derived import rests_on
from equipoise.record.declaration import children
from equipoise.record.event import Event
from equipoise.record.rule import Tables
from equipoise.record.tables import tables
from equipoise.study.catalogue import CATALOGUE, EVENTS
from equipoise.study.definition import Study
from equipoise.study.derivation import derive
from equipoise.web.overview import kept
from equipoise.web.trial import Trial

READ = ("sample_state", "assay_value", "assay_determination", "marker_status", "marker_path")
SHOWN_PLACES = 2
"""Decimal places in which a value is shown; the rules compare it as it is."""


@dataclass(frozen=True, slots=True)
class Bench:
    """The tables of one subject that the laboratory's lists are made of."""

    subject: str
    site: str
    tables: Tables
    plan: BiomarkerPlan

    @property
    def in_screening(self) -> bool:
        """Whether the subject may still be randomised."""
        return all(self.tables[name].is_empty() for name in _ENDS)

    def on_path(self, today: datetime.date) -> Mapping[str, Any]:
        """Where the subject stands on the declared path on a day, by the rule in force."""
        path = self.tables["marker_path"].filter(rule=self.plan.marker.rule_in_force)
        return standing_on(path, pl.Series([today]), self.plan).row(0, named=True)


_ENDS = ("randomised", "screening_failed", "death_recorded", "lost_to_follow_up")


def bench(trial: Trial, site: str | None = None) -> list[Bench]:
    """What the laboratory has of every subject, or of a hospital's, by subject number."""
    return kept(trial, "laboratory", _benches, types=_types()).of(site)


def bench_of(trial: Trial, subject: str) -> Bench:
    """What the laboratory has of one subject."""
    return kept(trial, "laboratory", _benches, types=_types()).one(subject)


@cache
def _types() -> frozenset[str]:
    """The types of the events that a bench rests on."""
    shown = {*_ENDS, "assay_result_recorded", "assay_control", "subject_screened"}
    own = {
        cls.TYPE
        for cls in EVENTS
        if cls.TABLE in shown or any(child.TABLE in shown for _, child in children(cls))
    }
    return frozenset(own.union(*(rests_on(name) for name in READ)))


def _benches(events: list[Event], study: Study) -> Mapping[str, Bench]:
    found = dict(tables(sorted(events), CATALOGUE))
    for name in READ:
        found = derive(found, study, upto=name)
    of = {row["subject"]: row["site"] for row in found["subject_screened"].iter_rows(named=True)}
    wanted = (*READ, "assay_result_recorded", "assay_control", *_ENDS)
    parts = {name: found[name].partition_by("subject", as_dict=True) for name in wanted}
    return {
        subject: Bench(
            subject, site,
            {name: parts[name].get((subject,), found[name].clear()) for name in wanted},
            study.biomarker,
        )
        for subject, site in of.items()
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Work:
    """A row of the queue: what stands in `sample_work`, and whose hospital it is."""

    site: str
    row: Mapping[str, Any]


def queue(trial: Trial, today: datetime.date) -> list[Work]:
    """Every sample of the trial: the late ones first, then by the day until which they have."""
    found = [
        Work(each.site, row)
        for each in bench(trial)
        for row in sample_work(each.tables, each.plan, today).iter_rows(named=True)
    ]
    far = datetime.date.max
    return sorted(
        found, key=lambda w: (-w.row["late"], w.row["due"] or far, w.row["subject"])
    )  # fmt: skip


def to_determine_again(trial: Trial) -> list[Work]:
    """Randomised subjects, and what of them was determined again."""
    return [
        Work(each.site, row)
        for each in bench(trial)
        for row in redetermination_work(each.tables).iter_rows(named=True)
    ]


def every_control(trial: Trial) -> pl.DataFrame:
    """`run_controls` of all subjects, in the order of the runs."""
    none = pl.DataFrame(schema=dict(RUN_CONTROL))
    found = [run_controls(each.tables, each.plan) for each in bench(trial)]
    return pl.concat([none, *found]).sort("occurred", "event")


def every_run(trial: Trial) -> pl.DataFrame:
    """`run_quality` of all subjects."""
    none = pl.DataFrame(schema=dict(RUN_QUALITY))
    return pl.concat([none, *(run_quality(each.tables) for each in bench(trial))])


def shown_value(total: int | None, count: int | None) -> str | None:
    """A value of the tables, total / count in 1/10,000, to two places (half up), as text.

    >>> shown_value(90_000, 1), shown_value(250_000, 3), shown_value(None, None)
    ('9', '8.33', None)
    """
    if total is None or not count:
        return None
    scaled = Fraction(total, count) / 10 ** (ASSAY_PLACES - SHOWN_PLACES)
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    text = f"{whole // 10**SHOWN_PLACES}.{whole % 10**SHOWN_PLACES:0{SHOWN_PLACES}}"
    return text.rstrip("0").rstrip(".")


def assay_of(plan: BiomarkerPlan, code: str) -> Assay | None:
    """An assay of the study, None for one that it does not have."""
    return next((each for each in plan.marker.assays if each.code == code), None)


def statuses(plan: BiomarkerPlan, frame: pl.DataFrame, basis: str) -> list[dict[str, Any]]:
    """The status by each version of the rule on a basis, with its value and its label."""
    labels = {each.code: each.label for each in plan.marker.statuses}
    versions = {each.version: each for each in plan.marker.rules}
    assays = {each.code: each for each in plan.marker.assays}
    return [
        {
            **row, "label": labels.get(row["status"]), "version": versions.get(row["rule"]),
            "in_force": row["rule"] == plan.marker.rule_in_force,
            "value": shown_value(row["total"], row["count"]), "of": assays.get(row["assay"]),
        }
        for row in frame.filter(basis=basis).iter_rows(named=True)
    ]  # fmt: skip
