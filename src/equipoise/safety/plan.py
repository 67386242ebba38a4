"""The part of the study file that says how harm is graded and reported."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from equipoise.record.partial_date import Imputation
from equipoise.record.plan import Code, Count, Plan


class ReportingClocks(Plan):
    """Hours from the site's awareness to the sponsor, days from the sponsor's to the authority.

    `fatal_days` for what is fatal or life-threatening, and `fatal_follow_up_days` more for the
    complete report of it; `other_days` for the rest.
    """

    site_to_sponsor_hours: Count = Field(gt=0)
    fatal_days: Count = Field(gt=0)
    fatal_follow_up_days: Count = Field(gt=0)
    other_days: Count = Field(gt=0)


Severity = Literal["serious", "life_threatening", "fatal"]
"""How bad a serious reaction is, in ascending order."""


class ExpectedReaction(Plan):
    """A serious reaction to a drug that is expected, up to a severity.

    A fatal or life-threatening one is expected only where the document says so.
    """

    drug: Code
    term: str
    up_to: Severity = "serious"


class ReferenceSafetyInformation(Plan):
    """The document by which a reaction is expected or not, and what it lists."""

    document: str
    reactions: tuple[ExpectedReaction, ...] = ()


class MedicalDictionary(Plan):
    """The dictionary in which adverse events are coded, in the version of the trial."""

    name: str
    version: str


class LaboratoryPlan(Plan):
    """The items of the forms by which a reference range is chosen; none where it needs none."""

    sex_item: Code | None = None
    age_item: Code | None = None


class AnsweredItem(Plan):
    """An item of a form that results of an analyte answer, and the unit of its answers."""

    item: Code
    analyte: Code
    unit: str


class SafetyPlan(Plan):
    """The grading standard, the reporting period after the last dose, and the clocks.

    `partial_onset` says which day stands for a partly known first day of an adverse event: one that
    need not lie before the first dose is moved to it. Without reference safety information every
    serious reaction is unexpected. Without a dictionary adverse events stand by their own words and
    their term of the grading standard.
    """

    grading: Literal["ctcae_5"]
    days_after_last_dose: Count = Field(ge=0)
    clocks: ReportingClocks
    partial_onset: Imputation = Imputation(method="none")
    reference_safety_information: ReferenceSafetyInformation | None = None
    dictionary: MedicalDictionary | None = None
    laboratory: LaboratoryPlan = LaboratoryPlan()


class NoticePlan(Plan):
    """What the rule of reports has to know: the clocks, and the time zone of each hospital."""

    clocks: ReportingClocks
    zones: Mapping[str, str] = {}
