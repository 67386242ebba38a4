"""Who may do what, at which hospital, and who may see what: roles, scopes, blinding classes.

One table of roles, one of actions, one of blinding classes. `conduct` asks `may_act`; every view,
export and audit trail asks `may_see`. Source: ICH E6(R3) 4.3 (data governance: access by role,
blinding preserved) and Annex 11-like practice; the split of duties is a design of this project.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

Role = Literal[
    "investigator", "nurse", "pharmacist", "laboratory", "reader", "data_manager", "monitor",
    "statistician", "safety_officer", "auditor", "administrator",
]  # fmt: skip

BlindingClass = Literal[
    "open", "clinical", "marker", "scheme", "allocation", "outcome", "identity", "sealed"
]
"""What a value reveals: nothing, how the patient fares (which tells arm or outcome to whoever
knows the regimens), the marker or what central pathology read, how arms are drawn (block sizes, the
coin), the arm, the response, a person, or the seed."""

SITE_ROLES: frozenset[str] = frozenset({"investigator", "nurse", "pharmacist"})
"""Roles that act at their own hospital only; they alone enter or change its data (CO1)."""

ROLES: frozenset[str] = SITE_ROLES | {
    "laboratory", "reader", "data_manager", "monitor", "statistician", "safety_officer", "auditor",
    "administrator",
}  # fmt: skip

BLINDED_ROLES: frozenset[str] = frozenset({"laboratory", "reader"})
"""Roles that whoever was unblinded never holds again (UA1-4)."""

PARTICIPANT = "participant"
"""Who answers a questionnaire with a one-time code: a patient, who has no account, no grant and no
other action; the code is what lets them in."""

BY_CODE: frozenset[str] = frozenset({"AnswerQuestionnaire"})
"""Actions of a participant, which no role has: their decision checks the code."""

_SITE = frozenset({"investigator", "nurse"})
_INVESTIGATOR = frozenset({"investigator"})
_LABORATORY = frozenset({"laboratory"})
_PHARMACIST = frozenset({"pharmacist"})

ACTION_ROLES: dict[str, frozenset[str]] = {
    "SubjectScreened": _SITE,
    "RecordIdentity": _SITE,
    "ConsentSigned": _SITE,
    "VisitRecorded": _SITE,
    "FormSaved": _SITE,
    "QuestionnaireOffered": _SITE,
    "AnswerQuestionnaire": frozenset(),
    "ScreeningFailed": _SITE,
    "DeathRecorded": _SITE,
    "VitalStatusRecorded": _SITE,
    "TreatmentDiscontinued": _INVESTIGATOR,
    "VisitsDiscontinued": _SITE,
    "ConsentWithdrawn": _SITE,
    "LostToFollowUp": _SITE,
    "MedicalHistoryRecorded": _SITE,
    "ConcomitantMedicationRecorded": _SITE,
    "PriorTherapyRecorded": _SITE,
    "SubsequentTherapyRecorded": _SITE,
    "ProcedureRecorded": _SITE,
    "ConfirmEligibility": _INVESTIGATOR,
    "SampleCollected": _SITE,
    "SampleLabelled": _SITE | _LABORATORY,
    "SampleShipped": _SITE | _LABORATORY,
    "SampleReceived": _LABORATORY,
    "SampleDerived": _SITE | _LABORATORY,
    "AssayResultRecorded": _LABORATORY,
    "AssayResultInvalidated": _LABORATORY,
    "PathologyReviewed": _LABORATORY,
    "RedeterminationFrozen": frozenset({"statistician"}),
    "ActivateScheme": frozenset({"statistician"}),
    "Randomise": _SITE,
    "ReproduceAllocations": frozenset({"statistician", "auditor"}),
    "RegimenChosen": _INVESTIGATOR,
    "CycleStarted": _SITE,
    "DoseGiven": _SITE | {"pharmacist"},
    "DoseVerified": _PHARMACIST,
    "DrugDispensed": _PHARMACIST,
    "DrugReturned": _PHARMACIST,
    "DrugDestroyed": _PHARMACIST,
    "LotReceived": _PHARMACIST,
    "LesionIdentified": _SITE | {"reader"},
    "TumourAssessed": _SITE | {"reader"},
    "AdverseEventReported": _SITE,
    "AdverseEventFollowedUp": _SITE,
    "SeriousAdverseEventReported": _SITE,
    "CausalityAssessed": _INVESTIGATOR | {"safety_officer"},
    "SusarSubmitted": frozenset({"safety_officer"}),
    "AdverseEventCoded": frozenset({"data_manager", "safety_officer"}),
    "LaboratoryReported": _SITE,
    "ReferenceRangesDeclared": _SITE | _LABORATORY,
    "Correct": _SITE | {"pharmacist", "laboratory", "reader"},
    "Redact": _INVESTIGATOR | {"data_manager"},
    "AdoptStudyVersion": frozenset({"data_manager"}),
    "SiteOpened": frozenset({"data_manager"}),
    "StudyVersionActivated": frozenset({"data_manager"}),
    "SiteClosed": frozenset({"data_manager"}),
    "OutageDeclared": frozenset({"data_manager"}),
    "GrantGiven": frozenset({"administrator"}),
    "GrantRevoked": frozenset({"administrator"}),
    "AccessReviewed": frozenset({"administrator", "auditor"}),
    "QueryRaised": frozenset({"data_manager", "monitor", "safety_officer"}),
    "QueryAnswered": _SITE | {"pharmacist", "laboratory", "reader"},
    "QueryClosed": frozenset({"data_manager", "monitor", "safety_officer"}),
    "QueryReopened": frozenset({"data_manager", "monitor", "safety_officer"}),
    "SourceVerified": frozenset({"monitor"}),
    "Locked": frozenset({"data_manager"}),
    "Unlocked": frozenset({"data_manager"}),
    "Signed": ROLES,
    "DeviationRecorded": _SITE | {"monitor", "data_manager"},
    "Exported": frozenset({"data_manager", "statistician", "auditor"}),
    "CertifiedCopyMade": _INVESTIGATOR,
    "CutOffDeclared": frozenset({"data_manager", "statistician"}),
    "AnalyseCutOff": frozenset({"statistician"}),
    "IdentityRevealed": _SITE,
    "BreakCode": _INVESTIGATOR | {"safety_officer"},
    "PersonUnblinded": frozenset({"data_manager"}),
    "AuditTrailReviewed": frozenset({"auditor", "monitor", "data_manager"}),
}
"""The roles that may do each action."""

AFTER_LOCK: frozenset[str] = frozenset(
    {
        "Unlocked", "Locked", "Signed", "Exported", "CertifiedCopyMade", "CutOffDeclared",
        "AnalyseCutOff",
        "GrantGiven", "GrantRevoked", "AccessReviewed", "AuditTrailReviewed", "IdentityRevealed",
        "BreakCode", "ReproduceAllocations", "PersonUnblinded", "QueryRaised", "QueryAnswered",
        "QueryClosed", "QueryReopened",
    }
)  # fmt: skip
"""Actions that change no trial data, so that a lock does not stop them."""

CLASSES: dict[tuple[str, str], BlindingClass] = {
    ("AssayResultRecorded", "*"): "marker",
    ("AssayResultInvalidated", "*"): "marker",
    ("PathologyReviewed", "*"): "marker",
    ("Randomised", "*"): "allocation",
    ("Randomised", "marker_status"): "marker",
    ("Randomised", "stratum"): "marker",
    ("Randomised", "factors"): "open",
    ("Randomised", "pending_criteria"): "open",
    ("RegimenChosen", "*"): "allocation",
    ("CycleStarted", "regimen"): "allocation",
    ("DoseGiven", "*"): "allocation",
    ("DoseVerified", "*"): "allocation",
    ("DrugDispensed", "*"): "allocation",
    ("DrugReturned", "*"): "allocation",
    ("DrugDestroyed", "*"): "allocation",
    ("LotReceived", "*"): "allocation",
    ("CausalityAssessed", "drug"): "allocation",
    ("CodeBroken", "*"): "allocation",
    ("LesionIdentified", "*"): "outcome",
    ("TumourAssessed", "*"): "outcome",
    ("ProcedureRecorded", "*"): "outcome",
    **{
        (name, "*"): "clinical"
        for name in (
            "FormSaved",
            "VisitRecorded",
            "DeathRecorded",
            "VitalStatusRecorded",
            "TreatmentDiscontinued",
            "VisitsDiscontinued",
            "LostToFollowUp",
            "MedicalHistoryRecorded",
            "ConcomitantMedicationRecorded",
            "PriorTherapyRecorded",
            "SubsequentTherapyRecorded",
            "CycleStarted",
            "AdverseEventReported",
            "AdverseEventFollowedUp",
            "SeriousAdverseEventReported",
            "CausalityAssessed",
            "SusarSubmitted",
            "AdverseEventCoded",
            "LaboratoryReported",
            "DeviationRecorded",
        )
    },
    ("DeviationRecorded", "description"): "allocation",
    ("SeriousAdverseEventReported", "narrative"): "allocation",
    ("QuestionnaireOffered", "proof"): "sealed",
    ("IdentityRecorded", "*"): "identity",
    ("IdentityRevealed", "purpose"): "clinical",
    ("SchemeActivated", "sealed_seed"): "sealed",
    ("SchemeActivated", "rule"): "scheme",
    ("StudyVersionAdopted", "study"): "scheme",
}
"""Blinding class of an event's items; "*" is every item not named, and what is absent is open."""

