"""One cycle in the pharmacy: each dose as the rules decide it, verified, dispensed, taken back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from equipoise.web.asking import Asking, Request
from equipoise.web.doing import Done, answered, do, last_seen, may_do, offer_to, told
from equipoise.web.forms.action import ActionForm
from equipoise.web.page import page
from equipoise.web.pages.actions import OWN_SCREEN
from equipoise.web.pages.pharmacy import PHARMACISTS, SEES_PHARMACY, cycle_of
from equipoise.web.pharmacy_view import CycleWork, DrugWork, dispensings, shelf, strength
from equipoise.web.reauthentication import confirmed
from equipoise.web.wording import wording

for _action in ("DoseVerified", "DrugDispensed", "DrugReturned", "DrugDestroyed"):
    OWN_SCREEN[_action] = "pharmacy_subject"

CYCLE = "pharmacy/subjects/<str:subject>/cycles/<int:cycle>/"


@page(CYCLE, name="pharmacy_cycle", roles=SEES_PHARMACY, about="subject", methods=("GET", "POST"))
def pharmacy_cycle(request: Request, subject: str, cycle: int) -> HttpResponse:
    """The doses of a cycle with measures, rules and sources; a pharmacist releases or holds."""
    asking = request.asking
    ask = asking.trial.ask
    work = cycle_of(asking, subject, cycle)
    posted = request.POST if request.method == "POST" and may_do(asking, "DoseVerified") else None
    asked = posted.get("drug") if posted is not None else None
    done = Done()
    cards = []
    for drug in work.drugs:
        form = _verification(request, work, drug, posted if drug.drug == asked else None)
        if form is not None and drug.drug == asked:
            done = _verified(request, form, subject)
            if done.events:
                told(request, "DoseVerified", done.events)
                return redirect("pharmacy_cycle", subject=subject, cycle=cycle)
        cards.append((drug, form, _said(asking, subject, cycle, drug.drug)))
    content = {
        "subject": subject, "site": ask.site(subject), "work": work, "cards": cards,
        "error": done.error, "wrong": asked, "measures": _measures(asking, subject, cycle),
        "needed": ask.study(ask.site(subject)).treatment.verified_by,
        "may_dispense": may_do(asking, "DrugDispensed"),
        "balance": _balance(asking, subject, cycle),
    }  # fmt: skip
    return render(request, "pharmacy/cycle.html", content, status=done.status)


def _verification(
    request: Request, work: CycleWork, drug: DrugWork, data: Any
) -> ActionForm | None:
    """The form that releases or holds a dose; None where there is nothing for this person to do."""
    asking = request.asking
    if not may_do(asking, "DoseVerified") or drug.step == "nothing":
        return None
    if asking.person in drug.verification.persons and data is None:
        return None
    if data is not None and data.get("verdict") == "held":
        data = data.copy()
        data["amount"] = ""
    words = wording(asking.language)
    form = ActionForm(
        "DoseVerified", offer_to(asking, work.subject), data, seen=last_seen(asking, work.subject),
        initial={"amount": drug.decision.dispensed, "reason": ""},
        fixed={"cycle": work.cycle, "drug": drug.drug}, leave_out=frozenset({"against_rule"}),
    )  # fmt: skip
    form.auto_id = f"{drug.drug}-%s"
    form.fields["reason"].label = words["pharmacy.reason"]
    form.fields["reason"].widget = forms.TextInput()
    form.fields["remark"].label = words["pharmacy.remark"]
    if asking.trial.ask.study(work.site).treatment.verified_by > 1:
        form.fields["password"] = forms.CharField(
            label=words["confirm.password"],
            widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        )
    return form


def _verified(request: Request, form: ActionForm, subject: str) -> Done:
    asking = request.asking
    asked = "password" in form.fields and form.is_valid()
    if asked and not confirmed(request, form.cleaned_data["password"]):
        form.add_error("password", wording(asking.language)["confirm.wrong"])
        return Done(status=422)
    return do(asking, form, subject=subject, site=asking.trial.ask.site(subject))


def _said(asking: Asking, subject: str, cycle: int, drug: str) -> list[Any]:
    """What pharmacists said of the dose, the latest first: the entries, with what they say."""
    ask = asking.trial.ask
    found = [
        (event, ask.standing(subject, event.seq).body)
        for event in ask.events(subject)
        if event.type == "DoseVerified"
    ]
    return [(event, body) for event, body in reversed(found)
            if (body["cycle"], body["drug"]) == (cycle, drug)]  # fmt: skip


def _measures(asking: Asking, subject: str, cycle: int) -> Any:
    ask = asking.trial.ask
    for event in ask.events(subject):
        if event.type == "CycleStarted":
            body = ask.standing(subject, event.seq).body
            if body["cycle"] == cycle:
                return {**body, "event": event}
    return None


def _balance(asking: Asking, subject: str, cycle: int) -> dict[str, Any]:
    """What was dispensed, returned and given of each drug of the cycle, in mg."""
    rows = asking.trial.ask.derived(subject, "accountability").filter(cycle=cycle)
    names = ("dispensed", "returned", "administered", "difference")
    return {
        row["drug"]: {name: strength(row[name]) for name in names}
        for row in rows.iter_rows(named=True)
    }


@page(f"{CYCLE}dispense/<str:drug>/", name="dispense", roles=PHARMACISTS, about="subject",
      methods=("GET", "POST"))  # fmt: skip
def dispense(request: Request, subject: str, cycle: int, drug: str) -> HttpResponse:
    """Dispense units of one lot of a drug for a cycle."""
    asking, ask = request.asking, request.asking.trial.ask
    work = cycle_of(asking, subject, cycle)
    found = next((each for each in work.drugs if each.drug == drug), None)
    if found is None:
        raise Http404
    site = ask.site(subject)
    study = ask.study(site)
    number = len(shelf(asking.trial, subject).account) + 1
    states = study.treatment.modifications.stated_for(work.regimen, drug)
    form = ActionForm(
        "DrugDispensed", offer_to(asking, subject), request.POST or None,
        seen=last_seen(asking, subject), fixed={"cycle": cycle, "drug": drug},
        initial={"occurred": ask.today(site), "dispensing": f"D-{subject}-{number}", "reason": ""},
        leave_out=frozenset() if states else frozenset({"statement_seen"}),
    )  # fmt: skip
    form.fields["reason"].label = wording(asking.language)["pharmacy.dispense.reason"]
    account = dispensings(asking.trial, site).filter(drug=drug)
    known = account.select("lot", "expiry", "unit").unique().sort("expiry").rows(named=True)
    form.fields["lot"].widget.attrs["list"] = "lots"
    return answered(
        request, "pharmacy/dispense.html", form, subject=subject, site=site,
        then=reverse("pharmacy_cycle", args=[subject, cycle]), work=work, drug=found,
        states=states, lots=[{**each, "strength": strength(each["unit"])} for each in known],
    )  # fmt: skip


@page("pharmacy/subjects/<str:subject>/dispensings/<str:dispensing>/return/", name="drug_return",
      roles=PHARMACISTS, about="subject", methods=("GET", "POST"))  # fmt: skip
def drug_return(request: Request, subject: str, dispensing: str) -> HttpResponse:
    """Take back units of a dispensing, destroyed at once or put into quarantine."""
    return _of_dispensing(request, subject, dispensing, "DrugReturned")


@page("pharmacy/subjects/<str:subject>/dispensings/<str:dispensing>/destroy/", name="drug_destroy",
      roles=PHARMACISTS, about="subject", methods=("GET", "POST"))  # fmt: skip
def drug_destroy(request: Request, subject: str, dispensing: str) -> HttpResponse:
    """Destroy units of a dispensing that stand in quarantine."""
    return _of_dispensing(request, subject, dispensing, "DrugDestroyed")


def _of_dispensing(request: Request, subject: str, name: str, action: str) -> HttpResponse:
    asking, ask = request.asking, request.asking.trial.ask
    rows = shelf(asking.trial, subject).account.filter(dispensing=name).rows(named=True)
    if not rows:
        raise Http404
    (row,) = rows
    site = ask.site(subject)
    form = ActionForm(
        action, offer_to(asking, subject), request.POST or None, seen=last_seen(asking, subject),
        fixed={"dispensing": name}, initial={"occurred": ask.today(site)},
    )  # fmt: skip
    return answered(
        request, "pharmacy/back.html", form, subject=subject, site=site,
        then=reverse("pharmacy_cycle", args=[subject, row["cycle"]]), action=action,
        row={**row, "strength": strength(row["unit"])},
    )  # fmt: skip
