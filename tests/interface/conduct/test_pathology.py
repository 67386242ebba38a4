"""Central review of the tumour, through conduct: what the study declares, by blinded people."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from equipoise.biomarker.events import RedeterminationFrozen
from equipoise.biomarker.freeze import freeze_sha256
from equipoise.biomarker.plan import PathologyPlan
from equipoise.errors import BadInput, Refused
from equipoise.record.keys import KeyStore
from equipoise.record.sqlite import SqliteLog
from equipoise.record.tables import tables
from equipoise.study.access import ROLES, SITE_ROLES, may_see
from equipoise.study.catalogue import CATALOGUE
from equipoise.study.definition import Study
from equipoise.study.derivation import derive
from equipoise.study.load import load_study
from tests.harness.trial import Trial

SUBJECT = "A-001"


def opened(folder: Path, study: Study) -> Iterator[Trial]:
    log = SqliteLog.create(folder / "record.sqlite3", trial="T1")
    keys = KeyStore.create(folder / "record.sqlite3.keys")
    trial = Trial.opened(log, keys, study=study)
    trial.activate()
    yield trial
    log.close()
    keys.close()


@pytest.fixture
def mgmt(tmp_path: Path) -> Iterator[Trial]:
    """MGMT-NET with one subject who has a sample."""
    for trial in opened(tmp_path, load_study("mgmt-net")):
        trial.act("SubjectScreened", {}, subject=SUBJECT)
        body = {"sample": "B1", "material": "ffpe"}
        trial.act("ConsentSigned", {"consent": "main", "version": "1.0"}, subject=SUBJECT)
        trial.act("SampleCollected", body, subject=SUBJECT)
        yield trial


@pytest.fixture
def graded(tmp_path: Path) -> Iterator[Trial]:
    """LUNG-TMB, whose histology is reviewed centrally, with a subject who is randomised."""
    study, pathology = load_study("lung-tmb"), load_study("mgmt-net").biomarker.pathology
    assert pathology is not None
    items = {"grade": "disease_stage", "differentiation": "histology", "ki67": "serum_creatinine"}
    plan: PathologyPlan = pathology.model_copy(
        update={"local": pathology.local.model_copy(update=items)}
    )
    marker = study.biomarker.model_copy(update={"pathology": plan})
    for trial in opened(tmp_path, study.model_copy(update={"biomarker": marker})):
        trial.screened(SUBJECT)
        trial.act("Randomise", {}, subject=SUBJECT)
        yield trial


def review(trial: Trial, name: str = "P1", **how: Any) -> None:
    body = {"review": name, "sample": "B1", "classification": "who-2019", "ki67": "12.5"}
    given = {name: how.pop(name) for name in ("actor", "occurred") if name in how}
    trial.act("PathologyReviewed", {**body, **how}, "laboratory", subject=SUBJECT, **given)


def ago(trial: Trial, days: int) -> str:
    return (trial.today - datetime.timedelta(days=days)).isoformat()


def grades(trial: Trial) -> list[tuple[str, str]]:
    found = derive(tables(trial.log.read(), CATALOGUE), trial.study, upto="tumour_grade")
    return found["tumour_grade"].select("classification", "central").rows()


@pytest.mark.requirement("BM1")
def test_a_review_gives_a_grade_by_every_version(mgmt: Trial) -> None:
    review(mgmt, ki67="2.5", mitoses="1", differentiation="WELL")
    assert grades(mgmt) == [("who-2010", "G2"), ("who-2019", "G1")]
    last = mgmt.log.read(types={"PathologyReviewed"})[-1].seq
    body = {"target": last, "item": "ki67", "new": '"25"'}
    mgmt.act("Correct", body, "laboratory", subject=SUBJECT, reason="typing error")
    assert grades(mgmt) == [("who-2010", "G3"), ("who-2019", "G3")]


@pytest.mark.requirement("BM1")
@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"sample": "B9"}, "one of the subject's: B1"),
        ({"classification": "who-2022"}, "one of who-2010, who-2019"),
        ({"differentiation": "MODERATE"}, "one of WELL, POOR"),
        ({"ki67": "100.1"}, "ki67"),
        ({"grade": "G2"}, "grade"),
    ],
)
def test_what_the_study_does_not_declare(mgmt: Trial, wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        review(mgmt, **wrong)
    assert not mgmt.log.read(types={"PathologyReviewed"})


@pytest.mark.requirement("BM1")
def test_a_study_without_grades_has_no_review(embedded: Trial) -> None:
    embedded.screened(SUBJECT)
    with pytest.raises(Refused, match="the study reads no grade"):
        review(embedded, sample=f"S-{SUBJECT}")


@pytest.mark.requirement("BM1")
def test_who_reviews_after_randomisation_knows_no_outcome(graded: Trial) -> None:
    review(graded, sample=f"S-{SUBJECT}")
    body = {"person": "lab", "granted_role": "reader", "granted_site": None}
    graded.act("GrantGiven", body, "administrator")
    with pytest.raises(Refused, match="lab was reader"):
        review(graded, "P2", sample=f"S-{SUBJECT}")


def freeze(trial: Trial) -> None:
    """The freeze of what is determined again, signed as it is now."""
    body = RedeterminationFrozen(as_of=trial.log.head().seq)
    content = {
        "meaning": "approval", "scope": "re-determined status", "reauthenticated": True,
        "content_sha256": freeze_sha256(trial.study.biomarker, body),
    }  # fmt: skip
    trial.act("Signed", content, "statistician")
    trial.act("RedeterminationFrozen", {"as_of": body.as_of}, "statistician")


def corrected(trial: Trial, target: int, item: str, new: str) -> None:
    body = {"target": target, "item": item, "new": new}
    trial.act("Correct", body, "laboratory", subject=SUBJECT, reason="typing error")


@pytest.mark.requirement("BM1")
def test_a_central_reading_is_frozen_with_the_status(graded: Trial) -> None:
    """Later reviews are kept and do not count; what counts is not moved any more."""
    review(graded, "P1", sample=f"S-{SUBJECT}", ki67="12.5")
    review(graded, "P2", sample=f"S-{SUBJECT}", ki67="2.5", occurred=ago(graded, 3))
    first, second = (each.seq for each in graded.log.read(types={"PathologyReviewed"}))
    freeze(graded)
    before = grades(graded)
    assert before == [("who-2010", "G2"), ("who-2019", "G2")]
    for target, item, new in (
        (first, "ki67", '"25"'), (first, "ki67", '"12.6"'), (first, "mitoses", '"30"'),
        (first, "differentiation", '"SQUAMOUS"'), (first, "occurred", f'"{ago(graded, 4)}"'),
    ):  # fmt: skip
        with pytest.raises(Refused, match="another central reading of the tumour, which is froz"):
            corrected(graded, target, item, new)
    corrected(graded, second, "ki67", '"30"')
    review(graded, "P3", sample=f"S-{SUBJECT}", ki67="30")
    assert grades(graded) == before
    assert len(graded.log.read(types={"PathologyReviewed"})) == 3


@pytest.mark.requirement("BM1")
def test_a_review_put_right_before_the_freeze_is_signed_again(graded: Trial) -> None:
    review(graded, sample=f"S-{SUBJECT}")
    as_of = graded.log.head().seq
    corrected(graded, graded.log.read(types={"PathologyReviewed"})[-1].seq, "ki67", '"25"')
    body = RedeterminationFrozen(as_of=as_of)
    content = {
        "meaning": "approval", "scope": "re-determined status", "reauthenticated": True,
        "content_sha256": freeze_sha256(graded.study.biomarker, body),
    }  # fmt: skip
    graded.act("Signed", content, "statistician")
    with pytest.raises(Refused, match=f"was signed as of event {as_of}"):
        graded.act("RedeterminationFrozen", {"as_of": as_of}, "statistician")


@pytest.mark.requirement("BM1")
@pytest.mark.parametrize("item", ["ki67", "mitoses", "differentiation", "classification"])
def test_who_sees_a_central_reading(item: str) -> None:
    """As a result of the marker: no reader of scans, and no site unless the study discloses it."""
    seeing = {role for role in ROLES if may_see(role, "PathologyReviewed", item)}
    assert seeing == {"laboratory", "data_manager", "statistician", "auditor"}
    told = {role for role in ROLES if may_see(role, "PathologyReviewed", item, disclosed=True)}
    assert told - seeing == SITE_ROLES
