"""Serve the web application of a record: on this machine, or behind a proxy."""

from __future__ import annotations

import argparse
import importlib
import importlib.util

from equipoise.errors import BadInput

LOOPBACK = "127.0.0.1"
APPLICATION = "equipoise.web.serving"
"""Started by name: nothing of the command line imports the web application."""


def add(parser: argparse.ArgumentParser) -> None:
    """The options of `equipoise serve`."""
    parser.add_argument(
        "--record", metavar="RECORD", help="a file or postgresql://... (else EQUIPOISE_RECORD)"
    )
    parser.add_argument("--port", type=int, default=8000, metavar="N", help="the port (8000)")
    parser.add_argument(
        "--host", default=LOOPBACK, metavar="ADDRESS", help=f"where to listen ({LOOPBACK})"
    )
    parser.add_argument(
        "--workers", type=int, default=2, metavar="N", help="processes that answer (2)"
    )
    parser.add_argument(
        "--loopback-demo", action="store_true",
        help="on this machine only: no TLS, no second factor, a fresh account for every role",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Prepare the accounts, print how to come in, and serve until interrupted."""
    if importlib.util.find_spec("django") is None:
        raise BadInput(
            "the part of Equipoise that serves: install equipoise[web]", where="equipoise serve"
        )
    serving = importlib.import_module(APPLICATION)
    return int(
        serving.serve(
            record=arguments.record, host=arguments.host, port=arguments.port,
            workers=arguments.workers, demonstration=arguments.loopback_demo,
        )
    )  # fmt: skip
