"""Which day stands for a date that is partly known, and how the output says so."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.record.partial_date import Imputation, imputation_flag, imputed_day
from tests.harness.history import read_cases

CASES = read_cases(Path(__file__).parent / "imputed_dates.yaml")


@pytest.mark.requirement("DT1")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_imputed_date(case: dict[str, Any]) -> None:
    known = case.get("known")
    full = known if isinstance(known, datetime.date) else None
    frame = pl.DataFrame(
        {"day": [full], "text": [None if known is None else str(known)],
         "low": [case.get("not_before")], "high": [case.get("not_after")]},
        schema={"day": pl.Date, "text": pl.String, "low": pl.Date, "high": pl.Date},
    )  # fmt: skip
    bounds = {
        name: pl.col(column)
        for name, column in (("not_before", "low"), ("not_after", "high"))
        if name in case
    }
    day, text = pl.col("day"), pl.col("text")
    found = frame.select(
        day=imputed_day(day, text, Imputation(method=case["method"]), **bounds),
        flag=imputation_flag(day, text),
    ).row(0, named=True)
    assert found == {"day": case.get("day"), "flag": case.get("flag")}
