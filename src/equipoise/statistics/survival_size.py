"""Events and sample size of the comparison of two survival curves with proportional hazards.

`ratio` is experimental to control, and a hazard ratio is experimental over control. Times and
hazards share one unit of time. Patients enter uniformly over `accrual`; everybody is followed
until `follow_up` after the last one's entry, or until lost, at the constant `dropout_hazard`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from equipoise.errors import BadInput
from equipoise.statistics.checked import (
    level_per_side,
    not_negative,
    one_of,
    positive,
    target_power,
)

EventsMethod = Literal["schoenfeld", "freedman", "hsieh_freedman"]
SurvivalMethod = Literal["schoenfeld", "freedman", "hsieh_freedman", "lachin_foulkes"]

_METHODS = ("schoenfeld", "freedman", "hsieh_freedman")
_NORMAL = NormalDist()
_ALMOST_ALL = 1e-9
"""The share of all events that may never be seen, when it is asked when the others will be."""


@dataclass(frozen=True, slots=True)
class SurvivalSize:
    """Events and subjects as computed, not rounded, and each arm's probability of an event."""

    events: float
    subjects: float
    control: float
    experimental: float
    event_probability_control: float
    event_probability_experimental: float
    duration: float

    @property
    def whole(self) -> tuple[int, int]:
        """Whole subjects in the control and in the experimental arm."""
        return math.ceil(self.control), math.ceil(self.experimental)


def hazard_of_median(median: float) -> float:
    """The constant hazard of an exponential time with this median.

    >>> round(hazard_of_median(11), 6)
    0.063013
    """
    return math.log(2) / positive(median, "median")


def hazard_of_share(share: float, time: float) -> float:
    """The constant hazard at which this share has had the event by `time`: of drop-out, say.

    >>> round(hazard_of_share(0.10, 12), 6)
    0.00878
    """
    if not 0 <= share < 1:
        raise BadInput("a share of 0 to below 1", field="share", found=share)
    return -math.log1p(-share) / positive(time, "time")


def events_needed(
    hazard_ratio: float,
    *,
    alpha: float,
    power: float,
    sides: Literal[1, 2] = 2,
    ratio: float = 1.0,
    method: EventsMethod = "schoenfeld",
) -> float:
    """The events at which the log-rank test has this power; not rounded.

    - `schoenfeld`: (z_a + z_b)^2 (1 + r)^2 / (r log(HR)^2) (Schoenfeld 1981, Biometrika
      68:316-319);
    - `freedman`: (z_a + z_b)^2 (1 + r HR)^2 / (r (1 - HR)^2) (Freedman 1982, Stat Med 1:121-129);
    - `hsieh_freedman`: Freedman's at 1:1 times (1 + r)^2 / (4 r) (Hsieh 1992, Stat Med
      11:1091-1098).

    >>> round(events_needed(0.56, alpha=0.05, power=0.80, ratio=2), 2)
    105.06
    """
    reach = _NORMAL.inv_cdf(1 - level_per_side(alpha, sides))
    reach += _NORMAL.inv_cdf(target_power(power, alpha))
    effect = _effect_per_event(hazard_ratio, ratio, method)
    if effect == 0:
        raise BadInput("a hazard ratio other than 1", field="hazard_ratio", found=hazard_ratio)
    return (reach / effect) ** 2


def events_power(
    events: float,
    hazard_ratio: float,
    *,
    alpha: float,
    sides: Literal[1, 2] = 2,
    ratio: float = 1.0,
    method: EventsMethod = "schoenfeld",
) -> float:
    """The power of the log-rank test with this number of events, in the direction of the effect.

    `events_needed` turned round: as there, a two-sided test's rejections in the wrong direction
    do not count.

    >>> round(events_power(105.06, 0.56, alpha=0.05, ratio=2), 4)
    0.8
    """
    effect = _effect_per_event(hazard_ratio, ratio, method)
    z = _NORMAL.inv_cdf(1 - level_per_side(alpha, sides))
    return _NORMAL.cdf(math.sqrt(not_negative(events, "events")) * effect - z)


