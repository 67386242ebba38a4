"""A patient answers one questionnaire with a one-time code; nobody else, nothing else, once."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client

from equipoise.errors import EquipoiseError
from tests.harness.questionnaires import study_with_a_questionnaire
from tests.harness.web import Web, hidden, text, web

NUMBER = "X01-001"
OFFER = f"/subjects/{NUMBER}/questionnaires/new/"
PLACE = "/questionnaire/"
FORM = "form_qlq_c30"
ANSWERS = {f"q{n}": "1" for n in range(1, 29)} | {"q29": "6", "q30": "6"}


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A study with the QLQ-C30 and one subject who takes part."""
    cache.clear()
    with web(tmp_path_factory.mktemp("questionnaire"), study_with_a_questionnaire(),
             behind=5) as served:  # fmt: skip
        served.trial.act("SubjectScreened", {}, subject=NUMBER)
        consent = {"consent": "participation", "version": "1"}
        served.trial.act("ConsentSigned", consent, subject=NUMBER)
        yield served
    cache.clear()


def offered(site: Web, instance: str = "1", **otherwise: str) -> str:
    until = datetime.datetime.now(site.trial.zone).date().isoformat()
    entries = {"form": FORM, "instance": instance, "birth_year": "1961", "until": until}
    answer = site.filled("nurse", OFFER, {**entries, **otherwise})
    assert answer.status_code == 200, text(answer)
    found = re.search(r'class="code">([^<]+)<', answer.content.decode())
    assert found, text(answer)
    return found[1]


def opened(browser: Client, code: str, year: str = "1961") -> HttpResponse:
    return browser.post(PLACE, {"code": code, "birth_year": year})


def answered(browser: Client, code: str, answers: dict[str, str]) -> HttpResponse:
    """What was left out is told first; then it is sent as it is."""
    page = opened(browser, code)
    assert page.status_code == 200, text(page)
    answer = browser.post(PLACE, {**hidden(page.content.decode()), **answers})
    if "are not answered" not in text(answer):
        return answer
    assert answer.status_code == 422
    return browser.post(PLACE, {**hidden(answer.content.decode()), **answers})


def forms_saved(site: Web) -> list[dict[str, object]]:
    events = site.trial.log.read(subject=NUMBER, types={"FormSaved"})
    return [json.loads(each.body) for each in events]


def test_a_patient_answers_and_the_hospital_sees_the_scores(site: Web) -> None:
    browser, code = Client(), offered(site)
    rest = {name: value for name, value in ANSWERS.items() if name != "q3"}
    answer = answered(browser, code.lower().replace("-", " "), rest)
    assert answer.status_code == 200 and "saved" in text(answer)
    (body,) = forms_saved(site)
    assert (body["form"], body["instance"]) == (FORM, "1")
    items = {each["item"]: each for each in body["items"]}  # type: ignore[attr-defined]
    assert items["q1"]["value"] == "1" and items["q3"]["value_missing"] == "not_done"
    (event,) = site.trial.log.read(subject=NUMBER, types={"FormSaved"})
    assert (event.actor, event.role) == ("participant", "participant")
    said = text(site.client("nurse").get(f"/subjects/{NUMBER}/"))
    assert re.search(r"Global health status QL2 83.3", said), said
    assert "Physical functioning PF2 100.0" in said


def test_nothing_answered_is_not_taken_and_the_code_stays_open(site: Web) -> None:
    browser, code = Client(), offered(site)
    for told in ("", "1"):
        page = opened(browser, code)
        answer = browser.post(PLACE, {**hidden(page.content.decode()), "told": told})
        assert answer.status_code == 422 and "Nothing is answered yet" in text(answer)
    assert forms_saved(site) == [] and opened(browser, code).status_code == 200


def test_a_page_that_lost_its_token_speaks_to_the_patient_not_of_a_login(site: Web) -> None:
    browser = Client(enforce_csrf_checks=True)
    answer = opened(browser, offered(site))
    assert answer.status_code == 403 and "Nothing was sent" in text(answer)
    assert "login" not in text(answer)


def test_the_page_has_the_language_of_the_phone_until_another_is_chosen(site: Web) -> None:
    browser = Client(headers={"accept-language": "fr-CA,fr;q=0.9,en;q=0.5"})
    assert "Votre questionnaire" in text(browser.get(PLACE))
    browser.post("/language/", {"language": "en", "next": PLACE})
    assert "Your questionnaire" in text(browser.get(PLACE))


def test_neither_code_nor_year_stands_in_the_record(site: Web) -> None:
    code = offered(site)
    assert answered(Client(), code, ANSWERS).status_code == 200
    for event in site.trial.log.read():
        for secret in (code, code.replace("-", ""), code.partition("-")[2], "1961"):
            assert secret not in event.body, event.type
    for role in ("nurse", "auditor", "data_manager"):
        page = site.client(role).get(f"/subjects/{NUMBER}/entries/").content.decode()
        (offer,) = site.trial.log.read(types={"QuestionnaireOffered"})
        assert json.loads(offer.body)["proof"] not in page


