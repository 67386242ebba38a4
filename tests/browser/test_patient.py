"""One patient through the real pages, by the people of a trial: from screening to the lock.

Days pass on the clock of the application. Three tasks are done as a nurse does them who was shown
nothing, and counted: randomise, five lesions, a serious adverse event.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from equipoise.study.definition import Study
from tests.harness.dosed import signed
from tests.harness.hands import Hands
from tests.harness.hospital_reads import HOSPITAL
from tests.harness.served import FAKETIME, Served, served_behind

pytestmark = pytest.mark.slow
NUMBER = "X01-001"
SUBJECT = f"/subjects/{NUMBER}/"
SAMPLE = "S-1"
LESIONS = (("liver", "40"), ("liver", "25"), ("lung", "18"), ("lung", "12"), ("axilla", "20"))


def one_regimen() -> Study:
    """LUNG-TMB, its doses signed, the hospital reads; every arm opens the doublet too, so that the
    patient's doses do not hang on the draw."""
    plain = signed().model_dump(mode="json", exclude_none=True)
    plain["response"]["evaluators"].append(HOSPITAL)
    plain["treatment"]["verified_by"] = 1
    for arm in plain["randomisation"]["arms"]:
        arm["regimens"] = list(dict.fromkeys(("DOUBLET", *arm["regimens"])))
    return Study.model_validate(plain)


def recorded(application: Served, *types: str) -> list[dict[str, Any]]:
    events = application.trial.log.read(subject=NUMBER, types=set(types))
    return [json.loads(each.body) for each in events]


def filled(page: Any, **entries: str) -> None:
    """Fill in fields by their names."""
    for name, value in entries.items():
        field = page.locator(f"main [name='{name}']")
        if field.evaluate("each => each.tagName") == "SELECT":
            field.select_option(value)
        else:
            field.fill(value)


def entered(page: Any, **entries: str) -> None:
    """Fill in fields by their names, and send the form; what was recorded is told."""
    filled(page, **entries)
    page.click("main button.main")
    page.wait_for_selector(".message.recorded")


@pytest.mark.requirement("RN3", "RN4", "PH1", "AT1", "SG1", "SG3", "SG4")
def test_a_patient_from_screening_to_the_lock(tmp_path: Path, chromium: Browser) -> None:
    if FAKETIME is None:
        pytest.skip("a patient whose days pass NOT TESTED: libfaketime is not on this machine")
    with served_behind(tmp_path, chromium, one_regimen(), behind=85) as application:
        _screened(application)
        _randomised(application)
        _first_cycle(application)
        application.wait(21)
        _second_cycle(application)
        application.wait(21)
        _assessed(application)
        application.wait(28)
        _confirmed(application)
        _serious(application)
        _asked_and_answered(application)
        _signed_and_locked(application)
        _no_violation(application)
        assert application.told == []


def _screened(application: Served) -> None:
    """The nurse screens, takes consent, fills in the forms with their verdicts, sends the sample;
    the investigator confirms; nobody is randomised before the laboratory has spoken."""
    nurse = application.page("nurse")
    assert nurse.locator("h1").inner_text().startswith("What there is to do")
    nurse.click("text=Screen a patient")
    assert nurse.input_value("#id_subject") == NUMBER
    today = application.trial.today.isoformat()
    entered(nurse, occurred=today)
    base = application.address + SUBJECT
    nurse.goto(f"{base}do/ConsentSigned/")
    entered(nurse, occurred=today, consent="participation", version="1")
    answers = {
        "person": {"item-age_years": "61", "item-sex": "F", "item-smoking": "EVER"},
        "cancer": {"item-histology": "ADENOCARCINOMA", "item-disease_stage": "IV"},
        "scan": {"item-scan_date": today, "item-measurable": "true"},
    }
    for form, items in answers.items():
        nurse.goto(f"{base}forms/{form}/new/")
        entered(nurse, **items)
    nurse.goto(f"{base}forms/status/new/")
    nurse.fill("[name=item-ecog_status]", "3")
    nurse.press("[name=item-ecog_status]", "Tab")
    nurse.wait_for_selector("#findings li.not_met:has-text('EX1')")
    _looked_at(application, nurse, "form while typing")
    entered(nurse, **{"item-ecog_status": "1", "item-serum_creatinine": "81.5"})
    _login_expires(application, nurse, f"{base}do/SampleCollected/")
    entered(nurse, occurred=today, material="ffpe")
    doctor = application.page("investigator")
    doctor.goto(f"{base}eligibility/")
    _looked_at(application, doctor, "eligibility before")
    doctor.click("main button.main")
    doctor.wait_for_selector(".message.recorded")
    nurse.goto(f"{base}randomise/")
    told = nurse.inner_text(".refused")
    assert "no valid TMB status" in told and "Way out" in told
    assert nurse.locator("[type=password]").count() == 0
    _looked_at(application, nurse, "randomise missing")


