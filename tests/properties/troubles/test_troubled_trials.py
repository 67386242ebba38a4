"""The bridge in trials where most of what can go wrong does: the same tables and results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

from equipoise.simulation.run import Rehearsal
from equipoise.study.derivation import derive
from tests.harness.bridge import (
    STUDIES,
    assert_all_same,
    drawn,
    recorded_in_sqlite,
    scenario_of,
    troubled,
)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, 100, 20))
@pytest.mark.parametrize("study", STUDIES)
def test_troubled_trials(study: str, first: int, memory_path: Path) -> None:
    """A hundred small trials of each study in which most of what can go wrong does."""
    scenario = troubled(scenario_of(study, "planning", 8))
    happened: Counter[str] = Counter()
    trials = []
    for seed in range(first, first + 20):
        rehearsal = drawn(study, scenario, seed)
        happened.update(_troubles(rehearsal))
        trials.append(recorded_in_sqlite(rehearsal, memory_path / str(seed)))
    assert_all_same(trials)
    assert not [name for name, times in happened.items() if not times], happened


TROUBLES: Mapping[str, tuple[str, pl.Expr]] = {
    "failed assay": ("assay_result_recorded", ~pl.col("technically_valid")),
    "treatment given up": (
        "treatment_discontinued", pl.col("cause") == "subject_decision",
    ),
    "visits given up": ("visits_discontinued", pl.lit(value=True)),
    "consent withdrawn": ("consent_withdrawn", pl.lit(value=True)),
    "lost": ("lost_to_follow_up", pl.lit(value=True)),
    "lesion not evaluated": ("target_measured", pl.col("state") == "not_evaluated"),
    "lesion in pieces": ("target_measured", pl.col("state") == "split"),
    "lesions merged": ("target_measured", pl.col("state") == "merged"),
    "scan not evaluable": ("non_target_observed", pl.col("state") == "not_evaluated"),
    "new lesion in doubt": ("new_lesion_observed", pl.col("certainty") == "equivocal"),
    "read again": (
        "tumour_assessed", pl.col("evaluator").is_in(["independent", "local"]),
    ),
    "screening failed": ("screening_failed", pl.lit(value=True)),
    "dose left out": ("dose_given", pl.col("amount_missing").is_not_null()),
    "correction": ("form_item", pl.col("seq") != pl.col("event")),
}  # fmt: skip


def _troubles(rehearsal: Rehearsal) -> dict[str, int]:
    """How often each of TROUBLES happened in a trial, and those that no single row tells."""
    told = {
        name: rehearsal.tables[table].filter(where).height
        for name, (table, where) in TROUBLES.items()
    }
    return {
        **told,
        "scan late": _late_scans(rehearsal),
        "lesion passed over": _lesions_passed_over(rehearsal),
    }


def _late_scans(rehearsal: Rehearsal) -> int:
    """Scans after the window of their visit."""
    timeline = derive(rehearsal.tables, rehearsal.study, upto="visit_timeline")["visit_timeline"]
    imaging = [each.code for each in rehearsal.study.visits.visits if each.imaging]
    return timeline.filter(pl.col("visit").is_in(imaging), pl.col("state") == "late").height


def _lesions_passed_over(rehearsal: Rehearsal) -> int:
    """Targets of an evaluator of which a later assessment of that evaluator says nothing at all."""
    reading = ["replicate", "subject", "evaluator"]
    assessed = rehearsal.tables["tumour_assessed"].select(*reading, "event", "occurred", "baseline")
    measured = rehearsal.tables["target_measured"].select("replicate", "event", "lesion")
    chosen = assessed.filter("baseline").join(measured, on=["replicate", "event"])
    later = assessed.filter(~pl.col("baseline")).join(
        chosen.select(*reading, "lesion", since="occurred"), on=reading
    )
    later = later.filter(pl.col("occurred") > pl.col("since"))
    return later.join(measured, on=["replicate", "event", "lesion"], how="anti").height
