"""`equipoise consistency FILE`: what it says, and every fault of a file with its place."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from equipoise.analysis.result import Result, results_json, rounded
from equipoise.cli.main import main
from equipoise.errors import BadInput
from equipoise.exchange import delimited
from equipoise.exchange.printed_results import COLUMNS, read_claims
from equipoise.statistics.claim import MEASURES, METHODS, TESTS
from equipoise.statistics.consistency import judged
from equipoise.statistics.odds_ratio import odds_ratio_woolf
from equipoise.statistics.proportion import fisher_exact_p

TABLE = """\
label,measure,estimate,lower,upper,level,p,method,numerator,denominator,percent,source
Response,odds_ratio,3.5,0.58,21.16,95,.172,,,,,JCO 2024
"PFS, proficient",hazard_ratio,1.12,0.06,2.10,,.716,,,,,ASCO Post 2024
Responders,,,,,,,,8,27,31%,ESMO 2023
"""
WOOLF = odds_ratio_woolf(10, 34, 2, 25)
RESULT: dict[str, Any] = {
    "analysis": "main",
    "estimand": "e",
    "population": "p",
    "groups": ["A", "B"],
    "method": "Fisher's exact test, two-sided; odds ratio with 95% logit interval (Woolf)",
    "side": "two_sided",
    "numerators": [10, 2],
    "denominators": [34, 25],
    "estimate": rounded(WOOLF.estimate),
    "lower": rounded(WOOLF.lower),
    "upper": rounded(WOOLF.upper),
    "p": rounded(fisher_exact_p(10, 34, 2, 25)),
    "sources": [1, 2],
    "label": "Response",
}


def run(capsys: pytest.CaptureFixture[str], path: Path, *more: str) -> tuple[int, str, str]:
    code = main(["consistency", str(path), *more])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "printed.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def test_each_row_is_told_with_its_verdict_and_what_would_fit(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, table)
    assert code == 1
    words = re.sub(r"\s+", " ", out)
    assert "Response: odds ratio 3.5 (0.58 to 21.16); P .172 consistent" in words
    assert "PFS, proficient: hazard ratio 1.12 (0.06 to 2.10); P .716 IMPOSSIBLE" in words
    assert "lower limit 0.06 would be printed 0.60." in words
    assert "8 of 27 is 29.6 %, not 31 %; with 8 it fits the denominator 26" in words
    assert out.rstrip().endswith("3 results: 2 impossible, 1 consistent")


def test_a_table_without_a_contradiction_is_exit_code_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "fine.csv"
    path.write_text("\n".join(TABLE.splitlines()[:2]) + "\n", encoding="utf-8")
    code, out, err = run(capsys, path)
    assert (code, err) == (0, "")
    assert out.rstrip().endswith("1 result: 1 consistent")


def test_json_has_the_findings_and_what_fits(
    table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, _ = run(capsys, table, "--json")
    rows = json.loads(out)
    assert code == 1
    assert [row["verdict"] for row in rows] == ["consistent", "impossible", "impossible"]
    assert rows[1]["findings"][0]["fits"] == {"lower": {"first": "0.60", "last": "0.60"}}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (",3.5,", ",3;5,", "printed.csv line 2, ESTIMATE: found '3;5'; must be a figure"),
        (",.172,", ",n.s.,", "printed.csv line 2, P: found 'n.s.'; must be a figure as printed"),
        (",.172,", ",NR,", "printed.csv line 2, P: found 'NR'; must be a figure as printed"),
        (",3.5,", ",NR,", "printed.csv line 2, ESTIMATE: found 'NR'; must be a figure"),
        ("odds_ratio", "odds", "printed.csv line 2, MEASURE: found 'odds'; must be one of"),
        ("odds_ratio", "", "printed.csv line 2, MEASURE: found ''; must say what is estimated"),
        (",95,", ",105,", "printed.csv line 2, LEVEL: found '105'; must be from 50 %"),
        (",95,", ",high,", "printed.csv line 2, LEVEL: found 'high'; must be a level such as"),
        (",95,", ",%,", "printed.csv line 2, LEVEL: found '%'; must be a level such as"),
        (",.172,,", ",.172,guess,", "printed.csv line 2, METHOD: found 'guess'; must be one of"),
        ("8,27,31%", "eight,27,31%", "printed.csv line 4, NUMERATOR: found 'eight'; must be whole"),
        ("8,27,31%", "8,27,NR", "printed.csv line 4, PERCENT: found 'NR'; must be a figure"),
        ("8,27,31%", "8,27,third", "printed.csv line 4, PERCENT: found 'third'; must be a figure"),
        ("8,27,31%", "8;2,27,31%", "printed.csv line 4, DENOMINATOR: found '27'; must have 2"),
        ("8,27,31%", "8,,31%", "printed.csv line 4, DENOMINATOR: found ''; must be given where"),
        ("Responders,", ",", "printed.csv line 4, LABEL: found ''; must not be empty"),
        ("ESMO 2023", "ESMO 2023,more", "printed.csv line 4: found '13 fields'; must have 12"),
        ("ESMO 2023\n", "ESMO", None),
        ("8,27,31%,ESMO 2023\n", "8,27", "printed.csv line 4: found '10 fields'; must have 12"),
        ("upper", "uper", "printed.csv line 1: found 'UPER'; must be one of the columns label"),
        ("label", "name", "printed.csv line 1, LABEL: is a column that the file must have"),
        ("upper", "lower", "printed.csv line 1, LOWER: must name each column once"),
        ("Responders", 'Respon"ders', None),
        ('"PFS', '"PF"S', "printed.csv line 3: must be comma-separated"),
        ("Responders", "Respon\0ders", "printed.csv line 4: must be text, without NUL"),
    ],
)  # fmt: skip
def test_a_fault_of_a_table(
    before: str, after: str, expected: str | None, table: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert before in TABLE
    table.write_text(TABLE.replace(before, after, 1), encoding="utf-8")
    code, out, err = run(capsys, table)
    if expected is None:
        assert code == 1
        return
    assert (code, out) == (2, "")
    assert err.startswith(expected)


def test_a_table_that_is_not_utf_8(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table.write_bytes(TABLE.replace("Responders", "Répondeurs").encode("latin-1"))
    code, _, err = run(capsys, table)
    assert (code, err) == (
        2,
        "printed.csv line 4: found 'byte 0xe9'; must be UTF-8; save the file in that encoding.\n",
    )


@pytest.mark.parametrize("text", ["", "\n\n", TABLE.splitlines()[0] + "\n"])
def test_a_table_of_nothing(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "empty.csv"
    path.write_text(text, encoding="utf-8")
    assert run(capsys, path)[0] == 2


def test_a_table_that_is_too_large(
    table: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "MAXIMUM_BYTES", 100)
    for path in (table, table.with_suffix(".json")):
        path.write_text(TABLE, encoding="utf-8")
        code, _, err = run(capsys, path)
        assert (code, "must not be larger than 100 bytes" in err) == (2, True)


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (tmp_path / "nowhere.csv", tmp_path / "nowhere.json", tmp_path):
        assert run(capsys, path)[0] == 2


def test_results_json_is_read_as_it_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "results.json"
    groups = {key: tuple(value) for key, value in RESULT.items() if isinstance(value, list)}
    path.write_text(results_json([Result(**{**RESULT, **groups})]), encoding="utf-8")
    code, out, _ = run(capsys, path)
    assert (code, "main (A v B): odds ratio 4.79167" in out) == (0, True)


@pytest.mark.parametrize(
    ("field", "value"),
    [("estimate", 4.8), ("lower", 0.95), ("upper", 24.2), ("p", 0.055), ("numerators", [11, 2])],
)
def test_a_result_that_was_changed_is_found(
    field: str, value: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps([{**RESULT, field: value}]), encoding="utf-8")
    code, out, _ = run(capsys, path)
    assert (code, "IMPOSSIBLE" in out) == (1, True)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("[", "results.json: must be as results.json has it"),
        ("{}", "results.json: must be as results.json has it"),
        ("[]", "results.json: must have a result"),
        ("[" * 100_000, "results.json: must be as results.json has it"),
        (json.dumps([RESULT, {**RESULT, "p": "small"}]), "results.json entry 2, p: must be as"),
        (json.dumps([{**RESULT, "groups": "AB"}]), "results.json entry 1, groups: must be as"),
        (json.dumps([{**RESULT, "numerators": [10]}]), "results.json entry 1, numerators: found"),
        (json.dumps([{**RESULT, "numerators": [10, -2]}]), "results.json entry 1, numerators: f"),
        (json.dumps([{**RESULT, "denominators": [34, 10**30]}]), "results.json entry 1, denomin"),
        (json.dumps([{**RESULT, "estimate": float("nan")}]), "results.json"),
        (json.dumps([RESULT]).replace("4.791", "1e9991"), "results.json entry 1, estimate"),
        (json.dumps([{k: v for k, v in RESULT.items() if k != "p"}]), "results.json entry 1, p"),
    ],
)
def test_a_fault_of_results_json(
    content: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "results.json"
    path.write_text(content, encoding="utf-8")
    code, out, err = run(capsys, path)
    assert (code, out) == (2, "")
    assert err.startswith(expected)


QUIET = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)


@QUIET
@given(st.binary(max_size=300), st.sampled_from((".csv", ".json")))
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes, end: str) -> None:
    path = tmp_path / f"any{end}"
    path.write_bytes(content)
    with pytest.raises(BadInput):
        read_claims(path)


FIGURE = st.one_of(
    st.sampled_from(
        ["", "1.2", "0.06", ".716", "<0.001", ">0.99", "-3", "31%", "0", "1e5", "1e-300"]
    ),
    st.decimals(-100, 100, places=2).map(str),
)
LIMIT = st.one_of(FIGURE, st.sampled_from(["NR", "∞"]))
COUNTS = st.sampled_from(["", "8", "8;2", "0", "0;0", "26; 27"])
CELLS = {
    "label": st.text("abc", min_size=1, max_size=3),
    "measure": st.sampled_from([*MEASURES]),
    "estimate": FIGURE,
    "lower": LIMIT,
    "upper": LIMIT,
    "level": st.sampled_from(["", "95", "90%", "0.99", "99.9"]),
    "p": FIGURE,
    "side": st.sampled_from(["", "two-sided", "greater", "less"]),
    "method": st.sampled_from(["", "", *METHODS]),
    "test": st.sampled_from(["", "", *TESTS]),
    "numerator": COUNTS,
    "denominator": COUNTS,
    "percent": st.one_of(st.just(""), FIGURE),
    "source": st.text(max_size=5),
    "note": st.text(max_size=5),
}


@QUIET
@given(st.fixed_dictionaries(CELLS))
def test_any_figures_are_judged_or_refused(tmp_path: Path, row: dict[str, str]) -> None:
    path = tmp_path / "any.csv"
    assert set(row) == set(COLUMNS)
    with path.open("w", encoding="utf-8", newline="", errors="replace") as file:
        csv.writer(file).writerows([row, row.values()])
    try:
        (claim,) = read_claims(path)
    except BadInput:
        return
    found = judged(claim)
    assert (found.verdict in ("impossible", "doubtful")) == bool(found.findings)
    assert claim.in_words() or found.verdict == "unchecked"
