"""After close every allocation is made again from the seed, and the use of its key is on record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from equipoise.cli.main import main
from equipoise.conduct.allocation import allocation_source
from equipoise.errors import BadInput, Refused
from equipoise.record.keys import KeyStore
from equipoise.record.sqlite import SqliteLog
from equipoise.study.load import load_study
from equipoise.workflow.reproduction import again, reproduced
from tests.harness.schemes import minimised
from tests.harness.trial import Trial

PURPOSE = {"purpose": "inspection"}


def allocated(trial: Trial, number: int) -> Trial:
    for each in range(number):
        trial.screened(f"A-{each:03d}", burden=("20", "7", "1")[each % 3])
        trial.act("Randomise", {}, subject=f"A-{each:03d}")
    return trial


@pytest.fixture(params=["permuted_blocks", "minimisation"])
def done(request: pytest.FixtureRequest, tmp_path: Path) -> Trial:
    """Nine allocations by either method."""
    study = load_study("lung-tmb")
    if request.param == "minimisation":
        study = minimised(study, "lung-tmb")
    log = SqliteLog.create(tmp_path / "record.sqlite3", trial="T1")
    keys = KeyStore.create(tmp_path / "record.sqlite3.keys")
    trial = Trial.opened(log, keys, study=study)
    trial.activate()
    return allocated(trial, 9)


@pytest.mark.requirement("RN1", "RN7")
def test_the_seed_gives_every_allocation_again_and_its_use_is_recorded(done: Trial) -> None:
    found = reproduced(done.log, done.keys, done.action("ReproduceAllocations", PURPOSE, "auditor"))
    events = done.log.read(types={"Randomised"})
    assert [each.seq for each in found] == [each.seq for each in events]
    assert [each.subject for each in found] == [each.subject for each in events]
    assert [each.arm for each in found] == [json.loads(each.body)["arm"] for each in events]
    assert all(each.agrees for each in found)
    assert [each.allocation for each in found] == list(range(1, 10))
    (used,) = done.log.read(types={"KeyUsed"})
    body = json.loads(used.body)
    assert body == {"key": "seed/by_burden/1", "purpose": "inspection"}
    assert (used.actor, used.role) == ("auditor", "auditor")


@pytest.mark.requirement("RN7")
def test_the_evidence_of_each_is_told(done: Trial) -> None:
    found = reproduced(done.log, done.keys, done.action("ReproduceAllocations", PURPOSE, "auditor"))
    for each in found:
        assert each.evidence["words"]
        if done.study.randomisation.scheme.method == "minimisation":
            arms = [arm.code for arm in done.study.randomisation.arms]
            slots = {"CHEMO": {0}, "COMBI": {1, 2}, "ANTIBODY": {3}}
            assert each.evidence["notional"] in slots[each.arm]
            assert each.arm == arms[each.evidence["arm"]]
            assert len(each.evidence["imbalance"]) == 4
        else:
            assert each.evidence["size"] in (4, 8)
            assert 0 <= each.evidence["position"] < each.evidence["size"]


@pytest.mark.requirement("RN5", "RN7")
def test_an_allocation_that_is_not_the_seeds_is_found(done: Trial) -> None:
    plan = done.study.randomisation
    sealed = json.loads(done.log.read(types={"SchemeActivated"})[0].body)["sealed_seed"]
    words = allocation_source(done.keys, "T1", plan.scheme, sealed)
    events = done.log.read(types={"Randomised"})
    body = json.loads(events[4].body)
    other = next(arm.code for arm in plan.arms if arm.code != body["arm"])
    events[4] = events[4]._replace(body=json.dumps({**body, "arm": other}))
    wrong = [each for each in again(plan, words, events) if not each.agrees]
    assert [(each.seq, each.recorded, each.arm) for each in wrong] == [
        (events[4].seq, other, body["arm"])
    ]
    second = plan.scheme.model_copy(update={"version": "2"})
    assert again(plan.model_copy(update={"scheme": second}), words, events) == []


@pytest.mark.requirement("RN1", "RN2", "RN7")
def test_a_blinded_statistician_waits_for_the_lock(embedded: Trial) -> None:
    allocated(embedded, 1)
    body = {**PURPOSE, "scheme": "by_burden", "scheme_version": "1"}
    with pytest.raises(Refused, match=r"may not see allocations while the trial is open.*RN7"):
        embedded.act("ReproduceAllocations", body, "statistician")
    for role in ("investigator", "data_manager", "reader", "administrator"):
        with pytest.raises(Refused, match="may not do ReproduceAllocations"):
            embedded.act("ReproduceAllocations", body, role, site=embedded.site)
    assert not embedded.log.read(types={"KeyUsed"})
    embedded.act("Locked", {"scope": "trial"}, "data_manager")
    (event,) = embedded.act("ReproduceAllocations", body, "statistician")
    assert event.type == "KeyUsed"
    with pytest.raises(BadInput, match="an active scheme and its version: by_burden 1"):
        embedded.act("ReproduceAllocations", {**body, "scheme_version": "2"}, "auditor")


def test_a_lock_of_one_hospital_is_not_the_end_of_the_trial(embedded: Trial) -> None:
    embedded.act("Locked", {"scope": "site"}, "data_manager", site=embedded.site)
    body = {**PURPOSE, "scheme": "by_burden", "scheme_version": "1"}
    with pytest.raises(Refused, match="RN7"):
        embedded.act("ReproduceAllocations", body, "statistician")
    unblind = {"person": "stat", "by": "data monitoring committee"}
    embedded.act("PersonUnblinded", unblind, "data_manager")
    assert embedded.act("ReproduceAllocations", body, "statistician")


@pytest.mark.requirement("RN7")
def test_the_command_prints_the_list_again(
    done: Trial, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done.log.close()
    done.keys.close()
    words = [
        "randomisation", "reproduce", str(tmp_path / "record.sqlite3"), "--actor", "auditor",
        "--role", "auditor", "--organisation", "Authority", "--purpose", "inspection",
    ]  # fmt: skip
    assert main(words) == 0
    told = capsys.readouterr().out
    assert told.count("by_burden/1") == 9
    assert told.endswith("9 allocations, 0 differ from the seed\n")
    assert main([*words, "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 9
    words[words.index("--role") + 1] = "nurse"
    assert main(words) == 2
    assert "may not do ReproduceAllocations" in capsys.readouterr().err
    assert len(SqliteLog(tmp_path / "record.sqlite3").read(types={"KeyUsed"})) == 2


@pytest.mark.requirement("RN5")
def test_the_command_exports_the_list(
    done: Trial, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done.log.close()
    done.keys.close()
    words = [
        "randomisation", "list", str(tmp_path / "record.sqlite3"), "--actor", "auditor",
        "--role", "auditor", "--organisation", "Authority",
    ]  # fmt: skip
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("subject,site,randomised,scheme,scheme_version,marker_status")
    assert len(lines) == 10
    assert lines[1].startswith("A-000,")
