"""How often another evaluator read the same scans otherwise than the primary one."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from equipoise.record.rule import KEY, Tables
from equipoise.report.layout import Cell, Heading, Row, Table, counted_in, seqs_of
from equipoise.study.definition import Study


def reader_table(tables: Tables, study: Study) -> Table | None:
    """A row for each evaluator beside the primary one: differences of those that both read.

    None where nobody else has read anything. Compared are overall responses of the same day, best
    responses, days of progression, and the responses of each window.
    """
    plan = study.response
    labels = {each.code: each.label.en for each in plan.evaluators}
    windows = {each.code: each.label.en for each in plan.windows}
    found = tables["reader_discordance"]
    rows = []
    for code in labels:
        both = _both(tables, plan.primary_evaluator, code)
        if code == plan.primary_evaluator or both.is_empty():
            continue
        mine = found.filter(evaluator=code)
        in_windows = tables["window_response"].filter(evaluator=code)
        compared = {
            "time_point": _time_points(tables, plan.primary_evaluator, code),
            **dict.fromkeys(("best_overall_response", "progression"), both),
            **{each: in_windows.filter(window=each) for each in windows},
        }
        cells = [_differ(mine.filter(about=about), read) for about, read in compared.items()]
        rows.append(Row(labels[code], [counted_in(both), *cells]))
    if not rows:
        return None
    heads = ["Both read", "Time points", "Best response", "Progression", *windows.values()]
    return Table(
        f"Readings that differ from those of the primary evaluator "
        f"({labels[plan.primary_evaluator]}), whose readings count",
        "Evaluator",
        [[Heading(each) for each in heads]],
        rows,
        title="Readings that differ",
    )


def _differ(differ: pl.DataFrame, read: pl.DataFrame) -> Cell:
    """How many of those read by both differ; it leads to the readings of both."""
    return Cell(f"{len(differ)} of {len(read)}", seqs_of(read["sources"], differ["sources"]))


def _both(tables: Tables, primary: str, other: str) -> pl.DataFrame:
    """The subjects whom both have assessed, with the events that say so."""
    return _read(tables["progression"].select(*KEY, "evaluator", "sources"), primary, other, KEY)


def _read(found: pl.DataFrame, primary: str, other: str, key: Iterable[str]) -> pl.DataFrame:
    """What `primary` read and `other` too, with the sources of both."""
    mine = found.filter(evaluator=primary)
    theirs = found.filter(evaluator=other).select(*key, pl.col("sources").alias("others"))
    theirs = theirs.unique([*key], keep="first", maintain_order=True)
    both = mine.join(theirs, [*key], "inner", maintain_order="left")
    return both.with_columns(pl.concat_list("sources", "others").alias("sources"))


def _time_points(tables: Tables, primary: str, other: str) -> pl.DataFrame:
    """The days of which both have an overall response, with the events that say so."""
    read = tables["time_point_response"].select(*KEY, "evaluator", "occurred", "sources")
    return _read(read, primary, other, (*KEY, "occurred"))
