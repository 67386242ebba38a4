"""Adequacy of samples, controls of runs and replicates: cases that a pathologist can read."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.biomarker.plan import BiomarkerPlan
from equipoise.biomarker.rules import RULES
from equipoise.record.tables import Tables
from tests.harness.history import read_cases, tables_of, together

HERE = Path(__file__).parent
PLAN = BiomarkerPlan.model_validate(read_cases(HERE / "marker_plan.yaml")["strict"])
CASES = [
    pytest.param(case, id=case["case"])
    for group in read_cases(HERE / "samples_and_runs.yaml").values()
    for case in group
]
POSITIONS = [f"CPG{number}" for number in range(74, 79)]
FIRST = datetime.date(2024, 1, 1)


def day(number: int) -> datetime.date:
    return FIRST + datetime.timedelta(days=number)


def sample(line: dict[str, Any], number: int) -> dict[str, Any]:
    said = {"on": day(number)}
    if "cells" in line:
        said["tumour_cells"] = str(line["cells"])
    if "received" in line:
        adequate = line.get("adequate", True)
        return {
            "event": "SampleReceived", "sample": line["received"], "adequate": adequate, **said,
        }  # fmt: skip
    if "shipped" in line:
        return {
            "event": "SampleShipped", "sample": line["shipped"], "shipment": "P1",
            "destination": "central laboratory", **said,
        }  # fmt: skip
    if "labelled" in line:
        return {
            "event": "SampleLabelled", "sample": line["labelled"], "label": "L1", **said,
        }  # fmt: skip
    return {
        "event": "SampleDerived", "sample": line["made"], "parent": line["of"],
        "kind": line["kind"], **said,
    }  # fmt: skip


def run(line: dict[str, Any], number: int, on: datetime.date) -> dict[str, Any]:
    reading = {"value": str(line.get("psq")), "quality": line.get("quality", "passed")}
    return {
        "event": "AssayResultRecorded",
        "on": on,
        "result": f"R{number}",
        "sample": line.get("sample", "B1"),
        "assay": "psq",
        "purpose": "randomisation",
        "technically_valid": "failure" not in line,
        "failure": line.get("failure"),
        "determination": line.get("of"),
        "measurements": [{"measurement": code, **reading} for code in POSITIONS]
        if "psq" in line
        else [],
        "controls": [
            {"control": code, "value": None if value is None else str(value)}
            for code, value in line.get("controls", {"M100": 98}).items()
        ],
    }


def entries(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    samples = case.get("samples", [{"received": "B1", "cells": 60}])
    yield {"event": "SampleCollected", "sample": "B1", "material": "ffpe", "on": FIRST}
    for number, line in enumerate(samples, start=1):
        yield sample(line, number)
    for number, line in enumerate(case.get("runs", ()), start=1):
        yield run(line, number, day(len(samples) + number))


def derived(tables: Tables, plan: BiomarkerPlan) -> Tables:
    for rule in RULES:
        tables[rule.produces] = rule.rule(tables, plan)
    return tables


def plan_for(case: dict[str, Any]) -> BiomarkerPlan:
    marker = PLAN.marker
    assay = marker.assays[0]
    assert assay.replicates is not None
    replicates = assay.replicates.model_copy(update={"needed": case.get("needed", 1)})
    assay = assay.model_copy(update={"replicates": replicates})
    return PLAN.model_copy(update={"marker": marker.model_copy(update={"assays": (assay,)})})


@pytest.mark.requirement("BM1")
@pytest.mark.parametrize("case", CASES)
def test_case(case: dict[str, Any]) -> None:
    tables = derived(tables_of(entries(case)), plan_for(case))
    found = tables["assay_determination"].filter(basis="randomisation")
    told = []
    for row in found.sort("sample", "determination").iter_rows(named=True):
        line: dict[str, Any] = {"spread": True} if row["spread"] else {}
        if not row["interpretable"] and row["runs"] > 1:
            assert (row["total"], row["count"], row["kept"]) == (None, None, 0)
        if row["interpretable"]:
            value = Fraction(row["total"], row["count"] * 10**4)
            line |= {"value": value, "kept": row["kept"]}
        else:
            line |= {"finding": row["finding"]}
        told.append(line)
    expected = [
        {**line, "value": Fraction(str(line["value"]))} if "value" in line else line
        for line in case["found"]
    ]
    assert told == expected
    status = tables["marker_status"].filter(basis="randomisation")["status"].item()
    assert (status or "none") == case["status"]


JOURNEY = [
    {"labelled": "B1"}, {"shipped": "B1"}, {"received": "B1", "cells": 60},
    {"made": "X1", "of": "B1", "kind": "section", "cells": 70},
    {"made": "D1", "of": "X1", "kind": "dna"},
]  # fmt: skip


def test_the_chain_of_a_sample_from_the_biopsy_to_the_result() -> None:
    """Collected on day 0, labelled 1, shipped 2, received 3, cut 4, DNA 5, first result 6."""
    history = {"samples": JOURNEY, "runs": [{"psq": 9, "sample": "D1"}]}
    state = derived(tables_of(entries(history)), PLAN)["sample_state"]
    columns = [
        "sample", "parent", "origin", "kind", "place", "tumour_cells", "days_to_shipment",
        "days_in_transit", "days_to_result",
    ]  # fmt: skip
    assert state.select(columns).rows() == [
        ("B1", None, "B1", "ffpe", "laboratory", 600, 2, 1, 3),
        ("D1", "X1", "B1", "dna", "laboratory", 700, None, None, 1),
        ("X1", "B1", "B1", "section", "laboratory", 700, None, None, 2),
    ]
    assert state["sources"].to_list() == [[1, 2, 3, 4, 7], [5, 6, 7], [5, 7]]
    without = derived(tables_of(entries({"samples": JOURNEY})), PLAN)["sample_state"]
    assert without["sources"].to_list() == [[1, 2, 3, 4], [5, 6], [5]]
    assert without["first_result"].null_count() == len(without) == 3


def test_of_a_sample_that_nobody_received_nothing_is_known() -> None:
    """Neither that it is adequate nor who said so; no days run, though a result came."""
    history = {"samples": [], "runs": [{"psq": 9}]}
    state = derived(tables_of(entries(history)), PLAN)["sample_state"]
    columns = ["place", "adequate", "judgement", "days_in_transit", "days_to_result"]
    assert state.select(columns).rows() == [("site", None, None, None, None)]


@pytest.mark.parametrize(
    ("steps", "places"),
    [
        (0, ["site"]),
        (1, ["site"]),
        (2, ["transit"]),
        (3, ["laboratory"]),
        (4, ["laboratory", "laboratory"]),
    ],
)
def test_where_a_sample_is(steps: int, places: list[str]) -> None:
    state = derived(tables_of(entries({"samples": JOURNEY[:steps]})), PLAN)["sample_state"]
    assert state["place"].to_list() == places


def test_the_sources_of_a_determination_are_those_of_all_its_runs() -> None:
    """The far run is a reason for the value too, and so is the content of tumour cells (2)."""
    runs = [{"psq": 8, "of": "A"}, {"psq": 40, "of": "A"}, {"psq": 9, "of": "A"}]
    tables = derived(tables_of(entries({"runs": runs})), PLAN)
    found = tables["assay_determination"].filter(basis="randomisation")
    assert found["sources"].to_list() == [[2, 3, 4, 5]]
    assert tables["marker_status"].filter(pl.col("status") == "PROFICIENT").height == 2


def test_findings_of_many_runs_are_exact() -> None:
    """Polars divides a column by ten as it multiplies by a tenth: 0.30000000000000004."""
    cells = ("0.3", "0.7", "19.9", "19", "0")
    parts = [
        tables_of(
            entries({"samples": [{"received": "B1", "cells": told}], "runs": [{"psq": 9}]}),
            replicate=number,
        )
        for number, told in enumerate(cells)
    ]
    found = derived(together(parts), PLAN)["assay_value"]["finding"].to_list()
    assert found == [f"the sample B1 has {told} % tumour cells, 20 % are needed" for told in cells]
    reads = ("5.0003", "5.3", "19.9007")
    parts = [
        tables_of(entries({"runs": [{"psq": 9, "controls": {"M0": read}}]}), replicate=number)
        for number, read in enumerate(reads)
    ]
    found = derived(together(parts), PLAN)["assay_value"]["finding"].to_list()
    assert found == [
        f"the control M0 of the run reads {read}, outside its limits" for read in reads
    ]


def test_samples_of_one_batch_do_not_touch() -> None:
    """The same names in two replicates: each block has its own tumour cells."""
    parts = [
        tables_of(entries({"samples": [{"received": "B1", "cells": cells}], "runs": [{"psq": 9}]}),
                  replicate=number)
        for number, cells in enumerate((10, 60))
    ]  # fmt: skip
    found = derived(together(parts), PLAN)["assay_value"]
    assert found["interpretable"].to_list() == [False, True]


@pytest.mark.parametrize("first", ["known", "partly known"])
def test_a_reception_of_a_known_day_is_the_last(first: str) -> None:
    """Of two receptions the later counts; one whose day is not known stands before it, in whatever
    order they were entered."""
    told = {
        "known": {"event": "SampleReceived", "sample": "B1", "adequate": True, "on": "2024-03-09"},
        "partly known": {
            "event": "SampleReceived", "sample": "B1", "adequate": False, "on": "2024-03",
        },
    }  # fmt: skip
    second = next(name for name in told if name != first)
    made = [entry for entry in entries({"samples": []}) if entry["event"] != "SampleReceived"]
    state = derived(tables_of([*made, told[first], told[second]]), PLAN)["sample_state"]
    assert state["adequate"].to_list() == [True]
    assert state["received"].to_list() == [datetime.date(2024, 3, 9)]


def test_of_two_receptions_without_a_day_the_one_entered_last_counts() -> None:
    received = {"event": "SampleReceived", "sample": "B1", "on": "2024-03"}
    made = [entry for entry in entries({"samples": []}) if entry["event"] != "SampleReceived"]
    for last in (True, False):
        both = [{**received, "adequate": not last}, {**received, "adequate": last}]
        state = derived(tables_of([*made, *both]), PLAN)["sample_state"]
        assert state["adequate"].to_list() == [last]
        assert state["received"].to_list() == [None]
