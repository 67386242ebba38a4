"""When a subject was treated: the days of the first and of the last dose of any drug."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl

from equipoise.record.subject_rows import NONE, Numbers, SubjectRows, dates, days

_NEVER = 2**21
"""A day later than any that is recorded; its negative is earlier."""


class DoseDays(NamedTuple):
    """Of each subject the days of the first and of the last dose; a day that never comes, and one
    before all others, where nothing was given."""

    first: Numbers
    last: Numbers

    def at(self, rows: Numbers) -> DoseDays:
        """Those of the subjects of some rows."""
        return DoseDays(self.first[rows], self.last[rows])

    def columns(self) -> dict[str, pl.Series]:
        """The days as columns `first_dose` and `last_dose`, null where nothing was given."""
        given = self.first < _NEVER
        return {
            name: dates(np.where(given, day, NONE))
            for name, day in (("first_dose", self.first), ("last_dose", self.last))
        }


def dose_days(subjects: SubjectRows, exposure: pl.DataFrame) -> DoseDays:
    """The treated days of `subjects`, from the rows of `exposure`, one for each drug."""
    first = np.full(len(subjects), _NEVER, dtype=np.int64)
    last = np.full(len(subjects), -_NEVER, dtype=np.int64)
    rows = subjects.rows(exposure)
    for name, found, chosen in (
        ("first_dose", first, np.minimum),
        ("last_dose", last, np.maximum),
    ):
        when = days(exposure[name])
        known = (rows >= 0) & (when != NONE)
        chosen.at(found, rows[known], when[known])
    return DoseDays(first, last)
