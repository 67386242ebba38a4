"""What can be recorded about samples and assays. A status is never typed in: rules derive it."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from equipoise.record.event import Body, EventBody, Identifier, Text, measured
from equipoise.record.plan import Code

ASSAY_PLACES = 4
"""Decimal places of assay measurements; the unit is declared by the assay of the study file."""


class SampleCollected(EventBody):
    """A tumour or blood sample exists. `occurred`: day of collection, perhaps partial.

    `step` names the step of the study's declared path that the sample was taken for: a re-biopsy.
    """

    PARTIAL_OCCURRED: ClassVar[bool] = True

    sample: Identifier
    material: Literal["ffpe", "frozen", "blood"]
    tissue: Code | None = None
    step: Code | None = None

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return _sample_guards(self.sample, self.step)


class SampleLabelled(EventBody):
    """A label was put on the sample; no two samples carry the same."""

    sample: Identifier
    label: Identifier

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"sample_labelled/{self.sample}", f"sample_label/{self.label}")


class SampleShipped(EventBody):
    """The sample left for a laboratory, in a shipment that other samples may share."""

    sample: Identifier
    shipment: Identifier
    destination: Text

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"sample_shipped/{self.sample}",)


class SampleReceived(EventBody):
    """The laboratory received the sample, once, and judged its condition and adequacy."""

    sample: Identifier
    condition: Literal["good", "thawed", "damaged", "label_missing", "delayed", "other"] = "good"
    adequate: bool
    tumour_cells: measured("%", 1, "0", "100") | None = None  # type: ignore[valid-type]
    finding: Text | None = None

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"sample_received/{self.sample}",)


class SampleDerived(EventBody):
    """A sample was made from exactly one other: a block, a section, DNA, converted DNA.

    `quantity` in `quantity_unit`, both or neither. `step` names the step of the study's declared
    path that the sample was made for: a re-cut.
    """

    sample: Identifier
    parent: Identifier
    kind: Literal["block", "section", "dna", "rna", "bisulfite_dna"]
    quantity: measured("quantity_unit", 3, "0") | None = None  # type: ignore[valid-type]
    quantity_unit: Literal["block", "section", "ug", "ng", "ul"] | None = None
    tumour_cells: measured("%", 1, "0", "100") | None = None  # type: ignore[valid-type]
    step: Code | None = None

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return _sample_guards(self.sample, self.step)


def _sample_guards(sample: str, step: str | None) -> tuple[str, ...]:
    """The permanent names of a sample: its own, and the step of the path that it is for."""
    own = f"sample/{sample}"
    return (own,) if step is None else (own, f"sample_step/{sample}/{step}")


class AssayControl(Body):
    """What one control of the run read; without a value it gave no signal."""

    TABLE: ClassVar[str] = "assay_control"
    ID: ClassVar[str] = "control"

    control: Code
    value: measured("control unit", ASSAY_PLACES) | None = None  # type: ignore[valid-type]


class AssayMeasurement(Body):
    """One measurement of an assay: a CpG position, a staining class, a score."""

    TABLE: ClassVar[str] = "assay_measurement"
    ID: ClassVar[str] = "measurement"

    measurement: Code
    value: measured("assay unit", ASSAY_PLACES) | None = None  # type: ignore[valid-type]
    quality: Literal["passed", "check", "failed", "not_given"] = "not_given"


class AssayResultRecorded(EventBody):
    """A result of one run of one assay on one sample. `occurred`: day of the result.

    `purpose` tells the determination that randomisation uses from a later re-determination,
    which is read blinded to arm and outcome. Runs with the same `determination` on one sample are
    replicates and become one value; a run without is a determination of the name of its result.
    """

    result: Identifier
    sample: Identifier
    assay: Code
    kit: Text | None = None
    purpose: Literal["randomisation", "redetermination"]
    technically_valid: bool
    failure: Text | None = None
    internal_control: Literal["positive", "negative", "not_applicable"] = "not_applicable"
    raw_file: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    determination: Identifier | None = None
    measurements: tuple[AssayMeasurement, ...] = ()
    controls: tuple[AssayControl, ...] = ()

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"assay_result/{self.result}",)


class AssayResultInvalidated(EventBody):
    """A result recorded earlier no longer counts for re-determined status."""

    result: Identifier
    finding: Text


PATHOLOGY_PLACES = 1
"""Decimal places of what a pathologist counts."""


class PathologyReviewed(EventBody):
    """A central pathologist read the tumour in a sample. `occurred`: day of the reading.

    Counted is the Ki-67 index and the mitoses in 2 mm2; `classification` is the version that the
    differentiation was judged by. The grade is never typed in: a rule derives it.
    """

    review: Identifier
    sample: Identifier
    classification: Code
    ki67: measured("%", PATHOLOGY_PLACES, "0", "100") | None = None  # type: ignore[valid-type]
    mitoses: measured("per 2 mm2", PATHOLOGY_PLACES, "0") | None = None  # type: ignore[valid-type]
    differentiation: Code | None = None

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"pathology_review/{self.review}",)


class RedeterminationFrozen(EventBody):
    """The re-determined status and the central grade of every subject are frozen, once, by people
    who know no allocation.

    Runs and reviews that the record held at `as_of` count, as they read then; what is determined,
    invalidated or reviewed later is recorded and moves no analysis. After the freeze nothing is
    recorded that would change how they are read, and between `as_of` and the freeze nothing was.
    """

    as_of: int = Field(ge=1)

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return ("redetermination_frozen",)


EVENTS: tuple[type[EventBody], ...] = (
    SampleCollected,
    SampleLabelled,
    SampleShipped,
    SampleReceived,
    SampleDerived,
    AssayResultRecorded,
    AssayResultInvalidated,
    PathologyReviewed,
    RedeterminationFrozen,
)
