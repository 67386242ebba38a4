"""Allocation against a second programming from its published page: the same arms for every seed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from equipoise.randomisation.approval import dummy_list, list_text
from equipoise.randomisation.plan import RandomisationPlan
from equipoise.randomisation.rules import Allocated, allocated, stream_of
from equipoise.statistics.allocation import CompleteRandomisation, PermutedBlocks, allocate
from equipoise.statistics.minimisation import Minimisation, minimise
from equipoise.statistics.random import AllocationWords, dummy_seed
from equipoise.study.definition import Study
from equipoise.study.factor_levels import factor_levels
from equipoise.study.load import bundled, load_study
from tests.golden.statistics import second_allocation as second
from tests.harness.schemes import minimised, with_scheme

SEEDS = range(200)
RATIOS = [(2, 1), (1, 1), (1, 2, 1), (3, 2), (4, 2), (1, 1, 1, 1), (5, 1)]


@pytest.mark.requirement("RN7")
@pytest.mark.parametrize("ratio", RATIOS)
def test_permuted_blocks_agree_for_two_hundred_seeds(ratio: tuple[int, ...]) -> None:
    sizes = tuple(sum(ratio) * n for n in (1, 2, 5))
    method = PermutedBlocks(ratio, sizes)
    for number in SEEDS:
        seed = dummy_seed(number, 0)
        stratum = second.Stratum(seed, "main/1", "LOW/sex=F", ratio)
        expected = list(itertools.islice(second.blocks(stratum, sizes), 24))
        words = AllocationWords(seed, "main/1")
        assert [allocate(method, "LOW/sex=F", n, words).arm for n in range(24)] == expected


@pytest.mark.requirement("RN7")
@pytest.mark.parametrize("ratio", RATIOS)
def test_complete_randomisation_agrees_for_two_hundred_seeds(ratio: tuple[int, ...]) -> None:
    method = CompleteRandomisation(ratio)
    for number in SEEDS:
        seed = dummy_seed(number, 1)
        stratum = second.Stratum(seed, "main/1", "LOW", ratio)
        expected = list(itertools.islice(second.complete(stratum), 30))
        words = AllocationWords(seed, "main/1")
        assert [allocate(method, "LOW", n, words).arm for n in range(30)] == expected


@pytest.mark.requirement("RN7")
@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("measure", ["range", "variance"])
def test_minimisation_agrees_for_two_hundred_seeds(ratio: tuple[int, ...], measure: Any) -> None:
    draws = np.random.default_rng(1975)
    for number in SEEDS:
        factors = 1 + number % 3
        weights = tuple(int(w) for w in draws.integers(1, 4, factors))
        p = [Fraction(4, 5), Fraction(17, 20), Fraction(1), Fraction(2, 3)][number % 4]
        patients = draws.integers(0, 3, (20, factors))
        seed = dummy_seed(number, 2)
        stratum = second.Stratum(seed, "main/1", "LOW", ratio)
        expected = list(second.minimised(stratum, weights, p, measure, patients.tolist()))
        found = minimise(
            Minimisation(ratio, weights, p, measure), "LOW", patients,
            AllocationWords(seed, "main/1"),
        )  # fmt: skip
        assert [each.arm for each in found] == expected


def simple(study: Study) -> Study:
    scheme = study.randomisation.scheme
    ratios = tuple(each.model_copy(update={"block_sizes": ()}) for each in scheme.ratios)
    return with_scheme(study, scheme.model_copy(update={"method": "simple", "ratios": ratios}))


def variants(name: str) -> list[Study]:
    study = load_study(name)
    return [study, simple(study), minimised(study, name)]


def described(study: Study) -> dict[str, Any]:
    """A study's scheme as the second program reads it."""
    plan, scheme = study.randomisation, study.randomisation.scheme
    arms = [arm.code for arm in plan.arms]
    levels = factor_levels(study)
    rule = scheme.minimisation
    return {
        "code": scheme.code,
        "version": scheme.version,
        "method": scheme.method,
        "arms": arms,
        "factors": {factor: levels[factor] for factor in scheme.factors},
        "ratios": [
            (each.status, [each.ratio[arm] for arm in arms], each.block_sizes)
            for each in scheme.ratios
        ],
        "rule": rule
        and {
            "weights": [rule.weights[factor] for factor in scheme.factors],
            "p": Fraction(rule.probability),
            "measure": rule.measure,
        },
    }


