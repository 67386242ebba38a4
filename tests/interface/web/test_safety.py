"""Adverse events, serious ones with their clocks, opinions and laboratory reports on the pages."""

from __future__ import annotations

import datetime
import json

import pytest

from tests.harness.web import Web, text

NUMBER = "X01-001"
AT = f"/subjects/{NUMBER}/adverse-events/"


def days_ago(site: Web, days: int) -> str:
    return (site.trial.today - datetime.timedelta(days=days)).isoformat()


def reported(site: Web, **otherwise: object) -> str:
    """An adverse event entered on its page; its name."""
    entries = {"term": "Nausea", "grade": "2", "serious": "false", "outcome": "not_recovered",
               "occurred": days_ago(site, 2), **otherwise}  # fmt: skip
    answer = site.filled("nurse", f"{AT}new/", entries)
    assert answer.status_code == 302, text(answer)
    return str(json.loads(site.trial.log.read(subject=NUMBER)[-1].body)["adverse_event"])


def test_a_term_is_found_in_english_and_in_french(site: Web) -> None:
    browser = site.client("nurse")
    for typed, wanted in (("neutro", "Neutrophil count decreased"), ("diarrhoea", "Diarrhea"),
                          ("vomis", "Vomiting"), ("syndrome main", "Palmar-plantar")):  # fmt: skip
        told = text(browser.get("/adverse-event-terms/", {"term": typed}))
        assert wanted in told, typed
    assert "Nothing found" in text(browser.get("/adverse-event-terms/", {"term": "zzqx"}))


def test_the_grades_of_the_term_stand_in_the_words_of_the_standard(site: Web) -> None:
    site.trial.screened(NUMBER)
    browser = site.client("nurse")
    told = browser.post(f"{AT}grades/", {"term": "Alopecia"}).content.decode()
    assert "Hair loss of &lt;50% of normal" in told
    assert 'value="2"' in told and 'value="3"' not in told, "the standard has no grade 3 of it"


def test_an_adverse_event_is_reported_listed_and_followed_up(site: Web) -> None:
    site.trial.screened(NUMBER)
    name = reported(site)
    assert name == "AE1" and reported(site, term="Fatigue", occurred=days_ago(site, 1)) == "AE2"
    told = text(site.client("monitor").get(AT))
    assert "Nausea" in told and "ongoing" in told and days_ago(site, 2) in told
    entries = {"occurred": days_ago(site, 1), "grade": "3", "outcome": "recovering"}
    assert site.filled("nurse", f"{AT}{name}/follow-up/", entries).status_code == 302
    entries = {"occurred": days_ago(site, 0), "grade": "1", "outcome": "recovered"}
    assert site.filled("nurse", f"{AT}{name}/follow-up/", entries).status_code == 302
    page = site.client("investigator").get(f"{AT}{name}/").content.decode()
    assert page.count('class="badge g3"') == 2, "the worst grade, and the step that found it"
    assert "ongoing" not in text(site.client("investigator").get(f"{AT}{name}/"))


def test_a_grade_that_the_term_does_not_have_is_told_beside_the_grade(site: Web) -> None:
    site.trial.screened(NUMBER)
    before = site.trial.log.head().seq
    answer = site.filled("nurse", f"{AT}new/", {
        "term": "Alopecia", "grade": "4", "serious": "false", "outcome": "unknown",
        "occurred": days_ago(site, 1)})  # fmt: skip
    assert answer.status_code == 422 and "grade that CTCAE 5 has for Alopecia" in text(answer)
    answer = site.filled("nurse", f"{AT}new/", {
        "term": "Nausee", "grade": "2", "serious": "false", "outcome": "unknown",
        "occurred": days_ago(site, 1)})  # fmt: skip
    assert "perhaps Nausea" in text(answer)
    assert site.trial.log.head().seq == before


