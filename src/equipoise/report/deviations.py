"""Departures from the protocol: those that the rules find in the record, and those recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import polars as pl

from equipoise.oversight.events import DeviationCategory
from equipoise.record.rule import KEY, Tables
from equipoise.report.layout import Cell, Heading, Row, Table, counted_in, seqs_of, words
from equipoise.report.wording import NOT_GIVEN
from equipoise.study.definition import Study

KINDS: Mapping[DeviationCategory, str] = {
    "wrong_stratum": "Wrong stratum",
    "not_eligible": "Not eligible",
    "consent": "Consent",
    "visit_window": "Visit missed or outside its window",
    "dose": "Dose or cycle",
    "prohibited_therapy": "Prohibited therapy",
    "safety_report": "Report of a serious adverse event",
    "other": "Other",
}
BY_RULES = (
    "Found by the rules, in what the record says now: another stratum than that of the allocation, "
    "a randomised subject who does not meet a criterion or had not signed a consent, a visit or "
    "scan missed or outside its window, a dose that is not by the dosing rules or was given more "
    "often than planned, a cycle that they put off or that came early, a lot dispensed after its "
    "last day or of a drug that they omit, a therapy while the protocol prohibits it, a serious "
    "adverse event of which the sponsor was told too late. Recorded: "
    "what somebody entered, or what was recorded beside an entry that departs; both may tell of "
    "the same."
)


class Deviations(NamedTuple):
    """The tables of deviations; `windows` are visits alone, of which there are many."""

    kinds: Table
    sites: Table
    listed: Table
    windows: Table


def deviation_tables(tables: Tables, study: Study) -> Deviations:
    """Deviations of randomised subjects by kind, by site, and one by one."""
    found = deviations(tables, study)
    windows = (pl.col("category") == "visit_window") & ~pl.col("recorded")
    return Deviations(
        _kinds(found, study),
        _sites(found, study),
        _listed(found.filter(~windows), "Deviations one by one, but for visits found by the rules"),
        _listed(
            found.filter(windows),
            "Visits missed or outside their window, found by the rules",
            of_one_kind=True,
        ),
    )


def deviations(tables: Tables, study: Study) -> pl.DataFrame:
    """The rows of `deviation`, each with its `finding` in words, by subject, day and kind."""
    found, named = tables["deviation"], _names(study)
    findings = [_finding(row, named) for row in found.iter_rows(named=True)]
    worded = found.with_columns(pl.Series("finding", findings, dtype=pl.String))
    return worded.sort(*KEY, "day", "category", "finding")


class _Names(NamedTuple):
    """Labels of consents, visits and drugs by code, and the visits of which there are several; what
    is prohibited, in the protocol's words, and labels of what is given beside the trial's drugs."""

    labels: Mapping[str, str]
    repeated: frozenset[str]
    prohibited: Mapping[str, str]
    given: Mapping[str, str]


def _names(study: Study) -> _Names:
    visits = study.visits.visits
    doses = (dose for each in study.treatment.regimens for dose in each.doses)
    return _Names(
        {each.code: each.label.en for each in study.visits.consents}
        | {each.code: each.label.en for each in visits}
        | {dose.drug: dose.label.en for dose in doses},
        frozenset(each.code for each in visits if each.anchor == "cycle" or each.repeat_every),
        {each.code: each.told for each in study.visits.prohibited},
        study.visits.given,
    )


def _finding(row: Mapping[str, Any], named: _Names) -> str:
    """A row of `deviation` in words."""
    kind, number, found, expected = (row[it] for it in ("kind", "instance", "found", "expected"))
    entry = ", ".join(named.labels.get(each, each) for each in (row["entry"] or "").split(", "))
    first, _, last = (expected or "").partition("/")
    if kind.startswith(("visit_", "scan_")):
        visit = f"{entry} ({number})" if row["entry"] in named.repeated else entry
        return f"{visit} {kind.partition('_')[2]}, due from {first} to {last}"
    match kind:
        case "wrong_stratum":
            corrected = expected or "one that is not known"
            return f"randomised as {found}, by what is known now {corrected}"
        case "not_eligible":
            return f"randomised, and by what is known now {row['entry']} is not met"
        case "eligibility_unknown":
            return f"randomised, and it is no longer known whether {row['entry']} is met"
        case "consent_missing":
            when = f"which was signed on {found}" if found else "which was not signed"
            return f"randomised without the consent {entry}, {when}"
        case "cycle_early":
            return f"cycle {number} began on {found}, due on {expected}"
        case "cycle_put_off":
            return f"cycle {number} began although the rules put it off: {entry}"
        case "dose_amount":
            allowed = f"{last} mg" if first == last else f"from {first} to {last} mg"
            allowed = allowed if float(last) else "none"
            return f"{found} mg of {entry} in cycle {number}, where the rules give {allowed}"
        case "dose_times":
            return f"{entry} {found} times in cycle {number}, where the regimen has {expected}"
        case "dispensed_expired":
            return f"lot {found} of {entry} dispensed for cycle {number}, expired on {expected}"
        case "dispensed_omitted":
            return f"lot {found} of {entry} dispensed for cycle {number}, which the rules omit"
        case "sae_late":
            return f"{row['entry']} reported to the sponsor on {found}, due by {expected}"
        case "prohibited_therapy":
            period = f"from {first} to {last}" if last else f"from {first} on"
            told = named.prohibited.get(row["entry"], row["entry"])
            return f"{named.given.get(found, found)}, prohibited {period}: {told}"
        case _:
            return str(found)


def _kinds(found: pl.DataFrame, study: Study) -> Table:
    important = {each.category for each in study.oversight.important_deviations}
    rows = []
    for code, label in KINDS.items():
        mine = found.filter(category=code)
        parts = [mine.filter(~pl.col("recorded")), mine.filter("recorded")]
        cells = [cell for part in parts for cell in (counted_in(part), _subjects(part))]
        rows.append(Row(label, [*cells, Cell("yes" if code in important else "no")]))
    return Table(
        "Deviations from the protocol, by kind",
        "Kind",
        [
            [
                Heading("Found by the rules", 2),
                Heading("Recorded", 2),
                Heading("Important by the protocol"),
            ],
            [
                *(Heading(name) for _ in range(2) for name in ("Deviations", "Subjects")),
                Heading(""),
            ],
        ],
        rows,
        (BY_RULES,),
        title="Deviations by kind",
    )


def _subjects(found: pl.DataFrame) -> Cell:
    return Cell(str(found.select(*KEY).n_unique()), seqs_of(found["sources"]))


def _sites(found: pl.DataFrame, study: Study) -> Table:
    by_rules = found.filter(~pl.col("recorded"))
    kinds = [code for code in KINDS if len(by_rules.filter(category=code))]
    names = {site.code: f"{site.code} {site.name}" for site in study.sites}
    rows = []
    for code, name in names.items():
        mine, theirs = by_rules.filter(site=code), found.filter("recorded", site=code)
        if len(mine) or len(theirs):
            cells = [counted_in(mine.filter(category=kind)) for kind in kinds]
            rows.append(Row(name, [*cells, counted_in(mine), counted_in(theirs)]))
    heads = [*(KINDS[kind] for kind in kinds), "All found", "Recorded"]
    return Table(
        "Deviations by site",
        "Site",
        [[Heading(each) for each in heads]],
        rows,
        title="Deviations by site",
    )


def _listed(found: pl.DataFrame, caption: str, *, of_one_kind: bool = False) -> Table:
    """Deviations one by one; the kind is said unless the caption says it for all."""
    rows = [
        Row(each["subject"] or "", words(*_said(each, of_one_kind)), whole=_whole(each))
        for each in found.iter_rows(named=True)
    ]
    kind = () if of_one_kind else ("Kind", "Known by")
    heads = [Heading(each) for each in ("Day", "Finding", *kind)]
    return Table(caption, "Subject", [heads], rows, title="Deviation")


def _said(row: Mapping[str, Any], of_one_kind: bool) -> list[str]:
    day = NOT_GIVEN if row["day"] is None else str(row["day"])
    known = [KINDS[row["category"]], "record" if row["recorded"] else "rules"]
    return [day, row["finding"], *([] if of_one_kind else known)]


def _whole(row: Mapping[str, Any]) -> Cell:
    return Cell(row["subject"] or "", tuple(row["sources"]))
