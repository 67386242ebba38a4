"""`equipoise`: one command per verb. Parsing imports nothing heavy; a verb imports what it runs."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from equipoise.errors import EquipoiseError

VERBS: dict[str, str] = {
    "study": "check, show, compare and list the assumptions of a study file",
    "design": "derive sample size and power again, and compare other designs",
    "simulate": "operating characteristics of many trials, from their end points",
    "rehearse": "run a whole trial before the first patient, into a record",
    "randomisation": "show how well the allocation is hidden",
    "open": "begin the record of a live trial",
    "account": "make the account of an administrator of a served record",
    "serve": "serve the web application of a record",
    "verify": "prove that a record was not changed",
    "backup": "copy a record that is in use, with its keys and a signed head",
    "outage": "list what was entered after an outage of what happened during it",
    "analyse": "run the analysis plan on a record",
    "stats": "compute any statistic by its name, from JSON",
    "consistency": "judge whether the figures of printed results can all be true",
    "doses": "print what the dosing rules decide for every regimen and class of patient",
    "safety": "list what is due about harm, and code adverse events",
    "response": "run tumour tables (SDTM TU, TR, RS) through the response rules",
}
"""Every verb with its one line; the module of a verb is equipoise.cli.VERB."""


def parser() -> argparse.ArgumentParser:
    """The parser of the whole command line, verbs included."""
    top = argparse.ArgumentParser(
        prog="equipoise",
        description="Biomarker-stratified randomised trials from one study file.",
        epilog="Exit codes: 0 done, 1 a check found something, 2 bad input or refused.",
    )
    top.add_argument("--version", action="version", version=_version())
    verbs = top.add_subparsers(dest="command", metavar="VERB", required=True)
    for verb, summary in VERBS.items():
        module = importlib.import_module(f"equipoise.cli.{verb}")
        module.add(verbs.add_parser(verb, help=summary, description=module.__doc__))
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; the exit code. An error is told on standard error, without a traceback."""
    given = parser().parse_args(arguments)
    try:
        return int(importlib.import_module(f"equipoise.cli.{given.command}").run(given))
    except EquipoiseError as error:
        print(error, file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever read has read enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _version() -> str:
    from equipoise import __version__

    return f"equipoise {__version__}"


if __name__ == "__main__":
    sys.exit(main())
