"""A study's structure as the Unified Study Definitions Model, version 4, tells it, out and in.

What goes both ways without a loss: arms, epochs, activities and criteria with their names, labels,
kinds, order, and the wording and expression of a criterion (`StudyStructure`). What the model
cannot say plainly stands in extension attributes under `EXTENSION`: the allocation ratio of each
marker status, and the expression that judges a criterion. Visits leave as encounters without
timings; what else a study file holds does not leave.

Source: CDISC, Digital Data Flow, USDM 4.0 (`usdm_4.yaml` has the codes).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, NamedTuple

import yaml

from equipoise.errors import BadInput
from equipoise.study.definition import Study

EXTENSION = "urn:equipoise:usdm:"
"""What begins the address of our extension attributes."""

_NOT_THERE = "must be a study of USDM 4 with one version and one design"


class Part(NamedTuple):
    """An arm, an epoch or an activity: its name, its label, and what kind it is (NCI code)."""

    name: str
    label: str
    kind: str | None = None


class StatedCriterion(NamedTuple):
    """A criterion: its name, kind (NCI code), wording, and the expression that judges it."""

    name: str
    kind: str
    text: str
    expression: str | None = None


@dataclass(frozen=True, slots=True)
class StudyStructure:
    """Arms, epochs and activities in order, and the criteria of entry."""

    arms: tuple[Part, ...]
    epochs: tuple[Part, ...]
    activities: tuple[Part, ...]
    criteria: tuple[StatedCriterion, ...]


def study_structure(study: Study) -> StudyStructure:
    """The structure of a study file, in English: activities are its forms, imaging, sampling.

    >>> from equipoise.study.load import load_study
    >>> found = study_structure(load_study("mgmt-net"))
    >>> [arm.name for arm in found.arms], [epoch.name for epoch in found.epochs]
    (['ALKY', 'OX'], ['screening', 'treatment', 'follow_up'])
    """
    kinds = {group.arm: group.kind for group in reversed(study.registration.groups)}
    codes = _terms()
    visits = study.visits.visits
    activities = [Part(form.code, form.label.en) for form in study.visits.forms]
    if any(visit.imaging for visit in visits):
        activities.append(Part("tumour_imaging", "Tumour imaging and reading"))
    activities.append(Part("marker_sample", "Tumour sample for the marker"))
    return StudyStructure(
        arms=tuple(
            Part(arm.code, arm.label.en, codes["arms"][kinds.get(arm.code, "EXPERIMENTAL")]["code"])
            for arm in study.randomisation.arms
        ),
        epochs=tuple(
            Part(name, term["decode"], term["code"]) for name, term in codes["epochs"].items()
        ),
        activities=tuple(activities),
        criteria=tuple(
            StatedCriterion(
                each.id, codes["criteria"][each.kind]["code"], each.wording.en, each.expression
            )
            for each in study.eligibility.criteria
        ),
    )


def usdm_document(study: Study) -> dict[str, Any]:
    """The study as a document of USDM 4, ready for JSON; the same study gives the same document."""
    made = _Document()
    structure = study_structure(study)
    title = study.registration.official_title
    version = {
        **made.thing("StudyVersion"),
        "versionIdentifier": study.version,
        "rationale": f"Version {study.version} of the study file",
        "studyIdentifiers": [
            {
                **made.thing("StudyIdentifier"),
                "text": study.registration.identifiers.registry or study.id,
                "scopeId": "Organization_1",
            }
        ],
        "titles": [
            {**made.thing("StudyTitle"), "text": title, "type": made.other("official_title")}
        ],
        "organizations": [
            {
                **made.thing("Organization", study.registration.sponsors[0].name),
                "type": made.other("sponsor"),
                "identifierScheme": "none",
                "identifier": study.registration.identifiers.sponsor,
            }
        ],
        "eligibilityCriterionItems": [
            {**made.thing("EligibilityCriterionItem", each.name), "text": each.text}
            for each in structure.criteria
        ],
        "studyDesigns": [_design(made, study, structure)],
    }
    return {
        "usdmVersion": _terms()["usdm_version"],
        "systemName": "Equipoise",
        "study": {"name": study.id, "label": study.title.en, "versions": [version],
                  "instanceType": "Study"},
    }  # fmt: skip


def _design(made: _Document, study: Study, structure: StudyStructure) -> dict[str, Any]:
    arms = [
        {
            **made.part("StudyArm", each, "arms"),
            "dataOriginDescription": "Data of the subjects of this study",
            "dataOriginType": made.other("data_within"),
        }
        for each in structure.arms
    ]
    epochs = made.chain([made.part("StudyEpoch", each, "epochs") for each in structure.epochs])
    elements = [
        {**made.thing("StudyElement", f"{arm['name']} {epoch['name']}")}
        for arm in arms
        for epoch in epochs
    ]
    pairs = [(arm["id"], epoch["id"]) for arm in arms for epoch in epochs]
    return {
        **made.thing("InterventionalStudyDesign", study.id),
        "rationale": "Whether the marker predicts who benefits from which treatment",
        "model": made.other("parallel"),
        "studyType": made.other("interventional"),
        "arms": arms,
        "epochs": epochs,
        "elements": elements,
        "studyCells": [
            {**made.thing("StudyCell"), "armId": arm, "epochId": epoch, "elementIds": [each["id"]]}
            for (arm, epoch), each in zip(pairs, elements, strict=True)
        ],
        "encounters": made.chain(
            [
                {
                    **made.thing("Encounter", each.code),
                    "label": each.label.en,
                    "type": made.other("visit"),
                }
                for each in study.visits.visits
            ]
        ),
        "activities": made.chain([made.part("Activity", each) for each in structure.activities]),
        "eligibilityCriteria": made.chain([made.criterion(each) for each in structure.criteria]),
        "population": {
            **made.thing("StudyDesignPopulation", "population"),
            "includesHealthySubjects": study.registration.ages.healthy_volunteers,
            "criterionIds": [
                f"EligibilityCriterion_{place}" for place in range(1, len(structure.criteria) + 1)
            ],
        },
        "extensionAttributes": [
            made.extension(f"ratio/{ratio.status}", json.dumps(ratio.ratio))
            for ratio in study.randomisation.scheme.ratios
        ],
    }


class _Document:
    """Numbers the things of a document, each class by itself, from 1."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def thing(self, kind: str, name: str | None = None) -> dict[str, Any]:
        self.numbers[kind] = self.numbers.get(kind, 0) + 1
        named = {} if name is None else {"name": name}
        return {"id": f"{kind}_{self.numbers[kind]}", **named, "instanceType": kind}

    def coded(self, term: Mapping[str, Any]) -> dict[str, Any]:
        named = {"codeSystem": _terms()["system"], "codeSystemVersion": _terms()["version"]}
        return {**self.thing("Code"), "code": term["code"], "decode": term["decode"], **named}

    def other(self, name: str) -> dict[str, Any]:
        return self.coded(_terms()["others"][name])

    def part(self, kind: str, part: Part, terms: str | None = None) -> dict[str, Any]:
        typed = {} if terms is None else {"type": self.coded(_by_code(terms, part.kind))}
        return {**self.thing(kind, part.name), "label": part.label, **typed}

    def criterion(self, each: StatedCriterion) -> dict[str, Any]:
        made = self.thing("EligibilityCriterion", each.name)
        place = self.numbers["EligibilityCriterion"]
        return {
            **made,
            "category": self.coded(_by_code("criteria", each.kind)),
            "identifier": each.name,
            "criterionItemId": f"EligibilityCriterionItem_{place}",
            "extensionAttributes": [self.extension("expression", each.expression or "")],
        }

    def extension(self, name: str, value: str) -> dict[str, Any]:
        return {
            **self.thing("ExtensionAttribute"), "url": EXTENSION + name, "valueString": value,
        }  # fmt: skip

    def chain(self, things: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Each with the id of the one before and the one after."""
        for one, following in pairwise(things):
            one["nextId"], following["previousId"] = following["id"], one["id"]
        return things


def read_usdm(text: str, where: str) -> StudyStructure:
    """The structure that a document of USDM 4 holds, whoever wrote it.

    Epochs and activities stand in the order of their links, criteria in that of the population.
    `where` names the document in errors; BadInput tells what is missing, and where.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput("must be JSON", where=where, found=str(error)) from error
    told = str(_get(document, "usdmVersion", where))
    if not told.startswith("4."):
        raise BadInput("must be version 4 of the model", where=where, field="usdmVersion",
                       found=told)  # fmt: skip
    version = _only(_get(_get(document, "study", where), "versions", where), "versions", where)
    design = _only(_get(version, "studyDesigns", where), "studyDesigns", where)
    items = {
        str(each.get("id")): str(_get(each, "text", where))
        for each in _things(version, "eligibilityCriterionItems", where)
    }
    return StudyStructure(
        arms=tuple(_part(each, where) for each in _things(design, "arms", where)),
        epochs=tuple(_part(each, where) for each in _linked(design, "epochs", where)),
        activities=tuple(_part(each, where) for each in _linked(design, "activities", where)),
        criteria=tuple(_criteria(design, items, where)),
    )


def _criteria(
    design: Mapping[str, Any], items: Mapping[str, str], where: str
) -> Iterator[StatedCriterion]:
    stated = {str(each.get("id")): each for each in _things(design, "eligibilityCriteria", where)}
    order = _get(design, "population", where).get("criterionIds") or list(stated)
    for identifier in order:
        each = stated.get(identifier)
        item = None if each is None else items.get(str(each.get("criterionItemId")))
        if each is None or item is None:
            raise BadInput("must name a criterion and its wording", where=where,
                           field="criterionIds", found=identifier)  # fmt: skip
        ours = {
            extension.get("url"): extension.get("valueString")
            for extension in each.get("extensionAttributes") or ()
        }
        expression = ours.get(EXTENSION + "expression") or None
        kind = _get(_get(each, "category", where), "code", where)
        yield StatedCriterion(str(_get(each, "name", where)), str(kind), item, expression)


def _part(each: Mapping[str, Any], where: str) -> Part:
    name = str(_get(each, "name", where))
    kind = each.get("type")
    return Part(name, str(each.get("label") or name), kind and str(_get(kind, "code", where)))


def _linked(holder: Mapping[str, Any], field: str, where: str) -> Sequence[Mapping[str, Any]]:
    """The things in the order in which they name the next; as they stand if none does."""
    things = _things(holder, field, where)
    if not any(each.get("nextId") for each in things):
        return things
    by_id = {each.get("id"): each for each in things}
    firsts = [each for each in things if each.get("previousId") is None]
    found: list[Mapping[str, Any]] = []
    following: Mapping[str, Any] | None = firsts[0] if len(firsts) == 1 else None
    while following is not None and len(found) < len(things):
        found.append(following)
        following = by_id.get(following.get("nextId"))
    if len(found) != len(things) or following is not None:
        raise BadInput("must be one chain from the first to the last", where=where, field=field)
    return found


def _things(holder: Any, field: str, where: str) -> list[Mapping[str, Any]]:
    found = _get(holder, field, where)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise BadInput("must be a list of objects", where=where, field=field)
    return found


def _only(found: Any, field: str, where: str) -> Any:
    if not isinstance(found, list) or len(found) != 1:
        number = len(found) if isinstance(found, list) else None
        raise BadInput(_NOT_THERE, where=where, field=field, found=number)
    return found[0]


def _get(holder: Any, field: str, where: str) -> Any:
    if not isinstance(holder, dict) or holder.get(field) is None:
        raise BadInput(_NOT_THERE, where=where, field=field)
    return holder[field]


def _by_code(terms: str, code: str | None) -> Mapping[str, Any]:
    (found,) = [each for each in _terms()[terms].values() if each["code"] == code]
    return found  # type: ignore[no-any-return]


@cache
def _terms() -> Mapping[str, Any]:
    text = files("equipoise.exchange").joinpath("usdm_4.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)  # type: ignore[no-any-return]
