"""The step rule of allocation: plan and record in, arm out, the same for one trial and for many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from equipoise.errors import RecordError
from equipoise.randomisation.plan import Scheme
from equipoise.randomisation.rules import (
    Allocated,
    allocated,
    allocated_batch,
    method_of,
    minimisation_of,
    sealed_words,
    stratum_of,
    stream_of,
    weights_of,
)
from equipoise.statistics.allocation import Allocation, CompleteRandomisation, PermutedBlocks
from equipoise.statistics.minimisation import Minimised
from equipoise.statistics.random import AllocationWords, dummy_seed
from equipoise.study.definition import Study
from equipoise.study.load import load_study
from tests.harness.schemes import minimised, with_scheme

LUNG = load_study("lung-tmb")
MGMT = load_study("mgmt-net")


def simple(study: Study) -> Study:
    scheme = study.randomisation.scheme
    ratios = tuple(each.model_copy(update={"block_sizes": ()}) for each in scheme.ratios)
    return with_scheme(study, scheme.model_copy(update={"method": "simple", "ratios": ratios}))


def test_each_status_has_its_own_ratio_in_the_order_of_the_arms() -> None:
    scheme = MGMT.randomisation.scheme
    assert weights_of(scheme, "DEFICIENT", ["ALKY", "OX"]) == (2, 1)
    assert weights_of(scheme, "DEFICIENT", ["OX", "ALKY"]) == (1, 2)
    assert weights_of(scheme, "PROFICIENT", ["ALKY", "OX"]) == (1, 1)
    assert weights_of(scheme, "DEFICIENT", ["ALKY", "NONE", "OX"]) == (2, 0, 1)


def test_each_status_has_its_own_blocks() -> None:
    scheme = MGMT.randomisation.scheme
    assert method_of(scheme, "DEFICIENT", ["ALKY", "OX"]) == PermutedBlocks((2, 1), (3, 6))
    assert method_of(scheme, "PROFICIENT", ["ALKY", "OX"]) == PermutedBlocks((1, 1), (2, 4))
    single = simple(MGMT).randomisation.scheme
    assert method_of(single, "DEFICIENT", ["ALKY", "OX"]) == CompleteRandomisation((2, 1))


def test_minimisation_has_the_weights_of_its_factors_in_order() -> None:
    method = minimisation_of(
        minimised(LUNG, "lung-tmb").randomisation.scheme, "LOW", ["CHEMO", "COMBI", "ANTIBODY"]
    )
    assert (method.ratio, method.weights, method.measure) == ((1, 2, 1), (1, 1, 2), "variance")
    assert str(method.probability) == "4/5"


@pytest.mark.parametrize(
    ("method", "factors", "name"),
    [
        ("permuted_blocks", (), "LOW"),
        ("permuted_blocks", ("sex", "smoking"), "LOW/sex=F/smoking=EVER"),
        ("simple", ("smoking", "sex"), "LOW/smoking=EVER/sex=F"),
        ("minimisation", ("sex", "smoking"), "LOW"),
    ],
)
def test_a_stratum_is_named_by_status_and_factors(
    method: str, factors: tuple[str, ...], name: str
) -> None:
    scheme = Scheme(code="a", version="9", method=method, ratios=(), factors=factors)  # type: ignore[arg-type]
    assert stratum_of(scheme, "LOW", {"sex": "F", "smoking": "EVER"}) == name
    assert stream_of(scheme) == "a/9"


def arrivals(study: Study, number: int, seed: int = 3) -> list[tuple[str, dict[str, str]]]:
    """People with every status and several levels of each factor of the scheme."""
    draws = np.random.default_rng(seed)
    known = {
        "smoking": ["EVER", "NEVER"], "sex": ["F", "M"], "site": ["X01", "X02", "X03"],
        "primary_site": ["PANCREAS", "THORAX"], "grade": ["G1", "G2", "G3"],
    }  # fmt: skip
    scheme = study.randomisation.scheme
    return [
        (
            scheme.ratios[int(draws.integers(len(scheme.ratios)))].status,
            {f: known[f][int(draws.integers(len(known[f])))] for f in scheme.factors},
        )
        for _ in range(number)
    ]


def one_by_one(
    study: Study, people: Sequence[tuple[str, dict[str, str]]], seed: bytes
) -> list[str]:
    """Arms as a live trial gives them: each from the record so far."""
    plan = study.randomisation
    words = AllocationWords(seed, stream_of(plan.scheme))
    record: dict[str, list[Allocated]] = {}
    arms = []
    for status, factors in people:
        earlier = record.setdefault(stratum_of(plan.scheme, status, factors), [])
        arm, evidence = allocated(plan, status, factors, earlier, words)
        assert evidence.number == len(earlier)
        assert plan.arms[evidence.arm].code == arm
        minimising = plan.scheme.method == "minimisation"
        assert isinstance(evidence, Minimised if minimising else Allocation)
        earlier.append(Allocated(arm, factors))
        arms.append(arm)
    return arms


VARIANTS = [
    MGMT, LUNG, simple(MGMT), simple(LUNG), minimised(MGMT, "mgmt-net"),
    minimised(LUNG, "lung-tmb"),
]  # fmt: skip


@pytest.mark.requirement("RN7")
@pytest.mark.parametrize("study", VARIANTS, ids=lambda study: study.randomisation.scheme.method)
def test_many_trials_at_once_give_the_arms_of_one_by_one(study: Study) -> None:
    """Two replicates that differ in seed and in who comes; some who come are not randomised."""
    plan, scheme = study.randomisation, study.randomisation.scheme
    seeds = [dummy_seed(4, 0), dummy_seed(4, 1)]
    trials = [arrivals(study, 70), arrivals(study, 70, seed=4)]
    strata = sorted({(s, stratum_of(scheme, s, f)) for trial in trials for s, f in trial})
    codes = {f: sorted({p[1][f] for trial in trials for p in trial}) for f in scheme.factors}
    absent = np.zeros((2, 90), dtype=bool)
    absent[:, [0, 7, 8, 30, 89]] = True
    absent[:, 60:75] = True
    arrived = np.full((2, 90), -1, dtype=np.int64)
    levels = np.zeros((2, 90, len(scheme.factors)), dtype=np.int64)
    for row, trial in enumerate(trials):
        for place, (status, factors) in zip(np.flatnonzero(~absent[row]), trial, strict=True):
            arrived[row, place] = strata.index((status, stratum_of(scheme, status, factors)))
            levels[row, place] = [codes[f].index(factors[f]) for f in scheme.factors]
    found = allocated_batch(plan, strata, arrived, levels, sealed_words(scheme, seeds))
    assert ((found == -1) == absent).all()
    arms = [arm.code for arm in plan.arms]
    for row, trial in enumerate(trials):
        expected = one_by_one(study, trial, seeds[row])
        assert [arms[arm] for arm in found[row] if arm >= 0] == expected


@pytest.mark.requirement("RN5", "RN7")
@pytest.mark.parametrize("wrong", [0, 3, 8])
def test_minimisation_refuses_a_record_that_is_not_the_seeds(wrong: int) -> None:
    study = minimised(LUNG, "lung-tmb")
    plan = study.randomisation
    words = AllocationWords(dummy_seed(6, 0), stream_of(plan.scheme))
    people = [{**factors} for _, factors in arrivals(study, 10)]
    record: list[Allocated] = []
    for factors in people[:9]:
        arm, _ = allocated(plan, "LOW", factors, record, words)
        record.append(Allocated(arm, factors))
    other = next(arm.code for arm in plan.arms if arm.code != record[wrong].arm)
    record[wrong] = Allocated(other, record[wrong].factors)
    with pytest.raises(
        RecordError, match=f"allocation {wrong + 1} of stratum LOW is not what seed"
    ):
        allocated(plan, "LOW", people[9], record, words)


def test_blocks_depend_on_how_many_came_before_and_on_nothing_else() -> None:
    """A record that says other arms than the seed changes no block: its number alone counts."""
    plan = MGMT.randomisation
    words = AllocationWords(dummy_seed(6, 0), stream_of(plan.scheme))
    first = [Allocated("ALKY", {})] * 5
    second = [Allocated("OX", {})] * 5
    assert allocated(plan, "DEFICIENT", {}, first, words) == allocated(
        plan, "DEFICIENT", {}, second, words
    )
