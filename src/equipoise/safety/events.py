"""What can be recorded about harm: adverse events, opinions on cause, laboratory values."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from equipoise.record.event import (
    ClinicalText,
    EventBody,
    FullDate,
    Identifier,
    PartialDate,
    Text,
    measured,
)
from equipoise.record.plan import Code

LABORATORY_PLACES = 4
"""Decimal places of laboratory values; the unit travels with the value."""


class AdverseEventReported(EventBody):
    """One adverse event by its CTCAE term and grade. `occurred`: its first day, perhaps partial."""

    PARTIAL_OCCURRED: ClassVar[bool] = True

    adverse_event: Identifier
    term: Text
    specified: ClinicalText | None = None
    grade: int = Field(ge=1, le=5)
    end: PartialDate | None = None
    serious: bool = False
    outcome: Literal["recovered", "recovering", "not_recovered", "sequelae", "fatal", "unknown"]

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"adverse_event/{subject}/{self.adverse_event}",)


class AdverseEventFollowedUp(EventBody):
    """A later finding about an adverse event: a new grade or its outcome, from the day on."""

    adverse_event: Identifier
    grade: int = Field(ge=1, le=5)
    outcome: Literal["recovered", "recovering", "not_recovered", "sequelae", "fatal", "unknown"]


class SeriousAdverseEventReported(EventBody):
    """A serious adverse event: why it is serious, since when the site knew, the narrative."""

    adverse_event: Identifier
    criteria: tuple[str, ...]
    aware: FullDate
    narrative: ClinicalText | None = None


class CausalityAssessed(EventBody):
    """One opinion on the cause. Opinions are kept apart; none is ever downgraded."""

    adverse_event: Identifier
    opinion_of: Literal["investigator", "sponsor"]
    drug: Code
    related: Literal["related", "not_related"]


class LaboratoryResultRecorded(EventBody):
    """One laboratory value in its reported unit. `occurred`: day of the blood draw."""

    result: Identifier
    analyte: Code
    value: measured("as given", LABORATORY_PLACES)  # type: ignore[valid-type]
    unit: Text


EVENTS: tuple[type[EventBody], ...] = (
    AdverseEventReported,
    AdverseEventFollowedUp,
    SeriousAdverseEventReported,
    CausalityAssessed,
    LaboratoryResultRecorded,
)
