"""Why an adverse event is serious, and how soon it has to be reported.

Sources: ICH E2A (1994), section II.B (seriousness), III.B (what is fatal or life-threatening
within 7 days, a complete report within 8 more; all else within 15) and III.A.2 (both opinions on
the cause); Regulation (EU) 536/2014, articles 41(2) (site to sponsor) and 42(2) (7 and 15 days, and
7 days from when a reaction turns out to be fatal or life-threatening). The numbers are the study
file's. From general knowledge; the texts themselves were not at hand.
"""

from __future__ import annotations

from collections.abc import Mapping

from equipoise.errors import BadInput

CRITERIA: Mapping[str, str] = {
    "death": "results in death",
    "life_threatening": "is life-threatening: at risk of death at the time of the event",
    "hospitalisation": "requires hospitalisation or prolongs it",
    "disability": "results in persistent or significant disability or incapacity",
    "congenital_anomaly": "is a congenital anomaly or birth defect",
    "medically_important": "is medically important by medical and scientific judgement",
}
"""The criteria of seriousness (ICH E2A II.B)."""

SEVERITY: Mapping[str, int] = {"serious": 0, "life_threatening": 1, "fatal": 2}
"""Ranks of severity: the first is what every serious event has."""


def check_criteria(criteria: tuple[str, ...], grade: int, where: str) -> None:
    """BadInput unless the criteria are known ones, each once, and say that a death is one."""
    for each in criteria:
        if each not in CRITERIA:
            raise BadInput(f"of {', '.join(CRITERIA)}", where=where, field="criteria", found=each)
    if not criteria or len(set(criteria)) != len(criteria):
        found = ", ".join(criteria) or "none"
        raise BadInput(
            "at least one criterion, each once", where=where, field="criteria", found=found
        )
    if (grade == 5) != ("death" in criteria):
        allowed = "death if and only if the event has grade 5"
        raise BadInput(allowed, where=where, field="criteria", found=f"grade {grade}")
