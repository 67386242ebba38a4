"""How long the tests of survival take for 100 000 subjects, warm, beside R where it is there.

`make bench`, or `python benchmarks/bench_survival.py`. The wish is less than 0.1 s for a log-rank
test and 0.5 s for a Cox model of one covariate; three covariates stand beside it.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from equipoise.statistics.cox import cox_effect
from equipoise.statistics.log_rank import log_rank

SUBJECTS, TIMES = 100_000, 7
IN_R = """
library(survival); d <- read.csv("{file}"); s <- Surv(d$time, d$event)
for (one in list(function() survdiff(s ~ d$x1), function() coxph(s ~ d$x1),
                 function() coxph(s ~ d$x1 + d$x2 + d$x3))) {{
  one(); cat(median(replicate(5, system.time(one())[["elapsed"]])), "")
}}
"""


def _data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times in days, many tied, 60 % events; a group and two covariates."""
    random = np.random.default_rng(1)
    values = random.normal(size=(SUBJECTS, 3))
    values[:, 0] = random.integers(0, 2, SUBJECTS)
    life = random.exponential(500 / np.exp(values @ [0.4, 0.2, -0.1]))
    watched = random.uniform(200, 1500, SUBJECTS)
    return np.ceil(np.minimum(life, watched)), life <= watched, values


def _seconds(call: Callable[[], object]) -> float:
    call()
    found = []
    for _ in range(TIMES):
        begin = time.perf_counter()
        call()
        found.append(time.perf_counter() - begin)
    return statistics.median(found)


def bench_survival() -> None:
    """Print the median of seconds of each, and of R's survival."""
    print()
    days, event, values = _data()
    group = values[:, 0].astype(int)
    own = {
        "log-rank (wish: 0.1)": _seconds(lambda: log_rank(days, event, group)),
        "Cox, one covariate (wish: 0.5)": _seconds(
            lambda: cox_effect(days, event, values[:, :1], [0])
        ),
        "Cox, three covariates": _seconds(lambda: cox_effect(days, event, values, [0])),
    }
    theirs = _in_r(days, event, values)
    for place, (label, seconds) in enumerate(own.items()):
        beside = f"; R with survival {theirs[place]:.3f} s" if theirs else ""
        print(f"{label}, {SUBJECTS} subjects: {seconds:.4f} s{beside}")
    if not theirs:
        print("SKIPPED: the comparison with R; no Rscript with the package survival is here")


def _in_r(days: np.ndarray, event: np.ndarray, values: np.ndarray) -> list[float]:
    rscript = shutil.which("Rscript")
    if rscript is None:
        return []
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "data.csv"
        table = np.column_stack([days, event, values])
        np.savetxt(file, table, delimiter=",", header="time,event,x1,x2,x3", comments="")
        asked = [rscript, "-e", IN_R.format(file=file.as_posix())]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
    return [] if done.returncode else [float(each) for each in done.stdout.split()]


def test_survival() -> None:
    """Run by `make bench`."""
    bench_survival()


if __name__ == "__main__":
    from conftest import pytest_report_header

    print(*pytest_report_header(), sep="\n")
    bench_survival()
