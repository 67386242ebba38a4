"""LUNG-TMB in which those whose tumour cannot be read are randomised in a stratum of their own."""

from __future__ import annotations

from equipoise.randomisation.plan import StratumRatio
from equipoise.record.plan import Label
from equipoise.study.definition import Study

UNREAD = "UNREAD"


def with_stratum(study: Study) -> Study:
    """LUNG-TMB with a stratum of its own for those in whom nothing could be read."""
    marker, scheme = study.biomarker.marker, study.randomisation.scheme
    assert marker.path is not None
    unread = marker.statuses[0].model_copy(
        update={"code": "UNREAD", "label": Label(en="Not evaluable")}
    )
    path = marker.path.model_copy(update={"then": "stratum", "status": "UNREAD"})
    marker = marker.model_copy(update={"statuses": (*marker.statuses, unread), "path": path})
    ratio = StratumRatio(status="UNREAD", ratio=scheme.ratios[0].ratio, block_sizes=(4, 8))
    scheme = scheme.model_copy(update={"ratios": (*scheme.ratios, ratio)})
    return study.model_copy(
        update={
            "biomarker": study.biomarker.model_copy(update={"marker": marker}),
            "randomisation": study.randomisation.model_copy(update={"scheme": scheme}),
        }
    )


def without_another_biopsy(study: Study) -> Study:
    """The study whose declared path ends with the first sample."""
    marker = study.biomarker.marker
    assert marker.path is not None
    path = marker.path.model_copy(update={"steps": marker.path.steps[:1]})
    marker = marker.model_copy(update={"path": path})
    return study.model_copy(
        update={"biomarker": study.biomarker.model_copy(update={"marker": marker})}
    )
