"""The least and the most that a field takes, and what lies just beyond: a slip of the finger."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from equipoise.biomarker.events import (
    AssayMeasurement,
    PathologyReviewed,
    RedeterminationFrozen,
    SampleDerived,
    SampleReceived,
)
from equipoise.record.event import Body
from equipoise.response.events import (
    FragmentMeasured,
    NonTargetObserved,
    TargetMeasured,
    TumourAssessed,
)
from equipoise.treatment.events import (
    CycleStarted,
    DoseGiven,
    DrugDestroyed,
    DrugDispensed,
    DrugReturned,
    LotReceived,
)

WHOLE: dict[type[Body], dict[str, Any]] = {
    CycleStarted: {"cycle": 1, "regimen": "CAPTEM", "height": "170", "weight": "70"},
    DoseGiven: {"cycle": 1, "day": 1, "drug": "capecitabine", "amount": "1350"},
    DrugDispensed: {
        "dispensing": "D1", "cycle": 1, "drug": "capecitabine", "lot": "A7",
        "expiry": "2025-12-31", "unit": "500", "units": 2,
    },
    DrugReturned: {"dispensing": "D1", "units": 1, "fate": "destroyed"},
    DrugDestroyed: {"dispensing": "D1", "units": 1},
    LotReceived: {
        "receipt": "N1", "drug": "capecitabine", "lot": "A7", "expiry": "2025-12-31",
        "unit": "500", "units": 2,
    },
    SampleReceived: {"sample": "S1", "condition": "good", "adequate": True},
    SampleDerived: {"sample": "S2", "parent": "S1", "kind": "dna", "quantity_unit": "ng"},
    AssayMeasurement: {"measurement": "cpg_74", "value": "8"},
    PathologyReviewed: {"review": "R1", "sample": "S1", "classification": "WHO_2019"},
    RedeterminationFrozen: {"as_of": 1},
    TargetMeasured: {"lesion": "T1", "state": "measured", "diameter": "20"},
    FragmentMeasured: {"fragment": "F1", "lesion": "T1", "state": "measured", "diameter": "20"},
    NonTargetObserved: {"lesion": "N1", "state": "present"},
    TumourAssessed: {
        "assessment": "A1", "evaluator": "central", "visit": "scans", "baseline": True,
        "modality": "ct",
    },
}  # fmt: skip

LIMITS: list[tuple[type[Body], str, list[Any], list[Any]]] = [
    (CycleStarted, "cycle", [1, 200], [0, 201]),
    (CycleStarted, "height", ["50", "250"], ["49.9", "250.1", "170.25"]),
    (CycleStarted, "weight", ["20", "350"], ["19.9", "350.1", "70.25"]),
    (DoseGiven, "cycle", [1, 200], [0, 201]),
    (DoseGiven, "day", [1, 400], [0, 401]),
    (DoseGiven, "administrations", [0, 400], [-1, 401]),
    (DoseGiven, "amount", ["0", "100000"], ["-0.01", "100000.01", "1.005"]),
    (DrugDispensed, "cycle", [1, 200], [0, 201]),
    (DrugDispensed, "unit", ["0.01", "10000"], ["0", "10000.01", "2.505"]),
    (DrugDispensed, "units", [1, 100_000], [0, 100_001]),
    (DrugReturned, "units", [0, 100_000], [-1, 100_001]),
    (DrugDestroyed, "units", [1, 100_000], [0, 100_001]),
    (LotReceived, "unit", ["0.01", "10000"], ["0", "10000.01", "2.505"]),
    (LotReceived, "units", [0, 1_000_000], [-1, 1_000_001]),
    (SampleReceived, "tumour_cells", ["0", "100"], ["-0.1", "100.1", "12.25"]),
    (SampleDerived, "tumour_cells", ["0", "100"], ["-0.1", "100.1", "12.25"]),
    (SampleDerived, "quantity", ["0", "0.125"], ["-0.001", "0.1255"]),
    (AssayMeasurement, "value", ["-1.2345", "8.9999"], ["8.99995"]),
    (PathologyReviewed, "ki67", ["0", "100"], ["-0.1", "100.1", "2.95"]),
    (PathologyReviewed, "mitoses", ["0", "20.5"], ["-0.1", "1.25"]),
    (RedeterminationFrozen, "as_of", [1], [0]),
    (TargetMeasured, "diameter", ["0", "600"], ["-0.01", "600.01", "15.005"]),
    (FragmentMeasured, "diameter", ["0", "600"], ["-0.01", "600.01", "15.005"]),
    (NonTargetObserved, "diameter", ["0", "600"], ["-0.01", "600.01", "15.005"]),
    (TumourAssessed, "slice_thickness", ["0.1", "50"], ["0.09", "50.01", "2.505"]),
]


def each_value(place: int) -> list[Any]:
    return [
        pytest.param(row[0], row[1], value, id=f"{row[0].__name__}-{row[1]}-{value}")
        for row in LIMITS
        for value in row[place]
    ]


@pytest.mark.parametrize(("cls", "field", "value"), each_value(2))
def test_the_limit_itself_is_taken(cls: type[Body], field: str, value: Any) -> None:
    found = getattr(cls.model_validate({**WHOLE[cls], field: value}), field)
    assert found == type(found)(value)


@pytest.mark.parametrize(("cls", "field", "value"), each_value(3))
def test_what_lies_beyond_is_refused(cls: type[Body], field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        cls.model_validate({**WHOLE[cls], field: value})
    assert [error["loc"] for error in refused.value.errors()] == [(field,)]
