"""Where the allowed codes of an item come from: the study file, or what the record already holds.

One line per item. What a list offers is a help; whether a code may be recorded is for `conduct`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from equipoise.conduct.context import as_it_stands
from equipoise.conduct.inquiry import Inquiry
from equipoise.record.plan import Label
from equipoise.study.access import ROLES
from equipoise.study.definition import Study
from equipoise.web.wording import Words

Choices = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Offer:
    """What choices are read from: the study in force, the record, the subject, the language."""

    study: Study
    ask: Inquiry
    words: Words
    subject: str | None = None

    def named(self, found: Iterable[tuple[str, Label]]) -> Choices:
        """Codes with their labels in the language of the page."""
        return [(code, self.words.label(label)) for code, label in found]

    def recorded(self, event_type: str, item: str) -> Choices:
        """What the subject's events of a type say of an item, newest first."""
        if self.subject is None:
            return []
        events = self.ask.events(self.subject)
        found = [str(each[item]) for _, each in as_it_stands(events, event_type) if each[item]]
        return [(each, each) for each in dict.fromkeys(reversed(found))]

    def samples(self) -> Choices:
        """The subject's samples, those made of others included, newest first."""
        return [
            *self.recorded("SampleDerived", "sample"),
            *self.recorded("SampleCollected", "sample"),
        ]


def _sites(offer: Offer) -> Choices:
    return [(each.code, f"{each.code} {each.name}") for each in offer.study.sites]


def _regimens(offer: Offer) -> Choices:
    return [(each.code, each.code) for each in offer.study.treatment.regimens]


def _drugs(offer: Offer) -> Choices:
    found = {d.drug: d.drug for r in offer.study.treatment.regimens for d in r.doses}
    return list(found.items())


def _visits(offer: Offer) -> Choices:
    return offer.named((each.code, each.label) for each in offer.study.visits.visits)


def _consents(offer: Offer) -> Choices:
    return offer.named((each.code, each.label) for each in offer.study.visits.consents)


def _consent_versions(offer: Offer) -> Choices:
    found = {each.version: each.version for each in offer.study.visits.consents}
    return list(found.items())


def _coded(name: str) -> Callable[[Offer], Choices]:
    def offered(offer: Offer) -> Choices:
        return offer.named((each.code, each.label) for each in getattr(offer.study.visits, name))

    return offered


def _evaluators(offer: Offer) -> Choices:
    return [(each.code, each.code) for each in offer.study.response.evaluators]


def _steps(material: str) -> Callable[[Offer], Choices]:
    def offered(offer: Offer) -> Choices:
        path = offer.study.biomarker.marker.path
        steps = path.steps if path else ()
        return offer.named((each.code, each.label) for each in steps if each.material == material)

    return offered


def _classifications(offer: Offer) -> Choices:
    plan = offer.study.biomarker.pathology
    return offer.named((e.version, e.label) for e in plan.classifications) if plan else []


def _differentiations(offer: Offer) -> Choices:
    """The codes of the form item in which the hospital says the differentiation."""
    plan = offer.study.biomarker.pathology
    wanted = plan.local.differentiation if plan else None
    items = [item for form in offer.study.visits.forms for item in form.items]
    return offer.named(
        (code.code, code.label) for item in items if item.code == wanted for code in item.codes
    )


def _assays(offer: Offer) -> Choices:
    return [(each.code, each.code) for each in offer.study.biomarker.marker.assays]


def _forms(offer: Offer) -> Choices:
    return offer.named((each.code, each.label) for each in offer.study.visits.forms)


def _versions(offer: Offer) -> Choices:
    return [(each, each) for each in offer.ask.state.versions]


def _roles(offer: Offer) -> Choices:
    return sorted(((each, offer.words[f"role.{each}"]) for each in ROLES), key=lambda each: each[1])


def _recorded(event_type: str, item: str) -> Callable[[Offer], Choices]:
    return lambda offer: offer.recorded(event_type, item)


CHOICES: Mapping[str, Callable[[Offer], Choices]] = {
    "ConsentSigned.version": _consent_versions,
    "StudyVersionActivated.version": _versions,
    "AssayResultInvalidated.result": _recorded("AssayResultRecorded", "result"),
    "AssayResultRecorded.sample": Offer.samples,
    "PathologyReviewed.sample": Offer.samples,
    "PathologyReviewed.classification": _classifications,
    "PathologyReviewed.differentiation": _differentiations,
    "SampleCollected.step": _steps("rebiopsy"),
    "SampleDerived.step": _steps("recut"),
    "SampleLabelled.sample": Offer.samples,
    "SampleShipped.sample": Offer.samples,
    "SampleReceived.sample": Offer.samples,
    "SampleDerived.parent": Offer.samples,
    "AdverseEventFollowedUp.adverse_event": _recorded("AdverseEventReported", "adverse_event"),
    "SeriousAdverseEventReported.adverse_event": _recorded("AdverseEventReported", "adverse_event"),
    "CausalityAssessed.adverse_event": _recorded("AdverseEventReported", "adverse_event"),
    "SusarSubmitted.adverse_event": _recorded("AdverseEventReported", "adverse_event"),
    "AdverseEventCoded.adverse_event": _recorded("AdverseEventReported", "adverse_event"),
    "DrugReturned.dispensing": _recorded("DrugDispensed", "dispensing"),
    "QueryAnswered.query": _recorded("QueryRaised", "query"),
    "QueryClosed.query": _recorded("QueryRaised", "query"),
    "QueryReopened.query": _recorded("QueryClosed", "query"),
    "assay": _assays,
    "consent": _consents,
    "drug_class": _coded("medication_classes"),
    "evaluator": _evaluators,
    "form": _forms,
    "granted_role": _roles,
    "granted_site": _sites,
    "procedure": _coded("procedures"),
    "regimen": _regimens,
    "therapy": _coded("therapies"),
    "visit": _visits,
    "CausalityAssessed.drug": _drugs,
    "DoseGiven.drug": _drugs,
    "DrugDispensed.drug": _drugs,
    "LotReceived.drug": _drugs,
    "DoseVerified.drug": _drugs,
    "DrugDestroyed.dispensing": _recorded("DrugDispensed", "dispensing"),
}
"""By `Action.item`, else by the item alone."""


def choices(action: str, item: str, offer: Offer) -> Choices | None:
    """The codes offered for an item of an action; None where any text may be written."""
    found = CHOICES.get(f"{action}.{item}") or CHOICES.get(item)
    return found(offer) if found else None
