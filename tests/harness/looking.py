"""The bundled studies with looks at one of their analyses before the end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from equipoise.study.analysis_plan import Analysis
from equipoise.study.definition import Study
from equipoise.study.interim_plan import Interims
from equipoise.study.load import load_study


def with_looks(name: str, analysis: str, interims: Mapping[str, Any], **changes: object) -> Study:
    """The study, one analysis of which has these looks, and other fields changed."""
    study, told = load_study(name), Interims.model_validate(interims)

    def looked_at(each: Analysis) -> Analysis:
        if each.id != analysis:
            return each
        return each.model_copy(update={"interims": told, **changes})

    analyses = tuple(map(looked_at, study.analysis.analyses))
    plan = study.analysis.model_copy(update={"analyses": analyses})
    return study.model_copy(update={"analysis": plan})
