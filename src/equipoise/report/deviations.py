"""Departures from the protocol: those that the rules find in the record, and those recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import polars as pl

from equipoise.oversight.events import DeviationCategory
from equipoise.record.rule import KEY, SOURCES, Columns, Tables
from equipoise.report.layout import Cell, Heading, Row, Table, counted_in, seqs_of, words
from equipoise.report.wording import NOT_GIVEN
from equipoise.study.definition import Study
from equipoise.treatment.rules import WAS_GIVEN

DEVIATION: Columns = {
    **KEY,
    "site": pl.String,
    "day": pl.Date,
    "category": pl.String,
    "finding": pl.String,
    "recorded": pl.Boolean,
    **SOURCES,
}
KINDS: Mapping[DeviationCategory, str] = {
    "wrong_stratum": "Wrong stratum",
    "not_eligible": "Not eligible",
    "consent": "Consent",
    "visit_window": "Visit missed or outside its window",
    "dose": "Dose or cycle",
    "prohibited_therapy": "Prohibited therapy",
    "other": "Other",
}
BY_RULES = (
    "Found by the rules, in what the record says now: another stratum than that of the allocation, "
    "a randomised subject who does not meet a criterion or had not signed a consent, a visit "
    "missed or outside its window, a dose that is not by the dosing rules, a cycle that they put "
    "off. Recorded: what somebody entered, or what was recorded beside an entry that departs; both "
    "may tell of the same."
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
    """One row per deviation, sorted by subject, day and kind; `recorded` or found by the rules."""
    sites = tables["allocation"].select(*KEY, "site")
    parts = [_strata(tables), _entries(tables), _windows(tables, study), _doses(tables, study)]
    parts += [_cycles(tables, study), *_consents(tables, study)]
    found = pl.concat(parts).join(sites, on=[*KEY], how="inner", maintain_order="left")
    found = found.with_columns(pl.lit(False).alias("recorded"))
    recorded = tables["deviation_recorded"].select(
        *KEY,
        pl.col("occurred").alias("day"),
        "category",
        pl.col("description").alias("finding"),
        pl.concat_list("seq").alias("sources"),
        "site",
        pl.lit(True).alias("recorded"),
    )
    both = pl.concat([each.select(*DEVIATION) for each in (found, recorded)])
    return both.sort(*KEY, "day", "category", "finding")


def _consents(tables: Tables, study: Study) -> Iterator[pl.DataFrame]:
    """Subjects randomised without, or before, a consent that randomisation requires."""
    for consent in study.visits.consents:
        if not consent.required_for_randomisation:
            continue
        signed = tables["consent_signed"].filter(consent=consent.code)
        signed = signed.group_by(*KEY).agg(pl.col("occurred").min().alias("signed"), "seq")
        late = tables["allocation"].join(signed, on=[*KEY], how="left", maintain_order="left")
        day = pl.col("signed")
        late = late.filter(day.is_null() | (day > pl.col("randomised"))).with_columns(
            pl.concat_list("sources", pl.col("seq").fill_null([])).alias("sources")
        )
        when = (
            pl.when(day.is_null())
            .then(pl.lit("which was not signed"))
            .otherwise(pl.format("which was signed on {}", day))
        )
        finding = pl.format("randomised without the consent {}, {}", pl.lit(consent.label.en), when)
        yield _found(late, "consent", pl.col("randomised"), finding)


def _strata(tables: Tables) -> pl.DataFrame:
    wrong = tables["stratum"].filter(pl.col("differs"))
    wrong = wrong.join(tables["allocation"].select(*KEY, "randomised"), on=[*KEY], how="left")
    corrected = pl.col("stratum_corrected").fill_null("one that is not known")
    return _found(
        wrong, "wrong_stratum", pl.col("randomised"),
        pl.format("randomised as {}, by what is known now {}", "stratum", corrected),
    )  # fmt: skip


def _entries(tables: Tables) -> pl.DataFrame:
    unfit = tables["entry_eligibility"].filter(
        pl.col("differs") & ~pl.col("eligible_now").fill_null(False), decision="randomised"
    )
    unmet, pending = (
        pl.col(name).fill_null([]).list.join(", ") for name in ("unmet_now", "pending_now")
    )
    finding = (
        pl.when(pl.col("eligible_now").is_null())
        .then(pl.format("randomised, and it is no longer known whether {} is met", pending))
        .otherwise(pl.format("randomised, and by what is known now {} is not met", unmet))
    )
    return _found(unfit, "not_eligible", pl.col("decided"), finding)


def _windows(tables: Tables, study: Study) -> pl.DataFrame:
    labels = {visit.code: visit.label.en for visit in study.visits.visits}
    repeated = [
        visit.code
        for visit in study.visits.visits
        if visit.anchor == "cycle" or visit.repeat_every is not None
    ]
    off = tables["visit_timeline"].filter(pl.col("state").is_in(["early", "late", "missed"]))
    name = pl.col("visit").replace(labels)
    name = (
        pl.when(pl.col("visit").is_in(repeated))
        .then(pl.format("{} ({})", name, "instance"))
        .otherwise(name)
    )
    missed = pl.col("state") == "missed"
    finding = (
        pl.when(missed)
        .then(pl.format("{} missed, due from {} to {}", name, "earliest", "latest"))
        .otherwise(pl.format("{} {}, due from {} to {}", name, "state", "earliest", "latest"))
    )
    day = pl.when(missed).then("latest").otherwise("actual")
    return _found(off, "visit_window", day, finding)


def _doses(tables: Tables, study: Study) -> pl.DataFrame:
    """Doses outside what the dosing rules allow: below `least`, above `most`."""
    labels = {dose.drug: dose.label.en for each in study.treatment.regimens for dose in each.doses}
    limits = tables["dose_decision"].select(
        *KEY, "cycle", "drug", "least", "most", pl.col("sources").alias("by")
    )
    given = tables["dose_given"].filter(WAS_GIVEN)
    given = given.join(limits, on=[*KEY, "cycle", "drug"], how="inner", maintain_order="left")
    wrong = given.filter(~pl.col("amount").is_between("least", "most"))
    wrong = wrong.with_columns(pl.concat_list("seq", "by").alias("sources"))
    allowed = (
        pl.when(pl.col("most") == 0)
        .then(pl.lit("none"))
        .when(pl.col("least") == pl.col("most"))
        .then(pl.format("{} mg", pl.col("most") / 100))
        .otherwise(pl.format("from {} to {} mg", pl.col("least") / 100, pl.col("most") / 100))
    )
    drug = pl.col("drug").replace(labels)
    finding = pl.format(
        "{} mg of {} in cycle {}, where the rules give {}",
        pl.col("amount") / 100, drug, "cycle", allowed,
    )  # fmt: skip
    return _found(wrong, "dose", pl.col("occurred"), finding)


def _cycles(tables: Tables, study: Study) -> pl.DataFrame:
    """Cycles that began although the rules put them off, or could not decide."""
    labels = {dose.drug: dose.label.en for each in study.treatment.regimens for dose in each.doses}
    held = tables["dose_decision"].filter(pl.col("decision").is_in(["delay", "undecided"]))
    held = held.group_by(*KEY, "cycle", maintain_order=True).agg(
        pl.col("occurred").first(),
        pl.col("drug").replace(labels).str.join(", "),
        pl.col("sources").list.explode(keep_nulls=False, empty_as_null=False),
    )
    finding = pl.format("cycle {} began although the rules put it off: {}", "cycle", "drug")
    return _found(held, "dose", pl.col("occurred"), finding)


def _found(
    frame: pl.DataFrame, category: DeviationCategory, day: pl.Expr, finding: pl.Expr
) -> pl.DataFrame:
    return frame.select(
        *KEY,
        day.alias("day"),
        pl.lit(category).alias("category"),
        finding.alias("finding"),
        pl.col("sources").list.unique().list.sort(),
    )


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
