"""The part of the study file that says what is given: regimens, doses, body surface area."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal, Self

from pydantic import Field, model_validator

from equipoise.record.plan import Code, Count, Label, Number, Plan


class SignedSource(Plan):
    """The document that a dose was taken from, and the signatures that released it for patients.

    Without both signatures the dose serves rehearsal only, and says so.
    """

    document: str
    pharmacist: str | None = None
    investigator: str | None = None


class Dose(Plan):
    """One drug of a regimen: amount per administration, days of the cycle, times a day.

    `dispensed_in`: the mg of each unit that is dispensed (tablets, capsules, steps of an infusion).
    A dose is a sum of whole units, the nearest to the calculated amount, of two equally near the
    lower. Without units it is the calculated amount.
    """

    drug: Code
    label: Label
    amount: Number = Field(gt=0)
    unit: Literal["mg/m2", "mg"]
    days: tuple[Count, ...]
    times_per_day: Count = Field(default=1, ge=1)
    route: Literal["oral", "intravenous_bolus", "intravenous_infusion"]
    duration: str | None = None
    dispensed_in: tuple[Number, ...] = ()
    release: SignedSource | None = None

    @model_validator(mode="after")
    def _units(self) -> Self:
        if any(not 0 < each <= 10_000 or each * 100 % 1 for each in self.dispensed_in):
            raise ValueError("is dispensed in units of up to 10000 mg, of two decimal places")
        return self


class Regimen(Plan):
    """A regimen: cycle length, number of cycles, doses."""

    code: Code
    label: Label
    cycle_days: Count = Field(gt=0)
    maximum_cycles: Count | None = Field(default=None, gt=0)
    doses: tuple[Dose, ...]


class BodySurfaceArea(Plan):
    """The formula and the optional cap (m2) of body surface area."""

    formula: Literal["mosteller", "dubois"]
    cap: Number | None = None


class RenalFunction(Plan):
    """The formula of renal function and the form items that it is computed from.

    Of the formulas two are spellings of Cockcroft and Gault (mL/min); CKD-EPI and MDRD give the
    filtration rate (mL/min per 1.73 m2).

    `creatinine` is an item in umol/L, `weight` one in kg, `age` one in years, `sex` a coded item
    of which `male` and `female` are codes.
    """

    formula: Literal["cockcroft_gault_umol", "cockcroft_gault_mg_dl", "ckd_epi_2021", "mdrd_175"]
    creatinine: Code
    weight: Code
    age: Code
    sex: Code
    male: Code
    female: Code


class Range(Plan):
    """Numbers between two limits, each of them in or out; a limit that is absent does not limit."""

    at_least: Number | None = None
    above: Number | None = None
    below: Number | None = None
    at_most: Number | None = None

    @model_validator(mode="after")
    def _limited(self) -> Self:
        low, high = (self.at_least, self.above), (self.below, self.at_most)
        if None not in low or None not in high:
            raise ValueError("has at_least or above, below or at_most, not both of a pair")
        if low == high == (None, None):
            raise ValueError("has at least one limit")
        if any(not 0 <= each < 10_000 or each * 100 % 1 for each in self.limits):
            raise ValueError("has limits from 0 to below 10000, of at most two decimal places")
        return self

    @property
    def limits(self) -> tuple[Decimal, ...]:
        """The limits that are given."""
        found = (self.at_least, self.above, self.below, self.at_most)
        return tuple(each for each in found if each is not None)


class ItemRange(Range):
    """A range of the answers to one numeric item; `valid_days`: how old an answer may be."""

    item: Code
    valid_days: Count | None = Field(default=None, ge=0)


class Toxicity(Plan):
    """Adverse events that a rule looks at: which terms (none named: all) and which grades.

    `occurrence`: how many of them there have been since the first dose, each by its worst grade.
    `ongoing` instead: that one of them is there now, by its present grade.
    """

    terms: tuple[str, ...] = ()
    except_terms: tuple[str, ...] = ()
    grades: tuple[Count, ...]
    occurrence: Count | None = Field(default=None, ge=1)
    ongoing: bool = False

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.ongoing == (self.occurrence is not None):
            raise ValueError("has an occurrence or is ongoing: one of the two")
        return self


class Medication(Plan):
    """Medicines beside the trial's that a rule looks at, by the classes of the study file.

    One counts while it is taken, and until `days_after` days have passed since it was taken last.
    """

    classes: tuple[Code, ...] = Field(min_length=1)
    days_after: Count = Field(default=0, ge=0, le=3650)


DecisionKind = Literal["full", "reduce", "judge", "delay", "omit", "stop"]


class ModificationRule(Plan):
    """If `clearance`, any of `values` or `nadirs`, `toxicity` or `medication` holds: what to do.

    `values` are the answers in force at the start of the cycle, `nadirs` the lowest answers since
    the cycle before began. `decision`: give the full dose, `reduce` it (to `percent` of the
    regimen's dose, to `amount`, or by `minus` each time, not below `floor`; both in the unit of
    the dose), let the prescriber `judge`, `delay` the cycle, `omit` the drug in this cycle, or
    `stop` it for good. What is `lasting` holds in every later cycle too: a dose once reduced is
    not increased again. From the cycle `reassessed_from` on a reduction is a starting point: the
    prescriber may give any dose up to the one without it. `labelled_amount` is the dose for which
    the label has this rule; with another dose its use is off label, and every decision by it says
    so.
    """

    code: Code
    wording: Label
    clearance: Range | None = None
    values: tuple[ItemRange, ...] = ()
    nadirs: tuple[ItemRange, ...] = ()
    toxicity: Toxicity | None = None
    medication: Medication | None = None
    decision: DecisionKind
    percent: Count | None = Field(default=None, ge=1, le=99)
    amount: Number | None = Field(default=None, gt=0)
    minus: Number | None = Field(default=None, gt=0)
    floor: Number | None = Field(default=None, gt=0)
    lasting: bool = False
    reassessed_from: Count | None = Field(default=None, ge=2)
    labelled_amount: Number | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        conditions = (self.clearance, self.values, self.nadirs, self.toxicity, self.medication)
        if sum(bool(each) for each in conditions) != 1:
            raise ValueError("has exactly one of clearance, values, nadirs, toxicity, medication")
        ways = (self.percent, self.amount, self.minus)
        if sum(way is not None for way in ways) != (self.decision == "reduce"):
            raise ValueError("has one of percent, amount and minus if it reduces, else none")
        if (self.minus is None) != (self.floor is None):
            raise ValueError("has minus and floor together")
        if self.reassessed_from is not None and (self.decision != "reduce" or self.lasting):
            raise ValueError("is reassessed if it reduces and is not lasting")
        if self.minus is not None and not self.nadirs:
            raise ValueError("minus is counted in cycles with a nadir")
        return self


class RuleSet(Plan):
    """The modification rules of one label for some drugs, in all regimens or in those named.

    Where two labels disagree, both stand in the study file, each as a set of its own, and
    `in_force` names one. `standing` rules are on what a patient is, not on how a cycle went: they
    also decide which regimens are open, and the printed table of doses is made of them.
    `doubtful_up_to_clearance`: up to this creatinine clearance (mL/min) a finding that these rules
    act on is possibly false. `prescription_states`: what a prescription
    of these drugs must state, and without which the pharmacist does not dispense.
    """

    code: Code
    label: Label
    drugs: tuple[Code, ...]
    regimens: tuple[Code, ...] = ()
    rules: tuple[ModificationRule, ...]
    standing: bool = False
    doubtful_up_to_clearance: Number | None = None
    prescription_states: Label | None = None

    @model_validator(mode="after")
    def _standing(self) -> Self:
        passing = any(rule.toxicity or rule.nadirs or rule.medication for rule in self.rules)
        if self.standing and passing:
            raise ValueError("standing rules look at creatinine clearance and answers alone")
        return self


class Modifications(Plan):
    """The sets of rules that are known to the study, and which of them are in force."""

    in_force: tuple[Code, ...]
    rule_sets: tuple[RuleSet, ...]

    @property
    def sets_in_force(self) -> tuple[RuleSet, ...]:
        """The sets in force, in the order of the study file."""
        return tuple(each for each in self.rule_sets if each.code in self.in_force)

    def stated_for(self, regimen: str, drug: str) -> tuple[RuleSet, ...]:
        """The sets in force that want something stated on a prescription of the drug."""
        return tuple(
            each
            for each in self.sets_in_force
            if each.prescription_states is not None
            and drug in each.drugs
            and (not each.regimens or regimen in each.regimens)
        )


NO_MODIFICATIONS = Modifications(in_force=(), rule_sets=())


class TreatmentPlan(Plan):
    """Regimens, how doses are calculated, and when they are modified.

    `verified_by`: how many pharmacists, each a different person, have to release a dose before it
    is dispensed. Where it is none, a dose that a pharmacist holds is not dispensed all the same.
    """

    regimens: tuple[Regimen, ...]
    body_surface_area: BodySurfaceArea
    renal_function: RenalFunction | None = None
    modifications: Modifications = NO_MODIFICATIONS
    verified_by: Count = Field(default=0, le=2)
