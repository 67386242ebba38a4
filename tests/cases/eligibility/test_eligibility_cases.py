"""Who may enter MGMT-NET: every criterion, met, not met and not yet known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.eligibility.plan import EligibilityPlan
from equipoise.eligibility.rules import RULES, criterion_verdict, eligibility
from equipoise.safety.laboratory_answer import laboratory_answer
from equipoise.study.load import load_study
from equipoise.visits.entry_item import entry_item
from equipoise.visits.rules import item
from equipoise.visits.subject_item import subject_item
from tests.harness.history import read_cases, tables_of

FILE = read_cases(Path(__file__).parent / "mgmt_net.yaml")
BASE, CASES = FILE["eligible"], FILE["cases"]
STUDY = load_study("mgmt-net")


def history(case: dict[str, Any]) -> list[dict[str, Any]]:
    answers = {**BASE["answers"], **case.get("with", {})}
    strangers = set(answers) - {each.code for form in STUDY.visits.forms for each in form.items}
    assert not strangers
    entries: list[dict[str, Any]] = [{"event": "SubjectScreened", "on": BASE["screened"]}]
    consent = case.get("consent", BASE["consent"])
    if consent != "none":
        entries.append(
            {"event": "ConsentSigned", "on": consent, "consent": "main",
             "version": STUDY.visits.consents[0].version}
        )  # fmt: skip
    for form in STUDY.visits.forms:
        items: list[dict[str, Any]] = []
        for code in (each.code for each in form.items if each.code in answers):
            value = str(answers[code])
            if value == "~":
                items.append({"item": code, "value_missing": "unknown"})
            elif value != "-":
                items.append({"item": code, "value": value})
        if items:
            entries.append(
                {"event": "FormSaved", "on": BASE["screened"], "form": form.code, "instance": "1",
                 "items": items}
            )  # fmt: skip
    for analyte, said in case.get("report", {}).items():
        value, unit = said.split()
        told = {"value_missing": "sample_failed"} if value == "none" else {"value": value}
        results = [{"analyte": analyte, "unit": unit, **told}]
        entries.append(
            {"event": "LaboratoryReported", "on": BASE["screened"], "report": "L1",
             "results": results}
        )  # fmt: skip
    start = case.get("treatment_start", BASE["treatment_start"])
    if start != "none":
        entries.append(
            {"event": "CycleStarted", "on": start, "cycle": 1, "regimen": "GEMOX",
             "height": "170", "weight": "70"}
        )  # fmt: skip
    return entries


def judged(entries: list[dict[str, Any]], plan: EligibilityPlan) -> dict[str, pl.DataFrame]:
    tables = tables_of(entries)
    tables["laboratory_answer"] = laboratory_answer(tables, STUDY.answered)
    tables["item"] = item(tables, STUDY.visits)
    tables["subject_item"] = subject_item(tables, STUDY.visits)
    tables["criterion_verdict"] = criterion_verdict(tables, plan)
    tables["eligibility"] = eligibility(tables, plan)
    return tables


@pytest.mark.requirement("RN3")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_case(case: dict[str, Any]) -> None:
    tables = judged(history(case), STUDY.eligibility)
    unmet, pending = case.get("unmet", []), case.get("pending", {})
    waiting = {**pending, **case.get("waiting", {})}
    row = tables["eligibility"].row(0, named=True)
    assert row["unmet"] == unmet
    assert row["pending"] == list(waiting)
    assert row["eligible"] is (False if unmet else None if pending else True)
    verdicts = tables["criterion_verdict"]
    assert verdicts["criterion"].to_list() == sorted(each.id for each in STUDY.eligibility.criteria)
    for verdict in verdicts.iter_rows(named=True):
        name = verdict["criterion"]
        assert verdict["met"] is (False if name in unmet else None if name in waiting else True)
        assert verdict["missing_items"] == waiting.get(name, [])


def test_every_criterion_of_the_study_has_a_case_that_fails_it() -> None:
    failed = {name for case in CASES for name in case.get("unmet", [])}
    assert failed == {criterion.id for criterion in STUDY.eligibility.criteria}


def test_sources_are_the_events_that_gave_the_items_read() -> None:
    entries = history(CASES[0])
    tables = judged(entries, STUDY.eligibility)
    seqs = {entry.get("form", entry["event"]): seq for seq, entry in enumerate(entries, start=1)}
    sources = dict(tables["criterion_verdict"].select("criterion", "sources").iter_rows())
    assert sources["I1"] == [seqs["demography"]]
    assert sources["I5"] == [seqs["baseline_imaging"], seqs["CycleStarted"]]
    assert sources["I10"] == [seqs["SubjectScreened"], seqs["ConsentSigned"]]
    assert sources["E4"] == sorted([seqs["dpd"], seqs["eligibility_statement"]])
    everything = sorted({seq for found in sources.values() for seq in found})
    assert tables["eligibility"]["sources"].to_list() == [everything]


def test_a_provisional_criterion_never_holds_up_but_forbids() -> None:
    case = {"treatment_start": "none"}
    firm = EligibilityPlan(
        criteria=tuple(
            each.model_copy(update={"provisional": False}) for each in STUDY.eligibility.criteria
        )
    )
    for plan, expected in ((STUDY.eligibility, True), (firm, None)):
        assert judged(history(case), plan)["eligibility"]["eligible"].to_list() == [expected]


def test_a_criterion_that_reads_nothing() -> None:
    criterion = STUDY.eligibility.criteria[0].model_copy(update={"expression": "TRUE"})
    plan = EligibilityPlan(criteria=(criterion,))
    tables = judged(history({}), plan)
    assert tables["eligibility"].drop("replicate", "subject").rows() == [(True, [], [], [])]


def test_nothing_in_nothing_out() -> None:
    for entries, plan in (([], STUDY.eligibility), (history({}), EligibilityPlan(criteria=()))):
        tables = judged(entries, plan)
        tables["entry_item"] = entry_item(tables, STUDY.entry)
        for rule in RULES:
            tables[rule.produces] = found = rule.rule(tables, plan)
            assert dict(found.schema) == dict(pl.Schema(rule.columns))
        assert tables["criterion_verdict"].is_empty()
        assert tables["eligibility"]["eligible"].to_list() == [True] * len(tables["subject_item"])
