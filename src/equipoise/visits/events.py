"""What can be recorded about who was seen, when, on which form, and how it ended."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from equipoise.record.event import (
    LONGEST_SEALED,
    Body,
    EventBody,
    FullDate,
    Identifier,
    MissingReason,
    PartialDate,
    Text,
)
from equipoise.record.plan import Code


class SubjectScreened(EventBody):
    """A person enters screening under a permanent subject number. `occurred`: day of screening.

    `rescreening_of`: the former number of a person who failed screening before.
    """

    rescreening_of: Identifier | None = None

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"subject/{subject}",)


class RecordIdentity(Body):
    """Action: keep a direct identifier under the subject's own key."""

    item: Code
    value: Text


class IdentityRecorded(EventBody):
    """A direct identifier, sealed under the subject's own key; never readable in tables."""

    item: Code
    sealed: str = Field(min_length=1, max_length=LONGEST_SEALED)


class ConsentSigned(EventBody):
    """A consent of one kind in one version was signed. `occurred`: day of signature."""

    consent: Code
    version: Identifier


class VisitRecorded(EventBody):
    """A planned or unscheduled visit took place, or did not. `occurred`: day of the visit."""

    visit: Code
    instance: int = Field(default=1, ge=1)
    unscheduled: bool = False
    not_done: MissingReason | None = None


class FormItem(Body):
    """One answer on a form: the canonical text of its value, or why there is none."""

    TABLE: ClassVar[str] = "form_item"
    ID: ClassVar[str] = "item"

    item: Code
    value: str | None = None
    value_missing: MissingReason | None = None


class FormSaved(EventBody):
    """One instance of a form of the study file. `occurred`: day that the answers speak about."""

    form: Code
    instance: Identifier
    visit: Code | None = None
    items: tuple[FormItem, ...]

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"form/{subject}/{self.form}/{self.instance}",)


class QuestionnaireOffered(EventBody):
    """A patient got a one-time code with which they answer one questionnaire themselves.

    `offer` is the part of the code that finds it again; `proof` what the whole code and the year of
    birth are checked against, from which neither can be read. `until`: the last day of the code. A
    later offer of the same instance ends an earlier one.
    """

    offer: Identifier
    form: Code
    instance: Identifier
    until: FullDate
    proof: str = Field(pattern=r"^[0-9a-f]{32}[$][0-9a-f]{64}$")

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"offer/{self.offer}",)


class AnswerQuestionnaire(Body):
    """Action: a patient answers the questionnaire that their code and year of birth open."""

    code: str = Field(min_length=1, max_length=40)
    birth_year: str = Field(min_length=1, max_length=8)
    items: tuple[FormItem, ...]


class ScreeningFailed(EventBody):
    """The person left before randomisation. `occurred`: day of the decision.

    `criteria` are those that were not met, `pending` those that were not known; of somebody not
    eligible `conduct` enters both as the rules give them.
    """

    cause: Literal["not_eligible", "no_marker_status", "declined", "other"]
    criteria: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"screening failed/{subject}",)


class DeathRecorded(EventBody):
    """The subject died. `occurred`: day of death, perhaps partial."""

    PARTIAL_OCCURRED: ClassVar[bool] = True

    cause: Literal["disease", "toxicity", "other", "unknown"]

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"death/{subject}",)


class VitalStatusRecorded(EventBody):
    """The subject was known to be alive on the day `occurred`."""

    source: Literal["visit", "telephone", "general_practitioner", "register"]


class TreatmentDiscontinued(EventBody):
    """Study treatment stopped for good; visits go on. `occurred`: day of the decision."""

    cause: Literal[
        "progression",
        "toxicity",
        "completed",
        "subject_decision",
        "physician_decision",
        "death",
        "other",
    ]


class VisitsDiscontinued(EventBody):
    """The subject comes to no further visits; vital status may be followed where allowed."""

    cause: Literal["subject_decision", "physician_decision", "moved", "other"]


