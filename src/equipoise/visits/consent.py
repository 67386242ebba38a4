"""What waits for the first consent, and what a withdrawn consent to samples closes (CN1).

Consent comes before anything that is done for the trial (ICH E6(R3) 2.8; Regulation (EU) 536/2014,
article 28(1)(c)). What is done for the patient anyway may be older: the study file lists it as
standard of care. A withdrawal ends what is done under a consent and leaves what was obtained before
(article 28(3)): a sample that was taken stays in the record, and nothing more is done with it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from equipoise.visits.participation import PROCEDURES, SAMPLE_WORK
from equipoise.visits.plan import Consent, StandardOfCare

WAITING = PROCEDURES | (SAMPLE_WORK - {"AssayResultRecorded"})
"""What waits for the first consent. A result does not: a marker may have been read in routine care,
and randomisation asks for the consent anyway."""


@dataclass(frozen=True, slots=True)
class Procedure:
    """What is done: the action, and as far as it has them the form, visit and material, and whether
    it is the assessment of a baseline. `worked_on`: the material of the sample that it works on."""

    action: str
    form: str | None = None
    visit: str | None = None
    material: str | None = None
    baseline: bool = False
    worked_on: str | None = None


def is_standard_of_care(procedure: Procedure, declared: StandardOfCare) -> bool:
    """Whether the study file says that this is done outside the trial as well.

    >>> care = StandardOfCare(forms=("tumour",), imaging=True)
    >>> is_standard_of_care(Procedure("FormSaved", form="tumour"), care)
    True
    >>> is_standard_of_care(Procedure("TumourAssessed", baseline=False), care)
    False
    """
    match procedure.action:
        case "FormSaved":
            return procedure.form in declared.forms
        case "VisitRecorded":
            return procedure.visit in declared.visits
        case "SampleCollected":
            return procedure.material in declared.materials
        case "TumourAssessed":
            return declared.imaging and procedure.baseline
        case "LaboratoryReported":
            return declared.laboratory
        case _:
            return False


def first_consent_due(
    procedure: Procedure,
    day: str,
    signed: Mapping[str, str],
    consents: Sequence[Consent],
    declared: StandardOfCare,
) -> Consent | None:
    """The consent that is missing before `procedure` on `day`, or None.

    Asked are the consents that randomisation requires and, before a sample is taken, those under
    which samples of its material are taken. `signed`: the day of the first signature of each, in
    any version. A partial `day` is taken to be after a signature unless it is surely before.

    >>> from equipoise.record.plan import Label
    >>> main = Consent(
    ...     code="main", label=Label(en="Main"), version="1", required_for_randomisation=True
    ... )
    >>> visit, care = Procedure("VisitRecorded", visit="entry"), StandardOfCare()
    >>> first_consent_due(visit, "2024-01-05", {"main": "2024-01-06"}, [main], care).code
    'main'
    >>> first_consent_due(visit, "2024-01-06", {"main": "2024-01-06"}, [main], care) is None
    True
    """
    if procedure.action not in WAITING or is_standard_of_care(procedure, declared):
        return None
    for consent in consents:
        if consent.required_for_randomisation or procedure.material in consent.samples:
            since = signed.get(consent.code)
            if since is None or day < since[: len(day)]:
                return consent
    return None


def samples_closed_by(
    action: str,
    day: str,
    material: str | None,
    withdrawn: Mapping[str, str],
    consents: Collection[Consent],
) -> Consent | None:
    """The withdrawn consent that closes `action` on `day` on a sample of `material`, or None.

    `withdrawn`: the day on which each consent was withdrawn. What happened on that day or before
    may still be entered, as after every withdrawal.
    """
    if action not in SAMPLE_WORK:
        return None
    for consent in consents:
        since = withdrawn.get(consent.code)
        if since is not None and material in consent.samples and day > since[: len(day)]:
            return consent
    return None
