"""What the rules say of the drugs of a cycle, put together for the pharmacy's pages."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl

from equipoise.conduct.verifying import checks
from equipoise.record.event import Event, decimal_text
from equipoise.record.tables import tables
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.definition import Study
from equipoise.study.derivation import derive
from equipoise.treatment.amount import AREA_SCALE
from equipoise.treatment.events import LotReceived
from equipoise.treatment.lots import DISPENSING_ACCOUNT, dispensing_account, lots_received
from equipoise.treatment.plan import Dose
from equipoise.treatment.verification import Step, Verification, next_step, verification
from equipoise.web.overview import kept
from equipoise.web.treatment_view import DrugDecision, decided, milligrams
from equipoise.web.trial import Trial

READ = ("dose_decision", "planned_dose")
_ENDS = ("treatment_discontinued", "death_recorded", "consent_withdrawn", "lost_to_follow_up")


@dataclass(frozen=True, slots=True)
class DrugWork:
    """A drug of a cycle: what is decided, who verified it, what was dispensed, what is next.

    `amounts`: from the least to the most that the rule allows, in mg. `account`: rows of
    `dispensing_account`.
    """

    drug: str
    decision: DrugDecision
    plan: Dose | None
    amounts: tuple[str | None, str | None]
    verification: Verification
    step: Step
    account: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class CycleWork:
    """A cycle of a subject in the pharmacy; `current`: the last one, and treatment goes on."""

    subject: str
    site: str
    cycle: int
    regimen: str
    started: datetime.date
    area: str | None
    drugs: tuple[DrugWork, ...]
    current: bool


@dataclass(frozen=True, slots=True)
class Shelf:
    """A subject in the pharmacy: cycles, the latest first, and every dispensing."""

    subject: str
    site: str
    cycles: tuple[CycleWork, ...]
    account: pl.DataFrame


def shelves(trial: Trial, site: str | None) -> list[Shelf]:
    """The subjects of a hospital, or of all (None), as the pharmacy has them."""
    return kept(trial, "pharmacy", _shelves).of(site)


def shelf(trial: Trial, subject: str) -> Shelf:
    """One subject as the pharmacy has them."""
    return kept(trial, "pharmacy", _shelves).one(subject)


def _shelves(events: list[Event], study: Study) -> Mapping[str, Shelf]:
    found = dict(tables(sorted(events), CATALOGUE))
    for name in READ:
        found = derive(found, study, upto=name)
    account = dispensing_account(found)
    ended = {subject for name in _ENDS for subject in found[name]["subject"]}
    by_subject: dict[str, list[Event]] = {}
    for event in sorted(events):
        by_subject.setdefault(event.subject or "", []).append(event)
    return {
        row["subject"]: _shelf(
            row["subject"], row["site"], by_subject[row["subject"]], study, found, account,
            goes_on=row["subject"] not in ended,
        )
        for row in found["subject_screened"].iter_rows(named=True)
    }  # fmt: skip


def _shelf(
    subject: str, site: str, events: Sequence[Event], study: Study,
    found: Mapping[str, pl.DataFrame], account: pl.DataFrame, *, goes_on: bool,
) -> Shelf:  # fmt: skip
    decisions = found["dose_decision"].filter(subject=subject).rows(named=True)
    planned = found["planned_dose"].filter(subject=subject)
    mine = account.filter(subject=subject)
    areas = dict(planned.select("cycle", "body_surface_area").iter_rows())
    last = max((row["cycle"] for row in decisions), default=0)
    cycles = []
    for cycle in range(last, 0, -1):
        rows = [row for row in decisions if row["cycle"] == cycle]
        if not rows:
            continue
        drugs = [
            _drug(row, told, study, events, mine.filter(cycle=cycle, drug=row["drug"]))
            for row, told in zip(rows, decided(study, rows), strict=True)
        ]
        area = areas.get(cycle)
        cycles.append(
            CycleWork(
                subject, site, cycle, rows[0]["regimen"], rows[0]["occurred"],
                None if area is None else decimal_text(Decimal(area) / AREA_SCALE),
                tuple(drugs), cycle == last and goes_on,
            )
        )  # fmt: skip
    return Shelf(subject, site, tuple(cycles), mine)


def _drug(
    row: Mapping[str, Any], told: DrugDecision, study: Study, events: Sequence[Event],
    account: pl.DataFrame,
) -> DrugWork:  # fmt: skip
    regimen = next((r for r in study.treatment.regimens if r.code == row["regimen"]), None)
    plan = next((d for d in regimen.doses if d.drug == row["drug"]), None) if regimen else None
    said = checks(events, row["cycle"], row["drug"])
    found = verification(said, row["least"], row["most"], study.treatment.verified_by)
    return DrugWork(
        row["drug"], told, plan, (milligrams(row["least"]), milligrams(row["most"])), found,
        next_step(found, int(account["units"].sum())), tuple(account.iter_rows(named=True)),
    )  # fmt: skip


def dispensings(trial: Trial, site: str | None) -> pl.DataFrame:
    """`dispensing_account` of the subjects of a hospital, or of all."""
    none = pl.DataFrame(schema=dict(DISPENSING_ACCOUNT))
    return pl.concat([none, *(each.account for each in shelves(trial, site))])


def receipts(trial: Trial, site: str | None) -> pl.DataFrame:
    """`lots_received` of a hospital, or of all."""
    events = trial.log.read(types={LotReceived.TYPE}, site=site)
    return lots_received(tables(events, CATALOGUE))


def strength(unit: int) -> str:
    """What a unit holds, in mg.

    >>> strength(25_000)
    '250'
    """
    return milligrams(unit) or ""
