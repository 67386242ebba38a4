"""From a command to a running application: environment, accounts, workers."""

from __future__ import annotations

import os
import secrets

from equipoise.errors import BadInput
from equipoise.web.configuration import Configuration

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve(
    *, record: str | None, host: str, port: int, workers: int, demonstration: bool
) -> int:  # fmt: skip
    """Serve until interrupted; the exit code. BadInput for a configuration that is not whole.

    Without `demonstration` the environment must hold secrets, and a proxy must speak TLS.
    """
    if record:
        os.environ["EQUIPOISE_RECORD"] = record
    if demonstration:
        _demonstrate(host)
    elif os.environ.get("EQUIPOISE_DEMONSTRATION"):
        raise BadInput(
            "serve --loopback-demo, or no such variable", where="environment",
            field="EQUIPOISE_DEMONSTRATION",
        )  # fmt: skip
    os.environ["DJANGO_SETTINGS_MODULE"] = "equipoise.web.settings"
    os.environ["POLARS_MAX_THREADS"] = "1"
    configuration = Configuration.read(os.environ)

    import django

    django.setup()
    from equipoise.web.preparing import prepared

    _tell(configuration, host, port, prepared())
    return run(host, port, workers)


def _demonstrate(host: str) -> None:
    """The environment of a demonstration: a secret of this run, on loopback, under no other
    name."""
    if host not in LOOPBACK:
        raise BadInput(f"{LOOPBACK[0]} with --loopback-demo", field="--host", found=host)
    os.environ["EQUIPOISE_SECRET"] = secrets.token_urlsafe(48)
    os.environ["EQUIPOISE_HOSTS"] = ",".join(LOOPBACK)
    os.environ["EQUIPOISE_DEMONSTRATION"] = "loopback"
    for name in ("KEYS", "ACCOUNTS", "LOGINS"):
        os.environ.pop(f"EQUIPOISE_{name}", None)


def _tell(
    configuration: Configuration, host: str, port: int, people: list[tuple[str, str, str]]
) -> None:
    from sys import stdout

    lines = [f"Equipoise serves {configuration.record}", f"  http://{host}:{port}/", ""]
    if configuration.demonstration:
        lines += [f"  {role:<16} {person:<30} {password}" for role, person, password in people]
        lines += ["", "These accounts are of this demonstration only. Stop with Ctrl-C."]
    stdout.write("\n".join(lines) + "\n")
    stdout.flush()


def run(host: str, port: int, workers: int) -> int:
    """Answer in worker processes until interrupted. They are spawned: neither a connection to a
    store nor a thread of polars outlives a fork unharmed."""
    import multiprocessing

    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server import Server

    from equipoise.web import logins, trial

    trial.close()
    logins.close()
    multiprocessing.set_start_method("spawn", force=True)
    Server(
        "equipoise.web.wsgi:application", address=host, port=port, interface=Interfaces.WSGI,
        workers=workers, blocking_threads=1, log_level=LogLevels.warning,
        respawn_failed_workers=True,
    ).serve()  # fmt: skip
    return 0
