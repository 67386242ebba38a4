"""The lesions that an evaluator follows in a subject, and every reading of them, as they stand.

What was recorded, in the words of the page; what counts, and how, the rules say elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from equipoise.conduct.context import event_as_it_stands
from equipoise.record.event import Event
from equipoise.web.asking import Asking
from equipoise.web.readers import READERS, READINGS, courses_of, reads_for
from equipoise.web.wording import Words


@dataclass(frozen=True, slots=True)
class Lesion:
    """A lesion as its evaluator identified it, with the entry that says so, and what was done to it
    since: `procedures` with their days."""

    lesion: str
    role: str
    organ: str
    side: str | None
    node: bool
    kind: str
    since: str
    seq: int
    procedures: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """One assessment: its entry, its day, its content as it stands."""

    seq: int
    actor: str
    occurred: str
    body: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The identifier of the assessment."""
        return str(self.body["assessment"])


@dataclass(frozen=True, slots=True)
class LesionTable:
    """What one evaluator follows in one subject: lesions in order of entry, readings in time."""

    evaluator: str
    lesions: tuple[Lesion, ...] = ()
    readings: tuple[Reading, ...] = ()
    taken: frozenset[str] = field(default_factory=frozenset)

    @property
    def has_baseline(self) -> bool:
        """Whether the evaluator has read a baseline."""
        return any(each.body["baseline"] for each in self.readings)

    def of(self, role: str) -> list[Lesion]:
        """The lesions in a role."""
        return [each for each in self.lesions if each.role == role]

    def next_name(self) -> str:
        """An identifier for the next assessment."""
        return next(f"A{n}" for n in range(len(self.taken) + 1) if f"A{n}" not in self.taken)

    def next_lesion(self, prefix: str, among: Iterable[str] = ()) -> str:
        """An identifier for the next lesion that begins with `prefix`."""
        used = {each.lesion for each in self.lesions} | set(among)
        return next(f"{prefix}{n}" for n in range(1, len(used) + 2) if f"{prefix}{n}" not in used)


def lesion_table(events: Sequence[Event], evaluator: str) -> LesionTable:
    """The lesions and readings of an evaluator among the events of a subject."""
    lesions, readings = [], []
    procedures = _procedures(events, evaluator)
    for event in events:
        if event.type not in READINGS:
            continue
        found = event_as_it_stands(events, event)
        if found.body["evaluator"] != evaluator:
            continue
        day = found.occurred or ""
        if event.type == "TumourAssessed":
            readings.append(Reading(event.seq, event.actor, day, found.body))
            continue
        known = {
            name: found.body[name] for name in ("lesion", "role", "organ", "side", "node", "kind")
        }
        done = procedures.get(known["lesion"], ())
        lesions.append(Lesion(**known, since=day, seq=event.seq, procedures=tuple(done)))
    taken = frozenset(each.name for each in readings)
    readings.sort(key=lambda each: (each.occurred, each.seq))
    return LesionTable(evaluator, tuple(lesions), tuple(readings), taken)


def _procedures(events: Sequence[Event], evaluator: str) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for event in events:
        if event.type == "ProcedureRecorded":
            body = event_as_it_stands(events, event).body
            if body.get("lesion") and body.get("evaluator") == evaluator:
                told = (str(body["procedure"]), event.occurred or "")
                found.setdefault(body["lesion"], []).append(told)
    return found


def cell(reading: Reading, lesion: Lesion, words: Words) -> str:
    """What a reading says of a lesion, for a cell of the table; "" where it is silent."""
    rows = {"target": "targets", "non_target": "non_targets", "new": "new_lesions"}[lesion.role]
    row = next((e for e in reading.body[rows] if e["lesion"] == lesion.lesion), None)
    if row is None:
        return ""
    if lesion.role == "new":
        return words[f"code.{row['certainty']}"]
    if row["state"] == "split":
        pieces = [e for e in reading.body["fragments"] if e["lesion"] == lesion.lesion]
        return " + ".join(_seen(each, words) for each in pieces)
    if row["state"] == "merged":
        return f"→ {row['merged_into']}"
    return _seen(row, words)


def _seen(row: Mapping[str, Any], words: Words) -> str:
    state, size = row["state"], row["diameter"]
    if size is not None:
        shown = str(size).replace(".", ",") if words.language == "fr" else str(size)
        return f"{shown} ({words['cell.too_small']})" if state == "too_small" else shown
    if state == "not_evaluated" and row.get("diameter_missing"):
        why = words["missing." + row["diameter_missing"]]
        return f"{words['cell.not_evaluated']} ({why})"
    return words.of(f"cell.{state}", f"code.{state}")


def evaluators_shown(asking: Asking, subject: str) -> list[str]:
    """The evaluators whose course the position looks at: who reads scans sees what they read for,
    so that nobody fits a reading to another's; everybody else sees all."""
    ask = asking.trial.ask
    if asking.role == "reader":
        mine = courses_of(ask, subject, asking.person)
        return [e for e in evaluators_of(asking, subject) if e in mine]
    if asking.role in READERS:
        return evaluators_of(asking, subject)
    return [each.code for each in ask.study(ask.site(subject)).response.evaluators]


def evaluators_of(asking: Asking, subject: str) -> list[str]:
    """The evaluators that the position reads for in this subject."""
    return reads_for(asking.trial.ask, subject, asking.role, asking.person)
