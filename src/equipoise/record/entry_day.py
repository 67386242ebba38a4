"""The days on which entry into the trial was decided, and as of which it is judged."""

from __future__ import annotations

import numpy as np

from equipoise.record.rule import Tables
from equipoise.record.subject_rows import NONE, Numbers, SubjectRows


def decided_on(subjects: SubjectRows, tables: Tables) -> Numbers:
    """The day of each subject's randomisation, else of the screening failure, else NONE."""
    failed = subjects.first(subjects.dated(tables["screening_failed"])).day
    allocated = subjects.first(subjects.dated(tables["randomised"])).day
    return np.where(allocated != NONE, allocated, failed)


def judged_on(subjects: SubjectRows, tables: Tables) -> Numbers:
    """The day on which entry was decided, else the last on which the investigator confirmed
    eligibility, else NONE."""
    decided = decided_on(subjects, tables)
    confirmed = subjects.last(subjects.dated(tables["eligibility_confirmed"])).day
    return np.where(decided != NONE, decided, confirmed)
