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


class LesionIdentified(EventBody):
    """A lesion got its permanent identity from one evaluator. `occurred`: day of the scan.

    `node` decides which axis is measured: the short axis of a lymph node, else the longest
    diameter.
    """

    lesion: Identifier
    evaluator: Code
    role: Literal["target", "non_target", "new"]
    organ: str
    node: bool
    description: ClinicalText | None = None

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"lesion/{subject}/{self.evaluator}/{self.lesion}",)


class TargetMeasured(Body):
    """One target lesion at one assessment: short axis of a node, else longest diameter.

    `absent`: not seen any more (0 mm). `too_small`: seen, too small to measure (the standard's
    default applies). `measured`: `diameter` holds the value. `not_evaluated`: with the reason.
    """

    TABLE: ClassVar[str] = "target_measured"
    ID: ClassVar[str] = "lesion"

    lesion: Identifier
    state: Literal["measured", "absent", "too_small", "not_evaluated"]
    diameter: measured("mm", DIAMETER_PLACES, "0", "600") | None = None  # type: ignore[valid-type]
    diameter_missing: MissingReason | None = None


class NonTargetObserved(Body):
    """One non-target lesion at one assessment."""

    TABLE: ClassVar[str] = "non_target_observed"
    ID: ClassVar[str] = "lesion"

    lesion: Identifier
    state: Literal["absent", "present", "unequivocal_progression", "not_evaluated"]


class NewLesionObserved(Body):
    """A lesion that was not there at baseline."""

    TABLE: ClassVar[str] = "new_lesion_observed"
    ID: ClassVar[str] = "lesion"

    lesion: Identifier
    certainty: Literal["unequivocal", "equivocal"]


class TumourAssessed(EventBody):
    """One evaluator's reading of one imaging time point. `occurred`: day of the (first) scan."""

    assessment: Identifier
    evaluator: Code
    visit: Code
    baseline: bool
    modality: Literal["ct", "mri", "other"]
    targets: tuple[TargetMeasured, ...] = ()
    non_targets: tuple[NonTargetObserved, ...] = ()
    new_lesions: tuple[NewLesionObserved, ...] = ()

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"assessment/{subject}/{self.evaluator}/{self.assessment}",)


EVENTS: tuple[type[EventBody], ...] = (LesionIdentified, TumourAssessed)
