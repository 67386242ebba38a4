"""Every regimen for every class of patient: what the rules in force decide, and on what ground.

The classes are those that the standing rules of the study file tell apart: of creatinine clearance
and of each item that they read (in MGMT-NET uracilaemia). The decisions come from the rule that
`conduct` asks (`equipoise.treatment.decision`); nothing is decided here.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from equipoise.record.event import decimal_text
from equipoise.record.subject_rows import NONE, Numbers
from equipoise.study.definition import Study
from equipoise.treatment.answers import missing_text
from equipoise.treatment.decision import (
    DECISIONS,
    UNDECIDED,
    Decided,
    Measures,
    Pair,
    closing,
    decisions,
    inputs,
    item_key,
    standing_rules,
)
from equipoise.treatment.plan import Dose, ModificationRule, Regimen, RuleSet
from equipoise.treatment.renal import VALUE_PLACES, Clearance
from equipoise.treatment.rules import released

MISSING = "missing"


class Level(NamedTuple):
    """One level of an item: how it is told, and its value (None: missing)."""

    text: str
    value: Decimal | None


class ClearanceClass(NamedTuple):
    """Clearances between two limits, `low` and `high` in or out; or an unknown one."""

    low: Decimal | None
    low_in: bool
    high: Decimal | None
    high_in: bool
    known: bool = True

    @property
    def text(self) -> str:
        """In words.

        >>> ClearanceClass(Decimal(30), True, Decimal(50), True).text
        '30 to 50'
        """
        if not self.known:
            return MISSING
        low = None if self.low is None else decimal_text(self.low)
        high = None if self.high is None else decimal_text(self.high)
        if low is None:
            return "any" if high is None else f"{'up to' if self.high_in else 'below'} {high}"
        if high is None:
            return f"{'from' if self.low_in else 'above'} {low}"
        if low == high:
            return low
        words = f"{low} to {high}" if self.low_in else f"above {low} to {high}"
        return words if self.high_in else words.replace(" to ", " to below ")

    @property
    def value(self) -> Fraction | None:
        """A clearance of the class."""
        if not self.known:
            return None
        if self.low is None:
            return Fraction(90) if self.high is None else Fraction(self.high) / 2
        return Fraction(self.low) + 30 if self.high is None else Fraction(self.low + self.high) / 2


@dataclass(frozen=True, slots=True)
class DoseRow:
    """The decision on one drug of a regimen for one class of patient.

    `percent` is the dose as a share of the regimen's, rounded to a hundredth of a per cent.
    """

    regimen: str
    drug: str
    findings: dict[str, str]
    clearance: str
    decision: str
    dose: str | None
    percent: str | None
    rule: str | None
    wording: str | None
    source: str | None
    assumption: str | None
    off_label: str | None
    possibly_false: bool
    missing: str | None
    regimen_open: bool
    released: bool


def dose_table(study: Study) -> list[DoseRow]:
    """A row for each regimen, level of each item, class of clearance and drug, in this order.

    Neighbouring classes of clearance between which no drug of the regimen differs, whatever the
    items, are one class. The levels of an item with the limits 16 and 150 and one decimal place
    are: below 16, 16, 149.9, 150, missing; and "raised by renal failure" where a set of rules
    doubts a finding in renal impairment.

    >>> from equipoise.study.load import load_study
    >>> [(each.clearance, each.decision, each.dose) for each in dose_table(load_study("mgmt-net"))
    ...  if each.regimen == "CAPTEM" and each.drug == "capecitabine"
    ...  and each.findings == {"uracilaemia": "below 16"}][:3]
    [('below 30', 'omit', None), ('30 to 50', 'reduce', '562.5 mg/m2'), \
('above 50', 'full', '750 mg/m2')]
    """
    rules = standing_rules(study.treatment)
    levels = {item: _levels(study, rules, item) for item in _items(rules)}
    findings = [
        dict(zip(levels, each, strict=True)) for each in itertools.product(*levels.values())
    ]
    classes = _classes(rules)
    return [
        row
        for place, regimen in enumerate(study.treatment.regimens)
        for row in _regimen_rows(study, place, regimen, rules, findings, classes)
    ]


def _items(rules: Sequence[Pair]) -> list[str]:
    return sorted({limits.item for _, rule in rules for limits in rule.values})


def _levels(study: Study, rules: Sequence[Pair], item: str) -> list[Level]:
    """Both sides of every limit, missing, and perhaps the value that renal failure has raised."""
    places = next(
        each.places for form in study.visits.forms for each in form.items if each.code == item
    )
    mine = [(s, limits) for s, rule in rules for limits in rule.values if limits.item == item]
    limits = sorted({limit for _, each in mine for limit in each.limits})
    if not limits:
        return [Level(MISSING, None)]
    step = Decimal(1).scaleb(-places)
    first = limits[0]
    found = [Level(f"below {decimal_text(first)}", first - step)]
    for low, high in itertools.zip_longest(limits, limits[1:]):
        found.append(Level(decimal_text(low), low))
        if any(low in (each.above, each.at_most) for _, each in mine):
            found.append(Level(decimal_text(low + step), low + step))
        if high is not None:
            found.append(Level(decimal_text(high - step), high - step))
    found.append(Level(MISSING, None))
    if any(each.doubtful_up_to_clearance is not None for each, _ in mine):
        found.append(Level("raised by renal failure", first))
    return found


def _classes(rules: Sequence[Pair]) -> list[ClearanceClass]:
    """The intervals between all limits of clearance, the limits themselves, and unknown."""
    ranges = [rule.clearance for _, rule in rules if rule.clearance is not None]
    doubts = [s.doubtful_up_to_clearance for s, _ in rules]
    marks = sorted(
        {limit for each in ranges for limit in each.limits} | {each for each in doubts if each}
    )
    edges: list[Decimal | None] = [None, *marks, None]
    found = []
    for low, high in itertools.pairwise(edges):
        found.append(ClearanceClass(low, False, high, False))
        if high is not None:
            found.append(ClearanceClass(high, True, high, True))
    return [*found, ClearanceClass(None, False, None, False, known=False)] if marks else found


def _measures(
    rules: Sequence[Pair],
    place: int,
    findings: Sequence[dict[str, Level]],
    classes: Sequence[ClearanceClass],
) -> Measures:
    """A row for each finding and class."""
    known = [Fraction(0, 1) if each.value is None else each.value for each in classes]
    numerator = np.array([each.numerator for each in known], dtype=np.int64)
    denominator = np.array(
        [each.value.denominator if each.value is not None else 0 for each in classes],
        dtype=np.int64,
    )
    size = len(findings) * len(classes)
    values: dict[tuple[str, int | None], Numbers] = {}
    for _, rule in rules:
        for limits in rule.values:
            column = [_scaled(each[limits.item].value) for each in findings]
            values[item_key(limits)] = np.repeat(np.array(column, dtype=np.int64), len(classes))
    return Measures(
        regimen=np.full(size, place, dtype=np.int64),
        first=np.arange(size),
        cycle=np.ones(size, dtype=np.int64),
        clearance=Clearance(np.tile(numerator, len(findings)), np.tile(denominator, len(findings))),
        values=values,
    )


def _scaled(value: Decimal | None) -> int:
    return int(NONE) if value is None else int(value.scaleb(VALUE_PLACES))


def _regimen_rows(
    study: Study,
    place: int,
    regimen: Regimen,
    rules: Sequence[Pair],
    findings: Sequence[dict[str, Level]],
    classes: Sequence[ClearanceClass],
) -> Iterator[DoseRow]:
    measures = _measures(rules, place, findings, classes)
    decided = {
        each.drug: each for each in decisions(measures, study.treatment, rules) if len(each.row)
    }
    closed = np.zeros(len(measures.regimen), dtype=np.bool_)
    for each in decided.values():
        closed[each.row] |= closing(each.decision)
    groups = _merged(list(decided.values()), len(findings), classes)
    for number, finding in enumerate(findings):
        for group, first in groups:
            for dose in regimen.doses:
                at = number * len(classes) + first
                told = {item: level.text for item, level in finding.items()}
                row = _row(study, dose, rules, decided[dose.drug], at)
                yield DoseRow(
                    regimen=regimen.code,
                    drug=dose.drug,
                    findings=told,
                    clearance=group,
                    regimen_open=not closed[at],
                    **row,
                )


def _merged(
    decided: Sequence[Decided], findings: int, classes: Sequence[ClearanceClass]
) -> list[tuple[str, int]]:
    """Classes of clearance that differ in some decision, each with the place of its first one."""
    columns = np.concatenate(
        [
            np.asarray(array, dtype=np.int64).reshape(findings, len(classes))
            for each in decided
            for array in each[3:-1]
        ]
    )
    found: list[tuple[ClearanceClass, int]] = []
    for position, each in enumerate(classes):
        if found and each.known:
            before, first = found[-1]
            if (columns[:, first] == columns[:, position]).all():
                found[-1] = before._replace(high=each.high, high_in=each.high_in), first
                continue
        found.append((each, position))
    return [(each.text, first) for each, first in found]


def _row(
    study: Study, dose: Dose, rules: Sequence[Pair], decided: Decided, at: int
) -> dict[str, Any]:
    decision = int(decided.decision[at])
    rule_set, rule = rules[decided.rule[at]] if decided.rule[at] >= 0 else (None, None)
    share = Fraction(int(decided.dose[at]), int(decided.full[at]))
    given, doubtful = decision < UNDECIDED, bool(decided.doubtful[at])
    off_label = None
    if decided.off_label[at] and rule is not None and rule.labelled_amount is not None:
        labelled = f"{decimal_text(rule.labelled_amount)} {dose.unit}"
        off_label = f"labelled for {labelled}, here {decimal_text(dose.amount)} {dose.unit}"
    return {
        "decision": DECISIONS[decision],
        "dose": f"{decimal_text(_amount(dose, share))} {dose.unit}" if given else None,
        "percent": decimal_text(_rounded(share * 100, 2)) if given else None,
        "rule": f"{rule_set.code}/{rule.code}" if rule_set and rule else None,
        "wording": rule.wording.en if rule else None,
        "source": rule_set.source if rule_set else None,
        "assumption": _assumption(rule_set, rule, doubtful=doubtful) if rule_set and rule else None,
        "off_label": off_label,
        "possibly_false": doubtful,
        "missing": missing_text(study.treatment, inputs(rules), int(decided.missing[at])),
        "released": released(dose),
    }


def _assumption(rule_set: RuleSet, rule: ModificationRule, *, doubtful: bool) -> str | None:
    """Why a rule, or a number of it that counts here, is an assumption."""
    told = [rule_set.assumption, rule.assumption]
    told += [f"{each.field}: {each.reason}" for each in rule.assumed]
    if doubtful:
        told += [f"{each.field}: {each.reason}" for each in rule_set.assumed]
    return " ".join(each for each in told if each) or None


def _amount(dose: Dose, share: Fraction) -> Decimal:
    return _rounded(Fraction(dose.amount) * share, 4)


def _rounded(value: Fraction, places: int) -> Decimal:
    """Half up."""
    scaled = value * 10**places
    return Decimal((2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)).scaleb(
        -places
    )
