"""Random corrections of what was recorded about samples and runs, and late reports of samples."""

from __future__ import annotations

import datetime
import json
import random
from decimal import Decimal
from typing import Any

from tests.second_programming.lesion_histories import Writer
from tests.second_programming.record_again import NESTED, PLACES

ITEMS = (
    ("assay_measurement", "value"), ("assay_measurement", "value"), ("assay_measurement", "value"),
    ("assay_measurement", "quality"), ("assay_control", "value"),
    ("assay_result_recorded", "technically_valid"), ("assay_result_recorded", "purpose"),
    ("assay_result_recorded", "internal_control"), ("assay_result_recorded", "sample"),
    ("assay_result_recorded", "determination"), ("assay_result_recorded", "occurred"),
    ("sample_received", "adequate"), ("sample_received", "adequate"),
    ("sample_received", "tumour_cells"), ("sample_received", "occurred"),
    ("sample_derived", "tumour_cells"), ("sample_derived", "parent"), ("sample_derived", "step"),
    ("sample_collected", "material"), ("assay_result_invalidated", "result"),
    ("consent_signed", "occurred"),
)  # fmt: skip


def corrected(draw: random.Random, writer: Writer) -> None:
    """Put one item of the subject right, if it has such a row."""
    table, item = draw.choice(ITEMS)
    mine = [row for row in writer.rows.get(table, []) if row["subject"] == writer.subject]
    if not mine:
        return
    row = draw.choice(mine[-12:])
    new = _other(draw, writer, table, item, row)
    if new == row.get(item):
        return
    path = item
    if table in NESTED:
        field, identifier = NESTED[table]
        path = f"{field}/{row[identifier]}/{item}"
    old = _text(table, item, row.get(item))
    change = writer.event(
        "corrected", None, target=row["event"], target_version=1, item=path, old=old,
        new=_text(table, item, new),
    )  # fmt: skip
    row.update({item: new, "seq": change["seq"]})
    if item == "occurred":
        for name in NESTED:
            for nested in writer.rows.get(name, []):
                if (nested["subject"], nested["event"]) == (row["subject"], row["event"]):
                    nested.update(occurred=new, seq=change["seq"])


def _other(draw: random.Random, writer: Writer, table: str, item: str, row: dict[str, Any]) -> Any:
    """Another value, or by chance the same."""
    old = row.get(item)
    if item == "occurred":
        return old and old + datetime.timedelta(days=draw.choice((-30, -1, 1, 30)))
    if item in ("technically_valid", "adequate"):
        return not old
    if item == "tumour_cells":
        return draw.choice((None, 100, 199, 200, 800))
    if item == "value":
        moved = draw.choice((-30_000, -1, 1, 500, 10_000, 200_000))
        return None if old is None else max(0, old + moved)
    if item in ("sample", "parent"):
        return draw.choice(_earlier(writer, row) or [old])
    if item == "result":
        runs = writer.rows.get("assay_result_recorded", [])
        return draw.choice([each["result"] for each in runs if each["subject"] == writer.subject])
    return draw.choice(_CODES[item])


def _earlier(writer: Writer, row: dict[str, Any]) -> list[str]:
    """Names of the samples of the subject that were recorded before the row."""
    made = [*writer.rows.get("sample_collected", []), *writer.rows.get("sample_derived", [])]
    return [
        each["sample"]
        for each in made
        if each["subject"] == writer.subject and each["event"] < row["event"]
    ]


_CODES = {
    "quality": ("passed", "failed"),
    "purpose": ("randomisation", "redetermination"),
    "internal_control": ("positive", "negative"),
    "determination": (None, "D1"),
    "step": (None, "recut", "elsewhere"),
    "material": ("ffpe", "blood"),
}


def _text(table: str, item: str, value: Any) -> str | None:
    """A value of a table as canonical JSON."""
    if value is None:
        return None
    places = PLACES.get((table, item), PLACES.get(item))
    if places is not None:
        value = format(Decimal(value).scaleb(-places).normalize(), "f")
    return json.dumps(value.isoformat() if isinstance(value, datetime.date) else value)


def received_late(draw: random.Random, writer: Writer, day: datetime.date) -> None:
    """A report on a sample of the subject of which there was none."""
    made = [*writer.rows.get("sample_collected", []), *writer.rows.get("sample_derived", [])]
    mine = {each["sample"] for each in made if each["subject"] == writer.subject}
    mine -= {each["sample"] for each in writer.rows.get("sample_received", [])}
    if mine:
        writer.event(
            "sample_received", day, sample=draw.choice(sorted(mine)), condition="good",
            adequate=draw.random() < 0.5, tumour_cells=draw.choice((None, 100, 800)),
        )  # fmt: skip
