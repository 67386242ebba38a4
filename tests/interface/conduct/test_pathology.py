"""Central review of the tumour, through conduct: what the study declares, by blinded people."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from equipoise.biomarker.plan import PathologyPlan
from equipoise.errors import BadInput, Refused
from equipoise.record.keys import KeyStore
from equipoise.record.sqlite import SqliteLog
from equipoise.record.tables import tables
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
    actor = how.pop("actor", None)
    trial.act("PathologyReviewed", {**body, **how}, "laboratory", subject=SUBJECT, actor=actor)


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