def _login_expires(application: Served, nurse: Any, address: str) -> None:
    """What was typed and sent after the login expired stands in the form after the next login."""
    nurse.goto(address)
    nurse.fill("[name=sample]", SAMPLE)
    nurse.context.clear_cookies(name="equipoise_session")
    nurse.click("main button.main")
    nurse.wait_for_url("**/accounts/login/**")
    nurse.fill("#id_login", "nurse")
    nurse.fill("#id_password", application.passwords["nurse"])
    nurse.click("main button.main")
    nurse.wait_for_url("**/")
    nurse.goto(address)
    assert nurse.input_value("[name=sample]") == SAMPLE


def _randomised(application: Served) -> None:
    """The laboratory finds the status; the nurse randomises, and clicks twice."""
    laboratory = application.page("laboratory")
    place = f"{application.address}/laboratory/subjects/{NUMBER}/"
    laboratory.goto(f"{place}do/SampleReceived/".replace("/laboratory/subjects", "/subjects"))
    entered(laboratory, sample=SAMPLE, adequate="true", tumour_cells="60",
            occurred=application.trial.today.isoformat())  # fmt: skip
    laboratory.goto(f"{application.address}/")
    laboratory.click("text=Analyse the sample >> xpath=ancestor::tr >> a")
    laboratory.goto(f"{place}result/")
    laboratory.fill("input[name=measurements-0-value]", "20")
    laboratory.keyboard.press("Enter")
    laboratory.wait_for_selector("text=Run recorded")

    nurse = application.page("nurse")
    nurse.goto(f"{application.address}{SUBJECT}randomise/")
    _looked_at(application, nurse, "randomise ready")
    nurse.goto(application.address + SUBJECT)
    _looked_at(application, nurse, "subject in screening")
    hands = Hands(nurse)
    hands.click("#allocation >> xpath=.. >> a")
    nurse.wait_for_selector("[type=password]:focus")
    hands.type(application.passwords["nurse"])
    hands.double_click("main button.main")
    nurse.wait_for_selector(".message.recorded")
    hands.told("randomise")
    assert hands.clicks <= 3 and hands.keys <= len(application.passwords["nurse"])
    (body,) = recorded(application, "Randomised")
    arms = {each.code: each.label.en for each in application.trial.study.randomisation.arms}
    assert arms[body["arm"]] in nurse.inner_text("section[aria-labelledby=allocation]")


def _first_cycle(application: Served) -> None:
    """Regimen, baseline scan, the first cycle in full doses; verified, dispensed and given."""
    doctor, nurse = application.page("investigator"), application.page("nurse")
    base = application.address + SUBJECT
    doctor.goto(f"{base}regimen/")
    doctor.check("[name=regimen][value=DOUBLET]")
    doctor.click("main button.main")
    doctor.wait_for_selector(".message.recorded")
    nurse.goto(f"{base}assessments/new/")
    nurse.fill("#id_occurred", application.trial.today.isoformat())
    for place, (organ, size) in enumerate(LESIONS):
        nurse.fill(f"[name=organ-added-{place}]", organ)
        nurse.fill(f"[name=size-added-{place}]", size)
    nurse.check("[name=node-added-4]")
    nurse.wait_for_selector("#judged >> text=115")
    nurse.click("main button.main")
    nurse.wait_for_selector(".message.recorded")
    _cycle(application, 1, amount="108.58", rule="Creatinine up to 120")


def _second_cycle(application: Served) -> None:
    """The creatinine rose: the rule proposes less exemplatin."""
    nurse = application.page("nurse")
    nurse.goto(f"{application.address}{SUBJECT}forms/status/new/?visit=cycle")
    entered(nurse, **{"item-ecog_status": "1", "item-serum_creatinine": "130.4"})
    _cycle(application, 2, amount="81.44", rule="Creatinine above 120 up to 250")


