"""The part of the study file that says how harm is graded and reported."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from equipoise.record.plan import Code, Count, Plan


class ReportingClocks(Plan):
    """Hours from the site's awareness to the sponsor, days to the authority."""

    site_to_sponsor_hours: Count = Field(gt=0)
    fatal_days: Count = Field(gt=0)
    other_days: Count = Field(gt=0)


class LaboratoryPlan(Plan):
    """The items of the forms by which a reference range is chosen; none where it needs none."""

    sex_item: Code | None = None
    age_item: Code | None = None


class SafetyPlan(Plan):
    """The grading standard, the reporting period after the last dose, and the clocks."""

    grading: Literal["ctcae_5"]
    days_after_last_dose: Count = Field(ge=0)
    clocks: ReportingClocks
    laboratory: LaboratoryPlan = LaboratoryPlan()
