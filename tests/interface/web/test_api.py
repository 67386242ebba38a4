"""The interface for programs: who may call, what is recorded, what comes back, and how often."""

from __future__ import annotations

import datetime
import json
import re
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client

from equipoise.study.access import ROLES
from equipoise.study.catalogue import ACTIONS
from equipoise.web import logins, tokens
from equipoise.web.api.service import BY_PROGRAM, IN_PERSON
from equipoise.web.models import Token
from equipoise.web.position import Position
from tests.harness.trial import PEOPLE, SITE_PEOPLE
from tests.harness.web import Web

NUMBER = "X01-001"


class Program:
    """A program with a token of the person who holds a role."""

    def __init__(self, site: Web, role: str, *, days: int = 30) -> None:
        cache.clear()
        self.person = PEOPLE[role]
        if self.person not in site.passwords:
            site.account(self.person)
        position = Position(role, site.trial.site if role in SITE_PEOPLE else None)
        self.secret = tokens.issue(self.person, position, name="system", days=days, by="admin")
        self._browser = Client()

    def get(self, address: str, **how: Any) -> HttpResponse:
        return self._browser.get(f"/api{address}", headers=self._headers(), **how)

    def act(self, action: str, body: dict[str, Any], *, key: str = "k1", **more: Any) -> Any:
        return self._browser.post(
            f"/api/actions/{action}", json.dumps({"body": body, **more}),
            content_type="application/json", headers={**self._headers(), "Idempotency-Key": key},
        )  # fmt: skip

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secret}"}


def sampled(site: Web) -> None:
    site.trial.screened(NUMBER, without="assay")


def result(**otherwise: Any) -> dict[str, Any]:
    return {
        "result": "R-1", "sample": f"S-{NUMBER}", "assay": "panel", "purpose": "randomisation",
        "technically_valid": True,
        "measurements": [{"measurement": "burden", "value": "20", "quality": "passed"}],
        **otherwise,
    }  # fmt: skip


def about(site: Web, **more: Any) -> dict[str, Any]:
    events = site.trial.log.read(subject=NUMBER)
    return {
        "subject": NUMBER, "seen": events[-1].seq, "occurred": site.trial.today.isoformat(),
        **more,
    }  # fmt: skip


@pytest.mark.requirement("AT1", "CO3")
def test_a_laboratory_sends_a_result_twice_and_it_is_recorded_once(site: Web) -> None:
    sampled(site)
    laboratory = Program(site, "laboratory")
    dated = about(site)
    answers = [laboratory.act("AssayResultRecorded", result(), **dated) for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 200], answers[0].content
    assert answers[0].json() == answers[1].json()
    written = [e for e in site.trial.log.read(subject=NUMBER) if e.type == "AssayResultRecorded"]
    assert len(written) == 1
    (event,) = written
    assert (event.actor, event.role, event.organisation) == ("lab", "laboratory", "Hospital")
    assert answers[0].json()["events"] == [
        {"seq": event.seq, "type": event.type, "recorded": event.recorded, "hash": event.hash}
    ]


@pytest.mark.requirement("CO3")
def test_a_central_reading_comes_in_and_the_reader_sees_no_marker_and_no_arm(site: Web) -> None:
    site.trial.screened(NUMBER)
    reader = Program(site, "reader")
    evaluators = site.trial.study.response.evaluators
    central = next((each for each in evaluators if each.blinded_to_marker), None)
    if central is None:
        pytest.skip("the study has no central reading")
    body = {
        "lesion": "C1", "evaluator": central.code, "role": "target", "node": False,
        "organ": "lung",
    }  # fmt: skip
    answer = reader.act("LesionIdentified", body, **about(site))
    assert answer.status_code == 200, answer.content
    page = reader.get(f"/subjects/{NUMBER}/events").json()
    told = {event["type"] for event in page["events"]}
    assert "LesionIdentified" in told
    assert not told & {"AssayResultRecorded", "FormSaved", "Randomised"}, "nor that there are any"
    assert '"20"' not in json.dumps(page)


@pytest.mark.requirement("AT1", "RN3")
def test_what_a_rule_refuses_is_told_with_rule_and_way_out_as_on_the_page(site: Web) -> None:
    site.trial.screened(NUMBER)
    nurse = Program(site, "nurse")
    earlier = (site.trial.today - datetime.timedelta(5)).isoformat()
    dated = about(site, occurred=earlier)
    body = {"consent": "participation", "vital_status_allowed": False}
    assert nurse.act("ConsentWithdrawn", body, key="a", **dated).status_code == 200
    refused = nurse.act("VitalStatusRecorded", {"source": "visit"}, key="b", **about(site))
    told = refused.json()
    assert refused.status_code == 422
    assert (told["error"], told["rule"]) == ("Refused", "CN1") and told["way_out"]
    assert [e.type for e in site.trial.log.read()][-1] == "ActionRefused"