class ConsentWithdrawn(EventBody):
    """The subject withdrew a consent; nothing more is collected under it."""

    consent: Code
    vital_status_allowed: bool


class LostToFollowUp(EventBody):
    """The site cannot reach the subject. `occurred`: day this was declared."""

    last_attempt: FullDate


class MedicalHistoryRecorded(EventBody):
    """One condition of the history, permanent or past; without its `term` it is taken back.

    `condition`: its code, where the study file lists it because a criterion asks for it.
    """

    SAYS: ClassVar[str] = "term"

    entry: Identifier
    term: Text | None = None
    term_missing: MissingReason | None = None
    condition: Code | None = None
    start: PartialDate | None = None
    end: PartialDate | None = None
    ongoing: bool

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"medical_history/{subject}/{self.entry}",)


class ConcomitantMedicationRecorded(EventBody):
    """One medicine other than study treatment, such as a somatostatin analogue. `occurred`: the day
    on which the site learnt of it; without its `drug_class` it is taken back."""

    SAYS: ClassVar[str] = "drug_class"

    entry: Identifier
    drug: Text
    drug_class: Code | None = None
    drug_class_missing: MissingReason | None = None
    start: PartialDate | None = None
    end: PartialDate | None = None
    ongoing: bool

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"concomitant_medication/{subject}/{self.entry}",)


class PriorTherapyRecorded(EventBody):
    """One treatment of the tumour before the trial; without its `therapy` it is taken back."""

    SAYS: ClassVar[str] = "therapy"

    entry: Identifier
    therapy: Code | None = None
    therapy_missing: MissingReason | None = None
    drug: Text | None = None
    start: PartialDate | None = None
    end: PartialDate | None = None

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"prior_therapy/{subject}/{self.entry}",)


class SubsequentTherapyRecorded(EventBody):
    """A new treatment of the tumour after study treatment. `occurred`: its first day. Without its
    `therapy` it is taken back."""

    SAYS: ClassVar[str] = "therapy"

    entry: Identifier
    therapy: Code | None = None
    therapy_missing: MissingReason | None = None
    drug: Text | None = None

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"subsequent_therapy/{subject}/{self.entry}",)


class ProcedureRecorded(EventBody):
    """A procedure, on a lesion where one is named. `occurred`: its day. Without its `procedure` it
    is taken back.

    `lesion`: by the name that `evaluator` gave it; a lesion that two evaluators follow has two.
    """

    SAYS: ClassVar[str] = "procedure"

    entry: Identifier
    procedure: Code | None = None
    procedure_missing: MissingReason | None = None
    lesion: Identifier | None = None
    evaluator: Code | None = None

    def guards(self, subject: str | None) -> tuple[str, ...]:
        return (f"procedure/{subject}/{self.entry}",)


Entry = (
    MedicalHistoryRecorded
    | ConcomitantMedicationRecorded
    | PriorTherapyRecorded
    | SubsequentTherapyRecorded
    | ProcedureRecorded
)
"""What a patient has had or is given beside the treatment of the trial.

An entry that was made by mistake, such as one of another patient, is taken back by a correction of
what it `SAYS` to nothing, with the reason `not_applicable`. It stays in the record and in its
table, and no rule counts it.
"""

EVENTS: tuple[type[EventBody], ...] = (
    SubjectScreened,
    IdentityRecorded,
    ConsentSigned,
    VisitRecorded,
    FormSaved,
    QuestionnaireOffered,
    ScreeningFailed,
    DeathRecorded,
    VitalStatusRecorded,
    TreatmentDiscontinued,
    VisitsDiscontinued,
    ConsentWithdrawn,
    LostToFollowUp,
    MedicalHistoryRecorded,
    ConcomitantMedicationRecorded,
    PriorTherapyRecorded,
    SubsequentTherapyRecorded,
    ProcedureRecorded,
)
