"""People who come: arrival, hospital, answers, true marker status."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import polars as pl

from equipoise.errors import BadInput
from equipoise.simulation.answers import Answers, Texts, answers
from equipoise.simulation.entries import Entries, epoch_day
from equipoise.simulation.laboratory import Blood
from equipoise.simulation.nature import DAYS_PER_MONTH, Bools, Draws, Ints, Nature, chosen
from equipoise.simulation.scenario import Draw, PriorTherapyNature, Scenario
from equipoise.study.definition import Study
from equipoise.visits.events import (
    ConsentSigned,
    FormItem,
    FormSaved,
    PriorTherapyRecorded,
    SubjectScreened,
    VisitRecorded,
)
from equipoise.visits.plan import Form, Item, Visit


@dataclass(slots=True)
class People:
    """Candidates of every replicate in order of arrival; arrays are replicates x candidates.

    `known`: the first answer to each item. `latest`: the answers of the last visit that asked for
    an item, other than imaging, and its days. `miswritten`: until which day the answer stood wrong
    (by one too many), -1 where it never did. `measured`: as `latest`, of the items that laboratory
    reports answer, as scaled integers of ANSWER_PLACES.
    """

    screened: Ints
    site: Ints
    randomised: Ints
    imaged: Ints
    first_dose: Ints
    status: Texts
    arm: Texts
    blood: Blood | None
    known: dict[str, Answers] = field(default_factory=dict)
    latest: dict[str, tuple[Answers, Ints]] = field(default_factory=dict)
    measured: dict[str, tuple[Ints, Ints]] = field(default_factory=dict)
    miswritten: dict[str, Ints] = field(default_factory=dict)


def arrivals(study: Study, scenario: Scenario, drawn: Draws) -> People:
    """Who comes when and where, and the days of the steps before treatment."""
    nature = drawn.arrivals
    plan = scenario.enrolment
    size = plan.screen_at_most
    gaps = -np.log(nature.uniform("arrival", size)) * DAYS_PER_MONTH / float(plan.per_month)
    screened = epoch_day(scenario.start) + np.floor(np.cumsum(gaps, axis=1)).astype(np.int64)
    low, high = plan.days_to_randomisation
    delay = nature.integer("to randomisation", low, high, size)
    imaged = screened + np.floor(nature.uniform("to imaging", size) * delay).astype(np.int64)
    randomised = screened + delay
    low, high = plan.days_to_first_dose
    return People(
        screened=screened,
        site=nature.integer("site", 0, len(study.sites) - 1, size),
        randomised=randomised,
        imaged=imaged,
        first_dose=randomised + nature.integer("to first dose", low, high, size),
        status=np.full(screened.shape, None, dtype=object),
        arm=np.full(screened.shape, None, dtype=object),
        blood=Blood(study, scenario, drawn.screening, size) if scenario.laboratory else None,
    )


def screening(
    study: Study, scenario: Scenario, nature: Nature, people: People, entries: Entries
) -> None:
    """Enter everything from the first contact to the day before randomisation."""
    replicate, subject = np.indices(people.screened.shape).reshape(2, -1)
    day = people.screened.ravel()
    entries.add(SubjectScreened, replicate, subject, day, {})
    for position, consent in enumerate(study.visits.consents):
        if consent.required_for_randomisation:
            items = {"consent": consent.code, "version": consent.version}
            entries.add(ConsentSigned, replicate, subject, day, items, order=position)
    for visit in study.visits.visits:
        if visit.anchor == "screening":
            every = np.ones(people.screened.shape, dtype=bool)
            visited(study, scenario, nature, people, entries, visit, people.screened, every)
        elif is_baseline_imaging(visit):
            every = np.ones(people.screened.shape, dtype=bool)
            visited(study, scenario, nature, people, entries, visit, people.imaged, every)
    people.status = true_status(study, scenario, nature, people)


def is_baseline_imaging(visit: Visit) -> bool:
    """Whether this is the imaging that precedes the first dose."""
    return visit.imaging and visit.anchor == "first_dose"


def visited(
    study: Study,
    scenario: Scenario,
    nature: Nature,
    people: People,
    entries: Entries,
    visit: Visit,
    days: Ints,
    mask: Bools,
    *,
    instance: int = 1,
) -> None:
    """Enter a visit on `days` for the subjects of `mask`, and what was asked there."""
    attended(entries, visit, days, mask, np.full(mask.shape, instance))
    asked(study, scenario, nature, people, entries, visit, days, mask, occasion=instance)


def attended(
    entries: Entries,
    visit: Visit,
    days: Ints,
    mask: Bools,
    instance: Ints,
    unscheduled: Bools | None = None,
) -> None:
    """Enter that the subjects of `mask` came to a visit, the `instance`-th, planned or not."""
    replicate, subject = np.nonzero(mask)
    beside = np.zeros(mask.shape, dtype=np.bool_) if unscheduled is None else unscheduled
    items = {"visit": visit.code, "instance": instance[mask], "unscheduled": beside[mask]}
    entries.add(VisitRecorded, replicate, subject, days[mask], items, order=instance[mask])


def asked(
    study: Study,
    scenario: Scenario,
    nature: Nature,
    people: People,
    entries: Entries,
    visit: Visit,
    days: Ints,
    mask: Bools,
    *,
    occasion: int = 1,
) -> None:
    """Enter the forms of a visit and the report of the blood drawn (at a visit other than imaging)
    on `days` for the subjects of `mask`. A form on which everything is reported is not filled.

    `occasion`: how many such visits there were, with this one.
    """
    measured = frozenset[str]() if people.blood is None else people.blood.items
    if people.blood is not None and not visit.imaging:
        found = people.blood.reported(entries, visit, occasion, days, mask, people.arm)
        people.measured.update({item: (answers, days) for item, answers in found.items()})
    forms = {form.code: form for form in study.visits.forms}
    for position, code in enumerate(visit.forms):
        form = forms[code]
        if not measured.issuperset(item.code for item in form.items):
            _filled(scenario, nature, people, entries, visit, form, days, mask, occasion, position)


def _filled(
    scenario: Scenario,
    nature: Nature,
    people: People,
    entries: Entries,
    visit: Visit,
    form: Form,
    days: Ints,
    mask: Bools,
    instance: int,
    order: int,
) -> None:
    replicate, subject = np.nonzero(mask)
    name = f"{visit.code}-{instance}" if form.repeating else "1"
    head = {"form": form.code, "instance": name, "visit": visit.code}
    ids = entries.add(FormSaved, replicate, subject, days[mask], head, order=order)
    for position, item in enumerate(form.items):
        if people.blood is not None and item.code in people.blood.items:
            entries.add_nested(FormItem, ids, np.full(len(ids), position), {"item": item.code})
            continue
        draw = scenario.items.get(item.code)
        if draw is None:
            if item.required:
                raise BadInput(
                    f"how to draw the required item {item.code} of form {form.code}",
                    where=f"scenario {scenario.name}",
                    field="items",
                )
            draw = Draw(value="", missing=Decimal(1))
        stream = f"item/{item.code}/{name}"
        full = answers(nature, stream, item, draw, days, people.known)
        if not form.repeating or item.code not in people.known:
            people.known[item.code] = full
        if not visit.imaging:
            people.latest[item.code] = full, days
        value = full[mask]
        if item.therapies:
            value = _treated(scenario, nature, entries, item, name, days, mask, value)
        reason = Answers(np.where(value.codes < 0, 0, -1), pl.Series(["not_done"]))
        entries.add_nested(
            FormItem,
            ids,
            np.full(len(ids), position),
            {"item": item.code, "value": value, "value_missing": reason},
        )
        _miswritten(scenario, nature, people, entries, item.code, ids, days, mask, value)


def _treated(
    scenario: Scenario,
    nature: Nature,
    entries: Entries,
    item: Item,
    name: str,
    days: Ints,
    mask: Bools,
    value: Answers,
) -> Answers:
    """Enter the prior therapies of those who had one, and return what the form says of them."""
    had = value.equal("true")
    plan = scenario.prior_therapies or PriorTherapyNature(
        overlooked=Decimal(0), not_entered=Decimal(0)
    )
    uniform = nature.uniform(f"prior therapy/{item.code}/{name}", days.shape[1])[mask]
    overlooked = had & (uniform < float(plan.overlooked))
    entered = had & (uniform < 1 - float(plan.not_entered))
    replicate, subject = (each[entered] for each in np.nonzero(mask))
    items = {"entry": f"{item.code}-{name}", "therapy": item.therapies[0]}
    entries.add(PriorTherapyRecorded, replicate, subject, days[mask][entered], items)
    codes = np.where(overlooked, len(value.texts), value.codes)
    return Answers(codes, pl.concat([value.texts, pl.Series(["false"])]))


def _miswritten(
    scenario: Scenario,
    nature: Nature,
    people: People,
    entries: Entries,
    item: str,
    ids: Ints,
    days: Ints,
    mask: Bools,
    value: Answers,
) -> None:
    """Some whole numbers were first written wrongly by one, and put right later."""
    plan = scenario.correction
    if plan is None or plan.item != item:
        return
    size = days.shape[1]
    wrong = nature.chance("correction", float(plan.chance), size)[mask] & (value.codes >= 0)
    later = nature.integer("correction/days", *plan.days, size)[mask]
    replicate, subject = np.nonzero(mask)
    new = value[wrong].series()
    old = (new.cast(pl.Int64) + 1).cast(pl.String)
    people.miswritten[item] = np.full(days.shape, -1)
    people.miswritten[item][mask] = np.where(wrong, days[mask] + later, -1)
    entries.correct(
        replicate[wrong], subject[wrong], (days[mask] + later)[wrong], ids[wrong], item, old, new,
    )  # fmt: skip


def true_status(study: Study, scenario: Scenario, nature: Nature, people: People) -> Texts:
    """The true marker status of every candidate, tied to the item it depends on."""
    plan = scenario.marker
    uniform = nature.uniform("true status", people.screened.shape[1])
    result: Texts = np.full(uniform.shape, None, dtype=object)
    for level, weights in plan.prevalence.items():
        codes = np.array(list(weights), dtype=object)
        found = codes[chosen(uniform, weights)]
        where = True if plan.depends_on is None else people.known[plan.depends_on].equal(level)
        result = np.where(where, found, result)
    if any(each is None for each in result.ravel()):
        raise BadInput(
            f"a prevalence for every level of {plan.depends_on}",
            where=f"scenario {scenario.name}",
            field="marker.prevalence",
        )
    return result
