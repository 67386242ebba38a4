"""The rules of this stage in order: what each reads and what it produces."""

from __future__ import annotations

import polars as pl

from equipoise.record.declaration import schema
from equipoise.record.rule import KEY, Columns, TableRule
from equipoise.response.best_response import BEST_OVERALL_RESPONSE, best_overall_response
from equipoise.response.discordance import READER_DISCORDANCE, reader_discordance
from equipoise.response.events import (
    FragmentMeasured,
    LesionIdentified,
    NewLesionObserved,
    NonTargetObserved,
    TargetMeasured,
    TumourAssessed,
)
from equipoise.response.finding import READING_FINDING, reading_finding
from equipoise.response.growth import TUMOUR_GROWTH, tumour_growth
from equipoise.response.progression import PROGRESSION, progression
from equipoise.response.selection import LESION_CHOICE, lesion_choice
from equipoise.response.target import TARGET_SUM, target_sum
from equipoise.response.time_point import TIME_POINT_RESPONSE, time_point_response
from equipoise.response.window import WINDOW_RESPONSE, window_response

_ASSESSED = {TumourAssessed.TABLE: schema(TumourAssessed)}
_LESIONS = {LesionIdentified.TABLE: schema(LesionIdentified)}
_TARGETS = {
    TargetMeasured.TABLE: schema(TargetMeasured),
    FragmentMeasured.TABLE: schema(FragmentMeasured),
}
_OTHERS = {
    NonTargetObserved.TABLE: schema(NonTargetObserved),
    NewLesionObserved.TABLE: schema(NewLesionObserved),
}
_DATED: Columns = {**KEY, "occurred": pl.Date, "seq": pl.Int64, "event": pl.Int64}
_RANDOMISED = {"randomised": _DATED}
_THERAPIES = {"subsequent_therapy_recorded": {**_DATED, "therapy": pl.String}}
_PROCEDURES = {
    "procedure_recorded": {
        **_DATED,
        "procedure": pl.String,
        "evaluator": pl.String,
        "lesion": pl.String,
    }
}
_DEATHS = {"death_recorded": {**_DATED, "occurred_partial": pl.String}}

RULES: tuple[TableRule, ...] = (
    TableRule(
        produces="lesion_choice",
        columns=LESION_CHOICE,
        requires=_LESIONS,
        plan="response",
        rule=lesion_choice,
    ),
    TableRule(
        produces="reading_finding",
        columns=READING_FINDING,
        requires={
            **_ASSESSED,
            **_LESIONS,
            **_TARGETS,
            **_OTHERS,
            "cycle_started": {**KEY, "occurred": pl.Date},
            "lesion_choice": LESION_CHOICE,
        },
        plan="response",
        rule=reading_finding,
    ),
    TableRule(
        produces="target_sum",
        columns=TARGET_SUM,
        requires={**_ASSESSED, **_LESIONS, **_TARGETS, **_PROCEDURES},
        plan="response",
        rule=target_sum,
    ),
    TableRule(
        produces="time_point_response",
        columns=TIME_POINT_RESPONSE,
        requires={
            **_ASSESSED,
            **_LESIONS,
            **_TARGETS,
            **_OTHERS,
            **_PROCEDURES,
            "target_sum": TARGET_SUM,
        },
        plan="response",
        rule=time_point_response,
    ),
    TableRule(
        produces="progression",
        columns=PROGRESSION,
        requires={**_ASSESSED, **_OTHERS, "time_point_response": TIME_POINT_RESPONSE},
        plan="response",
        rule=progression,
    ),
    TableRule(
        produces="best_overall_response",
        columns=BEST_OVERALL_RESPONSE,
        requires={
            **_ASSESSED,
            **_RANDOMISED,
            **_THERAPIES,
            "time_point_response": TIME_POINT_RESPONSE,
            "progression": PROGRESSION,
        },
        plan="response",
        rule=best_overall_response,
    ),
    TableRule(
        produces="window_response",
        columns=WINDOW_RESPONSE,
        requires={
            **_RANDOMISED,
            **_DEATHS,
            "time_point_response": TIME_POINT_RESPONSE,
            "progression": PROGRESSION,
        },
        plan="response",
        rule=window_response,
    ),
    TableRule(
        produces="tumour_growth",
        columns=TUMOUR_GROWTH,
        requires={"target_sum": TARGET_SUM},
        plan="response",
        rule=tumour_growth,
    ),
    TableRule(
        produces="reader_discordance",
        columns=READER_DISCORDANCE,
        requires={
            "time_point_response": TIME_POINT_RESPONSE,
            "best_overall_response": BEST_OVERALL_RESPONSE,
            "progression": PROGRESSION,
            "window_response": WINDOW_RESPONSE,
        },
        plan="response",
        rule=reader_discordance,
    ),
)
