"""The sample size of the study file, derived again step by step, each step with its source.

What a study file says of its size are assumptions; this is the arithmetic that leads from them to
the number of subjects. It need not be the arithmetic of the people who planned the trial: a
reasoning that ends in the planned number is compatible with it, no more.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Literal

from equipoise.errors import BadInput
from equipoise.randomisation.plan import StratumRatio
from equipoise.record.event import decimal_text
from equipoise.record.plan import Plan
from equipoise.statistics.power import Method, exact_group_sizes, two_proportions_size
from equipoise.statistics.proportion import Side
from equipoise.statistics.rejection import Test
from equipoise.study.analysis_plan import Analysis, SampleSize
from equipoise.study.definition import Study

METHOD_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "two_proportions_pooled_normal": "chi-square without correction (pooled variance)",
        "two_proportions_continuity_corrected": "chi-square with continuity correction",
        "two_proportions_unpooled_normal": "Wald's test (unpooled variance)",
        "two_proportions_arcsine": "difference of arcsines",
        "two_proportions_log_odds_ratio": "log odds ratio",
        "two_proportions_fisher_exact": "Fisher's exact test, exact power",
        "two_proportions_chi_square_exact": "chi-square without correction, exact power",
    }
)
"""The methods of a sample size in words."""

_APPROXIMATE: Mapping[str, tuple[Method, bool]] = MappingProxyType(
    {
        "two_proportions_pooled_normal": ("pooled", False),
        "two_proportions_continuity_corrected": ("pooled", True),
        "two_proportions_unpooled_normal": ("unpooled", False),
        "two_proportions_arcsine": ("arcsine", False),
        "two_proportions_log_odds_ratio": ("log_odds_ratio", False),
    }
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what, its calculation, its value, and where it comes from.

    `source` is what the study file says it was read in, `assumption` why it was taken; a step that
    follows from those before has neither.
    """

    what: str
    calculation: str
    value: str
    source: str | None = None
    assumption: str | None = None


@dataclass(frozen=True, slots=True)
class Compared:
    """One of the two groups that the size is for: a status within arms, its rate, its ratio.

    `share` is the part of the status that the allocation gives to the arms.
    """

    label: str
    status: str
    arms: tuple[str, ...]
    rate: Fraction
    ratio: StratumRatio
    share: Fraction


@dataclass(frozen=True, slots=True)
class Reasoning:
    """From rates to subjects.

    `group_size` as computed, `in_group` whole; `randomised` by status so that the groups are of
    this size, `compared` their sum, `total` with the statuses that are not compared, `with_loss`,
    and `subjects`, rounded up. `planned` is what the study file plans.
    """

    groups: tuple[Compared, Compared]
    group_size: float
    in_group: int
    randomised: Mapping[str, Fraction]
    compared: Fraction
    total: Fraction
    with_loss: Fraction
    subjects: int
    planned: int
    steps: tuple[Step, ...]

    @property
    def reproduces(self) -> bool:
        """Whether the reasoning ends in the planned number."""
        return self.subjects == self.planned


def reasoning(study: Study) -> Reasoning:
    """The sample size of `study`, derived again.

    Both groups get the size at which the two rates differ significantly with the power that is
    wanted, rounded up; the allocation ratio of each status says how many are randomised so that the
    arms of the analysis hold them; statuses without a group, and losses, are added.

    >>> from equipoise.study.load import load_study
    >>> found = reasoning(load_study("mgmt-net"))
    >>> found.in_group, float(found.total), float(found.with_loss), found.subjects
    (27, 94.5, 103.95, 104)
    """
    size = sized(study)
    one, two = groups = compared_groups(study)
    group_size = size_of_group(size, float(one.rate), float(two.rate))
    in_group = math.ceil(group_size - 1e-9)
    randomised = {each.status: in_group / each.share for each in groups}
    compared = sum(randomised.values(), start=Fraction(0))
    total = compared / (1 - sum(map(Fraction, size.not_compared.values()), start=Fraction(0)))
    with_loss = lost_included(size, total)
    subjects = math.ceil(with_loss)
    steps = (
        *_assumed_steps(study, groups),
        *_derived_steps(study, groups, group_size, in_group, compared, total),
        _loss_step(study, total, with_loss, subjects),
    )
    return Reasoning(
        groups, group_size, in_group, MappingProxyType(randomised), compared, total, with_loss,
        subjects, size.planned, steps,
    )  # fmt: skip


