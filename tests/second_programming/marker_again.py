"""Marker status programmed again: values of runs, replicates, cut-offs, fallback, what counts when.

Written from the study files (biomarker), the events' and the rules' descriptions in words, and the
sections on the marker rule and its assays of the project's facts; by somebody who has not read the
rules. One subject at a time, in exact fractions of the assay's unit.
"""

from __future__ import annotations

import datetime
import itertools
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from equipoise.biomarker.plan import Assay, Marker, StatusRule
from tests.second_programming import samples_again as samples
from tests.second_programming.path_days_again import deadline
from tests.second_programming.rows_by_subject import Row

TABLES = (
    "sample_collected", "sample_derived", "sample_received", "assay_result_recorded",
    "assay_measurement", "assay_control", "assay_result_invalidated", "randomised",
    "subject_screened", "consent_signed", "corrected",
)  # fmt: skip

BASES = ("randomisation", "redetermination")


@dataclass(frozen=True)
class Run:
    """One run of an assay: its value, if one can be formed, and whether it may be read."""

    result: str
    assay: str
    purpose: str
    determination: str
    sample: str
    day: datetime.date | None
    event: int
    value: Fraction | None
    readable: bool
    withdrawn: int | None
    """The place in the record of the event that invalidated it."""


@dataclass(frozen=True)
class Determination:
    """Replicates as one value."""

    basis: str
    assay: str
    purpose: str
    name: str
    sample: str
    day: datetime.date | None
    event: int
    runs: int
    readable: int
    kept: int
    spread: bool
    value: Fraction | None
    interpretable: bool


READ = ("passed", "check", "not_given")


def declared(assay: Assay | None, name: str, otherwise: Any) -> Any:
    """What the study file says of an assay; `otherwise` where it has no such field, or no assay."""
    return getattr(assay, name, otherwise)


def unscaled(value: int | None) -> Fraction | None:
    return None if value is None else Fraction(value, 10_000)


def within(value: Fraction, ends: Any) -> bool:
    """Whether the value lies between the limits that are given."""
    return not (
        (ends.at_least is not None and value < Fraction(ends.at_least))
        or (ends.above is not None and value <= Fraction(ends.above))
        or (ends.at_most is not None and value > Fraction(ends.at_most))
        or (ends.below is not None and value >= Fraction(ends.below))
    )


def summary(assay: Assay, counted: dict[str, Fraction]) -> Fraction | None:
    if assay.summary == "h_score":
        if set(counted) != {"negative", "weak", "moderate", "strong"}:
            return None
        return counted["weak"] + 2 * counted["moderate"] + 3 * counted["strong"]
    if not counted:
        return None
    return sum(counted.values(), Fraction(0)) / len(counted)


def run_of(subject: dict[str, list[Row]], row: Row, marker: Marker) -> Run:
    assay = next((each for each in marker.assays if each.code == row["assay"]), None)
    value, readable = None, False
    if assay is not None:
        counted = {
            each["measurement"]: Fraction(each["value"], 10_000)
            for each in subject["assay_measurement"]
            if each["event"] == row["event"]
            if each["value"] is not None
            and each["quality"] in declared(assay, "accepted_qualities", READ)
        }
        value = summary(assay, counted)
        readable = _can_be_read(subject, row, assay, counted)
    withdrawn = [
        each["event"]
        for each in subject["assay_result_invalidated"]
        if each["result"] == row["result"]
    ]
    return Run(
        result=row["result"],
        assay=row["assay"],
        purpose=row["purpose"],
        determination=row.get("determination") or row["result"],
        sample=row["sample"],
        day=row["occurred"],
        event=row["event"],
        value=value,
        readable=readable,
        withdrawn=min(withdrawn, default=None),
    )


def _can_be_read(
    subject: dict[str, list[Row]], row: Row, assay: Assay, counted: dict[str, Fraction]
) -> bool:
    if samples.adequate(subject, row["sample"]) is False:
        return False
    least = declared(assay, "minimum_tumour_cells", None)
    if least is not None:
        cells = samples.tumour_cells(subject, samples.chain(subject, row["sample"]))
        if cells is None or cells < Fraction(least):
            return False
    if not row["technically_valid"] or not _controls_hold(subject, row, assay):
        return False
    if len(counted) < assay.minimum_measurements or summary(assay, counted) is None:
        return False
    if assay.summary == "h_score" and sum(counted.values()) != 100:
        return False
    return not assay.internal_control_needed or row["internal_control"] == "positive"


def _controls_hold(subject: dict[str, list[Row]], row: Row, assay: Assay) -> bool:
    """A control that gave no signal reads 0."""
    read = {
        each["control"]: unscaled(each["value"]) or Fraction(0)
        for each in subject["assay_control"]
        if each["event"] == row["event"]
    }
    for control in declared(assay, "controls", ()):
        if control.code not in read:
            if control.obligatory:
                return False
        elif not within(read[control.code], control):
            return False
    return True


