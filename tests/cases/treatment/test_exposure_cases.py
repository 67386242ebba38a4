"""Delays, dose intensity and accountability: what a pharmacist can check with a calculator."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.study.definition import Study
from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from tests.harness.history import read_cases, tables_of, together

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study("mgmt-net")


def named(path: str) -> Any:
    return pytest.mark.parametrize("case", read_cases(HERE / path), ids=lambda case: case["case"])


def treated(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for cycle, day in enumerate(case["cycles"], start=1):
        yield {
            "event": "CycleStarted", "on": day, "cycle": cycle,
            "regimen": case.get("regimens", {}).get(cycle, case["regimen"]),
            "height": "170", "weight": "70",
        }  # fmt: skip
        for drug, given in case["given"].get(cycle, {}).items():
            head = {"event": "DoseGiven", "on": day, "cycle": cycle, "day": 1, "drug": drug}
            if isinstance(given, str):
                yield {**head, "amount_missing": given}
            else:
                yield {**head, "amount": given[0], "administrations": given[1]}

    for cycle, drugs in case.get("stray", {}).items():
        for drug, (amount, times) in drugs.items():
            yield {
                "event": "DoseGiven", "on": case["cycles"][-1], "cycle": cycle, "day": 1,
                "drug": drug, "amount": amount, "administrations": times,
            }  # fmt: skip


def per_cent(value: int | None) -> Decimal | str:
    return "none" if value is None else Decimal(value) / 100


def told(value: int | None) -> int | str:
    return "none" if value is None else value


def expected_shares(shares: list[str]) -> list[Decimal | str]:
    return [each if each == "none" else Decimal(each) for each in shares]


@named("dose_intensity.yaml")
def test_dose_intensity(case: dict[str, Any], study: Study) -> None:
    study = load_study(case["study"]) if "study" in case else study
    derived = derive(tables_of(treated(case)), study, upto="relative_dose_intensity")
    cycles = {row["cycle"]: row for row in derived["treatment_cycle"].iter_rows(named=True)}
    assert sorted(cycles) == sorted(case["expect"])
    for cycle, row in cycles.items():
        expected = case["expect"][cycle]
        assert [told(row[name]) for name in ("delay", "days")] == [
            expected["delay"],
            expected["days"],
        ]
        if row["planned_days"] is None:
            assert row["next_due"] is None
        else:
            assert (row["next_due"] - row["started"]).days == row["planned_days"]
        assert row["started"] == case["cycles"][cycle - 1]
    found = 0
    for row in derived["dose_intensity"].iter_rows(named=True):
        shares = [per_cent(row[name]) for name in ("relative_dose", "relative_intensity")]
        assert shares == expected_shares(case["expect"][row["cycle"]][row["drug"]])
        found += 1
    assert found == sum(len(set(each) - {"delay", "days"}) for each in case["expect"].values())
    whole = {
        row["drug"]: [per_cent(row[name]) for name in ("relative_dose", "relative_intensity")]
        for row in derived["relative_dose_intensity"].iter_rows(named=True)
    }
    assert whole == {drug: expected_shares(each) for drug, each in case["whole"].items()}


def test_sources_of_dose_intensity_are_the_cycle_and_its_doses(study: Study) -> None:
    case = read_cases(HERE / "dose_intensity.yaml")[0]
    derived = derive(tables_of(treated(case)), study, upto="relative_dose_intensity")
    found = derived["dose_intensity"].select("cycle", "drug", "sources").rows()
    assert found == [
        (1, "capecitabine", [1, 2]), (1, "temozolomide", [1, 3]),
        (2, "capecitabine", [4, 5]), (2, "temozolomide", [4, 6]),
    ]  # fmt: skip
    whole = derived["relative_dose_intensity"]["sources"].to_list()
    assert whole == [[1, 2, 4, 5], [1, 3, 4, 6]]


def handled(case: dict[str, Any]) -> list[dict[str, Any]]:
    """What the pharmacy and the diary say, as entries."""
    entries: list[dict[str, Any]] = []
    for name, each in case["dispensed"].items():
        body = {"event": "DrugDispensed", "on": "2024-01-01", "dispensing": name, **each}
        entries.append({**body, "expiry": "2025-12-31"})
    for each in case.get("returned", ()):
        entries.append({"event": "DrugReturned", "on": "2024-01-29", "fate": "destroyed", **each})
    for each in case["given"]:
        body = {key: value for key, value in each.items() if key != "why_none"}
        missing = {"amount_missing": each["why_none"]} if "why_none" in each else {}
        entries.append({"event": "DoseGiven", "on": "2024-01-01", "day": 1, **body, **missing})
    return entries


@pytest.mark.requirement("PH1")
@named("accountability.yaml")
def test_accountability(case: dict[str, Any], study: Study) -> None:
    derived = derive(tables_of(handled(case)), study, upto="accountability")["accountability"]
    found = {
        f"{row['cycle']} {row['drug']}": {"lots": row["lots"]}
        | {
            name: Decimal(row[name]) / 100
            for name in ("dispensed", "returned", "administered", "difference")
        }
        for row in derived.iter_rows(named=True)
    }
    assert found == {
        key: {name: value if name == "lots" else Decimal(value) for name, value in expected.items()}
        for key, expected in case["expect"].items()
    }
    assert list(found) == sorted(found)


@pytest.mark.parametrize(
    ("path", "entries", "table"),
    [
        ("dose_intensity.yaml", treated, "treatment_cycle"),
        ("dose_intensity.yaml", treated, "dose_intensity"),
        ("dose_intensity.yaml", treated, "relative_dose_intensity"),
        ("accountability.yaml", handled, "accountability"),
    ],
)
def test_many_trials_at_once_are_as_each_alone(
    path: str, entries: Any, table: str, study: Study
) -> None:
    cases = [case for case in read_cases(HERE / path) if "study" not in case]
    parts = [
        tables_of(entries(case), subject=f"01-{number % 2:03}", replicate=number)
        for number, case in enumerate(cases)
    ]
    alone = [derive(part, study, upto=table)[table] for part in parts]
    assert derive(together(parts), study, upto=table)[table].equals(pl.concat(alone))


def test_every_entry_about_a_drug_is_a_source_of_its_account(study: Study) -> None:
    entries = [
        {
            "event": "DrugDispensed", "on": "2024-01-01", "dispensing": "D1", "cycle": 1,
            "drug": "capecitabine", "lot": "A7", "expiry": "2025-12-31", "unit": "500", "units": 2,
        },
        {
            "event": "DrugReturned", "on": "2024-01-09", "dispensing": "D1", "units": 1,
            "fate": "quarantined",
        },
        {
            "event": "DoseGiven", "on": "2024-01-01", "cycle": 1, "day": 1, "drug": "capecitabine",
            "amount": "500",
        },
        {
            "event": "DrugReturned", "on": "2024-01-09", "dispensing": "D9", "units": 1,
            "fate": "quarantined",
        },
    ]  # fmt: skip
    derived = derive(tables_of(entries), study, upto="accountability")["accountability"]
    assert derived["sources"].to_list() == [[1, 2, 3]]
