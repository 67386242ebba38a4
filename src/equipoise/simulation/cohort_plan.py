"""What a synthetic cohort has to show: published margins, as data.

A margin names an analysis of the study's plan, or a characteristic at baseline, and what was
published of it. It says nothing about how that comes about: nature draws, the trial's rules decide,
and of many draws those are taken that meet the margins (`equipoise.simulation.cohort`).
"""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from equipoise.record.plan import Code, Count, Number, Plan


class Limits(Plan):
    """Numbers between limits, some of which may be left open."""

    at_least: Number | None = None
    at_most: Number | None = None
    above: Number | None = None
    below: Number | None = None


class BaselineMargin(Plan):
    """How many randomised subjects have certain answers: `count`, or within `at_least`, `at_most`.

    `where`: items with a code or with limits; `arm` and `marker_status` speak of the allocation.
    `assay` counts those in whom it could be interpreted before randomisation, by any run.
    """

    where: dict[Code, Code | Limits] = Field(default_factory=dict)
    assay: Code | None = None
    count: Count | None = None
    at_least: Count | None = None
    at_most: Count | None = None

    @model_validator(mode="after")
    def _counted(self) -> Self:
        if (self.count is None) == (self.at_least is None and self.at_most is None):
            raise ValueError("either count, or at_least or at_most or both")
        return self


class ResultMargin(Plan):
    """What an analysis showed, group by group in its order; null where nothing was published.

    `numerators` and `denominators` are met exactly. `where` counts them among subjects with these
    codes at baseline. `estimates` are met to `within`; `events` of all groups together to
    `events_within`.
    """

    analysis: Code
    where: dict[Code, Code] = Field(default_factory=dict)
    numerators: tuple[Count | None, ...] = ()
    denominators: tuple[Count | None, ...] = ()
    estimates: tuple[Number | None, ...] = ()
    within: Number = Field(default=Number("0"), ge=0)
    events: Count | None = None
    events_within: Count = 0


class CohortPlan(Plan):
    """The margins of a cohort, and among how many draws of each subject one is looked for.

    `as_randomised`: subjects by status and arm. `screenings` are draws of everything before
    allocation, `courses` of everything after it. `central_grade`: counts by central review, by the
    classification in force.
    """

    as_randomised: dict[Code, dict[Code, Count]]
    screenings: Count = Field(ge=1)
    courses: Count = Field(ge=1)
    baseline: tuple[BaselineMargin, ...] = ()
    central_grade: dict[Code, Count] = Field(default_factory=dict)
    results: tuple[ResultMargin, ...] = ()