def test_a_code_is_used_once_and_a_double_click_changes_nothing(site: Web) -> None:
    browser, code = Client(), offered(site)
    page = opened(browser, code)
    sent = {**hidden(page.content.decode()), **ANSWERS}
    assert [browser.post(PLACE, sent).status_code for _ in range(2)] == [200, 200]
    assert len(forms_saved(site)) == 1
    again = opened(Client(), code)
    assert again.status_code == 422 and "open no questionnaire" in text(again)
    changed = browser.post(PLACE, {**sent, "key": "another", "q1": "4"})
    assert changed.status_code == 422 and len(forms_saved(site)) == 1


@pytest.mark.parametrize("wrong", ["year", "code", "nothing"])
def test_a_wrong_code_and_a_wrong_year_are_told_alike_and_leave_no_trace(
    site: Web, wrong: str
) -> None:
    code = offered(site)
    before = site.trial.log.head()
    year = "1962" if wrong == "year" else "1961"
    if wrong == "code":
        code = code[:-1] + ("2" if code[-1] != "2" else "3")
    answer = opened(Client(), "ZZZZ-ZZZZ-ZZZZ" if wrong == "nothing" else code, year)
    assert answer.status_code == 422 and "open no questionnaire" in text(answer)
    assert NUMBER not in answer.content.decode() and "Item 1" not in text(answer)
    assert site.trial.log.head() == before


def test_who_tries_codes_is_stopped_even_with_the_right_one(site: Web) -> None:
    code = offered(site)
    for _ in range(10):
        assert opened(Client(), code, "1900").status_code == 422
    assert opened(Client(), code).status_code == 429
    assert opened(Client(REMOTE_ADDR="10.0.0.9"), code).status_code == 429


def test_the_next_code_is_for_the_next_occasion(site: Web) -> None:
    assert answered(Client(), offered(site), ANSWERS).status_code == 200
    page = site.client("nurse").get(OFFER).content.decode()
    assert re.search(r'name="instance" value="2"', page)


def test_a_later_code_ends_the_earlier_and_a_day_ends_both(site: Web) -> None:
    first = offered(site)
    second = offered(site)
    assert opened(Client(), first).status_code == 422
    assert opened(Client(), second).status_code == 200
    answer = site.filled("nurse", OFFER, {"form": FORM, "instance": "2", "birth_year": "1961",
                                          "until": "2020-01-01"})  # fmt: skip
    assert answer.status_code == 422


def test_nothing_else_is_reachable_with_a_code(site: Web) -> None:
    browser, code = Client(), offered(site)
    page = opened(browser, code)
    assert "sessionid" not in browser.cookies and "equipoise_session" not in browser.cookies
    assert NUMBER not in page.content.decode() and "<nav" not in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    for address in ("/", "/subjects/", f"/subjects/{NUMBER}/", OFFER, "/audit/"):
        assert browser.get(address).status_code == 302, address


def test_after_withdrawal_no_answer_is_taken(site: Web) -> None:
    code = offered(site)
    body = {"consent": "participation", "vital_status_allowed": False}
    site.trial.act("ConsentWithdrawn", body, subject=NUMBER)
    answer = answered(Client(), code, ANSWERS)
    assert answer.status_code == 422 and "could not be saved" in text(answer)
    assert 'value="6" ' in answer.content.decode() and forms_saved(site) == []


def test_nobody_enters_over_or_corrects_what_a_patient_answered(site: Web) -> None:
    assert answered(Client(), offered(site), ANSWERS).status_code == 200
    items = [{"item": name, "value": "2"} for name in ANSWERS]
    body = {"form": FORM, "instance": "1", "items": items}
    with pytest.raises(EquipoiseError, match="themselves"):
        site.trial.act("FormSaved", body, subject=NUMBER)
    (event,) = site.trial.log.read(subject=NUMBER, types={"FormSaved"})
    change = {"target": event.seq, "item": "items/q1/value", "new": '"4"'}
    with pytest.raises(EquipoiseError, match="whose words nobody changes"):
        site.trial.act("Correct", change, subject=NUMBER, reason="typed wrong")


@pytest.mark.requirement("CO1")
@pytest.mark.parametrize("role", ["investigator", "data_manager", "administrator", "participant"])
def test_no_account_answers_for_a_patient(site: Web, role: str) -> None:
    code = offered(site)
    body = {"code": code, "birth_year": "1961", "items": []}
    other = "nurse" if role == "participant" else None
    if role == "participant":
        with pytest.raises(EquipoiseError):
            site.trial.act("VisitRecorded", {"visit": "entry"}, role, subject=NUMBER, actor=other)
        return
    with pytest.raises(EquipoiseError, match="may not do"):
        site.trial.act("AnswerQuestionnaire", body, role, subject=NUMBER)


def test_the_page_speaks_french(site: Web) -> None:
    browser = Client()
    browser.post("/language/", {"language": "fr", "next": PLACE})
    assert "Votre questionnaire" in text(browser.get(PLACE))
    page = opened(browser, offered(site))
    assert "Question 1" in text(page) and "Envoyer les réponses" in text(page)
