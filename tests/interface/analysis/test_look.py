"""`equipoise analyse --look`: a look at a record, in words and as JSON."""

from __future__ import annotations

import json

import pytest

from equipoise.cli.main import main
from equipoise.simulation.run import Version, rehearsed
from tests.harness.bridge import scenario_of, through_sqlite
from tests.harness.looking import with_looks

LOOKS = {
    "counted": "evaluable", "at": [2, 4], "side": "greater", "alpha": "0.025",
    "efficacy": {"family": "obrien_fleming_like"}, "exact": "nominal_p",
}  # fmt: skip


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A rehearsed trial of twelve subjects, whose study has one look before the end."""
    made = tmp_path_factory.mktemp("rehearsal")
    study = with_looks("lung-tmb", "main_test", LOOKS)
    trial = rehearsed([Version(0, study)], scenario_of("lung-tmb", "planning", 12), 3, [0])
    log, keys, _ = through_sqlite(trial, made)
    log.close()
    keys.close()
    return str(made / "record.sqlite3")


def test_a_look_in_words_and_as_json(record: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = ["analyse", record, "--cut", "2027-01-01", "--look", "1"]
    assert main(told) == 0
    said = capsys.readouterr().out
    assert said.startswith(
        "REHEARSAL: synthetic patients, not a trial\n\nLook 1 of 2 at main_test:"
    )
    assert "efficacy: Z 2.963, nominal P 0.001525" in said
    assert "By the limits of the plan: " in said
    assert main([*told, "--json"]) == 0
    printed = capsys.readouterr()
    assert "REHEARSAL" in printed.err
    found = json.loads(printed.out)
    assert found["analysis"] == "main_test" and found["cut"] == "2027-01-01"
    assert found["known"] == sum(found["denominators"]) and found["randomised"] == 12
    assert found["decision"] in ("go on", "stop for efficacy")
    assert f"By the limits of the plan: {found['decision']}" in said


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--look", "1"], "--look: needs --cut"),
        (["--look", "3", "--cut", "2027-01-01"], "one of the looks 1 to 2"),
        (["--look", "1", "--cut", "2027-01-01", "--compare", "@5"], "not together with --compare"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(
    options: list[str], told: str, record: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["analyse", record, *options]) == 2
    assert told in capsys.readouterr().err
