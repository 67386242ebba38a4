"""USDM 4: our documents against CDISC's schema, CDISC's example through our reader, and back."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from equipoise.cli.main import main
from equipoise.errors import BadInput
from equipoise.exchange.usdm import EXTENSION, read_usdm, study_structure, usdm_document
from equipoise.study.load import load_study
from tests.harness.bridge import STUDIES

HERE = Path(__file__).parent
SCHEMA = json.loads((HERE / "usdm_4_schema.json").read_text(encoding="utf-8"))
PILOT = HERE / "cdisc_pilot_structure.json"
Change = Callable[[dict[str, Any]], Any]


def _validator() -> Draft202012Validator:
    """The schema, and no property that it does not name."""
    strict = copy.deepcopy(SCHEMA)
    for each in strict["$defs"].values():
        if "properties" in each:
            each["additionalProperties"] = False
    return Draft202012Validator(strict)


@pytest.mark.requirement("ST1")
@pytest.mark.parametrize("code", STUDIES)
def test_a_study_is_a_document_of_the_standard(code: str) -> None:
    document = usdm_document(load_study(code))
    assert not [error.message for error in _validator().iter_errors(document)]
    identifiers = Counter(_values(document, "id"))
    assert max(identifiers.values()) == 1
    named = {each for name in ("nextId", "previousId", "armId", "epochId", "criterionItemId",
                               "scopeId") for each in _values(document, name)}  # fmt: skip
    named |= {each for name in ("elementIds", "criterionIds") for many in _values(document, name)
              for each in many}  # fmt: skip
    assert named <= identifiers.keys()


@pytest.mark.requirement("ST1")
@pytest.mark.parametrize("code", STUDIES)
def test_what_left_is_read_again(code: str) -> None:
    study = load_study(code)
    found = read_usdm(json.dumps(usdm_document(study)), "made")
    assert found == study_structure(study)
    assert [each.name for each in found.criteria] == [e.id for e in study.eligibility.criteria]
    assert [each.text for each in found.criteria] == [
        e.wording.en for e in study.eligibility.criteria
    ]
    assert [each.expression for each in found.criteria] == [
        e.expression for e in study.eligibility.criteria
    ]
    assert [each.name for each in found.arms] == [e.code for e in study.randomisation.arms]


@pytest.mark.requirement("ST1")
def test_the_example_of_the_standard_is_read() -> None:
    """The numbers and names were counted in CDISC's document."""
    found = read_usdm(PILOT.read_text(encoding="utf-8"), PILOT.name)
    assert [each.name for each in found.arms] == [
        "Placebo", "Xanomeline Low Dose", "Xanomeline High Dose",
    ]  # fmt: skip
    assert [each.kind for each in found.arms] == ["C174268", "C174267", "C174267"]
    assert [each.label for each in found.epochs] == [
        "Screening", "Treatment One", "Treatment Two", "Treatment Three", "Follow Up",
    ]  # fmt: skip
    assert len(found.activities) == 36
    assert (found.activities[0].name, found.activities[-1].name) == (
        "Informed consent",
        "Vital Signs Standing",
    )
    assert Counter(each.kind for each in found.criteria) == {"C25532": 8, "C25370": 23}
    assert found.criteria[0].name == "IN01"
    assert "postmenopausal females" in found.criteria[0].text
    assert found.criteria[0].expression is None


def test_the_ratio_of_each_status_stands_in_an_extension() -> None:
    document = usdm_document(load_study("mgmt-net"))
    (design,) = document["study"]["versions"][0]["studyDesigns"]
    ratios = {
        each["url"]: json.loads(each["valueString"]) for each in design["extensionAttributes"]
    }
    assert ratios == {
        f"{EXTENSION}ratio/DEFICIENT": {"ALKY": 2, "OX": 1},
        f"{EXTENSION}ratio/PROFICIENT": {"ALKY": 1, "OX": 1},
    }


def _design(document: dict[str, Any]) -> Any:
    return document["study"]["versions"][0]["studyDesigns"][0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda d: d.update(usdmVersion="3.0.0"), "usdmVersion: found '3.0.0'"),
        (lambda d: d.pop("study"), "study: must be a study of USDM 4"),
        (lambda d: d["study"].update(versions=[]), "versions: found '0'"),
        (lambda d: _design(d).update(arms={}), "arms: must be a list of objects"),
        (lambda d: _design(d)["arms"][0].pop("name"), "name: must be a study of USDM 4"),
        (lambda d: _design(d)["epochs"][2].update(nextId="StudyEpoch_1"), "epochs: must be one"),
        (lambda d: _design(d)["epochs"][0].update(nextId="nowhere"), "epochs: must be one chain"),
        (
            lambda d: _design(d)["population"]["criterionIds"].append("EC"),
            "criterionIds: found 'EC'; must name a criterion",
        ),
    ],
)
def test_what_is_wrong_in_a_document_is_told(change: Change, told: str) -> None:
    document = json.loads(PILOT.read_text(encoding="utf-8"))
    change(document)
    with pytest.raises(BadInput) as error:
        read_usdm(json.dumps(document), "pilot.json")
    assert str(error.value).startswith("pilot.json, ")
    assert told in str(error.value)


def test_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "usdm", "lung-tmb"]) == 0
    made = tmp_path / "usdm.json"
    made.write_text(capsys.readouterr().out, encoding="utf-8")
    assert main(["study", "read-usdm", str(made), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in told["criteria"]] == [
        each.id for each in load_study("lung-tmb").eligibility.criteria
    ]
    assert main(["study", "read-usdm", str(PILOT)]) == 0
    assert "epochs: 5\n  Screening: Screening\n" in capsys.readouterr().out
    made.write_text("{", encoding="utf-8")
    assert main(["study", "read-usdm", str(made)]) == 2
    assert "must be JSON" in capsys.readouterr().err


def _values(document: Any, name: str) -> list[Any]:
    """Everything that stands under `name`, however deep."""
    if isinstance(document, list):
        return [found for each in document for found in _values(each, name)]
    if not isinstance(document, dict):
        return []
    own = [document[name]] if name in document else []
    return own + [found for each in document.values() for found in _values(each, name)]
