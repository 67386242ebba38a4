"""The part of an analysis that says when it is looked at early, and what then stops the trial."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from equipoise.record.plan import Count, Number, Plan
from equipoise.statistics.sequential_limits import Efficacy
from equipoise.statistics.spending import Spending

Counted = Literal["subjects", "evaluable", "events", "months"]


class EfficacyBoundary(Plan):
    """Critical values that spend the error of the test over the looks.

    `family` and its `parameter` are those of `equipoise stats critical_values`: the shape of Wang
    and Tsiatis, the early critical value of Haybittle and Peto, rho of Kim and DeMets, gamma of
    Hwang, Shih and De Cani; the others take none.
    """

    family: Efficacy
    parameter: Number | None = None


class FutilityBoundary(Plan):
    """When a look gives up: a limit that spends the type II error, or too little power left.

    `beta_spending` needs `family` (and its `parameter`) and `power`. `conditional_power` stops
    where the chance to reject at a later look is below `threshold`, `under` the trend of the data,
    or under the effect that the design has its `power` for. With `binding` the critical values
    count on it that the trial stops there; else (the usual choice) the error is held if it goes on.
    """

    rule: Literal["beta_spending", "conditional_power"]
    family: Spending | None = None
    parameter: Number | None = None
    power: Number | None = Field(default=None, gt=0, lt=1)
    threshold: Number | None = Field(default=None, gt=0, lt=1)
    under: Literal["trend", "planned_effect"] | None = None
    binding: bool = False


class Interims(Plan):
    """Looks at an analysis, the last of which is its own: when each comes, and what stops.

    `counted` says what is waited for: `subjects` randomised in the trial; `evaluable` subjects of
    the analysis whose outcome is final; `events` of its groups, for the last look too; or `months`
    since recruitment began. Else the last look is the end of the trial. `at` are these counts, the
    last of them those of the full information; or `information` gives shares of it, up to 1, and
    `full` the count. With `months` both are given: the shares that are expected, and the month of
    each look but the last.

    `side` is that of the boundary on the scale of the estimate, the first group compared with the
    second: `greater`, `less` (a log hazard ratio below 0), or `two_sided`. `alpha` is the error of
    the whole. `exact`: a test that has no normal statistic rejects where its P value is at most
    that of the critical value (`nominal_p`).
    """

    counted: Counted
    full: Count | None = Field(default=None, ge=1)
    information: tuple[Number, ...] = ()
    at: tuple[Count, ...] = ()
    side: Literal["two_sided", "greater", "less"]
    alpha: Number = Field(gt=0, lt=1)
    efficacy: EfficacyBoundary | None = None
    futility: FutilityBoundary | None = None
    exact: Literal["nominal_p"] | None = None

    @property
    def shares(self) -> tuple[float, ...]:
        """The share of the full information at each look, the last included."""
        if self.information:
            return tuple(float(each) for each in self.information)
        return tuple(each / self.at[-1] for each in self.at)

    @property
    def counts(self) -> tuple[int, ...]:
        """What is waited for before each look but the last: a count, or a month."""
        if self.counted == "months":
            return self.at
        if self.at:
            return self.at[:-1]
        assert self.full is not None
        return tuple(math.ceil(share * self.full) for share in self.information[:-1])

    @property
    def greatest(self) -> int | None:
        """The count at full information; None where looks come by the calendar."""
        return self.full if self.counted == "months" or not self.at else self.at[-1]
