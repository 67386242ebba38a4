"""The days of the declared path programmed again: from when they run, and until when."""

from __future__ import annotations

import datetime
import math

from equipoise.biomarker.plan import Marker
from tests.second_programming import samples_again as samples
from tests.second_programming.samples_again import Subject


def start(subject: Subject, marker: Marker) -> datetime.date | None:
    """The day of the consent, or of the first reception of a sample or first result on one.

    Of several signatures of the consent it is the first. Of a randomised subject it is the day by
    what the record held at the allocation.
    """
    path = marker.path
    allocated = min((row["event"] for row in subject["randomised"]), default=math.inf)
    if path is None:
        return None
    if path.counted_from == "consent":
        days = [
            row["occurred"]
            for row in subject["consent_signed"]
            if row["consent"] == path.consent and row["event"] < allocated
        ]
    else:
        days = [
            row["occurred"]
            for table in ("sample_received", "assay_result_recorded")
            for row in subject[table]
            if samples.of_the_path(subject, row["sample"], marker) and row["event"] < allocated
        ]
    return min((day for day in days if day is not None), default=None)


def last_day(subject: Subject, marker: Marker, days: int | None) -> datetime.date | None:
    """The last of so many days from the start."""
    first = start(subject, marker)
    return None if first is None or days is None else first + datetime.timedelta(days=days)


def deadline(subject: Subject, marker: Marker) -> datetime.date | None:
    """The last day of the last step."""
    return last_day(subject, marker, samples.steps(marker)[-1].days)