def test_bad_input_names_the_items_and_writes_nothing(site: Web) -> None:
    sampled(site)
    laboratory, before = Program(site, "laboratory"), site.trial.log.head().seq
    wrong = laboratory.act("AssayResultRecorded", result(assay=None, extra=1), **about(site))
    assert wrong.status_code == 422 and wrong.json()["error"] == "BadInput"
    assert "assay" in wrong.json()["message"] and "extra" in wrong.json()["message"]
    later = {**about(site), "occurred": "2999-01-01"}
    assert laboratory.act("AssayResultRecorded", result(), **later).status_code == 422
    assert laboratory.act("AssayResultRecorded", result(), subject=7).status_code == 422
    broken = laboratory._browser.post(
        "/api/actions/AssayResultRecorded", "{", content_type="application/json",
        headers={**laboratory._headers(), "Idempotency-Key": "k"},
    )  # fmt: skip
    assert broken.status_code == 400 and broken.json()["error"] == "BadInput"
    assert site.trial.log.head().seq == before


def test_whoever_was_overtaken_is_told_and_a_key_means_one_action(site: Web) -> None:
    site.trial.screened(NUMBER)
    nurse, dated = Program(site, "nurse"), about(site)
    assert nurse.act("VitalStatusRecorded", {"source": "visit"}, **dated).status_code == 200
    again = nurse.act("VitalStatusRecorded", {"source": "telephone"}, **dated)
    assert again.status_code == 422 and "key" in again.json()["message"]
    behind = nurse.act("VitalStatusRecorded", {"source": "telephone"}, key="k2", **dated)
    assert behind.status_code in (200, 409)
    died = {"cause": "disease"}
    overtaken = nurse.act("DeathRecorded", died, key="k3", **{**dated, "seen": 1})
    assert overtaken.status_code == 409 and overtaken.json()["error"] == "Conflict"


@pytest.mark.requirement("CO1", "UA1")
def test_another_hospital_is_not_there_and_another_role_may_not(site: Web) -> None:
    trial = site.trial
    trial.screened(NUMBER)
    body = {"person": "inv2", "granted_role": "investigator", "granted_site": "X02"}
    trial.act("GrantGiven", body, "administrator")
    site.account("inv2")
    nurse, foreign = Program(site, "nurse"), Program(site, "nurse")
    foreign.secret = tokens.issue(
        "inv2", Position("investigator", "X02"), name="x", days=30, by="admin"
    )
    assert foreign.get("/subjects").json() == []
    theirs = foreign.get(f"/subjects/{NUMBER}/events")
    nobodys = foreign.get("/subjects/X09-999/events")
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.json() == nobodys.json()
    wrote = foreign.act("VitalStatusRecorded", {"source": "visit"}, **about(site))
    assert wrote.status_code == 404 and wrote.json() == nobodys.json()
    elsewhere = nurse.act("SubjectScreened", {}, subject="X02-001", site="X02")
    assert elsewhere.status_code == 404
    assert nurse.act("AssayResultRecorded", result(), **about(site)).status_code == 403
    assert [each["subject"] for each in nurse.get("/subjects").json()] == [NUMBER]
    assert Program(site, "administrator").get("/subjects").status_code == 404


@pytest.mark.requirement("UA1", "UA4")
def test_a_token_ends_by_its_day_by_hand_with_the_grant_and_with_the_account(site: Web) -> None:
    nurse = Program(site, "nurse")
    assert nurse.get("/me").json()["role"] == "nurse"
    kept = Token.objects.get()
    assert nurse.secret not in (kept.digest, kept.name) and len(kept.digest) == 64
    for change in ({"expires": kept.issued}, {"revoked": kept.issued}):
        Token.objects.filter(pk=kept.pk).update(**change)
        assert nurse.get("/me").status_code == 401
        Token.objects.filter(pk=kept.pk).update(expires=kept.expires, revoked=None)
    assert nurse.get("/me").status_code == 200
    kept.user.is_active = False
    kept.user.save()
    assert nurse.get("/me").status_code == 401
    kept.user.is_active = True
    kept.user.save()
    grant = next(
        each.seq for each in site.trial.conductor.state.grants.values() if each.person == "nurse"
    )
    revoked = {"grant": grant, "cause": "left"}
    site.trial.act("GrantRevoked", revoked, "administrator", reason="left")
    assert nurse.get("/me").status_code == 401
    tokens.revoke(Token.objects.get(), by="admin")
    kinds = [event.type for event in logins.chain().read()]
    assert kinds.count("TokenIssued") == 1 and kinds.count("TokenRevoked") == 1
    assert "LoginFailed" in kinds
    assert nurse.secret not in "".join(event.body for event in logins.chain().read())


