"""Tumour tables of SDTM (TU, TR) as the tables that the response rules read.

TU says which lesions an evaluator identified, TR what was seen of each at every visit. Nothing is
written, nothing dropped silently: every row of both files is used, or is named with the reason why
not. What is decided on the way, each told beside the rows that it concerns:

- An evaluator is its identifier (TREVALID), or its role (TREVAL) where it has none. Lesions of TU
  without either belong to every evaluator.
- The baseline is the visit at which an evaluator first identified targets or non-targets in TU.
- A visit of an evaluator is one assessment. Its day is its first complete TRDTC. With partial dates
  only (2014-02) the day is unknown, and the assessment keeps its place by VISITNUM.
- Of a node the short axis (LPERP) counts, of any other lesion the longest diameter (LDIAM).
- A size with more than two decimals is rounded half up to hundredths of a millimetre.
- A result that is there twice counts once if both say the same, else it is an error.
- A target that has split is followed in its pieces (T04.1, T04.2), targets that have merged in one
  lesion (T02/T03), as `sdtm_changed` says.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from equipoise.exchange.delimited import Line, read_lines, unique
from equipoise.exchange.sdtm_changed import (
    NOBODY,
    Changed,
    Key,
    Lesion,
    changed,
    of_evaluator,
    seen_rows,
)
from equipoise.exchange.sdtm_result import SourceRow, codes
from equipoise.record.declaration import schema
from equipoise.record.event import Body
from equipoise.record.tables import Tables, empty_tables
from equipoise.response.events import (
    FragmentMeasured,
    LesionIdentified,
    NewLesionObserved,
    NonTargetObserved,
    TargetMeasured,
    TumourAssessed,
)
from equipoise.study.catalogue import CATALOGUE

TU_COLUMNS = ("USUBJID", "VISITNUM", "TULOC", "TUTESTCD", "TUSTRESC", "TULNKID")
TR_COLUMNS = ("USUBJID", "VISITNUM", "TRLNKID", "TRTESTCD", "TRSTRESC", "TRSTRESU", "TRDTC")
EVENTS_AND_ROWS: tuple[type[Body], ...] = (
    LesionIdentified,
    TumourAssessed,
    TargetMeasured,
    FragmentMeasured,
    NonTargetObserved,
    NewLesionObserved,
)
_SAID = ("TRSTRESC", "TRSTRESN", "TRSTRESU", "TRSTAT", "TRDTC", "TUSTRESC")
"""The columns that make two results of the same lesion at the same visit the same."""


@dataclass(slots=True)
class Assessment:
    """One visit as one evaluator read it. `dated` is the text of its date as far as it is known."""

    subject: str
    evaluator: str
    visit: Decimal
    label: str
    baseline: bool
    day: datetime.date | None
    dated: str
    rows: dict[str, dict[str, SourceRow]] = field(default_factory=dict)
    event: int = 0

    @property
    def name(self) -> str:
        """Its identifier: that of the visit."""
        return f"{self.visit.normalize():f}"


@dataclass(frozen=True, slots=True)
class TumourTables:
    """The event tables; the rows of the files by number, which is their `seq`; the assessments.

    `names` are those of the evaluators by role and identifier.
    """

    tables: Tables
    rows: Mapping[int, SourceRow]
    assessments: tuple[Assessment, ...]
    names: Mapping[tuple[str, str], str]


def read_tumour(tu: Path, tr: Path, *, upto: datetime.date = datetime.date.max) -> TumourTables:
    """The tables of response events that the files `tu` and `tr` hold.

    BadInput names file, line and column of what cannot be accepted: a column that is missing, a
    size that is no number, not in mm or out of range, a term that is not known, a date that does
    not exist or is after `upto`, the same result twice, one lesion in two roles.
    """
    identifications = read_lines(tu, TU_COLUMNS, upto=upto)
    results = read_lines(tr, TR_COLUMNS, upto=upto)
    unique(identifications, "USUBJID", "TUSEQ")
    unique(results, "USUBJID", "TRSEQ")
    names = evaluator_names([("TU", identifications), ("TR", results)])
    tu_rows = [_row(line, "TU", names) for line in identifications]
    tr_rows = [_row(line, "TR", names) for line in results]
    rows = sorted(
        [*tu_rows, *tr_rows],
        key=lambda row: (
            row.subject,
            row.evaluator,
            row.visit,
            row.domain != "TU",
            row.line.number,
        ),
    )
    for number, row in enumerate(rows, start=1):
        row.number = number
    lesions, changes = _identified(row for row in rows if row.domain == "TU")
    assessments = _assessed(rows, lesions, changes)
    return TumourTables(
        tables=_tables(lesions, changes, assessments),
        rows={row.number: row for row in rows},
        assessments=tuple(assessments),
        names=names,
    )


def evaluator_names(
    domains: Iterable[tuple[str, Sequence[Line]]],
) -> Mapping[tuple[str, str], str]:
    """The name of each evaluator by role and identifier: the identifier where it is unambiguous."""
    pairs = {
        (line[f"{domain}EVAL"], line[f"{domain}EVALID"])
        for domain, lines in domains
        for line in lines
    }
    identifiers = [identifier for _, identifier in pairs]
    return {
        (role, identifier): (
            role
            if not identifier
            else identifier
            if identifiers.count(identifier) == 1
            else f"{role} {identifier}".strip()
        )
        for role, identifier in pairs
    }


def _row(line: Line, domain: str, names: Mapping[tuple[str, str], str]) -> SourceRow:
    visit = line.decimal("VISITNUM")
    if visit is None:
        raise line.bad("VISITNUM", "must not be empty")
    line.date(f"{domain}DTC")
    return SourceRow(
        line=line,
        domain=domain,
        subject=line.text("USUBJID"),
        evaluator=names[line[f"{domain}EVAL"], line[f"{domain}EVALID"]],
        visit=visit,
        lesion=line[f"{domain}LNKID"],
        test=line.text(f"{domain}TESTCD").upper(),
    )


def _identified(rows: Iterable[SourceRow]) -> tuple[dict[Key, Lesion], dict[Key, Changed]]:
    """Every lesion that TU identifies, every one that has split or merged, and why the other rows
    of TU do not."""
    terms = codes()["identification"]
    found: dict[Key, Lesion] = {}
    later = []
    for row in rows:
        if row.test in codes()["changes"].values():
            later.append(row)
            continue
        result = row.line["TUSTRESC"].upper()
        role = next(
            (role for term, role in terms["roles"].items() if result.startswith(term)), None
        )
        if row.test not in terms["tests"]:
            row.leave(f"TUTESTCD {row.test} does not identify a lesion")
            continue
        if role is None:
            row.leave(f"TUSTRESC {result or '(empty)'} is neither target, non-target nor new")
            continue
        row.line.text("TULNKID")
        before = found.get((row.subject, row.evaluator, row.lesion))
        if before is None:
            found[row.subject, row.evaluator, row.lesion] = Lesion(row, role, _is_node(row))
            row.use()
        elif before.role != role or before.row.visit == row.visit:
            raise row.line.bad(
                "TULNKID",
                f"is identified already as {before.role.replace('_', '-')} in line "
                f"{before.row.line.number}; a lesion is identified once, in one role",
            )
        else:
            row.leave(f"lesion identified already in line {before.row.line.number}")
    return found, _changes(later, found)


def _changes(rows: Iterable[SourceRow], lesions: Mapping[Key, Lesion]) -> dict[Key, Changed]:
    found: dict[Key, Changed] = {}
    for row in rows:
        key = row.subject, row.evaluator, row.line.text("TULNKID")
        if key in found:
            row.leave(f"told already in line {found[key].row.line.number}")
        elif (change := changed(row, lesions)) is not None:
            found[key] = change
    return found


def _is_node(row: SourceRow) -> bool:
    terms = codes()["node"]
    result = row.line["TUSTRESC"].upper()
    by_result = result.endswith(terms["result"]) and not result.endswith(terms["except"])
    return terms["location"] in row.line["TULOC"].upper() or by_result


def _assessed(
    rows: Sequence[SourceRow], lesions: Mapping[Key, Lesion], changes: Mapping[Key, Changed]
) -> list[Assessment]:
    """Every visit of every evaluator with its results, in order; rows without a lesion are left."""
    found: dict[tuple[str, str, Decimal], Assessment] = {}
    baselines = _baselines(lesions)
    for row in rows:
        first = _baseline(row, baselines)
        is_changed = row.domain == "TR" and of_evaluator(changes, row) is not None
        if not is_changed and not _belongs(row, of_evaluator(lesions, row), first):
            continue
        visit = _visit(found, row, first)
        results = visit.rows.setdefault(row.lesion, {})
        if row.test in results:
            _said_again(row, results[row.test])
            continue
        results[row.test] = row
    return list(found.values())


def _said_again(row: SourceRow, before: SourceRow) -> None:
    """A repeated result is left if it says the same; BadInput if it says something else."""
    if any(row.line[column] != before.line[column] for column in _SAID):
        raise row.line.bad(
            "TRSTRESC",
            f"must say the same as line {before.line.number}: {row.test} of lesion {row.lesion} "
            f"by {row.evaluator or 'nobody'} at one visit",
        )
    row.leave("repeats an earlier line, which says the same")


def _belongs(row: SourceRow, lesion: Lesion | None, baseline: Decimal | None) -> bool:
    """Whether the row is a result of a lesion that is followed; the row is told if it is not."""
    if row.domain == "TU":
        return lesion is not None and lesion.row is row and lesion.role == "new"
    if not row.lesion:
        row.leave(f"{row.test} is not the result of a lesion; sums are computed here")
    elif lesion is None:
        row.leave(f"this evaluator identified no lesion {row.lesion} in TU")
    elif _too_late(lesion, baseline):
        row.leave(f"lesion {row.lesion} was identified after the baseline and is not followed")
    else:
        return True
    return False


def _too_late(lesion: Lesion, baseline: Decimal | None) -> bool:
    late = baseline is not None and lesion.role != "new" and lesion.row.visit > baseline
    if late:
        lesion.row.leave("identified after the baseline: not followed")
    return late


def _baselines(lesions: Mapping[Key, Lesion]) -> dict[tuple[str, str], Decimal]:
    found: dict[tuple[str, str], Decimal] = {}
    for (subject, evaluator, _), lesion in lesions.items():
        if lesion.role != "new":
            first = found.get((subject, evaluator), lesion.row.visit)
            found[subject, evaluator] = min(first, lesion.row.visit)
    return found


def _baseline(row: SourceRow, baselines: Mapping[tuple[str, str], Decimal]) -> Decimal | None:
    keys = ((row.subject, evaluator) for evaluator in (row.evaluator, NOBODY))
    return min((baselines[key] for key in keys if key in baselines), default=None)


def _visit(
    found: dict[tuple[str, str, Decimal], Assessment], row: SourceRow, baseline: Decimal | None
) -> Assessment:
    """The assessment that `row` belongs to, dated by it if it is the first complete date."""
    key = (row.subject, row.evaluator, row.visit)
    day, dated = row.line.date(f"{row.domain}DTC")
    label = row.line["VISIT"] or f"visit {row.visit.normalize():f}"
    if key not in found:
        found[key] = Assessment(*key, label, row.visit == baseline, day, dated)
        return found[key]
    visit = found[key]
    if day is not None and (visit.day is None or day < visit.day):
        visit.day, visit.dated = day, dated
    elif not visit.dated:
        visit.dated = dated
    return visit


def _tables(
    lesions: Mapping[Key, Lesion],
    changes: Mapping[Key, Changed],
    assessments: Sequence[Assessment],
) -> Tables:
    """The event tables; those of other stages are there and empty."""
    rows: dict[type[Body], list[dict[str, Any]]] = {cls: [] for cls in EVENTS_AND_ROWS}
    for (subject, evaluator, name), lesion in lesions.items():
        visits = [
            each
            for each in assessments
            if each.subject == subject and evaluator in (NOBODY, each.evaluator)
        ]
        for reader in sorted({each.evaluator for each in visits}):
            seen_at = [v for v in visits if (v.evaluator, v.visit) == (reader, lesion.row.visit)]
            day = seen_at[0].day if seen_at else lesion.row.line.date("TUDTC")[0]
            rows[LesionIdentified].append(
                _common(subject, day, lesion.row.number, lesion.row.number)
                | {"lesion": name, "evaluator": reader, "role": lesion.role, "node": lesion.node}
                | {"organ": lesion.row.line["TULOC"], "description": None}
                | {"kind": "soft_tissue", "treated_before": False}
            )
    for visit in assessments:
        for cls, row in _read(visit, lesions, changes):
            rows[cls].append(row)
    made = {
        cls.TABLE: pl.DataFrame(found, schema=schema(cls)).sort("event", "seq")
        for cls, found in rows.items()
    }
    return empty_tables(CATALOGUE) | made


def _read(
    visit: Assessment, lesions: Mapping[Key, Lesion], changes: Mapping[Key, Changed]
) -> Iterator[tuple[type[Body], dict[str, Any]]]:
    """The rows of the event tables that one assessment becomes."""
    seen = list(seen_rows(visit.rows, lesions, changes))
    numbers = [row.number for _, _, row in seen]
    all_rows = (row.number for results in visit.rows.values() for row in results.values())
    visit.event = min(numbers, default=0) or min(all_rows)
    yield (
        TumourAssessed,
        _common(visit.subject, visit.day, visit.event, visit.event)
        | {"assessment": visit.name, "evaluator": visit.evaluator, "visit": visit.label}
        | {"baseline": visit.baseline, "modality": "other"},
    )
    for position, (cls, row, source) in enumerate(seen):
        common = _common(visit.subject, visit.day, source.number, visit.event)
        yield cls, common | {"position": position} | row


def _common(subject: str, day: datetime.date | None, seq: int, event: int) -> dict[str, Any]:
    return {
        "replicate": 0, "subject": subject, "site": None, "occurred": day, "seq": seq,
        "event": event, "study_version": None,
    }  # fmt: skip
