"""The question of the trial under designs that look at their data once before the end.

Adaptive enrichment starts with everybody and may go on with the favoured status alone. Simon's
two-stage designs treat one status with one arm, against the rate expected under the control arm.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction

from equipoise.analysis.exhibit import Exhibit, Value
from equipoise.analysis.sample_size import evaluable, lost_included, sized
from equipoise.errors import BadInput
from equipoise.simulation.compared_designs import favoured_group, shares_alone, shares_of
from equipoise.simulation.planned_population import PlannedPatients
from equipoise.statistics.adaptive_enrichment import (
    Enrichment,
    enrichment_characteristics,
    enrichment_power,
)
from equipoise.statistics.checked import level_per_side
from equipoise.statistics.marker_designs import screened
from equipoise.statistics.two_stage import TwoStage, simon_designs
from equipoise.study.definition import Study

_TRIALS, _SEARCHED_WITH = 50_000, 10_000
"""Trials of an answer, and of each step of the search for the number that a power needs."""
_LARGEST = 4000
"""Evaluable subjects up to which that number is searched."""
_LARGEST_TWO_STAGE = 150
"""Subjects up to which a two-stage design is searched."""


def staged_designs(
    study: Study, patients: PlannedPatients, control: str
) -> tuple[Exhibit, Exhibit]:
    """Adaptive enrichment, with the planned number and with what the power needs; Simon's."""
    return _adaptive(study, patients, control), _two_stage(study, patients, control)


def _adaptive(study: Study, patients: PlannedPatients, control: str) -> Exhibit:
    size, favoured = sized(study), favoured_group(study)
    arm, level = favoured.arms[0], level_per_side(float(size.alpha), size.sided)
    shares = tuple(
        shares_alone(shares_of(study, status, arm, control))[0] for status in patients.statuses
    )

    def design(subjects: int) -> Enrichment:
        pair = patients.arm(arm), patients.arm(control)
        half, of = subjects // 2, patients.status(favoured.status)
        return Enrichment(half, subjects - half, of, pair, shares, level)

    numbers = {"as planned": evaluable(size, size.planned)}
    needed = _needed(float(size.power), design, patients)
    if needed is not None:
        numbers[f"for a power of {float(size.power):g}"] = needed
    return Exhibit(
        "adaptive_enrichment",
        f"Adaptive enrichment: {arm} v {control}, perhaps in {favoured.status} alone after a look",
        tuple(
            _adaptive_row(study, patients, number, design(subjects))
            for number, subjects in numbers.items()
        ),
        (
            "the look is at half of the evaluable: everybody goes on unless the other statuses "
            "show a disadvantage, then the status alone unless it shows one, then nobody",
            "power: of finding an effect in the status, in everybody, in either; one-sided "
            f"{level:g}; error: that of either, with responses as under the control",
            f"by simulation of {_TRIALS} trials; randomised, screened and months are expectations; "
            "power_se, error_se: Monte-Carlo standard errors",
            "Brannath et al. 2009, Stat Med 28:1445-1463; Wang, O'Neill and Hung 2007, Pharm Stat "
            "6:227-244",
        ),
    )


def _adaptive_row(
    study: Study, patients: PlannedPatients, number: str, design: Enrichment
) -> Mapping[str, Value]:
    size, subjects = sized(study), design.first + design.second
    shown = enrichment_characteristics(design, patients.population, trials=_TRIALS)
    most = _with_loss(study, subjects)
    lost = float(lost_included(size, Fraction(1)))
    number_screened = math.ceil(shown.screened * lost - 1e-9)
    return {
        "number": number,
        "evaluable": subjects,
        "most_randomised": most,
        "randomised": round(shown.subjects * lost, 1),
        "screened": number_screened,
        "months": round(number_screened / patients.per_month, 1),
        "in_status": shown.in_class,
        "in_everybody": shown.in_all,
        "power": shown.either,
        "power_se": shown.either_se,
        "status_alone": shown.enriched,
        "stopped": shown.stopped,
        "error": shown.error,
        "error_se": shown.error_se,
    }


def _needed(
    power: float, design: Callable[[int], Enrichment], patients: PlannedPatients
) -> int | None:
    """The evaluable subjects from which on the power is reached, but for Monte-Carlo error."""

    def misses(subjects: int) -> bool:
        trials = _SEARCHED_WITH
        return enrichment_power(design(subjects), patients.population, trials=trials) < power

    low, high = 2, 64
    while misses(high):
        low, high = high, high * 2
        if high > _LARGEST:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if misses(middle):
            low = middle
        else:
            high = middle
    return high


def _two_stage(study: Study, patients: PlannedPatients, control: str) -> Exhibit:
    size, arm = sized(study), favoured_group(study).arms[0]
    level = level_per_side(float(size.alpha), size.sided)
    rows = []
    for status, rates in zip(patients.statuses, patients.population.rates, strict=True):
        p0, p1 = rates[patients.arm(control)], rates[patients.arm(arm)]
        try:
            found = simon_designs(
                p0, p1, alpha=level, power=float(size.power), largest=_LARGEST_TWO_STAGE
            )
        except BadInput:
            rows += [_two_stage_row(study, patients, status, p0, p1, "none", None)]
            continue
        for kind, design in (("optimal", found.optimal), ("minimax", found.minimax)):
            rows.append(_two_stage_row(study, patients, status, p0, p1, kind, design))
    return Exhibit(
        "two_stage",
        f"Simon's two stages in one status: {arm} against the rate expected under {control}",
        tuple(rows),
        (
            "stop with at most r1 responses of n1; an effect with more than r of n; expected and "
            "early_stop: at the first rate",
            f"one-sided {level:g}; no design where the rate is not above that of the control, or "
            f"with more than {_LARGEST_TWO_STAGE}",
            "one arm: what its patients would have done under the control is taken as known",
            "Simon 1989, Control Clin Trials 10:1-10",
        ),
    )


def _two_stage_row(
    study: Study,
    patients: PlannedPatients,
    status: str,
    p0: float,
    p1: float,
    kind: str,
    design: TwoStage | None,
) -> Mapping[str, Value]:
    head: dict[str, Value] = {"status": status, "p0": p0, "p1": p1, "design": kind}
    names = ("r1", "n1", "r", "n", "expected", "early_stop", "power", "error")
    if design is None:
        return {**head, **dict.fromkeys((*names, "randomised", "screened", "months"))}
    values = (
        design.r1, design.n1, design.r, design.n, round(design.expected_size, 1),
        design.early_stop, design.power, design.size,
    )  # fmt: skip
    randomised = _with_loss(study, design.n)
    population = patients.population
    entering = population.answered * population.prevalence[patients.status(status)]
    number = screened(randomised, entering)
    return {
        **head,
        **dict(zip(names, values, strict=True)),
        "randomised": randomised,
        "screened": number,
        "months": round(number / patients.per_month, 1),
    }


def _with_loss(study: Study, subjects: int) -> int:
    return math.ceil(lost_included(sized(study), Fraction(subjects)))
