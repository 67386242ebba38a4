"""The tables that drive the trial kernel: numbers only, no medicine.

A patient is a list of *variables*, whole numbers of 0 and more. Variable PERIOD is the period of
accrual in which the patient came, variable ARM the arm; the others are made one after another by
*nodes*: a node with a `width` draws a category by the row of probabilities that its parents point
at, a node of width 0 looks its value up. Row of a node: the sum of parent x stride. Parents are
variables, -1 after the last one. A stratum of -1 is not randomised.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

UInt64Array = NDArray[np.uint64]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

PERIOD, ARM, FIRST_NODE = 0, 1, 2
SCREENED, RANDOMISED, LAST_DAY, RAW = 0, 1, 2, 3
"""The first columns of what a trial yields; the counts follow, then the comparisons."""
COMPARED = 8
"""Columns of a comparison of two groups: subjects of either, events of either, observed less
expected events of group 0, their variance, coefficient and information of the Cox model."""
NEVER = 1 << 40


class Accrual(NamedTuple):
    """Who comes when: a Poisson process whose `rate` a day is constant up to `until` each.

    Patients come until `wanted` are randomised, `most` at most; each is randomised between
    `delay_low` and `delay_low + delay_span` whole days later. All are followed until `follow_up`
    days after the last one.
    """

    stream: np.uint64
    delay_stream: np.uint64
    until: FloatArray
    rate: FloatArray
    delay_low: int
    delay_span: int
    wanted: int
    most: int
    follow_up: int


class Nodes(NamedTuple):
    """Variables made one after another; the first `before` of them before allocation.

    `variable` is what each makes, of `variables` in all. `cumulative` has the upper limits of all
    categories but the last, row by row; `value` is what nodes of width 0 look up. `loading` is the
    weight of the patient's own factor in the draw (Gaussian copula with one factor): 0 is an
    independent draw.
    """

    stream: UInt64Array
    variable: IntArray
    before: int
    first: IntArray
    width: IntArray
    parent: IntArray
    stride: IntArray
    cumulative: FloatArray
    value: IntArray
    loading: FloatArray
    factor_stream: np.uint64
    variables: int


class Effects(NamedTuple):
    """A node whose probabilities differ between trials and groups (-1: none).

    Its rows are groups x `rows`; the logarithms of all weights but the last are shifted by normal
    numbers of the trial and of the group, whose standard deviations are given.
    """

    node: int
    groups: int
    rows: int
    between_trials: float
    between_groups: float
    weight: FloatArray
    stream: np.uint64
    group_stream: np.uint64


class Randomisation(NamedTuple):
    """Strata (a variable; -1 is not randomised) and their methods, coded as in `allocation` and
    `minimisation`. `minimised` says which; `factors` are variables."""

    stratum: int
    stream: UInt64Array
    kinds: IntArray
    ratios: IntArray
    sizes: IntArray
    choices: IntArray
    limits: IntArray
    minimised: bool
    codes: IntArray
    coins: IntArray
    weights: IntArray
    arm_of: IntArray
    slots: IntArray
    factors: IntArray
    levels: int


class Times(NamedTuple):
    """Latent times, in days from randomisation, exponential within a row of the parents.

    `mean` and, from the time `after` on, `mean_after`; `delay` is added by the value of the
    variable `delayed_by`. `assessed`: seen at the first planned assessment at which it is there.
    """

    stream: UInt64Array
    parent: IntArray
    stride: IntArray
    first: IntArray
    mean: FloatArray
    mean_after: FloatArray
    after: IntArray
    delayed_by: IntArray
    delay: FloatArray
    assessed: BoolArray
    loading: FloatArray


class Watching(NamedTuple):
    """Planned assessments on `first`, `first + every`, ...; each is missed with chance `missed`.

    `leaving` is the variable (-1: none) that says who leaves: on a day between `low` and `low +
    span` of its value, from which on assessments, and where `silent` deaths too, are unseen.
    """

    first: int
    every: int
    missed: float
    missed_stream: np.uint64
    leaving: int
    leave_stream: np.uint64
    low: IntArray
    span: IntArray
    silent: BoolArray


class EndPoints(NamedTuple):
    """Times that are analysed: the first of the latent times in `sources` (end points x times).

    `at_assessment`: censored at the last planned assessment; else when last watched. `ended_by` is
    a latent time that also censors, -1 for none.
    """

    sources: BoolArray
    at_assessment: BoolArray
    ended_by: IntArray


class Tallies(NamedTuple):
    """Counts of randomised patients: column `base` + the sum of parent x stride, each."""

    base: IntArray
    parent: IntArray
    stride: IntArray
    columns: int


class Comparisons(NamedTuple):
    """Groups compared in an end point, by status variable and arm; two also by strata.

    `groups` is how many. `group` has for each comparison the group (0, 1, ..., else out) of status
    x arms + arm. The columns of a comparison begin at `base`, of `columns` in all: COMPARED of them
    for two groups; for more, of each group the subjects, the events, and observed less expected
    events, then the covariance of these.
    """

    end_point: IntArray
    status: IntArray
    group: IntArray
    layer: IntArray
    layers: IntArray
    cox: BoolArray
    groups: IntArray
    base: IntArray
    columns: int


SUBJECTS, EVALUABLE, EVENTS, CALENDAR = 0, 1, 2, 3
"""What a look waits for."""
LOOK_DAY, LOOK_RANDOMISED, LOOK_KNOWN, LOOKED = 0, 1, 2, 3
"""The first columns of a look: its day (-1: it never came), the randomised by then, and how many
final outcomes or events were known."""


class Looks(NamedTuple):
    """When a trial is looked at before its end, and what is then counted or compared.

    Look k comes once `counts[k]` of what `waits` names are there, or on that day of the calendar.
    It is of the table of counts `table` or of the comparison `comparison`; the other is -1. An
    outcome is known `known_after` days after randomisation; `member` says which rows of the table
    are final outcomes of the analysis. Each look has LOOKED columns, then `each` of the counts
    (which begin at column `of` of the trial) or comparison; looks begin at `base`.
    """

    waits: int
    counts: IntArray
    table: int
    comparison: int
    known_after: int
    member: BoolArray
    of: int
    each: int
    base: int


def no_looks() -> Looks:
    """A trial that nobody looks at before its end."""
    nothing = np.zeros(0, dtype=np.int64)
    return Looks(SUBJECTS, nothing, -1, -1, 0, np.zeros(1, dtype=np.bool_), 0, 0, 0)


class Listings(NamedTuple):
    """Randomised patients one by one, in the order of their times to an end point.

    A patient is one number, (2 x day + whether it is an event) x `cells` + the sum of parent x
    stride; -1 fills up the `each` numbers of a listing. The listings follow the comparisons.
    """

    end_point: IntArray
    parent: IntArray
    stride: IntArray
    cells: IntArray
    each: int


CURVE = 3
"""Columns of a group's median: estimate, lower and upper limit; nan: not reached."""


class Medians(NamedTuple):
    """Median times to an end point with log-log limits, by status variable and arm.

    `group` and `groups` as in comparisons, `z` the normal quantile of the limits, `bounds` as
    `limit_bounds` of one half, `unit` the days in one of the end point's units. Each has CURVE
    columns a group from `base` on, of `columns` in all, which follow the listings.
    """

    end_point: IntArray
    status: IntArray
    group: IntArray
    groups: IntArray
    z: FloatArray
    bounds: FloatArray
    unit: FloatArray
    base: IntArray
    columns: int


class TrialTables(NamedTuple):
    """Everything that one trial needs."""

    accrual: Accrual
    nodes: Nodes
    effects: Effects
    randomisation: Randomisation
    times: Times
    watching: Watching
    end_points: EndPoints
    tallies: Tallies
    comparisons: Comparisons
    listings: Listings
    medians: Medians
    arms: int
    looks: Looks

    @property
    def width(self) -> int:
        """How many columns a trial yields."""
        listed = len(self.listings.end_point) * self.listings.each
        looked = len(self.looks.counts) * (LOOKED + self.looks.each)
        compared = self.comparisons.columns
        return RAW + self.tallies.columns + compared + listed + self.medians.columns + looked
