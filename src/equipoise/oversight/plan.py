"""The part of the study file that says which deviations are important."""

from __future__ import annotations

from typing import Literal

from equipoise.record.plan import Plan


class ImportantDeviation(Plan):
    """A category of deviation that the protocol calls important."""

    category: Literal[
        "wrong_stratum",
        "not_eligible",
        "consent",
        "visit_window",
        "dose",
        "prohibited_therapy",
        "other",
    ]


class OversightPlan(Plan):
    """Rules of oversight."""

    important_deviations: tuple[ImportantDeviation, ...] = ()
