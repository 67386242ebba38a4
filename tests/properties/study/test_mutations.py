"""Whatever is done to a study file: it is a study, or BadInput says what is wrong with it."""

from __future__ import annotations

import copy
from io import StringIO
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from equipoise.errors import BadInput
from equipoise.study.checks import disagreements
from equipoise.study.definition import Study
from equipoise.study.difference import differences
from equipoise.study.load import load_study, parse_study, study_path, study_text
from equipoise.study.source import read_sites, read_yaml
from equipoise.study.synopsis import synopsis

TEXT = study_path("lung-tmb").read_text(encoding="utf-8")
SITES = study_path("lung-tmb").with_name("sites.csv").read_text(encoding="utf-8")
READ: Any = read_yaml(TEXT, "study.yaml").value
LUNG = load_study("lung-tmb")

PIECES = st.one_of(
    st.text(max_size=8),
    st.sampled_from([": ", "- ", "\n", "\n  ", "\t", "[", "]", "{", "}", "&a", "*a", "!!int ", "|",
                     ">", "'", '"', "#", "---\n", "...\n", "%YAML 9.9\n", "? ", "null", "9" * 30,
                     "\\ud800", "\\UFFFFFFFF", "\x85", "\u2028", "<<: ", "1e400", ".nan"]),
)  # fmt: skip


def _bad_or_fine(text: str, sites: str = SITES) -> None:
    from equipoise.study import load

    try:
        study = load._study(text, sites, "study.yaml")
    except BadInput as error:
        assert str(error).strip() and error.problems
    else:
        assert parse_study(study_text(study)) == study


@settings(max_examples=40)
@given(st.integers(0, len(TEXT)), st.integers(0, 60), PIECES)
def test_a_piece_of_the_text_is_replaced(start: int, length: int, piece: str) -> None:
    _bad_or_fine(TEXT[:start] + piece + TEXT[start + length :])


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read_yaml(text, "study.yaml")
    except BadInput as error:
        assert str(error).startswith("study.yaml")


@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"#%? \t\n,~0.\\u\x00\x85"), max_size=60))
def test_any_heap_of_punctuation_is_read_or_refused(text: str) -> None:
    try:
        read_yaml(text, "study.yaml")
    except BadInput as error:
        assert str(error).startswith("study.yaml")


@settings(max_examples=200)
@given(st.text(alphabet=st.sampled_from('X01,"\n\r a;é\x00'), max_size=80))
def test_any_list_of_sites_is_read_or_refused(text: str) -> None:
    for start in ("", "code,name,city,country,time_zone\n"):
        try:
            read_sites(start + text, "sites.csv")
        except BadInput as error:
            assert str(error).startswith("sites.csv")


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        inside = list(value.items())
    elif isinstance(value, list):
        inside = list(enumerate(value))
    return [path, *(each for key, part in inside for each in _places(part, (*path, key)))]


PLACES = [place for place in _places(READ) if place]
ODD: st.SearchStrategy[Any] = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-2, 20), st.text(max_size=6),
    st.sampled_from(["0", "-1", "1.5", "LOW", "COMBI", "panel", "2025-02-30", "NaN", "x" * 99]),
    st.just([]), st.just({}), st.just([[]]), st.just({"a": {"b": []}}),
)  # fmt: skip


def _put(value: Any, path: tuple[Any, ...], new: Any, how: str) -> None:
    for key in path[:-1]:
        value = value[key]
    if how == "set":
        value[path[-1]] = new
    elif how == "delete":
        del value[path[-1]]
    elif how == "double" and isinstance(value, list):
        value.append(copy.deepcopy(value[path[-1]]))
    elif how == "rename" and isinstance(value, dict):
        value[str(new)] = value.pop(path[-1])


@settings(max_examples=300)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(PLACES), ODD, st.sampled_from(["set", "delete", "double", "rename"])
        ),
        min_size=1,
        max_size=3,
    )
)
def test_parts_are_changed_removed_repeated_and_renamed(
    changes: list[tuple[tuple[Any, ...], Any, str]],
) -> None:
    """On the values, so that most examples get past the reader to the types and the checks."""
    value = copy.deepcopy(READ)
    for path, new, how in changes:
        try:
            _put(value, path, new, how)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    _checked({**value, "sites": [site.model_dump() for site in LUNG.sites]})


def _checked(value: dict[str, Any]) -> None:
    from pydantic import ValidationError

    try:
        study = Study.model_validate(value)
    except ValidationError:
        return
    for each in disagreements(study):
        assert each.allowed.startswith("must")
    changes = differences(LUNG, study)
    assert bool(changes) == (study != LUNG)
    if not disagreements(study):
        assert synopsis(study)
        assert parse_study(study_text(study)) == study


@settings(max_examples=20)
@given(st.sampled_from(PLACES), ODD)
def test_a_changed_part_is_told_with_its_place(path: tuple[Any, ...], new: Any) -> None:
    """Written out again and read: the way from the file to the message."""
    value = copy.deepcopy(READ)
    _put(value, path, new, "set")
    out = StringIO()
    YAML(typ="safe", pure=True).dump(value, out)
    _bad_or_fine(out.getvalue() + "...\n")
