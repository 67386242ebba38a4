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


class ResponseConventions(Plan):
    """Choices that the standard leaves open; null: as the standard's data file has it.

    `known_sum_shows_progression`: lesions that were evaluated may show progression while another
    target was not. `reappearance_is_progression`: disease seen again after a complete response is
    progression whatever its size. `equivocal_new_lesion_dates_back`: a new lesion that turns out
    to be one dates progression back to where it was first seen. `not_evaluable_between`,
    `stable_between`: how many such assessments may stand between a response and its confirmation.
    `treated_lesion_is_evaluable`: sizes of a lesion that was treated locally during the study count
    as measured. `markers_count_for_complete_response`: complete response asks for normal markers.
    """

    known_sum_shows_progression: bool | None = None
    reappearance_is_progression: bool | None = None
    equivocal_new_lesion_dates_back: bool | None = None
    not_evaluable_between: Count | None = Field(default=None, ge=0)
    stable_between: Count | None = Field(default=None, ge=0)
    treated_lesion_is_evaluable: bool | None = None
    markers_count_for_complete_response: bool | None = None


class ResponsePlan(Plan):
    """Criteria, readers, confirmation and response windows."""

    criteria: Literal["recist_1_1"]
    evaluators: tuple[Evaluator, ...]
    primary_evaluator: Code
    baseline_days_before_first_dose: Count = Field(ge=0)
    confirmation_days: Count | None = Field(default=None, ge=1)
    stable_disease_minimum_days: Count = Field(ge=0)
    windows: tuple[ResponseWindow, ...]
    conventions: ResponseConventions | None = None
