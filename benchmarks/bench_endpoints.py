"""How fast end points are simulated: the general engine beside a kernel written for one job.

`make bench`, or `python benchmarks/bench_endpoints.py`. Rates are trials per second of processor
time on one core, and per second of the clock on all of them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from equipoise.simulation.endpoints import EndpointSimulation, endpoint_simulation
from equipoise.simulation.scenario import Scenario, load_scenario
from equipoise.study.load import load_study, study_path

TRIALS = 60_000
CHUNK = 1000
TESTS = ("primary", "pfs_arms_deficient", "pfs_arms_proficient")
COX = ("pfs_hazard_ratio_deficient", "pfs_hazard_ratio_proficient")
PFS = {"DEFICIENT": {"ALKY": "14.6", "OX": "8.2"}, "PROFICIENT": {"ALKY": "11.3", "OX": "12.7"}}


def same_job() -> EndpointSimulation:
    """The job of the yardstick, of MGMT-NET's planning scenario: true statuses, nobody is lost."""
    told = load_scenario(study_path("mgmt-net").parent, "planning").model_dump(
        mode="json", exclude_none=True
    )
    told["endpoints"] = {
        "analyses": [*TESTS, *COX],
        "beside_fisher": ["chi_square"],
        "seen": "at_once",
        "prevalence": {"between_trials": "0.2"},
    }
    told["enrolment"].update(
        randomise=105, screen_at_most=105, per_month="3.2", days_to_randomisation=[0, 0]
    )
    del told["withdrawal"], told["redetermination"], told["marker"]["depends_on"]
    told["marker"]["prevalence"] = {"ALL": {"DEFICIENT": "0.57", "PROFICIENT": "0.43"}}
    told["marker"]["sample"]["inadequate"] = "0"
    for assay in told["marker"]["assays"].values():
        assay["failure"] = "0"
        for level in assay["levels"].values():
            level.update(between="0", within="0")
    told["tumour"].update(missed_scan="0", shrunken_until_day=0)
    told["tumour"]["reading"]["not_evaluable"] = "0"
    told["survival"].update(
        median_without_progression_months="1000000", median_after_progression_months="1000000"
    )
    return endpoint_simulation(load_study("mgmt-net"), Scenario.model_validate(told))


def full_nature() -> EndpointSimulation:
    """The same analyses in the planning scenario as it stands, with hospitals that differ."""
    told = load_scenario(study_path("mgmt-net").parent, "planning").model_dump(
        mode="json", exclude_none=True
    )
    told["endpoints"] = {
        "analyses": [*TESTS, *COX],
        "beside_fisher": ["chi_square"],
        "prevalence": {"between_trials": "0.2", "between_sites": "0.3"},
        "contrary": {"ihc": "0.1"},
        "calendar": [{"from_month": 0, "factor": "0.5"}, {"from_month": 6, "factor": "1"}],
    }
    return endpoint_simulation(load_study("mgmt-net"), Scenario.model_validate(told))


def yardstick_trials(first: int, count: int) -> np.ndarray:
    """Trials of the yardstick, shape (count, its OUTPUTS)."""
    from yardstick import yardstick

    rates = (np.array([[0.5, 0.25], [0.15, 0.25]]) * 2**32).astype(np.uint64)
    hazards = np.array([[14.6, 8.2], [11.3, 12.7]]) / np.log(2) * 30.4375
    out = np.empty((count, 8))
    yardstick(1, first, first + count, rates, hazards, 0.57, 0.2, 1000.0, 1550.0, out)
    return out


def _rates(job: Callable[[int, int], object]) -> tuple[float, float]:
    """Trials per second of processor time on one core, and per second on every core."""
    job(0, CHUNK)
    chunks = range(0, TRIALS, CHUNK)
    begin = time.process_time()
    for first in chunks:
        job(first, CHUNK)
    one = TRIALS / (time.process_time() - begin)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        start = time.perf_counter()
        list(pool.map(lambda first: job(first, CHUNK), chunks))
        every = TRIALS / (time.perf_counter() - start)
    return one, every


