"""What becomes of patients in end-point simulation: response, progression, death, leaving.

The structure is the rehearsal's: a tumour that shrinks does not progress for a while, progression
raises the hazard of death, and what nobody looks at is not seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from equipoise.errors import BadInput
from equipoise.simulation.endpoint_network import Network, Variable, pointers
from equipoise.simulation.endpoint_plan import EndpointNature
from equipoise.simulation.nature import DAYS_PER_MONTH
from equipoise.simulation.scenario import Scenario
from equipoise.statistics.trial_draws import stream_key
from equipoise.statistics.trial_tables import Times, Watching
from equipoise.study.definition import Study
from equipoise.visits.plan import Visit

PROGRESSION, DEATH = 0, 1
"""The latent times."""
NO, YES, NOT_EVALUABLE = 0, 1, 2
"""The values of a yes/no end point."""
LATENT = ("progression", "death")
"""Names of the latent times, in order."""
_LEAVING = ("stays", "followed, early", "followed", "silent, early", "silent")


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The variables of outcome: who responds when, who leaves, and the yes/no end points."""

    response: Variable
    leaving: Variable
    in_window: Variable
    best: Variable


def planned_imaging(study: Study) -> Visit:
    """The visit at which tumours are assessed again and again. Raises BadInput if there is none."""
    for visit in study.visits.visits:
        if visit.imaging and visit.repeat_every:
            return visit
    raise BadInput("a visit with imaging that is repeated", field="visits")


def outcomes(
    study: Study, scenario: Scenario, extra: EndpointNature, net: Network, truth: Variable
) -> Outcomes:
    """Add the variables of outcome to the network."""
    plan = scenario.tumour
    first, _ = _assessments(study, extra)
    late = range(plan.late_by[0], plan.late_by[1] + 1) if plan.late_shrinkage else range(0)

    def response(status: int, arm: int) -> list[float]:
        early = _of(scenario, "tumour.shrinkage", plan.shrinkage, truth, net.arms, status, arm)
        if not late:
            return [1 - early, early]
        share = _of(
            scenario, "tumour.late_shrinkage", plan.late_shrinkage, truth, net.arms, status, arm
        )
        later = (1 - early) * share
        return [1 - early - later, early, *(later / len(late) for _ in late)]

    # Small uniform numbers are good ones, as for times: the responders come first.
    order = [*range(1, 2 + len(late)), 0]
    drawn = net.draw(
        "response", [str(each) for each in order], (truth, net.arm),
        lambda status, arm: [response(status, arm)[each] for each in order],
        loading=float(extra.loadings.get("response", 0)),
    )  # fmt: skip
    codes = ("none", "early", *(f"late by {by}" for by in late))
    found = net.look_up("response as coded", codes, (drawn,), lambda place: order[place])
    unread = 1 - (1 - float(plan.missed_scan)) * (1 - float(plan.reading.not_evaluable))
    missed = net.draw("assessment", ("read", "not read"), (), lambda: (1 - unread, unread))
    leaving = net.draw("leaving", _LEAVING, (), lambda: _leaving(scenario, first))
    values = ("no", "yes", "not evaluable")
    gone = (1, 3)
    in_window = net.look_up(
        "response in the window", values, (found, missed, leaving),
        lambda kind, lost, left: NOT_EVALUABLE if lost or left in gone else int(kind == 1),
    )  # fmt: skip
    best = net.look_up(
        "best response", values, (found, leaving),
        lambda kind, left: NOT_EVALUABLE if left in gone else int(kind > 0),
    )  # fmt: skip
    return Outcomes(found, leaving, in_window, best)


