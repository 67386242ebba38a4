"""The marker on a subject's page: the way of the sample, and the status as far as the study says.

Where the study does not disclose the marker to hospitals they are told whether a status is there,
and never which (BM1).
"""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from equipoise.biomarker.path import DETERMINED, TO_BEGIN
from equipoise.study.access import ROLES
from equipoise.web.asking import Asking, Request
from equipoise.web.doing import may_do
from equipoise.web.laboratory_view import bench, statuses
from equipoise.web.page import CLINICAL
from equipoise.web.pages.laboratory import SEES_MARKER, steps
from equipoise.web.panels import panel
from equipoise.web.sample_view import samples_of
from equipoise.web.sight import Sight
from equipoise.web.worklist import Task, Urgency, tasks_of


@panel("marker", 15, ROLES - {"reader", "laboratory"})
def marker(request: Request, subject: str) -> dict[str, Any] | None:
    """The sample's way and the status; or that there is one, where it is not to be told."""
    asking, ask = request.asking, request.asking.trial.ask
    study = ask.study(ask.site(subject))
    path = ask.on_path(subject)
    told = Sight.of(asking).sees("AssayResultRecorded", "result")
    found = []
    if told:
        rows = statuses(study.biomarker, ask.derived(subject, "marker_status"), "randomisation")
        found = [each for each in rows if each["in_force"] or asking.role in SEES_MARKER]
    return {
        "samples": samples_of(ask, subject), "path": path, "told": told, "statuses": found,
        "available": path["place"] == DETERMINED, "marker": study.biomarker.marker,
        "steps": steps(study), "today": ask.today(ask.site(subject)),
        "may_collect": may_do(asking, "SampleCollected"),
        "open": asking.role in SEES_MARKER,
    }  # fmt: skip


@tasks_of(*sorted(CLINICAL))
def path_tasks(asking: Asking) -> list[Task]:
    """Of patients in screening what the declared path waits for: a sample, a cut, a biopsy."""
    found = []
    for each in bench(asking.trial, asking.site):
        today = asking.trial.ask.today(each.site)
        path = each.on_path(today) if each.in_screening else None
        if path is None or path["place"] not in TO_BEGIN.values():
            continue
        late = path["due"] is not None and path["due"] < today
        urgency: Urgency = "overdue" if late else "due" if path["due"] else "waiting"
        link = reverse("subject", args=[each.subject])
        found.append(
            Task(f"task.path.{path['place']}", each.subject, "", path["due"], urgency, link)
        )
    return found
