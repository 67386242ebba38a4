"""What the report says of a form and a laboratory report that do not agree."""

from __future__ import annotations

import pytest

from equipoise.report.answers import answers_table
from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from tests.harness.history import tables_of


@pytest.mark.requirement("LB1")
def test_values_that_differ_are_listed() -> None:
    study = load_study("mgmt-net")
    form = {
        "event": "FormSaved", "on": "2024-01-05", "form": "laboratory", "instance": "1",
        "items": [
            {"item": "neutrophils", "value": "4.1"},
            {"item": "platelets", "value_missing": "not_done"},
            {"item": "creatinine", "value": "106"},
        ],
    }  # fmt: skip
    results = [
        {"analyte": "neutrophils", "value": "1400", "unit": "/µL"},
        {"analyte": "platelets", "value": "99", "unit": "10^9/L"},
        {"analyte": "creatinine", "value": "1.2", "unit": "mg/dL"},
        {"analyte": "uracil", "value": "12", "unit": "ng/dL"},
    ]
    report = {"event": "LaboratoryReported", "on": "2024-01-05", "report": "1", "results": results}
    found = derive(tables_of([form, report]), study, upto="answer_discrepancy")
    table = answers_table(found, study)
    assert [(row.heading, *row.texts) for row in table.rows] == [
        ("01-001", "Neutrophils, 10^9/L", "2024-01-05", "4.1", "1.4"),
        ("01-001", "Platelets, 10^9/L", "2024-01-05", "not done", "99"),
        ("01-001", "Uracilaemia, ng/mL", "2024-01-05", "–", "not convertible"),
    ]


@pytest.mark.requirement("LB1")
def test_prior_therapies_that_differ_are_listed() -> None:
    study = load_study("mgmt-net")
    form = {
        "event": "FormSaved", "form": "prior_therapies", "instance": "1",
        "items": [
            {"item": "prior_oxaliplatin", "value": "false"},
            {"item": "prior_alkylating_agent", "value": "false"},
            {"item": "prior_surgery", "value": "true"},
            {"item": "prior_prrt", "value": "true"},
        ],
    }  # fmt: skip
    entries = [
        {"event": "PriorTherapyRecorded", "entry": f"T-{code}", "therapy": code}
        for code in ("oxaliplatin", "prrt")
    ]
    found = derive(tables_of([form, *entries]), study, upto="answer_discrepancy")
    told = [(row.heading, *row.texts) for row in answers_table(found, study).rows]
    assert told == [
        ("01-001", "Prior therapies: Oxaliplatin", "–", "no", "Oxaliplatin"),
        ("01-001", "Prior therapies: Surgery", "–", "yes", "not recorded"),
    ]
