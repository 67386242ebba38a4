"""True status, assays and statuses as read, as variables of end-point simulation.

All that an assay's value does is fall between two cut-points of some rule; so the normal levels and
their spread become one table of probabilities, made once, and a patient costs one uniform number.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from equipoise.biomarker.plan import Assay, Limits, StatusRule
from equipoise.errors import BadInput
from equipoise.simulation.endpoint_network import Network, Variable
from equipoise.simulation.endpoint_plan import EndpointNature
from equipoise.simulation.scenario import AssayNature, Draw, Level, Scenario
from equipoise.study.definition import Study

FloatArray = NDArray[np.float64]

MISSING = ""
"""The code of a status that nobody could read, and of a run that failed."""
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(60)


@dataclass(slots=True)
class MarkerVariables:
    """The marker's part of the network; assays and rules are made when they are first asked for."""

    study: Study
    scenario: Scenario
    extra: EndpointNature
    net: Network
    truth: Variable
    fit: Variable
    readings: dict[str, Variable] = field(default_factory=dict)
    values: dict[str, Variable] = field(default_factory=dict)
    again: dict[str, Variable] = field(default_factory=dict)
    statuses: dict[str, Variable] = field(default_factory=dict)
    repeated: Variable | None = None

    @property
    def codes(self) -> tuple[str, ...]:
        """The statuses of the marker, and MISSING."""
        return (*(each.code for each in self.study.biomarker.marker.statuses), MISSING)

    def as_randomised(self, version: str) -> Variable:
        """The status by one version of the rule, before allocation."""
        rule = self._rule(version)
        parents = [self.value(step.assay) for step in rule.steps]
        return self._status(f"status/{version}", rule, parents)

    def as_redetermined(self, version: str) -> Variable:
        """The status by one version of the rule, with the determinations that were repeated."""
        if self.scenario.redetermination is None:
            return self.as_randomised(version)
        rule = self._rule(version)
        parents = [self._value_again(step.assay) for step in rule.steps]
        return self._status(f"status again/{version}", rule, parents)

    def value(self, code: str) -> Variable:
        """What a run reads: the number of an interval between cut-points, or MISSING."""
        if code not in self.values:
            plan, assay = self._nature(code), self._assay(code)
            failed = self.net.draw(
                f"assay/{code}/failure", ("read", MISSING), (),
                lambda: (1 - float(plan.failure), float(plan.failure)),
            )  # fmt: skip
            shares = self._shares(code)
            names = tuple(map(str, range(len(cut_points(self.study, assay)) + 1)))
            self.readings[code] = self.net.draw(
                f"assay/{code}", names, (self.truth,), lambda truth: shares[truth],
                loading=float(self.extra.loadings.get(code, Decimal(0))),
            )  # fmt: skip
            self.values[code] = self.net.look_up(
                f"value/{code}", (*names, MISSING), (self.fit, failed, self.readings[code]),
                lambda fit, failed, reading: len(names) if fit or failed else reading,
            )  # fmt: skip
        return self.values[code]

    def _value_again(self, code: str) -> Variable:
        """The value of an assay after some determinations were repeated or invalidated."""
        plan = self.scenario.redetermination
        assert plan is not None
        if code in self.again:
            return self.again[code]
        first = self.value(code)
        names, missing = first.codes, len(first.codes) - 1
        if self.repeated is None:
            every = float(plan.every_run)
            valid = float(plan.chance) * (1 - float(plan.invalidated))
            valid *= 1 - float(self._nature(plan.assay).failure)
            self.repeated = self.net.draw(
                "again", ("no", "yes", "every run"), (),
                lambda: ((1 - every) * (1 - valid), (1 - every) * valid, every),
            )  # fmt: skip
        if code != plan.assay:
            self.again[code] = self.net.look_up(
                f"value again/{code}", names, (self.repeated, first),
                lambda again, value: missing if again == 2 else value,
            )  # fmt: skip
            return self.again[code]
        table = self._second_shares(code, float(plan.contrary))
        second = self.net.draw(
            f"assay again/{code}", names[:-1], (self.truth, first),
            lambda truth, value: table[truth][value],
        )  # fmt: skip
        self.again[code] = self.net.look_up(
            f"value again/{code}", names, (self.repeated, first, second),
            lambda again, value, other: (value, other, missing)[again],
        )  # fmt: skip
        return self.again[code]

    def _status(self, name: str, rule: StatusRule, parents: Sequence[Variable]) -> Variable:
        if name in self.statuses:
            return self.statuses[name]
        path = self.study.biomarker.marker.path
        nobody = len(self.codes) - 1
        if path is not None and path.then == "stratum" and path.status is not None:
            nobody = self.codes.index(path.status)

        def found(*values: int) -> int:
            for step, value, parent in zip(rule.steps, values, parents, strict=True):
                if value == len(parent.codes) - 1:
                    continue
                point = _inside(cut_points(self.study, self._assay(step.assay)), value)
                for interval in step.intervals:
                    if _holds(interval, point):
                        return self.codes.index(interval.status)
            return nobody

        self.statuses[name] = self.net.look_up(name, self.codes, parents, found)
        return self.statuses[name]

    def _shares(self, code: str) -> list[list[float]]:
        """The probability of each interval, by true status, with the tumours read as another's."""
        plan, assay = self._nature(code), self._assay(code)
        cuts = [float(cut) for cut in cut_points(self.study, assay)]
        runs = _averaged(assay)
        pure = [_between(cuts, self._level(plan, truth), runs) for truth in self.truth.codes]
        wrong = float(self.extra.contrary.get(code, Decimal(0)))
        return [_mixed(pure, place, wrong) for place in range(len(pure))]

    def _second_shares(self, code: str, contrary: float) -> list[list[list[float]]]:
        """The probability of each interval of a second run, by true status and the first value.

        Both runs read one tumour, whose level they share; a contrary piece has another's.
        """
        plan, assay = self._nature(code), self._assay(code)
        cuts = [float(cut) for cut in cut_points(self.study, assay)]
        runs = _averaged(assay)
        pure = [_between(cuts, self._level(plan, truth), runs) for truth in self.truth.codes]
        found = []
        for place, truth in enumerate(self.truth.codes):
            joint = _twice(cuts, self._level(plan, truth), runs)
            rows = [
                (joint[value] / joint[value].sum()).tolist()
                if joint[value].sum() > 1e-12
                else pure[place]
                for value in range(len(cuts) + 1)
            ]
            rows.append(pure[place])
            others = _mixed(pure, place, 1.0)
            found.append(
                [
                    [(1 - contrary) * a + contrary * b for a, b in zip(row, others, strict=True)]
                    for row in rows
                ]
            )
        return found

    def _level(self, plan: AssayNature, truth: str) -> Level:
        if truth not in plan.levels:
            raise BadInput(
                f"a level for the true status {truth}",
                where=f"scenario {self.scenario.name}",
                field="marker.assays.levels",
            )
        return plan.levels[truth]

    def _nature(self, code: str) -> AssayNature:
        if code not in self.scenario.marker.assays:
            raise BadInput(
                f"how the assay {code} behaves",
                where=f"scenario {self.scenario.name}",
                field="marker.assays",
            )
        return self.scenario.marker.assays[code]

    def _assay(self, code: str) -> Assay:
        return next(each for each in self.study.biomarker.marker.assays if each.code == code)

    def _rule(self, version: str) -> StatusRule:
        return next(each for each in self.study.biomarker.marker.rules if each.version == version)


