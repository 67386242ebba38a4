"""Doses from two programmers: the product's rules beside a programming from the study file.

Compared row by row: body surface area, planned amounts, release; the decision on every drug of
every cycle with its amount, what is dispensed, the range left to the prescriber, the deciding
rule, whether something is missing, doubtful or off label; which regimens are open and why not;
what was given of each drug, from when to when, beside what was planned; when each cycle was due and
how long it lasted; dose intensity by cycle and over all.
Not compared: `sources`, and the words that say what is missing.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from fractions import Fraction

import polars as pl
import pytest

from equipoise.simulation.run import Version, rehearsed
from equipoise.study.definition import Study
from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from equipoise.treatment.plan import BodySurfaceArea
from tests.harness.bridge import STUDIES, scenario_of, troubled
from tests.second_programming.amounts_again import area
from tests.second_programming.doses_compared import KEYS, differences
from tests.second_programming.dosing_histories import treatments
from tests.second_programming.lesion_histories import DAY_0, Writer, day_of, tables_of_rows
from tests.second_programming.patient_again import Patient, clearance

COURSES = 250
"""Random courses of treatment of each plan."""


def _plans() -> dict[str, Study]:
    """The bundled studies, and MGMT-NET with other formulas and other labels in force."""
    mgmt = load_study("mgmt-net")
    other = {
        "OXALIPLATIN_RENAL_EU": "OXALIPLATIN_RENAL_US",
        "STREPTOZOTOCIN_RENAL_UK": "STREPTOZOTOCIN_RENAL_US",
    }
    sets = mgmt.treatment.modifications
    assert mgmt.treatment.renal_function
    renal = mgmt.treatment.renal_function
    treatment = mgmt.treatment.model_copy(
        update={
            "body_surface_area": BodySurfaceArea(formula="dubois", cap="2.0"),
            "renal_function": renal.model_copy(update={"formula": "cockcroft_gault_mg_dl"}),
            "modifications": sets.model_copy(
                update={"in_force": tuple(other.get(code, code) for code in sets.in_force)}
            ),
        }
    )
    filtering = {
        formula: mgmt.treatment.model_copy(
            update={"renal_function": renal.model_copy(update={"formula": formula})}
        )
        for formula in ("ckd_epi_2021", "mdrd_175")
    }
    return {
        **{name: mgmt.model_copy(update={"treatment": plan}) for name, plan in filtering.items()},
        "mgmt-net": mgmt,
        "mgmt-net, other labels": mgmt.model_copy(update={"treatment": treatment}),
        "lung-tmb": load_study("lung-tmb"),
    }


PLANS = ("mgmt-net", "mgmt-net, other labels", "lung-tmb", "ckd_epi_2021", "mdrd_175")


def _derived(tables: Mapping[str, pl.DataFrame], study: Study) -> dict[str, pl.DataFrame]:
    found = dict(tables)
    for table in KEYS:
        found = derive(found, study, upto=table)
    return found


@pytest.mark.parametrize("code", STUDIES)
def test_simulated_trials(code: str) -> None:
    study = load_study(code)
    scenario = troubled(scenario_of(code, "planning"))
    tables = rehearsed([Version(0, study)], scenario, 17, range(2)).tables
    rows, said = differences(tables, _derived(tables, study), study)
    assert not said
    assert rows["dose_decision"] == rows["planned_dose"] > 1000


@pytest.mark.parametrize("plan", PLANS)
def test_random_courses(plan: str) -> None:
    study = _plans()[plan]
    tables = treatments(random.Random(plan), COURSES, study)
    derived = _derived(tables, study)
    rows, said = differences(tables, derived, study)
    assert not said
    assert rows["dose_decision"] > 5 * COURSES
    decided = Counter(derived["dose_decision"]["decision"])
    kinds = {"full", "reduce", "delay", "omit", "stop", "undecided"}
    assert min(decided[kind] for kind in kinds) > 0, decided


@pytest.mark.parametrize("plan", PLANS[:2])
def test_another_plan_is_seen(plan: str) -> None:
    """The comparison can fail: doses by the other formulas and labels would be found."""
    study, other = _plans()["mgmt-net"], _plans()["mgmt-net, other labels"]
    mine, theirs = (study, other) if plan == "mgmt-net" else (other, study)
    tables = treatments(random.Random(3), 60, study)
    said = differences(tables, _derived(tables, mine), theirs)[1]
    found = {table: sum(each.startswith(f"{table} ") for each in said) for table in KEYS}
    tables_that_differ = ("planned_dose", "dose_decision", "regimen_option")
    assert min(found[table] for table in tables_that_differ) > 0, found


def test_published_values() -> None:
    """Body surface areas and clearances that somebody else computed (in the project's facts)."""
    mosteller, dubois = BodySurfaceArea(formula="mosteller"), BodySurfaceArea(formula="dubois")
    for height, weight, *expected in (
        (1700, 700, 18181, 18097),
        (1800, 1000, 22361, 21950),
        (1600, 500, 14907, 15011),
        (1900, 1200, 25166, 24667),
    ):
        assert [area(height, weight, each) for each in (mosteller, dubois)] == expected
    plan = load_study("mgmt-net").treatment.renal_function
    assert plan
    other = plan.model_copy(update={"formula": "cockcroft_gault_mg_dl"})
    for age, weight, creatinine, female, *expected in (
        (65, 70, 80, 0, "80.72", "80.57"),
        (65, 70, 80, 1, "68.25", "68.49"),
        (75, 55, 120, 1, "30.98", "31.09"),
    ):
        items = {plan.age: age, plan.weight: weight, plan.creatinine: creatinine, plan.sex: female}
        patient = Patient({name: [(DAY_0, Fraction(value))] for name, value in items.items()})
        for which, value in zip((plan, other), expected, strict=True):
            found = clearance(patient, DAY_0, which)
            assert found is not None
            assert f"{float(found):.2f}" == value


def test_partly_known_end_of_an_adverse_event() -> None:
    """An adverse event is over when its end, at the latest that it can have been, is past."""
    study = load_study("mgmt-net")
    writer = Writer("01-0001", rows := {})
    writer.event("cycle_started", DAY_0, cycle=1, regimen="CAPTEM", height=1700, weight=700)
    writer.event(
        "adverse_event_reported", day_of(10), adverse_event="AE1", term="Nausea", grade=2,
        end=f"{day_of(10):%Y-%m}", serious=False, outcome="unknown",
    )  # fmt: skip
    writer.event("cycle_started", day_of(60), cycle=2, regimen="CAPTEM", height=1700, weight=700)
    tables = tables_of_rows(rows)
    assert not differences(tables, _derived(tables, study), study)[1]


def test_more_doses_than_the_regimen_has_days_end_no_earlier() -> None:
    """Three doses of a weekly drug end on day 15; a fourth recorded with them ends no earlier."""
    study = load_study("mgmt-net")
    weekly = tuple(
        regimen.model_copy(
            update={
                "doses": tuple(
                    dose.model_copy(update={"days": (1, 8, 15)}) for dose in regimen.doses
                )
            }
        )
        for regimen in study.treatment.regimens
    )
    plan = study.treatment.model_copy(update={"regimens": weekly})
    study = study.model_copy(update={"treatment": plan})
    for administrations in (3, 4):
        writer = Writer("01-0001", rows := {})
        writer.event("cycle_started", DAY_0, cycle=1, regimen="GEMOX", height=1700, weight=700)
        writer.event(
            "dose_given", DAY_0, cycle=1, day=1, drug="gemcitabine", amount=100_000,
            administrations=administrations,
        )  # fmt: skip
        exposure = _derived(tables_of_rows(rows), study)["exposure"].filter(drug="gemcitabine")
        assert exposure["last_dose"].item() >= day_of(14)
