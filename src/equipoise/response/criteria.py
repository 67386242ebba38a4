"""The numbers and tables of a response standard, read once from its data file.

A rule holds no number of its own: it asks for `criteria(plan)`, which is the data file of the
standard that the study names, with the conventions that the study sets differently.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, Literal, Self, get_args

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, model_validator
from ruamel.yaml import YAML

from equipoise.response.events import DIAMETER_PLACES, LesionKind, Method
from equipoise.response.plan import ResponseConventions, ResponsePlan

Basis = Literal["article", "clarification", "practice"]
NO_LESION = "none"
"""Stands in the table of time-point responses for: no such lesion at baseline."""
ANY = "any"


class _Sourced(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limit(_Sourced):
    """A number of the standard, what it limits, and where it stands."""

    value: int = Field(ge=0)
    unit: Literal["percent", "mm", "days", "times", "lesions"]
    wording: str
    section: str
    basis: Basis

    @property
    def scaled(self) -> int:
        """The number as diameters stand in tables: hundredths of a millimetre."""
        return int(self.value * 10**DIAMETER_PLACES)


class Limits(_Sourced):
    """Every limit of the standard."""

    measurable_diameter: Limit
    slice_thickness: Limit
    slice_multiple: Limit
    measurable_by_caliper: Limit
    measurable_on_chest_x_ray: Limit
    measurable_node: Limit
    target_lesions: Limit
    target_lesions_per_organ: Limit
    partial_response_decrease: Limit
    progression_increase: Limit
    progression_absolute_increase: Limit
    normal_node_below: Limit
    too_small_to_measure: Limit
    confirmation_interval: Limit
    stable_disease_minimum: Limit


class Convention(_Sourced):
    """A choice that the standard leaves, or that practice makes otherwise."""

    value: bool | int
    wording: str
    section: str | None
    basis: Basis


class Conventions(_Sourced):
    """Every choice, as the standard's file or the study makes it."""

    known_sum_shows_progression: Convention
    reappearance_is_progression: Convention
    equivocal_new_lesion_dates_back: Convention
    not_evaluable_between: Convention
    stable_between: Convention
    treated_lesion_is_evaluable: Convention
    markers_count_for_complete_response: Convention


class LesionKinds(_Sourced):
    """Which kinds of lesion can be measured, and which are no disease."""

    section: str
    basis: Basis
    measurable: tuple[LesionKind, ...]
    not_measurable: tuple[LesionKind, ...]
    not_malignant: tuple[LesionKind, ...]
    second_choice: tuple[LesionKind, ...]

    @model_validator(mode="after")
    def _every_kind_once(self) -> Self:
        told = [*self.measurable, *self.not_measurable, *self.not_malignant]
        if sorted(told) != sorted(get_args(LesionKind)):
            raise ValueError("each kind of lesion is measurable, not measurable, or no disease")
        return self


class Methods(_Sourced):
    """From which limit on a lesion is measurable by a method, and which methods have slices."""

    section: str
    basis: Basis
    limits: Mapping[Method, str]
    sliced: tuple[Method, ...]


class OrganWords(_Sourced):
    """Words that do not make another organ."""

    sides: tuple[str, ...]
    basis: Basis


class LocalTreatments(_Sourced):
    """Procedures that treat the lesion that they name."""

    codes: tuple[str, ...]
    section: str | None
    basis: Basis


class TumourGrowth(_Sourced):
    """How the growth rate of a tumour is reckoned."""

    days_per_month: Decimal
    wording: str
    source: str
    basis: Basis


class ResponseCode(_Sourced):
    """A response, its NCI code and its meaning; the file lists the best first."""

    code: str
    nci: str
    meaning: str


class TimePointRow(_Sourced):
    """One row of the table that combines target, non-target and new lesions."""

    target: str
    non_target: str
    new_lesion: bool | Literal["any"]
    overall: str

    def fits(self, target: str, non_target: str, new_lesion: bool) -> bool:
        return (
            self.target in (ANY, target)
            and self.non_target in (ANY, non_target)
            and self.new_lesion in (ANY, new_lesion)
        )


class TimePointTable(_Sourced):
    """The table that combines target, non-target and new lesions; the first row that fits holds."""

    section: str
    basis: Basis
    rows: tuple[TimePointRow, ...]


class ResponseSections(_Sourced):
    """Where each response of target lesions, of others, and a new lesion are defined."""

    basis: Basis
    target: Mapping[str, str]
    non_target: Mapping[str, str]
    new_lesion: str


class Criteria(_Sourced):
    """One version of one response standard, whole."""

    code: str
    title: str
    valid_from: datetime.date
    source: str
    clarified_by: str
    responses: tuple[ResponseCode, ...]
    limits: Limits
    lesion_kinds: LesionKinds
    methods: Methods
    organ_words: OrganWords
    local_treatments: LocalTreatments
    time_point_response: TimePointTable
    response_sections: ResponseSections
    tumour_growth: TumourGrowth
    conventions: Conventions

    @model_validator(mode="after")
    def _codes_known(self) -> Self:
        known = {each.code for each in self.responses}
        for row in self.time_point_response.rows:
            unknown = {row.target, row.non_target, row.overall} - known - {ANY, NO_LESION}
            if unknown:
                raise ValueError(f"the time-point table has unknown responses {sorted(unknown)}")
        if unknown := set(self.methods.limits.values()) - set(Limits.model_fields):
            raise ValueError(f"the methods name unknown limits {sorted(unknown)}")
        return self


@cache
def standard(code: str) -> Criteria:
    """The standard of that code as its data file gives it.

    >>> standard("recist_1_1").limits.progression_increase.value
    20
    >>> standard("recist_1_1").limits.progression_absolute_increase.scaled
    500
    """
    text = files("equipoise.response").joinpath(f"{code}.yaml").read_text("utf-8")
    read: dict[str, Any] = YAML(typ="safe").load(text)
    return Criteria.model_validate(read)


def criteria(plan: ResponsePlan) -> Criteria:
    """The standard that `plan` names, with the conventions that `plan` sets differently."""
    if plan.conventions is None:
        return standard(plan.criteria)
    return _with_conventions(plan.criteria, plan.conventions)


@cache
def _with_conventions(code: str, different: ResponseConventions) -> Criteria:
    found = standard(code)
    chosen = {
        name: getattr(found.conventions, name).model_copy(update={"value": value})
        for name in Conventions.model_fields
        if (value := getattr(different, name)) is not None
    }
    return found.model_copy(update={"conventions": found.conventions.model_copy(update=chosen)})


@cache
def overall_responses(code: str) -> pl.DataFrame:
    """The table of time-point responses of a standard, one row for every combination.

    Columns target_response and non_target_response (a code, or NO_LESION), new_lesion,
    overall_response.

    >>> overall_responses("recist_1_1").filter(
    ...     target_response="CR", non_target_response="NE", new_lesion=False
    ... )["overall_response"].item()
    'PR'
    """
    found = standard(code)
    codes = [*(each.code for each in found.responses), NO_LESION]
    rows = [
        (target, non_target, new_lesion, row.overall)
        for target in codes
        for non_target in codes
        for new_lesion in (False, True)
        for row in found.time_point_response.rows
        if row.fits(target, non_target, new_lesion)
    ]
    columns = ["target_response", "non_target_response", "new_lesion", "overall_response"]
    table = pl.DataFrame(rows, schema=columns, orient="row")
    return table.unique(columns[:3], keep="first", maintain_order=True)
