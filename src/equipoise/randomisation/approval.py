"""What a statistician checks and signs before a scheme goes live, on a published dummy seed (RN7).

The dummy list shows every stratum by the very rule that will allocate patients. Somebody else makes
it again from docs/reference/allocation-generator.md; then the rule, the list and the guess rate are
signed together. Only then is the live seed drawn, which no list ever shows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice, product

from equipoise.randomisation.events import ActivateScheme
from equipoise.randomisation.plan import RandomisationPlan
from equipoise.randomisation.rules import Allocated, allocated, minimised, stratum_of, stream_of
from equipoise.record.canonical import canonical
from equipoise.statistics.random import ALLOCATION_GENERATOR, AllocationWords, Words, dummy_seed

Levels = Mapping[str, Sequence[str]]
"""Every level that a factor can have, by factor."""

LISTED = 24
"""Allocations of each stratum that the dummy list shows."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a dummy list; `number` counts the stratum's allocations from 1."""

    stratum: str
    number: int
    levels: tuple[str, ...]
    arm: str


def scheme_rule(plan: RandomisationPlan) -> str:
    """What goes live: scheme and arms as canonical JSON."""
    dumped = plan.model_dump(mode="json", include={"scheme": True, "arms": {"__all__": {"code"}}})
    return canonical(dumped)


def dummy_list(plan: RandomisationPlan, levels: Levels, seed: int) -> list[Listed]:
    """The first allocations of every stratum on the dummy seed of this number, replicate 0.

    Blocks and simple draws: 24 in each stratum. Minimisation: in each status arrivals with the
    combinations of levels in order, over and over, two of each and at least 24. Statuses stand in
    the order of the ratios, levels in the order given, the last factor changing fastest.
    """
    scheme = plan.scheme
    words = AllocationWords(dummy_seed(seed, 0), stream_of(scheme))
    people = list(product(*(levels[factor] for factor in scheme.factors)))
    found: list[Listed] = []
    for ratio in scheme.ratios:
        if scheme.method == "minimisation":
            arrivals = islice(cycle(people), max(LISTED, 2 * len(people)))
            found += _minimised(plan, ratio.status, list(arrivals), words)
        else:
            for person in people:
                found += _listed(plan, ratio.status, person, words)
    return found


def _listed(
    plan: RandomisationPlan, status: str, person: tuple[str, ...], words: Words
) -> list[Listed]:
    factors = dict(zip(plan.scheme.factors, person, strict=True))
    stratum = stratum_of(plan.scheme, status, factors)
    found: list[Listed] = []
    for number in range(LISTED):
        earlier = [Allocated(each.arm, factors) for each in found]
        arm, _ = allocated(plan, status, factors, earlier, words)
        found.append(Listed(stratum, number + 1, person, arm))
    return found


def _minimised(
    plan: RandomisationPlan, status: str, arrivals: Sequence[tuple[str, ...]], words: Words
) -> list[Listed]:
    people = [dict(zip(plan.scheme.factors, person, strict=True)) for person in arrivals]
    stratum = stratum_of(plan.scheme, status, people[0])
    decided = minimised(plan, status, people, words)
    return [
        Listed(stratum, each.number + 1, person, plan.arms[each.arm].code)
        for person, each in zip(arrivals, decided, strict=True)
    ]


def list_text(plan: RandomisationPlan, rows: Sequence[Listed]) -> str:
    """A dummy list as comma-separated text: stratum, number, a column per factor, arm.

    >>> plan = RandomisationPlan.model_construct(scheme=type("S", (), {"factors": ("sex",)}))
    >>> list_text(plan, [Listed("LOW/sex=F", 1, ("F",), "A")])
    'stratum,number,sex,arm\\nLOW/sex=F,1,F,A\\n'
    """
    lines = [",".join(["stratum", "number", *plan.scheme.factors, "arm"])]
    lines += [",".join([each.stratum, str(each.number), *each.levels, each.arm]) for each in rows]
    return "\n".join(lines) + "\n"


def list_sha256(plan: RandomisationPlan, levels: Levels, seed: int) -> str:
    """SHA-256 of the text of the dummy list of this number."""
    return hashlib.sha256(list_text(plan, dummy_list(plan, levels, seed)).encode()).hexdigest()


def approval_sha256(plan: RandomisationPlan, asked: ActivateScheme) -> str:
    """What the statistician signs: SHA-256 of the rule, the generator, and what was checked."""
    signed = {
        "algorithm": ALLOCATION_GENERATOR,
        "rule": scheme_rule(plan),
        **asked.model_dump(mode="json"),
    }
    return hashlib.sha256(canonical(signed).encode()).hexdigest()
