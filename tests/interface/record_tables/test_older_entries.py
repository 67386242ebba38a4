"""Entries of an older version of their class are read as what they meant when they were written."""

from __future__ import annotations

from equipoise.record.tables import tables
from equipoise.study.catalogue import CATALOGUE
from tests.harness.any_event import event


def test_a_verification_from_before_it_said_so_was_by_the_rule() -> None:
    old = {"cycle": 1, "drug": "x", "verdict": "released", "amount": "80.00", "remark": None}
    new = {**old, "cycle": 2, "against_rule": True}
    read = tables(
        [event(1, "DoseVerified", old), event(2, "DoseVerified", new, type_version=2)], CATALOGUE
    )["dose_verified"]
    assert read.select("cycle", "against_rule").rows() == [(1, False), (2, True)]
