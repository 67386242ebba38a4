"""How fast events become tables: a whole record at once, and one subject at a time.

`make bench`, or `python benchmarks/bench_tables.py`. The record is made up of the events of a trial
in their usual proportions; of a hundred events one is a correction.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from equipoise.record import reading
from equipoise.record.canonical import canonical
from equipoise.record.event import Event
from equipoise.record.tables import rows, tables
from equipoise.study.catalogue import CATALOGUE

EVENTS = 100_000
REPEATED = 5
ITEMS = ("weight", "height", "ecog", "diastolic_pressure", "systolic_pressure", "consent_given")
ORDER = "FVDDTDVLDDAFVDDLLCDV"
"""Twenty events in a row; with these proportions a subject has about sixty."""


def _body(kind: str, number: int) -> tuple[str, dict[str, Any]]:
    match kind:
        case "F":
            items = [{"item": each, "value": "15.3", "value_missing": None} for each in ITEMS]
            form: dict[str, Any] = {"form": "baseline", "visit": "W1", "instance": f"I{number}"}
            return "FormSaved", {**form, "items": items}
        case "V":
            seen = {"visit": "W1", "instance": 1, "unscheduled": False, "not_done": None}
            return "VisitRecorded", seen
        case "L":
            value = {"analyte": "creatinine", "value": "81.5", "value_missing": None}
            results = [{**value, "unit": "µmol/L"}]
            return "LaboratoryReported", {"report": f"R{number}", "results": results}
        case "T":
            targets = [
                {
                    "lesion": f"T{n}",
                    "state": "measured",
                    "diameter": "15.3",
                    "diameter_missing": None,
                }
                for n in range(3)
            ]
            others = [{"lesion": f"N{n}", "state": "present"} for n in range(2)]
            scan = {"assessment": f"A{number}", "evaluator": "site", "visit": "W8"}
            seen = {"baseline": False, "modality": "ct", "new_lesions": []}
            return "TumourAssessed", {**scan, **seen, "targets": targets, "non_targets": others}
        case "A":
            event = {
                "adverse_event": f"AE{number}",
                "term": "Nausea",
                "specified": None,
                "grade": 2,
            }
            rest = {"end": "2024-03", "serious": False, "outcome": "recovered"}
            return "AdverseEventReported", {**event, **rest}
        case "C":
            cycle = {"cycle": 1, "regimen": "FOLFOX", "height": "170", "weight": "70.5"}
            return "CycleStarted", cycle
    dose = {"cycle": 1, "day": 1, "drug": "oxaliplatin", "administrations": 1, "lot": "L1"}
    return "DoseGiven", {**dose, "amount": "150.25", "amount_missing": None}


def _correction(target: int) -> tuple[str, dict[str, Any]]:
    change = {"item": "amount", "old": '"150.25"', "new": '"150"', "target_version": 1}
    return "Corrected", {"target": target, **change, "old_missing": None, "new_missing": None}


def _event(seq: int) -> Event:
    corrects = seq % 100 == 0
    type_name, body = _correction(seq - 17) if corrects else _body(ORDER[seq % 20], seq)
    return Event(
        seq=seq,
        trial="benchmark",
        type=type_name,
        type_version=1,
        subject=f"01-{seq // 60:04}",
        site="01",
        occurred="2024-01-05",
        recorded="2026-01-01T00:00:00.000000Z",
        offset=60,
        actor="m.dupont",
        role="investigator",
        organisation="University Hospital 7",
        reason="typing mistake" if corrects else None,
        cause=None,
        study_version="1",
        release="0",
        idempotency_key=f"0b0ad5c8-6d1c-4bd2-9f7e-{seq:012}",
        body=canonical(body),
        prev="0" * 64,
        hash="0" * 64,
    )


def _timed(label: str, act: Callable[[], object], events: int) -> None:
    """The best of several runs: on a shared machine the others measure the neighbours."""
    wall, busy = [], []
    for _ in range(REPEATED):
        begin, used = time.perf_counter(), time.process_time()
        act()
        wall.append(time.perf_counter() - begin)
        busy.append(time.process_time() - used)
    print(
        f"{label:<42}{min(wall):8.3f} s  {events / min(wall):10,.0f} events/s"
        f"  (CPU {min(busy):.3f} s)"
    )


def _break_even(found: Sequence[Event]) -> None:
    """From how many events of one type on the whole text goes into polars."""
    doses = [each for each in found if each.type == "DoseGiven"][: 4 * reading.FEW]
    cls = CATALOGUE.of("DoseGiven")
    for count in (reading.FEW // 4, reading.FEW, 4 * reading.FEW):
        for label, way in (("one by one", reading._opened), ("at once", reading._scanned)):
            _timed(
                f"{count} events of a type {label}",
                lambda w=way, n=count: list(w(cls, doses[:n], {})),
                count,
            )


def measured() -> None:
    """Read a whole record, one subject, and the tables back; with the break-even of both ways."""
    found = [_event(seq) for seq in range(1, EVENTS + 1)]
    subject = [each for each in found if each.subject == "01-0007"]
    read = tables(found, CATALOGUE)
    print(f"{sum(map(len, read.values())):,} rows from {EVENTS:,} events")
    _timed("all events into tables", lambda: tables(found, CATALOGUE), EVENTS)
    plain = [each for each in found if each.type != "Corrected"]
    _timed("the same without the corrections", lambda: tables(plain, CATALOGUE), len(plain))
    _timed("one subject into tables", lambda: tables(subject, CATALOGUE), len(subject))
    doses = CATALOGUE.of("DoseGiven")
    _timed(
        "rows of one table as bodies again",
        lambda: list(rows(read, doses)),
        len(read[doses.TABLE]),
    )
    _break_even(found)


def test_tables() -> None:
    print()
    measured()


if __name__ == "__main__":
    measured()
