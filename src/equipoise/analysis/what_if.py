"""What the sample size would be if one of its assumptions were another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, get_args

from pydantic import ValidationError

from equipoise.analysis.exhibit import Exhibit, Value
from equipoise.analysis.sample_size import (
    METHOD_WORDS,
    Compared,
    Reasoning,
    compared_groups,
    planned_test,
    reasoning,
    sized,
)
from equipoise.errors import BadInput
from equipoise.randomisation.plan import StratumRatio
from equipoise.statistics.power import exact_power
from equipoise.study.analysis_checks import analysis_disagreements
from equipoise.study.analysis_plan import SampleSize, SizeMethod
from equipoise.study.definition import Study

_POWERS = (Decimal("0.80"), Decimal("0.85"), Decimal("0.90"), Decimal("0.95"))
_STEPS = tuple(Decimal(each) for each in ("-0.10", "-0.05", "0", "0.05", "0.10"))


def resized(study: Study, changes: Mapping[str, Any]) -> Study:
    """The study with other assumptions of its sample size; BadInput names a field that is wrong.

    >>> from equipoise.study.load import load_study
    >>> reasoning(resized(load_study("mgmt-net"), {"power": "0.90"})).in_group
    36
    """
    size = sized(study)
    try:
        changed = SampleSize.model_validate({**size.model_dump(), **changes})
    except ValidationError as error:
        raise _refused(error, size) from error
    other = study.model_copy(
        update={"analysis": study.analysis.model_copy(update={"sample_size": changed})}
    )
    wrong = [
        BadInput(each.allowed, field=".".join(map(str, each.path)), found=each.found)
        for each in analysis_disagreements(other)
    ]
    if wrong:
        raise BadInput.together(wrong)
    return other


def what_ifs(study: Study) -> tuple[Exhibit, ...]:
    """The size by other tests, powers, rates and allocation ratios, all else as planned.

    `in_group`: subjects in each group; `randomised`: all, the loss included; `exact_power`: that
    of the analysis' own test with `in_group` in each group. First and second are the groups of the
    analysis in its order.
    """
    return (
        Exhibit("by_test", "The size by the method of planning", tuple(_by_method(study))),
        Exhibit("by_power", "The size by the power", tuple(_by_power(study))),
        Exhibit("by_rates", "The size by the expected rates", tuple(_by_rates(study))),
        Exhibit("by_ratio", "The size by the allocation ratio", tuple(_by_ratio(study))),
    )


def _by_method(study: Study) -> Iterator[Mapping[str, Value]]:
    for method in get_args(SizeMethod):
        try:
            sizes = _sizes(resized(study, {"method": method}))
        except BadInput:  # rates of 0 or 1 have no odds, and an enumeration has its limit
            sizes = {"in_group": None, "randomised": None, "exact_power": None}
        yield {"method": METHOD_WORDS[method], **sizes}


def _by_power(study: Study) -> Iterator[Mapping[str, Value]]:
    wanted = sized(study).power
    for power in sorted({*_POWERS, wanted}):
        yield {"wanted_power": float(power), **_sizes(resized(study, {"power": power}))}


def _by_rates(study: Study) -> Iterator[Mapping[str, Value]]:
    one, two = compared_groups(study)
    rates = sized(study).rates
    for step_one in _STEPS:
        for step_two in _STEPS[1:-1]:
            first, second = rates[one.status] + step_one, rates[two.status] + step_two
            if not (0 < first < 1 and 0 < second < 1) or first == second:
                continue
            changed = resized(study, {"rates": {one.status: first, two.status: second}})
            yield {"first_rate": float(first), "second_rate": float(second), **_sizes(changed)}


def _by_ratio(study: Study) -> Iterator[Mapping[str, Value]]:
    """The compared arms' part of each compared status: as planned, then the same in both."""
    one, two = compared_groups(study)
    yield {"share_in_arms": "as planned", **_sizes(study)}
    for share in (Fraction(1, 3), Fraction(1, 2), Fraction(2, 3), Fraction(3, 4), Fraction(1)):
        if share == 1 and len(study.randomisation.arms) > len(one.arms):
            continue
        yield {"share_in_arms": str(share), **_sizes(_allocating(study, (one, two), share))}


def _allocating(study: Study, groups: tuple[Compared, Compared], share: Fraction) -> Study:
    """The study with `share` of the compared statuses in the compared arms, the rest as before."""
    scheme = study.randomisation.scheme
    changed = {each.status: _weighted(each, share) for each in groups}
    ratios = tuple(changed.get(each.status, each) for each in scheme.ratios)
    randomisation = study.randomisation.model_copy(
        update={"scheme": scheme.model_copy(update={"ratios": ratios})}
    )
    return study.model_copy(update={"randomisation": randomisation})


def _weighted(group: Compared, share: Fraction) -> StratumRatio:
    inside = {arm: w for arm, w in group.ratio.ratio.items() if arm in group.arms}
    outside = {arm: w for arm, w in group.ratio.ratio.items() if arm not in group.arms}
    within, without = sum(inside.values()), sum(outside.values())
    weights = {arm: w * share.numerator * without for arm, w in inside.items()}
    rest = share.denominator - share.numerator
    weights |= {arm: w * rest * within for arm, w in outside.items()}
    return group.ratio.model_copy(update={"ratio": weights})


def _sizes(study: Study) -> Mapping[str, Value]:
    found = reasoning(study)
    return {
        "in_group": found.in_group,
        "randomised": found.subjects,
        "exact_power": _exact(study, found),
    }


def _exact(study: Study, found: Reasoning) -> float:
    one, two = found.groups
    test, side = planned_test(study)
    n, alpha = found.in_group, float(sized(study).alpha)
    return exact_power(n, n, float(one.rate), float(two.rate), alpha=alpha, test=test, side=side)


def _refused(error: ValidationError, size: SampleSize) -> BadInput:
    wrong = []
    for each in error.errors():
        name = ".".join(str(part) for part in each["loc"])
        if each["type"] == "extra_forbidden":
            allowed = f"must be one of {', '.join(_names(size))}"
            wrong.append(BadInput(allowed, field=f"analysis.sample_size.{name}", found=name))
        else:
            said = each["msg"].removeprefix("Value error, ")
            wrong.append(
                BadInput(said, field=f"analysis.sample_size.{name}", found=each.get("input"))
            )
    return BadInput.together(wrong)


def _names(size: SampleSize) -> list[str]:
    hidden = ("source", "assumption", "assumed")
    return [name for name in type(size).model_fields if name not in hidden]