def event_probability(
    hazard: float, *, accrual: float, follow_up: float, dropout_hazard: float = 0.0
) -> float:
    """The probability that the event of a patient is seen by the end of the trial.

    Exponential times to the event and to drop-out, entry uniform over `accrual` (0: all at once).
    With q the sum of the hazards it is h/q (1 - (exp(-q F) - exp(-q (A + F))) / (q A)).

    >>> round(event_probability(hazard_of_median(11), accrual=36, follow_up=12), 4)
    0.8145
    """
    positive(hazard, "hazard")
    not_negative(accrual, "accrual")
    not_negative(follow_up, "follow_up")
    both = hazard + not_negative(dropout_hazard, "dropout_hazard")
    if accrual + follow_up == 0:
        raise BadInput("a time above 0 in all", field="accrual, follow_up", found=0)
    without = math.exp(-both * follow_up)
    if both * accrual > 0:
        without *= -math.expm1(-both * accrual) / (both * accrual)
    return hazard / both * (1 - without)


def expected_events(
    time: float,
    *,
    subjects: float,
    hazard: float,
    accrual: float,
    dropout_hazard: float = 0.0,
) -> float:
    """The events expected by `time` after the first entry, of `subjects` planned over `accrual`.

    >>> [round(expected_events(t, subjects=100, hazard=0.06, accrual=36), 1) for t in (12, 36, 48)]
    [9.6, 59.0, 80.1]
    """
    not_negative(time, "time")
    not_negative(subjects, "subjects")
    if time == 0:
        return 0.0
    open_for = min(time, accrual)
    seen = event_probability(
        hazard, accrual=open_for, follow_up=time - open_for, dropout_hazard=dropout_hazard
    )
    return subjects * (open_for / accrual if accrual > 0 else 1.0) * seen


def time_of_events(
    events: float,
    *,
    control: float,
    experimental: float,
    hazard_ratio: float,
    control_hazard: float,
    accrual: float,
    dropout_hazard: float = 0.0,
) -> float:
    """When this number of events is expected in both arms: time after the first entry.

    `control` and `experimental` are the subjects planned over `accrual`.

    >>> round(time_of_events(60, control=51, experimental=102, hazard_ratio=0.56,
    ...                      control_hazard=hazard_of_median(11), accrual=36), 1)
    31.3
    """
    positive(events, "events")
    hazards = positive(control_hazard, "control_hazard") * positive(hazard_ratio, "hazard_ratio")
    lost = not_negative(dropout_hazard, "dropout_hazard")
    arms = ((not_negative(control, "control"), control_hazard), (experimental, hazards))
    most = sum(subjects * hazard / (hazard + lost) for subjects, hazard in arms)
    if events >= most * (1 - _ALMOST_ALL):
        allowed = f"fewer than {most:.6g}, which will have been seen in the end"
        raise BadInput(allowed, field="events", found=events)

    def missing(time: float) -> float:
        return events - sum(
            expected_events(
                time, subjects=subjects, hazard=hazard, accrual=accrual, dropout_hazard=lost
            )
            for subjects, hazard in arms
        )

    from scipy.optimize import brentq

    late = accrual + 1 / min(control_hazard, hazards)
    while missing(late) > 0:
        late *= 2
    return float(brentq(missing, 0.0, late, xtol=1e-12, rtol=1e-14))


def survival_size(
    hazard_ratio: float,
    *,
    control_hazard: float,
    accrual: float,
    follow_up: float,
    alpha: float,
    power: float,
    sides: Literal[1, 2] = 2,
    ratio: float = 1.0,
    dropout_hazard: float = 0.0,
    method: SurvivalMethod = "schoenfeld",
) -> SurvivalSize:
    """Subjects and events at which two survival curves differ significantly with this power.

    The events of `events_needed` divided by the share of patients whose event will be seen; or
    `lachin_foulkes`, whose variances under either hypothesis come from the expected events of each
    arm, under the null with the mean of both hazards (Lachin and Foulkes 1986, Biometrics
    42:507-519, on the scale of the log hazard ratio).

    >>> size = survival_size(0.56, control_hazard=hazard_of_median(11), accrual=36, follow_up=12,
    ...                      alpha=0.05, power=0.80, ratio=2)
    >>> round(size.events, 1), round(size.subjects, 1), size.whole
    (105.1, 152.0, (51, 102))
    """
    share = positive(ratio, "ratio") / (1 + ratio)
    course = _Course(hazard_ratio, control_hazard, accrual, follow_up, dropout_hazard, share)
    seen, mean = course.seen, course.mean_seen
    one_of(method, (*_METHODS, "lachin_foulkes"), "method")
    if method == "lachin_foulkes":
        reach = _NORMAL.inv_cdf(1 - level_per_side(alpha, sides))
        behind = _NORMAL.inv_cdf(target_power(power, alpha))
        if hazard_ratio == 1:
            raise BadInput("a hazard ratio other than 1", field="hazard_ratio", found=hazard_ratio)
        under_null, under_alternative = course.deviations()
        distance = reach * under_null + behind * under_alternative
        subjects = (distance / math.log(hazard_ratio)) ** 2
        events = subjects * mean
    else:
        events = events_needed(
            hazard_ratio, alpha=alpha, power=power, sides=sides, ratio=ratio, method=method
        )
        subjects = events / mean
    return SurvivalSize(
        events,
        subjects,
        subjects * (1 - share),
        subjects * share,
        seen[0],
        seen[1],
        accrual + follow_up,
    )


