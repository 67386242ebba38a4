"""What recorded entries answer, by the derivation: checks that every kind of entry is put to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl

from equipoise.record.rule import Tables
from equipoise.study.definition import Study
from equipoise.study.derivation import derive
from tests.harness.history import tables_of, together

ALLOCATED = {
    "scheme": "main", "scheme_version": "1", "allocation": 1, "stratum": "all",
    "stratum_allocation": 1, "factors": [], "marker_status": "DEFICIENT",
    "status_rule": "jco-2024", "arm": "OX", "pending_criteria": [],
}  # fmt: skip
"""What an allocation says, of any subject."""


def apart(entries: Iterable[dict[str, Any]], study: Study) -> list[tuple[Any, ...]]:
    """Where a form and what is recorded do not agree: item, on the form, recorded, sources."""
    found = derive(tables_of(entries), study, upto="answer_discrepancy")["answer_discrepancy"]
    return found.select("item", "on_form", "reported", "sources").rows()


def check_each_keeps_its_own(histories: Sequence[Iterable[dict[str, Any]]], study: Study) -> None:
    """That subjects of several trials are answered together as alone, in whatever order."""
    parts: list[Tables] = []
    for number, entries in enumerate(histories):
        part = tables_of(entries, subject=f"01-{number % 5:03}", replicate=number // 5)
        moved = pl.col("seq", "event") + 100 * (number % 5)
        parts.append({name: frame.with_columns(moved) for name, frame in part.items()})
    whole = together(parts)
    shuffled = {
        name: frame.sample(fraction=1, shuffle=True, seed=7) for name, frame in whole.items()
    }
    for table in ("item", "answer_discrepancy"):
        alone = pl.concat([derive(part, study, upto=table)[table] for part in parts])
        for tables in (whole, shuffled):
            assert derive(tables, study, upto=table)[table].equals(alone), table
