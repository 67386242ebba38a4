"""Renal function, DPD and the printed table of doses: what a pharmacist can check on paper."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

from equipoise.record.subject_rows import NONE
from equipoise.study.dose_table import dose_table
from equipoise.study.load import load_study
from equipoise.treatment.plan import RenalFunction
from equipoise.treatment.renal import creatinine_clearance, renal_formula
from tests.harness.history import read_cases

HERE = Path(__file__).parent
SCALE = 10**6
FORMULAS = {"umol": "cockcroft_gault_umol", "mg_dl": "cockcroft_gault_mg_dl"}


def scaled(value: Any) -> np.ndarray:
    return np.array([NONE if value == "unknown" else int(Decimal(str(value)) * SCALE)])


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("case", read_cases(HERE / "creatinine_clearance.yaml"))
def test_creatinine_clearance(case: dict[str, Any], formula: str) -> None:
    found = creatinine_clearance(
        scaled(case["age"]),
        scaled(case["weight"]),
        scaled(case["creatinine"]),
        np.array([{"man": 0, "woman": 1, "unknown": NONE}[case["sex"]]]),
        renal_formula(FORMULAS[formula]),
    )
    expected = case[formula]
    assert found.known.tolist() == [expected != "unknown"]
    assert found.hundredths().tolist() == [
        NONE if expected == "unknown" else round(float(expected) * 100)
    ]


@pytest.mark.parametrize("formula", ["ckd_epi_2021", "mdrd_175"])
@pytest.mark.parametrize("case", read_cases(HERE / "filtration_rate.yaml"))
def test_filtration_rate(case: dict[str, Any], formula: str) -> None:
    found = creatinine_clearance(
        scaled(case["age"]),
        scaled("unknown"),
        scaled(case["creatinine"]),
        np.array([{"man": 0, "woman": 1, "unknown": NONE}[case["sex"]]]),
        renal_formula(formula),
    )
    expected = case[formula]
    assert found.known.tolist() == [expected != "unknown"]
    assert found.hundredths().tolist() == [
        NONE if expected == "unknown" else round(float(expected) * 100)
    ]


def test_every_formula_says_where_it_is_from() -> None:
    for name in get_args(RenalFunction.model_fields["formula"].annotation):
        formula = renal_formula(name)
        assert len(formula.reference) > 20
        assert formula.basis.startswith("general knowledge")


@pytest.fixture(scope="module")
def table() -> dict[tuple[str, str, str, str], Any]:
    rows = dose_table(load_study("mgmt-net"))
    return {(r.regimen, r.findings["uracilaemia"], r.clearance, r.drug): r for r in rows}


@pytest.mark.parametrize("case", read_cases(HERE / "dose_table.yaml"))
def test_dose_table(case: dict[str, Any], table: dict[tuple[str, str, str, str], Any]) -> None:
    at = (case["regimen"], case["uracilaemia"], case["clearance"])
    rows = {key[3]: row for key, row in table.items() if key[:3] == at}
    assert rows, f"no such class: {sorted({key[:3] for key in table if key[0] == at[0]})}"
    for drug, row in rows.items():
        expected = case["drugs"].get(drug)
        assert row.regimen_open is case["open"]
        if expected is None:
            assert (row.decision, row.percent) == ("full", "100") or row.missing
            continue
        assert [row.decision, row.dose or "none"] == expected[:2]
        if len(expected) > 2:
            assert row.rule == expected[2]
            assert row.source or row.assumption
        if drug == next(iter(case["drugs"])):
            assert row.off_label == case.get("off_label")
            assert row.missing == case.get("missing")
            if "possibly_false" in case:
                assert row.possibly_false is case["possibly_false"]


def test_the_table_has_every_class(table: dict[tuple[str, str, str, str], Any]) -> None:
    levels = ["below 16", "16", "149.9", "150", "missing", "raised by renal failure"]
    regimens = ["CAPTEM", "LV5FU2_DTIC", "LV5FU2_STZ", "GEMOX", "FOLFOX", "CAPOX"]
    found: dict[str, list[str]] = {}
    for regimen, level, clearance, _ in table:
        assert clearance
        if level not in found.setdefault(regimen, []):
            found[regimen].append(level)
    assert found == dict.fromkeys(regimens, levels)
    assert all(row.source or row.assumption for row in table.values() if row.rule)


def test_complete_deficiency_leaves_one_regimen_of_the_six(
    table: dict[tuple[str, str, str, str], Any],
) -> None:
    left = {
        regimen
        for (regimen, level, clearance, _), row in table.items()
        if level == "150" and clearance not in ("missing", "below 30") and row.regimen_open
    }
    assert left == {"GEMOX"}


def test_the_second_study_has_a_table_without_clearance() -> None:
    rows = dose_table(load_study("lung-tmb"))
    assert {row.clearance for row in rows} == {"any"}
    told = {row.findings["serum_creatinine"]: row for row in rows if row.drug == "exemplatin"}
    assert {level: (row.decision, row.dose) for level, row in told.items()} == {
        "below 120": ("full", "60 mg/m2"),
        "120": ("full", "60 mg/m2"),
        "120.1": ("reduce", "45 mg/m2"),
        "249.9": ("reduce", "45 mg/m2"),
        "250": ("reduce", "45 mg/m2"),
        "250.1": ("omit", None),
        "missing": ("undecided", None),
    }
