"""How often a site foresees an allocation, by method and by what the site knows (RN2).

Who comes (status, hospital, levels of the factors) is taken from some whole rehearsals of the
scenario; the arms of many thousand trials are then drawn by the trial's own step rule from
nature's stream, and somebody at every hospital guesses each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import polars as pl

from equipoise.errors import BadInput
from equipoise.randomisation.plan import SITE, Minimised, RandomisationPlan, Scheme
from equipoise.randomisation.rules import allocated_batch, numbered, stratum_of
from equipoise.simulation.nature import Ints, Nature
from equipoise.simulation.run import Version, rehearsed
from equipoise.simulation.scenario import Scenario
from equipoise.statistics.imbalance import Imbalance, imbalance
from equipoise.statistics.predictability import Allocations, GuessRate, guess_rate
from equipoise.statistics.random import UInt64Array, nature_words
from equipoise.study.definition import Study

REHEARSALS = 20
"""Whole rehearsals from which the people of all further trials are taken."""

BATCH = 500
"""Trials whose allocations are drawn at once."""

COIN = Decimal("0.8")
"""The coin of minimisation where it is only compared: Pocock and Simon's example, an assumption."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A method of allocation beside others: what it is in words, and as a scheme."""

    label: str
    scheme: Scheme
    in_study_file: bool


@dataclass(frozen=True, slots=True)
class Predictability:
    """The guess rate under a method for somebody who sees these allocations.

    `every_site` and `status_known` say what they see: allocations of their own hospital or of all,
    with or without the marker's status of each subject, the next one included. `in_status` and
    `in_status_at_site` say what the method buys: how far a trial ends from the ratio within a
    status, and within a status at a hospital.
    """

    method: str
    in_study_file: bool
    every_site: bool
    status_known: bool
    rate: GuessRate
    in_status: Imbalance
    in_status_at_site: Imbalance


@dataclass(frozen=True, slots=True)
class _People:
    """Those who can come: status, hospital, and the level of each factor, one row a person."""

    status: list[str]
    site: list[str]
    factors: dict[str, list[str]]


def predictability(
    study: Study, scenario: Scenario, seed: int, trials: int
) -> Iterator[Predictability]:
    """The guess rate of every method that is compared, for every state of knowledge.

    `trials` are guessed, half as many are practised on. The first four are those of the study's
    own method. BadInput for fewer than 100 trials.
    """
    if trials < 100:
        raise BadInput("100 or more", field="--trials", found=trials)
    people = _people(study, scenario, seed)
    practice = trials // 2
    size = scenario.enrolment.randomise
    drawn = Nature(seed, range(practice + trials)).uniform("guessing/person", size)
    who = np.floor(drawn * len(people.status)).astype(np.int64)
    for method in compared(study):
        plan = study.randomisation.model_copy(update={"scheme": method.scheme})
        yield from _guessed(plan, method, people, who, seed, practice)


def compared(study: Study) -> list[Compared]:
    """The study's own method first, then what it could have been: blocks of one size,
    minimisation, simple randomisation, in the same ratios."""
    own = study.randomisation.scheme
    found = [Compared(_label(own), own, True)]
    if own.method == "permuted_blocks":
        kept, others = own.factors, [_blocks(own, largest=False), _blocks(own, largest=True)]
    else:
        kept, others = (), [_with_blocks(own, (1, 2)), _with_blocks(own, (1,))]
    if own.method != "minimisation":
        others.append(_minimising(own))
    if own.method != "simple":
        simple = {"method": "simple", "factors": kept, "minimisation": None}
        others.append(_blockless(own).model_copy(update=simple))
    return [*found, *(Compared(_label(each), each, False) for each in others)]


def _blocks(scheme: Scheme, *, largest: bool) -> Scheme:
    choose = max if largest else min
    ratios = tuple(
        each.model_copy(update={"block_sizes": (choose(each.block_sizes),)})
        for each in scheme.ratios
    )
    return scheme.model_copy(update={"ratios": ratios})


def _with_blocks(scheme: Scheme, multiples: Sequence[int]) -> Scheme:
    ratios = tuple(
        each.model_copy(
            update={"block_sizes": tuple(n * sum(each.ratio.values()) for n in multiples)}
        )
        for each in scheme.ratios
    )
    changed = {"method": "permuted_blocks", "ratios": ratios, "factors": (), "minimisation": None}
    return scheme.model_copy(update=changed)


def _minimising(scheme: Scheme) -> Scheme:
    factors = tuple(dict.fromkeys([*scheme.factors, SITE]))
    rule = Minimised(probability=COIN, measure="range", weights=dict.fromkeys(factors, 1))
    changed = {"method": "minimisation", "factors": factors, "minimisation": rule}
    return _blockless(scheme).model_copy(update=changed)


