"""The part of the study file that says what is analysed, on whom, by which method (ICH E9(R1))."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from equipoise.record.plan import Code, Count, Label, Number, Plan

StatusBasis = Literal["as_randomised", "as_redetermined"]
IntercurrentStrategy = Literal[
    "treatment_policy", "hypothetical", "composite", "while_on_treatment", "principal_stratum"
]

POPULATION_ITEMS = (
    "screened",
    "randomised",
    "treated",
    "status_known_as_randomised",
    "status_known_as_redetermined",
    "consent_withdrawn",
)
"""Booleans of the derived table `population_item` that say who belongs to a population."""


class Population(Plan):
    """A set of subjects: a SQL boolean expression over the derived table `population_item`.

    Columns to read: those of POPULATION_ITEMS (booleans), `arm`, `status_as_randomised` and
    `status_as_redetermined` (codes).
    """

    code: Code
    label: Label
    expression: str


class BinaryEndPoint(Plan):
    """A yes/no end point read from a response window, or from best overall response.

    `denominator`: `evaluable` leaves out subjects whose response is not evaluable;
    `all` counts them as non-responders. `confirmed`: a best response counts only if it was
    confirmed, whether or not the plan of response requires that.
    """

    code: Code
    label: Label
    kind: Literal["binary"]
    read: Literal["response_window", "best_overall_response"]
    window: Code | None = None
    responses: tuple[Literal["CR", "PR", "SD", "NON-CR/NON-PD"], ...] = ("CR", "PR")
    confirmed: bool = False
    denominator: Literal["evaluable", "all"]


class TimeToEventEndPoint(Plan):
    """A time from `start` to the first of `events`, else censored (see FACTS on conventions).

    `censor_at`: the last date at which the subject was known to be free of the event.
    """

    code: Code
    label: Label
    kind: Literal["time_to_event"]
    start: Literal["randomisation", "first_dose"]
    events: tuple[Literal["progression", "death"], ...]
    censor_at: Literal["last_adequate_assessment", "last_known_alive"]
    unit: Literal["months", "days"] = "months"


class IntercurrentEvent(Plan):
    """What may happen after randomisation, and the strategy that the estimand takes."""

    event: Literal[
        "switch_of_therapy",
        "surgery_on_tumour",
        "prrt",
        "early_progression",
        "death",
        "missing_scan",
        "treatment_discontinuation",
    ]
    strategy: IntercurrentStrategy
    handling: str


class Estimand(Plan):
    """Population, treatment condition, variable, intercurrent events, summary measure."""

    code: Code
    label: Label
    population: Code
    status_basis: StatusBasis
    status_rule: Code
    end_point: Code
    intercurrent_events: tuple[IntercurrentEvent, ...]
    summary_measure: str


class Group(Plan):
    """A group of an analysis: subjects with these arms and these statuses (empty: any)."""

    label: str
    arms: tuple[Code, ...] = ()
    statuses: tuple[Code, ...] = ()


class Analysis(Plan):
    """One analysis: estimand, groups (the first compared with the second), method, side, level."""

    id: Code
    label: Label
    role: Literal["primary", "secondary", "sensitivity", "exploratory"]
    estimand: Code
    groups: tuple[Group, ...]
    method: Literal["fisher", "proportion", "kaplan_meier", "log_rank"]
    side: Literal["two_sided", "greater", "less", "none"]
    estimate: Literal["odds_ratio", "risk_difference", "proportion", "median", "none"]
    interval: Literal[
        "clopper_pearson",
        "wilson",
        "miettinen_nurminen",
        "newcombe",
        "woolf",
        "conditional_exact",
        "brookmeyer_crowley",
        "none",
    ]
    level: Number = Field(default=Decimal("0.95"), gt=0, lt=1)
    denominator: Literal["evaluable", "all"] | None = None


class SampleSize(Plan):
    """The assumptions behind the size, as far as they are known."""

    method: Literal["two_proportions_pooled_normal"]
    analysis: Code
    alpha: Number
    sided: Literal[1, 2]
    power: Number
    rates: dict[Code, Number]
    loss: Number
    planned: Count


class AnalysisPlan(Plan):
    """Populations, end points, estimands, analyses, sample size."""

    populations: tuple[Population, ...]
    end_points: tuple[
        Annotated[BinaryEndPoint | TimeToEventEndPoint, Field(discriminator="kind")], ...
    ]
    estimands: tuple[Estimand, ...]
    analyses: tuple[Analysis, ...]
    sample_size: SampleSize | None = None
