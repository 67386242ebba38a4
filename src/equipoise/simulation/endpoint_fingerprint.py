"""What tells two compiled simulations apart whose bits could differ: a digest of their roots."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import numpy as np

from equipoise.analysis import counts as analysis_counts
from equipoise.simulation.scenario import Scenario
from equipoise.statistics import trial_kernel
from equipoise.study import interim_limits
from equipoise.study.definition import Study


def study_digest(study: Study) -> hashlib._Hash:
    """The hash of a study, to go on from."""
    return hashlib.sha256(study.model_dump_json().encode("utf-8") + b"\n")


def fingerprint(study: hashlib._Hash, scenario: Scenario) -> str:
    """SHA-256 of study, scenario, the sources of kernel, simulation and analysis, and numba."""
    told = study.copy()
    told.update(scenario.model_dump_json().encode("utf-8") + b"\n")
    told.update(_sources())
    return told.hexdigest()


@cache
def _sources() -> bytes:
    """SHA-256 of the code that decides the bits, and the versions of what it stands on."""
    import numba
    import scipy

    told = hashlib.sha256()
    files: set[Path] = set()
    for held in (__file__, trial_kernel.__file__, analysis_counts.__file__):
        files |= set(Path(str(held)).parent.glob("*.py"))
    files.add(Path(str(interim_limits.__file__)))
    for path in sorted(files):
        told.update(hashlib.sha256(path.read_bytes()).digest())
    versions = numba.__version__, np.__version__, scipy.__version__
    told.update(repr(versions).encode())
    return told.digest()
