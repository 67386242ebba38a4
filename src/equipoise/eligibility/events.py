"""What can be recorded about entry into the trial."""

from __future__ import annotations

from equipoise.record.event import Body, EventBody, Identifier


class EligibilityConfirmed(EventBody):
    """The investigator confirmed that every criterion of the version in force is met."""

    study_version_judged: Identifier


class ConfirmEligibility(Body):
    """Action: the investigator confirms eligibility; refused while a criterion is not met."""


EVENTS: tuple[type[EventBody], ...] = (EligibilityConfirmed,)
