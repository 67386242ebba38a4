"""What the marker's declared path allows: the status that randomisation uses, steps in order."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import polars as pl

from equipoise.biomarker.events import AssayResultRecorded, SampleCollected, SampleDerived
from equipoise.biomarker.path import DETERMINED, ENDED, PAST, standing_on
from equipoise.biomarker.plan import DeclaredPath, Marker
from equipoise.biomarker.steps import declared_path, step_place
from equipoise.conduct.context import Context
from equipoise.errors import BadInput, Refused
from equipoise.study.access import SITE_ROLES

_TO_DO: Mapping[str, str] = {
    "awaiting_sample": "record the sample",
    "to_be_recut": "cut another sample of the block and record it with its step",
    "to_be_rebiopsied": "take another biopsy and record it with its step",
}
"""What a subject needs who stands at a place without a sample."""


def status_for_randomisation(context: Context) -> str:
    """The status by the version of the rule in force, from results for randomisation only, in time.

    Refused, with the place on the declared path, when there is none and the study does not give
    such subjects a stratum of their own.
    """
    found = place_on_path(context)
    if found["status"] is not None:
        return str(found["status"])
    marker = context.study.biomarker.marker
    raise context.refuse(
        f"cannot be randomised: no valid {marker.code} status by rule {marker.rule_in_force}, "
        f"because {_because(context, found)}",
        rule="RN3",
        clause=_declared(marker, found) or marker.source,
        value=found["place"],
        way_out=_way_out(marker, found),
    )


def check_step(context: Context, body: SampleCollected | SampleDerived) -> None:
    """Refuse a sample for a step of the declared path that is not the open one, or too late.

    BadInput when there is no such step, or it is done with the other kind of sample.
    """
    if body.step is None:
        return
    path = context.study.biomarker.marker.path
    wanted = "rebiopsy" if isinstance(body, SampleCollected) else "recut"
    steps = [each for each in path.steps if each.material == wanted] if path else []
    if path is None or body.step not in [each.code for each in steps]:
        allowed = ", ".join(each.code for each in steps) or "there is none"
        raise BadInput(
            f"a step of the declared path that is a {wanted}: {allowed}",
            where=f"{body.TYPE} {body.sample}",
            field="step",
            found=body.step,
        )
    found = place_on_path(context)
    if found["step"] == body.step and found["place"] not in (DETERMINED, PAST, ENDED):
        return
    raise _out_of_order(context, path, found, f"{body.sample} cannot be of the step {body.step}")


def check_run(context: Context, body: AssayResultRecorded) -> None:
    """Refuse a run for randomisation on a sample other than those of the step that has decided.

    Such a run could exchange a status that is known. A correction is refused if it makes a run one
    for randomisation, or one on a sample of another step.
    """
    path = context.study.biomarker.marker.path
    if body.purpose != "randomisation" or path is None:
        return
    if not any(event.type == AssayResultRecorded.TYPE for event in context.events):
        return  # without a result there is no status yet
    found = place_on_path(context)
    if found["place"] != DETERMINED:
        return
    of_sample = dict(context.derived("sample_state").select("sample", "step").iter_rows())
    steps = declared_path(context.study.biomarker)

    def place(sample: str) -> int:
        return step_place(steps, of_sample.get(sample))

    said = context.derived("assay_value").filter(result=body.result)
    if len(said) and (said["purpose"].item(), place(said["sample"].item())) == (
        body.purpose,
        place(body.sample),
    ):
        return
    if place(body.sample) != step_place(steps, found["step"]) or _is_new_block(context, body):
        step = steps.steps[place(body.sample)].code
        told = f"{body.sample} is of the step {step}, and a run on it cannot be for randomisation"
        raise _out_of_order(context, path, found, told)


def _is_new_block(context: Context, body: AssayResultRecorded) -> bool:
    """Whether the run is on a sample of which none was read before: another biopsy or tube that
    names no step, once a status is known."""
    origin = dict(context.derived("sample_state").select("sample", "origin").iter_rows())
    read = context.derived("assay_value").filter(purpose="randomisation")["sample"]
    return origin.get(body.sample) not in {origin.get(each) for each in read}


def place_on_path(context: Context) -> dict[str, Any]:
    """The subject's row of the declared path by the rule in force, as it is on the day."""
    plan = context.study.biomarker
    path = context.derived("marker_path").filter(
        subject=context.subject, rule=plan.marker.rule_in_force
    )
    said = context.action.occurred
    day = datetime.date.fromisoformat(said) if said and len(said) == 10 else context.today
    return standing_on(path, pl.Series([day]), plan).row(0, named=True)


def _because(context: Context, found: Mapping[str, Any]) -> str:
    """Why there is no status. What a laboratory wrote is told to a site only if the study discloses
    the marker to sites."""
    plan = context.study.biomarker
    first = declared_path(plan).steps[0].code
    told = plan.disclosed_to_sites or context.action.role not in SITE_ROLES
    if not told and found["place"] not in (DETERMINED, PAST) and found["step"] != first:
        return f"nothing that has come so far gives one ({found['place'].replace('_', ' ')})"
    return str(found["finding"])


def _out_of_order(
    context: Context, path: DeclaredPath, found: Mapping[str, Any], told: str
) -> Refused:
    marker = context.study.biomarker.marker
    known = found["place"] == DETERMINED
    now = (
        f"the status of {marker.code} was determined at the step {found['step']}"
        if known
        else _because(context, found)
    )
    otherwise = "record the run as a redetermination, and the sample without a step"
    return context.refuse(
        f"{told}: {now}",
        rule="declared path",
        clause=_declared(marker, found) or path.source,
        value=found["place"],
        way_out=otherwise if known else _way_out(marker, found),
    )


def _declared(marker: Marker, found: Mapping[str, Any]) -> str | None:
    """The declared path as far as it concerns the subject: the open step and its last day."""
    if marker.path is None:
        return None
    steps = " < ".join(each.code for each in marker.path.steps)
    until = f", deadline {found['deadline']}" if found["deadline"] else ""
    return f"declared path of {marker.code}: {steps}{until}"


def _way_out(marker: Marker, found: Mapping[str, Any]) -> str:
    if marker.path is not None and found["place"] in (PAST, ENDED):
        return "record the screening failure"
    steps = marker.path.steps if marker.path else ()
    step = next((each for each in steps if each.code == found["step"]), None)
    assays = step.assays if step else [each.code for each in marker.assays]
    to_do = _TO_DO.get(found["place"], f"record an interpretable result of {' or '.join(assays)}")
    return to_do if found["due"] is None else f"{to_do}, by {found['due']}"
