"""The list of allocations is what the events say; without any there is none, nor a stratum."""

from __future__ import annotations

import datetime

import polars as pl

from equipoise.randomisation.rules import allocation
from equipoise.randomisation.strata import STRATUM, stratum
from equipoise.record.tables import empty_tables
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from tests.harness.history import tables_of


def test_an_allocation_as_it_was_recorded() -> None:
    plan = load_study("mgmt-net").randomisation
    event = {
        "event": "Randomised", "on": "2024-03-01", "scheme": "main", "scheme_version": "1",
        "allocation": 7, "stratum": "PROFICIENT", "stratum_allocation": 3, "factors": [],
        "marker_status": "PROFICIENT", "status_rule": "jco-2024", "arm": "OX",
    }  # fmt: skip
    found = allocation(tables_of([event]), plan)
    told = found.select(
        "randomised", "scheme", "scheme_version", "allocation", "stratum", "stratum_allocation",
        "marker_status", "status_rule", "arm", "sources",
    )  # fmt: skip
    assert told.rows() == [
        (
            datetime.date(2024, 3, 1), "main", "1", 7, "PROFICIENT", 3, "PROFICIENT", "jco-2024",
            "OX", [1],
        )
    ]  # fmt: skip


def test_nobody_is_allocated() -> None:
    study = load_study("mgmt-net")
    tables = derive(dict(empty_tables(CATALOGUE)), study, upto="stratum")
    nothing = stratum(tables, study.randomisation)
    assert nothing.schema == pl.Schema(STRATUM)
    assert nothing.is_empty()
    assert allocation(tables, study.randomisation).is_empty()
