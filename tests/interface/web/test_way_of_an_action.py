"""From a page to the record: who may open it, what is recorded, what is told when it is not."""

from __future__ import annotations

import datetime

import pytest

from equipoise.web.pages.actions import OWN_SCREEN
from tests.harness.web import Web, hidden, text

WITHDRAWN = {"consent": "participation", "vital_status_allowed": False}


def _ago(site: Web, days: int) -> str:
    return (site.trial.today - datetime.timedelta(days)).isoformat()


def screened(site: Web, number: str = "X01-001") -> str:
    site.trial.screened(number)
    return number


@pytest.mark.requirement("UA1")
def test_nobody_sees_a_page_without_a_login_and_a_wrong_password_is_told_alike(site: Web) -> None:
    from django.test import Client

    stranger = Client()
    for address in ("/", "/subjects/", "/subjects/X01-001/", "/do/GrantGiven/"):
        answer = stranger.get(address)
        assert answer.status_code == 302 and "/accounts/login/" in answer.headers["Location"]
    site.account("inv")
    tried = [
        stranger.post("/accounts/login/", {"login": name, "password": "wrong"})
        for name in ("inv", "nobody")
    ]
    assert [each.status_code for each in tried] == [200, 200]
    assert "do not go together" in text(tried[0]) and "do not go together" in text(tried[1])


@pytest.mark.requirement("UA1", "AT5")
def test_five_wrong_passwords_lock_the_account_and_the_chain_of_logins_tells(site: Web) -> None:
    from django.test import Client

    from equipoise.web import logins

    password, stranger = site.account("inv"), Client()
    before = site.trial.log.head().seq
    for _ in range(5):
        last = stranger.post("/accounts/login/", {"login": "inv", "password": "wrong"})
    assert last.status_code in (403, 429)
    right = stranger.post("/accounts/login/", {"login": "inv", "password": password})
    assert right.status_code != 302, "also the right password has to wait"
    kinds = [event.type for event in logins.chain().read()]
    assert kinds.count("LoginFailed") >= 5 and "LockedOut" in kinds
    assert before == site.trial.log.head().seq, "the trial's record did not grow"


@pytest.mark.requirement("CO1", "UA1")
def test_a_role_opens_its_own_pages_only_and_a_foreign_subject_is_not_there(site: Web) -> None:
    number = screened(site)
    assert site.client("administrator").get("/subjects/").status_code == 403
    assert site.client("monitor").get(f"/subjects/{number}/").status_code == 200
    assert site.client("monitor").get("/subjects/new/").status_code == 403
    assert site.client("data_manager").get(f"/subjects/{number}/do/FormSaved/").status_code == 404
    trial = site.trial
    body = {"person": "inv2", "granted_role": "investigator", "granted_site": "X02"}
    trial.act("GrantGiven", body, "administrator")
    foreign = site.client("inv2")
    unknown = foreign.get("/subjects/X99-999/")
    theirs = foreign.get(f"/subjects/{number}/")
    assert unknown.status_code == theirs.status_code == 404
    assert number not in text(foreign.get("/subjects/"))


@pytest.mark.requirement("AT1", "RN4")
def test_what_is_sent_twice_is_recorded_once(site: Web) -> None:
    number = screened(site)
    browser = site.client("investigator")
    address = f"/subjects/{number}/do/VitalStatusRecorded/"
    entries = hidden(browser.get(address).content.decode()) | {
        "occurred": site.trial.today.isoformat(), "source": "telephone",
    }  # fmt: skip
    answers = [browser.post(address, entries) for _ in range(2)]
    assert [each.status_code for each in answers] == [302, 302]
    written = [e for e in site.trial.log.read(subject=number) if e.type == "VitalStatusRecorded"]
    assert len(written) == 1
    (event,) = written
    assert (event.actor, event.role, event.site) == ("inv", "investigator", "X01")


