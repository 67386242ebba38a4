"""Two small studies built in Python: two strata by two arms, and three by three."""

from __future__ import annotations

from typing import Any

from equipoise.study.definition import Study

TWO_BY_TWO = ({"LOW": "Low", "HIGH": "High"}, {"A": "Arm A", "B": "Arm B"})
THREE_BY_THREE = (
    {"LOW": "Low", "MIDDLE": "Middle", "HIGH": "High"},
    {"A": "Arm A", "B": "Arm B", "C": "Arm C"},
)
SITE = {
    "code": "S01", "name": "Hospital", "city": "Town", "country": "France",
    "time_zone": "Europe/Paris",
}  # fmt: skip


def label(text: str) -> dict[str, str]:
    return {"en": text}


def study(
    design: tuple[dict[str, str], dict[str, str]], analyses: tuple[dict[str, Any], ...] = ()
) -> Study:
    """A whole study with the given statuses and arms; its default analyses when none are given."""
    statuses, arms = design
    return Study.model_validate(
        {
            "id": "hand-made",
            "version": "1.0",
            "title": label("A hand-made study of arms and markers"),
            "registration": registration(list(statuses), list(arms)),
            "sites": (SITE,),
            "eligibility": {"criteria": ()},
            "biomarker": {"marker": marker(statuses), "disclosed_to_sites": True},
            "randomisation": randomisation(statuses, arms),
            "treatment": treatment(list(arms)),
            "response": RESPONSE,
            "safety": {
                "grading": "ctcae_5",
                "days_after_last_dose": 30,
                "clocks": {
                    "site_to_sponsor_hours": 24,
                    "fatal_days": 7,
                    "fatal_follow_up_days": 8,
                    "other_days": 15,
                },
            },
            "visits": {"consents": (), "forms": FORMS, "visits": ()},
            "oversight": {},
            "analysis": plan(list(statuses), list(arms), analyses),
        }
    )


def randomisation(statuses: dict[str, str], arms: dict[str, str]) -> dict[str, Any]:
    return {
        "arms": tuple(
            {
                "code": code,
                "label": label(text),
                "description": label(text),
                "regimens": (f"R{code}",),
            }
            for code, text in arms.items()
        ),
        "scheme": {
            "code": "main",
            "version": "1",
            "method": "simple",
            "ratios": tuple({"status": s, "ratio": dict.fromkeys(arms, 1)} for s in statuses),
        },
    }


RESPONSE = {
    "criteria": "recist_1_1",
    "evaluators": (
        {
            "code": "CENTRAL",
            "label": label("Central reader"),
            "blinded_to_marker": True,
        },
    ),
    "primary_evaluator": "CENTRAL",
    "baseline_days_before_first_dose": 35,
    "stable_disease_minimum_days": 42,
    "windows": (
        {
            "code": "month_3",
            "label": label("3 months"),
            "target_day": 91,
            "first_day": 70,
            "last_day": 112,
        },
    ),
}

FORMS = (
    {
        "code": "demography",
        "label": label("Demography"),
        "items": (
            {"code": "age", "label": label("Age"), "type": "integer", "unit": "years"},
            {
                "code": "sex",
                "label": label("Sex"),
                "type": "code",
                "codes": (
                    {"code": "F", "label": label("Female")},
                    {"code": "M", "label": label("Male")},
                ),
            },
        ),
    },
    {
        "code": "tumour",
        "label": label("Tumour"),
        "items": (
            {
                "code": "primary_site",
                "label": label("Primary site"),
                "type": "code",
                "codes": (
                    {"code": "PANCREAS", "label": label("Pancreas")},
                    {"code": "THORAX", "label": label("Thorax")},
                    {"code": "UNKNOWN", "label": label("Unknown primary")},
                ),
            },
            {
                "code": "ki67",
                "label": label("Ki-67 index"),
                "type": "decimal",
                "unit": "%",
                "places": 1,
            },
            {"code": "note", "label": label("Note"), "type": "text"},
        ),
    },
    {
        "code": "vital_signs",
        "label": label("Vital signs"),
        "repeating": True,
        "items": ({"code": "pulse", "label": label("Pulse"), "type": "integer", "unit": "1/min"},),
    },
)


