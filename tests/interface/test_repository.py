"""The files a stranger meets first: complete, consistent, free of the machine they came from."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
# One letter of each word stands in brackets, so that this file does not find itself.
REGISTRY = re.compile(
    r"https?://[^\s\"')]*(?:[p]ypi\.|python[h]osted|[n]pmjs\.|debian\.[o]rg|/[s]imple\b)|"
    r"index-[u]rl\s*[=:]|find-[l]inks\s*[=:]"
)
MACHINE = re.compile(r"(?<![\w.$}/-])/(?:[w]ork|[r]oot|[h]ome)/\w")
UNFINISHED = re.compile(
    r"\b[T]ODO\b|\b[F]IXME\b|NotImplemented[E]rror|pragma: no [c]over|\.mark\.(?:[s]kip|[x]fail)"
)


def _tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True
    )
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def _lines_with(pattern: re.Pattern[str], folders: tuple[str, ...] = ("",)) -> list[str]:
    found = []
    for path in _tracked():
        name = path.relative_to(ROOT).as_posix()
        if name.startswith(folders):
            text = path.read_bytes().decode("utf-8", errors="replace")
            found += [
                f"{name}:{number}: {line.strip()[:120]}"
                for number, line in enumerate(text.splitlines(), 1)
                if pattern.search(line)
            ]
    return found


def test_no_file_names_an_address_of_a_package_registry() -> None:
    assert not _lines_with(REGISTRY)


def test_no_file_names_a_folder_of_somebodys_machine() -> None:
    assert not _lines_with(MACHINE)


def test_nothing_is_left_unfinished() -> None:
    assert not _lines_with(UNFINISHED, ("src/", "tests/", "benchmarks/"))


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (REGISTRY, "https://files.python~hosted.org/numpy.whl"),
        (REGISTRY, "--extra-index-~url=internal"),
        (MACHINE, "open('/ro~ot/notes.txt')"),
        (UNFINISHED, "# TO~DO: later"),
        (UNFINISHED, "@pytest.mark.~skip"),
    ],
)
def test_such_a_line_is_found(pattern: re.Pattern[str], line: str) -> None:
    assert pattern.search(line.replace("~", ""))


def test_the_lock_names_every_dependency_by_version_and_hash() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    wanted = [name for group in (project["dependencies"], *extras) for name in group]
    names = {re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", each)[0]).lower() for each in wanted}
    entries = re.split(r"\n(?=\S)", LOCK.strip())
    locked = {entry.partition("==")[0] for entry in entries}
    assert names <= locked, "run `make lock`"
    assert all("--hash=sha256:" in entry for entry in entries)


def test_the_lock_holds_nothing_but_versions_markers_and_hashes() -> None:
    line = re.compile(r"[\w.-]+==[\w.+!]+( ; [^/\\]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?")
    assert not [each for each in LOCK.splitlines() if not line.fullmatch(each)]


def test_ci_runs_what_the_readme_names() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make demo" in readme
    assert "make test" in readme
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


@pytest.mark.parametrize("script", ["setup.sh", ".ci/run"])
def test_scripts_can_be_run(script: str) -> None:
    path = ROOT / script
    assert path.stat().st_mode & 0o100
    subprocess.run(["bash", "-n", path], check=True)
