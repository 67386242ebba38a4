"""What may still be recorded of a subject who has left: of treatment, visits, consent, or lost.

Four withdrawals, four limits (requirement CN1). Each closes what happens after its day; whatever
happened on that day or before it may still be entered late, and no hour is recorded.

- Treatment discontinued: no regimen, cycle, dose or dispensing. Visits go on.
- Visits discontinued: no procedure of the study either. Vital status and death may be recorded.
- Lost to follow-up: as visits discontinued, until the site has reached the subject again. The
  record of that is the vital status by a visit or by telephone on a later day (assumption: no
  guideline says what ends a loss; a register or another doctor does not reach the subject).
- Consent to participation withdrawn: nothing new is collected, and no sample is worked on. Vital
  status and death may be recorded where the subject allowed it.

Always possible, and closed by none of these:

- adverse events, reports of serious ones, opinions and their coding: the investigator's duty to
  report does not rest on consent (Regulation (EU) 536/2014, article 41), and what was obtained
  before a withdrawal may be used (article 28(3));
- corrections, queries and their answers, deviations, signatures: they make what was obtained
  before right, and collect nothing (ICH E6(R3) 2.9);
- drug that comes back, a sample that arrives, a result that is invalidated: accountability for
  what was handed out or taken before (ICH E6(R3) 2.10);
- the other withdrawals themselves, and consents that are signed.

The day of the identification of a lesion may be that of the reading of an older scan, so it is not
limited; the assessment, whose day is that of the scan, is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

TREATMENT = frozenset({"RegimenChosen", "CycleStarted", "DoseGiven", "DrugDispensed"})
"""Actions that treat a subject with the drugs of the study."""

PROCEDURES = TREATMENT | {
    "VisitRecorded", "FormSaved", "SampleCollected", "LaboratoryReported", "TumourAssessed",
}  # fmt: skip
"""Actions for which the subject is seen, or treated, as the study plans it."""

VISITS = PROCEDURES | {"Randomise"}
"""Actions that are closed when the subject comes no more."""

VITAL = frozenset({"VitalStatusRecorded", "DeathRecorded"})
"""Actions that say whether the subject lives."""

COLLECTED = VISITS | {
    "RecordIdentity", "MedicalHistoryRecorded", "ConcomitantMedicationRecorded",
    "PriorTherapyRecorded", "SubsequentTherapyRecorded", "ProcedureRecorded",
    "AssayResultRecorded", "PathologyReviewed",
}  # fmt: skip
"""Actions that collect something new about the subject, whether seen or not, but for VITAL."""

SAMPLE_WORK = frozenset(
    {
        "SampleCollected", "SampleDerived", "SampleLabelled", "SampleShipped",
        "AssayResultRecorded", "PathologyReviewed",
    }
)  # fmt: skip
"""Actions on a sample that a withdrawn consent closes; that one arrives is always recorded."""

REACHED = frozenset({"visit", "telephone"})
"""Sources of a vital status for which the site reached the subject."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What a withdrawal closes, in which words, on which ground."""

    told: str
    closes: frozenset[str]
    clause: str


LIMITS = {
    "TreatmentDiscontinued": Limit(
        "stopped study treatment", TREATMENT, "ICH E6(R3) 2.9: treatment stopped"
    ),
    "VisitsDiscontinued": Limit(
        "comes to no further visits", VISITS, "ICH E6(R3) 2.8.10(m), 2.9: follow-up stopped"
    ),
    "LostToFollowUp": Limit("was lost to follow-up", VISITS, "ICH E6(R3) 2.9: lost to follow-up"),
    "ConsentWithdrawn": Limit(
        "withdrew the consent to participation",
        COLLECTED | VITAL | SAMPLE_WORK,
        "ICH E6(R3) 2.8.10(l)-(n); Regulation (EU) 536/2014, article 28(3)",
    ),
}
"""The limit of each of the four withdrawals, by the type of its event."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A withdrawal as it stands: the type of its event and its day, as YYYY-MM-DD.

    `vital_status` says whether vital status may be followed after a withdrawal of consent.
    """

    kind: str
    day: str
    vital_status: bool = True


def closed_by(
    action: str, day: str, withdrawals: Sequence[Withdrawal], reached: Collection[str] = ()
) -> Withdrawal | None:
    """The first of `withdrawals` after which `action` on `day` may not be recorded, or None.

    `day` may be partial (a day of death): then only what is surely later is closed. `reached` are
    the days on which the site reached the subject. Withdrawals of other consents than that to
    participation are not to be among `withdrawals`.

    >>> stopped = [Withdrawal("TreatmentDiscontinued", "2025-03-10")]
    >>> closed_by("DoseGiven", "2025-03-10", stopped), closed_by("FormSaved", "2025-04-01", stopped)
    (None, None)
    >>> closed_by("DoseGiven", "2025-03-11", stopped).day
    '2025-03-10'
    """
    for each in withdrawals:
        if action not in LIMITS[each.kind].closes or day <= each.day[: len(day)]:
            continue
        if each.kind == "ConsentWithdrawn" and action in VITAL and each.vital_status:
            continue
        back = each.kind == "LostToFollowUp" and any(each.day < on <= day for on in reached)
        if not back:
            return each
    return None