def _cycle(application: Served, number: int, *, amount: str, rule: str) -> None:
    """A cycle begun with the doses of the rules; exemplatin verified and dispensed by the
    pharmacist, who works in French, and given by the nurse."""
    doctor, nurse = application.page("investigator"), application.page("nurse")
    base = application.address + SUBJECT
    doctor.goto(f"{base}cycles/new/")
    entries = {"height": "170", "weight": "70"}
    for name, value in entries.items():
        doctor.fill(f"[name={name}]", value)
    doctor.wait_for_selector(f"#doses >> text={amount}")
    assert rule in doctor.inner_text("#doses")
    if number == 2:
        _looked_at(application, doctor, "cycle 2")
    doctor.click("main button.main")
    doctor.wait_for_selector(".message.recorded")
    pharmacist = application.page("pharmacist", language="fr")
    pharmacist.goto(f"{application.address}/pharmacy/subjects/{NUMBER}/cycles/{number}/")
    card = pharmacist.locator("section.dose", has_text="Exemplatine")
    french = amount.replace(".", ",")
    assert f"{french} mg" in card.inner_text()
    assert card.locator("[name=amount]").input_value() == french
    card.locator("button[value=released]").click()
    pharmacist.wait_for_selector(".message.recorded")
    card.locator("a.button").click()
    entered(pharmacist, lot="E-1", expiry="2199-12-31", unit=french, units="1",
            statement_seen="true")  # fmt: skip
    nurse.goto(f"{base}do/DoseGiven/")
    entered(nurse, occurred=application.trial.today.isoformat(), cycle=str(number), day="1",
            drug="exemplatin", administrations="1", amount=amount)  # fmt: skip


def _assessed(application: Served) -> None:
    """Five lesions by keyboard; the response stands there before anything is recorded."""
    nurse = application.page("nurse")
    nurse.goto(application.address + SUBJECT)
    hands = Hands(nurse)
    hands.click("section.response >> text=Tumour assessment")
    nurse.wait_for_selector("#id_occurred")
    hands.click("#id_size-T1")
    for size in ("28,5", "20", "10", "8", "12"):
        hands.type(size)
        hands.press("Enter")
    nurse.wait_for_selector("button.main:focus")
    nurse.wait_for_selector("#judged >> text=78.5 mm")
    said = nurse.inner_text("#judged")
    assert "−31.7 %" in said and "PR" in said
    hands.press("Enter")
    nurse.wait_for_url(f"**{SUBJECT}#response")
    hands.told("five lesions")
    assert hands.clicks <= 2 and hands.keys <= 20
    *_, body = recorded(application, "TumourAssessed")
    assert [each["diameter"] for each in body["targets"]] == ["28.5", "20", "10", "8", "12"]


def _confirmed(application: Served) -> None:
    """The third assessment: the response, four weeks later."""
    nurse = application.page("nurse")
    nurse.goto(f"{application.address}{SUBJECT}assessments/new/")
    for place, size in enumerate(("26", "19", "10", "8", "9"), 1):
        nurse.fill(f"#id_size-T{place}", size)
    nurse.wait_for_selector("#judged >> text=PR")
    nurse.click("main button.main")
    nurse.wait_for_url(f"**{SUBJECT}#response")
    drawn = nurse.locator("section.response svg text.said").all_text_contents()
    assert drawn[-2:] == ["PR", "PR"]


def _serious(application: Served) -> None:
    """A serious adverse event: the term searched, its grade, the report with its clock."""
    nurse = application.page("nurse")
    nurse.goto(application.address + SUBJECT)
    hands = Hands(nurse)
    hands.click("ul.actions >> text=Report an adverse event")
    nurse.wait_for_selector("#id_term:focus")
    hands.type("pneumon")
    nurse.wait_for_selector("#terms [role=option]:has-text('Pneumonitis')")
    while nurse.get_attribute("#terms [aria-selected=true]", "data-value") != "Pneumonitis":
        hands.press("ArrowDown")
    hands.press("Enter")
    nurse.wait_for_selector(".grades input[type=radio]:focus")
    hands.press("ArrowDown", "ArrowDown")
    assert nurse.is_checked(".grades input[value='3']")
    hands.click("#id_occurred")
    hands.type(application.trial.today.isoformat())
    hands.press("Tab", "Tab")
    hands.type("not")
    hands.press("Tab", "Space", "Enter")
    nurse.wait_for_url("**/serious/")
    hands.click("text=hospitalisation or prolongation of it")
    hands.click("#id_narrative")
    hands.type("Dyspnoea, admitted, oxygen, steroids.")
    hands.click("main button.main")
    nurse.wait_for_url(f"**{SUBJECT}adverse-events/AE1/")
    hands.told("report an SAE")
    assert hands.clicks <= 5 and hands.keys <= 90
    kinds = [each.type for each in application.trial.log.read(subject=NUMBER)][-2:]
    assert kinds == ["AdverseEventReported", "SeriousAdverseEventReported"]
    assert "in time" in nurse.inner_text("main")


