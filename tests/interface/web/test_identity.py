"""Who a subject is: the hospital alone sees it, by its password, and the record says so first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.http import HttpResponse

from equipoise.errors import BadInput, Refused
from equipoise.record.verify import verify
from tests.harness.web import Web, text, web

NUMBER, NAME = "X01-001", "Jeanne Dupont"
PLACE = f"/subjects/{NUMBER}/identity/"


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """One subject in screening, of whom nothing is known."""
    with web(tmp_path_factory.mktemp("identity")) as served:
        served.trial.act("SubjectScreened", {}, subject=NUMBER)
        yield served


def kept(site: Web, item: str = "name", value: str = NAME) -> HttpResponse:
    return site.filled("nurse", PLACE, {"do": "record", "item": item, "value": value})


def looked(site: Web, role: str = "nurse", **otherwise: str) -> HttpResponse:
    password = site.client(role) and site.passwords[{"investigator": "inv"}.get(role, role)]
    entries = {"do": "reveal", "item": "name", "purpose": "to call about a visit"}
    return site.filled(role, PLACE, {**entries, "password": password, **otherwise})


def reveals(site: Web) -> list[dict[str, Any]]:
    events = site.trial.log.read(subject=NUMBER, types={"IdentityRevealed"})
    return [{**json.loads(e.body), "by": e.actor, "reason": e.reason} for e in events]


@pytest.mark.requirement("GD1", "AT5")
def test_a_name_is_kept_sealed_and_shown_once_after_the_reveal_is_recorded(site: Web) -> None:
    assert kept(site).status_code == 302
    assert all("Dupont" not in event.body for event in site.trial.log.read())
    for address in (PLACE, f"/subjects/{NUMBER}/", f"/subjects/{NUMBER}/entries/"):
        assert "Dupont" not in site.client("nurse").get(address).content.decode()
    answer = looked(site)
    assert answer.status_code == 200 and NAME in text(answer)
    assert "no-store" in answer["Cache-Control"]
    (told,) = reveals(site)
    assert told == {"item": "name", "purpose": "to call about a visit", "by": "nurse",
                    "reason": "to call about a visit"}  # fmt: skip
    page = text(site.client("investigator").get(PLACE))
    assert "to call about a visit" in page and "Dupont" not in page


@pytest.mark.requirement("GD1")
@pytest.mark.parametrize("wrong", ["password", "purpose"])
def test_without_password_and_purpose_nothing_is_shown_or_recorded(site: Web, wrong: str) -> None:
    kept(site)
    answer = looked(site, **{wrong: "" if wrong == "purpose" else "not mine"})
    assert answer.status_code == 422 and "Dupont" not in answer.content.decode()
    assert reveals(site) == []


@pytest.mark.requirement("GD1", "UA1")
def test_nobody_but_the_hospital_opens_the_page(site: Web) -> None:
    kept(site)
    for role in ("pharmacist", "monitor", "data_manager", "auditor", "laboratory", "reader",
                 "administrator", "safety_officer", "statistician"):  # fmt: skip
        assert site.client(role).get(PLACE).status_code == 403, role
        with pytest.raises(Refused):
            body = {"item": "name", "purpose": "curiosity"}
            site.trial.act("IdentityRevealed", body, role, subject=NUMBER, reason="curiosity")


@pytest.mark.requirement("AT6")
def test_why_somebody_looked_is_not_told_to_whom_the_course_is_blinded(site: Web) -> None:
    kept(site)
    looked(site, purpose="progression: tell the family")
    for role, told in (("auditor", True), ("reader", False), ("laboratory", False)):
        page = site.client(role).get(f"/subjects/{NUMBER}/entries/").content.decode()
        assert ("tell the family" in page) == told, role
        assert told or "tell the family" not in site.client(role).get("/audit/").content.decode()


@pytest.mark.requirement("GD1", "AT7")
def test_erasure_ends_every_identifier_for_good_and_the_chain_verifies(site: Web) -> None:
    kept(site)
    kept(site, "telephone", "0102030405")
    entries = {"do": "erase", "reason": "asked for by the person"}
    assert "Erase" not in text(site.client("nurse").get(PLACE))
    site.client("investigator")
    password = {"password": site.passwords["inv"]}
    assert site.filled("investigator", PLACE, {**entries, "password": "no"}).status_code == 422
    assert site.filled("investigator", PLACE, {**entries, **password}).status_code == 302
    page = text(site.client("nurse").get(PLACE))
    assert "nobody can read them again" in page and page.count("erased") >= 2
    with pytest.raises(Refused, match="GD1"):
        body = {"item": "telephone", "purpose": "to call"}
        site.trial.act("IdentityRevealed", body, subject=NUMBER, reason="to call")
    with pytest.raises(Refused, match="GD1"):
        site.trial.act("RecordIdentity", {"item": "name", "value": "J. D."}, subject=NUMBER)
    assert verify(site.trial.log.read()) == []


def test_the_last_value_of_an_identifier_is_shown(site: Web) -> None:
    kept(site)
    kept(site, value="Jeanne Durand")
    assert "Jeanne Durand" in text(looked(site))


def test_what_was_never_recorded_cannot_be_revealed(site: Web) -> None:
    with pytest.raises(BadInput, match="none was yet"):
        site.trial.act("IdentityRevealed", {"item": "name", "purpose": "to call"}, subject=NUMBER,
                       reason="to call")  # fmt: skip
