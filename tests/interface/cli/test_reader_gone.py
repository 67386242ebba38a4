"""A command of which nobody reads the rest ends quietly: it was asked for enough."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_a_reader_who_has_read_enough_is_no_error() -> None:
    command = [sys.executable, "-m", "equipoise.cli.main", "study", "diff", "lung-tmb", "mgmt-net"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == (b"", 0)
