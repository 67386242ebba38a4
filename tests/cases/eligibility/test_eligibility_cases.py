"""Who may enter each study: every criterion, met, not met and not yet known."""

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

STUDIES = {name: load_study(name) for name in ("mgmt-net", "lung-tmb")}
FILES = {
    name: read_cases(Path(__file__).parent / f"{name.replace('-', '_')}.yaml") for name in STUDIES
}
STUDY, CASES = STUDIES["mgmt-net"], FILES["mgmt-net"]["cases"]
EVERY = [
    pytest.param(name, case, id=f"{name}: {case['case']}")
    for name, file in FILES.items()
    for case in file["cases"]
]


def history(case: dict[str, Any], name: str = "mgmt-net") -> list[dict[str, Any]]:
    study, base = STUDIES[name], FILES[name]["eligible"]
    answers = {**base["answers"], **case.get("with", {})}
    strangers = set(answers) - {each.code for form in study.visits.forms for each in form.items}
    assert not strangers
    entries: list[dict[str, Any]] = [{"event": "SubjectScreened", "on": base["screened"]}]
    consent = case.get("consent", base["consent"])
    if consent != "none":
        signed = study.visits.consents[0]
        entries.append(
            {"event": "ConsentSigned", "on": consent, "consent": signed.code,
             "version": signed.version}
        )  # fmt: skip
    for form in study.visits.forms:
        items: list[dict[str, Any]] = []
        for code in (each.code for each in form.items if each.code in answers):
            value = str(answers[code])
            if value == "~":
                items.append({"item": code, "value_missing": "unknown"})
            elif value != "-":
                items.append({"item": code, "value": value})
        if items:
            entries.append(
                {"event": "FormSaved", "on": base["screened"], "form": form.code, "instance": "1",
                 "items": items}
            )  # fmt: skip
    for analyte, said in case.get("report", {}).items():
        value, unit = said.split()
        told = {"value_missing": "sample_failed"} if value == "none" else {"value": value}
        results = [{"analyte": analyte, "unit": unit, **told}]
        entries.append(
            {"event": "LaboratoryReported", "on": base["screened"], "report": "L1",
             "results": results}
        )  # fmt: skip
    start = case.get("treatment_start", base["treatment_start"])
    if start != "none":
        regimen = study.treatment.regimens[-1].code
        entries.append(
            {"event": "CycleStarted", "on": start, "cycle": 1, "regimen": regimen,
             "height": "170", "weight": "70"}
        )  # fmt: skip
    return entries


def judged(
    entries: list[dict[str, Any]], plan: EligibilityPlan, name: str = "mgmt-net"
) -> dict[str, pl.DataFrame]:
    tables, study = tables_of(entries), STUDIES[name]
    tables["laboratory_answer"] = laboratory_answer(tables, study.answered)
    tables["item"] = item(tables, study.visits)
    tables["subject_item"] = subject_item(tables, study.visits)
    tables["criterion_verdict"] = criterion_verdict(tables, plan)
    tables["eligibility"] = eligibility(tables, plan)
    return tables


@pytest.mark.requirement("RN3")
@pytest.mark.parametrize(("name", "case"), EVERY)
def test_case(name: str, case: dict[str, Any]) -> None:
    plan = STUDIES[name].eligibility
    tables = judged(history(case, name), plan, name)
    unmet, pending = case.get("unmet", []), case.get("pending", {})
    waiting = {**pending, **case.get("waiting", {})}
    row = tables["eligibility"].row(0, named=True)
    assert row["unmet"] == unmet
    assert row["pending"] == list(waiting)
    assert row["eligible"] is (False if unmet else None if pending else True)
    verdicts = tables["criterion_verdict"]
    assert verdicts["criterion"].to_list() == sorted(each.id for each in plan.criteria)
    for verdict in verdicts.iter_rows(named=True):
        criterion = verdict["criterion"]
        expected = False if criterion in unmet else None if criterion in waiting else True
        assert verdict["met"] is expected
        assert verdict["missing_items"] == waiting.get(criterion, [])


@pytest.mark.parametrize("name", STUDIES)
def test_every_criterion_of_the_study_has_a_case_that_fails_it(name: str) -> None:
    failed = {criterion for case in FILES[name]["cases"] for criterion in case.get("unmet", [])}
    assert failed == {criterion.id for criterion in STUDIES[name].eligibility.criteria}


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