def survival_power(
    control: float,
    experimental: float,
    hazard_ratio: float,
    *,
    control_hazard: float,
    accrual: float,
    follow_up: float,
    alpha: float,
    sides: Literal[1, 2] = 2,
    dropout_hazard: float = 0.0,
    method: SurvivalMethod = "schoenfeld",
) -> float:
    """The power with so many subjects in each arm: `survival_size` turned round.

    >>> round(survival_power(51, 102, 0.56, control_hazard=hazard_of_median(11), accrual=36,
    ...                      follow_up=12, alpha=0.05), 3)
    0.802
    """
    ratio = positive(experimental, "experimental") / positive(control, "control")
    share = ratio / (1 + ratio)
    course = _Course(hazard_ratio, control_hazard, accrual, follow_up, dropout_hazard, share)
    subjects = control + experimental
    one_of(method, (*_METHODS, "lachin_foulkes"), "method")
    if method == "lachin_foulkes":
        z = _NORMAL.inv_cdf(1 - level_per_side(alpha, sides))
        under_null, under_alternative = course.deviations()
        distance = math.sqrt(subjects) * abs(math.log(hazard_ratio))
        return _NORMAL.cdf((distance - z * under_null) / under_alternative)
    events = subjects * course.mean_seen
    return events_power(events, hazard_ratio, alpha=alpha, sides=sides, ratio=ratio, method=method)


@dataclass(frozen=True, slots=True)
class _Course:
    """How a trial runs: hazards, times, and the share of the experimental arm."""

    hazard_ratio: float
    control_hazard: float
    accrual: float
    follow_up: float
    dropout_hazard: float
    share: float

    def probability(self, hazard: float) -> float:
        return event_probability(
            hazard,
            accrual=self.accrual,
            follow_up=self.follow_up,
            dropout_hazard=self.dropout_hazard,
        )

    @property
    def seen(self) -> tuple[float, float]:
        hazard = positive(self.control_hazard, "control_hazard")
        ratio = positive(self.hazard_ratio, "hazard_ratio")
        return self.probability(hazard), self.probability(hazard * ratio)

    @property
    def mean_seen(self) -> float:
        control, experimental = self.seen
        return (1 - self.share) * control + self.share * experimental

    def deviations(self) -> tuple[float, float]:
        """Standard deviations of the log hazard ratio times sqrt(subjects), by Lachin, Foulkes."""
        common = self.control_hazard * (1 - self.share + self.share * self.hazard_ratio)
        under_null = 1 / (self.probability(common) * self.share * (1 - self.share))
        control, experimental = self.seen
        under_alternative = 1 / ((1 - self.share) * control) + 1 / (self.share * experimental)
        return math.sqrt(under_null), math.sqrt(under_alternative)


def _effect_per_event(hazard_ratio: float, ratio: float, method: str) -> float:
    """The drift of the log-rank statistic after one event."""
    one_of(method, _METHODS, "method")
    positive(hazard_ratio, "hazard_ratio")
    positive(ratio, "ratio")
    if method == "schoenfeld":
        return abs(math.log(hazard_ratio)) * math.sqrt(ratio) / (1 + ratio)
    if method == "freedman":
        return abs(1 - hazard_ratio) * math.sqrt(ratio) / (1 + ratio * hazard_ratio)
    relative = abs(1 - hazard_ratio) / (1 + hazard_ratio)
    return relative * 2 * math.sqrt(ratio) / (1 + ratio)
