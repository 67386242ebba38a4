"""What is asked of readers and how fast tumours grow, from two programmers.

Compared row by row: which target is the how many-th of its reader and organ, and the first fault of
the choice; every question about a lesion or a baseline with what was found and the limit; growth
from baseline and from the last complete sum. Not compared: `sources`, `point`, `section`.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping
from typing import Any

import polars as pl
import pytest

from equipoise.simulation.run import Version, rehearsed
from equipoise.study.definition import Study
from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from tests.harness.bridge import STUDIES, scenario_of, troubled
from tests.second_programming.lesion_histories import (
    Writer,
    at_the_limits,
    day_of,
    histories,
    tables_of_rows,
)
from tests.second_programming.readings_again import differences, discordances

SUBJECTS = 1500
ORGANS = ("liver", "Liver", "left kidney", "Kidney", "kidney right", "lung", "bone", "foie droit")
KINDS = ("soft_tissue",) * 6 + (
    "cystic", "cystic", "simple_cyst", "bone_with_soft_tissue", "bone", "ascites", "palpable_only",
)  # fmt: skip
METHODS = (None,) * 6 + ("ct", "mri", "caliper", "chest_x_ray", "ultrasound", "pet_ct")
SIZES = (500, 999, 1000, 1001, 1399, 1400, 1499, 1500, 1999, 2000, 4000)


def _derived(tables: Mapping[str, pl.DataFrame], study: Study) -> dict[str, pl.DataFrame]:
    found = dict(tables)
    for table in ("lesion_choice", "reading_finding", "tumour_growth"):
        found = derive(found, study, upto=table)
    return found


@functools.cache
def _readings() -> dict[str, pl.DataFrame]:
    """People with one or two readers who choose, and measure, at every limit."""
    draw = random.Random(17)
    rows: dict[str, list[dict[str, Any]]] = {}
    seq = 0
    for number in range(SUBJECTS):
        writer = Writer(f"01-{number:04}", rows, seq)
        begun = draw.choice((0, 1, 3))
        for cycle in range(draw.choice((0, 1, 2))):
            writer.event("cycle_started", day_of(begun + 28 * cycle), cycle=cycle + 1)
        for reader in ("central", "local")[: draw.choice((1, 2))]:
            _read(draw, writer, reader)
        seq = writer.seq
    return tables_of_rows(rows)


def _read(draw: random.Random, writer: Writer, reader: str) -> None:
    first = draw.choice((-60, -36, -35, -34, -28, -27, -10, 0))
    lesions: list[tuple[str, str]] = []
    for number in range(draw.randrange(8)):
        role = draw.choice(("target", "target", "target", "non_target"))
        lesions.append((f"L{number}", role))
        treated = draw.random() < 0.2
        writer.event(
            "lesion_identified", day_of(first), lesion=f"L{number}", evaluator=reader, role=role,
            organ=draw.choice(ORGANS), node=draw.random() < 0.3, kind=draw.choice(KINDS),
            treated_before=treated, progressed_since=draw.choice((True, False, None)),
        )  # fmt: skip
    day = first
    for number in range(draw.choice((1, 2, 3, 4))):
        scan = writer.event(
            "tumour_assessed", day_of(day), assessment=f"A{number}", evaluator=reader,
            visit="imaging", baseline=number == 0 or draw.random() < 0.1,
            modality=draw.choice(("ct", "ct", "mri", "chest_x_ray")),
            slice_thickness=draw.choice((None, 100, 500, 501, 700)),
        )  # fmt: skip
        for place, (name, role) in enumerate(lesions):
            state = draw.choice(("measured",) * 8 + ("absent", "too_small", "not_evaluated"))
            size = draw.choice((*SIZES, None)) if state == "measured" else None
            if role == "target":
                if draw.random() < 0.05:
                    continue
                writer.beneath(
                    "target_measured", scan, place, lesion=name, state=state, diameter=size,
                    method=draw.choice(METHODS),
                )  # fmt: skip
            else:
                writer.beneath(
                    "non_target_observed", scan, place, lesion=name, state="present",
                    diameter=draw.choice((None, 999, 1000, 1400)),
                )  # fmt: skip
        day += draw.choice((0, 1, 14, 28, 84))


def test_readings_at_the_limits() -> None:
    study = load_study("mgmt-net")
    derived = _derived(_readings(), study)
    rows, said = differences(_readings(), derived, study.response)
    assert not said, (len(said), said[:20])
    assert rows["tumour_growth"] > 300
    found = derived["reading_finding"]["finding"].value_counts()
    assert found.height == 12
    assert found["count"].min() > 20


@pytest.mark.parametrize("code", STUDIES)
def test_random_histories(code: str) -> None:
    """With lesions in pieces, merged, treated and gone, and baselines that are repeated."""
    study = load_study(code)
    readers = [each.code for each in study.response.evaluators]
    tables = histories(random.Random(f"{code} readings"), 300, readers)
    rows, said = differences(tables, _derived(tables, study), study.response)
    assert not said, (len(said), said[:20])
    assert rows["tumour_growth"] > 300


def test_growth_to_a_hundredth_of_a_percent() -> None:
    """4 000 courses of one lesion, by an exact fraction to a power."""
    study = load_study("mgmt-net")
    tables = at_the_limits(study.response.primary_evaluator)
    rows, said = differences(tables, _derived(tables, study), study.response)
    assert not said, (len(said), said[:20])
    assert rows["tumour_growth"] > 2000


@pytest.mark.parametrize("code", STUDIES)
def test_simulated_trials(code: str) -> None:
    study = load_study(code)
    drawn = troubled(scenario_of(code, "planning"))
    tables = rehearsed([Version(0, study)], drawn, 43, range(2)).tables
    rows, said = differences(tables, _derived(tables, study), study.response)
    assert not said, (len(said), said[:20])
    assert min(rows["lesion_choice"], rows["tumour_growth"]) > 300
    assert rows["reading_finding"], "readers of a simulated trial seldom choose wrongly"


def test_growth_does_not_reach_past_a_baseline() -> None:
    """Two lesions are followed from the second baseline on, one of them not measured there: the sum
    of both later is not to be compared with the sum of the one before."""
    rows: dict[str, list[dict[str, Any]]] = {}
    writer = Writer("01-0001", rows)
    for number, (day, seen) in enumerate(
        ((0, {"T1": 3000}), (84, {"T1": 3000}), (90, {"T1": 3000}), (168, {"T1": 3000, "T2": 3000}))
    ):
        if number in (0, 2):
            writer.event(
                "lesion_identified", day_of(day), lesion=f"T{1 + number // 2}", role="target",
                evaluator="central", organ="liver", node=False, kind="soft_tissue",
                treated_before=False,
            )  # fmt: skip
        scan = writer.event(
            "tumour_assessed", day_of(day), assessment=f"A{number}", evaluator="central",
            visit="imaging", baseline=number in (0, 2), modality="ct",
        )  # fmt: skip
        for place, (name, size) in enumerate(seen.items()):
            writer.beneath(
                "target_measured", scan, place, lesion=name, state="measured", diameter=size
            )
    study = load_study("mgmt-net")
    tables = tables_of_rows(rows)
    derived = _derived(tables, study)
    growth = derived["tumour_growth"].select("assessment", "rate", "interval_rate").rows()
    assert growth == [("A1", 0, 0), ("A3", None, None)]
    assert not differences(tables, derived, study.response)[1]


@pytest.mark.parametrize("code", STUDIES)
def test_where_readers_differ(code: str) -> None:
    """Random histories, in which readers see different tumours on the same days."""
    study = load_study(code)
    readers = [each.code for each in study.response.evaluators]
    tables = histories(random.Random(f"{code} readers"), 300, readers)
    derived = derive(tables, study, upto="reader_discordance")
    for table in ("progression", "best_overall_response", "window_response"):
        derived = derive(derived, study, upto=table)
    found, said = discordances(derived, study.response)
    assert not said, (len(said), said[:20])
    assert len({each["about"] for each in found}) >= 3 + len(study.response.windows)
    assert len(found) > 100
