"""What can be recorded about entry into the trial."""

from __future__ import annotations

from equipoise.record.event import EventBody, Identifier


class EligibilityConfirmed(EventBody):
    """The investigator confirmed that every criterion of the version in force is met."""

    study_version_judged: Identifier


EVENTS: tuple[type[EventBody], ...] = (EligibilityConfirmed,)
