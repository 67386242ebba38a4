"""What the world might be: the truths that a rehearsal draws, as data with their sources.

A scenario says what nature does (who comes, how tumours behave, how assays err) and never what the
trial decides. Every number is an assumption or a published figure, and says which.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from equipoise.errors import BadInput
from equipoise.record.canonical import canonical
from equipoise.record.plan import Code, Count, Label, Number, Plan
from equipoise.simulation.cohort_plan import CohortPlan
from equipoise.simulation.endpoint_plan import EndpointNature
from equipoise.study.faults import faults_of, one_error
from equipoise.study.source import file_text, read_yaml

Probability = Annotated[Number, Field(ge=0, le=1)]
"""A probability, written exactly."""


class Spread(Plan):
    """A normal distribution kept between two limits."""

    mean: Number
    sd: Number = Field(ge=0)
    minimum: Number
    maximum: Number


class Draw(Plan):
    """How one form item is drawn: exactly one of the ways, and how often it is missing.

    `value`: always this answer. `chance`: yes with this probability. `choice`: codes with weights.
    `normal`: a number. `on`: the date of the day of the visit. `given`: another item's level
    decides which draw applies.
    """

    value: str | None = None
    chance: Probability | None = None
    choice: dict[str, Number] | None = None
    normal: Spread | None = None
    on: Literal["visit"] | None = None
    given: dict[Code, dict[str, Draw]] | None = None
    missing: Probability = Decimal(0)

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        ways = [self.value, self.chance, self.choice, self.normal, self.on, self.given]
        if sum(way is not None for way in ways) != 1:
            raise ValueError("exactly one of value, chance, choice, normal, on, given")
        if self.given is not None and len(self.given) != 1:
            raise ValueError("given names exactly one item")
        return self


class Level(Plan):
    """Values of an assay in tumours of one true status: between tumours, within a tumour."""

    mean: Number
    between: Number = Field(ge=0)
    within: Number = Field(default=Decimal(0), ge=0)


class AssayNature(Plan):
    """How an assay behaves: how often it fails, what it reads in each true status.

    `repeated`: how often a run is followed by a replicate, as far as the study allows replicates.
    `controls`: what the controls of a run that did not fail read; of others nothing is recorded.
    """

    failure: Probability
    finding: str
    levels: dict[Code, Level]
    repeated: Probability = Decimal(0)
    controls: dict[Code, Spread] = Field(default_factory=dict)


class SampleNature(Plan):
    """What reaches the laboratory: how often it is inadequate, per cent of tumour cells."""

    inadequate: Probability
    finding: str
    tumour_cells: Spread


class MarkerNature(Plan):
    """The true status: its prevalence, by the level of an item where it depends on one."""

    depends_on: Code | None = None
    prevalence: dict[str, dict[Code, Number]]
    sample: SampleNature
    assays: dict[Code, AssayNature]


class Enrolment(Plan):
    """Arrivals: subjects to randomise, most that are screened, screenings per month, delays."""

    randomise: Count
    screen_at_most: Count
    per_month: Number = Field(gt=0)
    days_to_randomisation: tuple[Count, Count]
    days_to_first_dose: tuple[Count, Count]
    follow_up_months: Count


class ReadingNature(Plan):
    """What makes tumours hard to read.

    Of scans: `late_scan`, `late_days` after their window; `not_evaluable` as a whole;
    `false_alarm`, an equivocal new lesion that never becomes certain. Of target lesions at a scan:
    `lesion_missing`, of which the reader says nothing. Of subjects: `split`, the first target
    falls into two pieces; `merged`, the second grows together with it, where both are in one
    organ. Of new lesions: `equivocal_first`, certain at the next scan only.
    """

    late_scan: Probability
    late_days: tuple[Count, Count]
    not_evaluable: Probability
    false_alarm: Probability
    lesion_missing: Probability
    split: Probability
    merged: Probability
    equivocal_first: Probability


class TumourNature(Plan):
    """Lesions at baseline and their course.

    `shrinkage` is the probability, by true status and arm, that the sum of diameters falls by an
    amount between `shrinking` limits by the first assessment; otherwise it changes between the
    `stable` limits. Those that shrink do not progress before `shrunken_until_day`. Of the others
    `late_shrinkage`, by true status and arm, is the share that shrinks later, `late_by` so many
    assessments, and does not progress for as long as from the first dose to `shrunken_until_day`.
    """

    targets: dict[int, Number]
    organs: dict[str, Number]
    diameter: Spread
    non_target: Probability
    shrinkage: dict[Code, dict[Code, Probability]]
    shrinking: tuple[Number, Number]
    stable: tuple[Number, Number]
    shrunken_until_day: Count
    late_shrinkage: dict[Code, dict[Code, Probability]] = Field(default_factory=dict)
    late_by: tuple[Count, Count] = (1, 1)
    progression_median_months: dict[Code, dict[Code, Number]]
    growth: tuple[Number, Number]
    new_lesion: Probability
    missed_scan: Probability
    lesion_not_evaluated: Probability
    reading: ReadingNature


class SecondReader(Plan):
    """Somebody who reads the scans of a `share` of subjects again, as another evaluator.

    `spread` is the standard deviation of the logarithm of a size against that of the primary
    reader; `overlooks` is how often a new lesion is seen at the next scan only.
    """

    evaluator: Code
    share: Probability
    spread: Number = Field(gt=0, le=1)
    overlooks: Probability


class SurvivalNature(Plan):
    """Death: a steady hazard before progression, a median after it (months)."""

    median_without_progression_months: Number = Field(gt=0)
    median_after_progression_months: Number = Field(gt=0)


class TreatmentNature(Plan):
    """Choice of regimen in each arm, body measures, how often a dose is omitted.

    `cycles_at_most`: how often at most a cycle is due; one that the rules put off was due, and is
    due again after `put_off_days`.
    """

    regimens: dict[Code, dict[Code, Number]]
    height: Spread
    weight: Spread
    cycles_at_most: Count
    put_off_days: Count = Field(ge=1)
    omission: Probability
    subsequent_therapy: Probability


class Harm(Plan):
    """One adverse event: how often in each arm, its grades with weights, for how many days, and how
    often the investigator takes a serious one to be related."""

    term: str
    chance: dict[Code, Probability]
    grades: dict[int, Number]
    lasts: tuple[Count, Count]
    related: Probability = Decimal("0.9")


class LaboratoryNature(Plan):
    """One analyte: the range of normal of every hospital, and values around a level of the subject.

    Under treatment the level moves to `under_treatment` times itself, by the arm; `within` is the
    standard deviation from draw to draw, as a share of the level. Values have `places` decimals.
    """

    analyte: Code
    unit: str
    low: Number | None = None
    high: Number | None = None
    level: Spread
    within: Number = Field(ge=0)
    under_treatment: dict[Code, Number]
    places: Count = Field(ge=0, le=4)


class CorrectionNature(Plan):
    """A whole-number item first written wrongly by one, put right some days later."""

    item: Code
    chance: Probability
    days: tuple[Count, Count]


class WithdrawalNature(Plan):
    """How often a subject leaves treatment alone, visits, consent, or is lost; after so many days.

    A subject leaves once at most. `days` count from the first dose. After a withdrawal of consent
    vital status may be followed with probability `vital_status_allowed`.
    """

    treatment: Probability
    visits: Probability
    consent: Probability
    lost: Probability
    vital_status_allowed: Probability
    days: tuple[Count, Count]

    @model_validator(mode="after")
    def _at_most_once(self) -> WithdrawalNature:
        if self.treatment + self.visits + self.consent + self.lost > 1:
            raise ValueError("treatment, visits, consent and lost sum to 1 at most")
        return self


class RedeterminationNature(Plan):
    """Marker determinations repeated after randomisation, blinded, and some invalidated.

    `contrary` is the share of repeated ones on a piece that behaves as a tumour of another status.
    `every_run` is how often a review invalidates every run of a subject instead.
    """

    assay: Code
    chance: Probability
    invalidated: Probability
    days: tuple[Count, Count]
    contrary: Probability = Decimal(0)
    every_run: Probability = Decimal(0)


class PathologyNature(Plan):
    """Central review of the tumours of a `share` of those who were randomised, after so many days.

    `spread` is the standard deviation of the logarithm of the Ki-67 index against that of the
    hospital; the differentiation is the same. `drift` is what indices are multiplied by.
    """

    share: Probability
    spread: Number = Field(ge=0, le=2)
    drift: Number = Field(default=Decimal(1), gt=0)
    days: tuple[Count, Count]


class PriorTherapyNature(Plan):
    """How forms and entries of prior therapies come apart.

    Of the therapies that subjects had, `overlooked` is the share to which the form says no while
    the entry is made, `not_entered` the share to which the form says yes and no entry is made.
    """

    overlooked: Probability
    not_entered: Probability

    @model_validator(mode="after")
    def _apart(self) -> Self:
        if self.overlooked + self.not_entered > 1:
            raise ValueError("overlooked and not_entered sum to 1 at most")
        return self


class Scenario(Plan):
    """One assumption about the world, whole."""

    name: Code
    label: Label
    study: Code
    start: datetime.date
    enrolment: Enrolment
    items: dict[Code, Draw]
    marker: MarkerNature
    tumour: TumourNature
    survival: SurvivalNature
    treatment: TreatmentNature
    harms: tuple[Harm, ...] = ()
    laboratory: tuple[LaboratoryNature, ...] = ()
    prior_therapies: PriorTherapyNature | None = None
    correction: CorrectionNature | None = None
    redetermination: RedeterminationNature | None = None
    pathology: PathologyNature | None = None
    withdrawal: WithdrawalNature | None = None
    second_reader: SecondReader | None = None
    cohort: CohortPlan | None = None
    endpoints: EndpointNature | None = None


def scenario_text(scenario: Scenario) -> str:
    """The whole scenario as canonical JSON: decimals as strings, no nulls."""
    return canonical(scenario.model_dump(mode="json", exclude_none=True))


def load_scenario(study_folder: Path, name: str) -> Scenario:
    """The scenario of this name (or path) among a study's `scenarios/`.

    Raises BadInput naming what is allowed.
    """
    folder = study_folder / "scenarios"
    path = Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
    if not path.is_file():
        known = sorted(each.stem for each in folder.glob("*.yaml"))
        raise BadInput(f"one of {', '.join(known)}", field="scenario", found=name)
    return read_scenario(path)


def read_scenario(path: Path) -> Scenario:
    """The scenario in a file; every fault is told with its line."""
    read = read_yaml(file_text(path), path.name)
    try:
        scenario = Scenario.model_validate(read.value)
    except ValidationError as error:
        raise one_error([*read.faults, *faults_of(error, read, Scenario)]) from error
    if read.faults:
        raise one_error(read.faults)
    return scenario
