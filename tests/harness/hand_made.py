"""Tables of a trial typed in by hand: what each subject did, as the rules' tables would say it."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from equipoise.record.tables import empty_tables
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.derivation import ORDER

DAY_0 = datetime.date(2021, 1, 4)


def day(number: int | None) -> datetime.date | None:
    """The date `number` days after the day on which every subject was randomised."""
    return None if number is None else DAY_0 + datetime.timedelta(days=number)


@dataclass
class Subject:
    """One person: days count from randomisation (0); statuses by rule-2."""

    name: str
    arm: str | None = "A"
    status: str | None = "LOW"
    redetermined: str | None = None
    failure: str | None = None
    failed_criteria: tuple[str, ...] = ()
    rescreening_of: str | None = None
    first_dose: int | None = 1
    response: str | None = "SD"
    best: str | None = "SD"
    progression: int | None = None
    assessed: int | None = 91
    baseline: int | None = None
    death: int | None = None
    death_text: str | None = None
    alive: int | None = 100
    withdrawn: int | None = None
    items: dict[str, Any] = field(default_factory=dict)
    events: tuple[tuple[str, int], ...] = ()
    assay: str = "first_assay"
    replicate: int = 0


class Trial:
    """Rows of tables; `seq` counts on with every row of an event table."""

    def __init__(self) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.seq = 0

    def event(self, table: str, subject: Subject, occurred: int | None, **items: Any) -> int:
        self.seq += 1
        common = {
            "replicate": subject.replicate,
            "subject": subject.name,
            "site": "S01",
            "occurred": day(occurred),
            "seq": self.seq,
            "event": self.seq,
            "study_version": "1.0",
        }
        self.rows.setdefault(table, []).append(common | items)
        return self.seq

    def derived(self, table: str, subject: Subject, sources: list[int], **items: Any) -> None:
        key = {"replicate": subject.replicate, "subject": subject.name}
        self.rows.setdefault(table, []).append(key | items | {"sources": sorted(sources)})

    def add(self, subject: Subject) -> None:
        screened = self.event("subject_screened", subject, -20)
        seqs = [screened]
        if subject.failure:
            seqs.append(
                self.event(
                    "screening_failed",
                    subject,
                    -5,
                    cause=subject.failure,
                    criteria=list(subject.failed_criteria),
                    pending=[],
                )
            )
        self._marker(subject)
        if subject.arm:
            self._randomised(subject)
        if subject.first_dose is not None:
            self._dosed(subject, subject.first_dose)
        if subject.withdrawn is not None:
            seqs.append(
                self.event(
                    "consent_withdrawn",
                    subject,
                    subject.withdrawn,
                    consent="main",
                    vital_status_allowed=True,
                )
            )
        if subject.death is not None or subject.death_text:
            text = {"occurred_partial": subject.death_text, "cause": "disease"}
            seqs.append(self.event("death_recorded", subject, subject.death, **text))
        alive = self.event("vital_status_recorded", subject, subject.alive, source="visit")
        self._fate(subject, [*seqs, alive])
        self._harmed(subject)

    def _dosed(self, subject: Subject, first: int) -> None:
        amount = {
            "cycle": 1,
            "day": 1,
            "drug": f"drug_{subject.arm}",
            "amount": 10000,
            "administrations": 1,
        }
        dose = self.event("dose_given", subject, first, **amount)
        self.derived(
            "exposure",
            subject,
            [dose],
            drug=f"drug_{subject.arm}",
            cycles=1,
            administered=10000,
            planned=10000,
            first_dose=day(first),
            last_dose=day(first),
        )

    def _harmed(self, subject: Subject) -> None:
        for term, grade in subject.events:
            reported = self.event(
                "adverse_event_reported",
                subject,
                10,
                adverse_event=f"{subject.name}-{term}",
                term=term,
                grade=grade,
                serious=False,
                outcome="recovered",
            )
            self.derived(
                "adverse_event",
                subject,
                [reported],
                adverse_event=f"{subject.name}-{term}",
                term=term,
                system_organ_class="Investigations",
                grade=grade,
                serious=grade > 3,
                onset=day(10),
                treatment_emergent=True,
                related=True,
            )

    def _marker(self, subject: Subject) -> None:
        if subject.status is None and subject.redetermined is None:
            return
        result = {
            "result": f"{subject.name}-1",
            "sample": subject.name,
            "assay": subject.assay,
            "purpose": "randomisation",
            "technically_valid": True,
        }
        first = self.event("assay_result_recorded", subject, -10, **result)
        decided = {"assay": subject.assay, "total": 100000, "count": 1}
        value = {"occurred": day(-10), "interpretable": True, "finding": None, "invalidated": False}
        shared = {key: result[key] for key in ("result", "sample", "assay", "purpose")}
        self.derived("assay_value", subject, [first], **shared, total=100000, count=1, **value)
        determined = {key: result[key] for key in ("sample", "assay", "purpose")} | value
        self.derived(
            "assay_determination", subject, [first], basis="randomisation", event=first,
            total=100000, count=1, **determined,
        )  # fmt: skip
        for rule in ("rule-1", "rule-2"):
            status = subject.status if rule == "rule-2" else "LOW"
            self.derived(
                "marker_status",
                subject,
                [first],
                basis="randomisation",
                rule=rule,
                status=status,
                **decided,
            )
            again = [first]
            if subject.redetermined:
                again = [
                    self.event(
                        "assay_result_recorded",
                        subject,
                        200,
                        **(result | {"purpose": "redetermination"}),
                    )
                ]
            self.derived(
                "marker_status",
                subject,
                again,
                basis="redetermination",
                rule=rule,
                status=subject.redetermined or status,
                **decided,
            )

    def _randomised(self, subject: Subject) -> None:
        allocated = {
            "scheme": "main",
            "scheme_version": "1",
            "allocation": self.seq,
            "stratum": subject.status,
            "stratum_allocation": self.seq,
            "marker_status": subject.status,
            "status_rule": "rule-2",
            "arm": subject.arm,
        }
        seq = self.event("randomised", subject, 0, **allocated)
        self.derived("allocation", subject, [seq], site="S01", randomised=day(0), **allocated)
        scan = self.event(
            "tumour_assessed",
            subject,
            91,
            assessment=f"{subject.name}-3m",
            evaluator="CENTRAL",
            visit="month_3",
            baseline=False,
            modality="ct",
        )
        if subject.response is not None:
            responder = None if subject.response == "NE" else subject.response in ("CR", "PR")
            self.derived(
                "window_response",
                subject,
                [scan],
                evaluator="CENTRAL",
                window="month_3",
                response=subject.response,
                responder=responder,
                assessment=f"{subject.name}-3m",
                day=91,
            )
        if subject.best is not None:
            self.derived(
                "best_overall_response",
                subject,
                [scan],
                evaluator="CENTRAL",
                response=subject.best,
                occurred=day(91),
                confirmed=False,
            )
        if subject.baseline is not None:
            self.event(
                "tumour_assessed",
                subject,
                subject.baseline,
                assessment=f"{subject.name}-base",
                evaluator="CENTRAL",
                visit="baseline",
                baseline=True,
                modality="ct",
            )
        self._read(subject, scan)

    def _read(self, subject: Subject, scan: int) -> None:
        """An evaluable assessment without progression, and one with it, as the subject has them."""
        seen = [(subject.assessed, "SD"), (subject.progression, "PD")]
        readings = [(number, response) for number, response in seen if number is not None]
        for order, (number, response) in enumerate(readings):
            self.derived(
                "time_point_response",
                subject,
                [scan],
                evaluator="CENTRAL",
                assessment=f"{subject.name}-{order}",
                occurred=day(number),
                order=order,
                overall_response=response,
            )
        self.derived(
            "progression",
            subject,
            [scan],
            evaluator="CENTRAL",
            progressed=subject.progression is not None,
            progression=day(subject.progression),
            progression_order=None if subject.progression is None else len(readings) - 1,
            last_adequate_assessment=day(subject.assessed),
        )

    def _fate(self, subject: Subject, sources: list[int]) -> None:
        self.derived(
            "disposition",
            subject,
            sources,
            site="S01",
            screened=day(-20),
            rescreening_of=subject.rescreening_of,
            screening_failed=day(-5) if subject.failure else None,
            failure_cause=subject.failure,
            failed_criteria=list(subject.failed_criteria) if subject.failure else None,
            consented=day(-20),
            randomised=day(0) if subject.arm else None,
            first_dose=day(subject.first_dose),
            last_dose=day(subject.first_dose),
            treatment_discontinued=None,
            visits_discontinued=None,
            consent_withdrawn=day(subject.withdrawn),
            lost=None,
            death=day(subject.death),
            death_text=subject.death_text
            or (None if subject.death is None else str(day(subject.death))),
            subsequent_therapy=None,
            last_known_alive=day(subject.alive),
        )
        items = {
            "age": 60,
            "sex": "F",
            "primary_site": "PANCREAS",
            "ki67": None,
            "note": None,
        } | subject.items
        behind = {name: sources[0] if value is not None else None for name, value in items.items()}
        self.derived(
            "subject_item", subject, sources[:1], screening_date=day(-20),
            item_sources=behind, **items,
        )  # fmt: skip

    def tables(self) -> dict[str, pl.DataFrame]:
        """All event tables of the catalogue, and the derived tables of DERIVED."""
        done = {}
        for name, frame in empty_tables(CATALOGUE).items():
            rows = self.rows.get(name, [])
            done[name] = pl.DataFrame(
                {key: [row.get(key) for row in rows] for key in frame.columns}, schema=frame.schema
            )
        for name, schema in DERIVED.items():
            rows = self.rows.get(name, [])
            done[name] = pl.DataFrame(
                {key: [row.get(key) for row in rows] for key in schema}, schema=schema
            ).sort("replicate", "subject", maintain_order=True)
        return done


def trial(*subjects: Subject) -> dict[str, pl.DataFrame]:
    """Event tables and derived tables of these subjects."""
    made = Trial()
    for subject in subjects:
        made.add(subject)
    return made.tables()


DERIVED: dict[str, dict[str, Any]] = {
    rule.produces: dict(rule.columns)
    for rule in ORDER
    if rule.produces not in ("item", "criterion_verdict", "eligibility", "planned_dose")
}
"""The derived tables that analyses and reports read, as their rules declare them."""

DERIVED["subject_item"] = {
    "replicate": pl.Int32,
    "subject": pl.String,
    "screening_date": pl.Date,
    "age": pl.Int64,
    "sex": pl.String,
    "primary_site": pl.String,
    "ki67": pl.Decimal(18, 1),
    "note": pl.String,
    "item_sources": pl.Struct(
        dict.fromkeys(("age", "sex", "primary_site", "ki67", "note"), pl.Int64)
    ),
    "sources": pl.List(pl.Int64),
}
