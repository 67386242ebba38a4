"""The part of the study file that says how the marker is measured and what the values mean."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from equipoise.record.plan import Code, Count, Label, Number, Plan

Quality = Literal["passed", "check", "not_given"]
"""What is said of the quality of a single measurement that was read."""


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


class Limits(Plan):
    """Values between two limits; an absent limit is open ended."""

    at_least: Number | None = None
    above: Number | None = None
    below: Number | None = None
    at_most: Number | None = None


class RunControl(Limits):
    """A control that a run carries (0 %, 50 %, 100 %, without template) and what it has to read.

    A run whose control reads something else cannot be interpreted; nor can a run without it where
    it is `obligatory`.
    """

    code: Code
    label: Label
    unit: str
    obligatory: bool = False


MOST_REPLICATES = 3
"""Of four runs two pairs may be equally near one another and far apart: which of them the rule of
spread would keep is nowhere said, so that a determination has no more runs than this."""


class Replicates(Plan):
    """How the runs of one determination become one value.

    Readable runs whose values lie more than `most_apart` (in the assay's unit) from one another
    are flagged, and only the nearest are kept. `needed` is the least number of readable runs, and
    no more than `at_most` runs (MOST_REPLICATES or fewer), invalidated ones aside, are recorded.
    """

    most_apart: Number = Field(ge=0)
    needed: Count = Field(default=1, ge=1)
    at_most: Count = Field(default=MOST_REPLICATES, ge=2)


class Assay(Plan):
    """One assay: what it reports, when it can be interpreted, and how it becomes one value.

    `mean`: arithmetic mean of the interpretable measurements, of which at least
    `minimum_measurements` are needed. `h_score`: 1 x weak + 2 x moderate + 3 x strong, where
    negative + weak + moderate + strong = 100 %; a negative counts only with a positive internal
    control. `single`: the one measurement itself.

    A measurement counts when its quality is one of `accepted_qualities`. A sample with fewer
    tumour cells than `minimum_tumour_cells` (per cent), or of which nobody says how many it has,
    cannot be interpreted.
    """

    code: Code
    label: Label
    summary: Literal["mean", "h_score", "single"]
    unit: str
    measurements: tuple[AssayedMeasurement, ...]
    minimum_measurements: Count = Field(default=1, ge=1)
    internal_control_needed: bool = False
    rounded_to: Count | None = Field(default=None, ge=0, le=4)
    accepted_qualities: tuple[Quality, ...] = ("passed", "check", "not_given")
    minimum_tumour_cells: Number | None = Field(default=None, ge=0, le=100)
    controls: tuple[RunControl, ...] = ()
    replicates: Replicates | None = None


class StatusInterval(Limits):
    """The status of values between two limits."""

    status: Code


class StatusStep(Plan):
    """One assay of a rule and its intervals. Intervals cover every value exactly once."""

    assay: Code
    intervals: tuple[StatusInterval, ...]


class StatusRule(Plan):
    """A version of the rule: its steps in order; the first interpretable assay decides."""

    version: Code
    label: Label
    steps: tuple[StatusStep, ...]


Material = Literal["first", "recut", "rebiopsy"]
"""What a step of the declared path reads: the first sample, another cut of it, a new biopsy."""


class PathStep(Plan):
    """One step of the declared path: what is read, by which assays, until which day.

    The step is spent when each of its `assays` was tried and none gives a status, or when no
    sample of it is adequate. `within_days` are counted from the same day in every step.
    """

    code: Code
    label: Label
    material: Material
    assays: tuple[Code, ...]
    within_days: Count = Field(ge=1)


class DeclaredPath(Plan):
    """What is done, in which order, until a status can be read, and what holds if none can.

    The days run from the day on which `consent` was signed, or from that on which the laboratory
    first received a sample (at the latest that of its first result). Samples of other `materials`
    than those named are not of the path. The deadline is that of the last step. A subject without
    a status then is not randomised, or is randomised with `status`, which no value gives and which
    has a ratio of its own.
    """

    counted_from: Literal["consent", "sample_received"]
    consent: Code | None = None
    materials: tuple[Literal["ffpe", "frozen", "blood"], ...] = ("ffpe", "frozen")
    steps: tuple[PathStep, ...]
    then: Literal["not_randomised", "stratum"]
    status: Code | None = None


class Marker(Plan):
    """A marker: its statuses, assays, the versions of its rule, and what is done without a
    status."""

    code: Code
    label: Label
    statuses: tuple[Status, ...]
    assays: tuple[Assay, ...]
    rules: tuple[StatusRule, ...]
    rule_in_force: Code
    path: DeclaredPath | None = None


class GradeLimits(Plan):
    """One grade: the Ki-67 index (per cent of cells) and the mitoses in 2 mm2 that it has."""

    code: Code
    ki67: Limits
    mitoses: Limits


class Classification(Plan):
    """A version of a classification: its grades, the lowest first."""

    version: Code
    label: Label
    grades: tuple[GradeLimits, ...]


class LocalReading(Plan):
    """The items of forms in which the hospital enters what its pathologist said."""

    grade: Code
    differentiation: Code
    ki67: Code
    mitoses: Code | None = None


class PathologyPlan(Plan):
    """How the tumour is graded, by the hospital and in central review.

    Criteria and strata read items of forms, hence the local reading, as it is known before any
    review. `analysed` is the reading that analyses and reports use, by the classification
    `in_force`; `central_else_local` takes what the central review leaves out from the local one,
    each of grade, differentiation and Ki-67 for itself.
    """

    local: LocalReading
    classifications: tuple[Classification, ...]
    in_force: Code
    analysed: Literal["local", "central", "central_else_local"]


class BiomarkerPlan(Plan):
    """The stratifying marker, whether sites are told its status, how the tumour is graded."""

    marker: Marker
    disclosed_to_sites: bool
    pathology: PathologyPlan | None = None
