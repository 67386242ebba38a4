"""Signatures, queries and code breaks on the pages, by the people whose they are."""

from __future__ import annotations

import json
import re

import pytest

from equipoise.errors import Refused
from tests.harness.attested import CREATININE, NUMBER, ask, entered
from tests.harness.web import Web, text

SUBJECT = f"/subjects/{NUMBER}/"
SIGN, SIGNATURES = f"{SUBJECT}sign/", f"{SUBJECT}signatures/"


def signed(site: Web, address: str = SIGN, password: str | None = None) -> int:
    site.client("investigator")
    entries = {"password": password or next(iter(site.passwords.values()))}
    return site.filled("investigator", address, entries).status_code


def corrected(site: Web, seq: int, new: str) -> None:
    body = {"target": seq, "item": CREATININE, "new": f'"{new}"'}
    site.trial.act("Correct", body, "nurse", subject=NUMBER, reason="misread", occurred=None)


@pytest.mark.requirement("SG1", "SG3", "AT5")
def test_a_signature_needs_the_password_and_shows_who_when_and_what_it_means(site: Web) -> None:
    entered(site)
    assert signed(site, password="not it") == 422
    assert not site.trial.log.read(subject=NUMBER, types={"Signed"})
    assert signed(site) == 302
    (event,) = site.trial.log.read(subject=NUMBER, types={"Signed"})
    for role in ("investigator", "nurse", "monitor"):
        for address in (SUBJECT, SIGNATURES):
            told = text(site.client(role).get(address))
            assert event.actor in told and event.recorded[:4] in told, (role, address)
            assert "responsibility for the data" in told and "intact" in told
    for role in ("nurse", "monitor", "statistician"):
        assert site.client(role).get(SIGN).status_code == 403
        assert "/sign/" not in site.client(role).get(SUBJECT).content.decode()


@pytest.mark.requirement("SG2", "SG4")
def test_a_broken_signature_says_what_changed_and_waits_to_be_made_again(site: Web) -> None:
    seq = entered(site)
    assert signed(site) == 302 and signed(site, f"{SIGN}?entry={seq}") == 302
    corrected(site, seq, "91")
    assert [each.intact for each in ask(site).signatures(NUMBER)] == [False, False]
    for role in ("investigator", "monitor"):
        told = text(site.client(role).get(SIGNATURES))
        assert "broken: changed since" in told and "misread" in told
        assert re.search(r"81\.5 → 91", told), told
    assert "Case book changed since" in text(site.client("investigator").get("/"))
    assert signed(site) == 302
    assert [each.intact for each in ask(site).signatures(NUMBER)] == [False, False, True]
    assert "Case book changed since" not in text(site.client("investigator").get("/"))


@pytest.mark.requirement("SG2", "SG4")
def test_nobody_signs_what_changed_while_they_read_it(site: Web) -> None:
    seq = entered(site)
    browser = site.client("investigator")
    page = browser.get(SIGN).content.decode()
    found = dict(re.findall(r'name="(key|seen|content)" value="([^"]*)"', page))
    corrected(site, seq, "91")
    sent = {**found, "password": next(iter(site.passwords.values()))}
    answer = browser.post(SIGN, sent)
    assert answer.status_code == 409 and not site.trial.log.read(types={"Signed"}, subject=NUMBER)
    again = dict(re.findall(r'name="(key|seen|content)" value="([^"]*)"', answer.content.decode()))
    assert again["content"] == ask(site).signed_content(NUMBER, "case_book") != found["content"]


def test_an_entry_of_a_laboratory_is_not_in_the_case_book(site: Web) -> None:
    site.trial.screened(NUMBER)
    covered = {each.type for each in ask(site).signed_events(NUMBER, "case_book")}
    assert "ConsentSigned" in covered and not covered & {"AssayResultRecorded", "SampleReceived"}


@pytest.mark.requirement("AT5", "CO1")
def test_a_query_is_raised_at_a_field_answered_closed_and_opened_again(site: Web) -> None:
    seq = entered(site)
    entry = f"{SUBJECT}entries/{seq}/"
    page = site.client("monitor").get(entry).content.decode()
    place = f"{SUBJECT}ask/?target={seq}&amp;item={CREATININE}"
    assert place in page, "each field has its own link"
    place = place.replace("&amp;", "&")
    assert "81.5" in text(site.client("monitor").get(place))
    answer = site.filled("monitor", place, {"question": "The source says 91?"})
    assert answer.status_code == 302, text(answer)
    (raised,) = site.trial.log.read(types={"QueryRaised"})
    body = json.loads(raised.body)
    assert (body["target"], body["item"]) == (seq, CREATININE)
    thread = f"{SUBJECT}queries/{body['query']}/"
    for role in ("nurse", "investigator", "monitor", "data_manager"):
        assert thread in site.client(role).get(entry).content.decode()
        assert "The source says 91?" in text(site.client(role).get("/queries/"))
    assert "Query to answer" in text(site.client("nurse").get("/"))

    def said(role: str, which: str, words: dict[str, str]) -> None:
        answer = site.filled(role, thread, {"which": which, **words})
        assert answer.status_code == 302, text(answer)

    said("nurse", "QueryAnswered", {"answer": "It does"})
    assert "Answer to read" in text(site.client("monitor").get("/"))
    assert "Query to answer" not in text(site.client("nurse").get("/"))
    assert 'value="QueryClosed"' not in site.client("nurse").get(thread).content.decode()
    said("monitor", "QueryClosed", {"finding": "corrected"})
    assert NUMBER not in text(site.client("monitor").get("/queries/"))
    assert NUMBER in text(site.client("monitor").get("/queries/?state=closed"))
    said("monitor", "QueryReopened", {"question": "Not corrected yet"})
    told = text(site.client("nurse").get(thread))
    places = [told.index(each) for each in ("The source", "It does", "corrected", "Not corrected")]
    assert places == sorted(places)
    assert ask(site).derived(NUMBER, "query")["status"].item() == "open"


