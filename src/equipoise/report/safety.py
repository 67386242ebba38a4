"""What harm was done: adverse events by term and worst grade in each arm, and the serious ones."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import polars as pl

from equipoise.analysis.populations import first_doses
from equipoise.record.rule import Tables
from equipoise.report.layout import (
    Cell,
    Heading,
    Row,
    Table,
    arm_codes,
    counted_in,
    seqs_of,
    words,
)
from equipoise.report.wording import share
from equipoise.safety.serious import EVENT, reports_due
from equipoise.study.definition import Study

KEY = ("replicate", "subject")
GRADES: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("1–2", (1, 2)),
    ("3", (3,)),
    ("4", (4,)),
    ("5", (5,)),
)
"""Columns of grades; grades of CTCAE run from 1 to 5 (death)."""


def adverse_event_table(tables: Tables, study: Study) -> Table:
    """Treated subjects with a treatment-emergent adverse event, once per term at its worst grade.

    For each arm all grades with per cent of treated subjects, then the grades apart. Terms stand
    under their system organ class, the most frequent first.
    """
    arms = arm_codes(study)
    treated = _treated(tables)
    sizes = [_treated_in(treated.filter(arm=arm)) for arm in arms]
    events = (
        tables["adverse_event"]
        .filter(pl.col("treatment_emergent"))
        .join(treated.select(*KEY, "arm"), on=KEY)
        .with_columns(pl.col("system_organ_class").fill_null("Not classified"))
    )
    rows = [_row("Any adverse event", events, arms, sizes)]
    for organ in _by_frequency(events, "system_organ_class"):
        inside = events.filter(system_organ_class=organ)
        rows.append(Row(organ, kind="group"))
        rows += [
            _row(term, inside.filter(term=term), arms, sizes, "level")
            for term in _by_frequency(inside, "term")
        ]
    heads = [
        [
            Heading(arm, 1 + len(GRADES), Cell(f"n = {size.text} treated", size.sources))
            for arm, size in zip(arms, sizes, strict=True)
        ],
        [Heading(name) for _ in arms for name in ("Any", *(name for name, _ in GRADES))],
    ]
    return Table(
        "Treatment-emergent adverse events: subjects by term and worst grade, in each arm",
        "Term",
        heads,
        rows,
        (
            f"Grades by {study.safety.grading.upper().replace('_', ' version ')}. A subject counts "
            "once per row, at the worst grade. Emergent: from the first dose to "
            f"{study.safety.days_after_last_dose} days after the last.",
        ),
        block=1 + len(GRADES),
        title="Adverse events",
    )


def serious_event_table(tables: Tables, study: Study, on: datetime.date) -> Table:
    """Every serious adverse event with both opinions, whether it is a SUSAR, and what was due.

    `on` is the day on which the report is made: what was not done by its last day is overdue.
    """
    states = reports_due(tables["expedited_report"], on)
    told: dict[tuple[object, ...], list[str]] = {}
    done: dict[tuple[object, ...], set[int]] = {}
    for each in states.iter_rows(named=True):
        key = tuple(each[name] for name in EVENT)
        told.setdefault(key, []).append(_told(each))
        done.setdefault(key, set()).update(each["sources"])
    arms = dict(tables["allocation"].select("subject", "arm").rows())
    rows = [
        Row(
            f"{each['subject']} {each['adverse_event']}",
            words(
                arms.get(each["subject"], "–"),
                each["term"],
                each["severity"].replace("_", "-"),
                _yes(each["related_investigator"]),
                _yes(each["related_sponsor"]),
                _yes(each["expected"]),
                _yes(each["susar"]),
                "; ".join(told.get(tuple(each[name] for name in EVENT), [])),
            ),
            whole=Cell(
                "",
                tuple(sorted({*each["sources"], *done.get(tuple(each[n] for n in EVENT), ())})),
            ),
        )
        for each in tables["serious_adverse_event"].iter_rows(named=True)
    ]
    names = (
        "Arm", "Term", "Severity", "Related: investigator", "Related: sponsor", "Expected",
        "SUSAR", "Reports: last day, and when done",
    )  # fmt: skip
    listing = study.safety.reference_safety_information
    return Table(
        "Serious adverse events: opinions, expectedness and expedited reports",
        "Subject, event",
        [[Heading(name) for name in names]],
        rows,
        (
            "Related is what either party says; no opinion takes the other back. Expected by: "
            f"{listing.document if listing else 'no reference safety information, so none is'}.",
        ),
        title="Serious adverse events",
    )


def _told(report: Mapping[str, Any]) -> str:
    """One report in words: what it is, its last day, when it was done or that it is not."""
    words = (
        f"{str(report['report']).replace('_', ' ')} by {_when(report, 'due')}: {report['state']}"
    )
    return f"{words} {_when(report, 'done')}" if report["done"] else words


def _when(report: Mapping[str, Any], name: str) -> str:
    """A day of a report, with its hour where that is known."""
    hour = report[f"{name}_at"]
    return f"{hour:%Y-%m-%d %H:%M}" if hour else str(report[name])


def _yes(value: bool | None) -> str:
    return {True: "yes", False: "no", None: "–"}[value]


def _treated(tables: Tables) -> pl.DataFrame:
    """Subject, arm and the events of those who were randomised and received a dose."""
    dosed = tables["disposition"].filter(pl.col("first_dose").is_not_null()).select(KEY)
    allocated = tables["allocation"].select(*KEY, "arm", "sources")
    doses = first_doses(tables).rename({"sources": "dosed"})
    return allocated.join(dosed, on=KEY, how="semi").join(doses, on=KEY, how="left")


def _treated_in(treated: pl.DataFrame) -> Cell:
    return counted_in(treated, "sources", "dosed")


def _row(
    heading: str, events: pl.DataFrame, arms: list[str], sizes: list[Cell], kind: str = "plain"
) -> Row:
    worst = events.group_by(*KEY, "arm").agg(
        pl.col("grade").max(), pl.col("sources").list.explode(keep_nulls=False, empty_as_null=False)
    )
    cells = []
    for arm, size in zip(arms, sizes, strict=True):
        mine = worst.filter(arm=arm)
        cells.append(Cell(share(len(mine), int(size.text)), seqs_of(mine["sources"])))
        cells += [counted_in(mine.filter(pl.col("grade").is_in(within))) for _, within in GRADES]
    return Row(heading, cells, kind)


def _by_frequency(events: pl.DataFrame, column: str) -> list[str]:
    """Values of `column`, those of most subjects first, then by name."""
    counted = events.unique([*KEY, column]).group_by(column).len()
    return counted.sort(pl.col("len"), column, descending=[True, False])[column].to_list()