def cut_points(study: Study, assay: Assay) -> list[Decimal]:
    """Every limit of an interval of any version of the rule, in order."""
    found = {
        limit
        for rule in study.biomarker.marker.rules
        for step in rule.steps
        if step.assay == assay.code
        for each in step.intervals
        for limit in (each.at_least, each.above, each.below, each.at_most)
        if limit is not None
    }
    return sorted(found)


def weights_of(net: Network, scenario: Scenario, code: str, made: dict[str, Variable]) -> Variable:
    """A coded item of the forms as a variable, drawn by its weights; BadInput if it is not."""
    if code in made:
        return made[code]
    draw = scenario.items.get(code)
    where, name = f"scenario {scenario.name}", f"items.{code}"
    if draw is None:
        raise BadInput("how the item is drawn", where=where, field=name)
    if draw.missing:
        raise BadInput("an item that is never missing", where=where, field=name)
    if draw.given is None:
        shares = _coded(draw, where, name)
        made[code] = net.draw(f"item/{code}", tuple(shares), (), lambda: list(shares.values()))
        return made[code]
    ((other, draws),) = draw.given.items()
    parent = weights_of(net, scenario, other, made)
    each = {level: _coded(one, where, name) for level, one in draws.items()}
    codes = tuple(dict.fromkeys(itertools.chain.from_iterable(each.values())))
    if missing := [level for level in parent.codes if level not in each]:
        raise BadInput(f"a draw for {other} {missing[0]}", where=where, field=name)
    made[code] = net.draw(
        f"item/{code}", codes, (parent,),
        lambda level: [each[parent.codes[level]].get(one, 0.0) for one in codes],
    )  # fmt: skip
    return made[code]