def test_a_query_about_a_form_that_nobody_filled_in(site: Web) -> None:
    entered(site)
    forms = [each.code for each in site.trial.study.visits.forms if each.code != "status"]
    place = f"{SUBJECT}ask/?form={forms[0]}"
    assert place in site.client("data_manager").get(f"{SUBJECT}forms/").content.decode()
    answer = site.filled("data_manager", place, {"question": "When is it done?"})
    assert answer.status_code == 302, text(answer)
    assert "still empty" in text(site.client("nurse").get("/queries/"))


@pytest.mark.requirement("AT6")
def test_a_reader_is_not_shown_a_query_about_what_they_do_not_see(site: Web) -> None:
    seq = entered(site)
    body = {"query": "Q1", "target": seq, "question": "creatinine?"}
    site.trial.act("QueryRaised", body, "monitor", subject=NUMBER)
    assert "creatinine?" in text(site.client("auditor").get("/queries/"))
    for role in ("reader", "laboratory"):
        assert "creatinine?" not in text(site.client(role).get("/queries/"))
        assert site.client(role).get(f"{SUBJECT}queries/Q1/").status_code == 404


def test_only_what_was_closed_is_opened_again(site: Web) -> None:
    seq = entered(site)
    body = {"query": "Q1", "target": seq, "question": "creatinine?"}
    site.trial.act("QueryRaised", body, "monitor", subject=NUMBER)
    with pytest.raises(Refused, match="is not closed"):
        again = {"query": "Q1", "question": "again?"}
        site.trial.act("QueryReopened", again, "monitor", subject=NUMBER)


@pytest.mark.requirement("GD1")
def test_an_identifier_is_kept_and_no_page_shows_it(site: Web) -> None:
    entered(site)
    kept = {"item": "name", "value": "Jane Roe"}
    (event,) = site.trial.act("RecordIdentity", kept, subject=NUMBER)
    entry = f"{SUBJECT}entries/{event.seq}/"
    for role in ("investigator", "monitor", "auditor"):
        for place in (SUBJECT, f"{SUBJECT}entries/", entry, "/audit/"):
            answer = site.client(role).get(place)
            assert answer.status_code == 200 and "Jane Roe" not in text(answer), (role, place)


@pytest.mark.requirement("RN6", "UA4")
def test_a_code_is_broken_with_a_reason_after_the_password_and_told_at_once(site: Web) -> None:
    site.trial.screened(NUMBER)
    site.client("investigator")
    password = next(iter(site.passwords.values()))
    place = f"{SUBJECT}code-break/"
    assert "no code to break" in text(site.client("investigator").get(place))
    site.trial.act("Randomise", {}, "nurse", subject=NUMBER)
    why = {"person": "doctor-x", "circumstance": "anaphylaxis", "reason": "antidote"}
    for wrong in ({**why, "password": "no"}, {**why, "reason": "", "password": password}):
        assert site.filled("investigator", place, wrong).status_code == 422
    assert not site.trial.log.read(types={"CodeBroken"})
    answer = site.filled("investigator", place, {**why, "password": password})
    assert answer.status_code == 302, text(answer)
    (event,) = site.trial.log.read(types={"CodeBroken"})
    body = json.loads(event.body)
    told = text(site.client("investigator").get(place))
    assert body["arm"] in told and "antidote" in told and "doctor-x" in told
    assert {each["held_role"] for each in body["notified"]} >= {"safety_officer", "data_manager"}
    for role in ("safety_officer", "data_manager"):
        home = text(site.client(role).get("/"))
        assert "Code broken" in home and body["arm"] not in home
    assert site.client("nurse").get(place).status_code == 403
    grant = {"person": "doctor-x", "granted_role": "reader"}
    with pytest.raises(Refused, match="has seen unblinded data"):
        site.trial.act("GrantGiven", grant, "administrator")
