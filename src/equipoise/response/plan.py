"""The part of the study file that says how the tumour is read."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from equipoise.record.plan import Code, Count, Label, Plan


class Evaluator(Plan):
    """Who reads: the code that assessments carry, and whether blinded to the marker."""

    code: Code
    label: Label
    blinded_to_marker: bool


class ResponseWindow(Plan):
    """A response read at a fixed time after randomisation (that day is day 0).

    The evaluable assessment nearest `target_day` within [`first_day`, `last_day`] counts, on a
    tie the earlier one. `progression_or_death_until_last_day`: without an evaluable assessment in
    the window, progression or death on or before `last_day` is non-response.
    """

    code: Code
    label: Label
    target_day: Count
    first_day: Count
    last_day: Count
    progression_or_death_until_last_day: Literal["non_response", "not_evaluable"] = "non_response"


class ResponsePlan(Plan):
    """Criteria, readers, confirmation and response windows."""

    criteria: Literal["recist_1_1"]
    evaluators: tuple[Evaluator, ...]
    primary_evaluator: Code
    baseline_days_before_first_dose: Count = Field(ge=0)
    confirmation_days: Count | None = Field(default=None, ge=1)
    stable_disease_minimum_days: Count = Field(ge=0)
    windows: tuple[ResponseWindow, ...]
