"""Decisions about samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from equipoise.biomarker.assay import check_result
from equipoise.biomarker.events import (
    AssayResultInvalidated,
    AssayResultRecorded,
    SampleReceived,
)
from equipoise.conduct.context import Context
from equipoise.errors import BadInput
from equipoise.record.event import Body, EventBody


def sample_received(context: Context, body: SampleReceived) -> EventBody:
    """Only a sample that was collected from this subject is received."""
    check_known(context, body, "sample", "SampleCollected")
    return body


def assay_result_recorded(context: Context, body: AssayResultRecorded) -> EventBody:
    """A result on a known sample, with the measurements that the assay of the study declares."""
    check_known(context, body, "sample", "SampleCollected")
    check_result(context.study.biomarker, body)
    return body


def assay_result_invalidated(context: Context, body: AssayResultInvalidated) -> EventBody:
    """Only a recorded result is invalidated."""
    check_known(context, body, "result", "AssayResultRecorded")
    return body


def check_known(context: Context, body: Body, field: str, event_type: str) -> None:
    """BadInput unless an earlier event of the subject gave this permanent name."""
    value = getattr(body, field)
    known = [str(each[field]) for each in context.bodies(event_type)]
    if value not in known:
        raise BadInput(
            f"one of the subject's: {', '.join(known) or 'none recorded yet'}",
            where=context.action.name,
            field=field,
            found=value,
        )


DECISIONS: Mapping[str, Callable[[Context, Any], EventBody]] = {
    "SampleReceived": sample_received,
    "AssayResultRecorded": assay_result_recorded,
    "AssayResultInvalidated": assay_result_invalidated,
}
