"""Benchmarks say what they ran on: a number without its machine is no number."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    if listed.exists():
        for line in listed.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def pytest_report_header() -> list[str]:
    """The machine, as the first lines of every run."""
    load = " ".join(f"{each:.1f}" for each in os.getloadavg())
    return [
        f"machine: {_processor()}, {os.cpu_count()} cores, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}",
        f"load before: {load}",
    ]
