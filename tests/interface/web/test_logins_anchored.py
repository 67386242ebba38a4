"""The chain of logins is tied to the trial's record day by day, and what is done to it is found."""

from __future__ import annotations

import datetime
import json
import sqlite3
from pathlib import Path

import pytest

from equipoise.cli.main import main
from equipoise.conduct.anchoring import anchor_logins
from equipoise.errors import RecordError
from equipoise.record.event import Draft
from equipoise.record.sqlite import SqliteLog
from equipoise.record.verify import verify
from equipoise.web import logins
from tests.harness.web import Web


def attempts(site: Web, days: list[int]) -> None:
    """Failed logins so many days ago, as the chain of those days held them."""
    log = logins.chain()
    for ago in days:
        draft = Draft(
            type="LoginFailed", type_version=1, body={}, actor="nurse", role="-", organisation="-",
            study_version="-",
        )  # fmt: skip
        at = datetime.datetime.now(datetime.UTC) - datetime.timedelta(ago)
        log.append_many([draft], recorded=at)


def anchored(site: Web) -> list[dict[str, object]]:
    return [json.loads(each.body) for each in site.trial.log.read(types={"LoginsAnchored"})]


@pytest.mark.requirement("AT5", "VA3")
def test_the_first_entry_of_a_day_anchors_what_the_last_day_left_once(site: Web) -> None:
    attempts(site, [2, 1, 1])
    left = logins.chain().head()
    assert anchored(site) == []
    site.client("nurse")
    site.client("monitor")
    assert anchored(site) == [{"login_seq": left.seq, "login_hash": left.hash}]
    (event,) = site.trial.log.read(types={"LoginsAnchored"})
    assert (event.actor, event.subject, event.site) == ("equipoise", None, None)
    assert anchor_logins(site.trial.conductor, left) is None, "a second time nothing is written"


@pytest.mark.requirement("AT5")
def test_an_attack_within_a_day_leaves_the_record_as_it_is(site: Web) -> None:
    site.account("nurse")
    before = site.trial.log.head()
    for _ in range(20):
        logins.keep("LoginFailed", "nurse", {"address": "192.0.2.1"})
    assert site.trial.log.head() == before


def test_a_record_that_cannot_be_written_keeps_nobody_from_logging_in(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RecordError("the server is away")

    attempts(site, [1])
    monkeypatch.setattr(logins, "anchor_logins", fails)
    assert site.client("nurse").get("/subjects/").status_code == 200
    assert anchored(site) == []


@pytest.mark.requirement("VA3", "AT2")
def test_a_chain_of_logins_that_was_computed_anew_or_cut_off_is_found(
    site: Web, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    attempts(site, [2, 1, 1])
    site.client("nurse")
    record, place = site.configuration.record, Path(site.configuration.logins)
    logins.close()
    assert main(["verify", record, "--logins", str(place)]) == 0
    assert " logins, head" in capsys.readouterr().out
    forged = tmp_path / "forged.logins"
    SqliteLog.create(forged, trial="logins").close()
    with sqlite3.connect(place) as connection:
        number = connection.execute("SELECT count(*) FROM event").fetchone()[0]
    chain = SqliteLog(forged)
    for _ in range(number):
        chain.append_many([Draft(type="LoggedOut", type_version=1, body={}, actor="nurse",
                                 role="-", organisation="-", study_version="-")])  # fmt: skip
    chain.close()
    assert verify(SqliteLog(forged).read()) == [], "by itself it is sound"
    assert main(["verify", record, "--logins", str(forged), "--json"]) == 1
    told = capsys.readouterr().out
    assert "rewritten" in told[told.index("{") :]
    short = tmp_path / "short.logins"
    SqliteLog.create(short, trial="logins").close()
    assert main(["verify", record, "--logins", str(short)]) == 1
    assert "cut_tail" in capsys.readouterr().out
