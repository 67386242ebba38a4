"""Whether the engine can honour what end points and estimands say of intercurrent events."""

from __future__ import annotations

from collections.abc import Collection

from equipoise.study.analysis_plan import (
    AnalysisPlan,
    BinaryEndPoint,
    Estimand,
    IntercurrentEvent,
    TimeToEventEndPoint,
)
from equipoise.study.censoring import rule_sets, rules_of
from equipoise.study.definition import Study
from equipoise.study.disagreement import Disagreement, Disagreements, one_of, repeated
from equipoise.study.source import FieldPath

TREATMENTS = ("switch_of_therapy", "surgery_on_tumour", "prrt", "treatment_discontinuation")
COUNTED_FROM = ("randomisation", "first_dose", "screening")
"""Anchors of visits whose planned days are known from the start, so that they can be missed."""


def estimand_disagreements(study: Study) -> Disagreements:
    """Codes of intercurrent events, rules of end points, strategies of estimands."""
    plan = study.analysis
    yield from _codes(plan)
    for number, end_point in enumerate(plan.end_points):
        if isinstance(end_point, TimeToEventEndPoint):
            yield from _rules(end_point, ("analysis", "end_points", number))
    end_points = {each.code: each for each in plan.end_points}
    for number, estimand in enumerate(plan.estimands):
        path: FieldPath = ("analysis", "estimands", number, "intercurrent_events")
        found = end_points.get(estimand.end_point)
        for place, event in enumerate(estimand.intercurrent_events):
            at = (*path, place, "strategy")
            if isinstance(found, BinaryEndPoint):
                yield from _fits(at, event, _of_response(study, found, event))
            elif found is not None:
                yield from _fits(at, event, _of_time(study, found, event))
        if isinstance(found, TimeToEventEndPoint):
            yield from _listed(estimand, found, path)


def _codes(plan: AnalysisPlan) -> Disagreements:
    path: FieldPath = ("analysis", "intercurrent_codes")
    yield from repeated(path, [each.event for each in plan.intercurrent_codes], "event", "codes")
    for kind in ("therapies", "procedures"):
        seen: set[str] = set()
        for number, each in enumerate(plan.intercurrent_codes):
            for place, code in enumerate(getattr(each, kind)):
                if code in seen:
                    allowed = "must stand for one intercurrent event only"
                    yield Disagreement((*path, number, kind, place), allowed, code)
                seen.add(code)


def _rules(end_point: TimeToEventEndPoint, path: FieldPath) -> Disagreements:
    if end_point.rule_set is not None and end_point.rule_set not in rule_sets():
        allowed = f"must be a set of censoring rules: {one_of(rule_sets())}"
        yield Disagreement((*path, "rule_set"), allowed, end_point.rule_set)
    events = [rule.event for rule in end_point.rules]
    yield from repeated((*path, "rules"), events, "event", "the rules of this end point")
    yield from repeated((*path, "events"), end_point.events, None, "the events of this end point")
    for number, rule in enumerate(end_point.rules):
        numbers = [rule.missed_assessments, rule.longest_gap_days]
        wanted = int(rule.event == "missing_scan" and rule.strategy == "hypothetical")
        given = sum(each is not None for each in numbers)
        if given != wanted:
            allowed = (
                "must say either missed_assessments or longest_gap_days"
                if wanted
                else "must say no number: only missed assessments that censor have one"
            )
            yield Disagreement((*path, "rules", number), allowed, rule.event)
    if end_point.partial_dates.death.method == "none":
        allowed = "must put in a day for a death of which the day is not known: it is an event"
        yield Disagreement((*path, "partial_dates", "death", "method"), allowed, "none")
    if end_point.confirmed and end_point.start != "response":
        allowed = "must be left out, because only the start at a response is confirmed"
        yield Disagreement((*path, "confirmed"), allowed, "true")