_SITE_VIEW: frozenset[BlindingClass] = frozenset(
    {"open", "clinical", "allocation", "outcome", "identity"}
)

VISIBLE: dict[str, frozenset[BlindingClass]] = {
    "investigator": _SITE_VIEW,
    "nurse": _SITE_VIEW,
    "pharmacist": frozenset({"open", "clinical", "allocation"}),
    "laboratory": frozenset({"open", "marker"}),
    "reader": frozenset({"open", "outcome"}),
    "data_manager": frozenset({"open", "clinical", "marker", "scheme", "allocation", "outcome"}),
    "monitor": frozenset({"open", "clinical", "allocation", "outcome", "identity"}),
    "statistician": frozenset({"open", "clinical", "marker", "scheme", "outcome"}),
    "safety_officer": frozenset({"open", "clinical", "allocation", "outcome"}),
    "auditor": frozenset({"open", "clinical", "marker", "scheme", "allocation", "outcome"}),
    "administrator": frozenset({"open"}),
}
"""The blinding classes that a role sees. Nobody sees `sealed`."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A person's role, at a site or everywhere, between two dates."""

    seq: int
    person: str
    role: str
    site: str | None
    since: datetime.date
    until: datetime.date | None


def may_act(
    grants: Iterable[Grant],
    *,
    person: str,
    role: str,
    action: str,
    site: str | None,
    on: datetime.date,
) -> bool:
    """Whether a grant in force lets the person do the action in that role at that site.

    >>> day = datetime.date(2026, 1, 1)
    >>> grants = [Grant(3, "dr-a", "investigator", "LYO", day, None)]
    >>> may_act(grants, person="dr-a", role="investigator", action="Randomise", site="LYO", on=day)
    True
    >>> may_act(grants, person="dr-a", role="investigator", action="Randomise", site="PAR", on=day)
    False
    """
    if role not in ACTION_ROLES.get(action, frozenset()):
        return False
    return any(
        grant.person == person
        and grant.role == role
        and (role not in SITE_ROLES or (site is not None and grant.site == site))
        and (grant.site is None or grant.site == site)
        and grant.since <= on
        and (grant.until is None or on <= grant.until)
        for grant in grants
    )


