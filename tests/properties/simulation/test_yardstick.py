"""The yardstick of the benchmarks does the job that it is the measure of."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

TRIALS = 20_000


@pytest.fixture(scope="module")
def bench() -> Iterator[ModuleType]:
    folder = str(Path(__file__).parents[3] / "benchmarks")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        import bench_endpoints

        yield bench_endpoints
    for name in ("bench_endpoints", "yardstick"):
        sys.modules.pop(name, None)


@pytest.mark.slow
def test_the_yardstick_has_the_same_bits_on_one_and_two_threads(bench: ModuleType) -> None:
    whole = bench.yardstick_trials(0, 4000)
    limits = [(0, 1500), (1500, 4000)]
    with ThreadPoolExecutor(2) as pool:
        parts = list(
            pool.map(lambda each: bench.yardstick_trials(each[0], each[1] - each[0]), limits)
        )
    assert whole.tobytes() == np.concatenate(parts).tobytes()


@pytest.mark.slow
def test_the_yardstick_and_the_general_engine_do_the_same_job(bench: ModuleType) -> None:
    """Powers of every test and the sizes agree within their Monte-Carlo errors."""
    own = bench.yardstick_trials(0, TRIALS)
    simulation = bench.same_job()
    told = simulation.trials(1, 0, TRIALS)
    names = (
        "primary/p", "primary/chi_square/p", "pfs_arms_deficient/p", "pfs_arms_proficient/p",
        "pfs_hazard_ratio_deficient/p", "pfs_hazard_ratio_proficient/p",
    )  # fmt: skip
    for column, name in enumerate(names):
        one = own[:, column] <= 0.05
        other = told[:, simulation.columns.index(name)] <= 0.05
        error = np.sqrt((one.var() + other.var()) / TRIALS)
        assert abs(one.mean() - other.mean()) < 4.5 * error, name
    sizes = told[:, simulation.columns.index("size/DEFICIENT")]
    error = np.sqrt((own[:, 6].var() + sizes.var()) / TRIALS)
    assert abs(own[:, 6].mean() - sizes.mean()) < 4.5 * error
