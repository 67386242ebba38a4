"""The part of the study file that a public registry shows."""

from __future__ import annotations

import datetime
from typing import Literal

from pydantic import Field

from equipoise.record.plan import Code, Count, Label, Plan


class Identifiers(Plan):
    """The trial's numbers."""

    registry: str | None = None
    sponsor: str
    other: tuple[str, ...] = ()


class Sponsor(Plan):
    """Who is responsible, and in which role."""

    name: str
    kind: Literal["OTHER", "INDUSTRY", "NETWORK", "GOVERNMENT"]
    role: Literal["lead", "collaborator"]
    responsible_party: str


class Dates(Plan):
    """Calendar of the trial."""

    start: datetime.date | None = None
    primary_completion: datetime.date | None = None
    completion: datetime.date | None = None
    registered: datetime.date | None = None
    last_updated: datetime.date | None = None


class Enrolment(Plan):
    """Planned and actual numbers of people, planned number of hospitals.

    `months`: over how many months from the start of the trial the planned number is to be
    recruited, on a straight line.
    """

    planned: Count | None = None
    months: Count | None = Field(default=None, ge=1)
    actual: Count | None = None
    planned_sites: Count | None = None


class DesignDescription(Plan):
    """How the registry describes the design."""

    study_type: Literal["INTERVENTIONAL", "OBSERVATIONAL"]
    phase: str
    allocation: Literal["RANDOMIZED", "NON_RANDOMIZED", "NA"]
    intervention_model: Literal["PARALLEL", "SINGLE_GROUP", "CROSSOVER", "FACTORIAL", "SEQUENTIAL"]
    primary_purpose: Literal["TREATMENT", "PREVENTION", "DIAGNOSTIC", "OTHER"]
    masking: Literal["NONE", "SINGLE", "DOUBLE", "TRIPLE", "QUADRUPLE"]


class Intervention(Plan):
    """An intervention as registered."""

    name: str
    kind: Literal["DRUG", "DEVICE", "PROCEDURE", "OTHER"]
    description: str
    arm: Code


class StudyGroup(Plan):
    """A registered group: one marker status and one arm."""

    label: str
    kind: Literal["EXPERIMENTAL", "ACTIVE_COMPARATOR", "PLACEBO_COMPARATOR", "NO_INTERVENTION"]
    description: str
    status: Code
    arm: Code
    interventions: tuple[str, ...]


class EligibleAges(Plan):
    """Ages in years, sex, healthy volunteers."""

    minimum: Count | None = None
    maximum: Count | None = None
    sexes: Literal["ALL", "FEMALE", "MALE"]
    healthy_volunteers: bool


class RegisteredCriterion(Plan):
    """One line of the registry's criteria and the criteria of this file that judge it."""

    kind: Literal["inclusion", "exclusion"]
    text: str
    criteria: tuple[Code, ...]


class Reference(Plan):
    """A publication."""

    citation: str
    kind: Literal["RESULT", "BACKGROUND", "DERIVED"]
    pmid: str | None = None
    doi: str | None = None


class Registration(Plan):
    """Everything on the registry page."""

    identifiers: Identifiers
    brief_title: str
    official_title: str
    acronym: str | None = None
    status: Literal["NOT_YET_RECRUITING", "RECRUITING", "ACTIVE_NOT_RECRUITING", "COMPLETED"]
    sponsors: tuple[Sponsor, ...]
    principal_investigator: str | None = None
    funding: str | None = None
    networks: tuple[str, ...] = ()
    dates: Dates
    enrolment: Enrolment
    conditions: tuple[str, ...]
    brief_summary: str
    design: DesignDescription
    groups: tuple[StudyGroup, ...]
    interventions: tuple[Intervention, ...]
    ages: EligibleAges
    criteria: tuple[RegisteredCriterion, ...]
    countries: tuple[str, ...]
    references: tuple[Reference, ...]
    results_posted: bool = False
    title: Label | None = None
