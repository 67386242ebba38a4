"""The page on production is run: roles, secrets, record, account, backup, restore, service."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from tests.harness.postgresql import Cluster
from tests.harness.trial import STUDY

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "deploy.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
COMMAND = [sys.executable, "-m", "equipoise.cli.main"]
PASSWORD = "seven green otters"


def environment(cluster: Cluster, folder: Path) -> dict[str, str]:
    """What the page assumes, and nothing of ours."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("EQUIPOISE_", "DJANGO_"))}
    return {
        **kept,
        "PATH": f"{Path(sys.executable).parent}:{kept['PATH']}",
        "PGHOST": "127.0.0.1", "PGPORT": str(cluster.port), "SUPERUSER": "cluster_superuser",
        "CONFIG": str(folder / "etc"), "STATE": str(folder / "state"),
        "ELSEWHERE": str(folder / "elsewhere"), "STUDY": STUDY, "EQUIPOISE_PASSWORD": PASSWORD,
    }  # fmt: skip


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def asked(port: int, path: str, **headers: str) -> tuple[int, str]:
    """Status and body of what the service answers to the proxy."""
    told = {"Host": "trial.example.org", "X-Forwarded-Proto": "https", **headers}
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=told)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.slow
@pytest.mark.requirement("VA4", "AT2", "RN1", "UA3")
def test_what_the_page_says_is_what_works(postgres_server: Cluster, tmp_path: Path) -> None:
    assert len(BLOCKS) == 7
    given, port = environment(postgres_server, tmp_path), free_port()
    script = tmp_path / "deploy.sh"
    script.write_text("set -euo pipefail\n" + "\n".join(BLOCKS), encoding="utf-8")
    done = subprocess.run(
        ["bash", str(script)], env=given, cwd=tmp_path, capture_output=True, text=True,
        timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    verdicts = re.findall(r"^\d+ (events|logins), head \w+: (.*)$", done.stdout, re.M)
    assert verdicts == [("events", "intact"), ("logins", "intact"), ("events", "intact")]
    anchors = (tmp_path / "elsewhere" / "anchors.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(each)["purpose"] for each in anchors] == ["the record has begun", "backup"]
    for secret in [*tmp_path.rglob("environment"), *tmp_path.rglob("trial.keys")]:
        assert secret.stat().st_mode & 0o077 == 0, secret
    kept = dict(
        line.split("=", 1)
        for line in (tmp_path / "etc" / "environment").read_text(encoding="utf-8").splitlines()
    )
    service = subprocess.Popen(
        [*COMMAND, "serve", "--port", str(port), "--workers", "1"],
        env={**given, **kept}, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        _check_service(port)
    finally:
        service.terminate()
        service.wait(20)


def _check_service(port: int) -> None:
    """The restored record is served, to the proxy alone."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with suppress(OSError):
            if asked(port, "/healthy/")[0] == 200:
                break
        time.sleep(0.3)
    assert asked(port, "/healthy/") == (200, "ok 3\n")
    assert asked(port, "/healthy/", Host="elsewhere.example")[0] == 400
    page = asked(port, "/accounts/login/")
    assert page[0] == 200 and 'name="password"' in page[1]


def test_the_page_names_every_variable_that_production_needs() -> None:
    from equipoise.web.configuration import Configuration

    fields = set(Configuration.__dataclass_fields__) - {"demonstration"}
    assert {f"EQUIPOISE_{name.upper()}" for name in fields} <= set(
        re.findall(r"EQUIPOISE_\w+", PAGE)
    )
    assert "client_max_body_size 24m" in PAGE, "as long as LONGEST_BODY"
