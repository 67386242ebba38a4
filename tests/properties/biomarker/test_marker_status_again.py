"""Marker status programmed a second time, person by person and in fractions."""

from __future__ import annotations

import dataclasses
import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.biomarker.plan import BiomarkerPlan
from equipoise.biomarker.rules import RULES
from tests.harness.history import read_cases, tables_of, together

CASES = Path(__file__).parents[2] / "cases" / "biomarker"
PLANS = read_cases(CASES / "marker_plan.yaml")
PLAN = BiomarkerPlan.model_validate(PLANS["mgmt"])
ROUNDED = BiomarkerPlan.model_validate(PLANS["mgmt_rounded"])
DAY = datetime.date(2024, 1, 1)
CLASSES = ("negative", "weak", "moderate", "strong")


@dataclasses.dataclass
class Run:
    """One result: per cent by position or class (None: no value), and what was said of it."""

    assay: str
    again: bool
    day: int
    values: list[tuple[int | None, bool]]
    failed: bool
    control: str
    invalidated: str


def ten_thousandths(values: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[int | None, bool]]:
    return st.tuples(st.one_of(st.none(), values), st.booleans())


near_limits = st.sampled_from(
    [0, 79_999, 80_000, 80_001, 85_000, 89_999, 90_000, 90_001, 1_000_000]
)
position = ten_thousandths(near_limits | st.integers(0, 1_000_000))


@st.composite
def runs(draw: st.DrawFn) -> Run:
    assay = draw(st.sampled_from(["psq", "ihc"]))
    if assay == "psq":
        values = draw(st.lists(position, min_size=0, max_size=5))
    else:
        weak, moderate, strong = (draw(st.integers(0, 330_000)) for _ in range(3))
        if draw(st.booleans()):  # H-scores near 50
            weak, strong = 500_000 - 2 * moderate % 500_000 + draw(st.integers(-1, 1)), 0
            moderate = moderate % 500_000 // 2
        shares = [1_000_000 - weak - moderate - strong + draw(st.sampled_from([0, 0, 0, 1])),
                  weak, moderate, strong]  # fmt: skip
        values = [(share, False) for share in shares]
    return Run(
        assay=assay,
        again=draw(st.booleans()),
        day=draw(st.integers(0, 3)),
        values=values,
        failed=draw(st.integers(0, 9)) == 0,
        control=draw(st.sampled_from(["positive", "positive", "negative", "not_applicable"])),
        invalidated=draw(st.sampled_from(["never", "never", "before", "after"])),
    )


def value_of(run: Run) -> Fraction | None:
    """Per cent methylated or H-score of a run; None when it cannot be interpreted."""
    if run.failed:
        return None
    counted = [value for value, bad in run.values if value is not None and not bad]
    if run.assay == "psq":
        return Fraction(sum(counted), 10_000 * len(counted)) if len(counted) >= 4 else None
    if len(counted) < 4 or sum(counted) != 100 * 10_000 or run.control != "positive":
        return None
    _, weak, moderate, strong = (Fraction(share, 10_000) for share in counted)
    return weak + 2 * moderate + 3 * strong


def status_of(assay: str, value: Fraction, version: str) -> str:
    if assay == "ihc":
        return "DEFICIENT" if value < 50 else "PROFICIENT"
    deficient = value >= 9 if version == "jco-2024" else value > 8
    return "DEFICIENT" if deficient else "PROFICIENT"


def expected(before: list[Run], after: list[Run], version: str, basis: str) -> str | None:
    """The status of one person: `before` and `after` the allocation."""
    if basis == "randomisation":
        known = [run for run in before if not run.again and run.invalidated != "before"]
    else:
        known = [run for run in before + after if run.invalidated == "never"]
    for assay in ("psq", "ihc"):
        readable = [run for run in known if run.assay == assay and value_of(run) is not None]
        renewed = [run for run in readable if run.again]
        chosen = renewed if renewed and basis == "redetermination" else readable
        if chosen:
            latest = max(chosen, key=lambda run: (run.day, (before + after).index(run)))
            value = value_of(latest)
            assert value is not None
            return status_of(assay, value, version)
    return None


