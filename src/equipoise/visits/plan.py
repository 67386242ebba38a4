"""The part of the study file that says who is seen when, and what is asked on which form."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from equipoise.record.plan import Code, Count, Label, Number, Plan
from equipoise.record.scaled import ANSWER_PLACES

ItemType = Literal["decimal", "integer", "boolean", "date", "partial_date", "code", "text"]


class CodedValue(Plan):
    """One allowed answer of a coded item."""

    code: Code
    label: Label


class Item(Plan):
    """One question of a form: its type, unit, limits and labels.

    `minimum` and `maximum` are hard limits; the `expected_` pair only asks for confirmation.
    `entry_window`: criteria of eligibility count an answer only if its form speaks of the day on
    which entry is judged, of a later one, or of one at most so many days before; if
    `entry_window_of` names codes, only of these answers (a positive test does not go out of date).
    `analyte`: what a laboratory measures to answer the item. A result of it in a laboratory report
    is an answer, of the day of the draw, converted exactly to the item's unit.
    `therapies`: codes of prior therapies, of which one that is recorded answers the item with yes,
    whatever a form says. `procedures`, `medication_classes` and `conditions`: the same of codes of
    procedures, medicines and conditions of the history that were done or had begun by the day on
    which entry was decided. `medication_days`: a medicine counts only if it was taken on the day on
    which entry is judged, or at most so many days before.
    """

    code: Code
    label: Label
    type: ItemType
    unit: str | None = None
    places: Count = Field(default=0, ge=0, le=ANSWER_PLACES)
    minimum: Number | None = None
    maximum: Number | None = None
    expected_minimum: Number | None = None
    expected_maximum: Number | None = None
    codes: tuple[CodedValue, ...] = ()
    required: bool = True
    analyte: Code | None = None
    therapies: tuple[Code, ...] = ()
    procedures: tuple[Code, ...] = ()
    medication_classes: tuple[Code, ...] = ()
    medication_days: Count | None = Field(default=None, ge=0, le=3650)
    conditions: tuple[Code, ...] = ()
    entry_window: Count | None = Field(default=None, ge=0, le=3650)
    entry_window_of: tuple[str, ...] = ()


class Check(Plan):
    """An edit check: a SQL boolean expression that must not be false, with its wording."""

    id: Code
    wording: Label
    expression: str
    severity: Literal["hard", "soft"]


class Form(Plan):
    """A form: its items in order. A form that repeats has one instance per occasion.

    `instrument`: the questionnaire that it is, by its code in the data file of their scoring; its
    items are then called by their numbers, `q1` the first.
    """

    code: Code
    label: Label
    repeating: bool = False
    instrument: Code | None = None
    items: tuple[Item, ...]
    checks: tuple[Check, ...] = ()


class Visit(Plan):
    """A planned visit: target day after its anchor, window, and the forms due.

    The anchor `cycle` repeats the visit at the start of every cycle from `first_cycle` on. A visit
    may be due only `until` progression is shown. The first visit with imaging is that of the
    baseline.

    A `contact` asks whether the subject lives, and is kept by any vital status that is recorded, or
    a visit that took place. It is due for whoever comes to no visits as well.
    """

    code: Code
    label: Label
    anchor: Literal["screening", "randomisation", "first_dose", "cycle", "last_dose"]
    day: Count
    window_before: Count = Field(ge=0)
    window_after: Count = Field(ge=0)
    repeat_every: Count | None = Field(default=None, ge=1)
    first_cycle: Count = Field(default=1, ge=1)
    until: Literal["progression"] | None = None
    forms: tuple[Code, ...] = ()
    imaging: bool = False
    contact: bool = False

    @model_validator(mode="after")
    def _only_asked(self) -> Self:
        if self.contact and (self.anchor == "cycle" or self.until or self.forms or self.imaging):
            raise ValueError(
                "a contact has no forms, no imaging, no end at progression and no cycles"
            )
        return self


Material = Literal["ffpe", "frozen", "blood"]
"""What a sample is."""


class Consent(Plan):
    """A kind of consent and the version that is in force with this study version.

    `samples`: materials of which samples are taken and analysed under it. Once it is withdrawn
    nothing more is done with them.
    """

    code: Code
    label: Label
    version: str
    required_for_randomisation: bool
    samples: tuple[Material, ...] = ()


class StandardOfCare(Plan):
    """What is done for these patients outside the trial too, and may be older than the consent.

    `imaging`: the scans of the baseline. `laboratory`: laboratory reports.
    """

    forms: tuple[Code, ...] = ()
    visits: tuple[Code, ...] = ()
    materials: tuple[Material, ...] = ()
    imaging: bool = False
    laboratory: bool = False


class ProhibitedTherapy(Plan):
    """What randomised subjects must not be given beside the treatment of the trial, and when.

    `medication_classes`, `therapies` and `procedures` are codes of the lists of the study file.
    `arms`: of these arms alone, of all if none is named. `regimens`: of subjects who began a cycle
    of one of these alone, from that day on.

    The period begins on the day after randomisation (what was done on that day counts as before, as
    for entry), or on that of the first dose (`since`). It ends on the day before progression as the
    primary evaluator reads it; or with treatment: on the day before it was stopped for good, at the
    earliest so many days after the last dose (`days_after`). Until then it goes on. `wording` is
    the protocol's, `clause` where it stands there.
    """

    code: Code
    wording: Label
    clause: str | None = None
    medication_classes: tuple[Code, ...] = ()
    therapies: tuple[Code, ...] = ()
    procedures: tuple[Code, ...] = ()
    arms: tuple[Code, ...] = ()
    regimens: tuple[Code, ...] = ()
    since: Literal["randomisation", "first_dose"]
    until: Literal["end_of_treatment", "progression"]
    days_after: Count = Field(default=0, ge=0, le=3650)

    @property
    def told(self) -> str:
        """The wording in English, with the clause."""
        return self.wording.en.rstrip(".") + (f" ({self.clause})" if self.clause else "")


class VisitsPlan(Plan):
    """Consents, forms, the visit schedule, and the codes of what else a patient is given.

    A code that is not listed is not recorded: rules ask for codes, and one that is misspelt would
    be overlooked. `therapies`: treatments of the tumour other than those of the trial, before or
    after them. `procedures`: what is done to a patient or a lesion. `medication_classes`: of
    medicines taken beside the trial's. `conditions`: of the medical history, as far as a criterion
    asks for them. `prohibited`: which therapies, procedures and medicines are not allowed, when.
    """

    consents: tuple[Consent, ...]
    standard_of_care: StandardOfCare = StandardOfCare()
    therapies: tuple[CodedValue, ...] = ()
    procedures: tuple[CodedValue, ...] = ()
    medication_classes: tuple[CodedValue, ...] = ()
    conditions: tuple[CodedValue, ...] = ()
    prohibited: tuple[ProhibitedTherapy, ...] = ()
    forms: tuple[Form, ...]
    visits: tuple[Visit, ...]

    @property
    def given(self) -> dict[str, str]:
        """The English labels of medicines, procedures and therapies, by code."""
        lists = (self.medication_classes, self.procedures, self.therapies)
        return {each.code: each.label.en for listed in lists for each in listed}
