"""The answer of `equipoise design`: size, what-ifs, power, interaction, and other designs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from equipoise.analysis.exhibit import Exhibit, Value
from equipoise.analysis.sample_size import (
    Reasoning,
    compared_groups,
    planned_test,
    reasoning,
    sized,
    sized_analysis,
)
from equipoise.analysis.what_if import resized, what_ifs
from equipoise.errors import BadInput
from equipoise.simulation.assay_cost import Accuracy, assay_exhibits, assay_finding
from equipoise.simulation.compared_designs import compared_designs, control_arm
from equipoise.simulation.planned_population import PlannedPatients, drawn_rates, planned_patients
from equipoise.simulation.planned_power import (
    Observed,
    by_prevalence,
    interaction,
    interaction_by_control,
    needed_on_average,
    power_of_sizes,
    with_prevalence,
    with_rate,
)
from equipoise.simulation.power_curves import power_by_number
from equipoise.simulation.scenario import Scenario
from equipoise.simulation.six_designs import six_designs
from equipoise.simulation.staged_designs import staged_designs
from equipoise.statistics.checked import level_per_side
from equipoise.statistics.marker_designs import Population
from equipoise.study.definition import Study

_OF_SIZE = ("alpha", "sided", "power", "method", "loss", "loss_as", "planned")
_OF_PATIENTS = (
    "rates.STATUS",
    "prevalence.STATUS",
    "response.STATUS.ARM",
    "no_status",
    "sensitivity.STATUS",
    "per_month",
)


@dataclass(frozen=True, slots=True)
class DesignAnswer:
    """Everything that the design of a study says of it.

    `patients` are those that the scenario expects, `control` is the arm that the compared one is
    set against, `findings` are sentences, `exhibits` tables.
    """

    reasoning: Reasoning
    patients: PlannedPatients
    control: str
    findings: tuple[str, ...]
    exhibits: tuple[Exhibit, ...]

    def exhibit(self, code: str) -> Exhibit:
        """The table of this code."""
        return next(each for each in self.exhibits if each.code == code)


def design(
    study: Study,
    scenario: Scenario,
    *,
    control: str | None = None,
    settings: Mapping[str, str] | None = None,
    observed: Mapping[str, tuple[int, int]] | None = None,
) -> DesignAnswer:
    """Size, power and other designs of `study` with the patients of `scenario`.

    `settings` stand instead of single assumptions: fields of the sample size (`alpha`, `power`,
    `rates.STATUS`, ...) and of the patients (`prevalence.STATUS`, `response.STATUS.ARM`,
    `no_status`, `sensitivity.STATUS`, `per_month`). `observed`: responses and evaluable subjects by
    compared status.
    Raises BadInput, which names the field, for what cannot be.

    >>> from equipoise.simulation.scenario import load_scenario
    >>> from equipoise.study.load import load_study, study_path
    >>> planning = load_scenario(study_path("mgmt-net").parent, "planning")
    >>> design(load_study("mgmt-net"), planning).reasoning.subjects
    104
    """
    if scenario.study != study.id:
        raise BadInput(f"must be a scenario of {study.id}", field="scenario", found=scenario.name)
    study, patients = _set(study, scenario, settings or {})
    found, against = reasoning(study), control_arm(study, control)
    compared, staged = (
        compared_designs(study, patients, against),
        staged_designs(study, patients, against),
    )
    level = level_per_side(float(sized(study).alpha), sized(study).sided)
    exhibits = (
        *what_ifs(study),
        power_by_number(study, patients, against),
        power_of_sizes(study, patients, _observed(study, observed), drawn_rates(study, scenario)),
        by_prevalence(study, patients),
        interaction(study, patients, against),
        interaction_by_control(study, patients, against),
        *assay_exhibits(study, scenario, patients, _accuracy(settings or {})),
        six_designs(compared[0], compared[1], staged[0], staged[1], level),
        *compared,
        *staged,
    )
    answer = DesignAnswer(found, patients, against, (), exhibits)
    return replace(answer, findings=_findings(study, scenario, answer))


def _set(
    study: Study, scenario: Scenario, settings: Mapping[str, str]
) -> tuple[Study, PlannedPatients]:
    """The study and its patients with other assumptions."""
    rates = {str(status): rate for status, rate in sized(study).rates.items()}
    changes: dict[str, Any] = {}
    for name, value in settings.items():
        head, _, rest = name.partition(".")
        if name in _OF_SIZE:
            changes[name] = (
                int(value) if name in ("sided", "planned") and value.isdigit() else value
            )
        elif head == "rates" and rest in rates:
            changes["rates"] = {**changes.get("rates", rates), rest: value}
        elif head == "rates":
            raise BadInput(f"must be a rate of {' or '.join(rates)}", field=name, found=value)
        elif head not in ("prevalence", "response", "no_status", "sensitivity", "per_month"):
            allowed = f"must be one of {', '.join((*_OF_SIZE, *_OF_PATIENTS))}"
            raise BadInput(allowed, field="set", found=name)
    study = resized(study, changes) if changes else study
    patients = planned_patients(study, scenario)
    for name, value in settings.items():
        if name not in _OF_SIZE and not name.startswith("rates."):
            patients = _changed(study, patients, name, value)
    return study, patients


def _changed(study: Study, patients: PlannedPatients, name: str, text: str) -> PlannedPatients:
    head, *parts = name.split(".")
    value = _number(name, text)
    if head == "per_month" and not parts:
        if value <= 0:
            raise BadInput("must be above 0", field=name, found=text)
        return replace(patients, per_month=value)
    if not 0 <= value <= 1:
        raise BadInput("must be a probability of 0 to 1", field=name, found=text)
    if head == "no_status" and not parts:
        if value == 1:
            raise BadInput("must be below 1", field=name, found=text)
        before = patients.population
        changed = Population(before.prevalence, 1 - value, before.rates)
        return replace(patients, population=changed)
    if not parts or parts[0] not in patients.statuses:
        raise BadInput(
            f"must name a status: {', '.join(patients.statuses)}", field=name, found=text
        )
    if head == "prevalence" and len(parts) == 1:
        if value in (0, 1):
            raise BadInput("must leave patients of each status", field=name, found=text)
        return with_prevalence(patients, parts[0], value)
    if head == "sensitivity" and len(parts) == 1:
        return patients
    if head != "response" or len(parts) != 2 or parts[1] not in patients.arms:
        allowed = f"must be response.STATUS.ARM, the arm one of {', '.join(patients.arms)}"
        raise BadInput(allowed, field=name, found=text)
    if any(each.status == parts[0] and parts[1] in each.arms for each in compared_groups(study)):
        raise BadInput(
            f"is a rate of the sample size: set rates.{parts[0]}", field=name, found=text
        )
    return with_rate(patients, parts[0], parts[1], value)


def _accuracy(settings: Mapping[str, str]) -> Accuracy:
    """What was set of the assay; `_set` has refused what cannot be."""
    right = {
        name.partition(".")[2]: float(text)
        for name, text in settings.items()
        if name.startswith("sensitivity.")
    }
    none = settings.get("no_status")
    return Accuracy(right, None if none is None else float(none))


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadInput("must be a number such as 0.25", field=name, found=text)
    return value


def _observed(study: Study, observed: Mapping[str, tuple[int, int]] | None) -> Observed | None:
    if observed is None:
        return None
    one, two = (each.status for each in compared_groups(study))
    if set(observed) != {one, two}:
        allowed = f"must be given for {one} and for {two}"
        raise BadInput(allowed, field="observed", found=", ".join(observed))
    return Observed(observed[one], observed[two])


def _findings(study: Study, scenario: Scenario, answer: DesignAnswer) -> tuple[str, ...]:
    """What whoever plans the trial should know of it, in sentences."""
    found, size = answer.reasoning, sized(study)
    one, two = found.groups
    ending = (
        f"The reasoning ends in {found.subjects}, the planned number: it is compatible with the "
        "plan, not known to be the plan's own."
        if found.reproduces
        else f"The reasoning ends in {found.subjects}; {size.planned} are planned."
    )
    lost, test = answer.exhibit("power").rows[2], planned_test(study)[0]
    own = sized_analysis(study).method not in ("boschloo", "barnard")
    whose = "the test of the analysis" if own else "the nearest test that is enumerated"
    split = (
        f"Nobody chooses the split by the marker: after the loss the planned number gives "
        f"{lost['first']} ({one.label}) and {lost['second']} ({two.label}) on average, a power of "
        f"{_percent(lost[test])} by {whose} ({test}), where the reasoning asks "
        f"for {found.in_group} each; both reach that on average with "
        f"{math.ceil(needed_on_average(study, answer.patients))} randomised."
    )
    row = answer.exhibit("interaction").rows[0]
    needed = (
        "no number would do for rates without an interaction"
        if row["needed_evaluable"] is None
        else f"{float(size.power):.0%} would take {row['needed_randomised']} randomised"
    )
    question = (
        f"A difference of {one.status} and {two.status} within {one.arms[0]} is an association. "
        f"Whether the marker predicts which of {one.arms[0]} and {answer.control} is better is the "
        f"question of the interaction; for it the planned number has a power of "
        f"{_percent(row['power'])} at the expected rates, {_percent(row['power_after_loss'])} "
        f"after the loss: {needed}."
    )
    drawn = _drawn(study, scenario, answer, test)
    return ending, split, *drawn, question, assay_finding(answer.exhibit("assay_power"))


def _drawn(study: Study, scenario: Scenario, answer: DesignAnswer, test: str) -> tuple[str, ...]:
    """Where the scenario draws other responses than the sample size assumes: what follows."""
    rates = drawn_rates(study, scenario)
    if rates is None:
        return ()
    rows = answer.exhibit("power").rows
    row = next(each for each in rows if each["rates"] == "drawn")
    told = [
        f"{each.label}: {rate:.0%}, where the size assumes {float(each.rate):.0%}"
        for each, rate in zip(compared_groups(study), rates, strict=True)
        if rate != float(each.rate)
    ]
    return (
        f"The scenario draws other responses than the size assumes ({'; '.join(told)}). At the "
        f"rates of the scenario, which simulated trials follow, the power after the loss is "
        f"{_percent(row[test])}, not {_percent(rows[2][test])}.",
    )


def _percent(value: Value) -> str:
    return "an unknown share" if value is None else f"{float(value):.0%}"
