"""How the trial goes, put together from derived tables for the dashboard and the lists behind it.

What is counted is counted by rules of the stages; here their tables are laid side by side, for all
hospitals or one.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import polars as pl

from equipoise.biomarker.turnaround import MARKER_TURNAROUND, marker_turnaround
from equipoise.oversight import recruitment
from equipoise.oversight.query import QUERY, query_states
from equipoise.record.event import Event
from equipoise.record.tables import tables
from equipoise.study.access import may_see_balance, may_see_type
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.definition import Study
from equipoise.study.derivation import derive
from equipoise.visits.expected_form import EXPECTED_FORM, expected_form, late_forms
from equipoise.visits.rules import DISPOSITION
from equipoise.web.asking import Asking
from equipoise.web.laboratory_view import bench
from equipoise.web.overview import Due, Row, kept, overview
from equipoise.web.trial import Trial

MARKER_TABLES = ("sample_state", "assay_value", "marker_path", "screening_failed")
ALLOCATED = {"subject": pl.String, "site": pl.String, "marker_status": pl.String, "arm": pl.String}


@dataclass(frozen=True, slots=True)
class Course:
    """Of one subject: the forms that were expected, and the allocation (empty if there is none)."""

    site: str
    forms: pl.DataFrame
    allocation: pl.DataFrame


def _courses(events: list[Event], study: Study) -> Mapping[str, Course]:
    found = dict(tables(sorted(events), CATALOGUE))
    for name in ("visit_timeline", "laboratory_answer", "allocation"):
        found = derive(found, study, upto=name)
    parts = {
        "forms": expected_form(found, study.visits),
        "allocation": found["allocation"].select(*ALLOCATED),
    }
    by = {name: frame.partition_by("subject", as_dict=True) for name, frame in parts.items()}
    return {
        row["subject"]: Course(
            row["site"],
            **{name: by[name].get((row["subject"],), parts[name].clear()) for name in parts},
        )
        for row in found["subject_screened"].iter_rows(named=True)
    }


@dataclass(frozen=True)
class Progress:
    """What one position may know of how the trial goes: at a hospital, of that hospital alone."""

    trial: Trial
    site: str | None
    today: datetime.date
    sees_marker: bool
    sees_balance: bool

    @classmethod
    def of(cls, asking: Asking) -> Progress:
        """The progress that the person who asks may look at."""
        told = may_see_type(
            asking.role, "AssayResultRecorded",
            disclosed=asking.disclosed, unblinded=asking.unblinded,
        )  # fmt: skip
        return cls(
            asking.trial, asking.site, asking.trial.ask.today(asking.site), told,
            may_see_balance(asking.role, unblinded=asking.unblinded),
        )  # fmt: skip

    @cached_property
    def rows(self) -> list[Row]:
        """The overview of the subjects."""
        return overview(self.trial).of(self.site)

    @cached_property
    def disposition(self) -> pl.DataFrame:
        """Where each subject stands."""
        return pl.DataFrame([row.disposition for row in self.rows], schema=dict(DISPOSITION))

    @cached_property
    def steps(self) -> pl.DataFrame:
        """RECRUITMENT_STEP of the subjects."""
        return recruitment.recruitment_steps(self.disposition)

    @property
    def plan(self) -> dict[str, Any]:
        """What was planned: of the whole trial, for nobody plans for one hospital."""
        registered = self.trial.ask.study(None).registration
        size = registered.enrolment
        whole = self.site is None
        return {
            "start": registered.dates.start if whole else None,
            "months": size.months if whole else None,
            "planned": size.planned if whole else None,
        }

    def by_month(self) -> pl.DataFrame:
        """Recruitment by month, beside the plan, up to the last month that had a step, or in which
        people were to be recruited."""
        last = self.steps["day"].max() if len(self.steps) else None
        until = max(last, self.planned_end) if last and self.planned_end else last or self.today
        assert isinstance(until, datetime.date)
        return recruitment.recruitment_by_month(self.steps, min(until, self.today), self.plan)

    @property
    def planned_end(self) -> datetime.date | None:
        """The day by which the planned number was to be reached."""
        return recruitment.planned_end(self.plan["start"], self.plan["months"])

    def failures(self) -> pl.DataFrame:
        """SCREENING_FAILURE of the subjects."""
        return recruitment.screening_failures(self.disposition)

    @cached_property
    def forms(self) -> pl.DataFrame:
        """EXPECTED_FORM of the subjects, with their `site`."""
        found = kept(self.trial, "course", _courses).of(self.site)
        parts = [each.forms.with_columns(pl.lit(each.site).alias("site")) for each in found]
        none = pl.DataFrame(schema={**EXPECTED_FORM, "site": pl.String})
        return pl.concat([none, *parts])

    def late_forms(self) -> pl.DataFrame:
        """Forms that are not complete though they were due."""
        return late_forms(self.forms, self.today)

    @cached_property
    def turnaround(self) -> pl.DataFrame:
        """MARKER_TURNAROUND of the subjects, with their `site`."""
        benches = bench(self.trial, self.site)
        plans = {id(each.plan): each.plan for each in benches}
        site = pl.DataFrame(
            [(each.subject, each.site) for each in benches],
            schema={"subject": pl.String, "site": pl.String}, orient="row",
        )  # fmt: skip
        parts = [pl.DataFrame(schema=MARKER_TURNAROUND)]
        for key, plan in plans.items():
            mine = [each.tables for each in benches if id(each.plan) == key]
            together = {name: pl.concat([t[name] for t in mine]) for name in MARKER_TABLES}
            parts.append(marker_turnaround(together, plan, self.today))
        return pl.concat(parts).join(site, on="subject", how="left")

    @cached_property
    def queries(self) -> pl.DataFrame:
        """How many queries each hospital has by state."""
        rows = [each for row in self.rows for each in row.asked]
        return query_states(pl.DataFrame(rows, schema=dict(QUERY)), self.today)

    def late_visits(self) -> list[tuple[Row, Due, int]]:
        """Visits whose window has passed without them, and since how many days; the latest first"""
        late = [
            (row, due, days)
            for row in self.rows
            for due in row.due
            if (days := due.late(self.trial.ask.today(row.site)))
        ]
        return sorted(late, key=lambda each: (-each[2], each[0].subject))

    def allocations(self) -> pl.DataFrame:
        """Every allocation (ALLOCATED). PermissionError for who may not see the balance."""
        if not self.sees_balance:
            raise PermissionError("balance by arm")
        found = kept(self.trial, "course", _courses).of(self.site)
        return pl.concat([pl.DataFrame(schema=ALLOCATED), *(each.allocation for each in found)])
