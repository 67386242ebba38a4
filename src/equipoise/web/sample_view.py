"""One subject's samples, runs and readings as the laboratory's page shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from equipoise.biomarker.assay import TENTHS
from equipoise.biomarker.plan import BiomarkerPlan
from equipoise.biomarker.quality import run_controls
from equipoise.conduct.inquiry import Inquiry
from equipoise.record.event import Event
from equipoise.web.control_chart import reading
from equipoise.web.laboratory_view import assay_of, bench_of, shown_value
from equipoise.web.trial import Trial
from equipoise.web.wording import Words

_WAY = ("labelled", "shipped", "received", "first_result")


def standing_of(ask: Inquiry, subject: str, event_type: str) -> list[tuple[Event, Any]]:
    """The events of a type, oldest first, each with what it says now."""
    return [
        (event, ask.standing(subject, event.seq))
        for event in ask.events(subject)
        if event.type == event_type
    ]


def samples_of(ask: Inquiry, subject: str) -> list[dict[str, Any]]:
    """Every sample, what was made of one below it, each with the days of its way."""
    rows = ask.derived(subject, "sample_state").rows(named=True)
    by_parent: dict[str | None, list[dict[str, Any]]] = {}
    for row in rows:
        by_parent.setdefault(row["parent"], []).append(row)
    found: list[dict[str, Any]] = []

    def below(parent: str | None, depth: int) -> None:
        for row in sorted(by_parent.get(parent, ()), key=lambda each: each["event"]):
            found.append({**row, "depth": depth, "points": _points(row), "cells": _cells(row)})
            below(row["sample"], depth + 1)

    below(None, 0)
    return found


def _points(row: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """What happened to a sample in order: its name, the day (None: not yet), days it took."""
    first = "made" if row["parent"] else "collected"
    took = {
        "shipped": row["days_to_shipment"], "received": row["days_in_transit"],
        "first_result": row["days_to_result"],
    }  # fmt: skip
    points = [(first, row["taken"], None)]
    points += [(each, row[each], took.get(each)) for each in _WAY]
    needed = {"received"} if row["parent"] is None else set()
    return [each for each in points if each[1] is not None or each[0] in {first, *needed,
            "first_result"}]  # fmt: skip


def _cells(row: Mapping[str, Any]) -> str | None:
    found = row["tumour_cells"]
    if found is None:
        return None
    return str(found // TENTHS) if found % TENTHS == 0 else str(found / TENTHS)


def runs_of(trial: Trial, subject: str, plan: BiomarkerPlan, words: Words) -> list[dict[str, Any]]:
    """Every run, the latest first: what it says now, its value, whether it can be interpreted."""
    ask = trial.ask
    values = {row["result"]: row for row in ask.derived(subject, "assay_value").rows(named=True)}
    read: dict[str, list[dict[str, Any]]] = {}
    for row in run_controls(bench_of(trial, subject).tables, plan).iter_rows(named=True):
        read.setdefault(row["result"], []).append({**row, "value": reading(row["value"])})
    found = []
    for event, now in standing_of(ask, subject, "AssayResultRecorded"):
        body = now.body
        value = values.get(body["result"])
        assay = assay_of(plan, body["assay"])
        read_as = [(words.get(f"measurement.{each['measurement']}", each["measurement"]), each)
                   for each in body["measurements"]]  # fmt: skip
        found.append({
            "event": event, "day": now.occurred, "body": body, "assay": assay, "row": value,
            "measurements": read_as,
            "value": shown_value(value["total"], value["count"]) if value else None,
            "controls": read.get(body["result"], []),
        })  # fmt: skip
    return found[::-1]


def determinations_of(ask: Inquiry, subject: str, plan: BiomarkerPlan) -> list[dict[str, Any]]:
    """The determinations, each with its value and how many of its runs made it."""
    return [
        {**row, "of": assay_of(plan, row["assay"]),
         "value": shown_value(row["total"], row["count"])}
        for row in ask.derived(subject, "assay_determination").iter_rows(named=True)
    ]  # fmt: skip


def reviews_of(ask: Inquiry, subject: str) -> list[tuple[Event, Any]]:
    """The central readings of the tumour, the latest first."""
    return standing_of(ask, subject, "PathologyReviewed")[::-1]
