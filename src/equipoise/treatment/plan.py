"""The part of the study file that says what is given: regimens, doses, body surface area."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from equipoise.record.plan import Code, Count, Label, Number, Plan


class SignedSource(Plan):
    """The document that a dose was taken from, and the signatures that released it for patients.

    Without both signatures the dose serves rehearsal only, and says so.
    """

    document: str
    pharmacist: str | None = None
    investigator: str | None = None


class Dose(Plan):
    """One drug of a regimen: amount per administration, days of the cycle, times a day."""

    drug: Code
    label: Label
    amount: Number = Field(gt=0)
    unit: Literal["mg/m2", "mg"]
    days: tuple[Count, ...]
    times_per_day: Count = Field(default=1, ge=1)
    route: Literal["oral", "intravenous_bolus", "intravenous_infusion"]
    duration: str | None = None
    release: SignedSource | None = None


class Regimen(Plan):
    """A regimen: cycle length, number of cycles, doses."""

    code: Code
    label: Label
    cycle_days: Count = Field(gt=0)
    maximum_cycles: Count | None = Field(default=None, gt=0)
    doses: tuple[Dose, ...]


class BodySurfaceArea(Plan):
    """The formula and the optional cap (m2) of body surface area."""

    formula: Literal["mosteller", "dubois"]
    cap: Number | None = None


class TreatmentPlan(Plan):
    """Regimens and how doses are calculated."""

    regimens: tuple[Regimen, ...]
    body_surface_area: BodySurfaceArea
