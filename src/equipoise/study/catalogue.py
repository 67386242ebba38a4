"""Every event and every action of a trial, one line each.

An event is what the record holds. An action is what a person asks for; most actions are the event
itself, and those that need a decision name their own input model, which carries none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from equipoise.biomarker import events as biomarker
from equipoise.eligibility import events as eligibility
from equipoise.oversight import events as oversight
from equipoise.randomisation import events as randomisation
from equipoise.record.correction import Corrected, Redacted
from equipoise.record.event import Body, Event, EventBody
from equipoise.record.tables import Catalogue
from equipoise.response import events as response
from equipoise.safety import events as safety
from equipoise.study.actions import Correct
from equipoise.treatment import events as treatment
from equipoise.visits import events as visits

EVENTS: tuple[type[EventBody], ...] = (
    *oversight.EVENTS,
    *visits.EVENTS,
    *eligibility.EVENTS,
    *biomarker.EVENTS,
    *randomisation.EVENTS,
    *treatment.EVENTS,
    *response.EVENTS,
    *safety.EVENTS,
    Corrected,
    Redacted,
)

CATALOGUE = Catalogue(
    EVENTS, {**randomisation.UPCASTERS, **treatment.UPCASTERS, **safety.UPCASTERS}
)

DECIDED: frozenset[str] = frozenset(
    event.TYPE
    for event in (
        oversight.TrialOpened,
        oversight.StudyVersionAdopted,
        oversight.AnchorIssued,
        oversight.LoginsAnchored,
        oversight.ActionRefused,
        oversight.AnalysisRun,
        oversight.KeyUsed,
        oversight.KeyDestroyed,
        oversight.CodeBroken,
        visits.IdentityRecorded,
        eligibility.EligibilityConfirmed,
        randomisation.SchemeActivated,
        randomisation.Randomised,
        Corrected,
        Redacted,
    )
)
"""Events that only a decision of `conduct` brings about: nobody can send one as an action."""

ASKED_FOR = {
    eligibility.EligibilityConfirmed.TYPE: "ConfirmEligibility",
    randomisation.Randomised.TYPE: "Randomise",
}
"""Events that are decided when they are asked for, and never entered late, with the action that
asks. Dated another day, answers would count that are too old today, or that were not there then."""

ACTIONS: dict[str, type[Body]] = {
    **{event.TYPE: event for event in EVENTS if event.TYPE not in DECIDED},
    "ConfirmEligibility": eligibility.ConfirmEligibility,
    "AdoptStudyVersion": oversight.AdoptStudyVersion,
    "ActivateScheme": randomisation.ActivateScheme,
    "Randomise": randomisation.Randomise,
    "ReproduceAllocations": randomisation.ReproduceAllocations,
    "RecordIdentity": visits.RecordIdentity,
    "Correct": Correct,
    "Redact": oversight.Redact,
    "BreakCode": oversight.BreakCode,
    "AnalyseCutOff": oversight.AnalyseCutOff,
    "AnswerQuestionnaire": visits.AnswerQuestionnaire,
}
"""Input model of every action by its name."""

WITHOUT_SUBJECT: frozenset[str] = frozenset(
    {
        "AccessReviewed", "ActivateScheme", "AdoptStudyVersion", "AnalyseCutOff",
        "AuditTrailReviewed",
        "CertifiedCopyMade", "CutOffDeclared", "DeviationRecorded", "Exported", "GrantGiven",
        "GrantRevoked", "Locked", "LotReceived", "OutageDeclared", "PersonUnblinded",
        "QueryAnswered", "QueryClosed", "QueryRaised", "QueryReopened", "RedeterminationFrozen",
        "ReferenceRangesDeclared", "ReproduceAllocations", "Signed", "SiteClosed", "SiteOpened",
        "StudyVersionActivated", "Unlocked",
    }
)  # fmt: skip
"""Actions that may concern the trial or a hospital as a whole; every other one names a subject."""


def guards_of(event: Event) -> Iterable[str]:
    """The guards that an event takes, from its class: what may stand once in a record."""
    cls = CATALOGUE.of(event.type)
    if cls.guards is EventBody.guards:
        return ()
    body = CATALOGUE.upcast(event.type, event.type_version, json.loads(event.body), cls.VERSION)
    return cls.model_validate(body).guards(event.subject)
