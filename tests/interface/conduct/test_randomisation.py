"""Randomisation through conduct: what it needs, that it happens once, that nobody can see ahead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from equipoise.errors import BadInput, RecordError, Refused
from equipoise.randomisation.rules import Allocated
from equipoise.record.canonical import canonical
from equipoise.record.keys import KeyStore
from equipoise.record.log import Log, event_hash
from equipoise.record.sqlite import SqliteLog
from equipoise.record.tables import tables
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.load import load_study
from tests.harness.randomising import assert_replayed
from tests.harness.schemes import minimised
from tests.harness.trial import Trial


@pytest.mark.requirement("RN3")
def test_a_ready_subject_is_allocated(trial: Trial) -> None:
    trial.screened("A-001")
    (event,) = trial.act("Randomise", {}, subject="A-001")
    body = json.loads(event.body)
    assert body["arm"] in {"CHEMO", "COMBI", "ANTIBODY"}
    assert (body["marker_status"], body["stratum"]) == ("HIGH", "HIGH/smoking=EVER")
    assert (body["allocation"], body["stratum_allocation"]) == (1, 1)


@pytest.mark.requirement("RN3", "BM1", "CN1")
@pytest.mark.parametrize(
    ("missing", "named"),
    [
        ("consent", "consent participation 1 is not signed"),
        ("person", "age_years"),
        ("assay", "no valid TMB status by rule cut-6-16"),
        ("scan", "measurable"),
        ("confirmation", "the investigator has not confirmed eligibility"),
    ],
)
def test_the_refusal_names_what_is_missing(embedded: Trial, missing: str, named: str) -> None:
    embedded.screened("A-001", without=missing)
    with pytest.raises(Refused, match="A-001") as refusal:
        embedded.act("Randomise", {}, subject="A-001")
    assert named in str(refusal.value)
    assert "RN3" in str(refusal.value)
    last = embedded.log.read()[-1]
    assert last.type == "ActionRefused"
    assert named in json.loads(last.body)["finding"]


@pytest.mark.requirement("RN3")
def test_a_closed_site_randomises_nobody_until_it_is_open_again(embedded: Trial) -> None:
    embedded.screened("A-001")
    closed = {"cause": "its pharmacy moves"}
    embedded.act("SiteClosed", closed, "data_manager", site=embedded.site)
    with pytest.raises(Refused, match=rf"site {embedded.site} is not open \(RN3\)"):
        embedded.act("Randomise", {}, subject="A-001")
    embedded.act("SiteOpened", {"name": "First"}, "data_manager", site=embedded.site)
    assert embedded.act("Randomise", {}, subject="A-001")[0].type == "Randomised"


@pytest.mark.requirement("RN3")
def test_no_site_randomises_before_a_version_is_in_force_there(embedded: Trial) -> None:
    """The site is open, the ethics committee's approval of the study version is not recorded."""
    other = embedded.study.sites[1].code
    grant = {"person": "inv-2", "granted_role": "investigator", "granted_site": other}
    embedded.act("GrantGiven", grant, "administrator")
    embedded.act("SiteOpened", {"name": "Second"}, "data_manager", site=other)
    with pytest.raises(Refused, match="no study version is in force at site"):
        embedded.act("SubjectScreened", {}, subject="B-001", site=other, actor="inv-2")


@pytest.mark.requirement("RN7")
def test_no_allocation_before_the_scheme_is_signed_and_active(tmp_path: Path) -> None:
    log = SqliteLog.create(tmp_path / "r.sqlite3", trial="T1")
    trial = Trial.opened(log, KeyStore.create(tmp_path / "r.keys"))
    with pytest.raises(Refused, match="RN7"):
        trial.activate(trial.checked())
    trial.screened("A-001")
    with pytest.raises(Refused, match="scheme of the version in force is not active"):
        trial.act("Randomise", {}, subject="A-001")
    trial.activate()
    assert trial.act("Randomise", {}, subject="A-001")[0].type == "Randomised"


@pytest.mark.requirement("RN4", "RN5")
def test_a_subject_is_allocated_once(trial: Trial) -> None:
    trial.screened("A-001")
    action = trial.action("Randomise", {}, subject="A-001", key="click")
    first = trial.conductor.act(action)
    assert trial.conductor.act(action) == first, "a repeated click"
    with pytest.raises(Refused, match="is randomised already"):
        trial.act("Randomise", {}, subject="A-001")
    with pytest.raises(BadInput, match="a new key for every new action"):
        trial.act("VisitRecorded", {"visit": "entry"}, subject="A-001", key="click")
    assert len(trial.log.read(types={"Randomised"})) == 1


@pytest.mark.requirement("RN7")
def test_every_allocation_is_recomputed_from_seed_and_record(trial: Trial) -> None:
    burdens = ["1", "9", "30", "2", "20", "7"]
    for number, burden in enumerate(burdens):
        trial.screened(f"A-{number:03d}", burden=burden)
        trial.act("Randomise", {}, subject=f"A-{number:03d}")
    assert_replayed(trial.log.read(), trial.log.trial, trial.study, trial.keys)