@pytest.mark.requirement("RN7")
@pytest.mark.parametrize("number", [1, 20261])
@pytest.mark.parametrize("variant", range(3))
@pytest.mark.parametrize("name", bundled())
def test_the_dummy_list_is_made_again_by_the_second_program(
    name: str, variant: int, number: int
) -> None:
    """Scheme, strata, order and text of the list that is signed, by every method."""
    study = variants(name)[variant]
    plan = study.randomisation
    ours = list_text(plan, dummy_list(plan, factor_levels(study), number))
    assert ours == second.dummy_list(described(study), number)


@pytest.mark.requirement("RN7")
def test_a_dummy_list_over_many_hospitals_has_two_arrivals_of_each_combination() -> None:
    study = minimised(load_study("mgmt-net"), "mgmt-net")
    scheme = study.randomisation.scheme
    assert scheme.minimisation is not None
    rule = scheme.minimisation.model_copy(update={"weights": {"site": 1, "grade": 3}})
    changed = {"factors": ("site", "grade"), "minimisation": rule}
    study = with_scheme(study, scheme.model_copy(update=changed))
    levels = factor_levels(study)
    rows = dummy_list(study.randomisation, levels, 3)
    combinations = len(levels["site"]) * len(levels["grade"])
    assert combinations > 24
    assert len(rows) == 2 * 2 * combinations
    assert list_text(study.randomisation, rows) == second.dummy_list(described(study), 3)


@pytest.mark.requirement("RN5", "RN7")
@pytest.mark.parametrize("variant", range(3))
@pytest.mark.parametrize("name", bundled())
def test_the_step_rule_agrees_person_by_person(name: str, variant: int) -> None:
    """Mixed strata, one allocation after the other from the record, as a live trial makes them."""
    study = variants(name)[variant]
    plan, scheme = study.randomisation, study.randomisation.scheme
    seed = dummy_seed(5, 0)
    words = AllocationWords(seed, stream_of(scheme))
    draws = np.random.default_rng(7)
    levels = factor_levels(study)
    people = [
        (
            scheme.ratios[int(draws.integers(len(scheme.ratios)))].status,
            {f: levels[f][int(draws.integers(len(levels[f])))] for f in scheme.factors},
        )
        for _ in range(60)
    ]
    record: dict[str, list[tuple[dict[str, str], str]]] = {}
    for status, factors in people:
        key = "/".join([status, *(f"{f}={level}" for f, level in factors.items())])
        mine = record.setdefault(status if scheme.method == "minimisation" else key, [])
        earlier = [Allocated(arm, known) for known, arm in mine]
        arm, _ = allocated(plan, status, factors, earlier, words)
        mine.append((factors, arm))
    for stratum, mine in record.items():
        expected = _second_arms(study, plan, seed, stratum, [list(f.values()) for f, _ in mine])
        assert [arm for _, arm in mine] == expected, stratum


def _second_arms(
    study: Study,
    plan: RandomisationPlan,
    seed: bytes,
    stratum: str,
    people: Sequence[Sequence[str]],
) -> list[str]:
    told = described(study)
    status = stratum.split("/")[0]
    _, weights, sizes = next(each for each in told["ratios"] if each[0] == status)
    mine = second.Stratum(seed, f"{told['code']}/{told['version']}", stratum, weights)
    if told["method"] == "minimisation":
        rule = told["rule"]
        arms = second.minimised(mine, rule["weights"], rule["p"], rule["measure"], people)
    else:
        arms = second.blocks(mine, sizes) if sizes else second.complete(mine)
    return [told["arms"][arm] for arm in itertools.islice(arms, len(people))]