def marker(statuses: dict[str, str]) -> dict[str, Any]:
    assays = tuple(
        {
            "code": code,
            "label": label(text),
            "summary": "single",
            "unit": "%",
            "measurements": ({"code": "score", "unit": "%", "minimum": "0", "maximum": "100"},),
        }
        for code, text in (("first_assay", "First assay"), ("second_assay", "Second assay"))
    )
    codes = list(statuses)
    limits = [str(100 * place // len(codes)) for place in range(1, len(codes))]
    intervals = tuple(
        {"status": code}
        | ({"at_least": limits[place - 1]} if place else {})
        | ({"below": limits[place]} if place < len(limits) else {})
        for place, code in enumerate(codes)
    )
    steps = tuple({"assay": each["code"], "intervals": intervals} for each in assays)
    return {
        "code": "MARKER",
        "label": label("Marker"),
        "statuses": tuple({"code": code, "label": label(text)} for code, text in statuses.items()),
        "assays": assays,
        "rules": (
            {"version": "rule-2", "label": label("Second version"), "steps": steps},
            {"version": "rule-1", "label": label("First version"), "steps": steps[:1]},
        ),
        "rule_in_force": "rule-2",
    }


def treatment(arms: list[str]) -> dict[str, Any]:
    return {
        "regimens": tuple(
            {
                "code": f"R{arm}",
                "label": label(f"Regimen {arm}"),
                "cycle_days": 28,
                "doses": (
                    {
                        "drug": f"drug_{arm}",
                        "label": label(f"Drug {arm}"),
                        "amount": "100",
                        "unit": "mg/m2",
                        "days": (1,),
                        "route": "oral",
                    },
                ),
            }
            for arm in arms
        ),
        "body_surface_area": {"formula": "mosteller"},
    }


def registration(statuses: list[str], arms: list[str]) -> dict[str, Any]:
    return {
        "identifiers": {"sponsor": "HM-1", "registry": "NCT00000000"},
        "brief_title": "Hand-made",
        "official_title": "A hand-made study of arms and markers",
        "acronym": "HAND-MADE",
        "status": "RECRUITING",
        "sponsors": (
            {"name": "Nobody", "kind": "OTHER", "role": "lead", "responsible_party": "Sponsor"},
        ),
        "dates": {},
        "enrolment": {},
        "conditions": ("Tumour",),
        "brief_summary": "Nothing that exists.",
        "design": {
            "study_type": "INTERVENTIONAL",
            "phase": "2",
            "allocation": "RANDOMIZED",
            "intervention_model": "PARALLEL",
            "primary_purpose": "TREATMENT",
            "masking": "NONE",
        },
        "groups": tuple(
            {
                "label": f"{s} {a}",
                "kind": "EXPERIMENTAL",
                "description": f"{s} {a}",
                "status": s,
                "arm": a,
                "interventions": (f"Drug {a}",),
            }
            for s in statuses
            for a in arms
        ),
        "interventions": tuple(
            {"name": f"Drug {a}", "kind": "DRUG", "description": f"Drug {a}", "arm": a}
            for a in arms
        ),
        "ages": {"sexes": "ALL", "healthy_volunteers": False},
        "criteria": (),
        "countries": ("France",),
        "references": (),
    }


def analysis(**changes: Any) -> dict[str, Any]:
    """An analysis of 3-month response, low v high within arm A, with some fields changed."""
    return {
        "id": "primary",
        "label": label("Response at 3 months under arm A, low v high"),
        "role": "primary",
        "estimand": "response",
        "groups": (
            {"label": "Low, arm A", "arms": ("A",), "statuses": ("LOW",)},
            {"label": "High, arm A", "arms": ("A",), "statuses": ("HIGH",)},
        ),
        "method": "fisher",
        "side": "two_sided",
        "estimate": "risk_difference",
        "interval": "miettinen_nurminen",
    } | changes


END_POINTS = (
    {
        "code": "response_3m",
        "label": label("Response at 3 months"),
        "kind": "binary",
        "read": "response_window",
        "window": "month_3",
        "denominator": "evaluable",
    },
    {
        "code": "best_response",
        "label": label("Best overall response"),
        "kind": "binary",
        "read": "best_overall_response",
        "denominator": "all",
    },
    {
        "code": "pfs",
        "label": label("Progression-free survival"),
        "kind": "time_to_event",
        "start": "randomisation",
        "events": ("progression", "death"),
        "censor_at": "last_adequate_assessment",
        "partial_dates": {"death": {"method": "earliest"}},
    },
    {
        "code": "os",
        "label": label("Overall survival"),
        "kind": "time_to_event",
        "start": "first_dose",
        "events": ("death",),
        "censor_at": "last_known_alive",
        "partial_dates": {"death": {"method": "earliest"}},
    },
)


def plan(
    statuses: list[str], arms: list[str], analyses: tuple[dict[str, Any], ...]
) -> dict[str, Any]:
    estimand = {
        "label": label("Response at 3 months, by status as randomised"),
        "population": "treated",
        "status_basis": "as_randomised",
        "status_rule": "rule-2",
        "intercurrent_events": (
            {
                "event": "death",
                "strategy": "composite",
                "handling": "Death before the scan is non-response.",
            },
        ),
        "summary_measure": "Difference in proportions of responders",
    }
    return {
        "populations": (
            {"code": "randomised", "label": label("All randomised"), "expression": "randomised"},
            {
                "code": "treated",
                "label": label("Treated, status known"),
                "expression": "treated AND status_known_as_randomised",
            },
        ),
        "end_points": END_POINTS,
        "estimands": (
            {"code": "response", "end_point": "response_3m"} | estimand,
            {"code": "best", "end_point": "best_response"}
            | estimand
            | {"status_basis": "as_redetermined", "population": "randomised"},
            {"code": "progression_free", "end_point": "pfs"}
            | estimand
            | {"label": label("Time free of progression"), "summary_measure": "Median"},
            {"code": "survival", "end_point": "os"}
            | estimand
            | {"label": label("Survival"), "population": "randomised", "summary_measure": "Median"},
        ),
        "analyses": analyses or default_analyses(statuses, arms),
    }


def default_analyses(statuses: list[str], arms: list[str]) -> tuple[dict[str, Any], ...]:
    by_arm = tuple({"label": f"Arm {arm}", "arms": (arm,)} for arm in arms)
    no_test = {"side": "none", "method": "proportion", "estimate": "proportion"}
    within = [
        analysis(
            id=f"best-{status}",
            label=label(f"Best overall response, {status}: arm A v arm B"),
            role="secondary",
            estimand="best",
            groups=tuple(
                {"label": f"{status}, arm {arm}", "arms": (arm,), "statuses": (status,)}
                for arm in arms[:2]
            ),
            estimate="odds_ratio",
            interval="conditional_exact",
        )
        for status in statuses
    ]
    return (
        analysis(),
        analysis(id="primary-or", role="secondary", estimate="odds_ratio", interval="woolf"),
        *within,
        analysis(
            id="rates", role="secondary", interval="clopper_pearson", groups=by_arm, **no_test
        ),
        analysis(
            id="pfs-curves",
            label=label("Progression-free survival by arm"),
            role="secondary",
            estimand="progression_free",
            groups=by_arm,
            method="kaplan_meier",
            side="none",
            estimate="median",
            interval="brookmeyer_crowley",
        ),
        analysis(
            id="pfs-test",
            label=label("Progression-free survival, all arms"),
            role="secondary",
            estimand="progression_free",
            groups=by_arm,
            method="log_rank",
            estimate="none",
            interval="none",
        ),
    )
