"""Event classes made for these tests: every kind of item, rows with and without permanent names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from equipoise.record.correction import Corrected, Redacted
from equipoise.record.event import (
    Body,
    ClinicalText,
    Event,
    EventBody,
    FullDate,
    Identifier,
    MissingReason,
    PartialDate,
    measured,
)
from equipoise.record.tables import Catalogue
from tests.harness.any_event import event


class ScanLesion(Body):
    """A row that is found by its permanent name."""

    ID: ClassVar[str] = "lesion"

    lesion: Identifier
    diameter: measured("mm", 2, "0", "600") | None = None  # type: ignore[valid-type]
    diameter_missing: MissingReason | None = None


class ScanRemark(Body):
    """A row that is found by its position."""

    remark: str | None = None


class Scanned(EventBody):
    """An item of every kind but lists."""

    PARTIAL_OCCURRED: ClassVar[bool] = True

    modality: Literal["ct", "mri"]
    slices: int | None = None
    contrast: bool = False
    reported: FullDate | None = None
    ordered: PartialDate | None = None
    weight: measured("kg", 1, "20", "350") | None = None  # type: ignore[valid-type]
    weight_missing: MissingReason | None = None
    finding: ClinicalText | None = None
    lesions: tuple[ScanLesion, ...] = ()
    remarks: tuple[ScanRemark, ...] = ()


class Remarked(EventBody):
    """An event whose rows stand in one table with those of another."""

    remarks: tuple[ScanRemark, ...] = ()


class Listed(EventBody):
    """Items that are lists."""

    organs: tuple[str, ...] = ()
    series: tuple[int, ...] | None = None


class Dosed(EventBody):
    """A plain event, on a full date."""

    drug: str
    amount: measured("mg", 2)  # type: ignore[valid-type]


CATALOGUE = Catalogue((Scanned, Remarked, Listed, Dosed, Corrected, Redacted))

SCAN: Mapping[str, Any] = {
    "modality": "ct", "slices": 40, "contrast": True, "reported": "2024-02-29",
    "ordered": "2024-02", "weight": "70.5", "weight_missing": None, "finding": None,
    "lesions": [
        {"lesion": "T1", "diameter": "15.3", "diameter_missing": None},
        {"lesion": "T/2", "diameter": None, "diameter_missing": "not_evaluable"},
    ],
    "remarks": [{"remark": "blurred"}, {"remark": "again"}],
}  # fmt: skip


def scan(seq: int = 1, *, envelope: Mapping[str, Any] | None = None, **items: Any) -> Event:
    """A stored scan; `items` replace those of SCAN."""
    return event(seq, "Scanned", {**SCAN, **items}, **(envelope or {}))


def listed(seq: int = 1, **items: Any) -> Event:
    """A stored event of lists; `items` replace ["liver", "lung"] and [3, 1]."""
    return event(seq, "Listed", {"organs": ["liver", "lung"], "series": [3, 1], **items})


def dose(seq: int, amount: str = "100", **envelope: Any) -> Event:
    """A stored dose."""
    return event(seq, "Dosed", {"drug": "A", "amount": amount}, **envelope)


def correcting(seq: int, body: Corrected, **envelope: Any) -> Event:
    """A stored correction."""
    return event(seq, "Corrected", body.model_dump(mode="json"), **envelope)
