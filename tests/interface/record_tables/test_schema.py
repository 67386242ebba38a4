"""Columns and types of every table, once more from the JSON schema that pydantic writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import polars as pl
import pytest

from equipoise.errors import RecordError
from equipoise.record.declaration import COMMON, children, columns
from equipoise.record.event import Body, EventBody, measured
from equipoise.record.tables import Catalogue, column_measure, empty_tables, schema
from equipoise.study.catalogue import CATALOGUE
from tests.interface.record_tables.classes import Listed, ScanLesion, Scanned, ScanRemark

FIRST = {
    "replicate": pl.Int32, "subject": pl.String, "site": pl.String, "occurred": pl.Date,
    "seq": pl.Int64, "event": pl.Int64, "study_version": pl.String,
}  # fmt: skip


def test_a_class_with_every_kind_of_item() -> None:
    assert schema(Scanned) == {
        **FIRST,
        "occurred_partial": pl.String,
        "modality": pl.String,
        "slices": pl.Int64,
        "contrast": pl.Boolean,
        "reported": pl.Date,
        "ordered": pl.String,
        "weight": pl.Int64,
        "weight_missing": pl.String,
        "finding": pl.String,
    }
    assert schema(ScanLesion) == {
        **FIRST, "position": pl.Int64, "lesion": pl.String, "diameter": pl.Int64,
        "diameter_missing": pl.String,
    }  # fmt: skip
    assert schema(Listed) == {
        **FIRST, "organs": pl.List(pl.String), "series": pl.List(pl.Int64),
    }  # fmt: skip
    assert list(schema(Scanned))[:8] == [*FIRST, "occurred_partial"]
    assert list(children(Scanned)) == [("lesions", ScanLesion), ("remarks", ScanRemark)]
    assert (Scanned.TABLE, ScanLesion.TABLE) == ("scanned", "scan_lesion")
    measure = column_measure(ScanLesion, "diameter")
    assert (measure.unit, measure.places) == ("mm", 2)
    for name in ("lesion", "weight"):
        with pytest.raises(RecordError, match=f"no measured item '{name}'"):
            column_measure(ScanLesion, name)


def expected(cls: type[Body], name: str, declared: Mapping[str, Any]) -> Any:
    """The type of a column as the JSON schema of the body has it; None for nested rows."""
    options = [each for each in declared.get("anyOf", [declared]) if each != {"type": "null"}]
    if {"type": "number"} in options:
        return pl.Int64
    (option,) = options
    if option["type"] == "array":
        if "$ref" in option["items"]:
            return None
        return pl.List({"string": pl.String, "integer": pl.Int64}[option["items"]["type"]])
    if option.get("format") == "date":
        return pl.Date
    return {"string": pl.String, "integer": pl.Int64, "boolean": pl.Boolean}[option["type"]]


@pytest.mark.parametrize("cls", CATALOGUE.tables().values(), ids=lambda cls: cls.TABLE)
def test_every_table_of_the_catalogue(cls: type[Body]) -> None:
    declared = cls.model_json_schema()["properties"]
    items = {name: expected(cls, name, declared[name]) for name in cls.model_fields}
    own = {name: dtype for name, dtype in items.items() if dtype is not None}
    found = schema(cls)
    head = [name for name in found if name not in own]
    assert head == [*FIRST, *found.keys() & {"occurred_partial"}, *found.keys() & {"position"}]
    assert ("position" in found) is not issubclass(cls, EventBody)
    assert ("occurred_partial" in found) is getattr(cls, "PARTIAL_OCCURRED", False)
    assert [*found.items()][len(head) :] == [*own.items()]
    assert {name for name, dtype in items.items() if dtype is None} == dict(children(cls)).keys()
    for column in columns(cls):
        without = {"type": "null"} in declared[column.name].get("anyOf", [])
        assert column.nullable is without, column.name


def test_every_table_is_there_when_nothing_has_happened() -> None:
    empty = empty_tables(CATALOGUE)
    assert empty.keys() == CATALOGUE.tables().keys()
    assert all(frame.is_empty() for frame in empty.values())
    for frame in empty.values():
        assert dict(frame.schema.items() & COMMON.items()) == dict(COMMON)
    for table in ("form_item", "target_measured", "assay_measurement", "randomised_factor"):
        assert "position" in empty[table].columns


class _Inner(Body):
    item: str


class _Middle(Body):
    inner: tuple[_Inner, ...] = ()


def _with(annotation: Any) -> type[EventBody]:
    namespace = {"__annotations__": {"item": annotation}, "__module__": __name__}
    return type("Declared", (EventBody,), namespace)


@pytest.mark.parametrize(
    ("annotation", "told"),
    [
        (float, "has no column type"),
        (bytes, "has no column type"),
        (dict[str, str], "has no column type"),
        (str | int, "has no column type"),
        (Literal["a", 1], "has no column type"),
        (list[str], "has no column type"),
        (tuple[str, str], "has no column type"),
        (tuple[bool, ...], "has no column type"),
        (tuple[str | None, ...], "has no column type"),
        (_Inner, "has no column type"),
        (tuple[_Inner, ...] | None, "an empty tuple, never null"),
        (tuple[_Middle, ...], "rows nested in nested rows have no table"),
    ],
)
def test_an_item_that_no_table_can_hold(annotation: Any, told: str) -> None:
    with pytest.raises(RecordError, match=told):
        schema(_with(annotation))


def test_names_that_are_taken() -> None:
    for name in (*COMMON, "occurred_partial", "position"):
        taken = type(
            "Taken", (EventBody,), {"__annotations__": {name: str}, "__module__": __name__}
        )
        with pytest.raises(RecordError, match=f"every table has a column {name}"):
            schema(taken)

    class Twice(EventBody):
        one: tuple[_Inner, ...] = ()
        other: tuple[_Inner, ...] = ()

    with pytest.raises(RecordError, match="two items share one class of nested rows"):
        schema(Twice)


class _First(EventBody):
    TYPE: ClassVar[str] = "Same"

    item: str


class _Second(EventBody):
    TYPE: ClassVar[str] = "Same"
    VERSION: ClassVar[int] = 3

    item: str


class _SameTable(EventBody):
    TABLE: ClassVar[str] = "_first"

    item: measured("mm", 1)  # type: ignore[valid-type]


def test_a_catalogue_that_contradicts_itself() -> None:
    def step(body: dict[str, Any]) -> dict[str, Any]:
        return body

    with pytest.raises(RecordError, match="two classes of the event type Same"):
        Catalogue((_First, _Second), {("Same", 1): step, ("Same", 2): step})
    with pytest.raises(RecordError, match="_SameTable: the table _first is already taken"):
        Catalogue((_First, _SameTable))
    with pytest.raises(RecordError, match="Same version 2 has no upcaster"):
        Catalogue((_Second,), {("Same", 1): step})
    with pytest.raises(RecordError, match="upcasters of unknown event types: Other"):
        Catalogue((_First,), {("Other", 1): step})
    catalogue = Catalogue((_Second,), {("Same", 1): step, ("Same", 2): step})
    assert catalogue.of("Same") is _Second
    with pytest.raises(RecordError, match="'Strange', which this release does not know"):
        catalogue.of("Strange")
    for version, to in ((0, 1), (3, 2), (1, 4)):
        with pytest.raises(RecordError, match="this release knows versions 1 to 3"):
            catalogue.upcast("Same", version, {}, to)
