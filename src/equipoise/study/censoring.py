"""Named sets of censoring rules, and the rules and strategies that hold for an estimand.

The numbers and strategies stand in censoring_rules.yaml with their sources; the end point names a
set and may state single rules otherwise; the estimand says which strategy is taken.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict
from ruamel.yaml import YAML

from equipoise.study.analysis_plan import (
    CensoringRule,
    Estimand,
    IntercurrentName,
    IntercurrentStrategy,
    TimeToEventEndPoint,
)


class SetRule(CensoringRule):
    """A rule of a named set, in words, with the ground that it stands on."""

    wording: str
    basis: Literal["guidance", "knowledge", "ours"]


class RuleSet(BaseModel):
    """A named set of censoring rules."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    valid_from: datetime.date
    source: str
    rules: tuple[SetRule, ...]


@cache
def rule_sets() -> Mapping[str, RuleSet]:
    """Every named set, by its name.

    >>> rules = {each.event: each for each in rule_sets()["fda_2018"].rules}
    >>> rules["missing_scan"].missed_assessments
    2
    >>> {each.strategy for each in rule_sets()["ema_2012"].rules if each.event != "death"}
    {'treatment_policy'}
    """
    text = files("equipoise.study").joinpath("censoring_rules.yaml").read_text("utf-8")
    read = YAML(typ="safe").load(text)
    return {name: RuleSet.model_validate(each) for name, each in read.items()}


def rules_of(end_point: TimeToEventEndPoint) -> dict[IntercurrentName, CensoringRule]:
    """The rule of the end point for each event: its own, else that of the set that it names."""
    found: dict[IntercurrentName, CensoringRule] = {}
    if end_point.rule_set is not None:
        found = {each.event: each for each in rule_sets()[end_point.rule_set].rules}
    return found | {each.event: each for each in end_point.rules}


def rules_in_words(end_point: TimeToEventEndPoint) -> str:
    """The set that the end point names and what it states otherwise; empty where it does neither.

    >>> own = {"event": "missing_scan", "strategy": "hypothetical", "missed_assessments": 3}
    >>> rules_in_words(TimeToEventEndPoint.model_validate({
    ...     "code": "pfs", "label": {"en": "PFS"}, "kind": "time_to_event", "events": ["death"],
    ...     "start": "randomisation", "censor_at": "last_adequate_assessment",
    ...     "rule_set": "fda_2018", "rules": [own],
    ...     "partial_dates": {"death": {"method": "earliest"}},
    ... }))
    'rules fda_2018 but missing scan hypothetical (3 missed assessments)'
    """
    own = [
        f"{each.event} {each.strategy}".replace("_", " ")
        + (f" ({each.missed_assessments} missed assessments)" if each.missed_assessments else "")
        + (f" (gaps above {each.longest_gap_days} days)" if each.longest_gap_days else "")
        for each in end_point.rules
    ]
    if end_point.rule_set is None:
        return f"rules of the study: {', '.join(own)}" if own else ""
    return f"rules {end_point.rule_set}" + (f" but {', '.join(own)}" if own else "")


@dataclass(frozen=True, slots=True)
class Handling:
    """The strategy of an estimand for each intercurrent event that it lists."""

    strategies: tuple[tuple[IntercurrentName, IntercurrentStrategy], ...] = ()

    def events(self, *strategies: IntercurrentStrategy) -> tuple[IntercurrentName, ...]:
        """The events to which one of `strategies` is taken."""
        return tuple(event for event, strategy in self.strategies if strategy in strategies)

    def strategy(self, event: IntercurrentName) -> IntercurrentStrategy:
        """The strategy for `event`; an event that is not listed changes nothing."""
        return dict(self.strategies).get(event, "treatment_policy")


def handling_of(estimand: Estimand) -> Handling:
    """The strategies of `estimand`, in an order that does not depend on the file's.

    >>> handling_of(Estimand.model_construct(intercurrent_events=())).strategy("prrt")
    'treatment_policy'
    """
    pairs = ((each.event, each.strategy) for each in estimand.intercurrent_events)
    return Handling(tuple(sorted(pairs)))
