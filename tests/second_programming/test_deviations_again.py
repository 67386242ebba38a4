"""Deviations by the rules and programmed again, on trials drawn and then disturbed at random."""

from __future__ import annotations

import datetime

import numpy as np
import polars as pl
import pytest

from equipoise.record.rule import Tables
from equipoise.study.definition import Study
from equipoise.study.derivation import derive
from tests.harness.bridge import drawn, scenario_of
from tests.second_programming.deviations_again import deviations_again

OWN = (
    "treatment_cycle", "treatment_departure", "disposition", "visit_timeline",
    "prohibited_therapy", "deviation",
)  # fmt: skip


def disturbed(tables: Tables, study: Study, seed: int) -> Tables:
    """Tables of a drawn trial in which somebody, here and there, did otherwise."""
    draw = np.random.default_rng(seed)
    found = {name: table for name, table in tables.items() if name not in OWN}

    def some(name: str, share: float) -> pl.Series:
        return pl.Series(draw.random(len(found[name])) < share)

    def shifted(name: str, column: str, share: float, days: int) -> None:
        by = pl.Series(draw.integers(-days, days + 1, len(found[name])))
        moved = pl.when(some(name, share)).then(pl.col(column) + pl.duration(days=by))
        found[name] = found[name].with_columns(moved.otherwise(column).alias(column))

    shifted("cycle_started", "occurred", 0.3, 8)
    shifted("consent_signed", "occurred", 0.2, 40)
    consents = found["consent_signed"]
    found["consent_signed"] = consents.filter(~some("consent_signed", 0.1))
    given = found["dose_given"]
    amount, times = pl.col("amount"), pl.col("administrations")
    found["dose_given"] = pl.concat([given, given.head(len(given) // 10)]).with_columns(
        seq=pl.int_range(10**6, 10**6 + len(given) + len(given) // 10)
    )
    found["dose_given"] = found["dose_given"].with_columns(
        amount=pl.when(some("dose_given", 0.1)).then(amount + 1)
        .when(some("dose_given", 0.05)).then(0).otherwise(amount),
        administrations=pl.when(some("dose_given", 0.05)).then(times + 1)
        .when(some("dose_given", 0.05)).then(0).otherwise(times),
    )  # fmt: skip
    decisions = pl.Series(draw.choice(["full", "omit", "stop", "delay", "undecided"], 10**5))
    rules = found["dose_decision"]
    found["dose_decision"] = rules.with_columns(
        decision=pl.when(some("dose_decision", 0.3)).then(decisions.head(len(rules))).otherwise(
            "decision"
        )
    )  # fmt: skip
    lots = given.filter(some("dose_given", 0.5).head(len(given))).with_columns(
        seq=pl.col("seq") + 10**7, lot=pl.lit("L")
    )
    lots = lots.with_columns(
        expiry=pl.col("occurred") + pl.duration(days=pl.Series(draw.integers(-1, 9, len(lots))))
    )
    schema = found["drug_dispensed"].schema
    found["drug_dispensed"] = pl.DataFrame(
        {name: lots[name] if name in lots.columns else [None] * len(lots) for name in schema},
        schema=schema,
    )
    for name in ("stratum", "entry_eligibility"):
        found[name] = found[name].with_columns(differs=some(name, 0.3))
    judged = pl.Series(draw.integers(0, 3, len(found["entry_eligibility"])))
    found["entry_eligibility"] = found["entry_eligibility"].with_columns(
        eligible_now=pl.when(judged == 0).then(True).when(judged == 1).then(False),
        unmet_now=pl.when(judged == 1).then(["I1", "E4"]).otherwise("unmet_now"),
    )
    return _beside(found, study, draw)


def _beside(tables: Tables, study: Study, draw: np.random.Generator) -> Tables:
    """Medicines, later therapies and procedures, of a few days around those that matter, or of days
    partly known; treatment that stops, progression of which the day is not known."""
    found = dict(tables)
    allocated = found["randomised"].select("replicate", "subject", "site", "occurred")
    plan = study.visits
    for table, name, listed in (
        ("concomitant_medication_recorded", "drug_class", plan.medication_classes),
        ("subsequent_therapy_recorded", "therapy", plan.therapies),
        ("procedure_recorded", "procedure", plan.procedures),
    ):
        codes = [*(each.code for each in listed), None]
        rows = []
        for row in (r for r in allocated.iter_rows(named=True) for _ in range(3)):
            first = row["occurred"] + datetime.timedelta(days=int(draw.integers(-60, 500)))
            last = first + datetime.timedelta(days=int(draw.integers(0, 40)))
            texts = [str(day)[: draw.choice([4, 7, 10, 10])] for day in (first, last)]
            start, end = (text if draw.random() < 0.85 else None for text in texts)
            ongoing = bool(draw.random() < 0.3)
            said = {
                "seq": 5 * 10**7 + len(rows), "entry": f"X{len(rows)}", name: draw.choice(codes),
                "start": start, "end": None if ongoing else end, "ongoing": ongoing,
                "occurred": first if name != "procedure" or draw.random() < 0.9 else None,
            }  # fmt: skip
            rows.append({**row, **said})
        schema = found[table].schema
        whole = [{column: row.get(column) for column in schema} for row in rows]
        found[table] = pl.DataFrame(whole, schema=schema)
    stopped = found["treatment_discontinued"]
    found["treatment_discontinued"] = stopped.filter(pl.Series(draw.random(len(stopped)) < 0.7))
    seen = found["progression"]
    unknown = pl.Series(draw.random(len(seen)) < 0.2)
    found["progression"] = seen.with_columns(
        progression=pl.when(~unknown).then("progression"),
        last_adequate_assessment=pl.when(pl.Series(draw.random(len(seen)) < 0.8)).then(
            "last_adequate_assessment"
        ),
    )
    return found


@pytest.mark.requirement("RN5")
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["mgmt-net", "lung-tmb"])
def test_the_rules_and_their_second_programming_agree(name: str, seed: int) -> None:
    rehearsal = drawn(name, scenario_of(name, "planning", 24), 2)
    study = rehearsal.study
    tables = disturbed(derive(rehearsal.tables, study), study, seed)
    derived = derive(tables, study, upto="deviation")
    rows = derived["deviation"]
    assert rows["subject"].n_unique() > 10 and rows["kind"].n_unique() >= 9
    assert rows.filter(category="prohibited_therapy").height > 5
    head = ("replicate", "subject", "day", "category", "kind", "entry", "instance")
    found = [(*row[:-1], tuple(row[-1])) for row in rows.select(*head, "sources").iter_rows()]
    assert len(found) == len(set(found))
    assert set(found) == deviations_again(derived, study)
