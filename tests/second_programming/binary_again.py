"""Yes/no end points programmed again, and the first response from which a time may start.

Written from the public docstrings of the end points and the study files' words, by somebody who
has not read them; best response and windows are those of `recist_best_again`. One subject at a
time.
"""

from __future__ import annotations

import datetime
from typing import Any

from equipoise.response.plan import ResponsePlan, ResponseWindow
from equipoise.study.analysis_plan import AnalysisPlan, BinaryEndPoint
from tests.second_programming.observed_again import Day, Observation, span
from tests.second_programming.recist_best_again import Best, best_of, window_of
from tests.second_programming.recist_sums_again import Conventions, Progression, Scan
from tests.second_programming.rows_by_subject import Row

TREATMENTS = ("switch_of_therapy", "prrt", "surgery_on_tumour", "treatment_discontinuation")
CAUSES = (
    "progression", "toxicity", "subject_decision", "physician_decision", "death", "other",
)  # fmt: skip


def ending(
    seen: Observation, strategies: dict[str, str], plan: AnalysisPlan
) -> tuple[Day, str] | None:
    """The first event after the day of which no assessment counts, and its strategy.

    Of two on one day the one that was recorded first.
    """
    found: list[tuple[Day, int, str]] = []
    for name in TREATMENTS:
        strategy = strategies.get(name, "treatment_policy")
        if strategy != "treatment_policy":
            those = seen.those(name, plan, CAUSES, seen.randomised)
            found += [(day, place, strategy) for day, place, _ in those]
    return (min(found)[0], min(found)[2]) if found else None


def best_until(
    seen: Observation,
    until: Day | None,
    plan: ResponsePlan,
    conventions: Conventions,
    *,
    confirmed: bool,
    alike: bool = False,
) -> Best:
    """The best response of assessments up to a day; `alike`: with CR read as PR."""
    if confirmed and plan.confirmation_days is None:
        plan = plan.model_copy(update={"confirmation_days": 28})
    scans = _scans(seen, None, alike=alike)
    at = next((scan for scan in scans if scan.order == seen.progressed_at), None)
    then = [] if until is None else [{"occurred": until, "therapy": "any"}]
    subject: dict[str, list[Row]] = {
        "randomised": [{"occurred": seen.randomised}],
        "subsequent_therapy_recorded": then,
    }
    return best_of(subject, scans, Progression(at, None), plan, conventions)


def first_response(
    seen: Observation,
    strategies: dict[str, str],
    plan: AnalysisPlan,
    response: ResponsePlan,
    conventions: Conventions,
    *,
    confirmed: bool,
) -> Day | None:
    ended = ending(seen, strategies, plan)
    until = None if ended is None else ended[0]
    found, scan, _ = best_until(seen, until, response, conventions, confirmed=confirmed, alike=True)
    return scan.day if found == "PR" and scan is not None else None


def value_of(
    seen: Observation,
    end_point: BinaryEndPoint,
    strategies: dict[str, str],
    plan: AnalysisPlan,
    response: ResponsePlan,
    conventions: Conventions,
) -> dict[str, Any]:
    """Value (nothing: not evaluable) and the code that decided."""
    ended = ending(seen, strategies, plan)
    until = None if ended is None else ended[0]
    if end_point.read == "best_overall_response":
        found = best_until(seen, until, response, conventions, confirmed=end_point.confirmed)[0]
        died = seen.death_text is not None
        in_time = True
    else:
        window = next(each for each in response.windows if each.code == end_point.window)
        whenever = strategies.get("death") == "composite"
        found = _in_window(seen, None if whenever else until, until, window)
        died = found == "DEATH"
        last = seen.randomised + datetime.timedelta(days=window.last_day)
        in_time = until is not None and until <= last
    value: bool | None = None if found == "NE" else found in end_point.responses
    if ended is not None and ended[1] == "composite" and in_time and value is None:
        value = False
    best = end_point.read == "best_overall_response"
    if best and ended is not None and ended[1] == "hypothetical" and value is False:
        value = value if _progressed(seen, ended[0]) else None
    if value is None and strategies.get("missing_scan") == "composite":
        value = False
    if value is None and strategies.get("death") == "composite" and died:
        value = False
    return {"value": value, "response": found}


def _in_window(
    seen: Observation, alive_until: Day | None, until: Day | None, window: ResponseWindow
) -> str:
    """The response in a window of assessments up to a day; deaths later than another are left out.

    A partly known day of death is the latest that it can be.
    """
    scans = _scans(seen, until)
    at = next((scan for scan in scans if scan.order == seen.progressed_at), None)
    deaths: list[Row] = []
    if seen.death_text is not None:
        day = seen.death or span(seen.death_text)[1]
        if alive_until is None or day <= alive_until:
            deaths.append({"occurred": day, "occurred_partial": None})
    subject = {"randomised": [{"occurred": seen.randomised}], "death_recorded": deaths}
    return str(window_of(subject, scans, Progression(at, None), window)["response"])


def _progressed(seen: Observation, until: Day) -> bool:
    """Whether progression was seen up to a day."""
    at = [day for place, _, day, _ in seen.responses if place == seen.progressed_at]
    return any(day is not None and day <= until for day in at)


def _scans(seen: Observation, until: Day | None, *, alike: bool = False) -> list[Scan]:
    found = []
    for place, name, day, response in seen.responses:
        if until is not None and day is not None and day > until:
            continue
        read = "PR" if alike and response == "CR" else response
        found.append(Scan(place, name, day, False, None, {}, {}, {}, {}, overall=read))
    return found
