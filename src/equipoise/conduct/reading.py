"""Decisions about lesions and the readings of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from equipoise.conduct.context import Context
from equipoise.errors import BadInput
from equipoise.record.event import EventBody
from equipoise.response.criteria import criteria
from equipoise.response.events import (
    FragmentMeasured,
    LesionIdentified,
    TargetMeasured,
    TumourAssessed,
)
from equipoise.response.selection import FAULTS

_OTHERWISE = {
    "not_malignant": "leave it out: a simple cyst is no disease",
    "kind_not_measurable": "identify it as non-target",
    "treated_not_progressed": "identify it as non-target, or say that it has progressed since",
    "too_many_targets": "identify it as non-target",
    "too_many_in_organ": "identify it as non-target",
}
"""The way out of each fault of a choice."""


def lesion_identified(context: Context, body: LesionIdentified) -> EventBody:
    """A lesion of an evaluator of the study, in a role that the standard allows it."""
    _check_evaluator(context, body.evaluator)
    plan = context.study.response
    chosen = context.derived_with("lesion_choice", body)
    found = chosen.row(int(np.argmax(chosen["event"].to_numpy())), named=True)
    if fault := found["fault"]:
        limits = criteria(plan).limits
        allowed = {
            "too_many_targets": limits.target_lesions,
            "too_many_in_organ": limits.target_lesions_per_organ,
        }.get(fault)
        raise context.refuse(
            f"lesion {body.lesion} of {body.evaluator} cannot be {body.role.replace('_', '-')}: "
            + (allowed.wording if allowed else fault.replace("_", " ")),
            rule=criteria(plan).title,
            clause=f"section {FAULTS[fault][1]}",
            value=f"{found['organ']}, {body.kind.replace('_', ' ')}",
            way_out=_OTHERWISE[fault],
        )
    return body


def tumour_assessed(context: Context, body: TumourAssessed) -> EventBody:
    """A reading of lesions that this evaluator has identified, each once and in its role."""
    _check_evaluator(context, body.evaluator)
    roles = {
        each["lesion"]: each["role"]
        for each in context.bodies("LesionIdentified")
        if each["evaluator"] == body.evaluator
    }
    for field, role, rows in (
        ("targets", "target", body.targets),
        ("non_targets", "non_target", body.non_targets),
        ("new_lesions", "new", body.new_lesions),
    ):
        seen: set[str] = set()
        for row in rows:
            if roles.get(row.lesion) != role or row.lesion in seen:
                known = ", ".join(name for name, found in roles.items() if found == role)
                raise BadInput(
                    f"each {role.replace('_', '-')} lesion of {body.evaluator} once: "
                    f"{known or 'none identified yet'}",
                    where=f"TumourAssessed {body.assessment}",
                    field=field,
                    found=row.lesion,
                )
            seen.add(row.lesion)
    _check_sizes(body, (*body.targets, *body.fragments))
    _check_pieces(body)
    _check_merged(body)
    return body


def _check_sizes(body: TumourAssessed, rows: Iterable[TargetMeasured | FragmentMeasured]) -> None:
    """BadInput unless exactly what was measured has a size; one too small to measure may have."""
    for row in rows:
        wanted = row.state == "measured"
        if row.state != "too_small" and wanted != (row.diameter is not None):
            raise BadInput(
                "a diameter if the lesion was measured, and none if it was not",
                where=f"TumourAssessed {body.assessment}, lesion {row.lesion}",
                field="diameter",
                found=row.diameter,
            )


def _check_pieces(body: TumourAssessed) -> None:
    """BadInput unless each split target, and nothing else, has two pieces or more."""
    pieces = Counter(each.lesion for each in body.fragments)
    split = {each.lesion for each in body.targets if each.state == "split"}
    names = Counter(each.fragment for each in body.fragments)
    for lesion in sorted(split | set(pieces)):
        if lesion not in split or pieces[lesion] < 2:
            raise BadInput(
                "two pieces or more of each target that has split, of no other lesion",
                where=f"TumourAssessed {body.assessment}, lesion {lesion}",
                field="fragments",
                found=pieces[lesion],
            )
    for name, number in names.items():
        if number > 1:
            raise BadInput(
                "a name of its own for each piece",
                where=f"TumourAssessed {body.assessment}",
                field="fragment",
                found=name,
            )


def _check_merged(body: TumourAssessed) -> None:
    """BadInput unless each merged target, and no other, names one that stands for both."""
    standing = {each.lesion for each in body.targets if each.state != "merged"}
    for row in body.targets:
        if (row.merged_into in standing) if row.state == "merged" else row.merged_into is None:
            continue
        raise BadInput(
            "of a target that has merged the one whose diameter is that of both, of no other any",
            where=f"TumourAssessed {body.assessment}, lesion {row.lesion}",
            field="merged_into",
            found=row.merged_into,
        )


def _check_evaluator(context: Context, evaluator: str) -> None:
    """Refuse an evaluator whom the role does not read for: a reader who is blinded to the marker is
    no one at the hospital, and nobody at the hospital reads in their name."""
    known = {each.code: each for each in context.study.response.evaluators}
    if evaluator not in known:
        raise BadInput(
            f"one of {', '.join(known)}",
            where=context.action.name,
            field="evaluator",
            found=evaluator,
        )
    role = context.action.role
    theirs = [each.code for each in known.values() if each.blinded_to_marker == (role == "reader")]
    if evaluator not in theirs:
        raise context.refuse(
            f"is not read for {evaluator} by a person in the role {role}",
            rule="blinded reading",
            clause="who reads blinded to the marker is a central reader, and nobody else",
            value=evaluator,
            way_out=f"read as {' or '.join(theirs)}" if theirs else "leave it to the readers",
        )


DECISIONS: Mapping[str, Callable[[Context, Any], EventBody]] = {
    "LesionIdentified": lesion_identified,
    "TumourAssessed": tumour_assessed,
}
