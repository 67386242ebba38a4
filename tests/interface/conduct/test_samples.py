"""Samples and runs of assays through conduct: what is not there, or cannot be, is refused."""

from __future__ import annotations

import datetime
import itertools
from typing import Any

import pytest

from equipoise.biomarker.sample import LONGEST_CHAIN
from equipoise.errors import BadInput, RecordError, Refused
from tests.harness.trial import Trial

SAMPLE = "S-A-001"


@pytest.fixture
def biopsied(embedded: Trial) -> Trial:
    """A trial with one subject, whose sample was received but not assayed."""
    embedded.screened("A-001", without="assay")
    return embedded


def act(trial: Trial, name: str, **how: Any) -> None:
    moment = {key: how.pop(key) for key in ("occurred", "reason") if key in how}
    trial.act(name, how, "laboratory", subject="A-001", **moment)


def made(trial: Trial, sample: str, parent: str, **how: Any) -> None:
    act(trial, "SampleDerived", sample=sample, parent=parent, kind="dna", **how)


def collected(trial: Trial, sample: str) -> None:
    body = {"sample": sample, "material": "ffpe"}
    trial.act("SampleCollected", body, "nurse", subject="A-001")


def run(trial: Trial, result: str, **how: Any) -> None:
    body = {
        "result": result, "sample": SAMPLE, "assay": "panel", "purpose": "randomisation",
        "technically_valid": True, "determination": "A",
        "measurements": [{"measurement": "burden", "value": "8", "quality": "passed"}],
    }  # fmt: skip
    act(trial, "AssayResultRecorded", **{**body, **how})


def refusal(trial: Trial, refused: type[Exception], name: str, **how: Any) -> str:
    """What the refusal says; nothing of it is in the record."""
    before = len(trial.log.read(types={name}))
    with pytest.raises(refused) as error:
        act(trial, name, **how)
    assert len(trial.log.read(types={name})) == before
    return str(error.value)


SHIPPED = {"shipment": "P1", "destination": "Central laboratory"}


@pytest.mark.requirement("BM1")
@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("SampleLabelled", {"sample": "S-9", "label": "L1"}),
        ("SampleShipped", {"sample": "S-9", **SHIPPED}),
        ("SampleReceived", {"sample": "S-9", "adequate": True}),
        ("SampleDerived", {"sample": "D-1", "parent": "S-9", "kind": "dna"}),
        (
            "AssayResultRecorded",
            {"result": "R1", "sample": "S-9", "assay": "panel", "purpose": "randomisation",
             "technically_valid": True},
        ),
    ],
)  # fmt: skip
def test_a_sample_that_is_not_there(biopsied: Trial, name: str, body: dict[str, Any]) -> None:
    told = refusal(biopsied, BadInput, name, **body)
    assert "S-9" in told and SAMPLE in told


@pytest.mark.requirement("BM1")
def test_a_name_or_a_label_is_given_once(biopsied: Trial) -> None:
    made(biopsied, "D-1", SAMPLE)
    act(biopsied, "SampleLabelled", sample="D-1", label="L1")
    for name, body in (
        ("SampleDerived", {"sample": SAMPLE, "parent": "D-1", "kind": "dna"}),
        ("SampleLabelled", {"sample": SAMPLE, "label": "L1"}),
        ("SampleReceived", {"sample": SAMPLE, "adequate": False}),
    ):
        refusal(biopsied, (BadInput, RecordError, Refused), name, **body)  # type: ignore[arg-type]


@pytest.mark.requirement("BM1")
def test_a_chain_ends(biopsied: Trial) -> None:
    """The collected sample and what is made of it, one of the other, up to the longest chain."""
    names = [SAMPLE, *(f"D-{number}" for number in range(1, LONGEST_CHAIN))]
    for parent, sample in itertools.pairwise(names):
        made(biopsied, sample, parent)
    told = refusal(biopsied, Refused, "SampleDerived", sample="D-99", parent=names[-1], kind="dna")
    for part in ("A-001", "D-99", "13 samples", f"at most {LONGEST_CHAIN}", "collect a new one"):
        assert part in told


