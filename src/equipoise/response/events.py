"""What can be recorded about the tumour: lesions and what was seen of them. Never a response."""

from __future__ import annotations

from typing import ClassVar, Literal

from equipoise.record.event import (
    Body,
    ClinicalText,
    EventBody,
    Identifier,
    MissingReason,
    measured,
)
from equipoise.record.plan import Code

DIAMETER_PLACES = 2
"""Decimal places of lesion diameters (mm): the table column is in hundredths of a millimetre."""


LesionKind = Literal[
    "soft_tissue", "cystic", "simple_cyst", "bone_with_soft_tissue", "bone", "ascites", "effusion",
    "leptomeningeal", "lymphangitic", "inflammatory_breast", "palpable_only",
]  # fmt: skip
"""What a lesion is; the standard's data file says which of them can be measured."""

Method = Literal["ct", "mri", "pet_ct", "chest_x_ray", "caliper", "ultrasound", "other"]
"""How a lesion was seen; the standard's data file says how large it must be to be measured."""


class LesionIdentified(EventBody):
    """A lesion got its permanent identity from one evaluator. `occurred`: day of the scan.

    `node` decides which axis is measured: the short axis of a lymph node, else the longest
    diameter. `organ`: where it is, the `side` of a paired organ apart. `treated_before`: irradiated
    or treated locally before this day; `progressed_since`: whether it has grown after that.
    """

    lesion: Identifier
    evaluator: Code
    role: Literal["target", "non_target", "new"]
    organ: str
    side: Literal["left", "right"] | None = None
    node: bool
    kind: LesionKind = "soft_tissue"
    treated_before: bool = False
    progressed_since: bool | None = None
    description: ClinicalText | None = None

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"lesion/{subject}/{self.evaluator}/{self.lesion}",)


class TargetMeasured(Body):
    """One target lesion at one assessment: short axis of a node, else longest diameter.

    `absent`: not seen any more (0 mm). `too_small`: seen, too small to measure (the standard's
    default applies). `measured`: `diameter` holds the value. `split`: in pieces, each of which is a
    fragment of the assessment. `merged`: grown together with the target `merged_into`, whose
    diameter is that of both. `not_evaluated`: with the reason. `method` where it is not the
    assessment's modality.
    """

    TABLE: ClassVar[str] = "target_measured"
    ID: ClassVar[str] = "lesion"

    lesion: Identifier
    state: Literal["measured", "absent", "too_small", "split", "merged", "not_evaluated"]
    merged_into: Identifier | None = None
    method: Method | None = None
    diameter: measured("mm", DIAMETER_PLACES, "0", "600") | None = None  # type: ignore[valid-type]
    diameter_missing: MissingReason | None = None


class FragmentMeasured(Body):
    """One piece of a target lesion that has split; the lesion keeps its identity."""

    TABLE: ClassVar[str] = "fragment_measured"
    ID: ClassVar[str] = "fragment"

    fragment: Identifier
    lesion: Identifier
    state: Literal["measured", "absent", "too_small", "not_evaluated"]
    diameter: measured("mm", DIAMETER_PLACES, "0", "600") | None = None  # type: ignore[valid-type]
    diameter_missing: MissingReason | None = None


class NonTargetObserved(Body):
    """One non-target lesion at one assessment. `diameter`: the short axis of a lymph node."""

    TABLE: ClassVar[str] = "non_target_observed"
    ID: ClassVar[str] = "lesion"

    lesion: Identifier
    state: Literal["absent", "present", "unequivocal_progression", "not_evaluated"]
    diameter: measured("mm", DIAMETER_PLACES, "0", "600") | None = None  # type: ignore[valid-type]
    diameter_missing: MissingReason | None = None


class NewLesionObserved(Body):
    """A lesion that was not there at baseline."""

    TABLE: ClassVar[str] = "new_lesion_observed"
    ID: ClassVar[str] = "lesion"

    lesion: Identifier
    certainty: Literal["unequivocal", "equivocal"]


class TumourAssessed(EventBody):
    """One evaluator's reading of one imaging time point. `occurred`: day of the (first) scan.

    `markers`: tumour markers against the upper limit of normal; they count only in a study that
    says so.
    """

    assessment: Identifier
    evaluator: Code
    visit: Code
    baseline: bool
    modality: Method
    slice_thickness: measured("mm", DIAMETER_PLACES, "0.1", "50") | None = None  # type: ignore[valid-type]
    slice_thickness_missing: MissingReason | None = None
    markers: Literal["normal", "raised"] | None = None
    targets: tuple[TargetMeasured, ...] = ()
    fragments: tuple[FragmentMeasured, ...] = ()
    non_targets: tuple[NonTargetObserved, ...] = ()
    new_lesions: tuple[NewLesionObserved, ...] = ()

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"assessment/{subject}/{self.evaluator}/{self.assessment}",)


EVENTS: tuple[type[EventBody], ...] = (LesionIdentified, TumourAssessed)
