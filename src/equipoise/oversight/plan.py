"""The part of the study file that says which deviations are important."""

from __future__ import annotations

from equipoise.oversight.events import DeviationCategory
from equipoise.record.plan import Code, Plan


class ImportantDeviation(Plan):
    """A category of deviation that the protocol calls important."""

    category: DeviationCategory


class OversightPlan(Plan):
    """Rules of oversight."""

    important_deviations: tuple[ImportantDeviation, ...] = ()


class DeviationPlan(Plan):
    """Visits with imaging, important categories."""

    imaging: tuple[Code, ...] = ()
    important: tuple[DeviationCategory, ...] = ()