def sized(study: Study) -> SampleSize:
    """The sample size of the study file; BadInput if it has none."""
    size = study.analysis.sample_size
    if size is None:
        raise BadInput(
            "must be given: rates, level, power and loss, from which a size follows",
            field="analysis.sample_size",
        )
    return size


def sized_analysis(study: Study) -> Analysis:
    """The analysis that the size is for."""
    wanted = sized(study).analysis
    return next(each for each in study.analysis.analyses if each.id == wanted)


def compared_groups(study: Study) -> tuple[Compared, Compared]:
    """The two groups that the size is for, in the order of their analysis."""
    size, analysis = sized(study), sized_analysis(study)
    statuses = [status for group in analysis.groups for status in group.statuses]
    found = [_group(study, analysis, status, Fraction(rate)) for status, rate in size.rates.items()]
    if len(found) != 2:
        raise BadInput("must be two", field="analysis.sample_size.rates", found=list(size.rates))
    one, two = sorted(found, key=lambda each: statuses.index(each.status))
    return one, two


def planned_test(study: Study) -> tuple[Test, Side]:
    """The test of two proportions whose exact power is asked for, with its side.

    It is that of the sized analysis, else the chi-square test without correction. Boschloo's and
    Barnard's take too long for every split by the marker: the test that is nearest stands for
    them, Fisher's, than which Boschloo's is never weaker, and the chi-square test. Its
    sides are those of the sample size; one side is that of the expected difference.

    >>> from equipoise.study.load import load_study
    >>> planned_test(load_study("mgmt-net"))
    ('fisher', 'two_sided')
    """
    one, two = compared_groups(study)
    side: Side = "greater" if one.rate > two.rate else "less"
    if sized(study).sided == 2:
        side = "two_sided"
    method = sized_analysis(study).method
    if method in ("fisher", "fisher_mid_p", "chi_square_corrected"):
        return method, side
    if method == "boschloo":
        return "fisher", side
    return ("chi_square" if side == "two_sided" else "z_pooled"), side


def size_of_group(size: SampleSize, p1: float, p2: float) -> float:
    """Subjects in each of two groups of one size, not rounded where the method does not round.

    >>> from equipoise.study.load import load_study
    >>> round(size_of_group(sized(load_study("mgmt-net")), 0.50, 0.15), 4)
    26.9019
    """
    alpha, power = float(size.alpha), float(size.power)
    if p1 == p2:
        raise BadInput("must differ", field="analysis.sample_size.rates", found=f"{p1} and {p2}")
    if size.method in _APPROXIMATE:
        method, corrected = _APPROXIMATE[size.method]
        return two_proportions_size(
            p1, p2, alpha=alpha, power=power, sides=size.sided, method=method,
            continuity_correction=corrected,
        ).n1  # fmt: skip
    exactly = exact_group_sizes
    if size.method == "two_proportions_fisher_exact":
        side: Side = "two_sided" if size.sided == 2 else "greater" if p1 > p2 else "less"
        return float(exactly(p1, p2, alpha=alpha, power=power, test="fisher", side=side).n1)
    if size.sided == 2:
        return float(exactly(p1, p2, alpha=alpha, power=power, test="chi_square").n1)
    side = "greater" if p1 > p2 else "less"
    return float(exactly(p1, p2, alpha=alpha, power=power, test="z_pooled", side=side).n1)


def needed_method(size: SampleSize) -> tuple[Method, bool]:
    """The method of the size as an approximation, and whether it is corrected; the pooled one where
    the size is exact.

    >>> from equipoise.study.load import load_study
    >>> needed_method(sized(load_study("mgmt-net")))
    ('pooled', False)
    """
    return _APPROXIMATE.get(size.method, ("pooled", False))


def lost_included(size: SampleSize, subjects: Fraction) -> Fraction:
    """How many are randomised so that, after the loss, `subjects` remain; not rounded."""
    loss = Fraction(size.loss)
    return subjects * (1 + loss) if size.loss_as == "added" else subjects / (1 - loss)


def evaluable(size: SampleSize, randomised: int) -> int:
    """How many remain of those who are randomised, rounded down.

    >>> from equipoise.study.load import load_study
    >>> evaluable(sized(load_study("mgmt-net")), 104)
    94
    """
    loss = Fraction(size.loss)
    left = randomised / (1 + loss) if size.loss_as == "added" else randomised * (1 - loss)
    return math.floor(left)


