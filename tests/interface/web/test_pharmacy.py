"""The pharmacy's pages: verify, dispense, take back, destroy; and who sees none of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.dosed import allocated, signed
from tests.harness.web import Web, hidden, text, web
from tests.interface.conduct.test_dosing import CYCLE, status


@pytest.fixture
def treated(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Web, str]]:
    """A subject whose first cycle of the doublet has begun; `verified_by` as the test says."""
    study = signed()
    plan = study.treatment.model_copy(update={"verified_by": getattr(request, "param", 0)})
    with web(tmp_path, study.model_copy(update={"treatment": plan}), behind=90) as site:
        subject = allocated(site.trial)
        site.trial.act("RegimenChosen", {"regimen": "DOUBLET"}, subject=subject)
        status(site.trial, subject, "2", ecog_status="1", serum_creatinine="80")
        site.trial.act("CycleStarted", CYCLE, subject=subject)
        yield site, subject


def verify(site: Web, subject: str, drug: str, role: str = "pharmacist", **entries: str):  # type: ignore[no-untyped-def]
    """Release a dose as it is filled in; the answer."""
    address = f"/pharmacy/subjects/{subject}/cycles/1/"
    page = site.client(role).get(address).content.decode()
    part = page[page.index(f'value="{drug}"') :]
    part = part[: part.index("</form>")]
    found = hidden("<main" + part)
    amount = part[part.index('name="amount"') :]
    amount = amount[amount.index('value="') + 7 :].split('"')[0]
    posted = {"drug": drug, "verdict": "released", "amount": amount, **found, **entries}
    return site.client(role).post(address, posted)


@pytest.mark.requirement("PH1")
def test_a_cycle_goes_through_the_pharmacy(treated: tuple[Web, str]) -> None:
    site, subject = treated
    lot = {**LOT, "dispensing": "D-1", "occurred": site.trial.today.isoformat()}
    browser, address = site.client("pharmacist"), f"/pharmacy/subjects/{subject}/cycles/1/"
    assert f"{subject}" in text(browser.get("/pharmacy/")) and "Dispense" in text(browser.get("/"))
    page = text(browser.get(address))
    for told in ("1.8097 m²", "108.58 mg", "Creatinine up to 120"):
        assert told in page, "170 cm and 70 kg by Du Bois, 60 mg/m2, and the rule that decided"
    assert verify(site, subject, "fictabine").status_code == 302
    (event,) = site.trial.log.read(types={"DoseVerified"})
    assert json.loads(event.body)["verdict"] == "released"
    refused = site.filled("pharmacist", f"{address}dispense/exemplatin/", lot)
    assert refused.status_code == 422 and "Creatinine taken into account" in text(refused)
    dispensed = site.filled("pharmacist", f"{address}dispense/fictabine/", {**lot, "unit": "250"})
    assert dispensed.status_code == 302, text(dispensed)
    (event,) = site.trial.log.read(types={"DrugDispensed"})
    name = json.loads(event.body)["dispensing"]
    back = f"/pharmacy/subjects/{subject}/dispensings/{name}/"
    today = site.trial.today.isoformat()
    returned = {"units": "30", "fate": "quarantined", "occurred": today}
    assert site.filled("pharmacist", f"{back}return/", returned).status_code == 302
    more = site.filled("pharmacist", f"{back}destroy/", {**returned, "units": "31"})
    assert more.status_code == 422 and "at most the 30 units" in text(more)
    assert (
        site.filled("pharmacist", f"{back}destroy/", {**returned, "units": "12"}).status_code == 302
    )
    lots = text(browser.get("/pharmacy/lots/"))
    assert "F-77 2199-12-31 250 mg — 100 — 30 12 18 70" in lots
    came = {"receipt": "N1", "drug": "fictabine", **lot, "unit": "250", "units": "90"}
    assert site.filled("pharmacist", "/pharmacy/lots/new/", came).status_code == 302
    lots = text(browser.get("/pharmacy/lots/"))
    assert "F-77 2199-12-31 250 mg 90 100 -10 more left than came 30 12 18 70" in lots
    assert site.client("nurse").get("/pharmacy/lots/new/").status_code == 403


LOT = {"lot": "F-77", "expiry": "2199-12-31", "unit": "1", "units": "100"}


@pytest.mark.requirement("PH1")
def test_a_held_dose_waits_and_says_for_what(treated: tuple[Web, str]) -> None:
    site, subject = treated
    silent = verify(site, subject, "fictabine", verdict="held")
    assert silent.status_code == 422 and "why it is held" in text(silent)
    verify(site, subject, "fictabine", verdict="held", remark="creatinine of today?")
    assert "A held dose waits" in text(site.client("pharmacist").get("/"))
    page = text(site.client("pharmacist").get(f"/pharmacy/subjects/{subject}/cycles/1/"))
    assert "held" in page and "creatinine of today?" in page
    other = verify(site, subject, "fictabine", amount="1000")
    assert other.status_code == 422 and "where the rule gives" in text(other)


@pytest.mark.requirement("PH1", "SG1")
@pytest.mark.parametrize("treated", [2], indirect=True)
def test_two_pharmacists_each_with_their_password(treated: tuple[Web, str]) -> None:
    site, subject = treated
    body = {"person": "pharm-2", "granted_role": "pharmacist", "granted_site": site.trial.site}
    site.trial.act("GrantGiven", body, "administrator")
    assert "Verify the dose" in text(site.client("pharmacist").get("/"))
    wrong = verify(site, subject, "fictabine", password="wrong")
    assert wrong.status_code == 422 and "not your password" in text(wrong)
    first = next(iter({p for p in site.passwords if p.startswith("pharm")}))
    assert verify(site, subject, "fictabine", password=site.passwords[first]).status_code == 302
    page = text(site.client("pharmacist").get(f"/pharmacy/subjects/{subject}/cycles/1/"))
    assert "to verify" in page, "one of two"
    site.account("pharm-2")
    done = verify(site, subject, "fictabine", "pharm-2", password=site.passwords["pharm-2"])
    assert done.status_code == 302
    states = text(site.client("pharmacist").get("/pharmacy/?state=to_dispense"))
    assert "fictabine" in states.lower()


@pytest.mark.requirement("PH1", "UA1")
@pytest.mark.parametrize(
    ("role", "opens"),
    [("monitor", True), ("data_manager", True), ("auditor", True), ("nurse", False),
     ("investigator", False), ("laboratory", False), ("reader", False), ("statistician", False),
     ("administrator", False)],
)  # fmt: skip
def test_who_may_look_into_the_pharmacy(treated: tuple[Web, str], role: str, opens: bool) -> None:
    site, subject = treated
    for address in ("/pharmacy/", "/pharmacy/lots/", f"/pharmacy/subjects/{subject}/",
                    f"/pharmacy/subjects/{subject}/cycles/1/"):  # fmt: skip
        answer = site.client(role).get(address)
        assert answer.status_code == (200 if opens else 403), (role, address)
        assert not opens or "Release the dose" not in text(answer)


def test_a_pharmacist_works_in_french(treated: tuple[Web, str]) -> None:
    site, subject = treated
    site.account("pharm", language="fr")
    browser = site.client("pharmacist")
    assert "À faire" in text(browser.get("/pharmacy/"))
    page = text(browser.get(f"/pharmacy/subjects/{subject}/cycles/1/"))
    assert "Surface corporelle" in page and "Valider la dose" in page
    assert "par jour" in page and "Exemplatine" in page
