"""What happened to one subject, written down in short, as the tables that rules see."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from ruamel.yaml import YAML

from equipoise.record.event import Event
from equipoise.record.tables import Tables, empty_tables, tables
from equipoise.study.catalogue import CATALOGUE

Entry = Mapping[str, Any]
"""`event`: the type; `on`: the day, perhaps partial; every other key is an item of its body."""

_ENVELOPE = ("event", "on", "subject", "site", "study_version")


def tables_of(entries: Iterable[Entry], *, subject: str = "01-001", replicate: int = 0) -> Tables:
    """Every event table of these entries; the first has seq 1. Bodies are validated on the way.

    >>> found = tables_of([{"event": "SubjectScreened", "on": "2024-01-05"}])
    >>> found["subject_screened"]["occurred"].to_list()
    [datetime.date(2024, 1, 5)]
    """
    events = [_event(seq, entry, subject) for seq, entry in enumerate(entries, start=1)]
    number = pl.lit(replicate, dtype=pl.Int32).alias("replicate")
    return {name: frame.with_columns(number) for name, frame in tables(events, CATALOGUE).items()}


def _event(seq: int, entry: Entry, subject: str) -> Event:
    cls = CATALOGUE.of(entry["event"])
    items = {name: _plain(value) for name, value in entry.items() if name not in _ENVELOPE}
    return Event(
        seq=seq,
        trial="by-hand",
        type=cls.TYPE,
        type_version=cls.VERSION,
        subject=entry.get("subject", subject),
        site=entry.get("site", "01"),
        occurred=None if entry.get("on") is None else str(entry["on"]),
        recorded="2026-01-01T00:00:00.000000Z",
        offset=0,
        actor="nobody",
        role="investigator",
        organisation="01",
        reason=None,
        cause=None,
        study_version=entry.get("study_version", "1.0"),
        release="0",
        idempotency_key=None,
        body=cls.model_validate_json(json.dumps(items)).model_dump_json(),
        prev="",
        hash="",
    )


def _plain(value: Any) -> Any:
    """Days as texts; numbers as they are: a binary fraction is refused by the body."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, datetime.date) else value


def together(parts: Sequence[Mapping[str, pl.DataFrame]]) -> Tables:
    """The tables of several subjects or replicates in one, in the order of the record."""
    together = empty_tables(CATALOGUE)
    for name in together:
        frame = pl.concat([part[name] for part in parts])
        key = [each for each in ("replicate", "event", "position") if each in frame.columns]
        together[name] = frame.sort(key)
    return together


def read_cases(path: Path) -> Any:
    """A YAML file of cases; a number with a point must be quoted, so that it stays exact."""
    return YAML(typ="safe", pure=True).load(path)