def _blockless(scheme: Scheme) -> Scheme:
    ratios = tuple(each.model_copy(update={"block_sizes": ()}) for each in scheme.ratios)
    return scheme.model_copy(update={"ratios": ratios})


def _label(scheme: Scheme) -> str:
    """A method in words: what is published of it."""
    within = " x ".join(["status", *scheme.factors])
    if scheme.method == "simple":
        return "simple"
    if scheme.minimisation is not None:
        rule = scheme.minimisation
        how = f"{rule.measure}, coin {rule.probability}"
        return f"minimisation over {', '.join(scheme.factors)} ({how})"
    sizes = dict.fromkeys(" or ".join(map(str, each.block_sizes)) for each in scheme.ratios)
    return f"blocks of {'; '.join(sizes)} within {within}"


def _people(study: Study, scenario: Scenario, seed: int) -> _People:
    tables = rehearsed([Version(0, study)], scenario, seed, range(REHEARSALS)).tables
    people = tables["randomised"].sort("replicate", "allocation")
    levels = tables["randomised_factor"].select("replicate", "event", "factor", "level")
    factors = {}
    for factor in study.randomisation.scheme.factors:
        mine = levels.filter(pl.col("factor") == factor).drop("factor")
        factors[factor] = people.join(
            mine, on=["replicate", "event"], how="left", maintain_order="left"
        )["level"].to_list()
    factors[SITE] = people["site"].to_list()
    return _People(people["marker_status"].to_list(), people["site"].to_list(), factors)


def _guessed(
    plan: RandomisationPlan, method: Compared, people: _People, who: Ints, seed: int, practice: int
) -> Iterator[Predictability]:
    scheme = plan.scheme
    own = [
        {factor: people.factors[factor][row] for factor in scheme.factors}
        for row in range(len(people.status))
    ]
    names = [
        stratum_of(scheme, status, mine) for status, mine in zip(people.status, own, strict=True)
    ]
    strata = sorted(set(zip(people.status, names, strict=True)))
    stratum = np.array([strata.index(each) for each in zip(people.status, names, strict=True)])
    levels = np.zeros((len(own), max(1, len(scheme.factors))), dtype=np.int64)
    if scheme.factors:
        levels = numbered([list(each.values()) for each in own])
    arms = _drawn(plan, strata, stratum[who], levels[who], seed)
    site = numbered([[each] for each in people.site])[:, 0]
    weights: tuple[int, ...] = (1,)
    if scheme.minimisation is not None:
        weights = tuple(scheme.minimisation.weights[factor] for factor in scheme.factors)
        cell = np.zeros(len(own), dtype=np.int64)
    else:
        cell = np.unique(levels, axis=0, return_inverse=True)[1].reshape(-1)
        levels = np.zeros((len(own), 1), dtype=np.int64)
    known = np.array([_share(plan, status) for status, _ in strata])
    pooled = np.bincount(arms[:practice].ravel(), minlength=len(plan.arms))
    statuses, status = np.unique(people.status, return_inverse=True)
    ratio = np.array([_share(plan, each) for each in statuses])
    sites = int(site.max()) + 1
    within = imbalance(arms, status[who], ratio)
    at_site = imbalance(arms, (status * sites + site)[who], ratio.repeat(sites, axis=0))
    for every_site in (False, True):
        for status_known in (True, False):
            found = Allocations(
                arms=arms,
                seer=(np.zeros_like(site) if every_site else site)[who],
                group=(stratum if status_known else cell)[who],
                levels=levels[who],
                weights=weights,
                share=known if status_known else np.tile(pooled, (int(cell.max()) + 1, 1)),
            )
            rate = guess_rate(found, practice)
            yield Predictability(
                method.label, method.in_study_file, every_site, status_known, rate, within, at_site
            )


def _share(plan: RandomisationPlan, status: str) -> list[int]:
    ratio = next(each.ratio for each in plan.scheme.ratios if each.status == status)
    return [ratio.get(arm.code, 0) for arm in plan.arms]


def _drawn(
    plan: RandomisationPlan,
    strata: Sequence[tuple[str, str]],
    arrived: Ints,
    levels: Ints,
    seed: int,
) -> Ints:
    """The arms of all trials, from nature's stream."""
    parts = []
    for first in range(0, len(arrived), BATCH):
        numbers = range(first, min(first + BATCH, len(arrived)))

        def words(
            names: Sequence[str], blocks: int, count: int, numbers: range = numbers
        ) -> UInt64Array:
            return nature_words(seed, "guessing/words", numbers, (len(names), blocks, count))

        mine = slice(numbers.start, numbers.stop)
        parts.append(allocated_batch(plan, strata, arrived[mine], levels[mine], words))
    return np.concatenate(parts)
