"""What the application is told from outside: read once from the environment, complete or refused.

Nothing secret stands in a file of the repository. `equipoise serve` sets these variables for a
demonstration on loopback itself; for production the service manager does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from equipoise.errors import BadInput

PREFIX = "EQUIPOISE_"
SHORTEST_SECRET = 50
"""Characters of a secret key, at least."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """Where the record, its keys and the accounts are, and how the application is reached.

    `demonstration`: on loopback, without TLS and without a second factor, with fresh accounts.
    """

    record: str
    schema: str
    keys: str
    master: str | None
    accounts: str
    logins: str
    secret: str
    hosts: tuple[str, ...]
    demonstration: bool

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Configuration:
        """The configuration that the environment holds; BadInput names every variable that lacks.

        >>> given = {"RECORD": "r.sqlite3", "SECRET": "s" * 50, "HOSTS": "trial.example"}
        >>> Configuration.read({f"EQUIPOISE_{name}": text for name, text in given.items()}).keys
        'r.sqlite3.keys'
        """
        given = {
            name.removeprefix(PREFIX).lower(): value
            for name, value in environment.items()
            if name.startswith(PREFIX) and value
        }
        problems = [
            BadInput(told, where="environment", field=PREFIX + name.upper())
            for name, told in _NEEDED.items()
            if name not in given
        ]
        secret = given.get("secret", "")
        if secret and len(secret) < SHORTEST_SECRET:
            problems.append(
                BadInput(
                    f"a random text of {SHORTEST_SECRET} characters or more",
                    where="environment",
                    field="EQUIPOISE_SECRET",
                )
            )
        if problems:
            raise BadInput.together(problems)
        record = given["record"]
        beside = record if not record.startswith("postgres") else ""
        if not beside and not all(given.get(each) for each in ("keys", "accounts", "logins")):
            raise BadInput(
                "EQUIPOISE_KEYS, EQUIPOISE_ACCOUNTS and EQUIPOISE_LOGINS beside a record in "
                "PostgreSQL: keys and accounts are kept apart from it",
                where="environment",
            )
        return cls(
            record=record,
            schema=given.get("schema", "equipoise"),
            keys=given.get("keys", f"{beside}.keys"),
            master=given.get("master"),
            accounts=given.get("accounts", f"{beside}.accounts"),
            logins=given.get("logins", f"{beside}.logins"),
            secret=secret,
            hosts=tuple(each.strip() for each in given["hosts"].split(",") if each.strip()),
            demonstration=given.get("demonstration") == "loopback",
        )

    @property
    def folder(self) -> Path:
        """Where the application may keep files of its own: beside the accounts."""
        return Path(self.accounts).resolve().parent


_NEEDED = {
    "record": "the record: a file, or postgresql://... of the role that may read and append",
    "secret": "a secret of the application, such as from `openssl rand -base64 48`",
    "hosts": "the names under which the application is reached, with commas",
}
