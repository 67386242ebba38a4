"""`equipoise account`: the first administrator's account, and a way back for one who lost it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from equipoise.record.keys import KeyStore
from equipoise.record.sqlite import SqliteLog
from tests.harness.trial import Trial

PASSWORD = "seven green otters"


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A live record with its people granted roles, and no account yet."""
    path = tmp_path_factory.mktemp("account") / "record.sqlite3"
    log, keys = SqliteLog.create(path, trial="T1"), KeyStore.create(f"{path}.keys")
    Trial.opened(log, keys)
    log.close()
    keys.close()
    return path


def account(record: Path, *told: str, password: str | None = PASSWORD) -> tuple[int, str]:
    """The exit code and what was said."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("EQUIPOISE_", "DJANGO_"))}
    environment = {
        **kept, "EQUIPOISE_RECORD": str(record), "EQUIPOISE_SECRET": "s" * 60,
        "EQUIPOISE_HOSTS": "trial.example",
    }  # fmt: skip
    if password is not None:
        environment["EQUIPOISE_PASSWORD"] = password
    command = [sys.executable, "-m", "equipoise.cli.main", "account", *told]
    done = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.requirement("UA1", "UA3")
def test_the_first_administrator_comes_in_and_the_command_makes_no_other_account(
    record: Path,
) -> None:
    code, said = account(record, "nurse", "--organisation", "Hospital")
    assert code == 2 and "administrator" in said, said
    code, said = account(record, "admin", "--organisation", "Sponsor", password="admin")
    assert code == 2 and "password" in said.lower(), said
    code, said = account(record, "admin", "--organisation", "Sponsor", password=None)
    assert code == 2 and "EQUIPOISE_PASSWORD" in said, said
    assert account(record, "admin", password=PASSWORD)[0] == 2, "the organisation lacks"
    assert account(record, "admin", "--organisation", "Sponsor") == (0, "admin can log in\n")
    code, said = account(record, "admin", "--organisation", "Sponsor")
    assert code == 2 and "without an account" in said, said
    assert account(record, "admin", "--again", password="eight green otters")[0] == 0
    chain = SqliteLog(f"{record}.logins")
    assert [each.type for each in chain.read()] == ["AccountCreated", "PasswordChanged"]
    assert all("otters" not in each.body for each in chain.read())
    chain.close()
    assert b"otters" not in Path(f"{record}.accounts").read_bytes()
