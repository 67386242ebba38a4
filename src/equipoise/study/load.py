"""Reading a study: the bundled ones by name, any other by its path, a recorded one from its text.

A study is a folder with `study.yaml` and `sites.csv`. Everything that is wrong with them is told
at once, each fault with file, line, field, what was found and what is allowed.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from equipoise.errors import BadInput
from equipoise.record.canonical import canonical, sha256_hex
from equipoise.study.checks import disagreements
from equipoise.study.definition import Study
from equipoise.study.faults import fault_at, faults_of, one_error
from equipoise.study.source import Located, Place, file_text, read_sites, read_yaml

STUDY_FILE = "study.yaml"
SITES_FILE = "sites.csv"


def load_study(name_or_path: str | Path) -> Study:
    """The study of a bundled name, of a folder, or of a path to its study.yaml.

    A bare name is a bundled study if there is one of that name. Raises BadInput with every fault
    that was found.

    >>> load_study("mgmt-net").biomarker.marker.rule_in_force
    'jco-2024'
    """
    path = study_path(name_or_path)
    return _study(file_text(path), file_text(path.with_name(SITES_FILE)), path.name)


def study_path(name_or_path: str | Path) -> Path:
    """The study.yaml that a bundled name, a folder or a path stands for."""
    given = str(name_or_path)
    if isinstance(name_or_path, str) and given in bundled():
        return _bundle() / given / STUDY_FILE
    try:
        path = Path(name_or_path)
        path = path / STUDY_FILE if path.is_dir() else path
        there = path.exists()
    except (OSError, ValueError) as error:
        raise BadInput("must be a path or the name of a bundled study", found=given) from error
    if not there:
        names = ", ".join(bundled())
        allowed = f"must be a study file, a folder with {STUDY_FILE}, or a bundled study ({names})"
        raise BadInput(allowed, found=given)
    return path


def bundled() -> list[str]:
    """Names of the studies that come with this release.

    >>> bundled()
    ['lung-tmb', 'mgmt-net']
    """
    return sorted(path.parent.name for path in _bundle().glob(f"*/{STUDY_FILE}"))


def _bundle() -> Path:
    installed = Path(__file__).resolve().parents[1] / "studies"
    return installed if installed.is_dir() else Path(__file__).resolve().parents[3] / "studies"


@lru_cache(maxsize=16)
def _study(text: str, sites: str, file: str) -> Study:
    read = read_yaml(text, file)
    if not read.closed:
        allowed = "must end with a line of three points (...), so that a file cut short is noticed"
        read.faults.append(BadInput(allowed, where=str(Place(file, text.count("\n") + 1))))
    if isinstance(read.value, dict):
        _join_sites(read, read_sites(sites, SITES_FILE))
    try:
        study = Study.model_validate(read.value)
    except ValidationError as error:
        raise one_error([*read.faults, *faults_of(error, read)]) from error
    wrong = [fault_at(read, each.path, each.allowed, each.found) for each in disagreements(study)]
    if read.faults or wrong:
        raise one_error([*read.faults, *wrong])
    return study


def _join_sites(read: Located, sites: Located) -> None:
    read.faults.extend(sites.faults)
    if "sites" in read.value:
        place = read.keys[("sites",)]
        read.faults.append(
            BadInput(f"must stand in {SITES_FILE}", where=str(place), field="sites", found="sites")
        )
    read.value["sites"] = sites.value
    for path, site_place in sites.values.items():
        read.values[("sites", *path)] = site_place


def study_text(study: Study) -> str:
    """The whole study, sites included, as canonical JSON: decimals as strings, no nulls."""
    return canonical(study.model_dump(mode="json", exclude_none=True))


def study_sha256(study: Study) -> str:
    """The hash of `study_text(study)`, in hexadecimal."""
    return sha256_hex(study_text(study))


@lru_cache(maxsize=16)
def parse_study(text: str) -> Study:
    """The study whose `study_text` is `text`, as the record stores it. Raises BadInput."""
    try:
        value = json.loads(text, parse_float=_no_float, parse_constant=_no_float)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"must be the canonical JSON of a study: {error}", where="study") from error
    try:
        return Study.model_validate(value)
    except ValidationError as error:
        raise one_error(faults_of(error, Located(value=value))) from error


def _no_float(text: str) -> Any:
    raise ValueError(f"a decimal number must be a string, found {text}")
