"""A marker status depends on the subject's own rows alone, in whatever order they come."""

from __future__ import annotations

import random
from collections.abc import Mapping

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from tests.harness.bridge import STUDIES
from tests.second_programming.assay_histories import assays

DERIVED = ("assay_value", "assay_determination", "marker_status")


def _derived(tables: Mapping[str, pl.DataFrame], code: str) -> dict[str, pl.DataFrame]:
    study, found = load_study(code), dict(tables)
    for table in DERIVED:
        found = derive(found, study, upto=table)
    return found


@pytest.mark.parametrize("code", STUDIES)
@settings(max_examples=10)
@given(seed=st.integers(0, 10**6))
def test_neither_order_of_rows_nor_company_matters(code: str, seed: int) -> None:
    tables = assays(random.Random(seed), 4, load_study(code).biomarker)
    mixed = {
        name: frame.sample(fraction=1, shuffle=True, seed=seed) for name, frame in tables.items()
    }
    together = _derived(mixed, code)
    for subject in tables["sample_collected"]["subject"].unique():
        mine = pl.col("subject") == subject
        alone = _derived({name: frame.filter(mine) for name, frame in tables.items()}, code)
        for table in DERIVED:
            assert together[table].filter(mine).equals(alone[table]), table
