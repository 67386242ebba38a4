"""What is recorded after the allocation or the freeze: cases that a pathologist can read."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.biomarker.plan import BiomarkerPlan, DeclaredPath
from equipoise.biomarker.rules import RULES
from equipoise.randomisation.plan import RandomisationPlan
from equipoise.randomisation.strata import stratum
from equipoise.record.tables import Tables
from tests.harness.history import read_cases, tables_of, together

HERE = Path(__file__).parent
STRICT = BiomarkerPlan.model_validate(read_cases(HERE / "marker_plan.yaml")["strict"])
EVERY = [case for group in read_cases(HERE / "as_it_was.yaml").values() for case in group]
POSITIONS = [f"CPG{number}" for number in range(74, 79)]
FIRST = datetime.date(2024, 1, 1)
STEP = {"code": "block", "label": {"en": "Block"}, "material": "first", "assays": ["psq"]}


def plan_of(case: dict[str, Any]) -> BiomarkerPlan:
    if (counted_from := case.get("path")) is None:
        return STRICT
    path = DeclaredPath.model_validate(
        {
            "steps": [{**STEP, "within_days": 42}], "then": "not_randomised",
            "counted_from": counted_from,
            **({"consent": "trial"} if counted_from == "consent" else {}),
        }
    )  # fmt: skip
    marker = STRICT.marker.model_copy(update={"path": path})
    return STRICT.model_copy(update={"marker": marker})


def run(line: dict[str, Any], number: int) -> dict[str, Any]:
    reading = {"value": str(line["psq"]), "quality": "passed"}
    return {
        "event": "AssayResultRecorded", "result": f"R{number}", "sample": line.get("sample", "B1"),
        "assay": "psq", "technically_valid": True,
        "purpose": "redetermination" if line.get("again") else "randomisation",
        "measurements": [{"measurement": code, **reading} for code in POSITIONS],
        "controls": [{"control": "M100", "value": "98"}],
    }  # fmt: skip


def sample(line: dict[str, Any]) -> dict[str, Any]:
    cells = {"tumour_cells": str(line["cells"])} if "cells" in line else {}
    if "collected" in line:
        return {"event": "SampleCollected", "sample": line["collected"], "material": "ffpe"}
    if "received" in line:
        fit = line.get("adequate", True)
        return {"event": "SampleReceived", "sample": line["received"], "adequate": fit, **cells}
    return {
        "event": "SampleDerived", "sample": line["made"], "parent": line["of"], "kind": "section",
        **cells,
    }  # fmt: skip


def corrections(line: dict[str, Any], target: int) -> Iterator[dict[str, Any]]:
    """One event, or one for every position that was read."""
    items = [line["item"]]
    if line["item"] == "every":
        items = [f"measurements/{code}/value" for code in POSITIONS]
    old, new = (_json(line[name], text=line["item"] == "every") for name in ("from", "to"))
    for item in items:
        yield {
            "event": "Corrected", "target": target, "target_version": 1, "item": item, "old": old,
            "new": new,
        }  # fmt: skip


def _json(value: Any, *, text: bool) -> str | None:
    if value == "none":
        return None
    day = isinstance(value, datetime.date)
    return json.dumps(str(value) if text or day else value)


def randomised(case: dict[str, Any], status: str) -> dict[str, Any]:
    return {
        "event": "Randomised", "scheme": "main", "scheme_version": "1", "allocation": 1,
        "stratum": status, "stratum_allocation": 1, "factors": [], "marker_status": status,
        "status_rule": STRICT.marker.rule_in_force, "arm": "A",
    }  # fmt: skip


def entries(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    seqs: list[int] = []
    seq = 0
    for number, line in enumerate(case["history"], start=1):
        on = FIRST + datetime.timedelta(days=number)
        if line == "randomised":
            found = [randomised(case, case["expected"]["as_randomised"])]
        elif line == "frozen":
            found = [{"event": "RedeterminationFrozen", "subject": None, "as_of": seq}]
        elif "correct" in line:
            found = list(corrections(line, seqs[line["correct"] - 1]))
        elif "psq" in line:
            found = [run(line, number)]
        elif "invalidated" in line:
            result = line["invalidated"]
            found = [{"event": "AssayResultInvalidated", "result": result, "finding": "mixed up"}]
        elif "consent" in line:
            found = [{"event": "ConsentSigned", "consent": line["consent"], "version": "1"}]
        else:
            found = [sample(line)]
        if isinstance(line, dict) and "day" in line:
            on = FIRST + datetime.timedelta(days=line["day"])
        seqs.append(seq + 1)
        seq += len(found)
        yield from ({**each, "on": on} for each in found)


def derived(tables: Tables, plan: BiomarkerPlan) -> Tables:
    for rule in RULES:
        if rule.produces != "tumour_grade":
            tables[rule.produces] = rule.rule(tables, plan)
    tables["stratum"] = stratum(tables, RandomisationPlan.model_construct())
    return tables


def told(found: Tables, replicate: int = 0) -> dict[str, Any]:
    """What stands of one subject, in the words of the cases."""
    mine = {name: found[name].filter(replicate=replicate) for name in ("marker_status", "stratum")}
    result: dict[str, Any] = {}
    for name, basis in (("as_randomised", BASES[0]), ("as_redetermined", BASES[1])):
        result[name] = mine["marker_status"].filter(basis=basis)["status"].item() or "none"
    for row in mine["stratum"].iter_rows(named=True):
        result["corrected"] = row["stratum_corrected"] or "none"
        result["wrong_stratum"] = "unknown" if row["differs"] is None else row["differs"]
    return result


BASES = ("randomisation", "redetermination")


@pytest.mark.requirement("BM1", "RN5")
@pytest.mark.parametrize("case", EVERY, ids=lambda case: case["case"])
def test_case(case: dict[str, Any]) -> None:
    assert told(derived(tables_of(entries(case)), plan_of(case))) == case["expected"]


@pytest.mark.requirement("BM1")
def test_many_trials_at_once_are_as_one_by_one() -> None:
    """The same names and positions in every replicate: nobody's events touch another's."""
    cases = [case for case in EVERY if "path" not in case]
    parts = [tables_of(entries(case), replicate=number) for number, case in enumerate(cases)]
    found = derived(together(parts), STRICT)
    assert [told(found, number) for number in range(len(cases))] == [
        case["expected"] for case in cases
    ]


@pytest.mark.requirement("BM1")
@pytest.mark.parametrize("case", EVERY, ids=lambda case: case["case"])
def test_the_status_as_randomised_is_that_of_the_record_at_the_allocation(
    case: dict[str, Any],
) -> None:
    """Row by row, sources included, whatever follows."""
    if "randomised" not in case["history"]:
        return
    events = list(entries(case))
    at = next(place for place, each in enumerate(events) if each["event"] == "Randomised")
    then, now = (derived(tables_of(each), plan_of(case)) for each in (events[: at + 1], events))
    for table in ("assay_determination", "marker_status"):
        rows = [each[table].filter(pl.col("basis") == BASES[0]) for each in (then, now)]
        assert rows[1].equals(rows[0]), table
    assert now["marker_path"].equals(then["marker_path"])


@pytest.mark.requirement("BM1")
def test_whom_it_concerns_and_what_came() -> None:
    case = next(each for each in EVERY if each["case"].startswith("what was corrected between"))
    touched = derived(tables_of(entries(case)), STRICT)["marker_touched"]
    assert touched.drop("replicate", "subject").rows() == [
        ("randomisation", 4, [*range(5, 10), *range(11, 16)]),
        ("redetermination", 9, [*range(11, 16)]),
    ]


def test_nobody_is_concerned_by_another_run_or_by_an_earlier_event() -> None:
    quiet = ["another run is no correction", "before the allocation, it counts"]
    for case in (each for each in EVERY if each["case"] in quiet):
        found = derived(tables_of(entries(case)), STRICT)
        assert found["marker_touched"].is_empty()
        assert found["marker_corrected"].is_empty()


LATE = st.one_of(
    st.builds(lambda v: {"correct": 3, "item": "every", "to": v}, st.integers(0, 100)),
    st.builds(lambda v: {"correct": 2, "item": "adequate", "to": v}, st.booleans()),
    st.builds(lambda v: {"correct": 2, "item": "tumour_cells", "to": str(v)}, st.integers(0, 100)),
    st.builds(lambda v, cells: {"received": "B1", "adequate": v, "cells": cells},
              st.booleans(), st.integers(0, 100)),
    st.builds(lambda v, again: {"psq": v, "again": again}, st.integers(0, 100), st.booleans()),
    st.builds(lambda n: {"invalidated": f"R{n}"}, st.sampled_from([3, 4])),
    st.just({"made": "D1", "of": "B1", "cells": 10}),
)  # fmt: skip
"""What may come later; a correction goes from what stands then."""


def history(
    early: list[int], cells: int, late: list[dict[str, Any]], frozen: int | None
) -> list[Any]:
    """A block with one or two runs, the allocation, what came later, perhaps the freeze."""
    lines: list[Any] = [{"collected": "B1"}, {"received": "B1", "cells": cells}]
    lines += [{"psq": value} for value in early]
    lines.append("randomised")
    stands: dict[Any, Any] = {(3, "every"): early[0], (2, "adequate"): True,
                              (2, "tumour_cells"): str(cells)}  # fmt: skip
    invalidated: set[str] = set()
    for number, line in enumerate(late):
        if number == frozen:
            lines.append("frozen")
        if "correct" in line:
            key = (line["correct"], line["item"])
            if stands[key] == line["to"]:
                continue
            line = {**line, "from": stands[key]}
            stands[key] = line["to"]
        if (result := line.get("invalidated")) is not None:
            if result in invalidated or int(result[1:]) > 2 + len(early):
                continue
            invalidated.add(result)
        if "made" in line and line in lines:
            continue
        lines.append(line)
    return lines


@pytest.mark.requirement("BM1", "RN5")
@settings(max_examples=60, deadline=None)
@given(
    early=st.lists(st.integers(0, 100), min_size=1, max_size=2),
    cells=st.integers(0, 100),
    late=st.lists(LATE, min_size=1, max_size=6),
    frozen=st.none() | st.integers(0, 5),
)
def test_nothing_that_comes_later_moves_a_status(
    early: list[int], cells: int, late: list[dict[str, Any]], frozen: int | None
) -> None:
    """Row by row, sources included: that of the allocation, and that of the freeze."""
    case = {"history": history(early, cells, late, frozen), "expected": {"as_randomised": "LOW"}}
    events = list(entries(case))
    now = derived(tables_of(events), STRICT)
    for basis, name in zip(BASES, ("Randomised", "RedeterminationFrozen"), strict=True):
        at = next((n for n, each in enumerate(events) if each["event"] == name), None)
        if at is None:
            continue
        then = derived(tables_of(events[: at + 1]), STRICT)
        for table in ("assay_determination", "marker_status"):
            rows = [each[table].filter(pl.col("basis") == basis) for each in (then, now)]
            assert rows[1].equals(rows[0]), (basis, table)
