"""How long `equipoise simulate` takes for a grid, from the command to the report.

`make bench`, or `python benchmarks/bench_simulate.py`: 200 points of 10 000 trials each, with
every analysis of MGMT-NET's plan that end points can give, and as the design compares them, with
five; the wish is less than 40 s on two cores.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from equipoise.study.load import study_path

TRIALS = 10_000
RATES = [f"0.{rate}" for rate in range(30, 70, 4)]
SIZES = list(range(52, 150, 5))
FEW = """
endpoints:
  analyses: [primary, pfs_arms_deficient, pfs_arms_proficient, pfs_hazard_ratio_deficient,
    pfs_hazard_ratio_proficient]
"""


def bench_simulate() -> None:
    """Print seconds from start to end of the command, in a process of its own."""
    print()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        told = (study_path("mgmt-net").parent / "scenarios" / "planning.yaml").read_text("utf-8")
        (folder / "few.yaml").write_text(told + FEW, encoding="utf-8")
        grid = {
            "scenario.tumour.shrinkage.DEFICIENT.ALKY": RATES,
            "scenario.enrolment.randomise": SIZES,
        }
        (folder / "grid.yaml").write_text(json.dumps({"product": grid}), encoding="utf-8")
        for label, scenario in (("every analysis", "planning"), ("five analyses", "few.yaml")):
            points = len(RATES) * len(SIZES)
            seconds = _seconds(folder, scenario)
            print(f"{label}: {points} points of {TRIALS} trials in {seconds:.1f} s, all included")


def _seconds(folder: Path, scenario: str) -> float:
    out = folder / f"out-{Path(scenario).stem}"
    told = ["simulate", "mgmt-net", "--scenario", scenario, "--trials", str(TRIALS)]
    begin = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "equipoise.cli.main", *told, "--grid", "grid.yaml", "--out", out],
        check=True, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - begin


def test_simulate() -> None:
    """Run by `make bench`."""
    bench_simulate()


if __name__ == "__main__":
    from conftest import pytest_report_header

    print(*pytest_report_header(), sep="\n")
    bench_simulate()
