"""Events into tables and back: altered bodies, older versions, redactions, parts of a record."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar
from unittest.mock import patch

import polars as pl
import pytest

from equipoise.errors import BadInput, RecordError
from equipoise.record import reading
from equipoise.record.correction import (
    Corrected,
    Redacted,
    correction,
    history,
    redaction,
)
from equipoise.record.event import Body, Event, EventBody, measured
from equipoise.record.keys import KeyStore
from equipoise.record.sealing import ERASED
from equipoise.record.tables import Catalogue, Tables, appended, empty_tables, rows, tables
from equipoise.study.catalogue import CATALOGUE as TRIAL
from tests.harness.any_event import by_subject, event
from tests.interface.record_tables.classes import (
    CATALOGUE,
    SCAN,
    Scanned,
    correcting,
    dose,
    listed,
    scan,
)


@pytest.fixture(params=[150, 0], ids=["one by one", "at once"], autouse=True)
def few(request: pytest.FixtureRequest) -> Any:
    """Every test here, with both ways of reading."""
    with patch.object(reading, "FEW", request.param):
        yield request.param


def same(found: Tables, expected: Tables) -> bool:
    return found.keys() == expected.keys() and all(
        found[name].schema == expected[name].schema and found[name].equals(expected[name])
        for name in expected
    )


def test_one_event_in_its_tables() -> None:
    found = tables([scan(7, envelope={"subject": "01-002", "study_version": "2.0"})], CATALOGUE)
    (own,) = found["scanned"].to_dicts()
    first = {"replicate": 0, "subject": "01-002", "site": "01", "seq": 7, "event": 7}
    assert {name: own[name] for name in first} == first
    assert str(own["occurred"]) == "2024-01-05" and own["occurred_partial"] is None
    assert own["study_version"] == "2.0" and str(own["reported"]) == "2024-02-29"
    assert (own["weight"], own["slices"], own["contrast"]) == (705, 40, True)
    lesions = found["scan_lesion"].select("event", "position", "lesion", "diameter")
    assert lesions.rows() == [(7, 0, "T1", 1530), (7, 1, "T/2", None)]
    assert found["dosed"].is_empty() and found["listed"].is_empty()
    lists = tables([listed(), listed(2, organs=[], series=None)], CATALOGUE)["listed"]
    assert lists.select("organs", "series").rows() == [(["liver", "lung"], [3, 1]), ([], None)]


@pytest.mark.parametrize(
    "text",
    ["C:\\new", "\\u0041", '\\"', '"lesion":"T9"', "\t", "\n", "\x00\x1f", "\u2028", "é😀", " ",
     "5", "true", "null", "{}", '{"remark":"x"}'],
)  # fmt: skip
def test_texts_come_through_unchanged(text: str) -> None:
    found = tables([scan(finding=text, remarks=[{"remark": text}, {"remark": text}])], CATALOGUE)
    assert found["scanned"]["finding"].to_list() == [text]
    assert found["scan_remark"]["remark"].to_list() == [text, text]


def test_many_events_are_not_opened_one_by_one() -> None:
    with patch.object(reading, "FEW", 2), patch.object(reading, "_opened", side_effect=ValueError):
        assert len(tables([scan(seq) for seq in range(1, 4)], CATALOGUE)["scanned"]) == 3
        with pytest.raises(ValueError):
            tables([scan(1), scan(2)], CATALOGUE)


@pytest.mark.requirement("DT1")
def test_a_date_may_be_known_in_part() -> None:
    days = [None, "2024", "2024-02", "2024-02-29", "0001-01-01", "9999-12-31"]
    found = tables(
        [scan(n + 1, envelope={"occurred": day}) for n, day in enumerate(days)], CATALOGUE
    )
    table = found["scanned"]
    assert [None if day is None else day.isoformat() for day in table["occurred"]] == [
        None, None, None, *days[3:],
    ]  # fmt: skip
    assert table["occurred_partial"].to_list() == [None, "2024", "2024-02", None, None, None]
    assert [each.occurred for each in rows(found, Scanned)] == days


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ({"weight": 70.5}, "weight = 70.5 is not of the kind measured"),
        ({"weight": 70}, "weight = 70 is not of the kind measured"),
        ({"weight": "70.55"}, r"weight = 70.55 has more than 1 decimal places \(kg\)"),
        ({"weight": "7e1"}, "weight = '7e1' is not a decimal number"),
        ({"weight": "+70"}, "is not a decimal number"),
        ({"weight": "1234567890123"}, "is not a decimal number"),
        ({"weight": "nan"}, "is not a decimal number"),
        ({"weight": "٧٠"}, "is not a decimal number"),
        ({"slices": "40"}, "slices = '40' is not of the kind integer"),
        ({"slices": 40.0}, "slices = 40.0 is not of the kind integer"),
        ({"slices": True}, "slices = True is not of the kind integer"),
        ({"slices": 2**63}, "is not of the kind integer"),
        ({"contrast": 1}, "contrast = 1 is not of the kind boolean"),
        ({"contrast": "true"}, "contrast = 'true' is not of the kind boolean"),
        ({"contrast": None}, "contrast is not there"),
        ({"modality": 5}, "modality = 5 is not of the kind text"),
        ({"modality": {"a": 1}}, "is not of the kind text"),
        ({"reported": "2024-02-30"}, "day is out of range"),
        ({"reported": "2024-2-9"}, "'2024-2-9' is not a date"),
        ({"reported": "20240229"}, "'20240229' is not a date"),
        ({"reported": "2024-W09-4"}, "'2024-W09-4' is not a date"),
        ({"reported": "0000-01-01"}, "year 0 is out of range"),
        ({"lesions": None}, "lesions is not a list of rows"),
        ({"lesions": {}}, "lesions is not a list of rows"),
        ({"lesions": ["T1"]}, "lesions is not a list of rows"),
        ({"lesions": [None]}, "lesions is not a list of rows"),
        ({"lesions": [{"diameter": "5"}]}, "lesion is not there"),
        ({"lesions": [{"lesion": "T1", "diameter": "5.125"}]}, "more than 2 decimal places"),
        ({"lesions": [{"lesion": "T1", "diameter": 5}]}, "is not of the kind measured"),
        ({"remarks": [None]}, "remarks is not a list of rows"),
        ({"remarks": [{"remark": 5}]}, "remark = 5 is not of the kind text"),
    ],
)
def test_an_altered_body_is_told_with_its_event(items: dict[str, Any], told: str) -> None:
    body = json.dumps({**SCAN, **items}, ensure_ascii=False, separators=(",", ":"))
    found = [scan(1), scan(2)._replace(body=body), scan(3)]
    with pytest.raises(RecordError, match=f"event 2 is no Scanned: .*{told}"):
        tables(found, CATALOGUE)


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ({"organs": "liver"}, "organs = 'liver' is not of the kind list"),
        ({"organs": ["liver", 5]}, "is not of the kind list"),
        ({"organs": [None]}, "is not of the kind list"),
        ({"organs": None}, "organs is not there"),
        ({"series": ["3"]}, "is not of the kind list"),
        ({"series": [True]}, "is not of the kind list"),
    ],
)
def test_an_altered_list_is_told_with_its_event(items: dict[str, Any], told: str) -> None:
    with pytest.raises(RecordError, match=f"event 2 is no Listed: .*{told}"):
        tables([listed(1), listed(2, **items)], CATALOGUE)


@pytest.mark.parametrize("body", ["", "null", "[]", "5", '"x"', "{", "{}{}", '{"modality":NaN}',
                                  "nonsense", "[" * 100_000])  # fmt: skip
def test_a_body_that_is_no_object_is_told_with_its_event(body: str) -> None:
    with pytest.raises(RecordError, match="event 2"):
        tables([dose(1), dose(2)._replace(body=body)], CATALOGUE)


@pytest.mark.parametrize(
    "day", ["2024-02-30", "2024-13-01", "yesterday", "", "2024-1-001", "20240101"]
)
def test_an_altered_date_is_told_with_its_event(day: str) -> None:
    with pytest.raises(RecordError, match="event 2 is no Dosed"):
        tables([dose(1), dose(2, occurred=day)], CATALOGUE)


def test_what_this_release_does_not_know_is_told() -> None:
    with pytest.raises(RecordError, match="'Strange', which this release does not know"):
        tables([event(1, "Strange", {})], CATALOGUE)
    for version in (0, 2):
        with pytest.raises(RecordError, match=f"Dosed version {version} cannot be read"):
            tables([dose(1, type_version=version)], CATALOGUE)


def test_no_events_give_every_table() -> None:
    assert same(tables([], CATALOGUE), empty_tables(CATALOGUE))
    assert list(rows(empty_tables(TRIAL), TRIAL.of("TumourAssessed"))) == []


# Older versions.


class Lesion3(Body):
    """A row of the newest version: an item more, another name."""

    TABLE: ClassVar[str] = "lesion"
    ID: ClassVar[str] = "lesion"

    lesion: str
    size: measured("mm", 1) | None = None  # type: ignore[valid-type]
    seen: bool


class Scan3(EventBody):
    """The newest version: one item is called otherwise, one is new, one is gone."""

    TYPE: ClassVar[str] = "Scan"
    VERSION: ClassVar[int] = 3

    method: str
    lesions: tuple[Lesion3, ...] = ()
    remark: str | None = None


def _to_2(body: dict[str, Any]) -> dict[str, Any]:
    return {"method": body["modality"], "lesions": body["lesions"], "weight": body["weight"]}


def _to_3(body: dict[str, Any]) -> dict[str, Any]:
    lesions = [
        {"lesion": each["lesion"], "size": each["diameter"], "seen": each["diameter"] is not None}
        for each in body["lesions"]
    ]
    return {"method": body["method"].upper(), "lesions": lesions, "remark": None}


NEWEST = Catalogue((Scan3, Corrected, Redacted), {("Scan", 1): _to_2, ("Scan", 2): _to_3})
OLD = {
    "modality": "ct", "weight": "70",
    "lesions": [{"lesion": "T1", "diameter": "15"}, {"lesion": "T2", "diameter": None}],
}  # fmt: skip
NEW = {"method": "MRI", "remark": "new", "lesions": [{"lesion": "T1", "size": "9", "seen": True}]}


def change(seq: int, version: int, item: str, new: str | None, target: int = 1) -> Event:
    body = Corrected(target=target, target_version=version, item=item, new=new)
    return correcting(seq, body)


def test_older_versions_are_brought_up_to_date() -> None:
    second = {"method": "pet", "weight": None, "lesions": []}
    found = [
        event(1, "Scan", OLD),
        event(2, "Scan", NEW, type_version=3),
        event(3, "Scan", second, type_version=2),
    ]
    read = tables(found, NEWEST)
    assert read["scan3"].select("event", "seq", "method", "remark").rows() == [
        (1, 1, "CT", None), (2, 2, "MRI", "new"), (3, 3, "PET", None),
    ]  # fmt: skip
    assert read["lesion"].select("event", "position", "lesion", "size", "seen").rows() == [
        (1, 0, "T1", 150, True), (1, 1, "T2", None, False), (2, 0, "T1", 90, True),
    ]  # fmt: skip


def test_a_correction_holds_in_the_version_that_it_was_written_for() -> None:
    old = event(1, "Scan", OLD)
    found = [
        old,
        change(2, 1, "modality", '"mr"'),
        change(3, 1, "lesions/T2/diameter", '"8"'),
        change(4, 1, "weight", '"71"'),
        change(5, 3, "remark", '"late"'),
        change(6, 3, "lesions/T2/size", '"7.5"'),
    ]
    read = tables(found, NEWEST)
    assert read["scan3"].select("seq", "method", "remark").rows() == [(5, "MR", "late")]
    assert read["lesion"].select("seq", "lesion", "size", "seen").rows() == [
        (1, "T1", 150, True), (6, "T2", 75, True),
    ]  # fmt: skip
    told = history(found, 1, "lesions/T2/size", NEWEST)
    assert [(each.event.seq, each.value) for each in told] == [(1, None), (3, '"8"'), (6, '"7.5"')]
    body = correction(found, 1, "method", NEWEST, value="CT")
    assert (body.target_version, body.old) == (3, '"MR"')
    with pytest.raises(RecordError, match="version 3 cannot be read as version 1"):
        tables([*found, change(7, 1, "modality", '"ct"')], NEWEST)


def test_an_upcaster_that_forgets_an_item_is_told() -> None:
    careless = Catalogue((Scan3, Corrected), {("Scan", 1): _to_2, ("Scan", 2): lambda body: body})
    with pytest.raises(RecordError, match="event 1 has not the items of a Scan3"):
        tables([event(1, "Scan", OLD)], careless)


# Redaction.


@pytest.mark.requirement("AT7", "GD1")
def test_a_redaction_blots_out_every_value_and_changes_no_table(tmp_path: Any) -> None:
    keys = KeyStore.create(tmp_path / "keys")
    texts = [keys.seal(f"value/{n}/finding", f"Dupont {n}", "T/01-001/finding") for n in (1, 2)]
    found = [scan(1, finding=texts[0])]
    second = correction(found, 1, "finding", CATALOGUE, value=texts[1])
    found.append(correcting(2, second))
    before = tables(found, CATALOGUE)

    body = redaction(found, 1, "finding", CATALOGUE)
    assert body == Redacted(target=1, item="finding", keys=("value/1/finding", "value/2/finding"))
    found.append(event(3, "Redacted", body.model_dump(mode="json")))
    for key in body.keys:
        keys.destroy(key)

    after = tables(found, CATALOGUE)
    assert same({**after, "redacted": before["redacted"]}, before)
    assert [keys.unseal(text, "T/01-001/finding") for text in texts] == [ERASED, ERASED]
    told = history(found, 1, "finding", CATALOGUE)
    assert [each.redacted for each in told] == [3, 3]
    with pytest.raises(BadInput, match="no value of this item stands under a key"):
        redaction(found, 1, "finding", CATALOGUE)
    with pytest.raises(BadInput, match="correct it instead"):
        redaction(found, 1, "modality", CATALOGUE)
    third = keys.seal("value/3/finding", "Durand", "T/01-001/finding")
    found.append(correcting(4, correction(found, 1, "finding", CATALOGUE, value=third)))
    assert redaction(found, 1, "finding", CATALOGUE).keys == ("value/3/finding",)
    assert [each.redacted for each in history(found, 1, "finding", CATALOGUE)] == [3, 3, None]
    keys.close()


# Parts of a record.


def several() -> list[Event]:
    """Scans and doses of three subjects, in turns, with corrections of some."""
    found: list[Event] = []
    for seq in range(1, 31):
        subject = {"subject": f"01-00{seq % 3}", "site": f"0{seq % 2}"}
        remarks = {"remarks": [{"remark": None}, {"remark": str(seq)}]}
        kinds = [
            dose(seq, str(seq), **subject),
            event(seq, "Remarked", remarks, **subject),
            scan(seq, envelope=subject, slices=seq),
            scan(seq, envelope=subject, lesions=[]),
        ]
        found.append(kinds[seq % 4])
    for target, item, value in (
        (3, "slices", 99),
        (4, "amount", "0.25"),
        (2, "lesions/T1/diameter", "1"),
    ):
        body = correction(found, target, item, CATALOGUE, value=value)
        found.append(correcting(found[-1].seq + 1, body, subject=f"01-00{target % 3}"))
    return found


def concatenated(parts: Sequence[Tables]) -> Tables:
    together = {}
    for name in empty_tables(CATALOGUE):
        frame = pl.concat([part[name] for part in parts])
        together[name] = frame.sort(
            [each for each in ("event", "position") if each in frame.columns]
        )
    return together


def test_reading_subject_by_subject_gives_the_same_rows() -> None:
    found = several()
    parts = [tables(part, CATALOGUE) for part in by_subject(found).values()]
    assert len(parts) == 3 and same(concatenated(parts), tables(found, CATALOGUE))
    assert same(tables(found[::-1], CATALOGUE), tables(found, CATALOGUE))


@pytest.mark.requirement("CO4")
def test_a_later_event_changes_no_earlier_table() -> None:
    found = several()
    earlier = {upto: tables(found[:upto], CATALOGUE) for upto in range(len(found) + 1)}
    for step in (1, 11):
        kept = {0: empty_tables(CATALOGUE)}
        for upto in range(step, len(found) + 1, step):
            new = found[upto - step : upto]
            kept[upto] = appended(kept[upto - step], found[: upto - step], new, CATALOGUE)
        for upto, tables_then in kept.items():
            assert same(tables_then, earlier[upto])
    assert same(tables(found[:7], CATALOGUE), earlier[7])


def test_bodies_come_back_from_their_rows() -> None:
    read = tables([scan(1), scan(2, lesions=[], weight=None, weight_missing="not_done")], CATALOGUE)
    back = list(rows(read, Scanned))
    assert back[0].body == SCAN and back[0].event == 1 and back[0].occurred == "2024-01-05"
    assert back[1].body == {**SCAN, "lesions": [], "weight": None, "weight_missing": "not_done"}


def test_rows_of_several_replicates_keep_their_nested_rows_apart() -> None:
    one, other = tables([scan(1)], CATALOGUE), tables([scan(1, lesions=[])], CATALOGUE)
    both = {
        name: pl.concat(
            [one[name], other[name].with_columns(pl.lit(1, pl.Int32).alias("replicate"))]
        )
        for name in one
    }
    back = list(rows(both, Scanned))
    assert [(each.replicate, len(each.body["lesions"])) for each in back] == [(0, 2), (1, 0)]


@pytest.mark.parametrize(
    "amount", ["0", "0.01", "-0.01", "-1.5", "10", "0.1", "-999999999999.99", "999999999999", "100"]
)
def test_decimals_come_back_as_they_were_written(amount: str) -> None:
    read = tables([dose(1, amount)], CATALOGUE)
    (back,) = rows(read, CATALOGUE.of("Dosed"))
    assert back.body["amount"] == amount
