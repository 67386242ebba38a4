"""How often another evaluator read the same scans otherwise than the primary one."""

from __future__ import annotations

import polars as pl

from equipoise.record.rule import KEY, Tables
from equipoise.report.layout import Heading, Row, Table
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
            **dict.fromkeys(("best_overall_response", "progression"), len(both)),
            **{each: len(in_windows.filter(window=each)) for each in windows},
        }
        cells = [f"{len(mine.filter(about=about))} of {size}" for about, size in compared.items()]
        rows.append(Row(labels[code], [str(len(both)), *cells]))
    if not rows:
        return None
    heads = ["Both read", "Time points", "Best response", "Progression", *windows.values()]
    return Table(
        f"Readings that differ from those of the primary evaluator "
        f"({labels[plan.primary_evaluator]}), whose readings count",
        "Evaluator",
        [[Heading(each) for each in heads]],
        rows,
    )


def _both(tables: Tables, primary: str, other: str) -> pl.DataFrame:
    """The subjects whom both have assessed."""
    read = tables["progression"].select(*KEY, "evaluator")
    return read.filter(evaluator=primary).join(read.filter(evaluator=other), [*KEY], "semi")


def _time_points(tables: Tables, primary: str, other: str) -> int:
    """The days of which both have an overall response."""
    read = tables["time_point_response"].select(*KEY, "evaluator", "occurred")
    mine = read.filter(evaluator=other)
    return len(read.filter(evaluator=primary).join(mine, [*KEY, "occurred"], "semi"))
