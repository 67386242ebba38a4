"""The part of the study file that says how the marker is measured and what the values mean."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from equipoise.record.plan import Code, Count, Label, Number, Plan


class Status(Plan):
    """One level of the marker. The codes name strata."""

    code: Code
    label: Label


class AssayedMeasurement(Plan):
    """One measurement that an assay reports, with unit and hard limits."""

    code: Code
    unit: str
    minimum: Number
    maximum: Number


class Assay(Plan):
    """One assay: what it reports, when it can be interpreted, and how it becomes one value.

    `mean`: arithmetic mean of the interpretable measurements, of which at least
    `minimum_measurements` are needed. `h_score`: 1 x weak + 2 x moderate + 3 x strong, where
    negative + weak + moderate + strong = 100 %; a negative counts only with a positive internal
    control. `single`: the one measurement itself.
    """

    code: Code
    label: Label
    summary: Literal["mean", "h_score", "single"]
    unit: str
    measurements: tuple[AssayedMeasurement, ...]
    minimum_measurements: Count = Field(default=1, ge=1)
    internal_control_needed: bool = False
    rounded_to: Count | None = Field(default=None, ge=0, le=4)


class StatusInterval(Plan):
    """The status of values between two limits; an absent limit is open ended."""

    status: Code
    at_least: Number | None = None
    above: Number | None = None
    below: Number | None = None
    at_most: Number | None = None


class StatusStep(Plan):
    """One assay of a rule and its intervals. Intervals cover every value exactly once."""

    assay: Code
    intervals: tuple[StatusInterval, ...]


class StatusRule(Plan):
    """A version of the rule: its steps in order; the first interpretable assay decides."""

    version: Code
    label: Label
    steps: tuple[StatusStep, ...]


class Marker(Plan):
    """A marker: its statuses, assays and the versions of its rule."""

    code: Code
    label: Label
    statuses: tuple[Status, ...]
    assays: tuple[Assay, ...]
    rules: tuple[StatusRule, ...]
    rule_in_force: Code


class BiomarkerPlan(Plan):
    """The stratifying marker, and whether sites are told its status."""

    marker: Marker
    disclosed_to_sites: bool