def _coded(draw: Draw, where: str, name: str) -> dict[str, float]:
    if draw.choice is not None:
        return {code: float(weight) for code, weight in draw.choice.items()}
    if draw.chance is not None:
        return {"true": float(draw.chance), "false": 1 - float(draw.chance)}
    if draw.value is not None:
        return {draw.value: 1.0}
    raise BadInput("a coded item (choice, chance or value)", where=where, field=name)


def _averaged(assay: Assay) -> int:
    """Over how many measurements the noise within a tumour is averaged."""
    return len(assay.measurements) if assay.summary == "mean" else 1


def _between(cuts: Sequence[float], level: Level, runs: int) -> list[float]:
    """The probability of each interval between cut-points."""
    sd = math.sqrt(float(level.between) ** 2 + float(level.within) ** 2 / runs)
    below = [0.0, *(_share(cut, float(level.mean), sd) for cut in cuts), 1.0]
    return [b - a for a, b in itertools.pairwise(below)]


def _twice(cuts: Sequence[float], level: Level, runs: int) -> FloatArray:
    """The probabilities of the intervals of two runs of one tumour: quadrature over levels."""
    noise = float(level.within) / math.sqrt(runs)
    total = np.zeros((len(cuts) + 1, len(cuts) + 1))
    for node, weight in zip(_NODES, _WEIGHTS / _WEIGHTS.sum(), strict=True):
        here = float(level.mean) + float(level.between) * float(node)
        below = np.array([0.0, *(_share(cut, here, noise) for cut in cuts), 1.0])
        one = np.diff(below)
        total += weight * np.outer(one, one)
    return total


def _share(cut: float, mean: float, sd: float) -> float:
    if sd == 0:
        return 1.0 if mean < cut else 0.0
    return NormalDist(mean, sd).cdf(cut)


def _mixed(pure: Sequence[Sequence[float]], place: int, wrong: float) -> list[float]:
    """The row of `place`, of which the share `wrong` is the mean of the other rows."""
    others = [row for number, row in enumerate(pure) if number != place]
    if wrong == 0 or not others:
        return list(pure[place])
    mean = [sum(column) / len(others) for column in zip(*others, strict=True)]
    return [(1 - wrong) * a + wrong * b for a, b in zip(pure[place], mean, strict=True)]


def _inside(cuts: Sequence[Decimal], place: int) -> Decimal:
    """A number in the interval of this place."""
    if not cuts:
        return Decimal(0)
    if place == 0:
        return cuts[0] - 1
    return cuts[-1] + 1 if place == len(cuts) else (cuts[place - 1] + cuts[place]) / 2


def _holds(limits: Limits, value: Decimal) -> bool:
    return (
        (limits.at_least is None or value >= limits.at_least)
        and (limits.above is None or value > limits.above)
        and (limits.below is None or value < limits.below)
        and (limits.at_most is None or value <= limits.at_most)
    )
