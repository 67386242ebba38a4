"""Consent and participation programmed again: what waits for a signature, what a withdrawal closes.

Written from the descriptions in words of participation, of the first consent and of re-consent
(requirement CN1), by somebody who has not read the rules.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping, Sequence

from equipoise.visits.consent import Procedure
from equipoise.visits.participation import Withdrawal
from equipoise.visits.plan import Consent, StandardOfCare
from equipoise.visits.reconsent import InForce
from tests.second_programming.rows_by_subject import latest_day
from tests.second_programming.visits_again import earliest_day

TREATMENT = {"RegimenChosen", "CycleStarted", "DoseGiven", "DrugDispensed"}
VITAL = {"VitalStatusRecorded", "DeathRecorded"}
ALWAYS = {
    # harm: the investigator's duty to report
    "AdverseEventReported", "AdverseEventFollowedUp", "SeriousAdverseEventReported",
    "CausalityAssessed", "SusarSubmitted", "AdverseEventCoded",
    # what makes right what was obtained before
    "Corrected", "Redacted", "QueryRaised", "QueryAnswered", "QueryClosed", "QueryReopened",
    "DeviationRecorded", "Signed", "SourceVerified", "Locked", "Unlocked",
    # accountability for what was handed out or taken before
    "DoseVerified", "DrugReturned", "DrugDestroyed", "SampleReceived", "AssayResultInvalidated",
    # the other withdrawals, and consents
    "TreatmentDiscontinued", "VisitsDiscontinued", "ConsentWithdrawn", "LostToFollowUp",
    "ConsentSigned",
    # may be the reading of an older scan
    "LesionIdentified",
}  # fmt: skip
PROCEDURES = {
    "VisitRecorded",
    "FormSaved",
    "TumourAssessed",
    "LaboratoryReported",
    "SampleCollected",
}
SAMPLE_WORK = {"SampleDerived", "SampleShipped", "AssayResultRecorded"}
LEARNED = {
    "MedicalHistoryRecorded", "ConcomitantMedicationRecorded", "PriorTherapyRecorded",
    "SubsequentTherapyRecorded", "ProcedureRecorded",
}  # fmt: skip
SETTLED = TREATMENT | VITAL | ALWAYS | PROCEDURES | SAMPLE_WORK | LEARNED


def surely_after(day: str, other: str) -> bool:
    """Whether every day that a perhaps partly known date can mean is later than the other day."""
    return earliest_day(day) > datetime.date.fromisoformat(other)


def closes(withdrawal: Withdrawal, action: str) -> bool:
    """Whether a withdrawal ends this action at all."""
    if action in ALWAYS:
        return False
    if withdrawal.kind == "TreatmentDiscontinued":
        return action in TREATMENT
    if withdrawal.kind in ("VisitsDiscontinued", "LostToFollowUp"):
        return action in TREATMENT | PROCEDURES
    return not withdrawal.vital_status if action in VITAL else True


def closed_by(
    action: str, day: str, withdrawals: Sequence[Withdrawal], reached: Collection[str]
) -> Withdrawal | None:
    """The first that closes the action on the day; a loss only until the subject is reached."""
    for each in withdrawals:
        again = [there for there in reached if there > each.day]
        if each.kind == "LostToFollowUp" and any(
            latest_day(day) >= datetime.date.fromisoformat(there) for there in again
        ):
            continue
        if closes(each, action) and surely_after(day, each.day):
            return each
    return None


def standard_of_care(procedure: Procedure, declared: StandardOfCare) -> bool:
    return (
        (procedure.action == "FormSaved" and procedure.form in declared.forms)
        or (procedure.action == "VisitRecorded" and procedure.visit in declared.visits)
        or (procedure.action == "SampleCollected" and procedure.material in declared.materials)
        or (procedure.action == "TumourAssessed" and procedure.baseline and declared.imaging)
        or (procedure.action == "LaboratoryReported" and declared.laboratory)
    )


def first_consent_due(
    procedure: Procedure,
    day: str,
    signed: Mapping[str, str],
    consents: Sequence[Consent],
    declared: StandardOfCare,
) -> Consent | None:
    """The first consent in the study file that is missing; a partial day may be after."""
    if standard_of_care(procedure, declared):
        return None
    for consent in consents:
        for_sample = procedure.action == "SampleCollected" and procedure.material in consent.samples
        if not (consent.required_for_randomisation or for_sample):
            continue
        if consent.code not in signed:
            return consent
        if latest_day(day) < datetime.date.fromisoformat(signed[consent.code]):
            return consent
    return None


def samples_closed_by(
    action: str, day: str, material: str, withdrawn: Mapping[str, str], consents: Sequence[Consent]
) -> Consent | None:
    """The first consent to samples of the material that was withdrawn before the day."""
    if action not in SAMPLE_WORK | {"SampleCollected"}:
        return None
    for consent in consents:
        ended = withdrawn.get(consent.code) if material in consent.samples else None
        if ended is not None and surely_after(day, ended):
            return consent
    return None


def consent_due(
    history: Sequence[InForce], signed: Collection[tuple[str, str]], day: datetime.date
) -> tuple[str, str] | None:
    """The text in force on the day that the subject has to sign, who signed one of before it.

    Not due is a text of the first version of which the subject signed one: that is the first
    consent's. A signature of a later text counts.
    """
    past = [each for each in history if each.since <= day]
    if not past:
        return None
    now, before = past[-1], past[:-1]
    known = [each for each in before if any(text in signed for text in each.required.items())]
    if not known:
        return None
    joined = known[0]
    for code, version in now.required.items():
        later = [each.required.get(code) for each in history[len(past) :]]
        if any((code, text) in signed for text in (version, *later)):
            continue
        if joined.required.get(code) != version:
            return code, version
    return None
