"""Times to an event programmed again: events, censoring, reasons, rules and intervals.

Written from the specification in words (docs/decisions/0015, the public docstrings of the engine
and of `study/censoring.py`, censoring_rules.yaml), by somebody who has not read the engine. One
subject at a time.
"""

from __future__ import annotations

from typing import Any

from equipoise.study.analysis_plan import AnalysisPlan, CensoringRule, TimeToEventEndPoint
from equipoise.study.censoring import rule_sets
from equipoise.visits.plan import VisitsPlan
from tests.second_programming.observed_again import Day, Observation, missed

Strategies = dict[str, str]
"""The strategy of the estimand for each event that it lists."""

Found = tuple[str, Day]
"""What happened, and when."""


def time_of(
    seen: Observation,
    end_point: TimeToEventEndPoint,
    strategies: Strategies,
    start: Day | None,
    cut: Day | None,
    plan: AnalysisPlan,
    visits: VisitsPlan,
) -> dict[str, Any] | None:
    """The row of one subject; none for who has not started by the cut."""
    if start is None or (cut is not None and start > cut):
        return None
    event = first_of(seen, end_point, end_point.events, start, cut, plan)
    names = [
        name
        for name, strategy in sorted(strategies.items())
        if strategy == "hypothetical" and name != "missing_scan"
    ]
    before = first_of(seen, end_point, names, start, cut, plan)
    if before is not None and (event is None or before[1] < event[1]):
        return _censored_by(seen, end_point, before, start)
    if event is not None:
        if strategies.get("missing_scan") == "hypothetical":
            gap = _after_gap(seen, end_point, event, start, visits)
            if gap is not None:
                return gap
        return _event(seen, end_point, event, start)
    if end_point.censor_at == "last_known_alive":
        alive = max(min(seen.last_known_alive or start, cut or Day.max), start)
        return _row(end_point, start, alive, "last_known_alive", "last_known_alive")
    adequate = seen.adequate(start, cut)
    if adequate:
        reason = "last_adequate_assessment"
        return _row(end_point, start, max(adequate), reason, reason)
    reason = "not_assessed" if seen.baselines else "no_baseline"
    return {**_row(end_point, start, start, reason, reason), "left_days": 0}


def first_of(
    seen: Observation,
    end_point: TimeToEventEndPoint,
    names: Any,
    start: Day,
    cut: Day | None,
    plan: AnalysisPlan,
) -> Found | None:
    """The first of these events by the cut; of two on one day the one that is named first.

    Progression and death whenever they were, of treatments those on or after the start.
    """
    found: list[Found] = []
    for name in names:
        if name == "progression":
            days = [seen.progression] if seen.progression is not None else []
        elif name == "death":
            day, _ = seen.died(end_point.partial_dates.death.method, cut)
            days = [day] if day is not None else []
        else:
            causes = end_point.discontinuation_causes
            days = [day for day, _, _ in seen.those(name, plan, causes, start)]
        days = [day for day in days if cut is None or day <= cut]
        if days:
            found.append((name, min(days)))
    return min(found, key=lambda each: each[1], default=None)


def _event(
    seen: Observation, end_point: TimeToEventEndPoint, event: Found, start: Day
) -> dict[str, Any]:
    name, day = event
    reason = name
    if name == "death" and seen.death is None:
        reason = "death_imputed"
    row = _row(end_point, start, day, reason, name)
    left = row["time_days"]
    if name == "progression":
        adequate = seen.adequate(start, day)
        left = (max(adequate) - start).days + 1 if adequate else 0
    return {**row, "event": True, "left_days": left, "right_days": row["time_days"]}


def _censored_by(
    seen: Observation, end_point: TimeToEventEndPoint, before: Found, start: Day
) -> dict[str, Any]:
    name, day = before
    if end_point.censor_at == "last_known_alive":
        return _row(end_point, start, max(day, start), f"before_{name}", name)
    adequate = seen.adequate(start, day)
    row = _row(end_point, start, max(adequate, default=start), f"before_{name}", name)
    return row if adequate else {**row, "left_days": 0}


def _after_gap(
    seen: Observation,
    end_point: TimeToEventEndPoint,
    event: Found,
    start: Day,
    visits: VisitsPlan,
) -> dict[str, Any] | None:
    rule = _rule(end_point, "missing_scan")
    if rule is None:
        return None
    day = event[1]
    adequate = seen.adequate(start, day)
    since = max(adequate, default=start)
    too_many = (
        rule.missed_assessments is not None
        and missed(seen, visits, since, day) >= rule.missed_assessments
    )
    too_long = rule.longest_gap_days is not None and (day - since).days > rule.longest_gap_days
    if not (too_many or too_long):
        return None
    row = _row(end_point, start, since, "after_missed_assessments", "missing_scan")
    return row if adequate else {**row, "left_days": 0}


def _rule(end_point: TimeToEventEndPoint, event: str) -> CensoringRule | None:
    """The rule of the end point for an event: its own, else that of its set."""
    for each in end_point.rules:
        if each.event == event:
            return each
    if end_point.rule_set is None:
        return None
    for rule in rule_sets()[end_point.rule_set].rules:
        if rule.event == event:
            return rule
    return None


def _row(
    end_point: TimeToEventEndPoint, start: Day, day: Day, reason: str, part: str
) -> dict[str, Any]:
    """Censored on `day`; the day of the start is day 1, and so is one before it."""
    stated = {each.event for each in end_point.rules}
    named: set[str] = set()
    if end_point.rule_set is not None:
        named = {each.event for each in rule_sets()[end_point.rule_set].rules}
    whose = end_point.rule_set if part in named - stated else end_point.code
    time = max((day - start).days, 0) + 1
    return {
        "time_days": time, "event": False, "reason": reason, "rule": f"{whose}/{part}",
        "occurred": day, "left_days": time, "right_days": None,
    }  # fmt: skip