@pytest.mark.requirement("BM1")
def test_no_correction_makes_a_sample_of_itself(biopsied: Trial) -> None:
    made(biopsied, "D-1", SAMPLE)
    made(biopsied, "D-2", "D-1")
    first = biopsied.log.read(types={"SampleDerived"})[0].seq
    body = {"target": first, "item": "parent"}
    for parent, told in (("D-1", "D-1 < D-1"), ("D-2", "D-1 < D-2 < D-1")):
        with pytest.raises(Refused, match="never of itself") as error:
            act(biopsied, "Correct", **body, new=f'"{parent}"', reason="mixed up")
        assert told in str(error.value)
    collected(biopsied, "S-2")
    act(biopsied, "Correct", **body, new='"S-2"', reason="mixed up")


@pytest.mark.requirement("BM1")
def test_no_sample_is_received_before_it_was_shipped(biopsied: Trial) -> None:
    today = biopsied.today
    before = (today - datetime.timedelta(days=1)).isoformat()
    collected(biopsied, "S-2")
    act(biopsied, "SampleShipped", sample="S-2", **SHIPPED)
    told = refusal(
        biopsied, Refused, "SampleReceived", sample="S-2", adequate=True, occurred=before
    )
    for part in ("A-001", "S-2", f"shipped on {today}", f"received on {before}", "correct"):
        assert part in told
    act(biopsied, "SampleReceived", sample="S-2", adequate=True)


@pytest.mark.requirement("BM1")
def test_no_sample_is_shipped_after_it_was_received(biopsied: Trial) -> None:
    """A shipment may be entered late, but not have been late."""
    before = (biopsied.today - datetime.timedelta(days=1)).isoformat()
    for sample in ("S-2", "S-3"):
        collected(biopsied, sample)
    act(biopsied, "SampleReceived", sample="S-2", adequate=True, occurred=before)
    assert "chain of custody" in refusal(
        biopsied, Refused, "SampleShipped", sample="S-2", **SHIPPED
    )
    act(biopsied, "SampleShipped", sample="S-2", **SHIPPED, occurred=before)


def test_a_quantity_has_a_unit(biopsied: Trial) -> None:
    body = {"sample": "D-1", "parent": SAMPLE, "kind": "dna"}
    for half in ({"quantity": "250"}, {"quantity_unit": "ng"}):
        assert "quantity" in refusal(biopsied, BadInput, "SampleDerived", **body, **half)
    act(biopsied, "SampleDerived", **body, quantity="250", quantity_unit="ng")


@pytest.mark.requirement("BM1")
def test_a_determination_has_so_many_runs_and_an_invalidated_one_is_free(biopsied: Trial) -> None:
    run(biopsied, "R1")
    run(biopsied, "R2")
    with pytest.raises(Refused) as error:
        run(biopsied, "R3")
    told = str(error.value)
    for part in ("A-001", "R1, R2", "at most 2", "R3", "another determination"):
        assert part in told
    run(biopsied, "R4", determination="B")
    act(biopsied, "AssayResultInvalidated", result="R2", finding="bubble", reason="review")
    run(biopsied, "R3")


@pytest.mark.requirement("BM1")
def test_a_run_that_is_corrected_is_not_one_more(biopsied: Trial) -> None:
    run(biopsied, "R1")
    run(biopsied, "R2")
    last = biopsied.log.read(types={"AssayResultRecorded"})[-1].seq
    body = {"target": last, "item": "measurements/burden/value", "new": '"9"'}
    act(biopsied, "Correct", **body, reason="typing error")


@pytest.mark.requirement("BM1")
@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"assay": "ihc"}, "an assay of the study: panel"),
        ({"measurements": [{"measurement": "weight", "value": "5"}]}, "measurement of panel"),
        ({"controls": [{"control": "M0", "value": "5"}]}, "it declares none"),
    ],
)
def test_what_the_assay_does_not_declare(biopsied: Trial, wrong: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        run(biopsied, "R1", **wrong)
    assert not biopsied.log.read(types={"AssayResultRecorded"})
