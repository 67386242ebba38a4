"""A run of an assay entered: measurements, controls, file; and what the rules make of it, before
and after it is recorded. The central reading of the tumour likewise."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from equipoise.biomarker.events import AssayResultRecorded, PathologyReviewed
from equipoise.biomarker.plan import Assay, BiomarkerPlan
from equipoise.errors import BadInput, EquipoiseError
from equipoise.record.event import decimal_text
from equipoise.web import logins
from equipoise.web.asking import Asking, Request
from equipoise.web.doing import answered, last_seen, may_do, offer_to
from equipoise.web.forms.action import ActionForm
from equipoise.web.laboratory_files import TYPES, as_kept, kept_file
from equipoise.web.laboratory_view import assay_of, shown_value, statuses
from equipoise.web.page import page
from equipoise.web.pages.actions import OWN_SCREEN
from equipoise.web.pages.laboratory import SEES_MARKER
from equipoise.web.refusal import shown
from equipoise.web.wording import wording

OWN_SCREEN["AssayResultRecorded"] = "assays"
OWN_SCREEN["PathologyReviewed"] = "pathology"
LABORATORY = frozenset({"laboratory"})


@page("laboratory/subjects/<str:subject>/result/", name="assays", roles=LABORATORY, about="subject")
def assays(request: Request, subject: str) -> HttpResponse:
    """Which assay was run."""
    plan = _plan(request.asking, subject)
    if len(plan.marker.assays) == 1:
        return redirect("assay_result", subject=subject, assay=plan.marker.assays[0].code)
    content = {"subject": subject, "assays": plan.marker.assays,
               "path": request.asking.trial.ask.on_path(subject)}  # fmt: skip
    return render(request, "laboratory/assays.html", content)


def _plan(asking: Asking, subject: str) -> BiomarkerPlan:
    return asking.trial.ask.study(asking.trial.ask.site(subject)).biomarker


def _assay(asking: Asking, subject: str, code: str) -> Assay:
    found = assay_of(_plan(asking, subject), code)
    if found is None:
        raise Http404
    return found


def result_form(request: Request, subject: str, assay: Assay, data: Any) -> ActionForm:
    """The form of a run: a row for each measurement and control that the study declares."""
    asking, ask = request.asking, request.asking.trial.ask
    offer = offer_to(asking, subject)
    randomised = any(each.type == "Randomised" for each in ask.events(subject))
    asked = request.GET.get("purpose")
    samples = [name for name, _ in offer.samples()]
    start = {
        "occurred": ask.today(ask.site(subject)), "technically_valid": "true",
        "purpose": asked or ("redetermination" if randomised else "randomisation"),
        "sample": request.GET.get("sample") or (samples[0] if samples else None),
        "result": _next_name(asking, subject, assay),
        "measurements": [{"measurement": e.code, "quality": "passed"} for e in assay.measurements],
        "controls": [{"control": each.code} for each in assay.controls],
    }  # fmt: skip
    form = ActionForm(
        "AssayResultRecorded", offer, data, seen=last_seen(asking, subject), initial=start,
        fixed={"assay": assay.code},
        leave_out=frozenset() if assay.internal_control_needed else frozenset({"internal_control"}),
    )  # fmt: skip
    if not assay.controls:
        form.rows.pop("controls", None)
    for item, name in (("measurements", "measurement"), ("controls", "control")):
        for row in form.rows.get(item, ()):
            row.fields[name].widget = forms.HiddenInput()
    form.fields["raw_file"].help_text = wording(asking.language)["run.file.hash"]
    return form


def _next_name(asking: Asking, subject: str, assay: Assay) -> str:
    """A name for the next run: the subject, the assay and the number after those recorded."""
    number = sum(e.type == AssayResultRecorded.TYPE for e in asking.trial.ask.events(subject)) + 1
    return f"R-{subject}-{assay.code}-{number}"[:64]


def _rows(form: ActionForm, assay: Assay, asking: Asking) -> list[tuple[str, list[Any]]]:
    """The rows of the form beside what the study says of each: label, unit, what is expected."""
    words = wording(asking.language)
    measured = [
        (row, words.get(f"measurement.{each.code}", each.code), each.unit,
         f"{decimal_text(each.minimum)} – {decimal_text(each.maximum)}")
        for row, each in zip(form.rows["measurements"], assay.measurements, strict=False)
    ]  # fmt: skip
    controls = [
        (row, words.label(each.label), each.unit, _limits(each, words)
         + (f" · {words['run.obligatory']}" if each.obligatory else ""))
        for row, each in zip(form.rows.get("controls", ()), assay.controls, strict=False)
    ]  # fmt: skip
    return [("measurements", measured), ("controls", controls)]


def _limits(limits: Any, words: Any) -> str:
    signs = (("at_least", "≥"), ("above", ">"), ("below", "<"), ("at_most", "≤"))
    found = [(sign, getattr(limits, name)) for name, sign in signs]
    told = " · ".join(f"{sign} {decimal_text(value)}" for sign, value in found if value is not None)
    return told.replace(".", ",") if words.language == "fr" else told


@page("laboratory/subjects/<str:subject>/result/<str:assay>/", name="assay_result",
      roles=LABORATORY, about="subject", methods=("GET", "POST"))  # fmt: skip
def assay_result(request: Request, subject: str, assay: str) -> HttpResponse:
    """Enter a run of an assay: measurements, controls of the run, and its file by its hash."""
    asking = request.asking
    plan = _assay(asking, subject, assay)
    data, wrong = None, ""
    if request.method == "POST":
        data, wrong = _with_file(request)
    form = result_form(request, subject, plan, data)
    if wrong:
        form.add_error("raw_file", wrong)
    return answered(
        request, "laboratory/result.html", form, subject=subject,
        site=asking.trial.ask.site(subject), then=reverse("laboratory_subject", args=[subject]),
        assay=plan, groups=_rows(form, plan, asking), types=", ".join(sorted(TYPES)),
        marker=_plan(asking, subject).marker,
    )  # fmt: skip


def _with_file(request: Request) -> tuple[Any, str]:
    """What was posted, with the hash of the file that came with it; or what is wrong with that."""
    data = request.POST.copy()
    file = request.FILES.get("file")
    if file is None:
        return data, ""
    try:
        data["raw_file"] = kept_file(file)
    except BadInput as error:
        words = wording(request.asking.language)
        return data, words[f"file.{error.field}"].format(found=error.found, allowed=error.allowed)
    return data, ""


@page("laboratory/subjects/<str:subject>/result/<str:assay>/check/", name="assay_check",
      roles=LABORATORY, about="subject", methods=("POST",))  # fmt: skip
def assay_check(request: Request, subject: str, assay: str) -> HttpResponse:
    """What the rules would make of a run as it stands in the form; nothing is recorded."""
    asking, ask = request.asking, request.asking.trial.ask
    found = _assay(asking, subject, assay)
    form = result_form(request, subject, found, request.POST)
    if not form.is_valid():
        return render(request, "laboratory/check.html", {"incomplete": True})
    action = form.as_action(asking, subject=subject, site=ask.site(subject))
    try:
        (body, *_) = ask.foreseen(action)
        assert isinstance(body, AssayResultRecorded)
        runs = ask.derived_with(action, body, "assay_value").filter(result=body.result)
        status = ask.derived_with(action, body, "marker_status")
    except EquipoiseError as error:
        return render(request, "laboratory/check.html", {"error": shown(error)})
    row = runs.row(0, named=True)
    plan = _plan(asking, subject)
    content = {
        "run": row, "assay": found, "value": shown_value(row["total"], row["count"]),
        "statuses": statuses(plan, status, body.purpose),
    }  # fmt: skip
    return render(request, "laboratory/check.html", content)


@page("laboratory/subjects/<str:subject>/files/<str:sha256>/", name="laboratory_file",
      roles=SEES_MARKER, about="subject")  # fmt: skip
def laboratory_file(request: Request, subject: str, sha256: str) -> HttpResponse:
    """The raw file of a run, checked against the hash that the record holds; that it was taken away
    is kept first, by its hash alone: who reads the logins learns of no subject."""
    ask = request.asking.trial.ask
    named = {
        str(ask.standing(subject, event.seq).body.get("raw_file"))
        for event in ask.events(subject)
        if event.type == AssayResultRecorded.TYPE
    }
    content = as_kept(sha256) if sha256 in named else None
    if content is None:
        raise Http404
    logins.keep("FileTaken", request.asking.person, {"file": sha256, "role": request.asking.role})
    answer = HttpResponse(content, content_type="application/octet-stream")
    answer["Content-Disposition"] = f'attachment; filename="{sha256}"'
    return answer


@page("laboratory/subjects/<str:subject>/pathology/", name="pathology", roles=LABORATORY,
      about="subject", methods=("GET", "POST"))  # fmt: skip
def pathology(request: Request, subject: str) -> HttpResponse:
    """The central reading of the tumour: Ki-67, mitoses, differentiation; the grade is the rule's.

    What the hospital's pathologist said is not shown: the central reading is made without it."""
    asking = request.asking
    if _plan(asking, subject).pathology is None:
        raise Http404
    form = _pathology_form(request, subject, request.POST if request.method == "POST" else None)
    return answered(
        request, "laboratory/pathology.html", form, subject=subject,
        site=asking.trial.ask.site(subject), then=reverse("laboratory_subject", args=[subject]),
    )  # fmt: skip


