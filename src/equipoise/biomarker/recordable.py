"""What may be recorded about a sample and about a run of an assay, by the plan of the study."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from equipoise.biomarker.assay import WEIGHTS, WHOLE
from equipoise.biomarker.events import AssayResultRecorded
from equipoise.biomarker.plan import Assay, BiomarkerPlan
from equipoise.errors import BadInput
from equipoise.record.event import decimal_text


def check_result(plan: BiomarkerPlan, body: AssayResultRecorded) -> None:
    """Raise BadInput, with every problem, when the study does not allow `body` to be recorded.

    The assay and its measurements must be declared by the plan, each measurement once and within
    its hard limits; a failed run says why; a run that did not fail has a value wherever it claims
    quality, an internal control where the assay needs one, and percentages that make 100. Values
    that cannot be interpreted are recorded all the same: they are findings, not mistakes.
    """
    assays = {assay.code: assay for assay in plan.marker.assays}
    where = f"assay result {body.result}"
    if body.assay not in assays:
        allowed = f"must be an assay of the study: {', '.join(assays)}"
        raise BadInput(allowed, where=where, field="assay", found=body.assay)
    problems = [
        BadInput(allowed, where=where, field=field, found=found)
        for field, found, allowed in _problems(assays[body.assay], body)
    ]
    if problems:
        raise BadInput.together(problems)


def _problems(assay: Assay, body: AssayResultRecorded) -> Iterator[tuple[str, object, str]]:
    """Triples of (field, what was found, what is allowed)."""
    declared = {each.code: each for each in assay.measurements}
    seen: set[str] = set()
    for each in body.measurements:
        field = f"measurements/{each.measurement}"
        limits = declared.get(each.measurement)
        if each.measurement in seen:
            yield field, each.measurement, "must be given once"
        seen.add(each.measurement)
        if limits is None:
            allowed = f"must be a measurement of {assay.code}: {', '.join(declared)}"
            yield field, each.measurement, allowed
        elif each.value is not None and not limits.minimum <= each.value <= limits.maximum:
            low, high = decimal_text(limits.minimum), decimal_text(limits.maximum)
            yield (
                field,
                decimal_text(each.value),
                f"must lie between {low} and {high} {limits.unit}",
            )
        if each.value is None and each.quality in ("passed", "check"):
            yield field, each.quality, "must be failed or not_given where there is no value"
    yield from _controls(assay, body)
    if body.determination is not None and assay.replicates is None:
        yield (
            "determination",
            body.determination,
            f"must be left out: {assay.code} has no replicates",
        )
    if not body.technically_valid:
        if body.failure is None:
            yield "failure", None, "must say why the run failed"
        return
    if body.failure is not None:
        yield "failure", body.failure, "must be left out of a run that is technically valid"
    if assay.internal_control_needed and body.internal_control == "not_applicable":
        yield "internal_control", body.internal_control, "must be positive or negative"
    if assay.summary == "h_score":
        yield from _percentages(body)


def _controls(assay: Assay, body: AssayResultRecorded) -> Iterator[tuple[str, object, str]]:
    declared = [each.code for each in assay.controls]
    seen: set[str] = set()
    for each in body.controls:
        field = f"controls/{each.control}"
        if each.control in seen:
            yield field, each.control, "must be given once"
        seen.add(each.control)
        if each.control not in declared:
            allowed = ", ".join(declared) or "it declares none"
            yield field, each.control, f"must be a control of {assay.code}: {allowed}"


def _percentages(body: AssayResultRecorded) -> Iterator[tuple[str, object, str]]:
    values = {each.measurement: each.value for each in body.measurements}
    given = [value for code in WEIGHTS if (value := values.get(code)) is not None]
    if len(given) < len(WEIGHTS):
        found = (
            ", ".join(sorted(code for code in WEIGHTS if values.get(code) is not None)) or "none"
        )
        yield "measurements", found, f"must be all of {', '.join(WEIGHTS)}"
    elif (whole := sum(given, Decimal(0))) != WHOLE:
        yield "measurements", decimal_text(whole), f"must sum to {WHOLE} %"
