"""Memory of a simulation does not grow with its trials."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TRIALS = 4000
ANALYSES = 100
"""Columns of a trial, at least: the simulation has more."""
PEAK = """
import sys
from pathlib import Path
from equipoise.simulation.scenario import load_scenario
from equipoise.study.load import load_study, study_path
from equipoise.workflow.simulate import Workers, simulate, simulated_members

study = load_study("mgmt-net")
scenario = load_scenario(study_path("mgmt-net").parent, "planning")
members = simulated_members(study, scenario)[:1]
assert len(members[0].simulation.columns) >= int(sys.argv[2])
out = Path(sys.argv[3])
done = simulate(members, 1, int(sys.argv[1]), workers=Workers(processes=1), out=out)
assert done.measured.trials == int(sys.argv[1])
told = Path("/proc/self/status").read_text("ascii").splitlines()
print(next(int(line.split()[1]) for line in told if line.startswith("VmHWM:")) * 1024)
"""
"""Prints the largest memory that the process ever held, in bytes. `ru_maxrss` would not do: it
counts the process that started this one."""


def _peak(trials: int, out: Path) -> int:
    told = [sys.executable, "-c", PEAK, str(trials), str(ANALYSES), str(out)]
    done = subprocess.run(told, capture_output=True, text=True, check=True, timeout=300)
    return int(done.stdout)


@pytest.mark.slow
def test_memory_is_flat_in_trials(tmp_path: Path) -> None:
    """Ten times the trials, every analysis of the plan, chunks kept.

    Whoever kept every trial would need 8 bytes for each of its columns. A quarter of that is
    allowed, 7 MB: what the allocator takes one time and not the other. The sums of a chunk, 1 kB
    for each column, are what is kept of it until it is added.
    """
    few, many = (_peak(count, tmp_path / str(count)) for count in (TRIALS, 10 * TRIALS))
    assert many - few < 9 * TRIALS * ANALYSES * 8 / 4