def bench_endpoints() -> None:
    """Print the rates side by side, and what a second start costs."""
    print()
    own, all_own = _rates(yardstick_trials)
    print(f"yardstick, by hand for this job: {own:9.0f} trials/s a core, {all_own:9.0f} on all")
    rates: dict[str, float] = {}
    for label, simulation in (("same job", same_job()), ("full nature", full_nature())):
        one, every = _rates(lambda first, count, sim=simulation: sim.trials(1, first, count))
        print(
            f"general engine, {label}: {one:9.0f} trials/s a core, {every:9.0f} on all; "
            f"{one / own:.2f} and {every / all_own:.2f} of the yardstick"
        )
        rates[label] = one
    naive = _naive()
    for label, one in rates.items():
        print(
            f"numpy, SciPy and lifelines, trial by trial: {naive:.0f} trials/s a core; "
            f"{label} is {one / naive:.0f} times as fast (wish: 3000)"
        )
    _beside_r(rates["same job"])
    _by_size()
    code = (
        "import time; begin = time.perf_counter(); from bench_endpoints import same_job;"
        "job = same_job(); middle = time.perf_counter(); job.trials(1, 0, 1);"
        "print(f'imports and study {middle - begin:.2f} s, kernel and '"
        "f'first trial {time.perf_counter() - middle:.2f} s')"
    )
    folder = os.path.dirname(os.path.abspath(__file__))
    with tempfile.TemporaryDirectory() as cache:
        told = {**os.environ, "NUMBA_CACHE_DIR": cache}
        for label in ("first start, the kernel compiled", "second start"):
            print(f"{label}: ", end="", flush=True)
            subprocess.run([sys.executable, "-c", code], check=True, cwd=folder, env=told)


def _beside_r(own: float) -> None:
    """The same job as an expert writes it in R, where R and its package survival are there."""
    rscript, script = shutil.which("Rscript"), Path(__file__).with_name("endpoints.R")
    asked = [str(rscript), "-e", 'stopifnot(requireNamespace("survival", quietly = TRUE))']
    if rscript is None or subprocess.run(asked, capture_output=True, check=False).returncode:
        print("SKIPPED: the comparison with R; no Rscript with the package survival is here")
        return
    told = subprocess.run([rscript, script], check=True, capture_output=True, text=True).stdout
    rate = float(told.split()[0])
    print(
        f"R with survival, by an expert: {rate:.0f} trials/s a core; "
        f"same job is {own / rate:.0f} times as fast (wish: 25)"
    )


def _naive() -> float:
    """The same job as most would write it: numpy, scipy.stats and lifelines, trial by trial."""
    import warnings

    import pandas as pd
    from lifelines import CoxPHFitter
    from lifelines.statistics import logrank_test
    from scipy.stats import chi2_contingency, fisher_exact

    rng, trials = np.random.default_rng(1), 10
    rates, means = np.array([[0.5, 0.25], [0.15, 0.25]]), np.array([[14.6, 8.2], [11.3, 12.7]])
    begin = time.process_time()
    for _ in range(trials):
        odds = 0.57 / 0.43 * np.exp(0.2 * rng.standard_normal())
        status = (rng.random(105) >= odds / (1 + odds)).astype(int)
        arm = np.zeros(105, dtype=int)
        for stratum, block in ((0, [0, 0, 1]), (1, [0, 1])):
            mine = np.flatnonzero(status == stratum)
            blocks = [rng.permutation(block) for _ in range(len(mine) // len(block) + 1)]
            arm[mine] = np.concatenate(blocks)[: len(mine)]
        response = rng.random(105) < rates[status, arm]
        latent = rng.exponential(means[status, arm] / np.log(2))
        watched = 51 - 33 * rng.random(105)
        time_, event = np.minimum(latent, watched), latent <= watched
        table = [
            [response[group].sum(), (~response[group]).sum()]
            for group in ((arm == 0) & (status == 0), (arm == 0) & (status == 1))
        ]
        fisher_exact(table)
        chi2_contingency(table, correction=False)
        for stratum in (0, 1):
            one, two = (status == stratum) & (arm == 0), (status == stratum) & (arm == 1)
            logrank_test(time_[one], time_[two], event[one], event[two])
            frame = pd.DataFrame({"t": time_, "e": event, "x": arm})[status == stratum]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                CoxPHFitter().fit(frame, "t", "e")
    return trials / (time.process_time() - begin)


def _by_size() -> None:
    """Time for a patient, of trials of 100 to 10 000."""
    found = []
    for patients in (100, 1000, 10_000):
        simulation = _resized(patients)
        trials = 2_000_000 // patients
        simulation.trials(1, 0, 2)
        begin = time.process_time()
        simulation.trials(1, 0, trials)
        found.append(f"{(time.process_time() - begin) / trials / patients * 1e9:.0f} ({patients})")
    print(f"nanoseconds a patient, by size of trial: {', '.join(found)}")


def _resized(patients: int) -> EndpointSimulation:
    from dataclasses import replace

    simulation = same_job()
    accrual = simulation.tables.accrual
    tables = simulation.tables._replace(
        accrual=accrual._replace(
            wanted=patients, most=patients, rate=accrual.rate * patients / accrual.wanted
        )
    )
    return replace(simulation, tables=tables)


def test_endpoints() -> None:
    """Run by `make bench`."""
    bench_endpoints()


if __name__ == "__main__":
    from conftest import pytest_report_header

    print(*pytest_report_header(), sep="\n")
    bench_endpoints()
