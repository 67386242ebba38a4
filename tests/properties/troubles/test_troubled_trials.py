"""The bridge in trials where most of what can go wrong does: the same tables and results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

from equipoise.simulation.run import Rehearsal
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
        happened += _troubles(rehearsal)
        trials.append(recorded_in_sqlite(rehearsal, memory_path / str(seed)))
    assert_all_same(trials)
    assert min(happened.values()) > 0, happened
    assert len(happened) == len(TROUBLES)


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


def _troubles(rehearsal: Rehearsal) -> Counter[str]:
    """How often each of TROUBLES happened in a trial."""
    return Counter(
        {
            name: rehearsal.tables[table].filter(where).height
            for name, (table, where) in TROUBLES.items()
        }
    )