@pytest.mark.requirement("CN1")
def test_a_refusal_stands_above_the_form_with_its_rule_and_way_out(site: Web) -> None:
    site.trial.screened("X01-001")
    entered = {"source": "telephone", "occurred": site.trial.today.isoformat()}
    site.trial.act("ConsentWithdrawn", WITHDRAWN, subject="X01-001", occurred=_ago(site, 5))
    address = "/subjects/X01-001/do/VitalStatusRecorded/"
    answer = site.filled("investigator", address, entered)
    told = text(answer)
    assert answer.status_code == 422
    assert "Refused" in told and "CN1" in told and "Way out" in told
    kept = [e for e in site.trial.log.read() if e.type == "ActionRefused"]
    assert len(kept) == 1, "and the refusal is in the record (AT5)"


def test_bad_input_is_told_beside_its_item_and_what_was_typed_stays(site: Web) -> None:
    number = screened(site)
    tomorrow = site.trial.today + datetime.timedelta(days=1)
    before = site.trial.log.head().seq
    answer = site.filled(
        "investigator", f"/subjects/{number}/do/VitalStatusRecorded/",
        {"occurred": tomorrow.isoformat(), "source": "telephone"},
    )  # fmt: skip
    assert answer.status_code == 422
    assert "a day not after today" in text(answer)
    assert tomorrow.isoformat() in answer.content.decode()
    assert site.trial.log.head().seq == before


@pytest.mark.requirement("AT1")
def test_whoever_was_overtaken_is_told_and_nothing_is_overwritten(site: Web) -> None:
    number = screened(site)
    browser = site.client("investigator")
    address = f"/subjects/{number}/do/DeathRecorded/"
    entries = hidden(browser.get(address).content.decode())
    site.trial.act("VitalStatusRecorded", {"source": "visit"}, "nurse", subject=number)
    answer = browser.post(
        address, {**entries, "occurred": site.trial.today.isoformat(), "cause": "disease"}
    )
    assert answer.status_code == 409
    assert "was changed after you opened it" in text(answer)


def test_a_page_in_french_says_so_and_speaks_french(site: Web) -> None:
    number = screened(site)
    browser = site.client("nurse", language="fr")
    page = browser.get(f"/subjects/{number}/")
    assert 'lang="fr"' in page.content.decode() and "Dernières saisies" in text(page)


@pytest.mark.parametrize("action", ["Signed", "BreakCode", "ActivateScheme", "SourceVerified"])
def test_what_the_application_must_have_done_is_not_typed_into_a_form(
    site: Web, action: str
) -> None:
    number = screened(site)
    roles = {"BreakCode": "investigator", "SourceVerified": "monitor"}
    browser = site.client(roles.get(action, "statistician"))
    before = site.trial.log.head().seq
    for address in (f"/subjects/{number}/do/{action}/", f"/do/{action}/"):
        for answer in (browser.get(address), browser.post(address, {"reauthenticated": "true"})):
            own = answer.headers.get("Location", "").startswith("/subjects/") and action in (
                OWN_SCREEN
            )
            assert answer.status_code == 404 or own, "a screen of its own, or none"
    assert site.trial.log.head().seq == before


def test_no_way_to_an_allocation_leads_past_the_password(site: Web) -> None:
    number = screened(site)
    browser = site.client("investigator")
    answer = browser.post(f"/subjects/{number}/do/Randomise/", {"key": "k", "seen": "999"})
    assert answer.headers["Location"] == f"/subjects/{number}/randomise/"
    browser.post(f"/subjects/{number}/randomise/", {"key": "k", "seen": "999"})
    browser.post("/do/Randomise/", {"key": "k", "seen": "999"})
    assert site.trial.log.read(types={"Randomised"}) == []


def test_the_language_chosen_at_the_login_stays_after_it(site: Web) -> None:
    from django.test import Client

    browser, password = Client(), site.account("nurse")
    browser.post("/language/", {"language": "fr", "next": "/accounts/login/"})
    browser.post("/accounts/login/", {"login": "nurse", "password": password})
    assert "Ce qu’il y a à faire" in text(browser.get("/"))
    browser.post("/language/", {"language": "en", "next": "/"})
    assert "What there is to do" in text(browser.get("/"))