def latent_times(
    study: Study,
    scenario: Scenario,
    extra: EndpointNature,
    net: Network,
    truth: Variable,
    found: Outcomes,
) -> Times:
    """Progression by true status and arm, later where a tumour shrinks; death, sooner after it."""
    plan, life = scenario.tumour, scenario.survival
    scan = planned_imaging(study).repeat_every or 0
    progression = [
        _of(
            scenario, "tumour.progression_median_months", plan.progression_median_months,
            truth, net.arms, status, arm,
        )
        for status in range(len(truth.codes))
        for arm in range(len(net.arms))
    ]  # fmt: skip
    cells = len(progression)
    before = np.full(cells, float(life.median_without_progression_months))
    after = np.full(cells, float(life.median_after_progression_months))
    parent, stride = pointers([(truth, net.arm)] * 2)
    delays = [0.0, float(plan.shrunken_until_day)]
    if plan.late_shrinkage:
        delays += [
            plan.shrunken_until_day + by * scan
            for by in range(plan.late_by[0], plan.late_by[1] + 1)
        ]
    day = DAYS_PER_MONTH / math.log(2)
    return Times(
        stream=np.array([stream_key(name) for name in LATENT], dtype=np.uint64),
        parent=parent,
        stride=stride,
        first=np.array([0, cells], dtype=np.int64),
        mean=np.concatenate([progression, before]) * day,
        mean_after=np.concatenate([progression, after]) * day,
        after=np.array([-1, PROGRESSION], dtype=np.int64),
        delayed_by=np.array([found.response.number if any(delays) else -1, -1], dtype=np.int64),
        delay=np.array([delays, [0.0] * len(delays)]),
        assessed=np.array([True, False]),
        loading=np.array([float(extra.loadings.get(name, 0)) for name in LATENT]),
    )


def watching(study: Study, scenario: Scenario, extra: EndpointNature, found: Outcomes) -> Watching:
    """When tumours are assessed, and until when who leaves is seen."""
    first, every = _assessments(study, extra)
    low, high = (0, 0) if scenario.withdrawal is None else scenario.withdrawal.days
    edge = min(max(first, low), high + 1)
    early, later = (low, max(edge - 1, low)), (min(edge, high), high)
    spans = [(0, 0), early, later, early, later]
    leaves = scenario.withdrawal is not None and float(sum(_leaving(scenario, first)[1:])) > 0
    return Watching(
        first=first,
        every=every,
        missed=float(scenario.tumour.missed_scan) if every else 0.0,
        missed_stream=np.uint64(stream_key("missed scan")),
        leaving=found.leaving.number if leaves else -1,
        leave_stream=np.uint64(stream_key("leaving/day")),
        low=np.array([each[0] for each in spans], dtype=np.int64),
        span=np.array([each[1] - each[0] for each in spans], dtype=np.int64),
        silent=np.array([False, False, False, True, True]),
    )


def _assessments(study: Study, extra: EndpointNature) -> tuple[int, int]:
    """Day of the first planned assessment, days between two; none of them where seen at once."""
    visit = planned_imaging(study)
    return visit.day, visit.repeat_every or 0 if extra.seen == "at_assessments" else 0


def _leaving(scenario: Scenario, first: int) -> list[float]:
    """Weights of staying, of leaving before the first assessment and later; followed or silent."""
    plan = scenario.withdrawal
    if plan is None:
        return [1.0, 0.0, 0.0, 0.0, 0.0]
    allowed = float(plan.vital_status_allowed)
    followed = float(plan.visits) + float(plan.consent) * allowed
    silent = float(plan.lost) + float(plan.consent) * (1 - allowed)
    low, high = plan.days
    early = min(1.0, max(0.0, (first - low) / (high - low + 1)))
    stays = 1 - followed - silent
    return [stays, followed * early, followed * (1 - early), silent * early, silent * (1 - early)]


def _of(
    scenario: Scenario,
    field: str,
    table: Mapping[str, Mapping[str, object]],
    truth: Variable,
    arms: tuple[str, ...],
    status: int,
    arm: int,
) -> float:
    """The number of a true status and arm. Raises BadInput if the scenario has none."""
    value = table.get(truth.codes[status], {}).get(arms[arm])
    if value is None:
        raise BadInput(
            f"a number for {truth.codes[status]} and {arms[arm]}",
            where=f"scenario {scenario.name}",
            field=field,
        )
    return float(str(value))