@pytest.mark.requirement("RN5", "RN7")
def test_minimisation_allocates_by_seed_factors_and_earlier_allocations(tmp_path: Path) -> None:
    study = minimised(load_study("lung-tmb"), "lung-tmb")
    log = SqliteLog.create(tmp_path / "r.sqlite3", trial="T1")
    trial = Trial.opened(log, KeyStore.create(tmp_path / "r.keys"), study=study)
    trial.activate()
    for number in range(8):
        trial.screened(f"A-{number:03d}", burden="20" if number % 3 else "7")
        trial.act("Randomise", {}, subject=f"A-{number:03d}")
    body = json.loads(log.read(types={"Randomised"})[7].body)
    assert (body["stratum"], body["allocation"], body["stratum_allocation"]) == ("HIGH", 8, 5)
    assert body["factors"] == [
        {"factor": "smoking", "level": "EVER"},
        {"factor": "sex", "level": "F"},
        {"factor": "site", "level": trial.site},
    ]
    assert_replayed(log.read(), "T1", study, trial.keys)


@pytest.mark.requirement("RN5")
def test_minimisation_stops_when_an_earlier_allocation_is_not_the_seeds(tmp_path: Path) -> None:
    study = minimised(load_study("lung-tmb"), "lung-tmb")
    log = SqliteLog.create(tmp_path / "r.sqlite3", trial="T1")
    trial = Trial.opened(log, KeyStore.create(tmp_path / "r.keys"), study=study)
    trial.activate()
    trial.screened("A-001")
    trial.act("Randomise", {}, subject="A-001")
    (stream,) = trial.conductor.state.in_stratum.values()
    other = next(arm.code for arm in study.randomisation.arms if arm.code != stream[0].arm)
    stream[0] = Allocated(other, stream[0].factors)
    trial.screened("A-002")
    with pytest.raises(RecordError, match="allocation 1 of stratum HIGH is not what seed and"):
        trial.act("Randomise", {}, subject="A-002")


@pytest.mark.requirement("RN1")
def test_the_seed_is_nowhere_in_the_record_and_its_key_elsewhere(
    embedded: Trial, tmp_path: Path
) -> None:
    body = json.loads(embedded.log.read(types={"SchemeActivated"})[0].body)
    scheme = embedded.study.randomisation.scheme
    seed = embedded.keys.unseal(body["sealed_seed"], f"T1/{scheme.code}/{scheme.version}/seed")
    assert isinstance(seed, str) and len(bytes.fromhex(seed)) == 32
    embedded.log.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.glob("record.sqlite3*"))
    key = embedded.keys.get(body["key"])
    record = (tmp_path / "record.sqlite3").read_bytes()
    assert seed.encode() not in stored
    assert bytes.fromhex(seed) not in stored
    assert key.secret not in record  # type: ignore[union-attr]


@pytest.mark.requirement("RN1")
def test_without_its_key_nobody_is_allocated(embedded: Trial) -> None:
    embedded.screened("A-001")
    scheme = embedded.study.randomisation.scheme
    embedded.keys.destroy(f"seed/{scheme.code}/{scheme.version}")
    with pytest.raises(RecordError, match="destroyed"):
        embedded.act("Randomise", {}, subject="A-001")
    assert not embedded.log.read(types={"Randomised"})


def test_two_live_trials_differ_and_two_rehearsals_of_one_seed_do_not(tmp_path: Path) -> None:
    def arms(name: str, mode: str) -> list[str]:
        log: Log = SqliteLog.create(tmp_path / f"{name}.sqlite3", trial="T1")
        trial = Trial.opened(log, KeyStore.create(tmp_path / f"{name}.keys"), mode=mode)
        trial.activate()
        for number in range(12):
            trial.screened(f"A-{number:03d}")
            trial.act("Randomise", {}, subject=f"A-{number:03d}")
        return [json.loads(each.body)["arm"] for each in log.read(types={"Randomised"})]

    assert arms("first", "rehearsal") == arms("second", "rehearsal")
    # Blocks of 4 or 8 in 1:2:1; that two live seeds agree on 12 arms has a chance below 1e-4.
    assert arms("third", "live") != arms("fourth", "live")


def test_the_hash_of_an_allocation_gives_away_neither_status_nor_arm(embedded: Trial) -> None:
    """Who knows everything else, the hash among it, and tries every status and arm."""
    embedded.screened("A-001")
    (event,) = embedded.act("Randomise", {}, subject="A-001")
    body = json.loads(event.body)
    assert len(body["salt"]) == 32
    for status in ("LOW", "MIDDLE", "HIGH"):
        for arm in ("CHEMO", "COMBI", "ANTIBODY"):
            tried = {**body, "marker_status": status, "arm": arm, "salt": ""}
            tried["stratum"] = body["stratum"].replace(body["marker_status"], status)
            assert event_hash(event._replace(body=canonical(tried))) != event.hash
    assert event_hash(event) == event.hash


def test_an_allocation_of_before_the_salt_is_read(embedded: Trial) -> None:
    embedded.screened("A-001")
    embedded.act("Randomise", {}, subject="A-001")
    events = embedded.log.read()
    last = events[-1]
    assert (last.type, last.type_version) == ("Randomised", 2)
    body = json.loads(last.body)
    del body["salt"]
    events[-1] = last._replace(type_version=1, body=canonical(body))
    (row,) = tables(events, CATALOGUE)["randomised"].to_dicts()
    assert (row["arm"], row["salt"]) == (body["arm"], "")
