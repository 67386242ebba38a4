"""A text that names a patient is blotted out for good, and that it was stays readable."""

from __future__ import annotations

import json

import pytest

from equipoise.study.access import ROLES
from tests.harness.web import Web, hidden, text

NUMBER, NAME = "X01-001", "asked Mrs Example again"
ITEM = "items/remark/value"


def written(site: Web) -> str:
    """The address of the redaction of a remark that names somebody."""
    site.trial.screened(NUMBER)
    answers = {"ecog_status": "1", "serum_creatinine": "81.5", "remark": NAME}
    site.trial.form(NUMBER, "status", answers, "2")
    event = site.trial.log.read(subject=NUMBER, types={"FormSaved"})[-1]
    return f"/subjects/{NUMBER}/entries/{event.seq}/redact/?item={ITEM}"


@pytest.mark.requirement("AT7", "GD1", "AT3")
def test_a_remark_is_blotted_out_after_the_password_and_its_history_says_so(site: Web) -> None:
    address = written(site)
    history = address.replace("/redact/", "/history/")
    manager = site.client("data_manager")
    before = manager.get(history)
    assert NAME in text(before) and "Redact this text" in text(before)
    asked = {**hidden(manager.get(address).content.decode()), "reason": "names the patient"}
    wrong = manager.post(address, {**asked, "password": "no"})
    unsaid = manager.post(address, {**asked, "reason": "", "password": site.passwords["dm"]})
    assert (wrong.status_code, unsaid.status_code) == (422, 422)
    assert not site.trial.log.read(types={"Redacted"})
    done = manager.post(address, {**asked, "password": site.passwords["dm"]})
    assert done.status_code == 302, text(done)
    (event,) = site.trial.log.read(types={"Redacted"})
    assert (event.actor, event.role, event.reason) == ("dm", "data_manager", "names the patient")
    assert json.loads(event.body)["item"] == ITEM
    for role in ("data_manager", "investigator", "monitor"):
        after = text(site.client(role).get(history))
        assert NAME not in after and f"Redacted by entry {event.seq}" in after, role
        assert NAME not in text(site.client(role).get(f"/subjects/{NUMBER}/entries/")), role
    assert manager.get(address).status_code == 404, "there is nothing left to redact"


@pytest.mark.requirement("UA1", "AT7")
def test_only_who_may_redact_does_and_only_a_text_under_a_key(site: Web) -> None:
    address = written(site)
    for role in sorted(ROLES - {"data_manager", "investigator"}):
        for answer in (site.client(role).get(address), site.client(role).post(address)):
            assert answer.status_code == 403, role
    manager = site.client("data_manager")
    number = address.replace("remark", "serum_creatinine")
    assert manager.get(number).status_code == 404, "a number is corrected, not redacted"
    assert manager.get(address.replace("?item=" + ITEM, "")).status_code == 404
    assert not site.trial.log.read(types={"Redacted"})
