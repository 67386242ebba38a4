"""Readers are blind to one another both ways; when one leaves, another goes on with the lesions."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator

import pytest

from tests.harness.hospital_reads import at_baseline, hospital_study, read
from tests.harness.trial import Trial
from tests.harness.web import Web, hidden, text, web

NUMBER = "X01-001"
SUBJECT = f"/subjects/{NUMBER}/"
NEW = f"{SUBJECT}assessments/new/"
SIZES = {"T1": "41.7", "T2": "25", "T3": "18", "T4": "12", "T5": "20"}


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A subject whom the committee read at baseline, sixty days ago; the hospital not yet."""
    with web(tmp_path_factory.mktemp("readers"), hospital_study(), behind=60) as served:
        trial = served.trial
        trial.act("SubjectScreened", {}, subject=NUMBER)
        trial.act("ConsentSigned", {"consent": "participation", "version": "1"}, subject=NUMBER)
        at_baseline(trial, NUMBER, day=trial.today.isoformat(), evaluator="committee",
                    role="reader")  # fmt: skip
        yield served


def follow_up(trial: Trial, evaluator: str, role: str, name: str = "A1") -> None:
    read(trial, NUMBER, SIZES, day=trial.today.isoformat(), evaluator=evaluator, role=role,
         name=name, non_targets=[{"lesion": "N1", "state": "present"}])  # fmt: skip


def told(site: Web, role: str) -> str:
    pages = (SUBJECT, f"{SUBJECT}entries/", "/audit/")
    return " ".join(text(site.client(role).get(each)) for each in pages)


@pytest.mark.requirement("BM1", "AT6", "CO3")
@pytest.mark.parametrize("role", ["nurse", "investigator"])
def test_a_hospital_sees_the_central_reading_of_a_scan_once_its_own_is_saved(
    site: Web, role: str
) -> None:
    trial = site.trial
    (event, *_) = trial.log.read(subject=NUMBER, types={"TumourAssessed"})
    asked = {"query": "Q1", "target": event.seq, "question": "why is T5 a node?"}
    trial.act("QueryRaised", asked, "monitor", subject=NUMBER)
    before = told(site, role)
    assert "Evaluator committee" not in before and "why is T5" not in before
    entry = f"{SUBJECT}entries/{event.seq}/"
    assert site.client(role).get(entry).status_code == 404
    assert "Evaluator committee" in told(site, "monitor")
    at_baseline(trial, NUMBER, day=trial.today.isoformat())
    assert (
        "Evaluator committee" in told(site, role)
        and site.client(role).get(entry).status_code == 200
    )
    trial.wait(30)
    follow_up(trial, "committee", "reader")
    assert "41.7" not in told(site, role), "the next scan is not read here yet"
    follow_up(trial, "hospital", "investigator")
    assert told(site, role).count("41.7") > 1


@pytest.mark.requirement("BM1")
def test_a_hospital_that_reads_for_nobody_sees_central_readings_at_once(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with web(tmp_path_factory.mktemp("central")) as served:
        served.trial.act("SubjectScreened", {}, subject=NUMBER)
        lesion = {"lesion": "T1", "evaluator": "committee", "role": "target", "organ": "lung",
                  "node": False}  # fmt: skip
        served.trial.act("LesionIdentified", lesion, "reader", subject=NUMBER)
        assert "Evaluator committee" in told(served, "nurse")


def another_reader(site: Web, *, instead: bool) -> None:
    """A second central reader; `instead`: the first one's role ended."""
    trial = site.trial
    given = {"person": "second", "granted_role": "reader"}
    trial.act("GrantGiven", given, "administrator")
    if instead:
        grant = next(g for g in trial.conductor.state.grants.values() if g.person == "reader")
        trial.act(
            "GrantRevoked", {"grant": grant.seq, "cause": "left"}, "administrator", reason="left"
        )
        trial.wait(2)


@pytest.mark.requirement("BM1", "UA1")
def test_who_follows_a_reader_goes_on_with_their_lesions(site: Web) -> None:
    another_reader(site, instead=True)
    browser = site.client("second")
    said = browser.get(f"{NEW}?evaluator=committee")
    assert said.status_code == 200 and "T5" in text(said)
    page = hidden(said.content.decode())
    sizes = {f"size-{name}": size for name, size in SIZES.items()}
    answer = browser.post(f"{NEW}?evaluator=committee", {
        **page, **sizes, "state-N1": "present", "visit": "scans", "modality": "ct",
        "occurred": datetime.datetime.now(site.trial.zone).date().isoformat(),
    })  # fmt: skip
    assert answer.status_code == 302, text(answer)
    *_, event = site.trial.log.read(subject=NUMBER, types={"TumourAssessed"})
    body = json.loads(event.body)
    assert (event.actor, body["evaluator"]) == ("second", "committee")
    assert [each["diameter"] for each in body["targets"]] == list(SIZES.values())
    entries = text(browser.get(f"{SUBJECT}entries/"))
    assert entries.count("axilla") == 1, "the course is theirs now, from its beginning"


@pytest.mark.requirement("BM1")
def test_while_a_reader_reads_nobody_else_sees_or_goes_on_with_their_lesions(site: Web) -> None:
    another_reader(site, instead=False)
    browser = site.client("second")
    assert browser.get(f"{NEW}?evaluator=committee").status_code == 404
    assert "T5" not in text(browser.get(NEW)) and "axilla" not in text(browser.get(SUBJECT))
