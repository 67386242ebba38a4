"""The stratum as randomised and as corrected: histories in words, against the rule."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.randomisation.plan import RandomisationPlan
from equipoise.randomisation.strata import STRATUM_RULE, stratum
from equipoise.record.tables import Tables
from tests.harness.history import read_cases, tables_of, together

CASES = read_cases(Path(__file__).parent / "stratum.yaml")
PLAN = RandomisationPlan.model_construct()
FIRST = datetime.date(2024, 1, 1)
RESULT = 77
"""The seq of the assay result behind every status; that of its sample is one less."""


def entries(history: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The events of a history, one a line; what is corrected is the first form."""
    for number, line in enumerate(history, start=1):
        on = line.get("day", number)
        day = None if on == "none" else FIRST + datetime.timedelta(days=on)
        if "answered" in line:
            items = [{"item": item, "value": value} for item, value in line["answered"].items()]
            instance = line.get("again", "1")
            yield {
                "event": "FormSaved", "on": day, "form": "person", "instance": instance,
                "items": items,
            }  # fmt: skip
        elif "allocated" in line:
            yield allocated(line["allocated"], day)
        elif "corrected" in line:
            new = None if line["to"] == "none" else f'"{line["to"]}"'
            yield {
                "event": "Corrected", "on": day, "target": 1, "target_version": 1,
                "item": f"items/{line['corrected']}/value", "old": f'"{line["from"]}"', "new": new,
                "new_missing": "unknown" if new is None else None,
            }  # fmt: skip
        else:
            yield {
                "event": "DeviationRecorded", "on": day, "deviation": f"D{number}",
                "category": line["deviation"], "description": "as it was found", "important": True,
            }  # fmt: skip


def allocated(line: dict[str, Any], day: datetime.date | None) -> dict[str, Any]:
    factors = [{"factor": name, "level": level} for name, level in line["factors"].items()]
    names = [f"{name}={level}" for name, level in line["factors"].items()]
    stratum = "/".join([line["status"], *([] if line.get("minimised") else names)])
    return {
        "event": "Randomised", "on": day, "scheme": "main", "scheme_version": "1",
        "allocation": 1, "stratum": stratum, "stratum_allocation": 1, "factors": factors,
        "marker_status": line["status"], "status_rule": "used", "arm": "A",
    }  # fmt: skip


def statuses(tables: Tables, now: str) -> pl.DataFrame:
    """What the marker's rules say today: by the rule that was used, and by others that were not."""
    subjects = tables["randomised"].select("replicate", "subject")
    rows = [
        ("used", None if now == "none" else now),
        ("other", "NEVER_READ"),
    ]
    rows = rows[1:] if now == "absent" else rows
    table = pl.DataFrame(rows, schema=["rule", "status"], orient="row")
    sources = pl.lit([RESULT, RESULT - 1], dtype=pl.List(pl.Int64)).alias("sources")
    return subjects.join(table, how="cross").with_columns(sources)


def tables_for(case: dict[str, Any], *, touched: bool = False, **how: Any) -> Tables:
    """`touched`: something came after the allocation, and the path as randomised is another."""
    tables = tables_of(entries(case["history"]), **how)
    now = statuses(tables, case["status_now"])
    path, corrected = (statuses(tables, "BEFORE"), now) if touched else (now, now.clear())
    if case["status_now"] == "absent":
        path = now
    return {**tables, "marker_path": path, "marker_corrected": corrected}


def known(value: Any) -> Any:
    return "unknown" if value is None else value


@pytest.mark.requirement("RN5")
@pytest.mark.parametrize("touched", [False, True])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_case(case: dict[str, Any], touched: bool) -> None:
    row = stratum(tables_for(case, touched=touched), PLAN).row(0, named=True)
    expected = case["expected"]
    line = next(each["allocated"] for each in case["history"] if "allocated" in each)
    assert row["stratum"] == allocated(line, FIRST)["stratum"], "as randomised it stays"
    assert known(row["stratum_corrected"]) == expected["corrected"]
    assert known(row["differs"]) == expected["differs"]
    assert row["deviation_recorded"] == expected["recorded"]
    assert row["factors"] == [f"{name}={level}" for name, level in line["factors"].items()]
    if "sources" in expected:
        assert row["sources"] == [*expected["sources"], RESULT - 1, RESULT]
    if "factors" in expected:
        assert row["factors_corrected"] == expected["factors"]


def test_all_subjects_at_once_give_the_same_rows() -> None:
    """The rule tells replicates apart, whose events have the same numbers."""
    alone, parts = [], []
    for number, case in enumerate(CASES):
        touched = number % 2 == 0
        tables = tables_for(case, touched=touched, subject=f"S-{99 - number}", replicate=number)
        parts.append(tables)
        alone.append(stratum(tables, PLAN))
    never = entries([{"answered": {"smoking": "OTHER", "sex": "OTHER"}, "day": 90}])
    parts.append(tables_of(never, subject="NEVER-RANDOMISED", replicate=len(CASES)))
    everybody = together(parts)
    for name in ("marker_path", "marker_corrected"):
        everybody[name] = pl.concat(part[name] for part in parts[:-1])
    expected = pl.concat(alone).sort("replicate", "subject")
    columns = [name for name in STRATUM_RULE.columns if name != "sources"]
    assert stratum(everybody, PLAN).select(columns).equals(expected.select(columns))
