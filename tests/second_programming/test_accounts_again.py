"""Lots, returns and what is missing, from two programmers: every column but `sources`."""

from __future__ import annotations

import random
from typing import Any

from equipoise.simulation.run import Version, rehearsed
from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from tests.harness.bridge import scenario_of, troubled
from tests.second_programming.accounts_again import differences
from tests.second_programming.lesion_histories import Writer, day_of, tables_of_rows

SUBJECTS = 1500
DRUGS = ("capecitabine", "temozolomide", "oxaliplatin")
UNITS = (1, 500, 15000, 50000, 99999)
"""Hundredths of a milligram."""


def _pharmacy(draw: random.Random, writer: Writer) -> None:
    names = [f"D{number}" for number in range(draw.randrange(6))]
    for name in names:
        writer.event(
            "drug_dispensed", day_of(0), dispensing=name, cycle=draw.randrange(1, 4),
            drug=draw.choice(DRUGS), lot=draw.choice(("A7", "B2", "C")), unit=draw.choice(UNITS),
            units=draw.choice((1, 7, 56, 100_000)),
        )  # fmt: skip
    for _ in range(draw.randrange(4)):
        name = draw.choice([*names, "elsewhere"])
        units = draw.choice((0, 1, 7, 56))
        writer.event("drug_returned", day_of(30), dispensing=name, units=units)
    for _ in range(draw.randrange(8)):
        writer.event(
            "dose_given", day_of(1), cycle=draw.randrange(1, 4), drug=draw.choice(DRUGS), day=1,
            administrations=draw.choice((0, 1, 28)), amount=draw.choice((None, 0, 1, 130000)),
        )  # fmt: skip


def test_random_pharmacies() -> None:
    draw = random.Random(29)
    rows: dict[str, list[dict[str, Any]]] = {}
    seq = 0
    for number in range(SUBJECTS):
        writer = Writer(f"01-{number:04}", rows, seq)
        _pharmacy(draw, writer)
        seq = writer.seq
    tables = tables_of_rows(rows)
    derived = derive(tables, load_study("mgmt-net"), upto="accountability")["accountability"]
    accounts, said = differences(tables, derived)
    assert not said, (len(said), said[:20])
    assert len(accounts) > SUBJECTS
    assert {account["difference"] > 0 for account in accounts} == {True, False}


def test_simulated_trials() -> None:
    study = load_study("mgmt-net")
    drawn = troubled(scenario_of("mgmt-net", "planning"))
    tables = rehearsed([Version(0, study)], drawn, 47, [0]).tables
    derived = derive(tables, study, upto="accountability")["accountability"]
    accounts, said = differences(tables, derived)
    assert not said, (len(said), said[:20])
    assert bool(accounts) == bool(tables["drug_dispensed"].height)
