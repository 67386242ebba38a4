"""The part of the study file that says what is analysed, on whom, by which method (ICH E9(R1))."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from equipoise.record.partial_date import Imputation
from equipoise.record.plan import Code, Count, Label, Number, Plan
from equipoise.study.interim_plan import Interims

StatusBasis = Literal["as_randomised", "as_redetermined"]
IntercurrentStrategy = Literal[
    "treatment_policy", "hypothetical", "composite", "while_on_treatment", "principal_stratum"
]
IntercurrentName = Literal[
    "switch_of_therapy",
    "surgery_on_tumour",
    "prrt",
    "early_progression",
    "death",
    "missing_scan",
    "treatment_discontinuation",
]
EventName = Literal[
    "progression",
    "death",
    "clinical_progression",
    "treatment_discontinuation",
    "switch_of_therapy",
    "surgery_on_tumour",
    "prrt",
]
DiscontinuationCause = Literal[
    "progression",
    "toxicity",
    "completed",
    "subject_decision",
    "physician_decision",
    "death",
    "other",
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
    `all` counts them as non-responders. `confirmed`: a complete or partial response counts only if
    it was confirmed, whether or not the plan of response requires that; one that was not is stable
    disease if it lasted (RECIST 1.1, table 3), which counts where `responses` name it.
    """

    code: Code
    label: Label
    kind: Literal["binary"]
    read: Literal["response_window", "best_overall_response"]
    window: Code | None = None
    responses: tuple[Literal["CR", "PR", "SD", "NON-CR/NON-PD"], ...] = ("CR", "PR")
    confirmed: bool = False
    denominator: Literal["evaluable", "all"]


class CensoringRule(Plan):
    """What becomes of a time when one intercurrent event happens before its end.

    `hypothetical`: the time is censored at the last observation up to the event. `composite`: the
    event ends the time. `treatment_policy`: it changes nothing. Of `missing_scan` the rule says
    what is missed: at least `missed_assessments` planned assessments in a row, or, where
    `longest_gap_days` is given, any gap that is longer.
    """

    event: IntercurrentName
    strategy: IntercurrentStrategy
    missed_assessments: Count | None = Field(default=None, ge=1)
    longest_gap_days: Count | None = Field(default=None, ge=1)


class PartialDates(Plan):
    """Which day stands for a partly known one.

    A death is never put before the day on which the subject was last known to be alive, and never
    left without a day: it is an event.
    """

    death: Imputation


class TimeToEventEndPoint(Plan):
    """A time from `start` to the first of `events`, else censored.

    `start`: `response` is the first day of a response that counts, of those who have one
    (duration of response; `confirmed` as in a yes/no end point). `events`: `progression` is
    documented by assessments; `clinical_progression` is a treatment stopped for progression.
    `discontinuation_causes` say which ends of treatment count as its discontinuation.
    `censor_at`: the last date at which the subject was known to be free of the event. `rule_set`
    names a set of censoring rules (study/censoring_rules.yaml); `rules` stand instead of those of
    the set for the same event. The strategies that apply are those of the estimand, which must be
    the same.
    """

    code: Code
    label: Label
    kind: Literal["time_to_event"]
    start: Literal["randomisation", "first_dose", "response"]
    confirmed: bool = False
    events: tuple[EventName, ...]
    discontinuation_causes: tuple[DiscontinuationCause, ...] = (
        "progression",
        "toxicity",
        "subject_decision",
        "physician_decision",
        "death",
        "other",
    )
    censor_at: Literal["last_adequate_assessment", "last_known_alive"]
    rule_set: Code | None = None
    rules: tuple[CensoringRule, ...] = ()
    partial_dates: PartialDates
    unit: Literal["months", "days"] = "months"


class IntercurrentCodes(Plan):
    """Which recorded codes are one intercurrent event.

    `therapies` are codes of subsequent therapies, `procedures` those of procedures. A subsequent
    therapy whose code stands nowhere is a switch of therapy; such a procedure is none of them.
    """

    event: Literal["switch_of_therapy", "surgery_on_tumour", "prrt"]
    therapies: tuple[Code, ...] = ()
    procedures: tuple[Code, ...] = ()


class IntercurrentEvent(Plan):
    """What may happen after randomisation, and the strategy that the estimand takes.

    An event that is not listed changes nothing (treatment policy).
    """

    event: IntercurrentName
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


class Interaction(Plan):
    """Treatment by marker: whether the effect of the arms differs between the statuses.

    The last arm and the last status are the ones compared with. With two of each the ratio of
    ratios is estimated: the first arm against the second in the first status, over the same in the
    second status. With more, one test asks whether any of them differs.
    """

    arms: tuple[Code, ...]
    statuses: tuple[Code, ...]


MARKER_STATUS = "marker_status"
"""What `stratify` and `adjust` call the status that the estimand names."""

