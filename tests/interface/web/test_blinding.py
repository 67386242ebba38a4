"""What a laboratory and a central reader learn of a subject: nothing of arm, course or outcome."""

from __future__ import annotations

import pytest

from equipoise.errors import Refused
from tests.harness.web import Web, text

NUMBER = "X01-001"


@pytest.fixture
def treated(site: Web) -> Web:
    """A randomised subject with a regimen, an adverse event, a reading by the hospital, a death."""
    trial, day = site.trial, site.trial.today.isoformat()
    trial.screened(NUMBER)
    trial.act("Randomise", {}, "nurse", subject=NUMBER)
    regimen = {"CHEMO": "DOUBLET", "COMBI": "TRIPLET", "ANTIBODY": "MONO"}
    (event,) = trial.log.read(subject=NUMBER, types={"Randomised"})
    arm = next(each for each in regimen if f'"{each}"' in event.body)
    trial.act("RegimenChosen", {"regimen": regimen[arm]}, subject=NUMBER)
    body = {"adverse_event": "1", "term": "Nausea", "grade": 2, "outcome": "recovered"}
    trial.act("AdverseEventReported", body, subject=NUMBER)
    trial.act("DeathRecorded", {"cause": "disease"}, subject=NUMBER, occurred=day)
    return site


@pytest.mark.requirement("AT6", "BM1")
@pytest.mark.parametrize("role", ["laboratory", "reader"])
def test_a_blinded_role_is_not_told_how_a_subject_fares(treated: Web, role: str) -> None:
    browser, free = treated.client(role), treated.client("data_manager")
    for address in (f"/subjects/{NUMBER}/", f"/subjects/{NUMBER}/entries/", "/subjects/", "/"):
        told, open_to_all = browser.get(address, follow=True), free.get(address)
        assert told.status_code == open_to_all.status_code == 200
        for each in ("Death", "died", "Nausea", "Adverse event", "Regimen", "On treatment"):
            assert each.lower() not in text(told).lower(), (address, each)
    assert "died" in text(free.get("/subjects/"))


@pytest.mark.requirement("AT6")
@pytest.mark.parametrize("role", ["laboratory", "reader"])
def test_an_entry_that_a_blinded_role_is_not_told_of_is_not_there(treated: Web, role: str) -> None:
    hidden = {"RegimenChosen", "AdverseEventReported", "DeathRecorded", "FormSaved"}
    seen = {"SubjectScreened", "ConsentSigned", "SampleCollected"}
    events = treated.trial.log.read(subject=NUMBER)
    assert hidden | seen <= {event.type for event in events}
    for event in events:
        answer = treated.client(role).get(f"/subjects/{NUMBER}/entries/{event.seq}/")
        if event.type in hidden:
            assert answer.status_code == 404, event.type
        if event.type in seen:
            assert answer.status_code == 200, event.type


LESION = {
    "lesion": "T01",
    "evaluator": "committee",
    "role": "target",
    "organ": "lung",
    "node": False,
}


@pytest.mark.requirement("AT6", "BM1")
def test_a_central_reader_sees_nothing_that_speaks_of_the_reading_of_another(site: Web) -> None:
    trial = site.trial
    trial.screened(NUMBER)
    other: dict[str, str] = {"role": "reader", "actor": "reader-2"}
    trial.act("GrantGiven", {"person": "reader-2", "granted_role": "reader"}, "administrator")
    body = {**LESION, "description": "upper lobe"}
    trial.act("LesionIdentified", body, subject=NUMBER, **other)
    (lesion,) = trial.log.read(subject=NUMBER, types={"LesionIdentified"})
    change = {"target": lesion.seq, "item": "organ", "new": '"pleura"'}
    trial.act("Correct", change, subject=NUMBER, reason="seen again", **other)
    asked = {"query": "Q1", "target": lesion.seq, "question": "pleura or lung?"}
    trial.act("QueryRaised", asked, "monitor", subject=NUMBER)
    with pytest.raises(Refused):
        trial.act("LesionIdentified", {**LESION, "evaluator": "independent"}, subject=NUMBER)
    hidden = ("pleura", "seen again", "upper lobe", "independent")
    for address in (f"/subjects/{NUMBER}/", f"/subjects/{NUMBER}/entries/", "/audit/"):
        told, open_to_all = site.client("reader").get(address), site.client("auditor").get(address)
        assert told.status_code == 200
        for each in hidden[: 4 if address == "/audit/" else 2]:
            assert each in text(open_to_all), (address, each, "the auditor sees it")
            assert each not in text(told), (address, each)
    for event in trial.log.read(subject=NUMBER, types={"Corrected", "QueryRaised"}):
        found = site.client("reader").get(f"/subjects/{NUMBER}/entries/{event.seq}/")
        assert found.status_code == 404, event.type
