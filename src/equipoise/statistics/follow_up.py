"""Follow-up times with right censoring: what every analysis of times to an event is given.

Subjects censored at the time of an event are at risk for it. Times tie when they are the same
number, so compute them alike from whole days. `event` is true for an event, false for a
censoring.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from equipoise.errors import BadInput

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


def checked_follow_up(time: ArrayLike, event: ArrayLike) -> tuple[FloatArray, BoolArray]:
    """Times and event indicators of one group of subjects as arrays, refused if impossible."""
    times, events = np.asarray(time, dtype=np.float64), np.asarray(event)
    if times.ndim != 1 or times.shape != events.shape:
        raise BadInput(
            "one time and one event indicator for each subject", found=(times.shape, events.shape)
        )
    if not np.isin(events, (0, 1)).all():
        raise BadInput("true or false (1 or 0)", field="event", found=events.max())
    check_times(times)
    return times, events.astype(np.bool_)


def check_times(times: FloatArray) -> None:
    """Refuse times that are not finite or below 0."""
    bad = ~(np.isfinite(times) & (times >= 0))
    if bad.any():
        raise BadInput("a finite time of 0 or more", field="time", found=times[bad][0])
