"""A study: the stages' plans, its registration, its analysis plan, and what must agree."""

from __future__ import annotations

from pydantic import Field

from equipoise.biomarker.plan import BiomarkerPlan
from equipoise.eligibility.judgement import condition
from equipoise.eligibility.plan import EligibilityPlan
from equipoise.oversight.plan import OversightPlan
from equipoise.randomisation.plan import RandomisationPlan
from equipoise.record.plan import Code, Label, Plan, TimeZone
from equipoise.response.plan import ResponsePlan
from equipoise.safety.plan import AnsweredItem, SafetyPlan
from equipoise.study.analysis_plan import AnalysisPlan
from equipoise.study.registration import Registration
from equipoise.treatment.plan import TreatmentPlan
from equipoise.visits.plan import VisitsPlan


class Site(Plan):
    """A hospital of the trial (one row of sites.csv).

    `time_zone` is its name in the IANA database, such as Europe/Paris: it says which day it is
    there when something is recorded.
    """

    code: Code
    name: str
    city: str
    country: str
    time_zone: TimeZone


class Document(Plan):
    """A document that parts of the study file were read in; `source` names it by its code."""

    code: Code
    citation: str
    address: str | None = None


class Study(Plan):
    """One version of one study, whole."""

    id: Code
    version: str = Field(pattern=r"^[A-Za-z0-9._-]{1,20}$")
    title: Label
    documents: tuple[Document, ...] = ()
    registration: Registration
    sites: tuple[Site, ...]
    eligibility: EligibilityPlan
    biomarker: BiomarkerPlan
    randomisation: RandomisationPlan
    treatment: TreatmentPlan
    response: ResponsePlan
    safety: SafetyPlan
    visits: VisitsPlan
    oversight: OversightPlan
    analysis: AnalysisPlan

    @property
    def entry(self) -> VisitsPlan:
        """The forms with an item that a criterion of eligibility reads, and of these such items."""
        read = {
            name
            for criterion in self.eligibility.criteria
            for name in condition(criterion.expression).items
        }
        forms = [
            form.model_copy(update={"items": tuple(i for i in form.items if i.code in read)})
            for form in self.visits.forms
        ]
        kept = tuple(form for form in forms if form.items)
        return self.visits.model_copy(update={"forms": kept})

    @property
    def answered(self) -> tuple[AnsweredItem, ...]:
        """The items that results of laboratories answer, in the order of the study file."""
        return tuple(
            AnsweredItem(item=item.code, analyte=item.analyte, unit=item.unit or "")
            for form in self.visits.forms
            for item in form.items
            if item.analyte is not None
        )
