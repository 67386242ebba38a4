"""The JSON Schema of study.yaml, so that an editor can complete and check while one writes."""

from __future__ import annotations

from typing import Any

from equipoise.study.definition import Study

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def study_schema() -> dict[str, Any]:
    """The schema of study.yaml: of the study without its sites, which stand in sites.csv.

    It knows fields, types and limits; what the parts must agree on is told by
    `equipoise study check`.

    >>> "sites" in study_schema()["properties"]
    False
    """
    schema = Study.model_json_schema(mode="validation")
    del schema["properties"]["sites"], schema["$defs"]["Site"]
    schema["required"].remove("sites")
    return {"$schema": DIALECT, **schema, "title": "Study file of Equipoise (study.yaml)"}
