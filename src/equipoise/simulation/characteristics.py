"""Operating characteristics: how each analysis of the plan comes out over many trials.

Trials are drawn in batches, each by itself and perhaps each in another process; only their counts
are kept, so that memory does not grow with the number of trials.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from equipoise.analysis.closed import rejected_by_closed_test
from equipoise.analysis.run import READS, OperatingCounts, operating_counts
from equipoise.simulation.run import Version, rehearsed
from equipoise.simulation.scenario import Scenario
from equipoise.study.analysis_plan import Analysis, ClosedTesting
from equipoise.study.derivation import spent


@dataclass(frozen=True, slots=True)
class Characteristic:
    """One analysis over many trials: how often P fell below 1 - level, and the mean proportions.

    `undefined` counts trials in which the analysis gave no P (an empty group); they are not
    rejections. `standard_error` is that of `rejection`, from the number of trials. Of a hypothesis
    of the plan's closed test `closed_rejection` is how often that test rejects it, with its error;
    the row CLOSED is how often it rejects any.
    """

    analysis: str
    label: str
    trials: int
    undefined: int
    rejection: float | None
    standard_error: float | None
    groups: tuple[str, ...]
    mean_denominators: tuple[float, ...]
    proportions: tuple[float | None, ...]
    closed_rejection: float | None = None
    closed_standard_error: float | None = None


CLOSED = "closed_testing"
"""What stands for the closed test as a whole where an analysis is named."""


@dataclass(slots=True)
class _ClosedSum:
    closed: ClosedTesting
    trials: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    any: int = 0

    def take(self, batch: Sequence[OperatingCounts]) -> None:
        found = rejected_by_closed_test(self.closed, {each.analysis.id: each.p for each in batch})
        self.trials += len(found)
        self.any += int(found.any(axis=1).sum())
        for name, count in zip(self.closed.weights, found.sum(axis=0).tolist(), strict=True):
            self.rejected[name] = self.rejected.get(name, 0) + count

    def whole(self) -> Characteristic:
        """How often any hypothesis is rejected."""
        rate, error = _share(self.any, self.trials)
        return Characteristic(
            analysis=CLOSED,
            label="Closed test: some null hypothesis",
            trials=self.trials,
            undefined=0,
            rejection=rate,
            standard_error=error,
            groups=(),
            mean_denominators=(),
            proportions=(),
        )


@dataclass(slots=True)
class _Sum:
    analysis: Analysis
    trials: int = 0
    tested: int = 0
    rejected: int = 0
    numerators: list[int] = field(default_factory=list)
    denominators: list[int] = field(default_factory=list)

    def take(self, counts: OperatingCounts) -> None:
        defined = ~np.isnan(counts.p)
        self.trials += len(counts.p)
        self.tested += int(defined.sum())
        # A P exactly at the level rejects, as in the plan: P <= alpha.
        self.rejected += int((counts.p[defined] <= 1 - float(self.analysis.level)).sum())
        sums = counts.numerators.sum(axis=0), counts.denominators.sum(axis=0)
        previous = self.numerators or [0] * len(sums[0]), self.denominators or [0] * len(sums[1])
        self.numerators = [a + int(b) for a, b in zip(previous[0], sums[0], strict=True)]
        self.denominators = [a + int(b) for a, b in zip(previous[1], sums[1], strict=True)]


def batch_counts(
    versions: Sequence[Version], scenario: Scenario, seed: int, replicates: Sequence[int]
) -> list[OperatingCounts]:
    """The counts of every analysis in the trials `replicates`.

    Derived is what the analyses read, by the rules of the study that lead there: what lies beside
    (deviations, queries, dose intensity) decides no count. Counts are the same whatever the batch
    that a replicate is drawn in.
    """
    study = versions[-1].study
    drawn = rehearsed(versions, scenario, seed, replicates, wanted=READS).tables
    return operating_counts(spent(drawn, study, READS), study, replicates)


def characteristics(
    batches: Iterable[Sequence[OperatingCounts]], closed: ClosedTesting | None = None
) -> list[Characteristic]:
    """Operating characteristics of every analysis of the plan, in its order, over all `batches`,
    and of the plan's closed test, if it has one."""
    sums: dict[str, _Sum] = {}
    together = None if closed is None else _ClosedSum(closed)
    for batch in batches:
        for counts in batch:
            sums.setdefault(counts.analysis.id, _Sum(counts.analysis)).take(counts)
        if together is not None:
            together.take(batch)
    found = [_characteristic(each) for each in sums.values()]
    if together is None or not together.trials:
        return found
    for place, each in enumerate(found):
        if each.analysis in together.rejected:
            rate, error = _share(together.rejected[each.analysis], together.trials)
            found[place] = replace(each, closed_rejection=rate, closed_standard_error=error)
    return [*found, together.whole()]


def _share(count: int, trials: int) -> tuple[float, float]:
    rate = count / trials
    return rate, math.sqrt(rate * (1 - rate) / trials)


def _characteristic(found: _Sum) -> Characteristic:
    rate, error = _share(found.rejected, found.trials) if found.tested else (None, None)
    return Characteristic(
        analysis=found.analysis.id,
        label=found.analysis.label.en,
        trials=found.trials,
        undefined=found.trials - found.tested,
        rejection=rate,
        standard_error=error,
        groups=tuple(group.label for group in found.analysis.groups),
        mean_denominators=tuple(each / found.trials for each in found.denominators),
        proportions=tuple(
            numerator / denominator if denominator else None
            for numerator, denominator in zip(found.numerators, found.denominators, strict=True)
        ),
    )
