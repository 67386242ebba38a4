"""`equipoise stats`: every name can be asked for, and answers what the function returns."""

from __future__ import annotations

import importlib
import inspect
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equipoise.cli.main import main
from equipoise.cli.stats_catalogue import BY_MODULE, MODULE_OF, NOT_VALUES, function
from equipoise.cli.stats_input import called
from equipoise.errors import BadInput

GOLDEN = Path(__file__).parents[2] / "golden" / "statistics" / "golden.json"
EXAMPLES: dict[str, Any] = json.loads(
    Path(__file__).with_name("stats_examples.json").read_text("utf-8")
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def ask(name: str, text: str, *options: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))
        code = main(["stats", name, *options])
        said = capsys.readouterr()
        return code, said.out, said.err

    return ask


@pytest.mark.parametrize("module", BY_MODULE)
def test_every_public_function_has_a_name_or_a_reason(module: str) -> None:
    held = importlib.import_module(f"equipoise.statistics.{module}")
    public = {
        name
        for name, found in inspect.getmembers(held, inspect.isfunction)
        if found.__module__ == held.__name__ and not name.startswith("_")
    }
    named = {name for name in public if not name.endswith("_batch")}
    assert named == set(BY_MODULE[module]) | (named & set(NOT_VALUES))


def test_a_name_stands_once() -> None:
    assert len(MODULE_OF) == sum(len(names) for names in BY_MODULE.values())
    assert not set(MODULE_OF) & set(NOT_VALUES)


@pytest.mark.parametrize("name", MODULE_OF)
def test_an_example_of_every_name_is_answered_in_json_and_in_words(name: str, asked: Any) -> None:
    text = json.dumps(EXAMPLES[name])
    code, out, error = asked(name, text, "--json")
    assert (code, error) == (0, "")
    assert json.loads(out) == called(name, function(name), EXAMPLES[name], "input")
    code, words, error = asked(name, text)
    assert (code, error) == (0, "") and words.strip()


def test_examples_are_of_names() -> None:
    assert set(EXAMPLES) == set(MODULE_OF)


def test_a_list_of_inputs_gives_r_s_intervals(asked: Any) -> None:
    rows = json.loads(GOLDEN.read_text("utf-8"))["tables"]["one_proportion"]
    inputs = [{"x": row["x"], "n": row["n"]} for row in rows]
    _, out, _ = asked("clopper_pearson", json.dumps(inputs), "--json")
    found = [limit for result in json.loads(out) for limit in (result["lower"], result["upper"])]
    assert found == pytest.approx([limit for row in rows for limit in row["clopper_pearson"]])


def test_open_and_unknown_figures_are_json(asked: Any) -> None:
    empty = {"x1": 10, "n1": 34, "x2": 0, "n2": 25}
    _, out, _ = asked("odds_ratio_conditional", json.dumps(empty), "--json")
    assert json.loads(out)["upper"] == "Infinity"
    _, out, _ = asked("clopper_pearson", '{"x": 0, "n": 0}', "--json")
    assert json.loads(out) == {"estimate": None, "lower": 0.0, "upper": 1.0}


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("wilsom", "{}", "perhaps wilson"),
        ("wilson", '{"x": 1}', "n: must be given"),
        ("wilson", '{"x": 1, "n": "3"}', "n: found '3'; must be: integer"),
        ("wilson", '{"x": 1, "n": 3.5}', "n: found '3.5'; must be: integer"),
        ("wilson", '{"x": true, "n": 4}', "x: found 'True'; must be: integer"),
        ("wilson", '{"x": 5, "n": 3}', "found '5 of 3'"),
        ("wilson", '{"x": 1, "n": 3, "z": 1}', "z: there are x: integer"),
        ("wilson", "[1]", "input 1: must be an object"),
        ("wilson", '[{"x": 1, "n": 3}, {"x": 1}]', "input 2, n: must be given"),
        ("wilson", '{"x": 1,\n "n": }', "standard input line 2"),
        ("wilson", "", "standard input line 1"),
        ("wilson", '{"x": NaN, "n": 3}', "found 'NaN'"),
        ("wilson", "[" * 100_000, "nested"),
        ("wilson", '{"x": 1, "n": 1%s}' % ("0" * 400), "computed"),
        ("fisher_exact_p", '{"x1":1,"n1":2,"x2":1,"n2":2,"side":"up"}', "two_sided | greater"),
        ("logistic_fit", '{"design": [[1], [1, 2]], "events": [1], "subjects": [2]}', "equal"),
        ("survival_quantile", '{"curve": {"time": [1]}}', "curve, event: must be given"),
        ("kaplan_meier", '{"time": ["a"], "event": [1]}', "time: found"),
    ],
)
def test_bad_input_is_told_and_nothing_is_printed(
    name: str, text: str, told: str, asked: Any
) -> None:
    code, out, error = asked(name, text, "--json")
    assert (code, out) == (2, "")
    assert told in error and "Traceback" not in error


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 60)
    | st.floats(allow_nan=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@st.composite
def _altered(draw: st.DrawFn, value: Any) -> Any:
    """The example with one of its parts, at whatever depth, put in another's place."""
    if isinstance(value, dict | list) and value and draw(st.integers(0, 4)):
        keys = sorted(value) if isinstance(value, dict) else range(len(value))
        key = draw(st.sampled_from(list(keys)))
        altered = value.copy()
        altered[key] = draw(_altered(value[key]))
        return altered
    return draw(JSON)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", MODULE_OF)
@settings(max_examples=30)
@given(data=st.data())
def test_whatever_json_is_given_is_computed_or_refused(name: str, data: st.DataObject) -> None:
    altered = data.draw(_altered(EXAMPLES[name]))
    try:
        json.dumps(called(name, function(name), altered, "input"), allow_nan=False)
    except BadInput as refused:
        assert str(refused)


def test_names_are_listed_and_told_about(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats"]) == 0
    listed = capsys.readouterr().out
    assert all(f"  {name} " in listed for name in MODULE_OF)
    assert main(["stats", "clopper_pearson", "--about"]) == 0
    assert "Biometrika 26:404" in capsys.readouterr().out