Method = Literal[
    "fisher",
    "fisher_mid_p",
    "chi_square",
    "chi_square_corrected",
    "boschloo",
    "barnard",
    "proportion",
    "kaplan_meier",
    "log_rank",
    "logistic",
    "firth",
    "cox",
    "cmh",
    "cmh_exact",
    "breslow_day",
]


class Analysis(Plan):
    """One analysis: estimand, groups (the first compared with the second), method, side, level.

    The models `logistic`, `firth` (logistic with Firth's penalty) and `cox` say which `test` gives
    P. `adjust` lists covariates: coded items of forms that are filled once, or `marker_status`, one
    coefficient per code beside the first. `stratify` lists them as strata (`cmh`, `cmh_exact`,
    `breslow_day`, `cox`). Who has no answer is left out. With `interaction` the groups are its
    cells, one arm and one status each.

    `post_hoc`: chosen after the results were known. `reconstruction`: our way to a published
    number, not the method that the trial states. Both are said wherever the result is shown.
    `interims`: looks at the data before the end, by which the trial may stop.
    """

    id: Code
    label: Label
    role: Literal["primary", "secondary", "sensitivity", "exploratory"]
    estimand: Code
    groups: tuple[Group, ...]
    method: Method
    test: Literal["wald", "likelihood_ratio", "score"] | None = None
    side: Literal["two_sided", "greater", "less", "none"]
    estimate: Literal[
        "odds_ratio",
        "risk_difference",
        "risk_ratio",
        "proportion",
        "median",
        "hazard_ratio",
        "ratio_of_odds_ratios",
        "ratio_of_hazard_ratios",
        "none",
    ]
    interval: Literal[
        "clopper_pearson",
        "wilson",
        "wilson_corrected",
        "jeffreys",
        "agresti_coull",
        "miettinen_nurminen",
        "mee",
        "newcombe",
        "newcombe_corrected",
        "agresti_caffo",
        "woolf",
        "haldane_anscombe",
        "conditional_exact",
        "mid_p",
        "min_likelihood",
        "katz",
        "koopman",
        "blaker",
        "brookmeyer_crowley",
        "wald",
        "profile",
        "robins_breslow_greenland",
        "none",
    ]
    adjust: tuple[Code, ...] = ()
    stratify: tuple[Code, ...] = ()
    interaction: Interaction | None = None
    post_hoc: bool = False
    reconstruction: bool = False
    level: Number = Field(default=Decimal("0.95"), gt=0, lt=1)
    denominator: Literal["evaluable", "all"] | None = None
    interims: Interims | None = None


SizeMethod = Literal[
    "two_proportions_pooled_normal",
    "two_proportions_continuity_corrected",
    "two_proportions_unpooled_normal",
    "two_proportions_arcsine",
    "two_proportions_log_odds_ratio",
    "two_proportions_fisher_exact",
    "two_proportions_chi_square_exact",
]
"""Normal approximations of the chi-square test (pooled, corrected), of Wald's (unpooled), of the
difference of arcsines and of the log odds ratio; sizes whose exact power is reached."""


class SampleSize(Plan):
    """The assumptions behind the size, as far as they are known.

    `method` gives the sizes of the two groups that `analysis` compares. `rates` are the expected
    proportions by status; each group must reach its size within the arms that are compared, and the
    allocation ratio of its status says how many are randomised for that. `not_compared` is the
    share of all randomised subjects with each status that the analysis leaves out. `loss_as`: the
    loss is `added` (n times 1 + loss) or n is `divided` by 1 - loss.
    """

    method: SizeMethod
    analysis: Code
    alpha: Number
    sided: Literal[1, 2]
    power: Number
    rates: dict[Code, Number]
    not_compared: dict[Code, Number] = Field(default_factory=dict)
    loss: Number
    loss_as: Literal["added", "divided"] = "added"
    planned: Count


class ClosedTesting(Plan):
    """Analyses that are tested together: the chance of any false rejection is at most `alpha`.

    `weights`: the share of alpha that each analysis has at first. `transitions`: to which others
    its share goes once its null hypothesis is rejected, as shares of it (Bretz, Maurer, Brannath
    and Posch 2009, Stat Med 28:586-604). Every P value counts as the analysis gives it.
    """

    alpha: Number
    weights: dict[Code, Number]
    transitions: dict[Code, dict[Code, Number]] = Field(default_factory=dict)


class AnalysisPlan(Plan):
    """Populations, end points, codes of intercurrent events, estimands, analyses, what is tested
    together, sample size."""

    populations: tuple[Population, ...]
    end_points: tuple[
        Annotated[BinaryEndPoint | TimeToEventEndPoint, Field(discriminator="kind")], ...
    ]
    intercurrent_codes: tuple[IntercurrentCodes, ...] = ()
    estimands: tuple[Estimand, ...]
    analyses: tuple[Analysis, ...]
    closed_testing: ClosedTesting | None = None
    sample_size: SampleSize | None = None
