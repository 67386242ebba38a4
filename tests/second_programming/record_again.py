"""What the record said of a subject at a place in it: programmed again, for one subject.

Written from the description of corrections in words: a correction names an event and an item, the
value that stood, and the one that stands from then on.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Any

from tests.second_programming.rows_by_subject import Row

NESTED = {
    "assay_measurement": ("measurements", "measurement"),
    "assay_control": ("controls", "control"),
}
"""Tables of nested rows: the item of the event that holds them, and what tells them apart."""

PLACES = {("assay_measurement", "value"): 4, ("assay_control", "value"): 4, "tumour_cells": 1}
"""Decimal places of what is measured."""


def as_of(subject: Mapping[str, list[Row]], place: int | None) -> dict[str, list[Row]]:
    """The rows that the record held at `place`, as they read then; as they are where it is none."""
    if place is None:
        return dict(subject)
    later = [row for row in subject["corrected"] if row["seq"] > place]
    later.sort(key=lambda row: int(row["seq"]), reverse=True)
    found = {
        table: [dict(row) for row in rows if row["event"] <= place]
        for table, rows in subject.items()
    }
    for change in later:
        for table, rows in found.items():
            for row in rows:
                if table != "corrected" and row["event"] == change["target"]:
                    _undo(table, row, change)
    return found


def _undo(table: str, row: Row, change: Row) -> None:
    old = None if change["old"] is None else json.loads(change["old"])
    item = change["item"]
    if item == "occurred":
        row["occurred"] = None if old is None else datetime.date.fromisoformat(old)
        return
    parts = item.split("/")
    if table in NESTED:
        field, identifier = NESTED[table]
        if parts[:2] == [field, row[identifier]]:
            row[parts[2]] = _scaled(table, parts[2], old)
    elif len(parts) == 1:
        row[item] = _scaled(table, item, old)


def _scaled(table: str, item: str, value: Any) -> Any:
    places = PLACES.get((table, item), PLACES.get(item))
    if places is None or value is None:
        return value
    whole, _, rest = value.partition(".")
    return int(whole + rest.ljust(places, "0"))
