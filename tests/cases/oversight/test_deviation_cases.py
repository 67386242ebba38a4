"""Cases of deviations that a clinician can read, by the rules of treatment and of oversight."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from equipoise.oversight.deviation import DEVIATION, deviation
from equipoise.oversight.plan import DeviationPlan
from equipoise.record.plan import Label
from equipoise.record.rule import Tables
from equipoise.record.tables import empty_tables
from equipoise.study.catalogue import CATALOGUE
from equipoise.treatment.departure import DeparturePlan, treatment_departure
from equipoise.treatment.plan import Dose, Regimen
from equipoise.visits.consent_missing import consent_missing
from equipoise.visits.plan import Consent, VisitsPlan
from tests.harness.hand_made import DERIVED
from tests.harness.history import read_cases

CASES = read_cases(Path(__file__).with_name("deviations.yaml"))
PLAN = DeviationPlan(imaging=("scan",), important=("wrong_stratum", "prohibited_therapy"))
CONSENTS = tuple(
    Consent(code=code, label=Label(en=code), version="1", required_for_randomisation=needed)
    for code, needed in (("main", True), ("tissue", False))
)
TABLES = {
    "stratum": "stratum",
    "entry": "entry_eligibility",
    "consents": "consent_signed",
    "visits": "visit_timeline",
    "cycles": "treatment_cycle",
    "decisions": "dose_decision",
    "doses": "dose_given",
    "lots": "drug_dispensed",
    "recorded": "deviation_recorded",
    "prohibited": "prohibited_therapy",
    "notices": "expedited_report",
}


def departures() -> DeparturePlan:
    label, by = Label(en="R"), "intravenous_infusion"
    doses = [
        Dose(drug=drug, label=label, amount=100, unit="mg", days=range(1, times + 1), route=by)
        for drug, times in (("d", 1), ("e", 2))
    ]
    regimen = Regimen(code="R", label=label, cycle_days=14, doses=doses)
    return DeparturePlan(regimens=(regimen,), early_days=3)


def tables(case: dict[str, Any]) -> Tables:
    """The tables of a case; each row has the next seq, and derived rows have it as their source."""
    made = {**empty_tables(CATALOGUE)}
    made |= {name: pl.DataFrame(schema=schema) for name, schema in DERIVED.items()}
    rows: dict[str, list[dict[str, Any]]] = {
        name: case.get(key, []) for key, name in TABLES.items()
    }
    if "consents" not in case:
        rows["consent_signed"] = [{"consent": "main", "occurred": "02-20"}]
    if case.get("randomised", True):
        rows["randomised"] = [{"occurred": "03-04"}]
    seq = 0
    for name, listed in rows.items():
        whole = []
        for each in listed:
            seq += 1
            fixed = {"replicate": 0, "subject": "a", "site": "S01", "seq": seq, "sources": [seq]}
            usual = {"regimen": "R", "lot": "L", "administrations": 1, "decided": "03-04",
                     "report": "site_to_sponsor"}  # fmt: skip
            whole.append({**usual, **fixed, **each})
        schema = made[name].schema
        made[name] = pl.DataFrame(
            [{key: dated(row.get(key), schema[key]) for key in schema} for row in whole],
            schema=schema,
        )
    return made


def dated(value: Any, kind: Any) -> Any:
    if value and kind == pl.Datetime:
        return datetime.datetime.fromisoformat(value)
    return datetime.date.fromisoformat(f"2024-{value}") if value and kind == pl.Date else value


def found(case: dict[str, Any]) -> pl.DataFrame:
    made = dict(tables(case))
    made["treatment_departure"] = treatment_departure(made, departures())
    consents = VisitsPlan(consents=CONSENTS, forms=(), visits=())
    made["consent_missing"] = consent_missing(made, consents)
    return deviation(made, PLAN)


@pytest.mark.requirement("RN5")
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(case: dict[str, Any]) -> None:
    rows = found(case)
    assert rows.schema == pl.Schema(DEVIATION)
    named = rows.select("category", "kind", "entry", "instance", "found", "expected")
    assert [[*row] for row in named.iter_rows()] == case["expect"]
    if "days" in case:
        assert [str(day) for day in rows["day"]] == case["days"]
    if "important" in case:
        assert rows["important"].to_list() == case["important"]
    assert all(sources for sources in rows["sources"].to_list())


def test_every_kind_has_a_case() -> None:
    kinds = {each[1] for case in CASES for each in case["expect"]}
    assert kinds >= {
        "wrong_stratum", "not_eligible", "eligibility_unknown", "consent_missing", "visit_early",
        "visit_late", "visit_missed", "scan_late", "scan_missed", "cycle_early", "cycle_put_off",
        "dose_amount", "dose_times", "dispensed_expired", "dispensed_omitted", "recorded",
        "prohibited_therapy", "sae_late",
    }  # fmt: skip
