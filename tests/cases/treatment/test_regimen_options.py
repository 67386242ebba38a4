"""Which regimens are open: what a pharmacist can read before the investigator chooses one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.study.definition import Study
from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from tests.harness.history import read_cases, tables_of

HERE = Path(__file__).parent
PATIENT = {"age": 65, "sex": "MALE", "weight": 70, "creatinine": 80, "uracilaemia": 10}
RANDOMISED = {
    "event": "Randomised", "on": "2024-01-08", "scheme": "by_mgmt", "scheme_version": "1",
    "allocation": 1, "stratum": "DEFICIENT", "stratum_allocation": 1, "factors": [],
    "marker_status": "DEFICIENT", "status_rule": "jco-2024", "arm": "ALKY",
}  # fmt: skip


@pytest.fixture(scope="module")
def study() -> Study:
    return load_study("mgmt-net")


def answered(item: str, value: Any, on: str = "2024-01-10") -> dict[str, Any]:
    given = {"value_missing": "not_done"} if value == "none" else {"value": str(value)}
    return {
        "event": "FormSaved", "on": on, "form": "by_hand", "instance": f"{item}-{on}",
        "items": [{"item": item, **given}],
    }  # fmt: skip


def known(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The randomisation (seq 1), what nobody asked for (2), then an entry for each answer."""
    yield RANDOMISED
    yield answered("height", 170)
    for item, usual in PATIENT.items():
        if (value := case.get(item, usual)) != "unasked":
            yield answered(item, value)


def options(entries: Any, study: Study) -> pl.DataFrame:
    return derive(tables_of(entries), study, upto="regimen_option")["regimen_option"]


@pytest.mark.requirement("PH1")
@pytest.mark.parametrize(
    "case", read_cases(HERE / "regimen_options.yaml"), ids=lambda case: case["case"]
)
def test_regimen_options(case: dict[str, Any], study: Study) -> None:
    entries = list(known(case))
    found = options(entries, study)
    assert found["regimen"].to_list() == [each.code for each in study.treatment.regimens]
    for row in found.iter_rows(named=True):
        regimen = row["regimen"]
        closed = case["closed"].get(regimen)
        assert row["open"] is (closed is None), row
        told = [row["drug"], row["decision"], row["rule"] or "none"]
        assert told == (closed or [None, None, "none"])
        assert row["missing"] == case.get("missing", {}).get(regimen)
        assert row["doubtful"] is (regimen in case.get("doubtful", ()))
        assert row["sources"] == list(range(3, len(entries) + 1)), "every answer that was read"


def test_the_latest_answer_counts_whenever_it_was_given(study: Study) -> None:
    """Uracilaemia of 150 read again as 15: what is known now, not on the day of randomisation."""
    entries = [*known({"uracilaemia": "150"}), answered("uracilaemia", 15, on="2024-02-20")]
    for last, open_ in (([], 1), ([entries[-1]], 6)):
        found = options([*entries[:-1], *last], study)
        assert found["open"].sum() == open_
        assert found["sources"][0].to_list() == [3, 4, 5, 6, 7 + len(last)]


def test_an_answer_without_a_complete_day_is_older_than_all_others(study: Study) -> None:
    """An older form saved later, of which only the month is known, does not undo a finding."""
    entries = [*known({"uracilaemia": "150"}), answered("uracilaemia", 15, on="2023-12")]
    assert options(entries, study)["open"].to_list().count(True) == 1
    only = [entry for entry in entries if entry["on"] != "2024-01-10" or entry is entries[-1]]
    closed = options(only, study).filter(~pl.col("open"))
    assert set(closed["missing"]) == {"creatinine_clearance (creatinine, weight, age, sex)"}


def test_where_nothing_standing_is_in_force_every_regimen_is_open() -> None:
    lung = load_study("lung-tmb")
    rules = lung.treatment.modifications.model_copy(
        update={"in_force": ("EXEMPLATIN_TOXICITY", "FICTABINE")}
    )
    treatment = lung.treatment.model_copy(update={"modifications": rules})
    study = lung.model_copy(update={"treatment": treatment})
    randomised = {**RANDOMISED, "marker_status": "HIGH", "stratum": "HIGH", "arm": "COMBI"}
    ecog = answered("ecog_status", 4)
    found = options([randomised, ecog], study)
    assert found.select("regimen", "open", "sources").rows() == [
        ("DOUBLET", True, []), ("TRIPLET", True, []), ("MONO", True, []),
    ]  # fmt: skip