def _pathology_form(request: Request, subject: str, data: Any) -> ActionForm:
    asking, ask = request.asking, request.asking.trial.ask
    plan = _plan(asking, subject).pathology
    number = sum(e.type == PathologyReviewed.TYPE for e in ask.events(subject)) + 1
    start = {
        "occurred": ask.today(ask.site(subject)), "review": f"P-{subject}-{number}",
        "classification": plan.in_force if plan else None,
    }  # fmt: skip
    return ActionForm(
        "PathologyReviewed", offer_to(asking, subject), data, seen=last_seen(asking, subject),
        initial=start,
    )  # fmt: skip


@page("laboratory/subjects/<str:subject>/pathology/check/", name="pathology_check",
      roles=LABORATORY, about="subject", methods=("POST",))  # fmt: skip
def pathology_check(request: Request, subject: str) -> HttpResponse:
    """The central grade by each version of the classification, as the reading stands in the form;
    nothing is recorded."""
    asking, ask = request.asking, request.asking.trial.ask
    if not may_do(asking, "PathologyReviewed"):
        raise Http404
    form = _pathology_form(request, subject, request.POST)
    if not form.is_valid():
        return render(request, "laboratory/grades.html", {"incomplete": True})
    action = form.as_action(asking, subject=subject, site=ask.site(subject))
    try:
        (body, *_) = ask.foreseen(action)
        assert isinstance(body, PathologyReviewed)
        found = ask.derived_with(action, body, "tumour_grade")
    except EquipoiseError as error:
        return render(request, "laboratory/grades.html", {"error": shown(error)})
    plan = _plan(asking, subject).pathology
    labels = {each.version: each.label for each in plan.classifications} if plan else {}
    rows = [(labels.get(row["classification"]), row["central"]) for row in found.rows(named=True)]
    return render(request, "laboratory/grades.html", {"grades": rows})