def _group(study: Study, analysis: Analysis, status: str, rate: Fraction) -> Compared:
    statuses = [each.code for each in study.biomarker.marker.statuses]
    arms = [arm.code for arm in study.randomisation.arms]
    group = next(each for each in analysis.groups if status in (each.statuses or statuses))
    if group.statuses != (status,):
        raise BadInput(
            f"must be the only status of a group of the analysis {analysis.id}",
            field=f"analysis.sample_size.rates.{status}",
            found=", ".join(group.statuses or statuses),
        )
    ratio = next(
        (each for each in study.randomisation.scheme.ratios if each.status == status), None
    )
    inside = group.arms or tuple(arms)
    weight = sum(ratio.ratio.get(arm, 0) for arm in inside) if ratio else 0
    if ratio is None or weight == 0:
        raise BadInput(
            f"must be a status in which {' or '.join(inside)} is randomised",
            field=f"analysis.sample_size.rates.{status}",
            found=status,
        )
    share = Fraction(weight, sum(ratio.ratio.values()))
    return Compared(group.label, status, inside, rate, ratio, share)


def _assumed_steps(study: Study, groups: tuple[Compared, Compared]) -> Sequence[Step]:
    size, (one, two) = sized(study), groups
    sides: Literal["two-sided", "one-sided"] = "two-sided" if size.sided == 2 else "one-sided"
    rates = f"{_percent(one.rate)} v {_percent(two.rate)}"
    return (
        Step("expected rates", f"{one.label} v {two.label}", rates, *_origin(study, size, "rates")),
        Step("level", sides, decimal_text(size.alpha), *_origin(study, size, "alpha")),
        Step("power", "", decimal_text(size.power), *_origin(study, size, "power")),
        Step("test", METHOD_WORDS[size.method], size.method, *_origin(study, size, "method")),
    )


def _derived_steps(
    study: Study,
    groups: tuple[Compared, Compared],
    group_size: float,
    in_group: int,
    compared: Fraction,
    total: Fraction,
) -> Sequence[Step]:
    size, scheme = sized(study), study.randomisation.scheme
    rounded = f"{group_size:.4f}, rounded up" if group_size != in_group else "by enumeration"
    steps = [Step("size of each group", rounded, str(in_group))]
    for each in groups:
        written = ":".join(str(weight) for weight in each.ratio.ratio.values())
        arms = ":".join(each.ratio.ratio)
        steps.append(
            Step(
                f"randomised in {each.status}",
                f"{in_group} / {each.share}, as {arms} is {written}",
                _number(in_group / each.share),
                *_origin(study, each.ratio if each.ratio.source else scheme, "ratios"),
            )
        )
    terms = " + ".join(_number(in_group / each.share) for each in groups)
    steps.append(Step("randomised for the comparison", terms, _number(compared)))
    if size.not_compared:
        others = ", ".join(f"{status} {_percent(q)}" for status, q in size.not_compared.items())
        calculation = f"{_number(compared)} / (1 - {_number(1 - compared / total)}) for {others}"
        origin = _origin(study, size, "not_compared")
        steps.append(Step("with who is not compared", calculation, _number(total), *origin))
    return steps


def _loss_step(study: Study, total: Fraction, with_loss: Fraction, subjects: int) -> Step:
    size = sized(study)
    loss = decimal_text(size.loss)
    written = f"x (1 + {loss})" if size.loss_as == "added" else f"/ (1 - {loss})"
    calculation = f"{_number(total)} {written} = {_number(with_loss)}, rounded up"
    return Step("with the loss", calculation, str(subjects), *_origin(study, size, "loss"))


def _origin(study: Study, plan: Plan, field: str) -> tuple[str | None, str | None]:
    """Source and assumption of a field: its own reason if it is assumed, else what is said of the
    plan that it stands in, or of the whole study."""
    reasons = {each.field: each.reason for each in plan.assumed}
    if field in reasons:
        return None, reasons[field]
    if plan.source:
        return plan.source, None
    return study.source, plan.assumption or study.assumption


def _number(value: Fraction) -> str:
    return f"{float(value):.2f}".rstrip("0").rstrip(".")


def _percent(value: Decimal | Fraction) -> str:
    return f"{float(value) * 100:.4g} %"
