"""What the dosing rules say of a patient, put into words of the study: options, doses, cycles.

Every figure and every decision is a row of a derived table; here they are only named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from equipoise.conduct.context import as_it_stands
from equipoise.record.event import Event, decimal_text
from equipoise.record.plan import Label
from equipoise.study.definition import Study
from equipoise.treatment.decision import rule_named
from equipoise.treatment.plan import Regimen
from equipoise.web.asking import Asking

NOT_TO_GIVE = frozenset({"undecided", "delay"})
"""Decisions under which no amount is to be given on that day: none is shown that could be taken
for a dose."""

AMOUNT_PLACES = 2
"""Amounts stand in tables in 1/100 mg."""


@dataclass(frozen=True, slots=True)
class Option:
    """A regimen of the arm: open, or closed by a rule with its wording and source."""

    regimen: Regimen
    open: bool
    drug: str | None
    wording: Label | None
    source: str | None
    missing: str | None
    doubtful: bool


@dataclass(frozen=True, slots=True)
class DrugDecision:
    """The rule's decision on one drug of a cycle, in mg, with the rule that decided."""

    drug: str
    label: Label | None
    decision: str
    amount: str | None
    dispensed: str | None
    days: tuple[int, ...]
    times_per_day: int
    route: str | None
    wording: Label | None
    source: str | None
    missing: str | None
    doubtful: bool
    off_label: bool


def chosen_regimen(events: Sequence[Event]) -> str | None:
    """The regimen chosen last for a subject, corrections applied; None before one is."""
    found = [str(body["regimen"]) for _, body in as_it_stands(events, "RegimenChosen")]
    return found[-1] if found else None


def milligrams(scaled: int | None) -> str | None:
    """An amount of a table, in 1/100 mg, as text.

    >>> milligrams(28050), milligrams(None)
    ('280.5', None)
    """
    return None if scaled is None else decimal_text(Decimal(scaled).scaleb(-AMOUNT_PLACES))


def _ground(study: Study, rule: str | None) -> tuple[Label | None, str | None]:
    """Wording of a rule and its source, or the assumption that it is."""
    if rule is None:
        return None, None
    rule_set, found = rule_named(study.treatment, rule)
    return found.wording, rule_set.source or rule_set.assumption


def options(asking: Asking, subject: str, family: Iterable[str]) -> list[Option]:
    """The regimens of an arm, each open or closed to the subject, in the order of the study."""
    ask = asking.trial.ask
    study = ask.study(ask.site(subject))
    plans = {each.code: each for each in study.treatment.regimens}
    rows = {row["regimen"]: row for row in ask.derived(subject, "regimen_option").rows(named=True)}
    found = []
    for code in family:
        row = rows.get(code)
        if row is None or code not in plans:
            continue
        wording, source = _ground(study, row["rule"])
        found.append(
            Option(plans[code], bool(row["open"]), row["drug"], wording, source, row["missing"],
                   bool(row["doubtful"]))
        )  # fmt: skip
    return found


def decided(study: Study, rows: Iterable[Mapping[str, Any]]) -> list[DrugDecision]:
    """Rows of `dose_decision` in words, in the order of the regimen."""
    found = []
    for row in rows:
        regimen = next((r for r in study.treatment.regimens if r.code == row["regimen"]), None)
        dose = next((d for d in regimen.doses if d.drug == row["drug"]), None) if regimen else None
        wording, source = _ground(study, row["rule"])
        found.append(
            DrugDecision(
                drug=row["drug"], label=dose.label if dose else None, decision=row["decision"],
                amount=milligrams(row["amount"]),
                dispensed=None
                if row["decision"] in NOT_TO_GIVE
                else milligrams(row["dispensed"]),
                days=dose.days if dose else (), times_per_day=dose.times_per_day if dose else 1,
                route=dose.route if dose else None, wording=wording, source=source,
                missing=row["missing"], doubtful=bool(row["doubtful"]),
                off_label=bool(row["off_label"]),
            )
        )  # fmt: skip
    return found
