"""What must hold of every trial, however odd."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.analysis.blinded import blinded
from equipoise.analysis.result import results_json
from equipoise.analysis.run import operating_counts, results, run
from tests.harness.hand_made import Subject, trial
from tests.harness.hand_made_study import THREE_BY_THREE, TWO_BY_TWO, study

STUDIES = {"two": study(TWO_BY_TWO), "three": study(THREE_BY_THREE)}


@st.composite
def subjects(draw: st.DrawFn, design: Any, most: int = 25) -> list[Subject]:
    statuses, arms = list(design[0]), list(design[1])
    found = []
    for place in range(draw(st.integers(0, most))):
        randomised = draw(st.integers(0, 5)) > 0
        status = draw(st.sampled_from(statuses))
        found.append(
            Subject(
                f"S{place:02}",
                replicate=draw(st.integers(0, 2)),
                arm=draw(st.sampled_from(arms)) if randomised else None,
                status=status,
                redetermined=draw(st.sampled_from([None, *statuses])),
                first_dose=draw(st.sampled_from([None, 1, 4])) if randomised else None,
                response=draw(st.sampled_from(["CR", "PR", "SD", "PD", "NE", None])),
                best=draw(st.sampled_from(["PR", "SD", "NE", None])),
                progression=draw(st.sampled_from([None, 30, 91, 200])),
                assessed=draw(st.sampled_from([None, 30, 91])),
                death=draw(st.sampled_from([None, 12, 91, 250])),
            )
        )
    return found


def sources_of(tables: dict[str, pl.DataFrame]) -> set[int]:
    return {seq for table in tables.values() if "seq" in table.columns for seq in table["seq"]}


@settings(max_examples=25)
@given(subjects(THREE_BY_THREE))
def test_a_batch_has_the_counts_and_the_p_of_each_of_its_trials(people: list[Subject]) -> None:
    tables, whole = trial(*people), STUDIES["three"]
    batch = operating_counts(tables, whole, [0, 1, 2, 7])
    together = results(tables, whole, [0, 1, 2, 7])
    for place, replicate in enumerate([0, 1, 2, 7]):
        single = run(tables, whole, replicate=replicate)
        assert together[place] == single
        for counts in batch:
            rows = [row for row in single if row.analysis == counts.analysis.id]
            events = [n for row in rows for n in row.numerators]
            sizes = [n for row in rows for n in row.denominators]
            assert counts.numerators[place].tolist() == events
            assert counts.denominators[place].tolist() == sizes
            p = rows[0].p
            assert (p is None) == np.isnan(counts.p[place])
            assert p is None or p == pytest.approx(counts.p[place], rel=1e-9)


@settings(max_examples=25)
@given(subjects(TWO_BY_TWO), st.randoms(use_true_random=False))
def test_the_order_of_rows_never_matters(people: list[Subject], random: Any) -> None:
    tables, whole = trial(*people), STUDIES["two"]
    seed = random.randrange(2**32)
    shuffled = {
        name: table.sample(fraction=1, shuffle=True, seed=seed) for name, table in tables.items()
    }
    assert results_json(run(shuffled, whole)) == results_json(run(tables, whole))


@settings(max_examples=25)
@given(subjects(TWO_BY_TWO))
def test_sources_are_sorted_distinct_events_of_the_trial(people: list[Subject]) -> None:
    tables = trial(*people)
    mine = {name: table.filter(replicate=0) for name, table in tables.items()}
    for row in run(tables, STUDIES["two"]):
        assert list(row.sources) == sorted(set(row.sources))
        assert set(row.sources) <= sources_of(mine)
        assert bool(row.sources) >= (sum(row.denominators) > 0)


@settings(max_examples=25)
@given(subjects(TWO_BY_TWO))
def test_exchanging_the_groups_turns_the_difference_round(people: list[Subject]) -> None:
    from tests.harness.hand_made_study import analysis

    one = analysis()
    other = analysis(groups=tuple(reversed(one["groups"])))
    tables = trial(*people)
    [row] = run(tables, study(TWO_BY_TWO, (one,)))
    [turned] = run(tables, study(TWO_BY_TWO, (other,)))
    assert turned.p == row.p or turned.p == pytest.approx(row.p, rel=1e-9)
    assert turned.sources == row.sources
    if row.estimate is not None:
        assert turned.estimate == pytest.approx(-row.estimate, abs=1e-12)
        assert turned.lower == pytest.approx(-(row.upper or 0), abs=1e-9)


@settings(max_examples=25)
@given(subjects(THREE_BY_THREE))
def test_an_estimate_lies_within_its_limits(people: list[Subject]) -> None:
    for row in run(trial(*people), STUDIES["three"]):
        assert all(0 <= x <= n for x, n in zip(row.numerators, row.denominators, strict=True))
        assert row.p is None or 0 <= row.p <= 1
        if row.estimate is not None and row.lower is not None:
            assert row.lower <= row.estimate + 1e-9
        if row.estimate is not None and row.upper is not None:
            assert row.estimate <= row.upper + 1e-9


@pytest.mark.slow
@settings(max_examples=5)
@given(subjects(THREE_BY_THREE, most=12), st.randoms(use_true_random=False))
def test_what_somebody_blinded_gets_is_the_same_whoever_got_which_arm(
    people: list[Subject], chance: Any
) -> None:
    arms = [each.arm for each in people if each.arm is not None]
    chance.shuffle(arms)
    others = [
        each if each.arm is None else dataclasses.replace(each, arm=arms.pop()) for each in people
    ]
    whole = blinded(STUDIES["three"])
    first, second = (run(trial(*each), whole) for each in (people, others))
    assert first == second and first
