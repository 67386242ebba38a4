"""What can be recorded about harm: adverse events, opinions on cause, laboratory values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from equipoise.record.declaration import Upcaster
from equipoise.record.event import (
    Body,
    ClinicalText,
    EventBody,
    FullDate,
    Identifier,
    MissingReason,
    PartialDate,
    Text,
    TimeOfDay,
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
    """A later finding about an adverse event: its grade and outcome from the day `occurred` on."""

    adverse_event: Identifier
    grade: int = Field(ge=1, le=5)
    outcome: Literal["recovered", "recovering", "not_recovered", "sequelae", "fatal", "unknown"]


class SeriousAdverseEventReported(EventBody):
    """A report of a serious adverse event to the sponsor. `occurred`: the day it reached them.

    `report` is 1 for the first, then 2 and so on as more is known; `criteria` say why the event is
    serious (`seriousness.py`), `aware` since when the site knew what this report says. The two
    times, by the hospital's clock, are those of `aware` and of the day it reached the sponsor;
    version 1 had none.
    """

    VERSION: ClassVar[int] = 2

    adverse_event: Identifier
    report: int = Field(ge=1, le=999)
    criteria: tuple[str, ...]
    aware: FullDate
    aware_time: TimeOfDay | None = None
    received_time: TimeOfDay | None = None
    narrative: ClinicalText | None = None

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"serious_adverse_event/{subject}/{self.adverse_event}/{self.report}",)


class CausalityAssessed(EventBody):
    """One opinion on the cause. Opinions are kept apart; none is ever downgraded."""

    adverse_event: Identifier
    opinion_of: Literal["investigator", "sponsor"]
    drug: Code
    related: Literal["related", "not_related"]


class SusarSubmitted(EventBody):
    """An expedited report left for the authority on the day `occurred`, under its number there."""

    adverse_event: Identifier
    kind: Literal["initial", "follow_up"]
    number: Text


class AdverseEventCoded(EventBody):
    """The code of an adverse event in a dictionary that the study names; the latest one stands."""

    adverse_event: Identifier
    dictionary: Text
    version: Text
    code: Text
    term: Text
    preferred_code: Text
    preferred_term: Text
    system_organ_class: Text


class LaboratoryResult(Body):
    """One value of a report in its reported unit, or why there is none."""

    ID: ClassVar[str] = "analyte"

    analyte: Code
    value: measured("as given", LABORATORY_PLACES, "0", "9999999") | None = None  # type: ignore[valid-type]
    value_missing: MissingReason | None = None
    unit: Text


class LaboratoryReported(EventBody):
    """The values that one blood draw gave. `occurred`: the day of the draw."""

    report: Identifier
    results: tuple[LaboratoryResult, ...]

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"laboratory_report/{subject}/{self.report}",)


class ReferenceRange(Body):
    """The limits of normal of one analyte, for everybody or for one sex or some ages.

    `sex` is a code of the study's item; ages are years, from the first and below the second.
    """

    analyte: Code
    unit: Text
    low: measured("as given", LABORATORY_PLACES, "0", "9999999") | None = None  # type: ignore[valid-type]
    high: measured("as given", LABORATORY_PLACES, "0", "9999999") | None = None  # type: ignore[valid-type]
    sex: Code | None = None
    age_from: int | None = Field(default=None, ge=0, le=150)
    age_below: int | None = Field(default=None, ge=0, le=150)


class ReferenceRangesDeclared(EventBody):
    """Reference ranges of a site's laboratory. `occurred`: the day from which they are valid."""

    ranges: tuple[ReferenceRange, ...]


EVENTS: tuple[type[EventBody], ...] = (
    AdverseEventReported,
    AdverseEventFollowedUp,
    SeriousAdverseEventReported,
    CausalityAssessed,
    SusarSubmitted,
    AdverseEventCoded,
    LaboratoryReported,
    ReferenceRangesDeclared,
)


def _without_times(body: dict[str, Any]) -> dict[str, Any]:
    """A report of version 1 as one of version 2: the times are not known."""
    return {**body, "aware_time": None, "received_time": None}


UPCASTERS: Mapping[tuple[str, int], Upcaster] = {
    (SeriousAdverseEventReported.TYPE, 1): _without_times
}
"""From a body of an older version to one of the next."""
