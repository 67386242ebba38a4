"""LUNG-TMB with a reading at the hospital beside the blinded ones; subjects who were scanned."""

from __future__ import annotations

from typing import Any

from equipoise.study.definition import Study
from equipoise.study.load import load_study
from tests.harness.trial import STUDY, Trial

HOSPITAL = {
    "code": "hospital", "label": {"en": "Hospital", "fr": "Hôpital"}, "blinded_to_marker": False,
}  # fmt: skip
LESIONS = (
    ("T1", "liver", False, "40"), ("T2", "liver", False, "25"), ("T3", "lung", False, "18"),
    ("T4", "lung", False, "12"), ("T5", "axilla", True, "20"),
)  # fmt: skip


def hospital_study(blinded: int = 2) -> Study:
    """The study, with the first `blinded` of its blinded evaluators."""
    plain = load_study(STUDY).model_dump(mode="json", exclude_none=True)
    plain["response"]["evaluators"] = [*plain["response"]["evaluators"][:blinded], HOSPITAL]
    return Study.model_validate(plain)


def read(
    trial: Trial, subject: str, sizes: dict[str, str], *, day: str, evaluator: str = "hospital",
    role: str = "investigator", name: str = "A0", baseline: bool = False, **items: Any,
) -> None:  # fmt: skip
    """An assessment with these sizes."""
    body = {
        "assessment": name, "evaluator": evaluator, "baseline": baseline, "modality": "ct",
        "visit": "first_scan" if baseline else "scans",
        "targets": [{"lesion": e, "state": "measured", "diameter": s} for e, s in sizes.items()],
        **items,
    }  # fmt: skip
    trial.act("TumourAssessed", body, role, subject=subject, occurred=day)


def at_baseline(
    trial: Trial, subject: str, *, day: str, evaluator: str = "hospital",
    role: str = "investigator",
) -> None:  # fmt: skip
    """Five targets, one of them a node, and a non-target, identified and measured."""
    for lesion, organ, node, _ in LESIONS:
        body = {"lesion": lesion, "evaluator": evaluator, "role": "target", "organ": organ,
                "node": node}  # fmt: skip
        trial.act("LesionIdentified", body, role, subject=subject, occurred=day)
    body = {"lesion": "N1", "evaluator": evaluator, "role": "non_target", "organ": "bone",
            "node": False, "kind": "bone"}  # fmt: skip
    trial.act("LesionIdentified", body, role, subject=subject, occurred=day)
    read(
        trial, subject, {lesion: size for lesion, _, _, size in LESIONS}, day=day,
        evaluator=evaluator, role=role, baseline=True,
        non_targets=[{"lesion": "N1", "state": "present"}],
    )  # fmt: skip