def events(before: list[Run], after: list[Run]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"event": "SampleCollected", "sample": "S", "material": "ffpe", "on": DAY}
    ]
    found += [recorded(run, f"R{number}") for number, run in enumerate(before)]
    found += [out(n) for n, run in enumerate(before) if run.invalidated == "before"]
    found.append(
        {
            "event": "Randomised", "on": DAY, "scheme": "m", "scheme_version": "1", "allocation": 1,
            "stratum": "x", "stratum_allocation": 1, "factors": [], "marker_status": "X",
            "status_rule": "x", "arm": "A",
        }
    )  # fmt: skip
    found += [recorded(run, f"R{len(before) + number}") for number, run in enumerate(after)]
    found += [out(n) for n, run in enumerate(before + after) if run.invalidated == "after"]
    found += [out(len(before) + n) for n, run in enumerate(after) if run.invalidated == "before"]
    return found


def out(number: int) -> dict[str, Any]:
    return {"event": "AssayResultInvalidated", "on": DAY, "result": f"R{number}", "finding": "x"}


def recorded(run: Run, name: str) -> dict[str, Any]:
    codes = CLASSES if run.assay == "ihc" else [f"CPG{74 + number}" for number in range(5)]
    return {
        "event": "AssayResultRecorded",
        "on": DAY + datetime.timedelta(days=run.day),
        "result": name,
        "sample": "S",
        "assay": run.assay,
        "purpose": "redetermination" if run.again else "randomisation",
        "technically_valid": not run.failed,
        "internal_control": run.control,
        "measurements": [
            {
                "measurement": code,
                "value": None if value is None else f"{value // 10_000}.{value % 10_000:04}",
                "quality": "failed" if bad else "passed",
            }
            for code, (value, bad) in zip(codes, run.values, strict=False)
        ],
    }


def statuses(tables: dict[str, pl.DataFrame], plan: BiomarkerPlan) -> pl.DataFrame:
    for rule in RULES:
        tables[rule.produces] = rule.rule(tables, plan)
    return tables["marker_status"]


people = st.tuples(st.lists(runs(), max_size=4), st.lists(runs(), max_size=3))


@settings(max_examples=40)
@given(st.lists(people, min_size=1, max_size=4))
def test_status_is_what_a_second_programming_says(found: list[tuple[list[Run], list[Run]]]) -> None:
    tables = together(
        [tables_of(events(*person), replicate=number) for number, person in enumerate(found)]
    )
    derived = statuses(tables, PLAN)
    assert len(derived) == 4 * len(found)
    for row in derived.iter_rows(named=True):
        before, after = found[row["replicate"]]
        assert row["status"] == expected(before, after, row["rule"], row["basis"])
        if row["status"] is not None:
            readable = [each for run in before + after if (each := value_of(run)) is not None]
            assert Fraction(row["total"], row["count"] * 10_000) in readable


@settings(max_examples=40)
@given(
    st.lists(st.lists(st.integers(0, 1_000_000), min_size=1, max_size=5), min_size=1, max_size=5)
)
def test_rounding_half_up_to_whole_per_cent(tumours: list[list[int]]) -> None:
    def run(values: list[int]) -> Run:
        shares: list[tuple[int | None, bool]] = [(value, False) for value in values]
        return Run("psq", False, 0, shares, False, "not_applicable", "never")

    parts = [
        tables_of(events([run(values)], []), replicate=number)
        for number, values in enumerate(tumours)
    ]
    tables = together(parts)
    derived = statuses(tables, ROUNDED).filter(pl.col("basis") == "randomisation")
    for row in derived.iter_rows(named=True):
        values = tumours[row["replicate"]]
        mean = Fraction(sum(values), 10_000 * len(values))
        whole = int(mean + Fraction(1, 2))  # half up, as nothing is negative
        limit = whole >= 9 if row["rule"] == "jco-2024" else whole > 8
        assert row["status"] == ("DEFICIENT" if limit else "PROFICIENT")
        assert Fraction(row["total"], row["count"] * 10_000) == mean


@settings(max_examples=20)
@given(st.lists(people, min_size=2, max_size=3), st.randoms())
def test_neither_order_of_rows_nor_company_matters(
    found: list[tuple[list[Run], list[Run]]], random: Any
) -> None:
    parts = [tables_of(events(*person), replicate=n) for n, person in enumerate(found)]
    shuffled = {
        name: frame.sample(fraction=1, shuffle=True, seed=random.randrange(10**6))
        for name, frame in together(parts).items()
    }
    derived = statuses(shuffled, PLAN)
    for number, part in enumerate(parts):
        alone = statuses(part, PLAN)
        assert derived.filter(pl.col("replicate") == number).equals(alone)
