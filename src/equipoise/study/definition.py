"""A study: the stages' plans, its registration, its analysis plan, and what must agree."""

from __future__ import annotations

from functools import lru_cache
from typing import Generic, TypeVar

from pydantic import Field

from equipoise.biomarker.plan import BiomarkerPlan
from equipoise.eligibility.judgement import condition
from equipoise.eligibility.plan import EligibilityPlan
from equipoise.oversight.plan import DeviationPlan, OversightPlan
from equipoise.randomisation.plan import RandomisationPlan
from equipoise.record.plan import Code, Label, Plan, TimeZone
from equipoise.response.plan import ResponsePlan
from equipoise.safety.plan import AnsweredItem, NoticePlan, SafetyPlan
from equipoise.study.analysis_plan import AnalysisPlan
from equipoise.study.registration import Registration
from equipoise.treatment.departure import DeparturePlan
from equipoise.treatment.plan import TreatmentPlan
from equipoise.visits.plan import VisitsPlan
from equipoise.visits.prohibited import ProhibitionPlan

Part = TypeVar("Part", bound=Plan)


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
        return _entry(_Itself(self.eligibility), _Itself(self.visits))

    @property
    def answered(self) -> tuple[AnsweredItem, ...]:
        """The items that results of laboratories answer, in the order of the study file."""
        return _answered(_Itself(self.visits))

    @property
    def departures(self) -> DeparturePlan:
        """The regimens; a cycle may begin as many days early as the visit that begins one."""
        return _departures(_Itself(self.treatment), _Itself(self.visits))

    @property
    def prohibitions(self) -> ProhibitionPlan:
        """What is not allowed beside the treatment of the trial, and who reads progression."""
        return ProhibitionPlan(
            prohibited=self.visits.prohibited, evaluator=self.response.primary_evaluator
        )

    @property
    def notices(self) -> NoticePlan:
        """The clocks of reports on harm, and the time zones of the hospitals."""
        return NoticePlan(
            clocks=self.safety.clocks, zones={each.code: each.time_zone for each in self.sites}
        )

    @property
    def deviations(self) -> DeviationPlan:
        """What the rule of deviations has to know of visits and what is important."""
        return DeviationPlan(
            imaging=tuple(each.code for each in self.visits.visits if each.imaging),
            important=tuple(each.category for each in self.oversight.important_deviations),
        )


class _Itself(Generic[Part]):
    """A part of a study, equal to itself alone. Parts never change, so that what was made of one
    holds as long as there is the part."""

    __slots__ = ("part",)

    def __init__(self, part: Part) -> None:
        self.part = part

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self.part is other.part

    def __hash__(self) -> int:
        return id(self.part)


@lru_cache(maxsize=64)
def _entry(eligibility: _Itself[EligibilityPlan], visits: _Itself[VisitsPlan]) -> VisitsPlan:
    """Asked for with every verdict on entry, and made once: see `Study.entry`."""
    criteria, whole = eligibility.part.criteria, visits.part
    read = {name for each in criteria for name in condition(each.expression).items}
    forms = [
        form.model_copy(update={"items": tuple(i for i in form.items if i.code in read)})
        for form in whole.forms
    ]
    kept = tuple(form for form in forms if form.items)
    return whole.model_copy(update={"forms": kept})


@lru_cache(maxsize=64)
def _answered(visits: _Itself[VisitsPlan]) -> tuple[AnsweredItem, ...]:
    """Asked for with every answer of a laboratory, and made once: see `Study.answered`."""
    return tuple(
        AnsweredItem(item=item.code, analyte=item.analyte, unit=item.unit or "")
        for form in visits.part.forms
        for item in form.items
        if item.analyte is not None
    )


@lru_cache(maxsize=64)
def _departures(treatment: _Itself[TreatmentPlan], visits: _Itself[VisitsPlan]) -> DeparturePlan:
    """Asked for with every dose, and made once: see `Study.departures`."""
    early = [each.window_before for each in visits.part.visits if each.anchor == "cycle"]
    return DeparturePlan(regimens=treatment.part.regimens, early_days=max(early, default=0))
