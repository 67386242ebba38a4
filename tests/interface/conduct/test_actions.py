"""Actions through conduct: who may, what they must have seen, what is bad input, what is kept."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import pytest

from equipoise.conduct.opening import open_trial
from equipoise.errors import BadInput, Conflict, EquipoiseError, RecordError, Refused
from equipoise.oversight.events import TrialOpened
from equipoise.record.correction import history
from equipoise.record.tables import tables
from equipoise.record.verify import verify
from equipoise.study.access import ACTION_ROLES, BLINDED_ROLES, BY_CODE, ROLES, may_see
from equipoise.study.catalogue import ACTIONS, CATALOGUE
from equipoise.study.derivation import derive
from equipoise.study.load import load_study, study_sha256, study_text
from tests.harness.bridge import amended
from tests.harness.trial import Trial

TOMORROW = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=2)).date().isoformat()


def _form(**answers: str) -> dict[str, Any]:
    items = [{"item": name, "value": value} for name, value in answers.items()]
    return {"form": "person", "instance": "9", "items": items}


PERSON = {"age_years": "61", "sex": "F", "smoking": "EVER"}


@pytest.mark.parametrize(
    ("name", "body", "how", "told"),
    [
        ("FormSaved", _form(**{**PERSON, "age_years": "610"}), {}, "age_years"),
        ("FormSaved", _form(**{**PERSON, "age_years": "6.5"}), {}, "age_years"),
        ("FormSaved", _form(**{**PERSON, "sex": "X"}), {}, "sex"),
        ("FormSaved", _form(**{**PERSON, "shoe_size": "41"}), {}, "shoe_size"),
        ("FormSaved", _form(sex="F", smoking="EVER"), {}, "age_years"),
        ("FormSaved", {"form": "nothing", "instance": "1", "items": []}, {}, "nothing"),
        ("FormSaved", _form(**PERSON), {"occurred": TOMORROW}, "occurred"),
        ("FormSaved", _form(**PERSON), {"occurred": "2025-02-30"}, "occurred"),
        ("FormSaved", _form(**PERSON), {"occurred": "2025-02"}, "partial"),
        ("VisitRecorded", {"visit": "nowhere"}, {}, "nowhere"),
        ("VisitRecorded", {"visit": "entry", "colour": "red"}, {}, "colour"),
        ("SampleCollected", {"sample": "S-A-001", "material": "ffpe"}, {}, "sample/S-A-001"),
        ("SampleCollected", {"sample": "S-2", "material": "wood"}, {}, "material"),
        ("DeathRecorded", {"cause": "disease"}, {"occurred": None}, "occurred"),
        ("DeathRecorded", {"cause": "disease"}, {"occurred": "1999"}, "1999"),
        (
            "AdverseEventReported",
            {"adverse_event": "1", "term": "Bad mood", "grade": 1, "outcome": "unknown"},
            {}, "Bad mood",
        ),
        (
            "AdverseEventReported",
            {"adverse_event": "1", "term": "Alopecia", "grade": 5, "outcome": "unknown"},
            {}, "Alopecia",
        ),
        ("NoSuchAction", {}, {}, "NoSuchAction"),
    ],
)  # fmt: skip
def test_bad_input_is_named_and_leaves_nothing(
    embedded: Trial, name: str, body: dict[str, Any], how: dict[str, Any], told: str
) -> None:
    embedded.screened("A-001", without="confirmation")
    before = embedded.log.head()
    with pytest.raises(EquipoiseError) as error:
        embedded.act(name, body, subject="A-001", **how)
    assert isinstance(error.value, BadInput | RecordError)
    assert told in str(error.value)
    assert embedded.log.head() == before


@pytest.mark.parametrize(
    ("measurements", "told"),
    [
        ([{"measurement": "burden", "value": "501"}], "501"),
        ([{"measurement": "weight", "value": "5"}], "weight"),
        ([{"measurement": "burden", "value": 5.5}], "binary"),
        ([{"measurement": "burden", "value": "5.12345"}], "decimal places"),
        ([{"measurement": "burden", "value": each} for each in "56"], "burden"),
    ],
)  # fmt: skip
def test_an_assay_result_that_cannot_be_is_not_recorded(
    embedded: Trial, measurements: list[dict[str, Any]], told: str
) -> None:
    embedded.screened("A-001", without="assay")
    before = embedded.log.head()
    body = {
        "result": "R-1", "sample": "S-A-001", "assay": "panel", "purpose": "randomisation",
        "technically_valid": True, "measurements": measurements,
    }  # fmt: skip
    with pytest.raises(BadInput, match=told):
        embedded.act("AssayResultRecorded", body, "laboratory", subject="A-001")
    assert embedded.log.head() == before


@pytest.mark.requirement("CO1", "UA1", "AT5")
@pytest.mark.parametrize("role", sorted(ROLES - {"investigator", "nurse"}))
def test_only_the_site_enters_its_data_and_a_refusal_is_kept(embedded: Trial, role: str) -> None:
    embedded.screened("A-001", without="confirmation")
    with pytest.raises(Refused, match="may not do VisitRecorded"):
        embedded.act("VisitRecorded", {"visit": "entry"}, role, subject="A-001")
    last = embedded.log.read()[-1]
    assert (last.type, json.loads(last.body)["action"]) == ("ActionRefused", "VisitRecorded")
    assert not embedded.log.read(types={"VisitRecorded"})


@pytest.mark.requirement("UA1")
def test_another_hospital_is_out_of_reach(embedded: Trial) -> None:
    embedded.screened("A-001", without="confirmation")
    other = embedded.study.sites[1].code
    body = {"person": "inv-2", "granted_role": "investigator", "granted_site": other}
    embedded.act("GrantGiven", body, "administrator")
    with pytest.raises(Refused, match="may not do"):
        embedded.act("VisitRecorded", {"visit": "entry"}, subject="A-001", actor="inv-2")


@pytest.mark.requirement("UA1")
def test_an_ended_grant_ends(embedded: Trial) -> None:
    embedded.screened("A-001", without="confirmation")
    grant = next(
        event.seq
        for event in embedded.log.read(types={"GrantGiven"})
        if json.loads(event.body)["person"] == "inv"
    )
    with pytest.raises(BadInput, match="reason"):
        embedded.act("GrantRevoked", {"grant": grant, "cause": "left"}, "administrator")
    revoked = {"grant": grant, "cause": "left"}
    embedded.act("GrantRevoked", revoked, "administrator", reason="left the hospital")
    with pytest.raises(Refused, match="may not do"):
        embedded.act("VisitRecorded", {"visit": "entry"}, subject="A-001")


@pytest.mark.requirement("UA1")
def test_the_last_administrator_stays_until_there_is_another(embedded: Trial) -> None:
    def ended(seq: int) -> None:
        embedded.act("GrantRevoked", {"grant": seq, "cause": "left"}, "administrator", reason="x")

    (first,) = (each for each in embedded.conductor.state.grants.values() if each.person == "admin")
    with pytest.raises(Refused, match="only administrator"):
        ended(first.seq)
    today = embedded.today.isoformat()
    for_today = {"person": "second", "granted_role": "administrator", "until": today}
    embedded.act("GrantGiven", for_today, "administrator")
    with pytest.raises(Refused, match="only administrator"):
        ended(first.seq)
    embedded.act("GrantGiven", {**for_today, "until": None}, "administrator")
    ended(first.seq)


@pytest.mark.requirement("UA4", "BM1")
@pytest.mark.parametrize("blinded", sorted(BLINDED_ROLES))
def test_incompatible_blinding_roles_are_refused(embedded: Trial, blinded: str) -> None:
    site = embedded.site
    for person, role in (("inv", blinded), ("lab", "investigator"), ("reader", "monitor")):
        body = {"person": person, "granted_role": role, "granted_site": site}
        with pytest.raises(Refused, match="UA1"):
            embedded.act("GrantGiven", body, "administrator")
    unblinded = {"person": "novice", "by": "saw the interim analysis"}
    embedded.act("PersonUnblinded", unblinded, "data_manager")
    with pytest.raises(Refused, match="has seen unblinded data"):
        embedded.act("GrantGiven", {"person": "novice", "granted_role": blinded}, "administrator")


@pytest.mark.requirement("AT6")
def test_no_blinded_role_sees_allocation_or_marker() -> None:
    for role in BLINDED_ROLES:
        assert not may_see(role, "Randomised", "arm")
        assert not may_see(role, "Randomised", "stratum") or role == "laboratory"
        assert not may_see(role, "DoseGiven", "drug")
    assert not may_see("reader", "AssayResultRecorded", "measurements")
    assert not any(may_see(role, "SchemeActivated", "sealed_seed") for role in ROLES)


def test_two_authors_of_one_form_the_second_is_told(trial: Trial) -> None:
    trial.screened("A-001", without="confirmation")
    saved = trial.log.read(subject="A-001", types={"FormSaved"})[0]
    seen = trial.log.read(subject="A-001")[-1].seq
    first = {"target": saved.seq, "item": "items/age_years/value", "new": '"62"'}
    second = {"target": saved.seq, "item": "items/age_years/value", "new": '"63"'}
    trial.act("Correct", first, subject="A-001", seen=seen, reason="typing error")
    before = trial.log.head()
    with pytest.raises(Conflict, match=f"event {saved.seq} of subject A-001"):
        trial.act("Correct", second, "nurse", subject="A-001", seen=seen, reason="typing error")
    assert trial.log.head() == before
    other = {"visit": "entry"}
    with pytest.raises(Conflict, match="subject A-001"):
        trial.act("VisitRecorded", other, subject="A-001", seen=seen)


def test_a_new_form_instance_is_saved_once(trial: Trial) -> None:
    trial.screened("A-001", without="person")
    trial.form("A-001", "person", PERSON, seen=0)
    with pytest.raises(Conflict, match="form person 1"):
        trial.form("A-001", "person", PERSON, seen=0)
    assert len(trial.log.read(types={"FormSaved"})) == 4


@pytest.mark.requirement("AT1", "AT3")
def test_a_correction_keeps_both_values_and_stands_everywhere(trial: Trial) -> None:
    trial.screened("A-001", without="confirmation")
    saved = trial.log.read(subject="A-001", types={"FormSaved"})[0]
    body = {"target": saved.seq, "item": "items/age_years/value", "new": '"17"'}
    with pytest.raises(BadInput, match="reason"):
        trial.act("Correct", body, subject="A-001")
    with pytest.raises(Refused, match="the site alone corrects it"):
        trial.act("Correct", body, "laboratory", subject="A-001", reason="x")
    (event,) = trial.act("Correct", body, subject="A-001", reason="typing error")
    stored = json.loads(event.body)
    assert (stored["old"], stored["new"], event.reason) == ('"61"', '"17"', "typing error")
    values = history(trial.log.read(), saved.seq, "items/age_years/value", CATALOGUE)
    assert [each.value for each in values] == ['"61"', '"17"']
    derived = derive(tables(trial.log.read(), CATALOGUE), trial.study, upto="eligibility")
    row = derived["eligibility"].row(0, named=True)
    assert row["eligible"] is False and list(row["unmet"]) == ["IN1"]
    assert event.seq in row["sources"]


@pytest.mark.parametrize(
    ("item", "new", "told"),
    [
        ("items/age_years/value", '"170"', "age_years"),
        ("items/age_years/value", '"abc"', "age_years"),
        ("items/age_years/value", "17", "value"),
        ("items/nothing/value", '"17"', "nothing"),
        ("items/age_years/value", '"61"', "nothing to correct"),
        ("instance", '"2"', "permanent name"),
    ],
)
def test_a_correction_passes_the_checks_of_the_form(
    embedded: Trial, item: str, new: str, told: str
) -> None:
    embedded.screened("A-001", without="confirmation")
    saved = embedded.log.read(subject="A-001", types={"FormSaved"})[0]
    before = embedded.log.head()
    with pytest.raises(BadInput, match=told):
        body = {"target": saved.seq, "item": item, "new": new}
        embedded.act("Correct", body, subject="A-001", reason="typing error")
    assert embedded.log.head() == before


@pytest.mark.parametrize("scope", ["trial", "site", "subject", "form"])
def test_a_lock_locks_until_it_is_lifted_with_a_reason(embedded: Trial, scope: str) -> None:
    embedded.screened("A-001", without="confirmation")
    subject = "A-001" if scope in ("subject", "form") else None
    site = embedded.site if scope == "site" else None
    named = {"form": "person", "instance": "1"} if scope == "form" else {}
    (lock,) = embedded.act(
        "Locked", {"scope": scope, **named}, "data_manager", subject=subject, site=site
    )
    saved = embedded.log.read(subject="A-001", types={"FormSaved"})[0]
    change = {"target": saved.seq, "item": "items/age_years/value", "new": '"60"'}
    with pytest.raises(Refused, match="lock"):
        embedded.act("Correct", change, subject="A-001", reason="typing error")
    with pytest.raises(BadInput, match="reason"):
        embedded.act("Unlocked", {"lock": lock.seq}, "data_manager")
    embedded.act("Unlocked", {"lock": lock.seq}, "data_manager", reason="query 7")
    assert embedded.act("Correct", change, subject="A-001", reason="typing error")


@pytest.mark.requirement("PH1")
def test_a_dose_without_a_signed_source_is_for_rehearsal_only(embedded: Trial) -> None:
    embedded.screened("A-001")
    (event,) = embedded.act("Randomise", {}, subject="A-001")
    arm = json.loads(event.body)["arm"]
    family = {each.code: each.regimens for each in embedded.study.randomisation.arms}
    wrong = next(code for name, codes in family.items() if name != arm for code in codes)
    with pytest.raises(Refused, match=f"cannot receive {wrong}"):
        embedded.act("RegimenChosen", {"regimen": wrong}, subject="A-001")
    (regimen,) = family[arm]
    embedded.act("RegimenChosen", {"regimen": regimen}, subject="A-001")
    body = {"cycle": 1, "regimen": regimen, "height": "170", "weight": "70"}
    with pytest.raises(Refused, match="has no signed source"):
        embedded.act("CycleStarted", body, subject="A-001")


@pytest.mark.requirement("GD1", "AT7")
def test_identity_and_clinical_text_are_sealed_and_can_be_erased(
    embedded: Trial, tmp_path: Path
) -> None:
    embedded.screened("A-001", without="confirmation")
    embedded.act("RecordIdentity", {"item": "name", "value": "Jeanne Dupont"}, subject="A-001")
    body = {
        "deviation": "D1", "category": "other", "important": False,
        "description": "Jeanne Dupont came late",
    }  # fmt: skip
    (event,) = embedded.act("DeviationRecorded", body, subject="A-001")
    text = json.loads(event.body)["description"]
    assert "Dupont" not in "".join(each.body for each in embedded.log.read())
    assert embedded.keys.unseal(text, "T1/A-001/description") == "Jeanne Dupont came late"
    redact = {"target": event.seq, "item": "description"}
    embedded.act("Redact", redact, subject="A-001", reason="a name in a free text")
    assert not embedded.keys.unseal(text, "T1/A-001/description")
    assert verify(embedded.log.read()) == []


def test_a_rehearsal_never_becomes_live(embedded: Trial) -> None:
    opened = TrialOpened(mode="rehearsal", study=embedded.study.id)
    with pytest.raises(RecordError, match="has begun already"):
        open_trial(
            embedded.log, embedded.study, administrator="admin", organisation="S", opened=opened
        )
    first = embedded.log.read()[0]
    assert (first.type, json.loads(first.body)["mode"]) == ("TrialOpened", "live")


@pytest.mark.requirement("AT4")
def test_a_live_record_takes_no_time_from_an_action(embedded: Trial) -> None:
    from dataclasses import replace

    action = embedded.action("SubjectScreened", {}, subject="A-001")
    past = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)
    (event,) = embedded.conductor.act(replace(action, recorded=past))
    assert event.recorded[:4] == str(embedded.today.year)


@pytest.mark.requirement("AT5")
def test_every_action_names_its_roles_and_every_role_is_known() -> None:
    assert set(ACTIONS) == set(ACTION_ROLES)
    assert all(roles <= ROLES for roles in ACTION_ROLES.values())
    assert {name for name, roles in ACTION_ROLES.items() if not roles} == BY_CODE


@pytest.mark.requirement("CN1")
def test_consent_in_another_version_is_refused_and_withdrawal_stops_collection(
    embedded: Trial,
) -> None:
    embedded.screened("A-001", without="consent")
    old = {"consent": "participation", "version": "0"}
    with pytest.raises(Refused, match="version 1"):
        embedded.act("ConsentSigned", old, subject="A-001")
    withdrawn = {"consent": "participation", "vital_status_allowed": True}
    with pytest.raises(Refused, match="has not given"):
        embedded.act("ConsentWithdrawn", withdrawn, subject="A-001")


@pytest.mark.requirement("VA2")
def test_a_version_goes_live_site_by_site(embedded: Trial) -> None:
    other = embedded.study.sites[1].code
    for role in ("investigator",):
        body = {"person": "inv-2", "granted_role": role, "granted_site": other}
        embedded.act("GrantGiven", body, "administrator")
    with pytest.raises(Refused, match="is not open"):
        embedded.act("SubjectScreened", {}, subject="B-001", site=other, actor="inv-2")
    embedded.act("SiteOpened", {"name": "Second"}, "data_manager", site=other)
    with pytest.raises(Refused, match="VA2"):
        embedded.act("SubjectScreened", {}, subject="B-001", site=other, actor="inv-2")


@pytest.mark.requirement("VA2")
def test_a_further_version_is_adopted_once_by_who_may(embedded: Trial) -> None:
    second = amended(embedded.study)
    body = {"study": study_text(second)}
    with pytest.raises(Refused, match="may not do AdoptStudyVersion"):
        embedded.act("AdoptStudyVersion", body, "monitor")
    (event,) = embedded.act("AdoptStudyVersion", body, "data_manager")
    assert json.loads(event.body)["study_sha256"] == study_sha256(second)
    with pytest.raises(Refused, match="never edited"):
        embedded.act("AdoptStudyVersion", body, "data_manager")
    with pytest.raises(BadInput, match="lung-tmb"):
        other = {"study": study_text(load_study("mgmt-net"))}
        embedded.act("AdoptStudyVersion", other, "data_manager")
    with pytest.raises(BadInput):
        embedded.act("AdoptStudyVersion", {"study": '{"id": 1.5}'}, "data_manager")
    unsound = amended(embedded.study).model_copy(update={"version": "3.0", "sites": ()})
    with pytest.raises(BadInput, match="site"):
        embedded.act("AdoptStudyVersion", {"study": study_text(unsound)}, "data_manager")
    activated = {"version": "2.0", "approval": "committee 2"}
    embedded.act("StudyVersionActivated", activated, "data_manager", site=embedded.site)
    embedded.screened("A-001")
    with pytest.raises(Refused, match="scheme of the version in force is not active"):
        embedded.act("Randomise", {}, subject="A-001")


@pytest.mark.requirement("AT1")
@pytest.mark.parametrize("name", ["VitalStatusRecorded", "DeathRecorded", "ConfirmEligibility"])
def test_what_is_about_a_subject_names_one(trial: Trial, name: str) -> None:
    before = trial.log.head().seq
    bodies = {"VitalStatusRecorded": {"source": "visit"}, "DeathRecorded": {"cause": "disease"}}
    with pytest.raises(BadInput, match="subject"):
        trial.act(name, bodies.get(name, {}), subject=None, site=trial.site)
    assert trial.log.head().seq == before