def test_what_needs_the_person_at_the_keyboard_is_not_there_for_a_program(site: Web) -> None:
    site.trial.screened(NUMBER)
    investigator = Program(site, "investigator")
    for action in sorted(IN_PERSON):
        assert investigator.act(action, {}, **about(site)).status_code == 404
    assert set(BY_PROGRAM) | IN_PERSON == set(ACTIONS)
    assert site.trial.log.read(types={"Randomised", "CodeBroken", "Signed"}, subject=NUMBER) == []


@pytest.mark.requirement("AT6", "RN2")
def test_no_blinded_role_reads_an_arm_or_a_status_by_program(site: Web) -> None:
    trial = site.trial
    trial.screened(NUMBER)
    (randomised,) = trial.act("Randomise", {}, subject=NUMBER)
    arm = json.loads(randomised.body)["arm"]
    for role in sorted(ROLES - {"administrator"}):
        answer = Program(site, role).get(f"/subjects/{NUMBER}/events")
        assert answer.status_code == 200
        event = next(e for e in answer.json()["events"] if e["type"] == "Randomised")
        unblinded = role not in ("laboratory", "reader", "statistician")
        assert ("arm" in event["items"]) == unblinded, role
        assert (f'"{arm}"' in answer.content.decode()) == unblinded, role
        marker = role in ("laboratory", "data_manager", "statistician", "auditor")
        assert ("stratum" in event["items"]) == marker, role


def test_pages_of_events_lead_on_to_the_end(site: Web) -> None:
    site.trial.screened(NUMBER)
    auditor = Program(site, "auditor")
    known = [each.seq for each in site.trial.log.read(subject=NUMBER)]
    found, after = [], 0
    while True:
        page = auditor.get(f"/subjects/{NUMBER}/events?limit=4&after={after}").json()
        found += [each["seq"] for each in page["events"]]
        if page["next"] is None:
            break
        after = page["next"]
    assert found == known
    assert auditor.get(f"/subjects/{NUMBER}/events?limit=0").status_code == 422


def test_nobody_without_a_token_and_nobody_by_a_session(site: Web) -> None:
    cache.clear()
    browser = site.client("nurse")
    for address in ("/api/me", "/api/subjects", f"/api/subjects/{NUMBER}/events"):
        answer = browser.get(address)
        assert answer.status_code == 401 and answer.headers["WWW-Authenticate"] == "Bearer"
    for action in BY_PROGRAM[:3]:
        assert browser.post(f"/api/actions/{action}").status_code == 401


def test_guessing_of_tokens_is_stopped_by_address_and_a_token_has_its_rate(
    site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = {"token": "5/m", "address": "600/m", "failures": "3/m"}
    monkeypatch.setattr(settings, "API_RATES", rates)
    nurse, stranger = Program(site, "nurse"), Program(site, "nurse")
    codes = [nurse.get("/me").status_code for _ in range(6)]
    assert codes == [200] * 5 + [429]
    stranger.secret = "eqp_guess"
    tried = [stranger.get("/me") for _ in range(4)]
    assert [each.status_code for each in tried] == [401, 401, 401, 429]
    assert int(tried[-1].headers["Retry-After"]) > 0
    monkeypatch.setitem(rates, "address", "2/m")
    cache.clear()
    assert [nurse.get("/me").status_code for _ in range(3)] == [200, 200, 429]


def test_a_body_beyond_the_limit_is_not_read(site: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    sampled(site)
    laboratory = Program(site, "laboratory")
    monkeypatch.setattr(settings, "DATA_UPLOAD_MAX_MEMORY_SIZE", 1000)
    large = laboratory.act("AssayResultRecorded", result(result="R" * 2000), **about(site))
    assert large.status_code == 413 and large.json()["error"]


def test_the_description_names_every_action_with_its_items_and_loads_nothing(site: Web) -> None:
    text = Client().get("/api/openapi.json").content.decode()
    told = json.loads(text)
    assert told["openapi"].startswith("3.1")
    posts = {p.removeprefix("/api/actions/") for p in told["paths"] if "/actions/" in p}
    assert posts == set(BY_PROGRAM)
    asked = told["components"]["schemas"]["AssayResultRecordedAsked"]["properties"]["body"]
    assert {"result", "sample", "assay"} <= set(asked["properties"])
    assert not re.search(r"https?://(?!json-schema)", text)


def test_the_day_of_expiry_is_told(site: Web) -> None:
    nurse = Program(site, "nurse", days=90)
    until = datetime.datetime.fromisoformat(nurse.get("/me").json()["expires"])
    left = until - datetime.datetime.now(datetime.UTC)
    assert datetime.timedelta(89) < left <= datetime.timedelta(90)