def determinations(
    subject: dict[str, list[Row]], marker: Marker, frozen: int | None
) -> list[Determination]:
    """Every determination that has a run which counts, on both bases.

    `frozen`: the place in the record of the freeze of what is re-determined.
    """
    runs = [
        run_of(subject, row, marker)
        for row in subject["assay_result_recorded"]
        if samples.of_the_path(subject, row["sample"], marker)
    ]
    randomised = min((row["event"] for row in subject["randomised"]), default=None)
    last_day = deadline(subject, marker)
    counting = {
        "randomisation": [
            run
            for run in runs
            if run.purpose == "randomisation"
            and stood(run, randomised)
            and (last_day is None or (run.day is not None and run.day <= last_day))
        ],
        "redetermination": [run for run in runs if stood(run, frozen)],
    }
    found = []
    for basis in BASES:
        groups: dict[tuple[str, str, str, str], list[Run]] = {}
        for run in counting[basis]:
            key = (run.assay, run.purpose, run.determination, run.sample)
            groups.setdefault(key, []).append(run)
        found += [_one_value(basis, group, marker) for group in groups.values()]
    return found


def stood(run: Run, at: int | None) -> bool:
    """Whether the record held the run, not invalidated, at a place, or holds it now."""
    if at is None:
        return run.withdrawn is None
    return run.event <= at and (run.withdrawn is None or run.withdrawn > at)


def _one_value(basis: str, runs: list[Run], marker: Marker) -> Determination:
    assay = next((each for each in marker.assays if each.code == runs[0].assay), None)
    rule = declared(assay, "replicates", None)
    values = [run.value for run in runs if run.readable and run.value is not None]
    kept = values
    spread = False
    enough = len(values) >= (1 if rule is None else rule.needed)
    if not enough:
        kept = []
    elif rule is not None and max(values) - min(values) > Fraction(rule.most_apart):
        spread = True
        pairs = list(itertools.combinations(range(len(values)), 2))
        nearest = min(abs(values[one] - values[two]) for one, two in pairs)
        together = {
            place
            for pair in pairs
            if abs(values[pair[0]] - values[pair[1]]) == nearest
            for place in pair
        }
        kept = [values[place] for place in sorted(together)]
        if nearest > Fraction(rule.most_apart):
            kept = []
    last = max(runs, key=lambda run: run.event)
    return Determination(
        basis=basis,
        assay=runs[0].assay,
        purpose=runs[0].purpose,
        name=runs[0].determination,
        sample=runs[0].sample,
        day=max((run.day for run in runs if run.day is not None), default=None),
        event=last.event,
        runs=len(runs),
        readable=len(values),
        kept=len(kept),
        spread=spread,
        value=sum(kept, Fraction(0)) / len(kept) if kept else None,
        interpretable=bool(kept),
    )


@dataclass(frozen=True)
class MarkerStatus:
    """The status on one basis by one version of the rule, and what decided."""

    basis: str
    rule: str
    status: str | None = None
    assay: str | None = None
    value: Fraction | None = None
    sample: str | None = None
    decided: datetime.date | None = None


def statuses(
    subject: dict[str, list[Row]], marker: Marker, frozen: int | None
) -> list[MarkerStatus]:
    """By every version of the rule, on both bases; of a subject with a sample or a result.

    For randomisation the first step of the path that gives a status decides.
    """
    if not subject["sample_collected"] and not subject["assay_result_recorded"]:
        return []
    made = [each for each in determinations(subject, marker, frozen) if each.interpretable]
    places = range(len(samples.steps(marker)))
    at_random = [
        [
            each
            for each in made
            if each.basis == "randomisation"
            and samples.place(subject, each.sample, marker) == place
        ]
        for place in places
    ]
    again = [each for each in made if each.basis == "redetermination"]
    found = []
    for basis, asked in (("randomisation", at_random), ("redetermination", [again])):
        for rule in marker.rules:
            given = (_status(basis, rule, here, marker) for here in asked)
            found.append(next((each for each in given if each), MarkerStatus(basis, rule.version)))
    return found


def _status(
    basis: str, rule: StatusRule, here: list[Determination], marker: Marker
) -> MarkerStatus | None:
    """What the first step of the rule that can be decided says, by its latest determination.

    Of a determination without a day it is taken that it came before the others.
    """
    for step in rule.steps:
        those = [each for each in here if each.assay == step.assay]
        later = [each for each in those if each.purpose == "redetermination"]
        latest = max(
            later or those, key=lambda e: (e.day or datetime.date.min, e.event), default=None
        )
        if latest is not None and latest.value is not None:
            assay = next(each for each in marker.assays if each.code == step.assay)
            compared = _compared(latest.value, assay.rounded_to)
            status = next(each.status for each in step.intervals if within(compared, each))
            return MarkerStatus(
                basis, rule.version, status, step.assay, latest.value, latest.sample, latest.day
            )
    return None


def _compared(value: Fraction, places: int | None) -> Fraction:
    """Rounded half up, where the study says so."""
    if places is None:
        return value
    scale = 10**places
    return Fraction((value * scale + Fraction(1, 2)).__floor__(), scale)
