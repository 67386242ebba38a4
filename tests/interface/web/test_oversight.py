"""Source verification and locks on the pages: monitor, data manager, and what the others see."""

from __future__ import annotations

import json
import re

import pytest

from tests.harness.attested import CREATININE, NUMBER, ask, entered
from tests.harness.web import Web, hidden, text


def buttons(page: str) -> dict[str, str]:
    """What each button to verify sends, by the path of its item ("" for the whole entry)."""
    found = re.findall(r'name="verified" value="([0-9a-f]{64}):([^"]*)"', page)
    return {item: f"{digest}:{item}" for digest, item in found}


def verify(site: Web, seq: int, item: str = "") -> int:
    address = f"/subjects/{NUMBER}/entries/{seq}/"
    page = site.client("monitor").get(address).content.decode()
    sent = {**hidden(page), "verified": buttons(page)[item]}
    return site.client("monitor").post(f"{address}verify/", sent).status_code


def corrected(site: Web, seq: int, new: str) -> None:
    body = {"target": seq, "item": CREATININE, "new": f'"{new}"'}
    site.trial.act("Correct", body, "nurse", subject=NUMBER, reason="misread", occurred=None)


@pytest.mark.requirement("AT5")
def test_a_monitor_verifies_one_item_or_the_whole_form(site: Web) -> None:
    seq = entered(site)
    address = f"/subjects/{NUMBER}/entries/{seq}/"
    assert verify(site, seq, CREATININE) == 302
    told = text(site.client("monitor").get(address))
    assert "partly verified" in told
    assert verify(site, seq) == 302
    page = site.client("monitor").get(address)
    assert not set(buttons(page.content.decode())) - {""}, "nothing is left to verify"
    acts = site.trial.log.read(subject=NUMBER, types={"SourceVerified"})
    assert [each.role for each in acts] == ["monitor", "monitor"]
    assert "Verify every item" not in text(site.client("nurse").get(address))
    assert site.client("nurse").post(f"{address}verify/", {}).status_code == 403


@pytest.mark.requirement("AT5")
def test_a_later_edit_breaks_the_verification_of_its_item_alone(site: Web) -> None:
    seq = entered(site)
    verify(site, seq)
    corrected(site, seq, "91")
    found = {e.seq: e for e in ask(site).source_verification(NUMBER)}[seq]
    states = {each.item: each.state for each in found.items}
    assert states.pop(CREATININE) == "broken" and set(states.values()) == {"verified"}
    assert found.state == "broken"
    told = text(site.client("monitor").get(f"/subjects/{NUMBER}/entries/{seq}/"))
    assert "changed since" in told
    overview = text(site.client("monitor").get("/verification/"))
    assert re.search(r"X01-001 X01 in screening \d+ \d+ % \d+ 1 \d+", overview), overview
    of_subject = text(site.client("monitor").get(f"/subjects/{NUMBER}/verification/?state=broken"))
    assert "State of health" in of_subject and "Screening 20" not in of_subject
    assert verify(site, seq, CREATININE) == 302, "the new value is verified anew"
    assert {e.seq: e for e in ask(site).source_verification(NUMBER)}[seq].state == "verified"


def test_an_item_that_was_emptied_after_its_verification_is_broken_too(site: Web) -> None:
    seq = entered(site)

    def visit(new: str | None) -> None:
        body = {"target": seq, "item": "visit", "new": new}
        site.trial.act("Correct", body, "nurse", subject=NUMBER, reason="late", occurred=None)

    visit(json.dumps(site.trial.study.visits.visits[0].code))
    verify(site, seq)
    visit(None)
    found = {e.seq: e for e in ask(site).source_verification(NUMBER)}[seq]
    assert {e.item: e.state for e in found.items}["visit"] == "broken"
    assert verify(site, seq) == 302
    assert {e.seq: e for e in ask(site).source_verification(NUMBER)}[seq].state == "verified"


def test_nobody_verifies_what_they_did_not_see(site: Web) -> None:
    seq = entered(site)
    address = f"/subjects/{NUMBER}/entries/{seq}/"
    page = site.client("monitor").get(address).content.decode()
    corrected(site, seq, "91")
    sent = {**hidden(page), "verified": buttons(page)[CREATININE]}
    answer = site.client("monitor").post(f"{address}verify/", sent)
    assert answer.status_code == 409
    assert not site.trial.log.read(types={"SourceVerified"})


def test_shares_are_of_items_that_have_a_source_at_the_hospital(site: Web) -> None:
    """Two answers, their two missing reasons counted as answers, and the day of each entry; the
    laboratory's results are no source data of the hospital."""
    site.trial.screened(NUMBER)
    types = {each.event_type for each in ask(site).source_verification(NUMBER)}
    assert "FormSaved" in types and "ConsentSigned" in types
    assert not types & {"AssayResultRecorded", "SampleReceived", "EligibilityConfirmed"}


@pytest.mark.requirement("AT5")
def test_a_locked_form_says_who_and_when_and_takes_no_change_until_lifted(site: Web) -> None:
    seq = entered(site)
    address = f"/subjects/{NUMBER}/entries/{seq}/"
    answer = site.filled("data_manager", f"/subjects/{NUMBER}/lock/", {"what": "status/1"})
    assert answer.status_code == 302, text(answer)
    (lock,) = site.trial.log.read(types={"Locked"})
    for role in ("nurse", "monitor"):
        told = text(site.client(role).get(address))
        assert "Locked · form · dm" in told and lock.recorded[:4] in told
    edit = f"{address}correct/?item={CREATININE}"
    answer = site.filled("nurse", edit, {"new": "91", "reason": "misread"})
    assert answer.status_code == 422 and "falls under the lock of the form" in text(answer)
    lift = f"/locks/{lock.seq}/lift/"
    assert site.filled("data_manager", lift, {}).status_code == 422, "the reason is obligatory"
    answer = site.filled("data_manager", lift, {"reason": "late source document"})
    assert answer.status_code == 302, text(answer)
    assert site.filled("nurse", edit, {"new": "91", "reason": "misread"}).status_code == 302


def test_a_hospital_and_the_trial_are_locked_from_the_list(site: Web) -> None:
    entered(site)
    for address, scope in (("/locks/new/?site=X01", "site"), ("/locks/new/", "trial")):
        answer = site.filled("data_manager", address, {})
        assert answer.status_code == 302, text(answer)
        body = json.loads(site.trial.log.read(types={"Locked"})[-1].body)
        assert body["scope"] == scope
    told = text(site.client("nurse").get("/locks/"))
    assert "trial" in told and "hospital" in told and "Lift a lock" not in told
    assert site.client("nurse").get("/locks/new/").status_code == 403
