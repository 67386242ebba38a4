"""A correction changes a value in the tables, and takes none out of the history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from equipoise.errors import BadInput, RecordError
from equipoise.record.correction import Corrected, correction, history
from equipoise.record.event import Event
from equipoise.record.tables import tables
from tests.harness.any_event import event
from tests.interface.record_tables.classes import CATALOGUE, SCAN, correcting, dose, listed, scan


def corrected(found: Sequence[Event], item: str, target: int = 1, **value: Any) -> list[Event]:
    """`found` with a correction more: who corrected, and why, is told by its seq."""
    body = correction(found, target, item, CATALOGUE, **value)
    seq = found[-1].seq + 1
    by = {"actor": f"person {seq}", "reason": f"reason {seq}"}
    return [*found, correcting(seq, body, **by)]


def row(found: Sequence[Event], table: str = "scanned", place: int = 0) -> dict[str, Any]:
    return tables(found, CATALOGUE)[table].row(place, named=True)


@pytest.mark.requirement("AT1", "AT3")
def test_the_latest_value_stands_and_every_value_is_told() -> None:
    found = [scan()]
    for value in ("71", "69.5", "71"):
        found = corrected(found, "weight", value=value)
    assert (row(found)["weight"], row(found)["seq"], row(found)["event"]) == (710, 4, 1)
    told = history(found, 1, "weight", CATALOGUE)
    assert [(each.event.seq, each.value) for each in told] == [
        (1, '"70.5"'), (2, '"71"'), (3, '"69.5"'), (4, '"71"'),
    ]  # fmt: skip
    assert [each.event.reason for each in told] == [None, "reason 2", "reason 3", "reason 4"]
    assert [each.event.actor for each in told][-1] == "person 4"


@pytest.mark.requirement("AT1")
def test_a_correction_says_what_stood_before() -> None:
    found = corrected([scan()], "slices", value=41)
    body = correction(found, 1, "slices", CATALOGUE, value=42)
    assert (body.old, body.new, body.target, body.target_version) == ("41", "42", 1, 1)
    away = correction(found, 1, "weight", CATALOGUE, missing="not_done")
    assert (away.old, away.new, away.new_missing) == ('"70.5"', None, "not_done")


SEALED = "sealed:1:value/2/finding:AAAA"


@pytest.mark.parametrize(
    ("item", "value", "column"),
    [
        ("modality", "mri", "mri"), ("slices", 0, 0), ("slices", None, None),
        ("contrast", False, False), ("reported", "2024-03-01", "2024-03-01"),
        ("reported", None, None), ("ordered", "2023", "2023"), ("weight", "70", 700),
        ("finding", SEALED, SEALED),
    ],
)  # fmt: skip
def test_every_kind_of_item_can_be_corrected(item: str, value: object, column: object) -> None:
    found = corrected([scan()], item, value=value)
    now = row(found)[item]
    assert (now.isoformat() if hasattr(now, "isoformat") else now) == column
    untouched = {name: each for name, each in row(found).items() if name not in (item, "seq")}
    assert untouched == {name: row([scan()])[name] for name in untouched}


def test_lists_are_corrected_as_wholes() -> None:
    found = corrected([listed()], "organs", value=["bone"])
    found = corrected(found, "series", value=[])
    assert (row(found, "listed")["organs"], row(found, "listed")["series"]) == (["bone"], [])
    assert row(corrected(found, "series"), "listed")["series"] is None
    with pytest.raises(BadInput, match="series/0"):
        correction([listed()], 1, "series", CATALOGUE, value=["x"])


def test_to_a_missing_reason_and_back() -> None:
    found = corrected([scan()], "weight", missing="not_done")
    assert (row(found)["weight"], row(found)["weight_missing"]) == (None, "not_done")
    found = corrected(found, "weight", missing="unknown")
    assert row(found)["weight_missing"] == "unknown"
    found = corrected(found, "weight", value="68.2")
    assert (row(found)["weight"], row(found)["weight_missing"]) == (682, None)
    found = corrected(found, "weight")
    assert (row(found)["weight"], row(found)["weight_missing"]) == (None, None), "not yet known"
    told = history(found, 1, "weight", CATALOGUE)
    assert [(each.value, each.missing) for each in told] == [
        ('"70.5"', None), (None, "not_done"), (None, "unknown"), ('"68.2"', None), (None, None),
    ]  # fmt: skip


def test_a_row_is_found_by_its_permanent_name() -> None:
    first = [scan()]
    found = corrected(first, "lesions/T/2/diameter", value="8.25")
    own, child, other = row(found), row(found, "scan_lesion", 1), row(found, "scan_lesion", 0)
    assert (child["lesion"], child["diameter"], child["diameter_missing"]) == ("T/2", 825, None)
    assert (child["seq"], child["event"], child["position"]) == (2, 1, 1)
    assert (own["seq"], other["seq"], other["diameter"]) == (1, 1, 1530), "their content stays"
    found = corrected(found, "lesions/T1/diameter", missing="not_evaluable")
    assert row(found, "scan_lesion", 0)["seq"] == 3 and row(found, "scan_lesion", 1)["seq"] == 2
    told = history(found, 1, "lesions/T/2/diameter", CATALOGUE)
    assert [(each.value, each.missing) for each in told] == [
        (None, "not_evaluable"), ('"8.25"', None),
    ]  # fmt: skip


def test_a_row_without_a_name_is_found_by_its_position() -> None:
    found = corrected([scan()], "remarks/1/remark", value="clear")
    assert [row(found, "scan_remark", n)["remark"] for n in (0, 1)] == ["blurred", "clear"]
    assert [row(found, "scan_remark", n)["seq"] for n in (0, 1)] == [1, 2]


@pytest.mark.requirement("DT1")
def test_the_day_of_an_event_is_corrected_in_its_rows_too() -> None:
    found = corrected([scan()], "occurred", value="2024-01-06")
    for table in ("scanned", "scan_lesion", "scan_remark"):
        assert str(row(found, table)["occurred"]) == "2024-01-06"
        assert row(found, table)["seq"] == 2
    assert row(found)["occurred_partial"] is None
    found = corrected(found, "occurred", value="2024-01")
    assert (row(found)["occurred"], row(found)["occurred_partial"]) == (None, "2024-01")
    found = corrected(found, "occurred")
    assert (row(found)["occurred"], row(found)["occurred_partial"]) == (None, None)
    told = history(found, 1, "occurred", CATALOGUE)
    assert [each.value for each in told] == ['"2024-01-05"', '"2024-01-06"', '"2024-01"', None]


@pytest.mark.parametrize(
    ("item", "value", "told"),
    [
        ("nothing", {"value": 1}, "Scanned has no such item"),
        ("", {"value": 1}, "Scanned has no such item"),
        ("lesions", {"value": []}, "Scanned has no such item"),
        ("weight_missing", {"value": "unknown"}, "correct weight itself"),
        ("lesions/T1/lesion", {"value": "T9"}, "a permanent identifier is never corrected"),
        ("lesions/T1/diameter_missing", {"value": "unknown"}, "correct diameter itself"),
        ("lesions/T1/nothing", {"value": 1}, "ScanLesion has no such item"),
        ("lesions/T3/diameter", {"value": "1"}, "found 'T3'; no such row; there are T1, T/2"),
        ("lesions/0/diameter", {"value": "1"}, "found '0'; no such row"),
        ("lesions/diameter", {"value": "1"}, "no nested rows of this name"),
        ("lesions//diameter", {"value": "1"}, "no nested rows of this name"),
        ("nothing/T1/diameter", {"value": "1"}, "no nested rows of this name"),
        ("remarks/2/remark", {"value": "x"}, "no such row; there are 0, 1"),
        ("remarks/00/remark", {"value": "x"}, "found '00'; no such row"),
        ("weight", {"value": "70.5"}, "nothing to correct"),
        ("weight", {"value": "70.50"}, "nothing to correct"),
        ("weight", {"value": "70.55"}, "at most 1 decimal places"),
        ("weight", {"value": "900"}, "must lie between 20 and 350 kg"),
        ("weight", {"value": 70.6}, "not a binary number"),
        ("weight", {"value": "70.6", "missing": "unknown"}, "both a value and a reason"),
        ("slices", {"missing": "unknown"}, "takes no reason for being missing"),
        ("slices", {"value": "many"}, "found 'many'"),
        ("modality", {"value": "xray"}, "found 'xray'"),
        ("modality", {}, "modality: "),
        ("reported", {"value": "2024-03"}, "takes no partial date"),
        ("reported", {"value": 20000}, "must be a full date"),
        ("ordered", {"value": "2024-13"}, "not a date that exists"),
        ("occurred", {"value": "2024-02-30"}, "not a date that exists"),
        ("occurred", {"value": 5}, "found '5'"),
        ("occurred", {"missing": "unknown"}, "takes no reason for being missing"),
        ("occurred", {"value": "2024-01-05"}, "nothing to correct"),
    ],
)
def test_a_correction_that_cannot_be_is_told(item: str, value: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInput) as refusal:
        correction([scan()], 1, item, CATALOGUE, **value)
    assert told in str(refusal.value)


def test_some_events_take_no_partial_date() -> None:
    with pytest.raises(BadInput, match="takes no partial date"):
        correction([dose(1)], 1, "occurred", CATALOGUE, value="2024-01")


def test_a_correction_is_not_corrected_but_its_item_once_more() -> None:
    found = corrected([dose(1)], "amount", value="150")
    with pytest.raises(BadInput, match="correct the item itself once more"):
        correction(found, 2, "new", CATALOGUE, value='"200"')
    with pytest.raises(BadInput, match="found '9'; no such event"):
        correction(found, 9, "amount", CATALOGUE, value="200")
    with pytest.raises(BadInput, match="no such event"):
        history(found, 9, "amount", CATALOGUE)
    with pytest.raises(BadInput, match="has no such item"):
        history(found, 1, "nothing", CATALOGUE)


def test_what_did_not_change_has_one_value() -> None:
    found = corrected([scan()], "slices", value=41)
    assert [each.value for each in history(found, 1, "weight", CATALOGUE)] == ['"70.5"']
    (only,) = history(found, 1, "finding", CATALOGUE)
    assert (only.value, only.missing, only.redacted) == (None, None, None)


@pytest.mark.parametrize("text", ["null", "1.5", "[1.5]", "{", "01", '"a" ', "1e3", '{"b":1,"a":2}',
                                  "[" * 100_000, str(2**60), '"\\u0061"', "NaN"])  # fmt: skip
def test_values_are_kept_as_canonical_json(text: str) -> None:
    for values in ({"old": text}, {"new": text}):
        with pytest.raises(ValueError, match="must be canonical JSON"):
            Corrected(target=1, item="slices", **values)  # type: ignore[arg-type]


# A record in which a correction does not fit what it corrects: somebody wrote past conduct.


def stored(seq: int = 2, **items: Any) -> Event:
    body = {"target": 1, "target_version": 1, "item": "slices", "old": "40", "new": "41",
            "old_missing": None, "new_missing": None}  # fmt: skip
    return event(seq, "Corrected", {**body, **items})


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ({"target": 7}, "event 2 corrects event 7, which is not among the events read"),
        ({"item": "nothing"}, "event 2 cannot correct event 1: nothing: Scanned has no such item"),
        ({"item": "lesions/T9/diameter"}, "event 2 cannot correct event 1: .*no such row"),
        ({"item": "slices", "new": None, "new_missing": "unknown"}, "takes no reason"),
        ({"item": "occurred", "new": "5"}, "event 2 cannot correct event 1: occurred"),
        ({"target_version": 2}, "Scanned version 1 cannot be read as version 2"),
        ({"target": "x"}, "event 2 is no correction"),
        ({"new": "{"}, "event 2 is no correction"),
        ({"new": '"x"'}, "event 1 is no Scanned: slices = 'x' is not of the kind integer"),
        ({"item": "weight", "new": '"x"'}, "event 1 is no Scanned: weight = 'x'"),
        ({"item": "modality", "new": None}, "event 1 is no Scanned: modality is not there"),
    ],
)
def test_a_stored_correction_that_does_not_fit_is_told(items: dict[str, Any], told: str) -> None:
    with pytest.raises(RecordError, match=told):
        tables([scan(), stored(**items)], CATALOGUE)


@pytest.mark.parametrize(
    "body",
    [
        {name: value for name, value in SCAN.items() if name != "lesions"},
        {name: value for name, value in SCAN.items() if name != "slices"},
        {**SCAN, "strange": 1},
        {**SCAN, "lesions": None},
        {**SCAN, "lesions": ["T1"]},
        {**SCAN, "lesions": [5]},
        {**SCAN, "lesions": [{"lesion": "T1"}]},
    ],
)
def test_an_altered_event_cannot_be_corrected(body: dict[str, Any]) -> None:
    altered = event(1, "Scanned", body)
    for act in (
        lambda: tables([altered, stored()], CATALOGUE),
        lambda: correction([altered], 1, "contrast", CATALOGUE, value=False),
        lambda: history([altered], 1, "contrast", CATALOGUE),
    ):
        with pytest.raises(RecordError, match="event 1 has not the items of a Scanned"):
            act()