def test_a_double_click_reports_once(site: Web) -> None:
    from tests.harness.web import hidden

    site.trial.screened(NUMBER)
    browser = site.client("nurse")
    found = hidden(browser.get(f"{AT}new/").content.decode())
    entries = {**found, "term": "Nausea", "grade": "1", "serious": "false", "outcome": "unknown",
               "occurred": days_ago(site, 1)}  # fmt: skip
    assert [browser.post(f"{AT}new/", entries).status_code for _ in range(2)] == [302, 302]
    assert len(site.trial.log.read(types={"AdverseEventReported"})) == 1


@pytest.mark.requirement("SA1")
def test_the_clock_of_a_serious_event_runs_until_the_sponsor_has_the_report(site: Web) -> None:
    site.trial.screened(NUMBER)
    name = reported(site, term="Pneumonitis", grade="3", serious="true")
    waiting = text(site.client("nurse").get(f"{AT}{name}/"))
    assert "The sponsor has no report" in waiting and "h left" in waiting
    today = site.trial.today.isoformat()
    entries = {"criteria": ["hospitalisation"], "aware": today, "occurred": today}
    without = site.filled("nurse", f"{AT}{name}/serious/", entries)
    assert without.status_code == 422, "the first report has a narrative"
    entries["narrative"] = "Dyspnoea at rest, admitted on the same day."
    answer = site.filled("nurse", f"{AT}{name}/serious/", entries)
    assert answer.status_code == 302, text(answer)
    told = text(site.client("safety_officer").get(f"{AT}{name}/"))
    assert "in time" in told and "admitted on the same day" in told
    assert "The sponsor has no report" not in told


@pytest.mark.requirement("SA1")
def test_the_24_hours_run_from_the_hour_at_which_the_site_knew(site: Web) -> None:
    site.trial.screened(NUMBER)
    name = reported(site, term="Pneumonitis", grade="3", serious="true")
    page = site.client("nurse").get(f"{AT}{name}/serious/").content.decode()
    assert page.count('type="time"') == 2
    knew, told = days_ago(site, 1), site.trial.today.isoformat()
    entries = {"criteria": ["hospitalisation"], "aware": knew, "aware_time": "00:10",
               "occurred": told, "received_time": "00:11", "narrative": "Admitted."}  # fmt: skip
    answer = site.filled("nurse", f"{AT}{name}/serious/", entries)
    assert answer.status_code == 302, text(answer)
    (event,) = site.trial.log.read(types={"SeriousAdverseEventReported"})
    body = json.loads(event.body)
    assert (event.type_version, body["aware_time"], body["received_time"]) == (2, "00:10", "00:11")
    shown = text(site.client("safety_officer").get(f"{AT}{name}/"))
    assert f"{told} 00:10" in shown and "late" in shown
    wrong = site.filled("nurse", f"{AT}{name}/serious/", {**entries, "aware_time": "25:00"})
    assert wrong.status_code == 422


@pytest.mark.requirement("SA1")
def test_both_opinions_stand_and_none_is_downgraded(site: Web) -> None:
    site.trial.screened(NUMBER)
    name = reported(site, term="Pneumonitis", grade="4", serious="true")
    today = site.trial.today.isoformat()
    entries = {"criteria": ["life_threatening"], "aware": today, "occurred": today,
               "narrative": "Ventilated."}  # fmt: skip
    site.filled("nurse", f"{AT}{name}/serious/", entries)
    opinion = {"drug": "exemplatin", "occurred": today}
    for role, related in (("investigator", "related"), ("safety_officer", "not_related"),
                          ("investigator", "not_related")):  # fmt: skip
        answer = site.filled(role, f"{AT}{name}/opinion/", {**opinion, "related": related})
        assert answer.status_code == 302, text(answer)
    told = text(site.client("safety_officer").get(f"{AT}{name}/"))
    assert "SUSAR yes" in told.replace("Yes", "yes") and "unexpected" in told
    assert "Fatal or life-threatening SUSAR" in told and "7 d" in told
    assert site.client("nurse").get(f"{AT}{name}/opinion/").status_code == 403
    sent = {"occurred": today, "kind": "initial", "number": "EV-1"}
    assert site.filled("safety_officer", f"{AT}{name}/expedited/", sent).status_code == 302
    told = text(site.client("safety_officer").get(f"{AT}{name}/"))
    assert "EV-1" in told and "Complete report of it" in told