def _listed(estimand: Estimand, end_point: TimeToEventEndPoint, path: FieldPath) -> Disagreements:
    """What the rules or the events of the end point speak of, the estimand must speak of too."""
    if end_point.rule_set is not None and end_point.rule_set not in rule_sets():
        return
    needed: dict[str, str] = {event: rule.strategy for event, rule in rules_of(end_point).items()}
    needed |= {each: "composite" for each in (*TREATMENTS, "death") if each in end_point.events}
    if "death" not in end_point.events:
        needed.setdefault("death", "hypothetical")
    for event, strategy in needed.items():
        if event not in [each.event for each in estimand.intercurrent_events]:
            allowed = f"must list {event} with the strategy {strategy}, as {end_point.code} has it"
            yield Disagreement(path, allowed, "not listed")
    for place, listed in enumerate(estimand.intercurrent_events):
        wanted = needed.get(listed.event)
        fits = listed.strategy in _allowed(end_point, listed)
        if fits and wanted is not None and listed.strategy != wanted:
            allowed = f"must be {wanted}, as the rules of the end point {end_point.code} have it"
            yield Disagreement((*path, place, "strategy"), allowed, listed.strategy)


def _fits(
    path: FieldPath, event: IntercurrentEvent, honoured: tuple[str, Collection[str]]
) -> Disagreements:
    """A strategy that the engine cannot honour, with those that it can and why."""
    why, allowed = honoured
    if event.strategy not in allowed:
        choice = one_of(allowed) if allowed else "left out"
        yield Disagreement(path, f"must be {choice} for {event.event}: {why}", event.strategy)


def _allowed(end_point: TimeToEventEndPoint, event: IntercurrentEvent) -> Collection[str]:
    if event.event == "missing_scan":
        return ("treatment_policy", "hypothetical")
    if event.event == "early_progression":
        return ()
    if event.event in end_point.events:
        return ("composite",)
    return ("hypothetical",) if event.event == "death" else ("treatment_policy", "hypothetical")


def _of_time(
    study: Study, end_point: TimeToEventEndPoint, event: IntercurrentEvent
) -> tuple[str, Collection[str]]:
    """Why, and which strategies the engine can honour for a time to an event."""
    allowed = _allowed(end_point, event)
    if event.event == "early_progression":
        return "a time has no early progression", allowed
    if event.event == "missing_scan":
        if event.strategy != "hypothetical" or end_point.rule_set not in (None, *rule_sets()):
            return "a missed assessment is no event of the end point", allowed
        return _of_gap(study, end_point)
    if event.event in end_point.events:
        return f"it is an event of the end point {end_point.code}", allowed
    if event.strategy == "while_on_treatment":
        return "a time until then needs competing risks, which are not computed", allowed
    return f"it is no event of the end point {end_point.code}", allowed


def _of_gap(study: Study, end_point: TimeToEventEndPoint) -> tuple[str, Collection[str]]:
    """Whether it is known how many assessments were missed, and from which schedule."""
    policy = ("treatment_policy",)
    rule = rules_of(end_point).get("missing_scan")
    if end_point.censor_at != "last_adequate_assessment":
        return f"the end point {end_point.code} is not censored at an assessment", policy
    if rule is None or rule.strategy != "hypothetical":
        return f"no rule of the end point {end_point.code} says how many may be missed", policy
    if rule.longest_gap_days is not None:
        return "", ("treatment_policy", "hypothetical")
    planned = [each for each in study.visits.visits if each.imaging][1:]
    if not planned:
        return "the schedule has no imaging after the baseline", policy
    others = [each.code for each in planned if each.anchor not in COUNTED_FROM]
    if others:
        counted = one_of(COUNTED_FROM)
        return f"the imaging visit {others[0]} does not count from {counted}", policy
    return "", ("treatment_policy", "hypothetical")


def _of_response(
    study: Study, end_point: BinaryEndPoint, event: IntercurrentEvent
) -> tuple[str, Collection[str]]:
    """Why, and which strategies the engine can honour for a yes/no end point."""
    if event.event in TREATMENTS:
        every = ("treatment_policy", "hypothetical", "composite", "while_on_treatment")
        return "who would never have it is not known", every
    if event.event == "missing_scan":
        return "a response that was not seen is not known", ("hypothetical", "composite")
    if end_point.read == "response_window":
        windows = {each.code: each for each in study.response.windows}
        window = windows.get(end_point.window or "")
        if window is None:
            return "", (event.strategy,)
        fails = window.progression_or_death_until_last_day == "non_response"
        why = f"the window {window.code} has it as {window.progression_or_death_until_last_day}"
        return why, ("composite",) if fails else ("hypothetical",)
    if event.event == "death":
        return "nobody is assessed after it", ("composite", "hypothetical", "while_on_treatment")
    return "progression is no response", ("composite",)
