"""Eligible when entry was decided, and now: corrections, late entries, later measurements."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.eligibility.entry import ENTRY_ELIGIBILITY
from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from tests.harness.history import read_cases, tables_of, together

FILE = read_cases(Path(__file__).parent / "entry.yaml")
CASES = FILE["cases"]
STUDY = load_study("lung-tmb")
FORMS = {item.code: form.code for form in STUDY.visits.forms for item in form.items}
ALLOCATED = {
    "scheme": "by_burden", "scheme_version": "1", "allocation": 1, "stratum": "HIGH",
    "stratum_allocation": 1, "factors": [], "marker_status": "HIGH", "status_rule": "cut-6-16",
    "arm": "CHEMO", "pending_criteria": ["IN4"],
}  # fmt: skip


def saved(on: Any, instance: str, answers: dict[str, Any]) -> list[dict[str, Any]]:
    """A form saved for each form of which there are answers."""
    items = {
        code: {"item": code, "value": str(value)}
        if value is not None
        else {"item": code, "value_missing": "unknown"}
        for code, value in answers.items()
    }
    return [
        {"event": "FormSaved", "on": on, "form": form, "instance": instance,
         "items": [items[code] for code in items if FORMS[code] == form]}
        for form in dict.fromkeys(FORMS[code] for code in answers)
    ]  # fmt: skip


def history(case: dict[str, Any]) -> list[dict[str, Any]]:
    signed = {"on": "2024-01-05", "version": "1"} | case.get("consented", {})
    entries: list[dict[str, Any]] = [
        {"event": "SubjectScreened", "on": "2024-01-05"},
        {"event": "ConsentSigned", "consent": "participation", **signed},
    ]
    entries += saved("2024-01-06", "1", {**FILE["person"], **case.get("with", {})})
    for number, step in enumerate(case["history"], start=2):
        kind = next(iter(step))
        if kind == "randomised":
            entries.append({"event": "Randomised", "on": step[kind], **ALLOCATED})
        elif kind == "failed":
            why = {"cause": "not_eligible", **step}
            entries.append({"event": "ScreeningFailed", "on": why.pop(kind), **why})
        elif kind == "treated":
            entries.append(
                {"event": "CycleStarted", "on": step[kind], "cycle": 1, "regimen": "DOUBLET",
                 "height": "170", "weight": "70"}
            )  # fmt: skip
        elif kind == "saved":
            answers = dict(step[kind])
            entries += saved(answers.pop("on"), str(number), answers)
        else:
            entries += [corrected(entries, *each) for each in step[kind].items()]
    return entries


def corrected(entries: list[dict[str, Any]], code: str, new: str | None) -> dict[str, Any]:
    """A correction of the first answer to an item."""
    target = next(
        seq for seq, each in enumerate(entries, start=1) if each.get("form") == FORMS[code]
    )
    change = {"new_missing": "unknown"} if new is None else {"new": json.dumps(new)}
    return {"event": "Corrected", "target": target, "item": f"items/{code}/value", **change}


def judged(entries: list[dict[str, Any]]) -> pl.DataFrame:
    return derive(tables_of(entries), STUDY, upto="entry_eligibility")["entry_eligibility"]


@pytest.mark.requirement("RN5")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_case(case: dict[str, Any]) -> None:
    found = judged(history(case))
    if case["expect"] == "none":
        assert found.is_empty()
        return
    expect = {"unmet_then": [], "pending_then": ["IN4"], "unmet_now": [], "pending_now": []}
    expect |= {{"then": "eligible_then", "now": "eligible_now"}.get(k, k): v
               for k, v in case["expect"].items()}  # fmt: skip
    row = found.row(0, named=True)
    assert {name: row[name] for name in expect} == expect
    assert row["study_version"] == "1.0"
    decision = next(step for step in case["history"] if {"randomised", "failed"} & set(step))
    assert row["decided"] == next(iter(decision.values()))


def test_sources_are_the_decision_and_what_is_read_now() -> None:
    case = next(case for case in CASES if case["case"].startswith("a late entry and later"))
    entries = history(case)
    row = judged(entries).row(0, named=True)
    late = next(
        seq for seq, each in enumerate(entries, 1)
        if each["event"] == "FormSaved" and str(each["on"]) == "2024-01-11"
    )  # fmt: skip
    first = next(seq for seq, each in enumerate(entries, 1) if each.get("form") == "status")
    decision = next(seq for seq, each in enumerate(entries, 1) if each["event"] == "Randomised")
    assert decision in row["sources"] and late in row["sources"]
    assert first not in row["sources"] and max(row["sources"]) == late


def test_each_subject_of_each_replicate_is_judged_alone() -> None:
    cases = [case for case in CASES if case["expect"] != "none"]
    parts, alone = [], []
    for number, case in enumerate(cases):
        part = tables_of(history(case), subject=f"0{number}-001", replicate=number % 3)
        shift = {name: pl.col(name) + 100 * number for name in ("seq", "event")}
        parts.append({name: frame.with_columns(**shift) for name, frame in part.items()})
        alone.append(derive(parts[-1], STUDY, upto="entry_eligibility")["entry_eligibility"])
    both = derive(together(parts), STUDY, upto="entry_eligibility")["entry_eligibility"]
    assert both.equals(pl.concat(alone).sort("replicate", "subject"))
    assert list(both.columns) == list(ENTRY_ELIGIBILITY)
