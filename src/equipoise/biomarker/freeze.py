"""What is signed before the re-determined status and the central grades are frozen."""

from __future__ import annotations

from equipoise.biomarker.events import RedeterminationFrozen
from equipoise.biomarker.plan import BiomarkerPlan
from equipoise.record.canonical import canonical, sha256_hex


def freeze_sha256(plan: BiomarkerPlan, body: RedeterminationFrozen) -> str:
    """The hash of what a statistician signs: the marker, the whole plan of it, the position.

    It changes with every cut-off, assay, limit of a grade and version of the rule, and with the
    position in the record up to which determinations and reviews count. A study version with
    another plan is not adopted after the freeze.
    """
    signed = {"as_of": body.as_of, "biomarker": plan.model_dump(mode="json")}
    return sha256_hex(canonical(signed))
