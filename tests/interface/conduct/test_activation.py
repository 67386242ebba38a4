"""A scheme goes live when it was checked on a dummy seed and signed, and not otherwise."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from equipoise.errors import BadInput, Refused
from equipoise.randomisation.approval import (
    approval_sha256,
    dummy_list,
    list_sha256,
    list_text,
)
from equipoise.record.event import Event
from equipoise.record.keys import KeyStore
from equipoise.record.sqlite import SqliteLog
from equipoise.statistics.random import dummy_seed
from equipoise.study.access import ROLES, may_see
from equipoise.study.factor_levels import factor_levels
from equipoise.study.load import load_study, study_text
from equipoise.study.synopsis import synopsis
from tests.harness.bridge import amended
from tests.harness.schemes import minimised
from tests.harness.trial import Trial


@pytest.fixture
def waiting(tmp_path: Path) -> Trial:
    """A live trial whose scheme is not active."""
    log = SqliteLog.create(tmp_path / "r.sqlite3", trial="T1")
    return Trial.opened(log, KeyStore.create(tmp_path / "r.keys"))


def activated(trial: Trial, **otherwise: Any) -> Event:
    asked = trial.checked(**otherwise)
    trial.sign(asked)
    return trial.activate(asked)[0]


@pytest.mark.requirement("RN7")
def test_what_was_signed_stands_in_the_record(waiting: Trial) -> None:
    body = json.loads(activated(waiting).body)
    plan = waiting.study.randomisation
    assert body["dummy_seed"] == 20261
    assert body["dummy_sha256"] == list_sha256(plan, factor_levels(waiting.study), 20261)
    assert (body["guess_trials"], body["guess_excess"], body["accepted"]) == (10_000, "0.4", None)
    assert json.loads(body["rule"])["scheme"]["version"] == plan.scheme.version
    assert body["algorithm"] == "equipoise-hmac-sha256-1"


@pytest.mark.requirement("RN7")
def test_nothing_is_activated_without_the_statisticians_signature(waiting: Trial) -> None:
    asked = waiting.checked()
    with pytest.raises(Refused, match=r"scheme by_burden 1 is not approved as .*\(RN7\)"):
        waiting.activate(asked)
    signed = waiting.sign(asked)[0]
    body = json.loads(signed.body)
    assert waiting.log.read()[-1].type == "Signed"
    waiting.activate(asked)
    assert body["content_sha256"] in waiting.conductor.state.approvals


@pytest.mark.requirement("RN7")
@pytest.mark.parametrize(
    "changed",
    [
        {"guess_excess": "0.3"},
        {"guess_trials": 20_000},
        {"accepted": "it is small"},
    ],
)
def test_a_signature_holds_for_what_was_signed_and_nothing_else(
    waiting: Trial, changed: dict[str, Any]
) -> None:
    waiting.sign(waiting.checked())
    with pytest.raises(Refused, match="RN7"):
        waiting.activate(waiting.checked(**changed))
    assert not waiting.log.read(types={"SchemeActivated"})


@pytest.mark.requirement("RN7")
@pytest.mark.parametrize(
    ("meaning", "role"), [("review", "statistician"), ("approval", "data_manager")]
)
def test_a_signature_of_another_meaning_or_role_approves_nothing(
    waiting: Trial, meaning: str, role: str
) -> None:
    asked = waiting.checked()
    digest = approval_sha256(waiting.study.randomisation, asked)
    body = {"meaning": meaning, "scope": "scheme", "content_sha256": digest}
    waiting.act("Signed", {**body, "reauthenticated": True}, role)
    with pytest.raises(Refused, match="RN7"):
        waiting.activate(asked)


@pytest.mark.requirement("RN7")
def test_a_list_that_is_not_the_schemes_is_refused(waiting: Trial) -> None:
    """Made from another version of the study file, on another seed, or by a wrong program."""
    digest = list_sha256(waiting.study.randomisation, factor_levels(waiting.study), 2)
    with pytest.raises(Refused, match="is not its list on dummy seed 20261") as refusal:
        activated(waiting, dummy_sha256=digest)
    assert digest[:20] in str(refusal.value)
    assert activated(waiting, dummy_sha256=digest, dummy_seed=2).type == "SchemeActivated"


@pytest.mark.requirement("RN2")
@pytest.mark.parametrize(
    "guessed",
    [
        {"guess_excess": "5.01"},
        {"guess_excess": "12.5"},
        {"guess_excess": None},
        {"guess_trials": None, "guess_excess": None},
        {"guess_trials": 9_999},
    ],
)
def test_a_scheme_that_a_site_can_guess_is_signed_with_a_reason(
    waiting: Trial, guessed: dict[str, Any]
) -> None:
    with pytest.raises(Refused, match=r"more than 5 points .*RN2"):
        activated(waiting, **guessed)
    body = json.loads(activated(waiting, **guessed, accepted="central, nobody enrols").body)
    assert body["accepted"] == "central, nobody enrols"


@pytest.mark.requirement("RN2")
@pytest.mark.parametrize("points", ["5", "-0.2"])
def test_five_points_are_within_the_limit(waiting: Trial, points: str) -> None:
    assert activated(waiting, guess_excess=points).type == "SchemeActivated"


@pytest.mark.parametrize(
    "wrong", [{"guess_excess": 0.4}, {"guess_excess": "0.455"}, {"dummy_seed": -1}, {"colour": 1}]
)
def test_bad_input_activates_nothing(waiting: Trial, wrong: dict[str, Any]) -> None:
    body = {**waiting.checked().model_dump(mode="json"), **wrong}
    with pytest.raises(BadInput, match=next(iter(wrong))):
        waiting.act("ActivateScheme", body, "statistician", site=waiting.site)


@pytest.mark.requirement("RN5", "RN7")
def test_a_scheme_is_activated_once(waiting: Trial) -> None:
    activated(waiting)
    with pytest.raises(Refused, match="is active already, and its seed is drawn once"):
        activated(waiting)
    assert len(waiting.log.read(types={"SchemeActivated"})) == 1


@pytest.mark.requirement("RN7")
def test_the_live_seed_is_not_the_dummy_and_is_drawn_anew(tmp_path: Path) -> None:
    seeds = set()
    for name in "ab":
        log = SqliteLog.create(tmp_path / f"{name}.sqlite3", trial="T1")
        keys = KeyStore.create(tmp_path / f"{name}.keys")
        body = json.loads(activated(Trial.opened(log, keys)).body)
        seeds.add(keys.unseal(body["sealed_seed"], "T1/by_burden/1/seed"))
        assert str(seeds) not in log.read()[-1].body
    assert len(seeds) == 2
    assert dummy_seed(20261, 0).hex() not in seeds


@pytest.mark.requirement("RN1", "RN7")
def test_nobody_sees_the_live_seed(waiting: Trial, capfd: pytest.CaptureFixture[str]) -> None:
    """It is in no event, no output, no file but sealed, and the act returns no word of it."""
    event = activated(waiting)
    seed = waiting.keys.unseal(json.loads(event.body)["sealed_seed"], "T1/by_burden/1/seed")
    assert isinstance(seed, str)
    told = capfd.readouterr()
    assert seed not in repr(event) + told.out + told.err
    assert all(seed not in each.body for each in waiting.log.read())


@pytest.mark.requirement("RN5", "RN7")
def test_an_amended_scheme_is_signed_again_and_starts_a_stream_of_its_own(
    waiting: Trial,
) -> None:
    activated(waiting)
    waiting.screened("A-001")
    (old,) = waiting.act("Randomise", {}, subject="A-001")
    second = amended(waiting.study)
    waiting.act("AdoptStudyVersion", {"study": study_text(second)}, "data_manager")
    body = {"version": second.version, "approval": "committee 2"}
    waiting.act("StudyVersionActivated", body, "data_manager", site=waiting.site)
    waiting.study = second
    waiting.screened("A-002", burden="30")
    with pytest.raises(Refused, match="the version in force is not active"):
        waiting.act("Randomise", {}, subject="A-002")
    with pytest.raises(Refused, match="RN7"):
        waiting.activate(waiting.checked())
    activated(waiting)
    (new,) = waiting.act("Randomise", {}, subject="A-002")
    found = json.loads(new.body)
    assert (found["scheme_version"], found["allocation"]) == ("2", 1)
    assert json.loads(old.body)["scheme_version"] == "1"
    assert waiting.log.read(subject="A-001", types={"Randomised"}) == [old]
    sealed = [json.loads(each.body) for each in waiting.log.read(types={"SchemeActivated"})]
    assert len({each["key"] for each in sealed}) == 2
    assert len({each["sealed_seed"] for each in sealed}) == 2


@pytest.mark.parametrize("name", ["mgmt-net", "lung-tmb"])
def test_the_dummy_list_has_every_stratum(name: str) -> None:
    study = load_study(name)
    plan, levels = study.randomisation, factor_levels(study)
    rows = dummy_list(plan, levels, 1)
    strata = list(dict.fromkeys(each.stratum for each in rows))
    combinations = 1
    for factor in plan.scheme.factors:
        combinations *= len(levels[factor])
    assert len(strata) == len(plan.scheme.ratios) * combinations
    assert len(rows) == 24 * len(strata)
    assert [each.number for each in rows[:24]] == list(range(1, 25))
    text = list_text(plan, rows)
    assert text.count("\n") == len(rows) + 1
    assert text.startswith("stratum,number," + "".join(f"{f}," for f in plan.scheme.factors))


def test_the_dummy_list_of_a_minimising_scheme_repeats_every_combination() -> None:
    study = minimised(load_study("lung-tmb"), "lung-tmb")
    plan, levels = study.randomisation, factor_levels(study)
    rows = dummy_list(plan, levels, 1)
    combinations = len(levels["smoking"]) * len(levels["sex"]) * len(levels["site"])
    assert len(rows) == 3 * max(24, 2 * combinations)
    low = [each for each in rows if each.stratum == "LOW"]
    assert low[0].levels == low[combinations].levels == ("EVER", levels["sex"][0], "X01")
    assert len({each.levels for each in low}) == combinations


@pytest.mark.requirement("RN2", "AT6")
@pytest.mark.parametrize(
    ("event_type", "item"), [("SchemeActivated", "rule"), ("StudyVersionAdopted", "study")]
)
def test_block_sizes_are_hidden_from_everybody_who_enrols_or_is_blinded(
    waiting: Trial, event_type: str, item: str
) -> None:
    """Both items hold them; the synopsis, which sites may read, does not."""
    activated(waiting)
    (event,) = waiting.log.read(types={event_type})
    assert "block_sizes" in json.loads(event.body)[item]
    seeing = {role for role in ROLES if may_see(role, event_type, item, disclosed=True)}
    assert seeing == {"data_manager", "statistician", "auditor"}
    text = synopsis(waiting.study)
    assert "RANDOMISATION" in text
    assert "block_sizes" not in text
    assert not re.search(r"blocks of|\b4, 8\b|\b4 or 8\b", text)