@pytest.mark.requirement("AT6")
def test_whoever_is_blinded_sees_neither_the_drug_of_an_opinion_nor_what_is_expected(
    site: Web,
) -> None:
    site.trial.screened(NUMBER)
    name = reported(site, term="Pneumonitis", grade="3", serious="true")
    today = site.trial.today.isoformat()
    entries = {"criteria": ["hospitalisation"], "aware": today, "occurred": today,
               "narrative": "Admitted."}  # fmt: skip
    site.filled("nurse", f"{AT}{name}/serious/", entries)
    opinion = {"drug": "inventumab", "occurred": today, "related": "related"}
    site.filled("investigator", f"{AT}{name}/opinion/", opinion)
    for address in (AT, f"{AT}{name}/"):
        bytes_ = site.client("statistician").get(address).content.decode()
        assert "inventumab" not in bytes_ and "xpected" not in bytes_ and "SUSAR" not in bytes_
        assert "related" in bytes_
    for role in ("laboratory", "reader", "administrator"):
        assert site.client(role).get(AT).status_code == 403


def test_in_french(site: Web) -> None:
    site.trial.screened(NUMBER)
    site.account("nurse", language="fr")
    told = text(site.client("nurse").get(f"{AT}new/"))
    assert "Déclarer un événement indésirable" in told and "Grave" in told
    name = reported(site, term="Pneumonitis", grade="3", serious="true")
    told = text(site.client("nurse").get(f"{AT}{name}/"))
    assert "pneumopathie interstitielle" in told and "Le promoteur n’a pas encore" in told


@pytest.mark.requirement("SA1")
def test_the_work_list_and_the_safety_page_tell_what_is_due_to_whom(site: Web) -> None:
    site.trial.screened(NUMBER)
    name = reported(site, term="Pneumonitis", grade="3", serious="true")
    for role in ("nurse", "investigator", "safety_officer"):
        assert "Serious event to report to the sponsor" in text(site.client(role).get("/")), role
        assert "Not yet reported" in text(site.client(role).get("/safety/")), role
    today = site.trial.today.isoformat()
    entries = {"criteria": ["hospitalisation"], "aware": today, "occurred": today,
               "narrative": "Admitted."}  # fmt: skip
    site.filled("nurse", f"{AT}{name}/serious/", entries)
    assert "Serious event to report" not in text(site.client("nurse").get("/"))
    assert "Opinion on the cause" in text(site.client("investigator").get("/"))
    opinion = {"drug": "exemplatin", "occurred": today, "related": "related"}
    site.filled("investigator", f"{AT}{name}/opinion/", opinion)
    assert "Opinion on the cause" not in text(site.client("investigator").get("/"))
    officer = text(site.client("safety_officer").get("/"))
    assert "SUSAR to report to the authority" in officer and "Opinion on the cause" in officer
    assert "SUSAR" not in text(site.client("nurse").get("/"))
    told = text(site.client("safety_officer").get("/safety/"))
    assert "unexpected" in told and "SUSAR" in told and "15 d" in told
    blinded = site.client("statistician").get("/safety/").content.decode()
    assert "xpected" not in blinded and "SUSAR" not in blinded and "Pneumonitis" in blinded


def test_the_page_of_the_subject_draws_adverse_events_with_a_table_beside(site: Web) -> None:
    site.trial.screened(NUMBER)
    address = f"/subjects/{NUMBER}/"
    assert "No adverse event" in text(site.client("nurse").get(address))
    reported(site)
    reported(site, term="Fatigue", grade="3", occurred="")
    page = site.client("nurse").get(address).content.decode()
    assert page.count('<rect class="bar g2 ongoing"') == 1 and "bar g3" not in page
    assert "Fatigue" in page, "what has no day stands in the table"
    for role in ("laboratory", "reader"):
        assert "Fatigue" not in site.client(role).get(address).content.decode()
