"""The declared path programmed again: until when readings count, and where a subject stands.

Written from the plan of the study file, the events, decision 0016 and the descriptions in words of
`assay_determination`, `marker_status` and `marker_path`, by somebody who has not read the rules.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from equipoise.biomarker.plan import Marker
from tests.second_programming import samples_again as samples
from tests.second_programming.marker_again import (
    Determination,
    declared,
    determinations,
    run_of,
    statuses,
    stood,
)
from tests.second_programming.path_days_again import deadline, last_day
from tests.second_programming.samples_again import Subject

WAITING = {"first": "awaiting_sample", "recut": "to_be_recut", "rebiopsy": "to_be_rebiopsied"}


@dataclass(frozen=True)
class Standing:
    """Where a subject stands by one version of the rule."""

    rule: str
    place: str
    status: str | None
    step: str | None
    due: datetime.date | None
    deadline: datetime.date | None
    decided: datetime.date | None


def standings(subject: Subject, marker: Marker, frozen: int | None) -> list[Standing]:
    """Of a screened subject, by every version of the rule."""
    if not subject["subject_screened"]:
        return []
    steps = samples.steps(marker)
    end = deadline(subject, marker)
    known = {
        each.rule: each
        for each in statuses(subject, marker, frozen)
        if each.basis == "randomisation"
    }
    read = [
        each for each in determinations(subject, marker, frozen) if each.basis == "randomisation"
    ]
    spent = [_spent(subject, number, marker, read) for number in range(len(steps))]
    number = next((each for each in range(len(steps)) if not spent[each]), None)
    step = None if number is None else steps[number]
    due = None if step is None else last_day(subject, marker, step.days)
    instead = marker.path.status if marker.path and marker.path.then == "stratum" else None
    found = []
    for rule in marker.rules:
        status = known.get(rule.version)
        if status is not None and status.status is not None:
            assert status.sample is not None
            code = steps[samples.place(subject, status.sample, marker)].code
            found.append(
                Standing(rule.version, "determined", status.status, code, None, end, status.decided)
            )
        elif end is not None and _late(subject, marker, end):
            code = None if step is None else step.code
            found.append(Standing(rule.version, "past_deadline", instead, code, None, end, None))
        elif step is None or number is None:
            found.append(Standing(rule.version, "ended", instead, None, None, end, None))
        else:
            here = _samples_of(subject, number, marker)
            state = "awaiting_result" if here else WAITING[step.material]
            found.append(Standing(rule.version, state, None, step.code, due, end, None))
    return found


def _randomised(subject: Subject) -> int | None:
    return min((row["event"] for row in subject["randomised"]), default=None)


def _samples_of(subject: Subject, number: int, marker: Marker) -> list[str]:
    """The samples of a step: of the path's materials, recorded before any randomisation."""
    before = _randomised(subject)
    return [
        row["sample"]
        for row in samples.made(subject)
        if samples.of_the_path(subject, row["sample"], marker)
        and samples.place(subject, row["sample"], marker) == number
        and (before is None or row["event"] < before)
    ]


def _spent(subject: Subject, number: int, marker: Marker, read: list[Determination]) -> bool:
    step = samples.steps(marker)[number]
    if all(_tried(subject, number, assay, marker, read) for assay in step.assays):
        return True
    here = _samples_of(subject, number, marker)
    above = {row["parent"] for row in subject["sample_derived"] if row["sample"] in here}
    left = [
        each for each in here if each not in above and samples.adequate(subject, each) is not False
    ]
    return bool(here) and not left


def _tried(
    subject: Subject, number: int, assay: str, marker: Marker, read: list[Determination]
) -> bool:
    """One determination that can be interpreted, or as many runs as one needs, together or apart.

    A value that waits for its second run keeps the assay open.
    """
    plan = next((each for each in marker.assays if each.code == assay), None)
    replicates = declared(plan, "replicates", None)
    needed = 1 if replicates is None else replicates.needed
    here = [
        each
        for each in read
        if each.assay == assay and samples.place(subject, each.sample, marker) == number
    ]
    if any(each.interpretable for each in here):
        return True
    waits = any(0 < each.readable and each.runs < needed for each in here)
    return not waits and sum(each.runs for each in here) >= needed


def _late(subject: Subject, marker: Marker, end: datetime.date) -> bool:
    """Whether a run for randomisation, or the randomisation itself, came after the deadline.

    A run counts that stood when the subject was randomised, or stands while it is not.
    """
    runs = [
        run_of(subject, row, marker)
        for row in subject["assay_result_recorded"]
        if samples.of_the_path(subject, row["sample"], marker)
    ]
    days = [row["occurred"] for row in subject["randomised"]]
    days += [
        run.day
        for run in runs
        if run.purpose == "randomisation" and stood(run, _randomised(subject))
    ]
    return any(day is not None and day > end for day in days)
