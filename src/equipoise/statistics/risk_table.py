"""Two groups over time: who is at risk and who has the event at each time of an event.

The log-rank test and the Cox model of two groups read nothing else, so that a trial is walked once
for both, in the simulator and in the analysis.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def two_group_risks(
    times: FloatArray | IntArray,
    events: BoolArray,
    groups: IntArray,
    rows: int,
    died: FloatArray,
    died_second: FloatArray,
    first: FloatArray,
    second: FloatArray,
) -> int:
    """Core: append the times with events of one stratum, from the last to the first, after `rows`.

    `times` are sorted. `groups` are 0, 1, or another number for who is left out. Written are the
    events at each time, those of group 1 among them, and who of each group was at risk just
    before it. Returns how many rows there are then.
    """
    at_first = at_second = dead = dead_second = 0
    for subject in range(len(times) - 1, -1, -1):
        first_here, second_here = int(groups[subject] == 0), int(groups[subject] == 1)
        at_first += first_here
        at_second += second_here
        event = int(events[subject])
        dead += event & (first_here | second_here)
        dead_second += event & second_here
        # Written for each subject and kept at the first of those with this time, if one died.
        died[rows], died_second[rows] = dead, dead_second
        first[rows], second[rows] = at_first, at_second
        ends = subject == 0 or times[subject - 1] != times[subject]
        rows += int(ends and dead > 0)
        dead = 0 if ends else dead
        dead_second = 0 if ends else dead_second
    return rows


def two_group_log_rank(
    begin: int,
    end: int,
    died: FloatArray,
    died_second: FloatArray,
    first: FloatArray,
    second: FloatArray,
) -> tuple[float, float]:
    """Core: observed less expected events of group 0, and its variance, over rows of one stratum.

    In the order of time, as the test of any number of groups adds them up.
    """
    observed = expected = variance = 0.0
    for row in range(end - 1, begin - 1, -1):
        deaths, total = died[row], first[row] + second[row]
        share = first[row] / total
        spread = deaths * (total - deaths) / (total - 1.0) if total > 1.0 else 0.0
        observed += deaths - died_second[row]
        expected += deaths * share
        variance += spread * share
        variance -= spread * share * first[row] / total
    return observed - expected, variance
