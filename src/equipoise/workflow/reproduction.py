"""Every allocation of a record made again from its sealed seed, each with its evidence (RN7)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from equipoise.conduct.allocation import allocation_source
from equipoise.conduct.conductor import Conductor
from equipoise.randomisation.approval import scheme_rule
from equipoise.randomisation.plan import RandomisationPlan
from equipoise.randomisation.rules import Evidence, method_of, minimised
from equipoise.record.event import Event
from equipoise.record.keys import KeyStore
from equipoise.record.log import Log
from equipoise.statistics.allocation import allocate
from equipoise.statistics.random import Words
from equipoise.study.actions import Action


@dataclass(frozen=True, slots=True)
class Reproduced:
    """An allocation of the record beside the one that the seed gives, with its evidence.

    `evidence` has the block, its size and the place in it, or the counts and imbalances of the
    notional arms, and the words that were drawn.
    """

    seq: int
    subject: str
    scheme: str
    scheme_version: str
    allocation: int
    stratum: str
    recorded: str
    arm: str
    evidence: dict[str, Any]

    @property
    def agrees(self) -> bool:
        """Whether the record says what the seed gives."""
        return self.recorded == self.arm


def reproduced(log: Log, keys: KeyStore, action: Action) -> list[Reproduced]:
    """Every allocation of every active scheme, in record order.

    `action` is ReproduceAllocations as somebody asks for it; it is sent once for each scheme, under
    a key of its own, so that the record holds every use of a seed's key before the seed is opened.
    Raises what `conduct` raises.
    """
    conductor = Conductor(log, keys)
    found: list[Reproduced] = []
    for (scheme, version), activated in list(conductor.state.schemes.items()):
        body = {**action.body, "scheme": scheme, "scheme_version": version}
        conductor.act(replace(action, body=body, key=f"{action.key}-{scheme}-{version}"))
        plan = next(
            study.randomisation
            for study in conductor.state.versions.values()
            if scheme_rule(study.randomisation) == activated["rule"]
        )
        words = allocation_source(keys, log.trial, plan.scheme, activated["sealed_seed"])
        found += again(plan, words, log.read(types={"Randomised"}))
    return sorted(found, key=lambda each: each.seq)


def again(plan: RandomisationPlan, words: Words, events: Iterable[Event]) -> list[Reproduced]:
    """The allocations of `plan`'s scheme among `events`, made again from its words."""
    strata: dict[str, list[tuple[Event, dict[str, Any]]]] = {}
    for event in events:
        body = json.loads(event.body)
        if (body["scheme"], body["scheme_version"]) == (plan.scheme.code, plan.scheme.version):
            strata.setdefault(body["stratum"], []).append((event, body))
    codes = [arm.code for arm in plan.arms]
    return [
        Reproduced(
            seq=event.seq,
            subject=event.subject or "",
            scheme=body["scheme"],
            scheme_version=body["scheme_version"],
            allocation=body["allocation"],
            stratum=stratum,
            recorded=body["arm"],
            arm=codes[made.arm],
            evidence=asdict(made),
        )
        for stratum, listed in strata.items()
        for (event, body), made in zip(
            listed, _made(plan, stratum, [body for _, body in listed], words), strict=True
        )
    ]


def _made(
    plan: RandomisationPlan, stratum: str, bodies: Sequence[dict[str, Any]], words: Words
) -> Sequence[Evidence]:
    status = bodies[0]["marker_status"]
    if plan.scheme.method == "minimisation":
        people = [{row["factor"]: row["level"] for row in body["factors"]} for body in bodies]
        return minimised(plan, status, people, words)
    method = method_of(plan.scheme, status, [arm.code for arm in plan.arms])
    return [allocate(method, stratum, number, words) for number in range(len(bodies))]
