"""Forms of the study, eligibility, corrections and histories, as a nurse and an investigator."""

from __future__ import annotations

import json

import pytest

from tests.harness.web import Web, hidden, text


def begun(site: Web, number: str = "X01-001") -> str:
    trial = site.trial
    trial.act("SubjectScreened", {}, subject=number)
    trial.act("ConsentSigned", {"consent": "participation", "version": "1"}, subject=number)
    return number


STATUS = {"item-ecog_status": "1", "item-serum_creatinine": "81,5"}


def test_a_form_is_kept_as_typed_with_a_decimal_comma(site: Web) -> None:
    number = begun(site)
    address = f"/subjects/{number}/forms/status/new/"
    answer = site.filled("nurse", address, {**STATUS, "occurred": site.trial.today.isoformat()})
    assert answer.status_code == 302, text(answer)
    (event,) = site.trial.log.read(subject=number, types={"FormSaved"})
    kept = {each["item"]: each["value"] for each in json.loads(event.body)["items"]}
    assert kept["ecog_status"] == "1" and kept["serum_creatinine"] == "81.5"


def test_what_cannot_be_is_told_beside_its_item_while_typing_and_nothing_is_kept(site: Web) -> None:
    number = begun(site)
    browser = site.client("nurse")
    page = browser.get(f"/subjects/{number}/forms/status/new/").content.decode()
    before = site.trial.log.head().seq
    asked = {**hidden(page), "item-ecog_status": "9", "item-serum_creatinine": "81"}
    answer = browser.post(f"/subjects/{number}/forms/status/check/", asked)
    told = answer.content.decode()
    assert answer.status_code == 200
    assert 'id="at-ecog_status"' in told and "must be at most" in told
    assert site.trial.log.head().seq == before


@pytest.mark.requirement("RN3")
def test_each_criterion_has_its_verdict_as_the_form_is_filled_in(site: Web) -> None:
    number = begun(site)
    browser = site.client("investigator")
    page = browser.get(f"/subjects/{number}/forms/status/new/").content.decode()
    day = site.trial.today.isoformat()
    verdict = {}
    for ecog in ("1", "4"):
        asked = {**hidden(page), "occurred": day, "item-ecog_status": ecog,
                 "item-serum_creatinine": "81"}  # fmt: skip
        told = browser.post(f"/subjects/{number}/forms/status/check/", asked).content.decode()
        verdict[ecog] = told
    assert verdict["1"] != verdict["4"]
    assert "not_met" in verdict["4"] and "not_met" not in verdict["1"]


@pytest.mark.requirement("AT1", "AT3")
def test_a_correction_keeps_the_old_value_one_click_away(site: Web) -> None:
    number = begun(site)
    site.trial.form(number, "status", {"ecog_status": "1", "serum_creatinine": "81.5"})
    (event,) = site.trial.log.read(subject=number, types={"FormSaved"})
    item = "items/serum_creatinine/value"
    address = f"/subjects/{number}/entries/{event.seq}/correct/?item={item}"
    without = site.filled("nurse", address, {"new": "91"})
    assert without.status_code == 422, "the reason is obligatory"
    answer = site.filled("nurse", address, {"new": "91", "reason": "misread the report"})
    assert answer.status_code == 302, text(answer)
    history = f"/subjects/{number}/entries/{event.seq}/history/?item={item}"
    for role in ("nurse", "investigator", "monitor", "auditor"):
        told = text(site.client(role).get(history))
        assert "81.5" in told and "91" in told and "misread the report" in told
    assert site.client("data_manager").get(address).status_code == 403


@pytest.mark.requirement("AT1")
def test_two_authors_on_one_form_the_second_is_told(site: Web) -> None:
    number = begun(site)
    site.trial.form(number, "status", {"ecog_status": "1", "serum_creatinine": "81.5"})
    (event,) = site.trial.log.read(subject=number, types={"FormSaved"})
    address = f"/subjects/{number}/entries/{event.seq}/correct/?item=items/serum_creatinine/value"
    first, second = site.client("nurse"), site.client("investigator")
    opened = [hidden(each.get(address).content.decode()) for each in (first, second)]
    answers = [
        browser.post(address, {**found, "new": value, "reason": "misread"})
        for browser, found, value in zip((first, second), opened, ("91", "92"), strict=True)
    ]
    assert [each.status_code for each in answers] == [302, 409]
    assert "was changed after you opened it" in text(answers[1])


def test_eligibility_is_confirmed_by_the_investigator_alone(site: Web) -> None:
    number = "X01-001"
    site.trial.screened(number, without="confirmation")
    address = f"/subjects/{number}/eligibility/"
    assert "Confirm that every criterion is met" not in text(site.client("nurse").get(address))
    answer = site.filled("investigator", address, {})
    assert answer.status_code == 302, text(answer)
    assert [e.type for e in site.trial.log.read(subject=number)][-1] == "EligibilityConfirmed"


def test_the_subject_page_lists_visits_forms_and_entries(site: Web) -> None:
    number = "X01-001"
    site.trial.screened(number)
    told = text(site.client("investigator").get(f"/subjects/{number}/"))
    for expected in ("Visits", "Eligibility", "Latest entries", number):
        assert expected in told
    assert site.client("investigator").get(f"/subjects/{number}/entries/").status_code == 200


def test_entries_are_told_in_words_and_not_in_codes(site: Web) -> None:
    """In French: labels of the study, codes in words, units, a decimal comma."""
    number = "X01-001"
    site.trial.screened(number)
    (event,) = site.trial.log.read(subject=number, types={"SampleReceived"})
    asked = {"query": "Q1", "target": event.seq, "item": "tumour_cells", "question": "60?"}
    site.trial.act("QueryRaised", asked, "monitor", subject=number)
    answer = site.client("nurse", language="fr").get(f"/subjects/{number}/entries/")
    page = answer.content.decode()
    said = text(answer)
    for expected in ("Créatinine 81,5 µmol/L", "A déjà fumé Oui", "Histologie Adénocarcinome",
                     "Participation", "Cellules tumorales 60"):  # fmt: skip
        assert expected in said, expected
    for code in ("serum_creatinine", "ecog_status", "EVER", "ADENOCARCINOMA", "tumour_cells"):
        assert code not in page[page.index('class="entries"') :], code