def _asked_and_answered(application: Served) -> None:
    """The monitor asks about a creatinine, the nurse answers in French, the monitor closes."""
    events = application.trial.log.read(subject=NUMBER, types={"FormSaved"})
    seq = next(each.seq for each in events if "130.4" in each.body)
    item = "items/serum_creatinine/value"
    monitor, nurse = application.page("monitor"), application.page("nurse", language="fr")
    monitor.goto(f"{application.address}{SUBJECT}entries/{seq}/")
    monitor.click(f"a.ask[href*='item={item}']")
    entered(monitor, question="The source says 134?")
    nurse.goto(f"{application.address}/queries/")
    nurse.click(f"text={NUMBER}-Q1")
    entered(nurse, answer="130,4, relu sur le compte rendu")
    assert "répondue" in nurse.inner_text("main h1")
    monitor.goto(f"{application.address}{SUBJECT}queries/{NUMBER}-Q1/")
    close = monitor.locator("section[aria-labelledby=do-QueryClosed]")
    close.locator("[name=finding]").fill("confirmed by the source")
    close.locator("button").click()
    monitor.wait_for_selector(".message.recorded")
    assert recorded(application, "QueryClosed")


def _signed_and_locked(application: Served) -> None:
    """The investigator signs the case book, the data manager locks it: nothing more is entered."""
    doctor, manager = application.page("investigator"), application.page("data_manager")
    base = application.address + SUBJECT
    doctor.goto(f"{base}sign/")
    entered(doctor, password=application.passwords["inv"])
    assert "intact" in doctor.inner_text("main")
    manager.goto(f"{base}lock/")
    entered(manager, what="subject")
    nurse = application.page("nurse")
    given = len(recorded(application, "DoseGiven"))
    nurse.goto(f"{base}do/DoseGiven/")
    filled(nurse, occurred=application.trial.today.isoformat(), cycle="2", day="1",
           drug="fictabine", administrations="14", amount="1650")  # fmt: skip
    nurse.click("main button.main")
    assert "falls under the lock of the subject" in nurse.inner_text(".refused")
    assert len(recorded(application, "DoseGiven")) == given


def _no_violation(application: Served) -> None:
    """No page of the patient has a violation or is wider than its window, on a desk or a tablet."""
    places = {
        "nurse": ("/", "/position/", "/subjects/", "/subjects/new/", SUBJECT,
                  f"{SUBJECT}eligibility/",
                  f"{SUBJECT}forms/", f"{SUBJECT}forms/status/new/", f"{SUBJECT}entries/",
                  f"{SUBJECT}randomise/", f"{SUBJECT}regimen/", f"{SUBJECT}cycles/new/",
                  f"{SUBJECT}do/DoseGiven/", f"{SUBJECT}assessments/new/", "/safety/",
                  *(f"{SUBJECT}adverse-events/{each}" for each in HARM)),
        "investigator": (f"{SUBJECT}regimen/",),
    }  # fmt: skip
    for role, addresses in places.items():
        page = application.page(role)
        for place in addresses:
            page.goto(application.address + place)
            _looked_at(application, page, f"{role} {place}")
    page = application.page("nurse", language="fr")
    page.goto(f"{application.address}{SUBJECT}adverse-events/new/")
    page.fill("#id_term", "")
    page.type("#id_term", "naus")
    page.wait_for_selector("#terms [role=option]")
    _looked_at(application, page, "terms")


HARM = ("", "new/", "AE1/", "AE1/serious/", "AE1/follow-up/")


def _looked_at(application: Served, page: Any, name: str) -> None:
    """A page as it stands: what is wrong with it is kept in `told`, so that all is told at once."""
    pictures = os.environ.get("EQUIPOISE_PICTURES")
    for width in (820, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_load_state("networkidle")
        if pictures:
            file = "".join(each if each.isalnum() else "-" for each in name)
            page.screenshot(path=Path(pictures) / f"{file}-{width}.png", full_page=True)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        application.told += [f"{name} at {width}: {wide} pixels too wide"] if wide > 0 else []
    found = Axe().run(page)
    application.told += [f"{name}: {found.generate_report()}"] if found.violations_count else []