def blinding_class(event_type: str, item: str) -> BlindingClass:
    """What an item of an event type reveals.

    >>> blinding_class("Randomised", "arm"), blinding_class("SampleCollected", "material")
    ('allocation', 'open')
    """
    named = CLASSES.get((event_type, item))
    return named or CLASSES.get((event_type, "*"), "open")


def may_see(
    role: str, event_type: str, item: str, *, disclosed: bool = False, unblinded: bool = False
) -> bool:
    """Whether a role sees an item; `disclosed`: the study tells sites the marker status.

    `unblinded` is a statistician's state after the act that the record holds.

    >>> may_see("reader", "Randomised", "arm"), may_see("nurse", "Randomised", "arm")
    (False, True)
    """
    found = blinding_class(event_type, item)
    if found == "marker" and disclosed and role in SITE_ROLES:
        return True
    if found == "allocation" and unblinded and role == "statistician":
        return True
    return found in VISIBLE.get(role, frozenset())


@cache
def may_see_type(
    role: str, event_type: str, *, disclosed: bool = False, unblinded: bool = False
) -> bool:
    """Whether a role is told that an event of this type was recorded at all.

    The days on which drugs are given tell the regimen, and what follows a progression tells the
    outcome: of what would show arm, marker, outcome or course by its mere presence, whoever sees no
    item sees no event. That a person's identity was recorded shows nothing, so it stands.

    >>> may_see_type("reader", "DoseGiven"), may_see_type("nurse", "DoseGiven")
    (False, True)
    >>> may_see_type("reader", "Randomised"), may_see_type("data_manager", "IdentityRecorded")
    (True, True)
    """
    named = {item for about, item in CLASSES if about == event_type} | {"*"}
    found = {
        may_see(role, event_type, item, disclosed=disclosed, unblinded=unblinded) for item in named
    }
    return any(found) or blinding_class(event_type, "*") in ("open", "identity", "sealed")


def nothing_blinded(role: str) -> bool:
    """Whether neither course, marker, arm nor outcome is hidden from a role.

    >>> sorted(role for role in ROLES if nothing_blinded(role))
    ['auditor', 'data_manager']
    """
    return VISIBLE[role] >= {"clinical", "marker", "allocation", "outcome"}


def may_see_balance(role: str, *, unblinded: bool = False) -> bool:
    """Whether a role may see how many people each arm has: nobody who enrols, treats or is blinded
    to anything; a statistician once unblinded (RN2).

    >>> sorted(role for role in ROLES if may_see_balance(role))
    ['auditor', 'data_manager']
    >>> may_see_balance("statistician"), may_see_balance("statistician", unblinded=True)
    (False, True)
    """
    return nothing_blinded(role) or (role == "statistician" and unblinded)


def may_see_refusal(role: str, action: str, *, own: bool = False) -> bool:
    """Whether a role may read why an action was refused: the finding may name status or arm.

    Who may do the action is told when it is refused, a blinded role of its `own` actions alone: a
    central reader learns nothing of what a hospital wished to record of a scan. Of the others only
    those see it from whom nothing is hidden.

    >>> [may_see_refusal(role, "Randomise") for role in ("nurse", "laboratory", "data_manager")]
    [True, False, True]
    >>> [may_see_refusal("reader", "TumourAssessed", own=own) for own in (True, False)]
    [True, False]
    """
    if nothing_blinded(role):
        return True
    return role in ACTION_ROLES.get(action, frozenset()) and (own or role not in BLINDED_ROLES)
