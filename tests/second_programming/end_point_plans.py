"""Random end points with estimands, of all that a study file may say of them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, get_args

from equipoise.study.analysis_checks import analysis_disagreements
from equipoise.study.analysis_plan import (
    BinaryEndPoint,
    CensoringRule,
    DiscontinuationCause,
    Estimand,
    EventName,
    IntercurrentCodes,
    IntercurrentEvent,
    IntercurrentName,
    TimeToEventEndPoint,
)
from equipoise.study.censoring import rules_of
from equipoise.study.definition import Study

TREATMENTS = ("switch_of_therapy", "surgery_on_tumour", "prrt", "treatment_discontinuation")
STRATEGIES = ("treatment_policy", "hypothetical", "composite", "while_on_treatment")
EndPoint = BinaryEndPoint | TimeToEventEndPoint
Pairs = Sequence[tuple[EndPoint, Estimand]]


def random_end_points(draw: random.Random, study: Study, number: int) -> Study:
    """`study` with so many end points, each with an estimand and an analysis of its own.

    Only what the study's check allows is kept.
    """
    kept: list[tuple[EndPoint, Estimand]] = []
    while len(kept) < number:
        code = f"e{len(kept)}"
        if draw.random() < 0.3:
            end_point, strategies = _binary(draw, study, code)
        else:
            end_point, strategies = _time(draw, code)
        listed = [
            IntercurrentEvent.model_validate({"event": name, "strategy": strategy, "handling": ""})
            for name, strategy in strategies.items()
        ]
        draw.shuffle(listed)
        first = study.analysis.estimands[0]
        changed = {"code": code, "end_point": code, "intercurrent_events": tuple(listed)}
        pair = (end_point, first.model_copy(update=changed))
        if _is_allowed(with_end_points(study, [pair])):
            kept.append(pair)
    return with_end_points(study, kept)


def random_schedule(draw: random.Random, study: Study) -> Study:
    """`study` with other days of imaging and other codes of intercurrent events."""
    visits = []
    imaging = [each for each in study.visits.visits if each.imaging]
    for visit in study.visits.visits:
        if visit.imaging and visit != imaging[0]:
            anchors = ("randomisation", "first_dose", "screening")
            changed = {
                "anchor": draw.choice(anchors), "day": visit.day + draw.choice((0, 3, 14)),
                "window_before": draw.choice((0, 7, 14)), "window_after": draw.choice((0, 7)),
            }  # fmt: skip
            visits.append(visit.model_copy(update={**changed, "repeat_every": None}))
            if draw.random() < 0.8:
                more = {"code": "more", "day": 70, "repeat_every": draw.choice((28, 42, 84))}
                visits.append(visit.model_copy(update=changed | more))
        else:
            visits.append(visit)
    schedule = study.visits.model_copy(update={"visits": tuple(visits)})
    codes = [
        {"event": "switch_of_therapy", "therapies": ["systemic"], "procedures": ["biopsy"]},
        {"event": "prrt", "therapies": ["prrt"]},
        {"event": "surgery_on_tumour", "procedures": ["surgery", "resection"]},
    ]
    listed = tuple(IntercurrentCodes.model_validate(each) for each in draw.sample(codes, 2))
    analysis = study.analysis.model_copy(update={"intercurrent_codes": listed})
    return study.model_copy(update={"visits": schedule, "analysis": analysis})


def with_end_points(study: Study, pairs: Pairs) -> Study:
    """`study` with these end points alone."""
    analyses = tuple(
        study.analysis.analyses[0].model_copy(update={"id": end.code, "estimand": estimand.code})
        for end, estimand in pairs
    )
    changed = {
        "end_points": tuple(end for end, _ in pairs),
        "estimands": tuple(estimand for _, estimand in pairs),
        "analyses": analyses,
        "sample_size": None,
    }
    return study.model_copy(update={"analysis": study.analysis.model_copy(update=changed)})


def _is_allowed(study: Study) -> bool:
    parts = {"end_points", "estimands"}
    return not any(parts & set(map(str, each.path)) for each in analysis_disagreements(study))


def _time(draw: random.Random, code: str) -> tuple[EndPoint, dict[str, str]]:
    names = list(get_args(EventName))
    draw.shuffle(names)
    likely = {"progression": 0.75, "death": 0.75}
    events = [name for name in names if draw.random() < likely.get(name, 0.15)]
    causes = [each for each in get_args(DiscontinuationCause) if draw.random() < 0.6]
    end_point = TimeToEventEndPoint.model_validate(
        {
            "code": code, "label": {"en": code}, "kind": "time_to_event",
            "start": draw.choice(("randomisation", "randomisation", "first_dose", "response")),
            "confirmed": draw.random() < 0.3, "events": events or ["death"],
            "censor_at": draw.choice(
                ("last_adequate_assessment", "last_adequate_assessment", "last_known_alive")
            ),
            "rule_set": draw.choice((None, None, "fda_2018", "ema_2012")),
            "rules": _rules(draw),
            "partial_dates": {"death": {"method": draw.choice(("earliest", "middle", "latest"))}},
            **({"discontinuation_causes": causes} if causes and draw.random() < 0.5 else {}),
        }
    )  # fmt: skip
    strategies: dict[str, str] = {}
    for name in get_args(IntercurrentName):
        rule = rules_of(end_point).get(name)
        if name in end_point.events:
            strategies[name] = "composite"
        elif rule is not None:
            strategies[name] = rule.strategy
        elif name == "death":
            strategies[name] = "hypothetical"
        elif name in TREATMENTS and draw.random() < 0.7:
            strategies[name] = draw.choice(("treatment_policy", "hypothetical", "hypothetical"))
    return end_point, strategies


def _rules(draw: random.Random) -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = []
    if draw.random() < 0.5:
        limits: dict[str, int] = {}
        if draw.random() < 0.6:
            limits["missed_assessments"] = draw.randrange(1, 4)
        if not limits or draw.random() < 0.3:
            limits["longest_gap_days"] = draw.choice((40, 84, 91, 98, 182))
        rules.append({"event": "missing_scan", "strategy": "hypothetical", **limits})
    for name in TREATMENTS:
        if draw.random() < 0.15:
            strategy = draw.choice(("treatment_policy", "hypothetical"))
            rules.append({"event": name, "strategy": strategy})
    return [CensoringRule.model_validate(each).model_dump() for each in rules]


def _binary(draw: random.Random, study: Study, code: str) -> tuple[EndPoint, dict[str, str]]:
    read = draw.choice(("response_window", "best_overall_response"))
    responses = draw.choice((["CR", "PR"], ["CR", "PR", "SD", "NON-CR/NON-PD"], ["CR"]))
    window = draw.choice(study.response.windows).code if read == "response_window" else None
    end_point = BinaryEndPoint.model_validate(
        {
            "code": code, "label": {"en": code}, "kind": "binary", "read": read,
            "window": window, "responses": responses, "denominator": "all",
            "confirmed": window is None and draw.random() < 0.5,
        }
    )  # fmt: skip
    strategies = {"death": draw.choice(("composite", "hypothetical", "while_on_treatment"))}
    if window is not None:
        strategies["death"] = "composite"
    if window is not None or draw.random() < 0.5:
        strategies["early_progression"] = "composite"
    if window is not None or draw.random() < 0.7:
        strategies["missing_scan"] = draw.choice(("hypothetical", "composite"))
    for name in TREATMENTS:
        if draw.random() < 0.5:
            strategies[name] = draw.choice(STRATEGIES)
    return end_point, strategies
