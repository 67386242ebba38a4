"""Make the account of an administrator of a served record, or give one another password.

The record says who administers accounts (`equipoise open --administrator`); whoever that is makes
all other accounts on the page of people. The configuration is that of `equipoise serve`, from the
environment. The password is asked for, or read from EQUIPOISE_PASSWORD; it is never an argument,
which every list of processes shows.
"""

from __future__ import annotations

import argparse
import getpass
import importlib
import importlib.util
import os
import sys

from equipoise.errors import BadInput

APPLICATION = "equipoise.web.administering"
"""Started by name, as `equipoise serve` starts the application."""


def add(parser: argparse.ArgumentParser) -> None:
    """The arguments of `equipoise account`."""
    parser.add_argument("person", metavar="PERSON", help="the name that the record grants the role")
    parser.add_argument("--record", metavar="RECORD", help="the record (else EQUIPOISE_RECORD)")
    parser.add_argument("--organisation", metavar="NAME", help="of a new account")
    parser.add_argument("--language", choices=("en", "fr"), default="en", help="of the pages (en)")
    parser.add_argument(
        "--again", action="store_true",
        help="another password for an account that exists; its second factors and lockout end",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """0 when the person can log in."""
    if importlib.util.find_spec("django") is None:
        raise BadInput(
            "the part of Equipoise that serves: install equipoise[web]", where="equipoise account"
        )
    if arguments.record:
        os.environ["EQUIPOISE_RECORD"] = arguments.record
    administering = importlib.import_module(APPLICATION)
    return int(
        administering.account(
            arguments.person, organisation=arguments.organisation, language=arguments.language,
            ask=_ask, again=arguments.again,
        )
    )  # fmt: skip


def _ask(prompt: str) -> str:
    if not sys.stdin.isatty():
        raise BadInput("a terminal, or EQUIPOISE_PASSWORD", where="equipoise account")
    return getpass.getpass(prompt)
