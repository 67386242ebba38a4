"""Decisions about samples and runs of assays."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from typing import Any

from equipoise.biomarker.events import (
    AssayResultInvalidated,
    AssayResultRecorded,
    PathologyReviewed,
    SampleCollected,
    SampleDerived,
    SampleLabelled,
    SampleReceived,
    SampleShipped,
)
from equipoise.biomarker.recordable import check_result
from equipoise.biomarker.sample import LONGEST_CHAIN
from equipoise.conduct.context import Context
from equipoise.conduct.days import check_result_day
from equipoise.conduct.marker import check_run, check_step
from equipoise.errors import BadInput, Refused
from equipoise.record.event import Body, EventBody

SAMPLES = ("SampleCollected", "SampleDerived")
"""The events that bring a sample into being."""


def sample_labelled(context: Context, body: SampleLabelled) -> EventBody:
    """Only a sample of this subject is labelled."""
    check_known(context, body, "sample", *SAMPLES)
    return body


def sample_shipped(context: Context, body: SampleShipped) -> EventBody:
    """Only a sample of this subject is shipped, and not after it was received."""
    check_known(context, body, "sample", *SAMPLES)
    shipped, received = _on(context.day), _moved(context, body.sample, "received")
    if received is not None and received < shipped:
        raise _too_late(context, body.sample, shipped, received, shipped)
    return body


def sample_received(context: Context, body: SampleReceived) -> EventBody:
    """Only a sample of this subject is received, and not before it was shipped."""
    check_known(context, body, "sample", *SAMPLES)
    received, shipped = _on(context.day), _moved(context, body.sample, "shipped")
    if shipped is not None and received < shipped:
        raise _too_late(context, body.sample, shipped, received, received)
    return body


def sample_collected(context: Context, body: SampleCollected) -> EventBody:
    """A sample; where it is for a step of the declared path, that step is the open one."""
    check_step(context, body)
    return body


def sample_derived(context: Context, body: SampleDerived) -> EventBody:
    """A sample made of one other; where it is for a step of the declared path, of the open one."""
    check_step(context, body)
    return made_of_another(context, body)


def made_of_another(context: Context, body: SampleDerived) -> EventBody:
    """A sample made of one other of this subject, at the end of a chain that is not too long."""
    if (body.quantity is None) != (body.quantity_unit is None):
        raise BadInput(
            "a quantity with its unit, or neither", where=body.TYPE, field="quantity_unit"
        )
    check_known(context, body, "parent", *SAMPLES)
    made_of = dict(context.derived("sample_state").select("sample", "parent").iter_rows())
    chain: list[str] = [body.sample]
    above: str | None = body.parent
    while above is not None and body.sample not in chain[1:]:
        chain.append(above)
        above = made_of.get(above)
    if body.sample in chain[1:]:
        raise context.refuse(
            f"has no sample {body.sample} made of {body.parent}: {body.parent} was made of it",
            rule="chain of a sample",
            clause="a sample is made of one other, and never of itself",
            value=" < ".join(chain),
            way_out="name the sample that it was made of",
        )
    if len(chain) > LONGEST_CHAIN:
        raise context.refuse(
            f"gets no sample {body.sample}: its chain would have {len(chain)} samples",
            rule="chain of a sample",
            clause=f"at most {LONGEST_CHAIN} samples from the one collected to the last made of it",
            value=" < ".join(chain),
            way_out="name the sample that it was really made of, or collect a new one",
        )
    return body


def assay_result_recorded(context: Context, body: AssayResultRecorded) -> EventBody:
    """A result on a known sample, with what the assay of the study declares, of no further run than
    its determination may have."""
    check_known(context, body, "sample", *SAMPLES)
    check_result(context.study.biomarker, body)
    if context.action.name == AssayResultRecorded.TYPE:
        check_result_day(context, body.result, body.sample, context.day)
    _check_replicates(context, body)
    check_run(context, body)
    return body


def _check_replicates(context: Context, body: AssayResultRecorded) -> None:
    """Refuse one run more than the study allows to a determination; invalidated runs are free."""
    assay = next(each for each in context.study.biomarker.marker.assays if each.code == body.assay)
    if body.determination is None or assay.replicates is None:
        return
    runs = context.derived("assay_value").filter(
        sample=body.sample,
        assay=body.assay,
        purpose=body.purpose,
        determination=body.determination,
        invalidated=False,
    )
    names = [name for name in runs["result"].sort() if name != body.result]
    if len(names) >= assay.replicates.at_most:
        raise context.refuse(
            f"has {len(names)} runs of {body.assay} in the determination {body.determination} of "
            f"the sample {body.sample}: {', '.join(names)}",
            rule="replicates of a determination",
            clause=f"the study allows {body.assay} at most {assay.replicates.at_most}",
            value=body.result,
            way_out="invalidate the run that does not count, or begin another determination",
        )


def assay_result_invalidated(context: Context, body: AssayResultInvalidated) -> EventBody:
    """Only a recorded result is invalidated."""
    check_known(context, body, "result", "AssayResultRecorded")
    return body


def pathology_reviewed(context: Context, body: PathologyReviewed) -> EventBody:
    """A reading of a known sample, by a classification of the study, in the codes of its form."""
    plan = context.study.biomarker.pathology
    if plan is None:
        raise context.refuse(
            "has no central review: the study reads no grade",
            rule="central review",
            way_out="amend the study file, which would declare its classification",
        )
    check_known(context, body, "sample", *SAMPLES)
    codes = [
        code.code
        for form in context.study.visits.forms
        for item in form.items
        if item.code == plan.local.differentiation
        for code in item.codes
    ]
    for field, found, allowed in (
        ("classification", body.classification, [each.version for each in plan.classifications]),
        ("differentiation", body.differentiation, [*codes, None]),
    ):
        if found not in allowed:
            raise BadInput(
                f"one of {', '.join(filter(None, allowed))}",
                where=f"{body.TYPE} {body.review}",
                field=field,
                found=found,
            )
    return body


def check_known(context: Context, body: Body, field: str, *event_types: str) -> None:
    """BadInput unless an earlier event of the subject gave this permanent name; `parent` is the
    name of a sample."""
    value = getattr(body, field)
    item = "sample" if field == "parent" else field
    known = [str(each[item]) for each in context.bodies(*event_types)]
    if value not in known:
        raise BadInput(
            f"one of the subject's: {', '.join(known) or 'none recorded yet'}",
            where=context.action.name,
            field=field,
            found=value,
        )


def _on(day: str) -> datetime.date:
    return datetime.date.fromisoformat(day)


def _moved(context: Context, sample: str, what: str) -> datetime.date | None:
    """The day on which the sample was `shipped` or `received`, as it stands now."""
    found: datetime.date | None = context.derived("sample_state").filter(sample=sample)[what].item()
    return found


def _too_late(
    context: Context,
    sample: str,
    shipped: datetime.date,
    received: datetime.date,
    value: datetime.date,
) -> Refused:
    return context.refuse(
        f"has a sample {sample} shipped on {shipped} and received on {received}",
        rule="chain of custody",
        clause="a sample is received on or after the day on which it was shipped",
        value=value,
        way_out="give the right day, or correct the other one",
    )


DECISIONS: Mapping[str, Callable[[Context, Any], EventBody]] = {
    "SampleCollected": sample_collected,
    "SampleLabelled": sample_labelled,
    "SampleShipped": sample_shipped,
    "SampleReceived": sample_received,
    "SampleDerived": sample_derived,
    "AssayResultRecorded": assay_result_recorded,
    "AssayResultInvalidated": assay_result_invalidated,
    "PathologyReviewed": pathology_reviewed,
}
