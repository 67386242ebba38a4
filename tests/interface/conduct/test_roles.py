"""Actions leave their event; roles are granted by somebody else, and what was seen stays seen."""

from __future__ import annotations

import json

import pytest

from equipoise.conduct.decisions import DECISIONS
from equipoise.errors import Refused
from equipoise.record.event import EventBody
from equipoise.study.access import BLINDED_ROLES
from equipoise.study.catalogue import ACTIONS, CATALOGUE
from tests.harness.trial import PEOPLE, Trial


@pytest.mark.requirement("AT5", "AT1")
def test_every_action_is_an_event_or_is_decided_into_one() -> None:
    """The actions are those of the catalogue, so that a new one without a trace fails here."""
    for name, model in ACTIONS.items():
        if issubclass(model, EventBody):
            assert CATALOGUE.of(model.TYPE) is model, name
        else:
            assert name in DECISIONS, f"{name} is no event, and nothing decides it into one"


@pytest.mark.requirement("UA1")
def test_nobody_grants_a_role_to_themselves_and_the_refusal_says_the_way_out(
    embedded: Trial,
) -> None:
    body = {"person": PEOPLE["administrator"], "granted_role": "data_manager"}
    with pytest.raises(Refused, match="another administrator"):
        embedded.act("GrantGiven", body, "administrator")
    assert embedded.log.read()[-1].type == "ActionRefused"
    second = {"person": "admin-2", "granted_role": "administrator"}
    embedded.act("GrantGiven", second, "administrator")
    (event,) = embedded.act("GrantGiven", body, "administrator", actor="admin-2")
    assert json.loads(event.body)["person"] == PEOPLE["administrator"]


@pytest.mark.requirement("UA1")
def test_once_unblinded_nobody_is_blinded_again(embedded: Trial) -> None:
    """Neither the end of every grant nor a new one makes what was seen unseen."""
    stat = PEOPLE["statistician"]
    embedded.act("PersonUnblinded", {"person": stat, "by": "interim analysis"}, "data_manager")
    grants = [each for each in embedded.conductor.state.grants.values() if each.person == stat]
    for each in grants:
        body = {"grant": each.seq, "cause": "left the team"}
        embedded.act("GrantRevoked", body, "administrator", reason="left the team")
    for role in BLINDED_ROLES:
        with pytest.raises(Refused, match="has seen unblinded data"):
            embedded.act("GrantGiven", {"person": stat, "granted_role": role}, "administrator")
    embedded.act("GrantGiven", {"person": stat, "granted_role": "statistician"}, "administrator")
    assert stat in embedded.conductor.state.unblinded
